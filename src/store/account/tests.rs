//! Accounts on every database.

use super::*;
use crate::domain::access::{Action, allows, allows_everywhere};
use crate::domain::password;
use crate::store::token::{self, NewToken};
use crate::store::{Stmt, testbed};

static PLACE: Stmt = Stmt::new(
    "place",
    "INSERT INTO place (code, name, kind, parent_id, depth, ord)
     VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
);
static ABOVE: Stmt = Stmt::new("above", "INSERT INTO place_above VALUES ($1, $2, $3)");

/// 余姚市 over 凤山街道 over its third grid: their ids.
async fn tree(store: &Store) -> [i64; 3] {
    let names = [("330281", "余姚市"), ("330281002", "凤山街道"), ("G3", "第三网格")];
    let mut path: Vec<i64> = Vec::new();
    for (depth, (code, name)) in names.into_iter().enumerate() {
        let args = args![code, name, "place", path.last().copied(), depth, depth];
        let rows: Vec<(i64,)> = store.take(&PLACE, args).await.unwrap();
        path.push(rows[0].0);
        for (up, above) in path.iter().rev().enumerate() {
            store.exec(&ABOVE, args![rows[0].0, *above, up]).await.unwrap();
        }
    }
    path.try_into().unwrap()
}

async fn account(store: &Store, name: &str) -> Option<i64> {
    let mut tx = store.begin().await.unwrap();
    let new = NewAccount {
        name: name.into(),
        password_hash: Some(password::hash("一二三四五六七八九十", &[3; 16]).unwrap()),
        human_id: None,
        created_at: 1_000,
    };
    let id = create(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_street_author_may_draft_for_his_grids_and_sign_nowhere() {
    for store in testbed::stores("account_rights").await {
        let [city, street, grid] = tree(&store).await;
        let id = account(&store, "王建国").await.unwrap();
        let mut tx = store.begin().await.unwrap();
        assert!(grant(&mut tx, id, Role::Author, street).await.unwrap());
        assert!(!grant(&mut tx, id, Role::Author, street).await.unwrap());
        tx.commit().await.unwrap();
        let roles = rights(&store, id).await.unwrap();
        assert_eq!(roles, [(Role::Author, street)]);
        let path = places_above(&store, grid).await.unwrap();
        assert_eq!(path, [grid, street, city]);
        assert!(allows(&roles, Action::DraftAlert, &path).is_ok());
        assert!(allows(&roles, Action::ApproveAlert, &path).is_err());
        let top = places_above(&store, city).await.unwrap();
        assert!(allows(&roles, Action::DraftAlert, &top).is_err());
        let areas = places_above_each(&store, &[grid, 999_999]).await.unwrap();
        assert_eq!(areas, [path, vec![]]);
        assert!(allows_everywhere(&roles, Action::DraftAlert, &areas).is_err());
    }
}

#[tokio::test]
async fn names_are_taken_once_and_bad_ones_never() {
    for store in testbed::stores("account_names").await {
        assert!(account(&store, "值班室").await.is_some());
        assert_eq!(account(&store, " 值班室 ").await, None);
        for bad in ["", " 　", "王\0", &"王".repeat(65)] {
            assert_eq!(account(&store, bad).await, None, "{bad:?}");
        }
        assert_eq!(by_name(&store, "王\0").await.unwrap(), None);
    }
}

#[tokio::test]
async fn logging_in_needs_an_open_account_and_its_own_word() {
    for store in testbed::stores("account_login").await {
        let id = account(&store, "王建国").await.unwrap();
        let login = by_name(&store, "王建国").await.unwrap().unwrap();
        let kept = login.password_hash.unwrap();
        assert!(password::matches("一二三四五六七八九十", &kept));
        let token = password::token_hash("J8K3M5N7P9QRS");
        let mut tx = store.begin().await.unwrap();
        let new = NewToken {
            hash: token,
            account_id: id,
            name: "看板",
            scopes: 1,
            created_at: 1_000,
            expires_at: 9_000,
        };
        assert!(token::make(&mut tx, &new).await.unwrap() > 0);
        assert!(set_password(&mut tx, id, "$argon2id$other").await.unwrap());
        assert!(!set_password(&mut tx, id + 1, "$argon2id$other").await.unwrap());
        tx.commit().await.unwrap();
        let found = token::find(&store, &token, 8_999).await.unwrap().unwrap();
        assert_eq!((found.account_id, found.name.as_str(), found.scopes), (id, "王建国", 1));
        assert_eq!(token::find(&store, &token, 9_000).await.unwrap(), None);
        let login = by_name(&store, "王建国").await.unwrap().unwrap();
        assert_eq!(login.password_hash.as_deref(), Some("$argon2id$other"));
        assert!(by_id(&store, id).await.unwrap().unwrap().has_token);
        let mut tx = store.begin().await.unwrap();
        assert!(disable(&mut tx, id, 2_000).await.unwrap());
        assert!(!disable(&mut tx, id, 3_000).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(by_name(&store, "王建国").await.unwrap(), None);
        assert_eq!(token::find(&store, &token, 8_999).await.unwrap(), None);
        assert_eq!(list(&store, "", 10).await.unwrap()[0].disabled_at, Some(2_000));
    }
}

#[tokio::test]
async fn the_list_shows_roles_with_their_places_and_follows_the_names() {
    for store in testbed::stores("account_list").await {
        let [city, street, _] = tree(&store).await;
        for name in ["b", "a", "c"] {
            account(&store, name).await.unwrap();
        }
        let a = by_name(&store, "a").await.unwrap().unwrap().id;
        let mut tx = store.begin().await.unwrap();
        grant(&mut tx, a, Role::Desk, street).await.unwrap();
        grant(&mut tx, a, Role::Approver, city).await.unwrap();
        grant(&mut tx, a, Role::Admin, city).await.unwrap();
        assert!(revoke(&mut tx, a, Role::Admin, city).await.unwrap());
        assert!(!revoke(&mut tx, a, Role::Admin, city).await.unwrap());
        tx.commit().await.unwrap();
        let first = list(&store, "", 2).await.unwrap();
        let held: Vec<_> = first[0].roles.iter().map(|r| (r.role, r.place_name.as_str())).collect();
        assert_eq!(held, [(Role::Approver, "余姚市"), (Role::Desk, "凤山街道")]);
        assert!(first[0].has_password && !first[0].has_token);
        assert!(first[1].roles.is_empty());
        let rest = list(&store, &first[1].name, 2).await.unwrap();
        assert_eq!(rest.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["c"]);
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_every_database() {
    for store in testbed::stores("account_sql").await {
        for stmt in ALL {
            store.prepare(stmt).await.unwrap_or_else(|e| panic!("{}: {e}", stmt.name));
        }
    }
}
