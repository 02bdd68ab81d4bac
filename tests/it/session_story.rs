//! A session before the real engine, on both databases: what a resident writes over SMPP is
//! acknowledged to the centre once its effect is committed, repeated or not; and the gate stands
//! before sessions as it stands before HTTP.

use std::sync::Arc;

use tokio::sync::watch;

use tongluo::channel::http::{HttpLimits, HttpTransport};
use tongluo::channel::registry::ProviderSettings;
use tongluo::channel::session::{Ear, LinkSettings};
use tongluo::channel::smpp::SmppSettings;
use tongluo::channel::{self, Message, Moment};
use tongluo::domain::gate::{AlertKind, admit};
use tongluo::domain::lane::Realm;
use tongluo::engine::inbox::Inbox;
use tongluo::practice::center::{CenterHandle, CenterVices, Ismg, ReceiptForm, Smsc};

use crate::engines::rooms;
use crate::plant::{HOME, home_number};
use crate::sessions::{NUMBER, pause, smpp};
use crate::town::{Setup, Town, on_both};

async fn center() -> (CenterHandle, SmppSettings) {
    let smsc = Smsc {
        system_id: "emerg01".into(),
        password: "geheim8".into(),
        receipts: ReceiptForm::Text,
    };
    let center = CenterHandle::smpp(smsc, CenterVices::default()).await.unwrap();
    // The town's door has this name.
    let text = format!(
        "name = \"practice\"\nrealm = \"practice\"\naddress = \"{}\"\n\
         system_id = \"emerg01\"\npassword_env = \"X\"\nsource = \"{NUMBER}\"\n",
        center.address()
    );
    let link = LinkSettings { reconnect_ms: 50, ..LinkSettings::default() };
    let settings = SmppSettings { link, ..toml::from_str(&text).unwrap() };
    (center, settings)
}

#[tokio::test]
async fn what_a_resident_writes_over_smpp_is_heard_once() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.settle().await;
        town.seconds(70).await;
        let (hold, grouping) = watch::channel(false);
        let ear: Arc<dyn Ear> = Arc::new(Inbox::open(&town.engine, &grouping));
        let (center, settings) = center().await;
        let provider = smpp(settings);
        let (end, stop) = watch::channel(false);
        let task = tokio::spawn(async move { provider.session().unwrap().run(ear, stop).await });
        let home = home_number(HOME + 2);
        center.write_in(home.trim_start_matches('+'), NUMBER, "收到");
        for _ in 0..500 {
            if center.deliveries().0 == 1 {
                break;
            }
            pause(10).await;
        }
        assert_eq!(center.deliveries(), (1, 0, 0), "acknowledged once");
        assert_eq!(town.custody(alert).await.heard, 1, "and its effect is committed by then");
        // The same words again, as after a lost acknowledgement: known, and acknowledged.
        center.write_in(home.trim_start_matches('+'), NUMBER, "收到");
        for _ in 0..500 {
            if center.deliveries().0 == 2 {
                break;
            }
            pause(10).await;
        }
        assert_eq!(center.deliveries(), (2, 0, 0));
        assert_eq!(town.custody(alert).await.heard, 1);
        end.send(true).unwrap();
        task.await.unwrap();
        hold.send(true).unwrap();
        town
    })
    .await;
}

#[tokio::test]
async fn the_gate_stands_before_a_session() {
    let (center, settings) = center().await;
    let provider = Arc::new(smpp(settings));
    struct Deaf;
    #[async_trait::async_trait]
    impl Ear for Deaf {
        async fn hear(&self, _: &str, _: Vec<channel::Event>) -> bool {
            false
        }
    }
    let (end, stop) = watch::channel(false);
    let running = provider.clone();
    let task =
        tokio::spawn(async move { running.session().unwrap().run(Arc::new(Deaf), stop).await });
    while !provider.session().unwrap().links()[0].bound {
        pause(10).await;
    }
    let wire = HttpTransport::new(HttpLimits::default(), Vec::new()).unwrap();
    let chunk = [Message {
        to: "+8612700000001".into(),
        text: "【推演】请转移".into(),
        reference: "r".into(),
    }];
    let at = Moment { now_ms: 0, nonce: 1 };
    let live = admit(AlertKind::Live, false, Realm::Live, Realm::Live, true, "【推演】").unwrap();
    let refused = channel::send(&wire, provider.as_ref(), &live, &chunk, at).await;
    assert_eq!(refused[0].detail(), "gate");
    assert_eq!(center.submits().0, 0);
    let (practice, mark) = (Realm::Practice, "【推演】");
    let pass = admit(AlertKind::Rehearsal, true, practice, practice, true, mark).unwrap();
    let sent = channel::send(&wire, provider.as_ref(), &pass, &chunk, at).await;
    assert_eq!(sent[0].code(), 1, "{sent:?}");
    assert_eq!(center.arrived()[0].text, "【推演】请转移");
    end.send(true).unwrap();
    task.await.unwrap();
}

