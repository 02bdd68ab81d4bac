//! Promised lines are read, wrong ones say what is wrong; the READMEs' lines and forms hold.

use clap::CommandFactory;

use super::*;
use crate::app::alerts::OrderForm;

fn parse(line: &str) -> Result<Cli, String> {
    let words = std::iter::once("tongluo").chain(line.split_whitespace());
    Cli::try_parse_from(words).map_err(|fault| fault.to_string())
}

#[test]
fn the_commands_are_whole() {
    Cli::command().debug_assert();
}

#[test]
fn the_promised_lines_are_read() {
    for line in [
        "serve --config a.toml --roles web,dispatch",
        "migrate",
        "doctor --json",
        "key new",
        "user add 陈制作 --role author@330281 --role emergency@330281 --as 管理",
        "user add 陈制作 --role author@330281 desk@330281001",
        "user list --json",
        "token new 陈制作 --for 大屏 --scopes read,desk --days 30 --as 管理",
        "alert draft --form f.json --as 陈制作 --json",
        "alert send --form - --as 陈制作",
        "alert return 0199 --reason 错字 --as 李签发",
        "alert approve 0199 --bypass --seen 1.0123456789abcdef",
        "alert withdraw 0199 --var reason=误发 --var issuer=防指",
        "alert audit 0199 --json",
        "alert discard 0199 --as 陈制作",
        "alert countersign 0199 --as 李签发",
        "alert narrow 0199 --tell range-correction --place p1 p2 --as 陈制作",
        "alert extend 0199 --hours 2 --as 值班",
        "alert roll 0199 --json",
        "alert roll-fill 0199 --place p1 --file roll.csv --as 陈制作",
        "alert roll-confirm 0199 --name 王阿婆 --as 李签发",
        "alert roll-confirm 0199 --all --as 李签发",
        "list tick 0199 H12 evacuated --persons 3",
        "list give 0199 --to P7",
        "list link 0199 --person P7 --as 值班",
        "list link 0199 --home H12",
        "list revoke 0199 --person P7",
        "desk close 0199 --result 已接走",
        "journal verify",
        "journal prove --at 12 --row 7 --as 李签发 --json",
        "replies classify --menu 123",
        "practice town --seed 7 --rate 50",
        "practice town --kind aliyun --template SMS_1=${text}",
        "practice gateway --kind cmpp --account 901234 --pages 127.0.0.1:8702",
        "bench fanout --households 100000 --per-call 100 --receipts --json",
    ] {
        parse(line).unwrap_or_else(|fault| panic!("{line}: {fault}"));
    }
}

#[test]
fn the_lines_of_the_readmes_are_read() {
    let mut told = Vec::new();
    for page in [include_str!("../../../README.md"), include_str!("../../../README.zh-CN.md")] {
        let (_, block) = page.split_once("```sh\n").unwrap();
        let (block, _) = block.split_once("```").unwrap();
        let line = |line: &'static str| {
            let words = line.split(" #").next().unwrap_or_default();
            let words = words.split(" >").next().unwrap_or_default();
            let (_, words) = words.split_once("tongluo ")?;
            Some(words.trim().trim_end_matches('&').trim_end())
        };
        let lines: Vec<&str> = block.lines().filter_map(line).collect();
        for line in lines.iter().filter(|line| !line.contains("tongluo.toml")) {
            parse(line).unwrap_or_else(|fault| panic!("{line}: {fault}"));
        }
        told.push(lines);
    }
    assert!(told[0].len() > 14, "{told:?}");
    assert_eq!(told[0], told[1], "both pages tell the same steps");
}

#[test]
fn the_form_shown_in_help_is_one() {
    let (at, end) = (FORM_HELP.find('{').unwrap(), FORM_HELP.rfind('}').unwrap());
    let form: OrderForm = serde_json::from_str(&FORM_HELP[at..=end]).unwrap();
    assert_eq!((form.act_by, form.places.len()), (Some(1_784_962_800_000), 1));
    let first: OrderForm =
        serde_json::from_str(include_str!("../../../config/order.json")).unwrap();
    assert_eq!((first.kind.as_str(), first.template.as_str()), ("rehearsal", "move_order"));
}

#[test]
fn a_wrong_line_says_what_is_wrong() {
    for (line, says) in [
        ("alert", "draft"),
        ("alert draft", "--form"),
        ("user add 甲", "--role"),
        ("user add 甲 --role cook@1", "author"),
        ("token new 甲 --for 大屏 --scopes cook", "admin"),
        ("alert withdraw 0199 --var reason", "NAME=VALUE"),
        ("list give 0199", "--to"),
        ("list link 0199", "--person"),
        ("list link 0199 --person P7 --home H12", "--home"),
        ("list revoke 0199", "--person"),
        ("alert narrow 0199 --tell bye --place p1", "range-correction"),
        ("alert narrow 0199 --tell return-notice", "--place"),
        ("alert roll-fill 0199", "--file"),
        ("alert roll-confirm 0199", "--name"),
        ("sreve", "serve"),
    ] {
        let fault = parse(line).unwrap_err();
        assert!(fault.contains(says), "{line}: {fault}");
    }
}
