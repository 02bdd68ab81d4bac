//! What the journal proves of a night: every message and reply is sealed with its batch, a single
//! row can be proved by its salt alone, and erasing texts breaks nothing.

use tongluo::domain::journal::{check_row, hex};
use tongluo::engine::chain::{self, Chained, VerifyFault};
use tongluo::engine::proof::{self, REPLIES, SENDS, Seal};

use crate::plant::{HOME, home_number, leader};
use crate::town::{Setup, Town, on_both};

async fn chained(town: &Town) {
    let store = &town.engine.store;
    while chain::chain_once(store, "story", town.now()).await.unwrap() != Chained::Idle {}
}

async fn entries(town: &Town, act: &str) -> Vec<(i64, Seal)> {
    let sql = format!("SELECT pos, detail FROM journal WHERE act = '{act}' ORDER BY pos");
    let rows: Vec<(i64, String)> = town.rows(&sql).await;
    rows.into_iter().map(|(pos, text)| (pos, serde_json::from_str(&text).unwrap())).collect()
}

#[tokio::test]
async fn sends_and_replies_are_sealed_and_one_row_can_be_proved_alone() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "收到").await;
        town.leader_says(leader(0), "1").await;
        chained(&town).await;
        let (store, sealer) = (&town.engine.store, &town.engine.sealer);
        let whole = chain::verify(store, sealer).await.unwrap();
        let sent = town.count("SELECT count(*) FROM outcome").await;
        let notices = town.count("SELECT count(*) FROM notice WHERE kind IS NOT NULL").await;
        assert!(sent >= 10 && notices > 0);
        assert_eq!(whole.rows.proved, sent + notices + 2, "every message, and two replies");
        assert_eq!(whole.rows.erased, 0);
        let sends = entries(&town, SENDS).await;
        let (pos, seal) = &sends[0];
        let row = seal.rows[0];
        let proved = proof::prove_row(store, sealer, *pos, row).await.unwrap().unwrap();
        let salt = hex::parse(&proved.salt).unwrap();
        assert!(check_row(&seal.seal, &salt, proved.index, proved.text.as_bytes()).is_ok());
        let forged = proved.text.replace(&row.to_string(), "7");
        assert!(check_row(&seal.seal, &salt, proved.index, forged.as_bytes()).is_err());
        town
    })
    .await;
}

#[tokio::test]
async fn an_erased_text_breaks_nothing_and_a_changed_one_is_named() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        town.says(&home_number(HOME + 1), "收到").await;
        town.says(&home_number(HOME + 3), "收到了，谢谢").await;
        chained(&town).await;
        let (store, sealer) = (&town.engine.store, &town.engine.sealer);
        let before = chain::verify(store, sealer).await.unwrap();
        town.break_in("UPDATE inbound SET text = '' WHERE text = '收到'").await;
        town.break_in("UPDATE notice SET text = ''").await;
        let after = chain::verify(store, sealer).await.unwrap();
        assert_eq!(after.verified, before.verified);
        assert!(after.rows.erased > 1, "{:?}", after.rows);
        assert_eq!(after.rows.proved + after.rows.erased, before.rows.proved);
        town.break_in("UPDATE inbound SET text = '3' WHERE text <> ''").await;
        let fault = chain::verify(store, sealer).await.unwrap_err();
        assert!(matches!(&fault, VerifyFault::Row(row) if row.act == REPLIES), "{fault}");
        town.break_in("UPDATE inbound SET text = '' WHERE text = '3'").await;
        town.break_in("UPDATE outcome SET at = at + 1").await;
        let fault = chain::verify(store, sealer).await.unwrap_err();
        assert!(matches!(&fault, VerifyFault::Row(row) if row.act == SENDS), "{fault}");
        town
    })
    .await;
}
