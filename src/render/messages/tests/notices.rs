//! The notices and their exact texts; what is refused in them.

use super::{ONE_PART, TWO_PARTS, assert_lines, messages};
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::wording::FULL_NAME_UNITS;
use crate::render::mend::{Said, relative_name};
use crate::render::messages::MAX_TEXT_UNITS;
use crate::render::notice::{
    HelpClass, HomeAt, MAX_TITLE_UNITS, NoticeHead, NoticeText, OpenDoors, PersonAt, PlaceDoors,
    WhyWithdrawn,
};
use crate::render::time::tests::ms;

const PLACE: &str = "南雷社区第17网格";
const TITLE: &str = "转移指令";
const TOKEN: Option<&str> = Some("7KQ2M9XW4D3PA");
const PLACES: [PlaceDoors<'static>; 4] = [
    PlaceDoors { place: "第17网格", doors: 28 },
    PlaceDoors { place: "第18网格", doors: 20 },
    PlaceDoors { place: "第19网格", doors: 11 },
    PlaceDoors { place: "第20网格", doors: 5 },
];
const PARTS: [PlaceDoors<'static>; 4] = [
    PlaceDoors { place: "3幢", doors: 6 },
    PlaceDoors { place: "4幢", doors: 8 },
    PlaceDoors { place: "5幢", doors: 8 },
    PlaceDoors { place: "6幢", doors: 8 },
];
const PEOPLE: [PersonAt<'static>; 7] = {
    let mut people = [PersonAt { name: "张强", place: "第17网格" }; 7];
    people[1] = PersonAt { name: "李芳", place: "南雷社区" };
    people
};

fn head() -> NoticeHead<'static> {
    NoticeHead {
        signature: "余姚市防指",
        kind: AlertKind::Live,
        list_url: "",
        now_ms: ms("2026-07-25 01:40"),
    }
}

fn act_by() -> Option<i64> {
    Some(ms("2026-07-25 03:00"))
}

fn passed() -> Option<i64> {
    Some(ms("2026-07-25 01:00"))
}

fn offer(fragile: u32, act_by_ms: Option<i64>, token: Option<&'static str>) -> NoticeText<'static> {
    let doors = OpenDoors { doors: 28, fragile, silent: 28, ..OpenDoors::default() };
    NoticeText::Offer { place: PLACE, doors, act_by_ms, token, held: None }
}

fn merged(places: &'static [PlaceDoors<'static>], fragile: u32) -> NoticeText<'static> {
    let doors = places.iter().map(|one| one.doors).sum();
    let (act_by_ms, token) = if fragile > 0 { (act_by(), TOKEN) } else { (None, None) };
    let doors = OpenDoors { doors, fragile, silent: doors, ..OpenDoors::default() };
    NoticeText::OfferMerged { places, doors, act_by_ms, token, added: None, held: None }
}

/// Of three places one is new to him; `held`: he holds other doors.
fn joined(added: Option<&'static str>, held: Option<u32>) -> NoticeText<'static> {
    let doors = OpenDoors { doors: 59, fragile: 0, silent: 59, ..OpenDoors::default() };
    let (places, act_by_ms) = (&PLACES[..3], act_by());
    NoticeText::OfferMerged { places, doors, act_by_ms, token: None, added, held }
}

fn more(held: u32) -> NoticeText<'static> {
    let doors = OpenDoors { doors: 6, silent: 6, ..OpenDoors::default() };
    let held = Some(held);
    NoticeText::Offer { place: PLACE, doors, act_by_ms: act_by(), token: None, held }
}

fn reminder(waited_min: u32, act_by_ms: Option<i64>) -> NoticeText<'static> {
    let token = TOKEN.filter(|_| waited_min < 30);
    let call_up = waited_min < 30;
    NoticeText::DutyRoomReminder { place: PLACE, doors: 28, waited_min, act_by_ms, token, call_up }
}

