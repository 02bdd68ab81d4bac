//! Every statement of the store is prepared by both real databases: what the compiler can't check.

use crate::engines::rooms;

#[tokio::test]
async fn every_statement_is_understood_by_both_databases() {
    for room in rooms().await {
        for stmt in tongluo::store::statements() {
            if let Err(fault) = room.store.prepare(stmt).await {
                panic!("{} on {}: {fault}", stmt.name, room.name);
            }
        }
        assert!(tongluo::store::statements().len() > 60);
    }
}
