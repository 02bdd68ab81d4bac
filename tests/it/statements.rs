//! Every statement of the store is prepared by both real databases: what the compiler can't check.

use crate::engines::rooms;

#[tokio::test]
async fn every_statement_is_understood_by_both_databases() {
    for room in rooms().await {
        let mut faults = Vec::new();
        // The roster's statements need an import's own stage, on the connection that has it.
        let store = room.store.alone().await.unwrap();
        tongluo::store::roster::lay_stage(&store).await.unwrap();
        for stmt in tongluo::store::statements() {
            if let Err(fault) = store.prepare(stmt).await {
                faults.push(format!("{} on {}: {fault}", stmt.name, room.name));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(tongluo::store::statements().len() > 60);
    }
}
