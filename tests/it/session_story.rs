//! A session before the real engine, on both databases: what a resident writes over SMPP is
//! acknowledged to the centre once its effect is committed, repeated or not; and the gate stands
//! before sessions as it stands before HTTP.

use std::sync::Arc;

use tokio::sync::watch;

use tongluo::channel::http::{HttpLimits, HttpTransport};
use tongluo::channel::session::{Ear, LinkSettings};
use tongluo::channel::smpp::SmppSettings;
use tongluo::channel::{self, Message, Moment};
use tongluo::domain::gate::{AlertKind, admit};
use tongluo::domain::lane::Realm;
use tongluo::engine::inbox::Inbox;
use tongluo::practice::center::{CenterHandle, CenterVices, ReceiptForm, Smsc};

use crate::plant::{HOME, home_number};
use crate::sessions::{NUMBER, pause, smpp};
use crate::town::{Setup, on_both};

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
