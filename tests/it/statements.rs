//! Every statement of the store is prepared by both real databases: what the compiler can't check.

use crate::engines::rooms;

#[tokio::test]
async fn every_statement_is_understood_by_both_databases() {
    for room in rooms().await {
        let mut faults = Vec::new();
        for stmt in tongluo::store::statements() {
            if let Err(fault) = room.store.prepare(stmt).await {
                faults.push(format!("{} on {}: {fault}", stmt.name, room.name));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(tongluo::store::statements().len() > 60);
    }
}