fn summons(n: u32, doors: u32, places: usize) -> NoticeText<'static> {
    let token = TOKEN.filter(|_| n == 1);
    NoticeText::Summons { alert_title: TITLE, places: &PLACES[..places], n, doors, token }
}

/// Doors of whom not everybody was messaged.
fn mixed(silent: u32, unsent: u32, no_phone: u32) -> NoticeText<'static> {
    let doors = OpenDoors { doors: 28, fragile: 6, silent, unsent, no_phone };
    NoticeText::Offer { place: PLACE, doors, act_by_ms: act_by(), token: None, held: None }
}

fn split(slow: u32, ends: bool, parts: usize) -> NoticeText<'static> {
    NoticeText::Split {
        slow,
        who: "张强",
        place: PLACE,
        doors: 28,
        ends_ms: ends.then(|| ms("2026-07-25 04:20")),
        act_by_ms: act_by(),
        parts: &PARTS[..parts],
        part_doors: 14,
        token: TOKEN.filter(|_| slow == 1),
    }
}

fn withdrawn(why: WhyWithdrawn) -> NoticeText<'static> {
    NoticeText::ListWithdrawn { place: PLACE, alert_title: TITLE, why }
}

fn search(waited_min: u32) -> NoticeText<'static> {
    let token = TOKEN.filter(|_| waited_min == 0);
    NoticeText::Search { alert_title: TITLE, doors: 3, persons: 7, waited_min, token }
}

fn expiring(left_min: u32, doors: u32) -> NoticeText<'static> {
    NoticeText::Expiring { alert_title: TITLE, left_min, doors, extend_hours: 2 }
}

fn leaders_notices() -> Vec<NoticeText<'static>> {
    let place = PLACE;
    vec![
        summons(1, 310, 1),
        summons(2, 310, 3),
        summons(3, 0, 4),
        mixed(20, 6, 2),
        mixed(0, 28, 0),
        mixed(15, 0, 1),
        mixed(0, 0, 0),
        offer(6, act_by(), TOKEN),
        offer(6, passed(), TOKEN),
        offer(0, None, None),
        merged(&PLACES[..2], 9),
        merged(&PLACES, 0),
        more(12),
        joined(Some("第19网格"), None),
        joined(None, Some(12)),
        joined(Some("第19网格"), Some(12)),
        NoticeText::Unwoken { people: &PEOPLE[..2], more: 0 },
        NoticeText::Unwoken { people: &PEOPLE[..2], more: 3 },
        NoticeText::Unwoken { people: &PEOPLE, more: 1 },
        reminder(25, act_by()),
        reminder(45, passed()),
        expiring(30, 28),
        expiring(10, 0),
        split(1, true, 2),
        split(3, false, 4),
        NoticeText::DeskWaits { helps: 3, waited_min: 5 },
        NoticeText::DeskWaits { helps: 1, waited_min: 0 },
        search(0),
        search(20),
        NoticeText::ListTaken { place, doors: 28, again: false, token: TOKEN },
        NoticeText::ListTaken { place, doors: 28, again: true, token: None },
        NoticeText::ListShared { place: "3幢", doors: 12, who: "李芳" },
        NoticeText::ListReturned { place: "3幢", doors: 4, who: "李芳" },
        withdrawn(WhyWithdrawn::Ended),
        withdrawn(WhyWithdrawn::Wrong),
        withdrawn(WhyWithdrawn::Left),
        NoticeText::ListFinished { place, held: true },
        NoticeText::ListFinished { place, held: false },
        NoticeText::ListDeclined { place },
        NoticeText::ListPassed { place, who: "李芳" },
        NoticeText::WokenThanks,
        NoticeText::HomeAnswered { digit: 1 },
        NoticeText::HolderCheck { silent_min: 30 },
    ]
}

