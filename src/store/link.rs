//! Links without an account: opened as a set, found by the keyed hash of their token, revoked by
//! a new epoch. What a token is made of is `domain::link`'s.

use super::db::{ids, rows_json};
use super::{Store, StoreFault, Tx};
use crate::args;
use crate::domain::alert::State;
use crate::domain::link::{Bearer, Kind, LIFE_AFTER_END_MS, LOOK_EVERY_MS};

macro_rules! link_columns {
    () => {
        "SELECT l.id, l.kind, l.alert_id, l.subject_id, l.epoch, l.hash FROM link l "
    };
}

crate::statements! {
    OPEN_LINKS = "INSERT INTO link (hash, kind, alert_id, subject_id, epoch, created_at, dies_at) \
        SELECT substr({bytes $2}, CAST(r.n * 16 + 1 AS int), 16), $3, $4, r.subject, 1, $5, \
        CASE WHEN al.state = $6 THEN NULL ELSE COALESCE(al.ended_at, $5) + $7 END \
        FROM {rows $1: n bigint, subject bigint} JOIN alert al ON al.id = $4 WHERE true \
        ON CONFLICT (alert_id, kind, subject_id) DO NOTHING";
    EPOCHS = "SELECT subject_id, epoch FROM link WHERE alert_id = $1 AND kind = $2 \
        AND subject_id {in $3} AND (dies_at IS NULL OR dies_at > $4)";
    LINK_BY_HASH = concat!(link_columns!(), "WHERE l.hash = {bytes $1} AND l.kind = $2 ",
        "AND (l.dies_at IS NULL OR l.dies_at > $3)");
    LINK_OF = concat!(link_columns!(),
        "WHERE l.alert_id = $1 AND l.kind = $2 AND l.subject_id = $3 {lock}");
    RAISE_EPOCH = "UPDATE link SET epoch = epoch + 1, hash = {bytes $3}, shown_at = NULL \
        WHERE id = $1 AND epoch = $2";
    END_LINKS = "UPDATE link SET dies_at = $2 WHERE alert_id = $1 AND dies_at IS NULL";
    SHOW_LINK = "UPDATE link SET shown_at = $2 WHERE id = $1 \
        AND (shown_at IS NULL OR shown_at <= $3)";
    ELSEWHERE = "SELECT DISTINCT k.alert_id, k.epoch, al.title FROM link k \
        JOIN alert al ON al.id = k.alert_id JOIN list l ON l.alert_id = k.alert_id \
        AND l.human_id = k.subject_id AND l.state IN (1, 2, 4) WHERE k.kind = $1 \
        AND k.subject_id = $2 AND k.alert_id <> $3 AND (k.dies_at IS NULL OR k.dies_at > $4) \
        ORDER BY k.alert_id";
}

/// A link as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LinkRow {
    pub id: i64,
    pub kind: i64,
    pub alert_id: i64,
    pub subject_id: i64,
    pub epoch: i64,
    pub hash: Vec<u8>,
}

impl LinkRow {
    /// What its token is made of.
    pub fn bearer(&self) -> Option<Bearer> {
        let kind = Kind::from_code(self.kind)?;
        let LinkRow { alert_id, subject_id, epoch, .. } = *self;
        Some(Bearer { kind, alert_id, subject_id, epoch })
    }
}

#[derive(serde::Serialize)]
struct NewLink {
    n: usize,
    subject: i64,
}

/// Opens links of the first epoch for those of these subjects who have none; `hashes` are 16 bytes
/// for each. Under an alert that has ended already they die as its others do.
pub async fn open(
    tx: &mut Tx,
    kind: Kind,
    alert: i64,
    subjects: &[i64],
    hashes: &[u8],
    now: i64,
) -> Result<u64, StoreFault> {
    if subjects.is_empty() {
        return Ok(0);
    }
    let rows: Vec<NewLink> =
        subjects.iter().enumerate().map(|(n, subject)| NewLink { n, subject: *subject }).collect();
    let live = State::Live.code();
    let args = args![rows_json(&rows)?, hashes, kind.code(), alert, now, live, LIFE_AFTER_END_MS];
    tx.exec(&OPEN_LINKS, args).await
}

/// The epochs of living links: subject, epoch.
pub async fn epochs(
    tx: &mut Tx,
    kind: Kind,
    alert: i64,
    subjects: &[i64],
    now: i64,
) -> Result<Vec<(i64, i64)>, StoreFault> {
    tx.rows(&EPOCHS, args![alert, kind.code(), ids(subjects), now]).await
}

/// The living link of this hash and kind.
pub async fn by_hash(
    store: &Store,
    kind: Kind,
    hash: &[u8],
    now: i64,
) -> Result<Option<LinkRow>, StoreFault> {
    store.first(&LINK_BY_HASH, args![hash, kind.code(), now]).await
}

/// The link of one subject, locked.
pub async fn of(
    tx: &mut Tx,
    kind: Kind,
    alert: i64,
    subject: i64,
) -> Result<Option<LinkRow>, StoreFault> {
    tx.first(&LINK_OF, args![alert, kind.code(), subject]).await
}

/// Takes the tokens of a link out of force; `hash` is of the next epoch's token. False: somebody
/// else just did.
pub async fn raise(tx: &mut Tx, id: i64, epoch: i64, hash: &[u8]) -> Result<bool, StoreFault> {
    Ok(tx.exec(&RAISE_EPOCH, args![id, epoch, hash]).await? == 1)
}

/// Lets the links of an alert that ended or was withdrawn die a day later.
pub async fn end(tx: &mut Tx, alert: i64, now: i64) -> Result<u64, StoreFault> {
    tx.exec(&END_LINKS, args![alert, now + LIFE_AFTER_END_MS]).await
}

/// Notes a look; false where the last one was noted a short while ago.
pub async fn show(tx: &mut Tx, id: i64, now: i64) -> Result<bool, StoreFault> {
    Ok(tx.exec(&SHOW_LINK, args![id, now, now - LOOK_EVERY_MS]).await? == 1)
}

/// Another alert under which a human has lists to look at.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Elsewhere {
    pub alert_id: i64,
    pub epoch: i64,
    pub title: String,
}

/// Where else a human has lists.
pub async fn elsewhere(
    store: &Store,
    human: i64,
    alert: i64,
    now: i64,
) -> Result<Vec<Elsewhere>, StoreFault> {
    store.rows(&ELSEWHERE, args![Kind::Leader.code(), human, alert, now]).await
}
