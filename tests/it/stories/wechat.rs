//! A household on WeChat: bound by a code that went to its phone, told of orders there too, heard,
//! and found by SMS again once it has left. And what tokens do on such a night.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::sync::watch;

use tongluo::base::clock::{Clock, HandClock};
use tongluo::channel::registry::ProviderSettings;
use tongluo::channel::{CallFault, Transport};
use tongluo::engine::inbox::Inbox;
use tongluo::engine::{Engine, Gateway};
use tongluo::practice::gateway::{GatewaySim, Line};
use tongluo::practice::wechat::{AccountSettings, WechatSim};

use crate::plant::{HOME, home_number};
use crate::town::{Setup, Town, on_both};

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const OPENID: &str = "oFollower-1";

/// Both gateways on the story's clock.
struct Wires {
    sms: Line,
    account: Arc<WechatSim>,
    clock: Arc<HandClock>,
}

#[async_trait]
impl Transport for Wires {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFault> {
        match request.uri().path().starts_with("/cgi-bin/") {
            true => self.account.handle(self.clock.story_ms(), &request),
            false => self.sms.call(request).await,
        }
    }
}

/// What the story has beside its town.
struct Account {
    sim: Arc<WechatSim>,
    inbox: Inbox,
    _stop: watch::Sender<bool>,
}

impl Account {
    async fn takes(&self, town: &Town, request: Request<Bytes>) -> Response<Bytes> {
        let answer = self.inbox.take("official-a", &request).await;
        town.settle().await;
        answer
    }

    async fn hears(&self, town: &Town, text: &str) {
        let said = self.takes(town, self.sim.says(town.now(), OPENID, text)).await;
        assert_eq!((said.status(), said.body().as_ref()), (StatusCode::OK, &b"success"[..]));
    }
}

fn wires(sms: &Arc<GatewaySim>, account: &Arc<WechatSim>, clock: &Arc<HandClock>) -> Arc<Wires> {
    let line = Line { gateway: sms.clone(), clock: clock.clone() };
    Arc::new(Wires { sms: line, account: account.clone(), clock: clock.clone() })
}

fn account() -> AccountSettings {
    AccountSettings {
        id: "wx12".into(),
        secret: "practice-app-secret".into(),
        hook_token: "emergtoken".into(),
        hook_aes_key: KEY.into(),
    }
}

fn add_gateway(engine: &mut Engine) {
    let settings: ProviderSettings = toml::from_str(
        "kind = \"official\"\nname = \"official-a\"\nrealm = \"practice\"\napp_id = \"wx12\"\n\
         base_url = \"http://127.0.0.1:1\"\n[[templates]]\ncode = \"T1\"\n\
         sign = \"余姚市防指\"\ntext = \"${thing1}\"\nvariable_chars = 400\n",
    )
    .unwrap();
    let secrets = [
        ("app_secret", "practice-app-secret"),
        ("hook_token", "emergtoken"),
        ("hook_aes_key", KEY),
    ];
    let provider = Arc::new(settings.open(&secrets).unwrap());
    engine.gateways.push(Gateway { provider, rate_per_second: None });
}

/// The town gets an account of its own.
async fn with_account(town: &mut Town) -> Account {
    let sim = Arc::new(WechatSim::new(account()));
    let wires = wires(&town.sim, &sim, &town.clock);
    let mut engine = town.another("wechat", 11, wires, &Setup::default()).await;
    add_gateway(&mut engine);
    town.engine = Arc::new(engine);
    let (stop, stopped) = watch::channel(false);
    let inbox = Inbox::open(&town.engine, &stopped);
    Account { sim, inbox, _stop: stop }
}

/// The code in the last text a phone got.
fn code(town: &Town, number: &str) -> String {
    let last = town.heard(number).pop().unwrap_or_default();
    assert!(last.contains("验证码"), "{last}");
    last.chars().filter(char::is_ascii_digit).take(6).collect()
}

async fn bind(town: &Town, account: &Account, number: &str) {
    let said = account.takes(town, account.sim.follows(town.now(), OPENID)).await;
    assert!(String::from_utf8_lossy(said.body()).contains("<Encrypt>"), "a sealed welcome");
    account.hears(town, number.trim_start_matches("+86")).await;
    let code = code(town, number);
    account.hears(town, &code).await;
    assert!(town.heard(number).pop().unwrap().contains("已绑定微信"));
}

async fn followers(town: &Town) -> i64 {
    town.count("SELECT count(*) FROM address WHERE lane = 3 AND state = 0").await
}

