//! 王阿婆's night, line by line, read from what is on record of her household: who was written to,
//! whose list she stood on, who took it, what was seen at her door. It tells; it changes nothing.

use crate::domain::doorstep;
use crate::domain::lane::Lane;
use crate::domain::list::ListState;
use crate::domain::notice::Purpose;
use crate::domain::plan::Rung;
use crate::domain::statement::{Claim, Giver};
use crate::engine::Engine;
use crate::store::StoreFault;
use crate::store::demo::record::{self, ListAbove, Record, Word};

/// A line of somebody's record; the instant is story time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: i64,
    pub text: String,
}

/// What is on record of a household under an order.
pub async fn record(engine: &Engine, alert: i64, code: &str) -> Result<Option<Record>, StoreFault> {
    record::record(&engine.store, alert, code, Purpose::Helper.code()).await
}

/// Who a rung of the ladder is, as people say it.
pub fn of_rung(code: i64) -> &'static str {
    match Rung::ALL.into_iter().find(|rung| rung.code() == code) {
        Some(Rung::Building) => "楼栋长",
        Some(Rung::Grid) => "网格长",
        Some(Rung::Deputy) => "副网格长",
        Some(Rung::Community) => "社区负责人",
        Some(Rung::Street) => "街道值班",
        Some(Rung::Duty) => "市防指值班室",
        None => "其他",
    }
}

/// Who she is, and why no text reaches her.
pub fn who(record: &Record, age: i64) -> String {
    let home = &record.home;
    let mobile = record.numbers.iter().any(|(lane, _)| *lane == Lane::Sms.code());
    let line = record.numbers.first().map_or(String::new(), |n| format!("，尾号{}", n.1));
    let phone = match (mobile, record.numbers.is_empty()) {
        (true, _) => "有手机".to_owned(),
        (false, false) => format!("只有座机{line}，短信到不了"),
        (false, true) => "没有电话".to_owned(),
    };
    format!("{}，{age}岁，独居，{}，{phone}", home.name, home.place)
}

/// Her record in the order of time.
pub fn sheet(record: &Record) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some((at, name, _)) = &record.helper {
        lines.push(Line { at: *at, text: format!("结对帮扶人{name}：短信请他去") });
        if let Some(at) = record.helper_declined {
            lines.push(Line { at, text: format!("{name}回0：去不了") });
        }
    }
    for list in &record.lists {
        lines.extend(of_list(list));
    }
    lines.extend(record.words.iter().map(of_word));
    if let Some(at) = record.home.closed_at {
        lines.push(Line { at, text: "已落实".into() });
    }
    lines.sort_by_key(|line| line.at);
    lines
}

fn of_list(list: &ListAbove) -> Vec<Line> {
    let whom = format!("{}{}（{}）", of_rung(list.rung), list.human, list.place);
    let mut lines = vec![Line { at: list.offered_at, text: format!("名单派给{whom}") }];
    let said = match ListState::from_code(list.state) {
        Some(ListState::Taken | ListState::Done) => "接手",
        Some(ListState::Declined) => "回0，去不了",
        // It went on to another: whether he ever answered is not on this row.
        Some(
            ListState::Offered | ListState::PassedOn | ListState::Withdrawn | ListState::Finished,
        )
        | None => "",
    };
    if let Some(at) = list.answered_at.filter(|_| !said.is_empty()) {
        lines.push(Line { at, text: format!("{whom}{said}") });
    }
    lines
}

fn of_word(word: &Word) -> Line {
    let said = Claim::from_code(word.claim)
        .map_or("有话", |claim| doorstep::say(claim, word.detail.as_deref()));
    let who = match Giver::from_code(word.giver) {
        Some(Giver::AtTheDoor) => format!("{}到她家门口", word.who),
        Some(Giver::Helper) => "帮扶人".into(),
        Some(Giver::Lives) => "本人".into(),
        Some(Giver::Desk) => "受理席".into(),
        Some(Giver::Relative) => "家属".into(),
        Some(Giver::System | Giver::SharedNumber) | None => "系统".into(),
    };
    let persons = word.persons.map_or(String::new(), |n| format!("，{n}人"));
    Line { at: word.at, text: format!("{who}：{said}{persons}") }
}

/// Who was offered her list and never answered, in the order of the ladder.
pub fn silent(record: &Record) -> Vec<String> {
    let never = |list: &&ListAbove| list.answered_at.is_none();
    let name = |list: &ListAbove| format!("{}{}", of_rung(list.rung), list.human);
    record.lists.iter().filter(never).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::demo::record::Home;

    fn list(rung: Rung, state: ListState, at: i64, answered_at: Option<i64>) -> ListAbove {
        ListAbove {
            rung: rung.code(),
            state: state.code(),
            human: "张三".into(),
            place: "第1网格".into(),
            offered_at: at,
            answered_at,
        }
    }

    #[test]
    fn her_record_is_told_in_the_order_of_time() {
        let (at, persons, detail) = (900, Some(1), Some("shelter".to_owned()));
        let (giver, claim) = (Giver::AtTheDoor.code(), Claim::Evacuated.code());
        let record = Record {
            home: Home {
                id: 1,
                name: "王阿婆".into(),
                place: "第1网格1幢101".into(),
                persons: 1,
                ring: 1,
                closed_at: Some(900),
            },
            numbers: vec![(Lane::Voice.code(), "8078".into())],
            helper: Some((10, "沈小芳".into(), 1)),
            helper_declined: Some(70),
            lists: vec![
                list(Rung::Deputy, ListState::Taken, 500, Some(540)),
                list(Rung::Grid, ListState::PassedOn, 400, None),
            ],
            words: vec![Word { at, giver, claim, persons, detail, who: "李四".into() }],
            entry: 17,
        };
        assert!(who(&record, 78).contains("只有座机，尾号8078，短信到不了"));
        let told: Vec<String> = sheet(&record).into_iter().map(|line| line.text).collect();
        assert_eq!(told[0], "结对帮扶人沈小芳：短信请他去");
        assert_eq!(told[1], "沈小芳回0：去不了");
        assert_eq!(told[2], "名单派给网格长张三（第1网格）");
        assert_eq!(told[4], "副网格长张三（第1网格）接手");
        assert!(told[5].starts_with("李四到她家门口：") && told[5].ends_with("，1人"), "{told:?}");
        assert_eq!(told[6], "已落实");
        assert_eq!(silent(&record), ["网格长张三"]);
    }
}
