//! The notices and their exact texts; what is refused in them.

use super::{ONE_PART, TWO_PARTS, assert_lines, messages};
use crate::domain::demand::Demand;
use crate::render::notice::{HelpClass, NoticeHead, NoticeText, PersonAt, PlaceDoors};
use crate::render::time::tests::ms;

const PLACE: &str = "南雷社区第17网格";
const TITLE: &str = "转移指令";
const TOKEN: Option<&str> = Some("7KQ2M9XW4D3PA");
const PLACES: [PlaceDoors<'static>; 4] = [
    PlaceDoors {
        place: "第17网格",
        doors: 28,
    },
    PlaceDoors {
        place: "第18网格",
        doors: 20,
    },
    PlaceDoors {
        place: "第19网格",
        doors: 11,
    },
    PlaceDoors {
        place: "第20网格",
        doors: 5,
    },
];
const PEOPLE: [PersonAt<'static>; 7] = {
    let mut people = [PersonAt {
        name: "张强",
        place: "第17网格",
    }; 7];
    people[1] = PersonAt {
        name: "李芳",
        place: "南雷社区",
    };
    people
};

fn head() -> NoticeHead<'static> {
    NoticeHead {
        signature: "余姚市防指",
        exercise: false,
        now_ms: ms("2026-07-25 01:40"),
    }
}

fn leaders_notices() -> Vec<NoticeText<'static>> {
    let act_by_ms = Some(ms("2026-07-25 03:00"));
    let (past, place, token, alert_title) = (Some(ms("2026-07-25 01:00")), PLACE, TOKEN, TITLE);
    vec![
        NoticeText::Summons {
            alert_title,
            place,
            n: 1,
            doors: 310,
            fragile: 24,
        },
        NoticeText::Summons {
            alert_title,
            place,
            n: 2,
            doors: 310,
            fragile: 0,
        },
        NoticeText::Summons {
            alert_title,
            place,
            n: 3,
            doors: 0,
            fragile: 0,
        },
        NoticeText::Offer {
            place,
            doors: 28,
            fragile: 6,
            act_by_ms,
            token,
        },
        NoticeText::Offer {
            place,
            doors: 28,
            fragile: 6,
            act_by_ms: past,
            token,
        },
        NoticeText::Offer {
            place,
            doors: 28,
            fragile: 0,
            act_by_ms: None,
            token: None,
        },
        NoticeText::OfferMerged {
            places: &PLACES[..2],
            doors: 48,
            fragile: 9,
            act_by_ms,
            token,
        },
        NoticeText::OfferMerged {
            places: &PLACES,
            doors: 64,
            fragile: 0,
            act_by_ms: None,
            token: None,
        },
        NoticeText::Unwoken {
            people: &PEOPLE[..2],
            more: 0,
        },
        NoticeText::Unwoken {
            people: &PEOPLE[..2],
            more: 3,
        },
        NoticeText::Unwoken {
            people: &PEOPLE,
            more: 1,
        },
        NoticeText::DutyRoomReminder {
            place,
            doors: 28,
            waited_min: 25,
            act_by_ms,
            token,
        },
        NoticeText::DutyRoomReminder {
            place,
            doors: 28,
            waited_min: 45,
            act_by_ms: past,
            token: None,
        },
        NoticeText::Expiring {
            alert_title,
            left_min: 30,
            doors: 28,
            extend_hours: 2,
        },
        NoticeText::Expiring {
            alert_title,
            left_min: 10,
            doors: 0,
            extend_hours: 2,
        },
        NoticeText::ListTaken {
            place,
            doors: 28,
            token,
        },
        NoticeText::ListTaken {
            place,
            doors: 28,
            token: None,
        },
        NoticeText::ListDeclined { place },
        NoticeText::ListPassed {
            place, who: "李芳"
        },
        NoticeText::WokenThanks,
        NoticeText::HomeAnswered { digit: 1 },
        NoticeText::WhichOne {
            options: &PLACES[..2],
        },
        NoticeText::HolderCheck { silent_min: 30 },
        NoticeText::StandDown,
    ]
}