#[tokio::test]
async fn a_follower_is_bound_told_heard_and_found_by_sms_once_he_has_left() {
    on_both(Setup::default(), async |mut town| {
        let face = with_account(&mut town).await;
        let home = home_number(HOME + 2);
        bind(&town, &face, &home).await;
        assert_eq!(followers(&town).await, 1);
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        let sent =
            |words: &str| town.heard(&home).iter().filter(|text| text.contains(words)).count();
        assert_eq!(sent("转移指令"), 1, "the first wave takes one address a home");
        assert!(face.sim.heard(OPENID).is_empty());
        town.minutes(4).await;
        let texts = face.sim.heard(OPENID);
        assert!(texts.iter().any(|text| text.contains("四明小学")), "another way: {texts:?}");
        let last = face.sim.taken().pop().unwrap();
        let report = face.sim.reports(town.now(), &last, "success");
        face.takes(&town, report).await;
        // The vendor gives back only its own name for the message, by which they meet.
        let reports = "SELECT count(*) FROM receipt WHERE provider = 'official-a' AND class = 1 \
                       AND batch_id IS NOT NULL";
        assert_eq!(town.count(reports).await, 1);

        let before = town.custody(alert).await;
        town.seconds(70).await;
        face.hears(&town, "1").await;
        assert_eq!(town.custody(alert).await.heard, before.heard + 1);
        let by_wechat = "SELECT count(*) FROM statement WHERE source = 'wechat'";
        assert_eq!(town.count(by_wechat).await, 1);

        face.takes(&town, face.sim.leaves(town.now(), OPENID)).await;
        assert_eq!(followers(&town).await, 0);
        let (heard, texted) = (face.sim.heard(OPENID).len(), sent("转移指令"));
        town.minutes(10).await;
        town.flood_order().await;
        town.minutes(10).await;
        assert_eq!(face.sim.heard(OPENID).len(), heard, "who has left is not written to");
        assert!(sent("转移指令") > texted, "but by SMS");
        town
    })
    .await;
}

#[tokio::test]
async fn nobody_binds_a_home_whose_phone_he_does_not_hold() {
    on_both(Setup::default(), async |mut town| {
        let face = with_account(&mut town).await;
        let home = home_number(HOME + 2);
        face.hears(&town, home.trim_start_matches("+86")).await;
        let good = code(&town, &home);
        let wrong = if good == "000000" { "000001" } else { "000000" };
        for _ in 0..5 {
            face.hears(&town, wrong).await;
        }
        face.hears(&town, &good).await;
        assert_eq!(followers(&town).await, 0, "a code dies of wrong guesses");
        // Asked again at once, and all day long.
        let asked = town.heard(&home).len();
        face.hears(&town, home.trim_start_matches("+86")).await;
        assert_eq!(town.heard(&home).len(), asked, "not twice a minute");
        for _ in 0..10 {
            town.seconds(65).await;
            face.hears(&town, home.trim_start_matches("+86")).await;
        }
        assert_eq!(town.heard(&home).len(), asked + 4, "five a day");
        let late = code(&town, &home);
        town.minutes(11).await;
        face.hears(&town, &late).await;
        assert_eq!(followers(&town).await, 0, "a code dies of age");
        town
    })
    .await;
}

#[tokio::test]
async fn a_forged_callback_changes_nothing_and_is_refused() {
    on_both(Setup::default(), async |mut town| {
        let face = with_account(&mut town).await;
        bind(&town, &face, &home_number(HOME + 2)).await;
        let other = WechatSim::new(AccountSettings { hook_token: "guessed".into(), ..account() });
        let foreign = WechatSim::new(AccountSettings { id: "wx99".into(), ..account() });
        for sim in [&other, &foreign] {
            let said = face.takes(&town, sim.leaves(town.now(), OPENID)).await;
            assert_eq!(said.status(), StatusCode::FORBIDDEN);
        }
        let mut touched = face.sim.leaves(town.now(), OPENID);
        let body = String::from_utf8_lossy(touched.body()).replacen('A', "B", 1);
        *touched.body_mut() = Bytes::from(body);
        assert_eq!(face.takes(&town, touched).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(followers(&town).await, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_token_that_ends_in_mid_dispatch_is_got_anew_and_costs_nobody_an_attempt() {
    on_both(Setup::default(), async |mut town| {
        let face = with_account(&mut town).await;
        let home = home_number(HOME + 2);
        bind(&town, &face, &home).await;
        // No phone takes texts any more: the first wave goes by WeChat.
        town.break_in("UPDATE address SET state = 1 WHERE lane = 1 AND household_id = 1000002")
            .await;
        town.flood_order().await;
        town.settle().await;
        assert_eq!(face.sim.heard(OPENID).len(), 1);
        assert_eq!(face.sim.tokens_asked(), 1);
        let lies = town.count("SELECT count(*) FROM access WHERE sealed IS NOT NULL").await;
        assert_eq!(lies, 1);
        face.sim.revoke_token();
        town.minutes(4).await;
        assert_eq!(face.sim.heard(OPENID).len(), 2);
        assert_eq!(face.sim.tokens_asked(), 2, "asked once for the refused one");
        let refused = "SELECT count(*) FROM outcome WHERE lane = 3 AND kind <> 1";
        assert_eq!(town.count(refused).await, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn without_tokens_the_gateway_is_away_and_what_it_owes_waits() {
    on_both(Setup::default(), async |mut town| {
        let face = with_account(&mut town).await;
        bind(&town, &face, &home_number(HOME + 2)).await;
        town.break_in("UPDATE address SET state = 1 WHERE lane = 1 AND household_id = 1000002")
            .await;
        face.sim.token_away(true);
        town.flood_order().await;
        town.seconds(45).await;
        assert!(face.sim.taken().is_empty());
        assert_eq!(town.engine.outages()[0].0, "official-a");
        let outcomes = "SELECT count(*) FROM outcome WHERE lane = 3";
        assert_eq!(town.count(outcomes).await, 0, "no attempt was lost");
        face.sim.token_away(false);
        // Meanwhile a receipt of an older text has brought the number back, too late for its wave.
        let lives = "SELECT count(*) FROM address WHERE lane = 1 AND state = 0 \
                     AND household_id = 1000002";
        assert!(town.count(lives).await > 0);
        town.seconds(60).await;
        assert_eq!(face.sim.heard(OPENID).len(), 1);
        assert!(town.engine.outages().is_empty());
        town
    })
    .await;
}
