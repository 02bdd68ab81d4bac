//! The reader held to the labelled replies (written ones only), to fresh ones written after its
//! tables, and to the rules of triage, menus and refusals.

use super::*;

const OWN: &str = include_str!("../../../tests/fixtures/replies_own.tsv");
const FRESH: &str = include_str!("../../../tests/fixtures/replies_fresh.tsv");

/// Never tuned on: who improves the tables leaves this one alone, or writes a new one.
const HELD_OUT: &str = include_str!("../../../tests/fixtures/replies_held_out.tsv");

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

struct Score {
    right: usize,
    all: usize,
    help_found: usize,
    help_there: usize,
    help_said: usize,
}

impl Score {
    fn accuracy(&self) -> f64 {
        self.right as f64 / self.all as f64
    }
    fn recall(&self) -> f64 {
        self.help_found as f64 / self.help_there as f64
    }
    fn precision(&self) -> f64 {
        self.help_found as f64 / self.help_said as f64
    }
}

/// Reads all rows and prints each miss; `menu_column` is where the menu stands, if it does.
fn score(name: &str, file: &str, menu_column: Option<usize>) -> Score {
    let mut s = Score { right: 0, all: 0, help_found: 0, help_there: 0, help_said: 0 };
    for row in file.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (text, label) = (unescape(columns[0]), Label::from_word(columns[1]).unwrap());
        let menu = Menu::parse(menu_column.map_or("", |at| columns[at]));
        let found = read(&text, menu);
        s.all += 1;
        s.right += usize::from(found.label == label);
        s.help_there += usize::from(label == Label::NeedHelp);
        s.help_said += usize::from(found.label == Label::NeedHelp);
        s.help_found += usize::from(label == Label::NeedHelp && found.label == label);
        if found.label != label {
            println!("{name}: {text:?} is {}, read as {found:?}", label.word());
        }
    }
    println!(
        "{name}: {} of {} right ({:.3}), help recall {:.3}, precision {:.3}",
        s.right,
        s.all,
        s.accuracy(),
        s.recall(),
        s.precision()
    );
    s
}

#[test]
fn labelled_replies_are_read() {
    let s = score("own", OWN, None);
    assert!(s.all >= 470, "the fixture has lost rows: {}", s.all);
    assert!(s.recall() >= 0.97 && s.precision() >= 0.9 && s.accuracy() >= 0.93);
}

/// Written list by list, each measured before it was tuned on. Right at first sight: 69 of 70
/// (known while the tables were written), 59 of 93, 54 of 86, 47 of 63, 29 of 42 (written to
/// provoke; two of its labels were corrected afterwards, 走了两个… and 没人需要帮忙).
/// [`HELD_OUT`] gives the rate to believe.
#[test]
fn fresh_replies_are_read() {
    let s = score("fresh", FRESH, Some(2));
    assert!(s.all >= 300);
    assert!(s.recall() >= 0.97 && s.precision() >= 0.95 && s.accuracy() >= 0.95);
}

#[test]
fn held_out_replies_show_the_true_rate() {
    let s = score("held out", HELD_OUT, Some(2));
    assert!(s.all == 40 && s.accuracy() >= 0.8 && s.recall() >= 0.8);
}

#[test]
fn no_plea_is_taken_for_an_answer() {
    for (file, menu_column) in [(OWN, None), (FRESH, Some(2)), (HELD_OUT, Some(2))] {
        for row in file.lines().skip(1) {
            let columns: Vec<&str> = row.split('\t').collect();
            if columns[1] != "need_help" {
                continue;
            }
            let menu = Menu::parse(menu_column.map_or("", |at| columns[at]));
            let found = read(&unescape(columns[0]), menu).label;
            assert!(matches!(found, Label::NeedHelp | Label::Unclear), "{row}: {found:?}");
        }
    }
}

#[test]
fn help_is_triaged() {
    use Triage::{A, B, C};
    for (text, triage) in [
        ("水进屋了", A),
        ("被困", A),
        ("氧气机没电", A),
        ("老婆要生了", A),
        ("外面漏电", A),
        ("闻到煤气味", A),
        ("透析病人，明天要去医院", A),
        ("老人走不动，水到胸口了", A),
        ("老人走不动", B),
        ("我爸坐轮椅", B),
        ("我妈瘫痪，要人背", B),
        ("需要帮助", B),
        ("没水喝", C),
        ("奶奶药没了", C),
        ("断粮了", C),
    ] {
        let found = read(text, Menu::none());
        assert_eq!((found.label, found.triage), (Label::NeedHelp, Some(triage)), "{text}");
    }
    assert_eq!(read("2", Menu::parse("123")).triage, Some(B));
    assert_eq!(read("收到", Menu::none()).triage, None);
}

