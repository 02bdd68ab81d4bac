//! Brings a reply to one form before it is read: width, case, script, a few dialect particles,
//! stickers; takes quoted originals away; cuts the rest into clauses that know how they ask.
//!
//! Nothing here decides what a reply means.

use std::collections::HashMap;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

/// Characters of a reply that are read. A plea may stand at the end of a long text.
const READ_CHARS_MAX: usize = 2_000;
/// A bracketed quotation shorter than this is taken for the answer itself, as in 【1】.
const QUOTE_CHARS_MIN: usize = 4;

/// Traditional, dialect or look-alike character, then what it is read as.
const CHARACTERS: &str = "轉转離离發发訂订閱阅錯错號号碼码們们請请電电氣气機机沒没謝谢關关確确認认動动\
學学樓楼進进來来邊边傷伤斷断幫帮應应點点個个裡里裏里這这說说話话聯联繫系絡络醫医藥药難难護护車车\
輪轮癱瘫無无聽听問问嗎吗麼么為为時时間间還还過过給给對对訊讯報报災灾險险壞坏頂顶飯饭餓饿糧粮親亲\
戶户門门開开漲涨沖冲衝冲隊队領领導导網网員员幹干緊紧區区鎮镇鄉乡縣县處处場场館馆賓宾實实擾扰煩烦\
傳传誤误識识遷迁換换賣卖棟栋層层貳贰兩两幾几歲岁嬰婴兒儿媽妈爺爷婦妇產产臨临搶抢風风颱台濕湿橋桥\
牆墙塊块樹树別别讓让該该見见覺觉遲迟擔担憂忧驚惊嚇吓熱热凍冻燒烧暈晕殘残腳脚壓压師师勞劳願愿線线\
爐炉遠远達达體体樣样後后從从國国華华陳陈張张劉刘黃黄吳吴趙赵慮虑準准備备馬马上上離离開开屆届並并\
鍾钟鐘钟讀读誰谁哪哪嘅的係是喺在咗了冇没唔不呒没弗不哉了啦了咯了俾给畀给嚟来返返佢他咩么❶1❷2❸3❹4";

static READ_AS: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let pairs: Vec<char> = CHARACTERS.chars().collect();
    pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
});

/// Stickers and signs that stand for words.
const STICKERS: [(&str, &str); 9] = [
    ("[ok]", "👌"),
    ("[强]", "👍"),
    ("[赞]", "👍"),
    ("[抱拳]", "👌"),
    ("[握手]", "👌"),
    ("[救命]", "救命"),
    ("(ok)", "👌"),
    ("[图片]", ""),
    ("[位置]", ""),
];

/// How a clause asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It states.
    Says,
    /// A question word or mark: what it mentions may still be a fact.
    AsksWhat,
    /// Yes or no is asked: what it mentions is the question, not a fact.
    AsksWhether,
    /// If, in case: nothing of it has happened.
    Supposes,
}

/// A piece of a reply between punctuation.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) chars: Vec<char>,
    pub(super) mood: Mood,
}

/// The reply in one form, without quoted originals.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(READ_CHARS_MAX).nfkc().flat_map(char::to_lowercase) {
        match c {
            '\u{fe0e}' | '\u{fe0f}' | '\u{20e3}' | '\u{200b}'..='\u{200d}' | '\u{feff}' => {}
            '\u{1f3fb}'..='\u{1f3ff}' => {}
            '\r' => out.push('\n'),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(read_as(c)),
        }
    }
    for (sticker, word) in STICKERS {
        if out.contains(sticker) {
            out = out.replace(sticker, word);
        }
    }
    unquote(&out)
}

fn read_as(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    READ_AS.get(&c).copied().unwrap_or(c)
}

/// Takes away lines that quote (`>`), bracketed originals, and our own menu sent back.
fn unquote(text: &str) -> String {
    let kept: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with(['>', '》', '|'])).collect();
    let mut out = kept.join("\n");
    for (open, close) in [('「', '」'), ('『', '』'), ('【', '】'), ('“', '”')] {
        out = without_brackets(&out, open, close);
    }
    for greeting in ["自动回复", "auto reply", "autoreply", "automatic reply"] {
        if out.trim_start().starts_with(greeting) {
            return String::new();
        }
    }
    if out.contains("回1") && out.contains("回2") {
        out = without_menu(&out);
    }
    out
}

fn without_brackets(text: &str, open: char, close: char) -> String {
    let (Some(from), Some(to)) = (text.find(open), text.find(close)) else {
        return text.to_owned();
    };
    let inside = text.get(from + open.len_utf8()..to).unwrap_or_default();
    let long = inside.chars().count() >= QUOTE_CHARS_MIN;
    let outside = format!("{}\n{}", &text[..from], &text[(to + close.len_utf8()).max(from)..]);
    // A reply that is nothing but its brackets is not a quotation.
    if to > from && long && outside.chars().any(char::is_alphanumeric) {
        return outside;
    }
    text.replace([open, close], " ")
}

/// Our own message sent back without marks: its order and its menu are taken out, the rest stays.
fn without_menu(text: &str) -> String {
    let ours = |clause: &str| {
        let clause = clause.trim();
        let menu = clause.chars().rev().nth(1) == Some('回') && clause.ends_with(char::is_numeric);
        menu || clause.contains("拨119") || clause.contains("前请") || clause.contains("指令")
    };
    text.split(is_stop).filter(|clause| !ours(clause)).collect::<Vec<_>>().join("\n")
}

