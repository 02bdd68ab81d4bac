//! The demo as a newcomer starts it: a small town, its whole night on a fast clock, the account in
//! JSON, the story in words, and the address by which a browser comes in once.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use tongluo::channel::Transport;
use tongluo::channel::http::{HttpLimits, HttpTransport};

use crate::faults::processes::program;

/// The keys of the account, in their order.
const KEYS: [&str; 23] = [
    "audience",
    "pursued",
    "told",
    "answered",
    "open",
    "open_desk",
    "open_list",
    "open_sheet",
    "open_system",
    "orphans",
    "heard",
    "help",
    "responsible_persons",
    "unwoken_at_5min",
    "must_move",
    "moved",
    "refused",
    "stopped_before_send",
    "attempts",
    "duplicates",
    "replies",
    "first_send_ms",
    "control_in_nobodys_hands",
];
/// What the story tells, in its order.
const TOLD: [&str; 12] = [
    "预警  余姚市气象台",
    "叫应  责任人",
    "代价  签发前先看代价：必须转移",
    "签发  李签发看过代价",
    "王阿婆  王阿婆，78岁，独居",
    "更正  四明小学已经进水，写错了。点“撤销更正”，再点“立即停发并更正”：两下",
    "更正  没发出去的",
    "解除  气象台解除暴雨红色预警。预警解除，转移指令不解除",
    "—— 凌晨2点的账 ——",
    "—— 王阿婆这一夜 ——",
    "链完整",
    "—— 同一夜，只群发短信 ——",
];

/// What the story tells of her alone, in its order.
const HERS: [&str; 8] = [
    "王阿婆，78岁，独居",
    "：短信请他去",
    "回0：去不了",
    "名单派给网格长",
    "名单派给副网格长",
    "）接手",
    "到她家门口",
    "已落实",
];

