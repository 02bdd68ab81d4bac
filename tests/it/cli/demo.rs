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
    "更正  四明小学已经进水",
    "更正  没发出去的",
    "解除  气象台解除暴雨红色预警。预警解除，转移指令不解除",
    "—— 凌晨2点的账 ——",
    "—— 王阿婆这一夜 ——",
    "链完整",
    "—— 同一夜，只群发短信 ——",
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

fn check(account: &Value, told: &str) {
    let n = |key: &str| account[key].as_i64().unwrap_or_else(|| panic!("{key}: {account}"));
    assert_eq!(n("audience"), 600, "{told}");
    assert_eq!(n("audience"), n("pursued") + n("told"), "{account}");
    assert_eq!(n("pursued"), n("answered") + n("open"), "{account}");
    let hands = n("open_desk") + n("open_list") + n("open_sheet") + n("open_system");
    assert_eq!((n("open"), n("orphans"), n("duplicates")), (hands, 0, 0), "{account}");
    assert!(n("answered") > 0 && n("heard") > 0 && n("replies") > 0, "{account}");
    assert!(n("must_move") >= n("moved") + n("refused") && n("moved") > 0, "{account}");
    assert!(n("responsible_persons") > n("unwoken_at_5min"), "{account}");
    assert!(n("attempts") > 600 && n("first_send_ms") >= 0, "{account}");
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
    let (_, url) = told.trim_end().rsplit_once('：').unwrap();
    let home = &url[..url.find("/demo/").unwrap()];
    assert_eq!(get(&format!("{home}/demo/0123456789abcdef01234567"), "").await.status(), 404);
    let first = get(url, "").await;
    assert_eq!(first.status(), 303);
    let session = cookies(&first).pop().unwrap();
    assert!(session.starts_with("tongluo="), "{session}");
    let again = get(url, "").await;
    assert_eq!((again.status().as_u16(), cookies(&again).len()), (303, 0), "it lets in once");
    assert_eq!(get(&format!("{home}/me"), &session).await.status(), 200);
    assert_eq!(get(&format!("{home}/me"), "").await.status(), 303, "to the sign-in");
    let account = tokio::task::block_in_place(|| {
        told += &lines.map(|line| line.unwrap() + "\n").collect::<String>();
        let mut text = String::new();
        BufReader::new(out).read_to_string(&mut text).unwrap();
        text
    });
    assert!(child.wait().unwrap().success(), "{told}");
    let mut from = 0;
    for words in TOLD {
        let at = told[from..].find(words).unwrap_or_else(|| panic!("{words}\n{told}"));
        from += at;
    }
    assert!(told.contains("接手") && told.contains("水进屋了"), "{told}");
    let keys: Vec<&str> =
        account.split('"').skip(1).step_by(2).filter(|word| !word.contains(':')).collect();
    assert_eq!(keys, KEYS);
    check(&serde_json::from_str(&account).unwrap(), &told);
}

#[test]
fn a_town_too_small_for_the_story_is_refused_in_words() {
    let child = start(&["--exit", "--households", "20"]);
    let done = child.wait_with_output().unwrap();
    assert!(!done.status.success() && done.stdout.is_empty());
    let fault = String::from_utf8(done.stderr).unwrap();
    assert!(fault.contains("--households: 200 to 300000"), "{fault}");
}
