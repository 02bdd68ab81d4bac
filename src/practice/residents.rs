//! People who behave: what a town answers to a text, when, and in which words. Every choice is
//! drawn from a hash of the seed, the number and how often it was written to, so the same story
//! comes out whatever the order of sending. It knows no household and no alert, only numbers.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// What a person sends back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// How long after the text arrived, in ms.
    pub after_ms: i64,
    /// The number it comes from, mostly the one that was written to.
    pub from: String,
    pub text: String,
}

/// Whoever holds the phones.
pub trait Residents: Send {
    /// A text reached the handset of `to` at `now_ms`.
    fn hear(&mut self, now_ms: i64, to: &str, text: &str) -> Vec<Heard>;
}

/// Nobody ever answers.
pub struct Silent;

impl Residents for Silent {
    fn hear(&mut self, _: i64, _: &str, _: &str) -> Vec<Heard> {
        Vec::new()
    }
}

/// How a town behaves. Shares are between 0 and 1, times in story milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    /// Numbers that never answer anything.
    pub silent: f64,
    /// Of the others: how many answer one text that asks.
    pub answers: f64,
    /// Of the answers: calls for help.
    pub help: f64,
    /// Of the answers, where leaving is offered: everybody has left.
    pub gone: f64,
    /// Of the answers: words instead of a digit.
    pub words: f64,
    /// Half of the answers come within this time, and the longest ones take many times it.
    pub median_ms: i64,
    /// How widely the times are spread: sigma of their logarithm.
    pub spread: f64,
    /// Leaders who are awake, and how many of those take what they are offered.
    pub leaders_awake: f64,
    pub leaders_take: f64,
    pub leaders_median_ms: i64,
}

impl Default for Shares {
    fn default() -> Shares {
        Shares {
            silent: 0.18,
            answers: 0.7,
            help: 0.03,
            gone: 0.5,
            words: 0.12,
            median_ms: 150_000,
            spread: 0.9,
            leaders_awake: 0.9,
            leaders_take: 0.9,
            leaders_median_ms: 60_000,
        }
    }
}

/// The soonest and the latest answer, in ms.
const ANSWER_MS: (i64, i64) = (4_000, 7_200_000);

/// Words that mean the plain answer, in the ways people write it.
const PLAIN: [&str; 10] = [
    "知道了",
    "收到",
    "收到，谢谢",
    "好的，马上走",
    "１",
    "晓得了",
    "1。",
    "好",
    "我们这就去学校",
    "收到了，谢谢政府",
];
/// Words that call for help; each must reach a person.
const HELP: [&str; 8] = [
    "水进屋了，老人走不动",
    "我妈一个人在家，腿不好，快来人",
    "2",
    "2，家里有病人在吸氧",
    "救命 水到胸口了",
    "车库被淹，有人困在里面",
    "没车，带着两个小孩走不了",
    "要人帮",
];
/// Words that say that everybody has left.
const GONE: [&str; 5] = ["3", "３", "都走了", "全家已经到四明小学了", "早上就到亲戚家了，家里没人"];
/// Words that need a person's eyes.
const ODD: [&str; 8] = [
    "你是谁",
    "打错了",
    "我在外地，我爸妈在家，他们没手机",
    "水有多深？",
    "学校在哪里",
    "？",
    "刚才那个不算",
    "猪怎么办",
];

/// A town's residents and leaders.
pub struct Town {
    seed: u64,
    shares: Shares,
    /// Numbers that hear nothing tonight, leaders among them.
    asleep: HashSet<String>,
    /// Leaders who are awake and take what they are offered, each after so many ms.
    sure: HashMap<String, i64>,
    heard: HashMap<String, u32>,
}

impl Town {
    /// `asleep` never answer, whatever the shares say.
    pub fn new(seed: u64, shares: Shares, asleep: HashSet<String>) -> Town {
        Town { seed, shares, asleep, sure: HashMap::new(), heard: HashMap::new() }
    }

    /// A leader who takes everything he is offered, after so many ms.
    pub fn rely_on(&mut self, number: &str, after_ms: i64) {
        self.sure.insert(number.to_owned(), after_ms);
    }

    fn leader(&self, to: &str, offer: &Offer, dice: &mut Dice) -> Option<(i64, String)> {
        let letter = if offer.letters { "A" } else { "" };
        if let Some(after_ms) = self.sure.get(to) {
            return Some((*after_ms, format!("{letter}1")));
        }
        let mut nature = Dice::new(self.seed, to, 0x1eade4);
        if !nature.falls(self.shares.leaders_awake) {
            return None;
        }
        let after_ms = dice.wait_ms(self.shares.leaders_median_ms, self.shares.spread);
        let digit = if dice.falls(self.shares.leaders_take) || !offer.zero { "1" } else { "0" };
        Some((after_ms, format!("{letter}{digit}")))
    }