fn residents_notices() -> Vec<NoticeText<'static>> {
    let (alert_title, sent_ms) = (TITLE, ms("2026-07-25 00:50"));
    vec![
        NoticeText::HelpReceived { class: HelpClass::Life },
        NoticeText::HelpReceived { class: HelpClass::Carry },
        NoticeText::HelpReceived { class: HelpClass::Supply },
        NoticeText::HelpTaken { who: "张强" },
        NoticeText::Thanks,
        NoticeText::AskBackPersons { registered: 4, demand: Demand::Evacuation },
        NoticeText::AskBackPersons { registered: 4, demand: Demand::Upstairs },
        NoticeText::ReturnNotice { place: "南雷社区" },
        NoticeText::RangeCorrection { alert_title, sent_ms },
    ]
}

const HOMES: [HomeAt<'static>; 3] = {
    let mut homes = [HomeAt { name: "王阿婆", place: "1幢101" }; 3];
    homes[1] = HomeAt { name: "李大爷", place: "2幢302" };
    homes
};

fn helper(
    homes: &'static [HomeAt<'static>],
    count: u32,
    by: Option<&'static str>,
) -> NoticeText<'static> {
    let shelter = Some("四明小学").filter(|_| count > 1);
    NoticeText::Helper { alert_title: TITLE, homes, count, by, shelter }
}

fn over(
    why: WhyWithdrawn,
    homes: &'static [HomeAt<'static>],
    count: u32,
    other: Option<&'static str>,
) -> NoticeText<'static> {
    let wrong = Some("到四明小学").filter(|_| why == WhyWithdrawn::Wrong);
    NoticeText::HelperOver { alert_title: TITLE, why, homes, count, wrong, right: None, other }
}

fn summoned(why: WhyWithdrawn, other: Option<&'static str>) -> NoticeText<'static> {
    let wrong = Some("到四明小学").filter(|_| why == WhyWithdrawn::Wrong);
    let right = Some("到东风小学").filter(|_| why == WhyWithdrawn::Wrong && other.is_some());
    NoticeText::SummonsOver { alert_title: TITLE, why, wrong, right, other }
}

/// What stands around an order.
fn orders_notices() -> Vec<NoticeText<'static>> {
    vec![
        helper(&HOMES[..1], 1, None),
        helper(&HOMES[..2], 2, None),
        helper(&HOMES, 5, Some("3点")),
        over(WhyWithdrawn::Wrong, &[], 0, None),
        over(WhyWithdrawn::Left, &HOMES[..1], 1, None),
        over(WhyWithdrawn::Left, &HOMES, 5, Some("放水预警")),
        over(WhyWithdrawn::Ended, &[], 0, None),
        over(WhyWithdrawn::Ended, &[], 0, Some("放水预警")),
        NoticeText::HelperOver {
            alert_title: TITLE,
            why: WhyWithdrawn::Wrong,
            homes: &[],
            count: 0,
            wrong: Some("到四明小学"),
            right: Some("到东风小学"),
            other: Some("放水预警"),
        },
        summoned(WhyWithdrawn::Wrong, None),
        summoned(WhyWithdrawn::Wrong, Some("放水预警")),
        summoned(WhyWithdrawn::Ended, None),
        summoned(WhyWithdrawn::Ended, Some("放水预警")),
        NoticeText::HelperTaken { homes: 2, spoke: 0 },
        NoticeText::HelperTaken { homes: 1, spoke: 2 },
        NoticeText::HelperTaken { homes: 0, spoke: 1 },
        NoticeText::HelperDeclined,
        NoticeText::CountersignDue { alert_title: TITLE, hours: 0 },
        NoticeText::CountersignDue { alert_title: TITLE, hours: 2 },
        NoticeText::ExerciseStopped { alert_title: TITLE },
        NoticeText::BindCode { code: "012345" },
        NoticeText::Bound,
    ]
}