fn residents_notices() -> Vec<NoticeText<'static>> {
    let (alert_title, sent_ms) = (TITLE, ms("2026-07-25 00:50"));
    let instead = Some("您家不用走，已走的可以回家");
    vec![
        NoticeText::HelpReceived {
            class: HelpClass::Life,
        },
        NoticeText::HelpReceived {
            class: HelpClass::Carry,
        },
        NoticeText::HelpReceived {
            class: HelpClass::Supply,
        },
        NoticeText::HelpTaken { who: "张强" },
        NoticeText::Thanks,
        NoticeText::AskBackPersons {
            registered: 4,
            demand: Demand::Evacuation,
        },
        NoticeText::AskBackPersons {
            registered: 4,
            demand: Demand::Upstairs,
        },
        NoticeText::UnclearAskBack {
            demand: Demand::Inform,
        },
        NoticeText::UnclearAskBack {
            demand: Demand::Safety,
        },
        NoticeText::UnclearAskBack {
            demand: Demand::Evacuation,
        },
        NoticeText::Correction {
            alert_title,
            sent_ms,
            instead: None,
        },
        NoticeText::Correction {
            alert_title,
            sent_ms,
            instead,
        },
        NoticeText::ReturnNotice {
            place: "南雷社区"
        },
        NoticeText::RangeCorrection {
            alert_title,
            sent_ms,
        },
        NoticeText::Lifted {
            alert_title: "暴雨红色预警",
            wait_return: true,
        },
        NoticeText::Lifted {
            alert_title: "暴雨红色预警",
            wait_return: false,
        },
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
    for notice in leaders_notices().iter().chain(&residents_notices()) {
        let said = messages.notice(&head(), notice).expect("samples render");
        let exercise = NoticeHead {
            exercise: true,
            ..head()
        };
        let drill = messages.notice(&exercise, notice).expect("samples render");
        assert_eq!(drill, said.replacen('】', "】【演练】", 1));
        let room = match notice {
            NoticeText::OfferMerged { .. } | NoticeText::Unwoken { .. } => TWO_PARTS,
            _ => ONE_PART,
        };
        assert!(said.chars().count() <= room, "{said}");
        assert!(!said.contains(['\n', '{', '}']), "{said}");
        lines.push(format!("{}\t{said}", variant(notice)));
    }
    assert_lines(
        include_str!("../../../../tests/fixtures/messages/notices.tsv"),
        &lines,
    );
}

#[test]
fn names_of_the_roster_are_checked_and_lists_counted() {
    let odd = [
        PlaceDoors {
            place: "第1网格\n",
            doors: 1,
        },
        PLACES[0],
    ];
    let nobody = [PersonAt {
        name: "",
        place: PLACE,
    }];
    let cases = [
        (
            NoticeText::ListDeclined {
                place: "【银行】"
            },
            "place: has a character",
        ),
        (NoticeText::HelpTaken { who: "" }, "who: is empty"),
        (
            NoticeText::ListPassed {
                place: PLACE,
                who: "看a.cn",
            },
            "who: has a link",
        ),
        (
            NoticeText::ListTaken {
                place: PLACE,
                doors: 1,
                token: Some("http://a"),
            },
            "token: has a link",
        ),
        (
            NoticeText::Lifted {
                alert_title: "。",
                wait_return: false,
            },
            "alert_title: begins",
        ),
        (
            NoticeText::Correction {
                alert_title: TITLE,
                sent_ms: 0,
                instead: Some("走了回3"),
            },
            "instead: tells which digit",
        ),
        (
            NoticeText::Unwoken {
                people: &nobody,
                more: 0,
            },
            "who: is empty",
        ),
        (
            NoticeText::Unwoken {
                people: &[],
                more: 3,
            },
            "people: 0 entries",
        ),
        (
            NoticeText::WhichOne {
                options: &PLACES[..1],
            },
            "options: 1 entries",
        ),
        (
            NoticeText::WhichOne { options: &odd },
            "place: has a character",
        ),
        (
            NoticeText::OfferMerged {
                places: &PLACES[..1],
                doors: 1,
                fragile: 0,
                act_by_ms: None,
                token: None,
            },
            "places: 1 entries",
        ),
    ];
    let messages = messages();
    for (notice, expected) in cases {
        let fault = messages
            .notice(&head(), &notice)
            .expect_err("refused")
            .to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}