/// A carrier's gateway that speaks CMPP, with its account.
async fn ismg(vices: CenterVices) -> (CenterHandle, ProviderSettings) {
    let ismg = Ismg {
        source_addr: "901234".into(),
        secret: "geheim-888888".into(),
        third: true,
        short_reports: false,
    };
    let center = CenterHandle::cmpp(ismg, vices).await.unwrap();
    let text = format!(
        "kind = \"cmpp\"\nname = \"practice\"\nrealm = \"practice\"\naddress = \"{}\"\n\
         version = \"3.0\"\nsource_addr = \"901234\"\nsecret_env = \"X\"\n\
         service_id = \"EMERG\"\nsrc_id = \"{NUMBER}\"\n",
        center.address()
    );
    (center, toml::from_str(&text).unwrap())
}

async fn smsc(vices: CenterVices) -> (CenterHandle, ProviderSettings) {
    // Hexadecimal in the answer, decimal in the receipt.
    let smsc = Smsc {
        system_id: "emerg01".into(),
        password: "geheim8".into(),
        receipts: ReceiptForm::HexThenDecimal,
    };
    let center = CenterHandle::smpp(smsc, vices).await.unwrap();
    let text = format!(
        "kind = \"smpp\"\nname = \"practice\"\nrealm = \"practice\"\naddress = \"{}\"\n\
         system_id = \"emerg01\"\npassword_env = \"X\"\nsource = \"{NUMBER}\"\n\
         receipt_ids = \"decimal\"\n",
        center.address()
    );
    (center, toml::from_str(&text).unwrap())
}

/// Waits until a query gives that many.
async fn until(town: &Town, sql: &str, wanted: i64) {
    for _ in 0..500 {
        if town.count(sql).await == wanted {
            return;
        }
        pause(10).await;
    }
    panic!("never {wanted}, but {}: {sql}", town.count(sql).await);
}

/// One night by a session, on both engines: the order goes out in parts, every message is delivered
/// when all of them are, early or not, and a resident's answer counts.
async fn night(open: impl AsyncFn(CenterVices) -> (CenterHandle, ProviderSettings)) {
    for early in [false, true] {
        for room in rooms().await {
            println!("--- on {}, early {early}", room.name);
            let vices = CenterVices {
                receipt_early: early,
                receipt_doubled: true,
                ..CenterVices::default()
            };
            let (center, settings) = open(vices).await;
            let secrets = [("password", "geheim8"), ("secret", "geheim-888888")];
            let provider = Arc::new(settings.open(&secrets).unwrap());
            let setup = Setup { provider: Some(provider.clone()), ..Setup::default() };
            let town = Town::open(room, &setup).await;
            let (hold, grouping) = watch::channel(false);
            let ear: Arc<dyn Ear> = Arc::new(Inbox::open(&town.engine, &grouping));
            let (end, stop) = watch::channel(false);
            let running = provider.clone();
            let task = tokio::spawn(async move { running.session().unwrap().run(ear, stop).await });
            while !provider.session().unwrap().links()[0].bound {
                pause(10).await;
            }
            let (_, alert) = town.flood_order().await;
            town.settle().await;
            let parts: usize = center.arrived().iter().map(|message| message.parts).sum();
            assert!(parts > center.arrived().len(), "texts of several parts");
            let delivered = "SELECT count(DISTINCT r.address_id) FROM receipt r JOIN outcome o \
                ON o.batch_id = r.batch_id AND o.address_id = r.address_id WHERE r.class = 1";
            until(&town, delivered, town.homes).await;
            let unmet = "SELECT count(*) FROM receipt WHERE batch_id IS NULL AND notice_id IS NULL";
            until(&town, unmet, 0).await;
            let home = home_number(HOME + 2);
            center.write_in(home.trim_start_matches("+86"), NUMBER, "1");
            until(&town, "SELECT count(*) FROM standing WHERE heard_at IS NOT NULL", 1).await;
            assert_eq!(town.custody(alert).await.heard, 1);
            town.check().await;
            end.send(true).unwrap();
            task.await.unwrap();
            hold.send(true).unwrap();
            town.close().await;
        }
    }
}

#[tokio::test]
async fn a_night_by_smpp() {
    night(smsc).await;
}

#[tokio::test]
async fn a_night_by_cmpp() {
    night(ismg).await;
}