/// `Offer` of `Offer { … }`.
fn variant(notice: &NoticeText<'_>) -> String {
    let shown = format!("{notice:?}");
    shown.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn notices_read_what_is_written_in_the_table() {
    let (messages, mut lines) = (messages(), Vec::new());
    let (leaders, residents) = (leaders_notices(), residents_notices());
    for notice in leaders.iter().chain(&residents).chain(&orders_notices()) {
        let said = messages.notice(&head(), notice).expect("samples render");
        for kind in [AlertKind::Exercise, AlertKind::Rehearsal] {
            let marked = messages.notice(&NoticeHead { kind, ..head() }, notice);
            let marked = marked.expect("samples render");
            assert_eq!(marked, said.replacen('】', &format!("】{}", kind.mark()), 1));
        }
        let room = match notice {
            NoticeText::Helper { .. }
            | NoticeText::HelperOver { .. }
            | NoticeText::OfferMerged { .. }
            | NoticeText::Offer { held: Some(_), .. }
            | NoticeText::Unwoken { .. }
            | NoticeText::Split { .. } => TWO_PARTS,
            _ => ONE_PART,
        };
        assert!(said.chars().count() <= room, "{said}");
        assert!(!said.contains(['\n', '{', '}']), "{said}");
        lines.push(format!("{}\t{said}", variant(notice)));
    }
    assert_lines(include_str!("../../../../tests/fixtures/messages/notices.tsv"), &lines);
}

fn assert_refused(cases: &[(NoticeText<'_>, &str)]) {
    let messages = messages();
    for (notice, expected) in cases {
        let fault = messages.notice(&head(), notice).expect_err("refused").to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn names_of_the_roster_are_checked() {
    let odd = [PlaceDoors { place: "第1网格\n", doors: 1 }, PLACES[0]];
    let nobody = [PersonAt { name: "", place: PLACE }];
    let (place, alert_title) = (PLACE, TITLE);
    let token = Some("http://a");
    assert_refused(&[
        (NoticeText::ListDeclined { place: "【银行】" }, "place: has a character"),
        (NoticeText::HelpTaken { who: "" }, "who: is empty"),
        (NoticeText::ListPassed { place, who: "看a.cn" }, "who: has a link"),
        (NoticeText::RangeCorrection { alert_title: "。", sent_ms: 0 }, "alert_title: begins"),
        (NoticeText::ListTaken { place, doors: 1, again: false, token }, "token: has a link"),
        (NoticeText::Unwoken { people: &nobody, more: 0 }, "who: is empty"),
        (
            NoticeText::Summons { alert_title, places: &odd, n: 1, doors: 1, token: None },
            "place: has a character",
        ),
    ]);
}

fn mended(notice: &NoticeText<'_>) -> Said {
    messages().notice_mended(&head(), notice).expect("a name stops no notice")
}

#[test]
fn a_name_that_may_not_stand_is_mended_and_named() {
    let said = mended(&NoticeText::ListPassed { place: "第1网格\n🏠", who: "看a.cn" });
    assert_eq!(said.text, "【余姚市防指】第1网格的名单看a cn接手了，您不用去了，谢谢");
    let fields: Vec<(&str, &str)> =
        said.mended.iter().map(|one| (one.field.as_str(), one.value.as_str())).collect();
    assert_eq!(fields, [("place", "第1网格\n🏠"), ("who", "看a.cn")]);
    assert_eq!(
        said.mended[0].rule.to_string(),
        "has a character that may not stand in a \
        message: U+000A"
    );
    // Where nothing is left, a general word; what is good stays as it is.
    let people = [PersonAt { name: "", place: PLACE }, PersonAt { name: "王书记", place: "【】" }];
    let said = mended(&NoticeText::Unwoken { people: &people, more: 0 }).text;
    assert!(said.contains(&format!("一位负责人（{PLACE}）、王书记（本辖区）")), "{said}");
    let homes = [HomeAt { name: "走了回3", place: "2幢\u{0}101" }];
    let said = mended(&NoticeText::Helper {
        alert_title: &"急".repeat(80),
        homes: &homes,
        count: 1,
        by: None,
        shelter: None,
    });
    assert!(said.text.contains("您结对的一户（2幢101）要人帮"), "{}", said.text);
    assert!(
        said.text.contains(&format!("{}…{}：", "急".repeat(25), "急".repeat(24))),
        "{}",
        said.text
    );
    assert_eq!(said.mended.len(), 3);
    let fine = NoticeText::ListDeclined { place: PLACE };
    assert_eq!(
        mended(&fine),
        Said { text: messages().notice(&head(), &fine).unwrap(), mended: Vec::new() }
    );
}

#[test]
fn the_longest_names_still_make_a_text() {
    let place = "区".repeat(FULL_NAME_UNITS);
    let who = "某".repeat(FULL_NAME_UNITS);
    let title = "令".repeat(MAX_TITLE_UNITS);
    let people = vec![PersonAt { name: &who, place: &place }; 5];
    let places = vec![PlaceDoors { place: &place, doors: 999 }; 40];
    let homes = vec![HomeAt { name: &who, place: &place }; 3];
    let (waited_min, act_by_ms) = (999, Some(head().now_ms + 3_600_000));
    let doors = OpenDoors { doors: 9_999, fragile: 99, silent: 99, unsent: 99, no_phone: 99 };
    for notice in [
        NoticeText::Unwoken { people: &people, more: 999 },
        NoticeText::OfferMerged {
            places: &places,
            doors,
            act_by_ms,
            token: None,
            added: Some(&place),
            held: Some(999),
        },
        NoticeText::Summons {
            alert_title: &title,
            places: &places,
            n: 3,
            doors: 9_999,
            token: None,
        },
        NoticeText::Split {
            slow: 9,
            who: &who,
            place: &place,
            doors: 999,
            ends_ms: act_by_ms,
            act_by_ms,
            parts: &places,
            part_doors: 999,
            token: None,
        },
        NoticeText::DutyRoomReminder {
            place: &place,
            doors: 999,
            waited_min,
            act_by_ms,
            token: None,
            call_up: true,
        },
        NoticeText::Helper {
            alert_title: &title,
            homes: &homes,
            count: 99,
            by: Some("明天凌晨3点"),
            shelter: Some("四明小学"),
        },
    ] {
        let said = mended(&notice);
        assert!(said.text.encode_utf16().count() <= MAX_TEXT_UNITS, "{}", said.text);
    }
}

#[test]
fn a_home_is_named_to_a_relative_whatever_the_roster_says() {
    assert_eq!(relative_name("王阿婆"), ("王阿婆".into(), None));
    assert_eq!(relative_name("王阿婆。").0, "王阿婆");
    let (said, mended) = relative_name("🏠");
    assert_eq!(said, "您亲属");
    assert_eq!(mended.expect("named").field, "relative");
}

#[test]
fn a_known_address_stands_before_the_token() {
    let head = NoticeHead { list_url: "https://tl.example/l/", ..head() };
    for notice in [offer(6, act_by(), TOKEN), summons(1, 310, 1), search(0), split(1, true, 2)] {
        let said = messages().notice(&head, &notice).expect("renders");
        assert!(said.ends_with("名单 https://tl.example/l/7KQ2M9XW4D3PA"), "{said}");
    }
    let said = messages().notice(&head, &offer(6, act_by(), None)).expect("renders");
    assert!(said.ends_with("名单另发"), "{said}");
}

#[test]
fn lists_too_short_or_too_long_are_refused() {
    let many = [PLACES[0]; 41];
    assert_refused(&[
        (NoticeText::Unwoken { people: &[], more: 3 }, "people: 0 entries"),
        (summons(1, 1, 0), "places: 0 entries"),
        (merged(&PLACES[..1], 0), "places: 1 entries"),
        (
            NoticeText::OfferMerged {
                places: &many,
                doors: OpenDoors { doors: 41, ..OpenDoors::default() },
                act_by_ms: None,
                token: None,
                added: None,
                held: None,
            },
            "places: 41 entries",
        ),
    ]);
}