    fn resident(&self, to: &str, offer: &Offer, dice: &mut Dice) -> Option<(i64, String)> {
        let mut nature = Dice::new(self.seed, to, 0x40e);
        if nature.falls(self.shares.silent) || !dice.falls(self.shares.answers) {
            return None;
        }
        let after_ms = dice.wait_ms(self.shares.median_ms, self.shares.spread);
        let in_words = dice.falls(self.shares.words);
        let help = dice.falls(self.shares.help);
        let gone = offer.three && (!offer.one || dice.falls(self.shares.gone));
        let text = match (help, in_words, gone) {
            (true, _, _) => dice.one_of(&HELP),
            (false, true, _) if dice.falls(0.2) => dice.one_of(&ODD),
            (false, true, true) => dice.one_of(&GONE),
            (false, true, false) => dice.one_of(&PLAIN),
            (false, false, true) => "3",
            (false, false, false) => "1",
        };
        Some((after_ms, text.to_owned()))
    }
}

impl Residents for Town {
    fn hear(&mut self, _now_ms: i64, to: &str, text: &str) -> Vec<Heard> {
        let offer = Offer::read(text);
        if !offer.asks() || self.asleep.contains(to) {
            return Vec::new();
        }
        let times = self.heard.entry(to.to_owned()).or_default();
        *times += 1;
        let mut dice = Dice::new(self.seed, to, u64::from(*times));
        let answer = if offer.to_leader {
            self.leader(to, &offer, &mut dice)
        } else {
            self.resident(to, &offer, &mut dice)
        };
        let heard = |(after_ms, text)| Heard { after_ms, from: to.to_owned(), text };
        answer.map(heard).into_iter().collect()
    }
}

/// Which answers a text asks for, as a person reads it.
struct Offer {
    zero: bool,
    one: bool,
    three: bool,
    letters: bool,
    to_leader: bool,
}

impl Offer {
    fn read(text: &str) -> Offer {
        let one = offers(text, "1", false);
        let zero = offers(text, "0", false);
        let letters = text.contains("回A1");
        Offer {
            zero: zero || letters,
            one,
            three: offers(text, "3", true),
            letters,
            to_leader: letters || one && (zero || text.contains("接手") || text.contains("叫应")),
        }
    }

    /// A text that only says "help: 2" is an acknowledgement: nobody answers it for its own sake.
    fn asks(&self) -> bool {
        self.one || self.three || self.letters
    }
}

/// Whether `回d` stands in the text. `再回1` speaks of a later text, `再回3` of this one.
fn offers(text: &str, digit: &str, also_again: bool) -> bool {
    for word in ["回", "回复"] {
        let asked = format!("{word}{digit}");
        let mut found = text.match_indices(asked.as_str());
        if found.any(|(at, _)| also_again || !text[..at].ends_with('再')) {
            return true;
        }
    }
    false
}

/// A small deterministic stream of chances, seeded by what must be the same in every run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, word: &str, turn: u64) -> Dice {
        let mut state = hash(word.as_bytes(), seed ^ 0xcbf2_9ce4_8422_2325);
        state ^= turn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut dice = Dice(state);
        dice.next();
        dice
    }

    /// splitmix64.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn falls(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub(super) fn between_ms(&mut self, (least, most): (i64, i64)) -> i64 {
        least + (self.unit() * (most - least + 1).max(1) as f64) as i64
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = (self.unit() * all.len() as f64) as usize;
        all.get(at).copied().unwrap_or_default()
    }

    /// A lognormal time around `median_ms`.
    fn wait_ms(&mut self, median_ms: i64, spread: f64) -> i64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        let wait_ms = median_ms as f64 * (normal * spread).exp();
        (wait_ms as i64).clamp(ANSWER_MS.0, ANSWER_MS.1)
    }
}