#[test]
fn digits_mean_what_the_menu_offered() {
    let menu = Menu::parse("123");
    for (text, label, digit) in [
        ("1", Label::Ack, Some(1)),
        ("１", Label::Ack, Some(1)),
        ("②", Label::NeedHelp, Some(2)),
        ("3️⃣", Label::Evacuated, Some(3)),
        ("叁", Label::Evacuated, Some(3)),
        ("4", Label::Unclear, Some(4)),
        ("9", Label::Unclear, Some(9)),
        ("0", Label::Unclear, Some(0)),
        ("1？", Label::Unclear, Some(1)),
        ("2？", Label::NeedHelp, Some(2)),
        ("3 要人帮", Label::NeedHelp, Some(3)),
        ("1 已转移", Label::Evacuated, Some(1)),
        ("3，我不走", Label::Unclear, Some(3)),
        ("12", Label::Unclear, None),
        ("302", Label::Unclear, None),
        ("3楼", Label::Unclear, None),
    ] {
        let found = read(text, menu);
        assert_eq!((found.label, found.digit), (label, digit), "{text}");
    }
    for text in ["2", "3", "4", "9", "0"] {
        let found = read(text, Menu::none());
        assert_eq!(found.label, Label::Unclear, "{text}");
        assert!(found.digit.is_some());
    }
    assert_eq!(read("4", Menu::parse("1234")).label, Label::Safe);
    assert!(!menu.offers(4) && menu.offers(2) && Menu::none().offers(1));
}

#[test]
fn our_own_message_sent_back_pleads_for_nothing() {
    let ours = "【余姚市防指】转移指令：3点前请离家到四明小学。收到回1，要人帮回2，全家已离开回3。\
                危急拨119";
    let menu = Menu::parse("123");
    assert_eq!(read(ours, menu).label, Label::Unclear);
    assert_eq!(read(&format!("{ours}\n收到"), menu).label, Label::Ack);
    assert_eq!(read(&format!("{ours}\n3"), menu).label, Label::Evacuated);
    assert_eq!(read(&format!("救命 {ours}"), menu).label, Label::NeedHelp);
}

#[test]
fn refusals_are_flagged_and_close_nothing() {
    for text in ["不走", "我不走", "死也不走", "收到，但我不走", "平安，我不去", "走什么走"]
    {
        let found = read(text, Menu::none());
        assert!(found.refusal && found.label == Label::Unclear, "{text}: {found:?}");
    }
    let found = read("老人不肯走", Menu::none());
    assert!(found.refusal && found.label == Label::NeedHelp);
    for text in ["出不去了", "走不动", "收到", "走不走"] {
        assert!(!read(text, Menu::none()).refusal, "{text}");
    }
}

#[test]
fn negated_help_is_no_help() {
    for text in
        ["不需要帮助", "没事", "没有被困", "没有人受伤", "不用派人来", "没进水", "水没进来，都好"]
    {
        assert_eq!(read(text, Menu::none()).label, Label::Safe, "{text}");
    }
}

#[test]
fn leaders_letters_and_persons_are_reported() {
    let found = read("A1", Menu::parse("10"));
    assert_eq!((found.letter, found.digit, found.label), (Some('A'), Some(1), Label::Ack));
    let found = read("ｂ0", Menu::parse("10"));
    assert_eq!((found.letter, found.digit, found.label), (Some('B'), Some(0), Label::Unclear));
    let found = read("四口人已转移，在梁弄", Menu::none());
    assert_eq!((found.persons, found.label), (Some(4), Label::Evacuated));
}

#[test]
fn plea_at_the_end_of_a_long_text_is_found() {
    let text = format!("{}，水进屋了", "天气真好".repeat(400));
    assert_eq!(read(&text, Menu::none()).label, Label::NeedHelp);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", menu in "[0-9]{0,4}") {
        let found = read(&text, Menu::parse(&menu));
        proptest::prop_assert_eq!(found.triage.is_some(), found.label == Label::NeedHelp);
        proptest::prop_assert!(found.confidence <= 100);
    }

    #[test]
    fn no_mixture_of_our_own_signs_panics(
        text in "[0-9一二两十回按水老人走不没【】「」>?？。，\\n\\x00\u{fe0f}\u{20e3}a1 ]{0,60}",
    ) {
        let _ = read(&text, Menu::parse("1234"));
    }
}
