//! Every text with its samples and what comes of it, read as a resident would. The expected texts
//! stand word for word in tests/fixtures/messages: who changes a template reads them again there.

use super::*;
use crate::render::resident::MergedPart;
use crate::render::time::tests::ms;

mod notices;

type Vars = BTreeMap<String, String>;

const RELATIVE: Audience<'static> = Audience::AbsentRelative { name: "您母亲王阿婆" };
const AUDIENCES: [Audience<'static>; 4] =
    [Audience::Household, Audience::Several(4), Audience::Several(1), RELATIVE];
/// What fits into one part of an SMS, and into two.
const ONE_PART: usize = 70;
const TWO_PARTS: usize = 134;

fn messages() -> Messages {
    Messages::embedded().expect("the embedded templates parse")
}

fn samples(template: &TemplateInfo, all: bool) -> Vars {
    let variables = template.variables.iter().filter(|variable| all || variable.required);
    variables.map(|variable| (variable.name.into(), variable.sample.into())).collect()
}

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn move_vars() -> Vars {
    vars(&[("by", "3点"), ("shelter", "四明小学")])
}

fn plain<'a>(template: &'a str, vars: &'a Vars, demand: Demand) -> ResidentText<'a> {
    ResidentText {
        signature: "余姚市防指",
        template,
        vars,
        demand,
        audience: Audience::Household,
        kind: AlertKind::Live,
        version: 1,
        issued_at_ms: ms("2026-07-24 22:10"),
        merged: &[],
    }
}

/// Compares line by line, so that a change shows the sentence and not the file.
fn assert_lines(expected: &str, lines: &[String]) {
    for (line, expected) in lines.iter().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(lines.len(), expected.lines().count(), "as many texts as expected");
}

#[test]
fn residents_read_what_is_written_in_the_table() {
    let messages = messages();
    let mut lines = Vec::new();
    for template in messages.templates() {
        let (some, all) = (samples(&template, false), samples(&template, true));
        for (label, vars, demand, audience) in [
            ("inform", &some, Demand::Inform, Audience::Household),
            ("receipt", &all, Demand::Receipt, Audience::Household),
            ("safety", &all, Demand::Safety, Audience::Household),
            ("upstairs", &some, Demand::Upstairs, Audience::Household),
            ("upstairs of 4", &all, Demand::Upstairs, Audience::Several(4)),
            ("evacuation", &some, Demand::Evacuation, Audience::Household),
            ("evacuation of 4", &all, Demand::Evacuation, Audience::Several(4)),
            ("relative, receipt", &all, Demand::Receipt, RELATIVE),
            ("relative, upstairs", &some, Demand::Upstairs, RELATIVE),
            ("relative, evacuation", &all, Demand::Evacuation, RELATIVE),
        ] {
            if demand > template.strongest {
                continue;
            }
            let text = ResidentText { audience, ..plain(template.name, vars, demand) };
            let said = messages.resident(&text).expect("samples render");
            lines.push(format!("{}, {label}\t{said}", template.name));
        }
    }
    assert_lines(include_str!("../../../tests/fixtures/messages/residents.tsv"), &lines);
}

#[test]
fn every_text_renders_for_everyone_and_keeps_the_rules() {
    let messages = messages();
    for template in messages.templates() {
        for all in [false, true] {
            let vars = samples(&template, all);
            for demand in Demand::ALL {
                for audience in AUDIENCES {
                    for (kind, version) in [
                        (AlertKind::Live, 1),
                        (AlertKind::Live, 2),
                        (AlertKind::Exercise, 1),
                        (AlertKind::Rehearsal, 7),
                    ] {
                        let plain = plain(template.name, &vars, demand);
                        let text = ResidentText { audience, kind, version, ..plain };
                        let said = messages.resident(&text).expect("samples render");
                        keeps_the_rules(&said, &text, template.origin);
                    }
                }
            }
        }
    }
}

fn keeps_the_rules(said: &str, text: &ResidentText<'_>, origin: Origin) {
    let head = format!("【余姚市防指】{}", text.kind.mark());
    let rest = said.strip_prefix(&head).expect("signature and mark open the text");
    let correction = text.template == CORRECTION;
    assert_eq!(rest.starts_with("22:10更新："), text.version > 1 && !correction, "{said}");
    assert_eq!(rest.starts_with("22:10更正："), correction, "{said}");
    assert!(!rest.contains(['【', '】', '\n', '{', '}', ' ']), "{said}");
    assert!(
        ["。。", "，，", "，。", "：，", "：：", "家家"].iter().all(|slip| !rest.contains(slip))
    );
    let offered: String =
        "1234567890".chars().filter(|digit| rest.contains(&format!("回{digit}"))).collect();
    assert_eq!(offered, text.audience.printed_menu(text.demand), "{said}");
    assert_eq!(rest.contains("危急拨119"), text.demand.must_move(), "{said}");
    assert_eq!(rest.contains("王阿婆"), text.audience == RELATIVE, "{said}");
    match origin {
        Origin::Own => assert!(!rest.contains("色"), "own orders have no colour: {said}"),
        Origin::Forwarded => assert!(rest.contains("14日10时30分"), "{said}"),
    }
    assert!(said.chars().count() <= TWO_PARTS, "{said}");
}

#[test]
fn plain_texts_fit_one_part() {
    let messages = messages();
    let rules = "【余姚市防指】转移指令：3点前请离家到四明小学。收到回1，要人帮回2，全家已离开回3。危急拨119";
    let said = messages.resident(&plain("move_order", &move_vars(), Demand::Evacuation));
    assert_eq!(said.as_deref(), Ok(rules));
    for template in messages.templates() {
        let vars = samples(&template, false);
        for demand in Demand::ALL.into_iter().filter(|demand| *demand <= template.strongest) {
            for audience in [Audience::Household, Audience::Several(4)] {
                let text = ResidentText { audience, ..plain(template.name, &vars, demand) };
                let said = messages.resident(&text).expect("samples render");
                // A title of 8 characters and its issuer leave no room for a way upstairs.
                let long = template.origin == Origin::Forwarded && demand == Demand::Upstairs;
                assert_eq!(said.chars().count() <= ONE_PART, !long, "{said}");
            }
        }
    }
}

#[test]
fn exercise_and_later_version_stand_before_everything() {
    let vars = move_vars();
    let plain = plain("move_order", &vars, Demand::Evacuation);
    let text = ResidentText { kind: AlertKind::Exercise, version: 2, ..plain };
    let said = messages().resident(&text).expect("renders");
    assert!(said.starts_with("【余姚市防指】【演练】22:10更新：转移指令：3点前"), "{said}");
}

#[test]
fn merged_alerts_ask_once_and_for_the_most() {
    let messages = messages();
    let (water, order) = (samples(find("public_notice").expect("known"), true), move_vars());
    let part = MergedPart { template: "move_order", vars: &order, demand: Demand::Evacuation };
    let plain = plain("public_notice", &water, Demand::Inform);
    let said = messages.resident(&ResidentText { merged: &[part], ..plain });
    let expected = "【余姚市防指】提示：今晚8点到明早6点南雷社区停水，请先存好水。\
                    另：转移指令：3点前请离家到四明小学。\
                    收到回1，要人帮回2，全家已离开回3。危急拨119";
    assert_eq!(said.as_deref(), Ok(expected));
    let many = ResidentText { merged: &[part, part, part], ..plain };
    let fault = RenderFault::Count { field: "merged", given: 4, least: 1, most: 3 };
    assert_eq!(messages.resident(&many), Err(fault));
}

#[test]
fn longest_values_still_make_a_text() {
    let messages = messages();
    for template in messages.templates() {
        let fill = |variable: &crate::render::VariableInfo| match variable.name {
            "colour" => "橙".to_owned(),
            _ => "水".repeat(variable.max_units),
        };
        let vars: Vars =
            template.variables.iter().map(|one| (one.name.into(), fill(one))).collect();
        let name = "亲".repeat(FULL_NAME_UNITS);
        for audience in [Audience::Several(u32::MAX), Audience::AbsentRelative { name: &name }] {
            for demand in Demand::ALL {
                let plain = plain(template.name, &vars, demand);
                let text =
                    ResidentText { audience, kind: AlertKind::Exercise, version: 2, ..plain };
                assert!(messages.resident(&text).is_ok(), "{}", template.name);
            }
        }
    }
}

#[test]
fn unknown_and_missing_variables_are_named_with_those_that_exist() {
    let messages = messages();
    let known = "by, shelter, zone";
    let cases = [
        (vars(&[("by", "3点"), ("shelter", "四明小学"), ("shelther", "x")]), "\"shelther\""),
        (vars(&[("by", "3点")]), "\"shelter\""),
        (vars(&[]), "needs variable \"by\", \"shelter\"; it has"),
        (vars(&[("at", "3点"), ("who", "x")]), "no variable \"at\", \"who\"; it has"),
        (vars(&[("at", "3点")]), "needs variable \"by\", \"shelter\"; it has"),
        (vars(&[("at", "3点"), ("by", "")]), "by: is empty"),
    ];
    for (vars, named) in cases {
        let fault = messages.check_vars("move_order", &vars).expect_err("refused").to_string();
        assert!(fault.contains(named) && fault.contains(known), "{fault}");
        let text = plain("move_order", &vars, Demand::Evacuation);
        assert_eq!(messages.resident(&text).expect_err("refused").to_string(), fault);
    }
    let fault = messages.check_vars("撤离", &Vars::new()).expect_err("refused").to_string();
    assert!(fault.contains("\"撤离\"") && fault.contains("move_order, dam_release"), "{fault}");
    assert_eq!(messages.check_vars("move_order", &move_vars()), Ok(()));
}

#[test]
fn bad_values_are_refused_by_name() {
    let messages = messages();
    let cases = [
        ("", "shelter: is empty"),
        ("【工商银行】", "shelter: has a character that may not stand in a message: U+3010"),
        ("四明小学\r\n", "U+000D"),
        ("四明小学👍", "U+1F44D"),
        ("ym.gov.cn", "shelter: has a link"),
        ("橙色预警点", "shelter: gives a warning colour (橙色预警)"),
        ("四明小学，回1", "shelter: tells which digit"),
        ("{{ by }}", ""),
    ];
    for (value, expected) in cases {
        let vars = vars(&[("by", "3点"), ("shelter", value)]);
        let said = messages.resident(&plain("move_order", &vars, Demand::Evacuation));
        match expected {
            // Braces are words like any other: a value is never read as a template.
            "" => assert!(said.expect("renders").contains("离家到{{ by }}。")),
            _ => {
                let fault = said.expect_err("refused").to_string();
                assert!(fault.contains(expected), "{fault}");
            }
        }
    }
    let long = vars(&[("by", "3点"), ("shelter", &"校".repeat(25))]);
    let fault = messages.check_vars("move_order", &long).expect_err("refused").to_string();
    assert_eq!(fault, "shelter: is 25 units long, at most 24 are possible");
    let vars = move_vars();
    let plain = plain("move_order", &vars, Demand::Evacuation);
    assert!(messages.resident(&ResidentText { signature: "余姚】", ..plain }).is_err());
    let audience = Audience::AbsentRelative { name: "" };
    assert!(messages.resident(&ResidentText { audience, ..plain }).is_err());
}

#[test]
fn colour_is_copied_and_must_be_the_titles() {
    let messages = messages();
    let typhoon = find("forwarded_typhoon").expect("known");
    let mut vars = samples(typhoon, false);
    vars.insert("colour".into(), "红色".into());
    let fault = messages.check_vars(typhoon.name, &vars).expect_err("refused").to_string();
    assert_eq!(fault, "colour: names another colour than the title");
    vars.insert("title".into(), "台风警报".into());
    let said = messages.resident(&plain(typhoon.name, &vars, Demand::Inform)).expect("renders");
    assert!(said.contains("14日10时30分台风警报（红色）："), "{said}");
    vars.insert("colour".into(), "Ⅱ级".into());
    assert!(messages.check_vars(typhoon.name, &vars).is_err());
}

#[test]
fn return_notice_and_hints_cannot_ask_to_leave() {
    let messages = messages();
    assert_eq!(messages.check_demand("move_order", Demand::Evacuation), Ok(()));
    assert_eq!(messages.check_demand("return_notice", Demand::Receipt), Ok(()));
    let fault = messages.check_demand("return_notice", Demand::Evacuation).expect_err("refused");
    assert_eq!(fault.to_string(), "template return_notice cannot ask for 转移到位");
    assert!(messages.check_demand("public_notice", Demand::Upstairs).is_err());
}

#[test]
fn catalog_and_files_agree() {
    let messages = messages();
    let given = ["demand", "relative", "stamp", "colour_apart"];
    for template in messages.templates() {
        let parsed = messages.templates.get_template(template.name).expect("embedded");
        let mut used: Vec<String> = parsed.undeclared_variables(false).into_iter().collect();
        used.retain(|name| !given.contains(&name.as_str()));
        used.sort();
        let mut listed = template.variable_names();
        listed.sort_unstable();
        assert_eq!(used, listed, "{}", template.name);
        assert_eq!(messages.check_vars(template.name, &samples(&template, true)), Ok(()));
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/messages/zh-CN");
    let folders = ["", "/residents", "/notices"];
    let files = folders.iter().flat_map(|folder| {
        std::fs::read_dir(format!("{root}{folder}")).expect("the templates' folder")
    });
    let files = files.filter(|file| file.as_ref().is_ok_and(|file| file.path().is_file()));
    assert_eq!(files.count(), HOUSE.len() + TEMPLATES.len(), "every file is embedded");
}