/// FNV-1a over 64 bits: the same on every machine and in every version.
pub(super) fn hash(bytes: &[u8], start: u64) -> u64 {
    let step = |state: u64, byte: &u8| (state ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(start, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "【余姚市防指】转移指令：3点前请离家到四明小学。\
        收到回1，要人帮回2，全家已离开回3。危急拨119";
    const TOLD: &str = "【余姚市防指】台风预警：请关好门窗。收到回1，要人帮回2";
    const LIST: &str = "【余姚市防指】南雷社区第17网格：28户未应答。接手回1，去不了回0。";

    fn number(n: usize) -> String {
        format!("+86199{n:08}")
    }

    fn answers(town: &mut Town, text: &str, count: usize) -> Vec<Heard> {
        (0..count).flat_map(|n| town.hear(0, &number(n), text)).collect()
    }

    #[test]
    fn a_town_answers_in_its_shares_and_in_minutes() {
        let mut town = Town::new(7, Shares::default(), HashSet::new());
        let heard = answers(&mut town, ORDER, 10_000);
        let share = |found: usize| found as f64 / heard.len() as f64;
        assert!((5_400..6_100).contains(&heard.len()), "{}", heard.len());
        let said = |word: &str| heard.iter().filter(|h| h.text == word).count();
        assert!((0.38..0.50).contains(&share(said("1"))), "{}", share(said("1")));
        assert!((0.38..0.50).contains(&share(said("3"))), "{}", share(said("3")));
        let help = heard.iter().filter(|h| HELP.contains(&h.text.as_str())).count();
        assert!((0.02..0.04).contains(&share(help)), "{help}");
        let mut times: Vec<i64> = heard.iter().map(|h| h.after_ms).collect();
        times.sort_unstable();
        let median_ms = times[times.len() / 2];
        assert!((130_000..170_000).contains(&median_ms), "{median_ms}");
        assert!(times[0] >= ANSWER_MS.0 && times[times.len() - 1] <= ANSWER_MS.1);
    }

    #[test]
    fn three_is_said_only_where_it_is_offered() {
        let shares = Shares { words: 0.0, help: 0.0, ..Shares::default() };
        let mut town = Town::new(7, shares, HashSet::new());
        let heard = answers(&mut town, TOLD, 1_000);
        assert!(heard.len() > 400);
        assert!(heard.iter().all(|h| h.text == "1"));
        let again = "【余姚市防指】登记4人，都走了再回3。还有人要帮回2";
        let heard = answers(&mut town, again, 1_000);
        assert!(heard.len() > 400);
        assert!(heard.iter().all(|h| h.text == "3"));
    }

    #[test]
    fn acknowledgements_are_not_answered() {
        let mut town = Town::new(7, Shares { answers: 1.0, ..Shares::default() }, HashSet::new());
        for text in [
            "【余姚市防指】收到，谢谢。有难处随时发短信，要人帮回2",
            "【余姚市防指】南雷社区28户由您接手了，谢谢，注意安全。去不了随时回0",
            "【余姚市防指】收到，您已应答叫应。还没接名单，名单来了请再回1",
            "【余姚市防指】返回通知：南雷社区可以回家了。要人帮回2",
            "",
        ] {
            assert_eq!(answers(&mut town, text, 200), [], "{text}");
        }
    }

    #[test]
    fn leaders_take_or_hand_on_and_the_asleep_never_answer() {
        let asleep: HashSet<String> = (0..10).map(number).collect();
        let mut town = Town::new(7, Shares::default(), asleep.clone());
        let heard = answers(&mut town, LIST, 1_000);
        assert!((850..930).contains(&heard.len()), "{}", heard.len());
        let zeros = heard.iter().filter(|h| h.text == "0").count();
        assert!((50..140).contains(&zeros), "{zeros}");
        assert!(heard.iter().all(|h| h.text == "0" || h.text == "1"));
        assert!(heard.iter().all(|h| !asleep.contains(&h.from)));
        let letters =
            "请说清是哪份名单：A 17网格28户 B 18网格9户。接手A回A1，去不了A回A0，其他照样";
        let heard = answers(&mut town, letters, 50);
        assert!(!heard.is_empty() && heard.iter().all(|h| h.text.starts_with('A')));
    }

    #[test]
    fn the_same_seed_tells_the_same_story_in_any_order() {
        let mut one = Town::new(7, Shares::default(), HashSet::new());
        let mut two = Town::new(7, Shares::default(), HashSet::new());
        let forward: Vec<Heard> = answers(&mut one, ORDER, 500);
        let mut backward: Vec<Heard> =
            (0..500).rev().flat_map(|n| two.hear(9, &number(n), ORDER)).collect();
        backward.reverse();
        assert_eq!(forward, backward);
        assert_ne!(forward, answers(&mut one, ORDER, 500), "a second text is a second chance");
        let mut other = Town::new(8, Shares::default(), HashSet::new());
        assert_ne!(forward, answers(&mut other, ORDER, 500));
    }
}