fn start(words: &[&str]) -> Child {
    let mut command = program(&std::env::temp_dir());
    command.args(["demo", "--json"]).args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The lines up to the one that has `words`.
fn read_until(lines: &mut impl Iterator<Item = std::io::Result<String>>, words: &str) -> String {
    let mut seen = String::new();
    for line in lines.by_ref().map(Result::unwrap) {
        let found = line.contains(words);
        seen += &line;
        seen.push('\n');
        if found {
            return seen;
        }
    }
    panic!("{words} was never told:\n{seen}");
}

async fn get(url: &str, cookie: &str) -> Response<Bytes> {
    let client = HttpTransport::new(HttpLimits::default(), Vec::new()).unwrap();
    let request = Request::get(url).header("cookie", cookie).body(Bytes::new()).unwrap();
    client.call(request).await.unwrap()
}

fn cookies(answer: &Response<Bytes>) -> Vec<String> {
    let lines = answer.headers().get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

/// These words stand one after the other.
fn in_order(text: &str, words: &[&str]) {
    let mut from = 0;
    for words in words {
        from += text[from..].find(words).unwrap_or_else(|| panic!("{words}\n{text}"));
    }
}

/// The number between two words of the story.
fn number(told: &str, before: &str, after: &str) -> i64 {
    let (_, rest) = told.split_once(before).unwrap_or_else(|| panic!("{before}\n{told}"));
    let (number, _) = rest.split_once(after).unwrap();
    number.trim().parse().unwrap_or_else(|_| panic!("{before}{number}{after}"))
}

/// What is told as it happens is what the account says in the end.
fn check_told(account: &Value, told: &str) {
    let unwoken = number(told, "5 分钟未叫醒 ", " 名");
    assert_eq!(account["unwoken_at_5min"], unwoken, "{told}");
    assert!(unwoken > 0 && told.contains("，名单已自动报上级"), "{told}");
    let stopped = number(told, "更正  没发出去的 ", " 条当场拦下");
    assert_eq!(account["stopped_before_send"], stopped, "{told}");
    let had = number(told, "可能已收到错短信的 ", " 户，更正已发");
    let (_, rest) = told.split_once("户，更正已发 ").unwrap();
    let (corrected, rest) = rest.split_once(" 户").unwrap();
    let corrected: i64 = corrected.parse().unwrap();
    // On a loaded machine none may be through at that moment.
    assert!(had > 0 && (0..=had).contains(&corrected), "{told}");
    let whole = rest.starts_with("，一户不漏");
    assert_eq!(whole, corrected == had, "{told}");
    assert!(whole || rest.contains("空号") || rest.contains("正在发"), "{told}");
    let hers: String = told
        .lines()
        .filter(|line| line.contains("  王阿婆  "))
        .map(|line| format!("{line}\n"))
        .collect();
    in_order(&hers, &HERS);
}

fn check(account: &Value, told: &str, households: i64) {
    let n = |key: &str| account[key].as_i64().unwrap_or_else(|| panic!("{key}: {account}"));
    assert_eq!(n("audience"), households, "{told}");
    assert_eq!(n("audience"), n("pursued") + n("told"), "{account}");
    assert_eq!(n("pursued"), n("answered") + n("open"), "{account}");
    let hands = n("open_desk") + n("open_list") + n("open_sheet") + n("open_system");
    assert_eq!((n("open"), n("orphans"), n("duplicates")), (hands, 0, 0), "{account}");
    assert!(n("answered") > 0 && n("heard") > 0 && n("replies") > 0, "{account}");
    assert!(n("must_move") >= n("moved") + n("refused") && n("moved") > 0, "{account}");
    assert!(n("responsible_persons") > n("unwoken_at_5min"), "{account}");
    // `help` is who still waits for it at the end; that somebody asked stands in the story.
    assert!(n("refused") > 0 && told.contains("求助  累计"), "{account}");
    // Under load as well; what it is on a quiet machine stands in the README.
    assert!(n("attempts") > households && (0..20_000).contains(&n("first_send_ms")), "{account}");
    assert!(n("stopped_before_send") > 0, "{account}\n{told}");
    let control = n("control_in_nobodys_hands");
    assert!(control > 0 && control < n("pursued"), "{account}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_town_is_told_and_accounted_for() {
    let mut child = start(&["--exit", "--households", "600", "--seed", "7", "--speed", "400"]);
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut lines = BufReader::new(err).lines();
    let mut told = tokio::task::block_in_place(|| read_until(&mut lines, "看板"));
    let url = told.trim_end().rsplit_once('：').unwrap().1.to_owned();
    let home = &url[..url.find("/demo/").unwrap()];
    assert_eq!(get(&format!("{home}/demo/0123456789abcdef01234567"), "").await.status(), 404);
    let first = get(&url, "").await;
    assert_eq!(first.status(), 303);
    let session = cookies(&first).pop().unwrap();
    assert!(session.starts_with("tongluo="), "{session}");
    let again = get(&url, "").await;
    assert_eq!((again.status().as_u16(), cookies(&again).len()), (303, 0), "it lets in once");
    assert_eq!(get(&format!("{home}/me"), &session).await.status(), 200);
    assert_eq!(get(&format!("{home}/me"), "").await.status(), 303, "to the sign-in");
    // Once the order is out, the address leads to its board, and the board opens.
    told += &tokio::task::block_in_place(|| read_until(&mut lines, "签发  李签发看过代价"));
    let led = get(&url, &session).await;
    let board = led.headers()["location"].to_str().unwrap().to_owned();
    assert!(board.starts_with("/alerts/"), "{board}");
    let board = get(&format!("{home}{board}"), &session).await;
    let page = String::from_utf8(board.body().to_vec()).unwrap();
    assert!(board.status() == 200 && page.contains("户未应答"), "{page}");
    assert!(page.contains("转移指令"), "{page}");
    let account = tokio::task::block_in_place(|| {
        told += &lines.map(|line| line.unwrap() + "\n").collect::<String>();
        let mut text = String::new();
        BufReader::new(out).read_to_string(&mut text).unwrap();
        text
    });
    assert!(child.wait().unwrap().success(), "{told}");
    in_order(&told, &TOLD);
    assert!(told.contains("接手") && told.contains("水进屋了"), "{told}");
    accounted(&account, &told, 600);
}

/// Every key in its order, the story and the sums.
fn accounted(account: &str, told: &str, households: i64) {
    let keys: Vec<&str> =
        account.split('"').skip(1).step_by(2).filter(|word| !word.contains(':')).collect();
    assert_eq!(keys, KEYS);
    let account = serde_json::from_str(account).unwrap();
    check_told(&account, told);
    check(&account, told, households);
}

/// As the README has it: no other word than `--exit --json`. Takes as long as the night: two
/// minutes.
#[test]
fn the_town_of_its_default_size_is_accounted_for() {
    let done = start(&["--exit"]).wait_with_output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{told}");
    accounted(&String::from_utf8(done.stdout).unwrap(), &told, 20_000);
}

#[test]
fn a_town_too_small_for_the_story_is_refused_in_words() {
    let child = start(&["--exit", "--households", "20"]);
    let done = child.wait_with_output().unwrap();
    assert!(!done.status.success() && done.stdout.is_empty());
    let fault = String::from_utf8(done.stderr).unwrap();
    assert!(fault.contains("--households: 200 to 300000"), "{fault}");
}