/// Cuts a folded reply into clauses.
pub(super) fn clauses(folded: &str) -> Vec<Clause> {
    let mut out: Vec<Clause> = Vec::new();
    let mut piece = String::new();
    let mut supposed = false;
    for c in folded.chars().chain(['\n']) {
        if !is_stop(c) {
            piece.push(c);
            continue;
        }
        let first = out.len();
        for chars in by_blanks(&piece) {
            let own = mood(&chars);
            // "If the water comes in, I'll go": the second half has not happened either.
            let turns = chars.first().is_some_and(|first| "但可现".contains(*first));
            let mood = if supposed && !turns { Mood::Supposes } else { own };
            supposed = own == Mood::Supposes;
            out.push(Clause { chars, mood });
        }
        // The mark belongs to all pieces of a sentence without commas.
        if c == '?' {
            for clause in &mut out[first..] {
                if clause.mood == Mood::Says {
                    clause.mood = Mood::AsksWhat;
                }
            }
        }
        piece.clear();
    }
    out
}

fn is_stop(c: char) -> bool {
    matches!(
        c,
        '\n' | ','
            | '.'
            | '。'
            | '、'
            | ';'
            | '!'
            | '?'
            | ':'
            | '…'
            | '~'
            | '"'
            | '“'
            | '”'
            | '—'
            | '('
            | ')'
            | '/'
            | '·'
            | '*'
    )
}

/// Blanks part Chinese words, but not English ones, and not characters written wide (救 命).
fn by_blanks(piece: &str) -> Vec<Vec<char>> {
    let mut out: Vec<Vec<char>> = Vec::new();
    for word in piece.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        let joins = out.last().is_some_and(|last| {
            let latin = last.last().is_some_and(char::is_ascii_alphabetic)
                && word.first().is_some_and(|c| c.is_ascii_alphanumeric());
            latin || (word.len() == 1 && is_han(word[0]) && is_han(last[last.len() - 1]))
        });
        match out.last_mut() {
            Some(last) if joins => {
                if last.last().is_some_and(char::is_ascii_alphabetic) {
                    last.push(' ');
                }
                last.extend(word);
            }
            Some(_) | None => out.push(word),
        }
    }
    out
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

fn mood(chars: &[char]) -> Mood {
    let text: String = chars.iter().collect();
    // 没什么 asks nothing, and 没事的话 supposes nothing.
    let text = text.replace("没什么", "没").replace("没啥", "没").replace("事的话", "事");
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["如果", "要是", "假如", "万一", "倘", "的话"]) && !has(&["再不"]) {
        return Mood::Supposes;
    }
    let either = chars.windows(3).any(|w| w[0] == w[2] && (w[1] == '不' || w[1] == '没'));
    let tail = ["了没", "了没有", "收到没", "收到没有", "么", "是不"];
    if either || has(&["吗", "是否", "有没"]) || tail.iter().any(|end| text.ends_with(end)) {
        return Mood::AsksWhether;
    }
    let asks =
        ["什么", "啥", "哪", "谁", "几点", "几时", "多少", "多久", "多高", "为何", "何时", "咋"];
    let how = text.contains("怎么") && !text.contains("怎么办");
    let english = ["what", "who ", "where", "when ", "why", "is it", "how "];
    if how || has(&asks) || english.iter().any(|w| text.starts_with(w)) {
        return Mood::AsksWhat;
    }
    Mood::Says
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moods(text: &str) -> Vec<Mood> {
        clauses(&fold(text)).into_iter().map(|clause| clause.mood).collect()
    }

    #[test]
    fn one_form_for_width_script_and_case() {
        assert_eq!(fold("１ 停電，氧氣機"), "1 停电,氧气机");
        assert_eq!(fold("Okay 1️⃣ ② 轉移好哉"), "okay 1 2 转移好了");
        assert_eq!(fold("[OK]"), "👌");
        assert_eq!(CHARACTERS.chars().count() % 2, 0);
    }

    #[test]
    fn quoted_originals_are_taken_away() {
        assert_eq!(fold(">请立即转移\n走不了").trim(), "走不了");
        assert_eq!(fold("「余姚发布:暴雨橙色预警」 收到").trim(), "收到");
        assert_eq!(fold("【1】").trim(), "1");
        let ours =
            "【余姚市防指】转移指令：3点前请离家。收到回1，要人帮回2，全家已离开回3。危急拨119";
        assert_eq!(fold(&format!("{ours}\n收到")).trim(), "收到");
        assert_eq!(fold(&format!("救命 {ours}")).trim(), "救命");
    }

    #[test]
    fn clauses_know_how_they_ask() {
        use Mood::{AsksWhat, AsksWhether, Says, Supposes};
        assert_eq!(moods("收到，安置点在哪"), [Says, AsksWhat]);
        assert_eq!(moods("有人被困吗"), [AsksWhether]);
        assert_eq!(moods("安不安全啊"), [AsksWhether]);
        assert_eq!(moods("如果水进来，我再走"), [Supposes, Supposes]);
        assert_eq!(moods("水进来了，怎么办"), [Says, Says]);
        assert_eq!(moods("救 命 啊").len(), 1);
        assert_eq!(moods("wrong number").len(), 1);
    }
}
