//! Batches on their way: leases with epochs, the look before every chunk, outcomes
//! appended, what follows, and the moment a grid's first wave is handed over.
//! Decides no order and no wait: ranks and waits come from `domain::batch`.

use super::db::{ids, rows_json};
use super::{Store, StoreFault, Tx};
use crate::args;
use crate::base::limits::{BATCH_ADDRESSES, LEASE_MS};

macro_rules! member_columns {
    () => {
        "b.id AS batch_id, s.grid_id, s.seq, s.household_id, s.demand, s.persons, \
         a.id AS address_id, a.sealed, a.hash, a.realm, a.relative, a.shares, a.speaks_for, \
         CASE WHEN a.relative IS NULL THEN '' ELSE (SELECT h.name FROM household h \
         WHERE h.id = s.household_id) END AS name "
    };
}
/// The batch's range, still in force, not yet tried by this attempt.
macro_rules! in_range {
    () => {
        "s.alert_id = b.alert_id AND s.grid_id = b.grid_id AND s.seq BETWEEN b.seq_from AND \
         b.seq_to AND s.ring = b.ring AND s.version = b.version AND NOT EXISTS (SELECT 1 FROM \
         outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq \
         AND o.version = b.version AND o.wave = b.wave AND o.attempt = b.attempt \
         AND o.lane = b.lane) "
    };
}
macro_rules! in_force {
    () => {
        "JOIN alert_version al ON al.alert_id = b.alert_id AND al.version = b.version \
         AND al.state = $3 "
    };
}
/// A good address of the household that this alert has not found dead, or only in an earlier wave
/// and it was doubted or has lived since.
macro_rules! good_address {
    ($x:literal) => {
        concat!(
            $x,
            ".household_id = s.household_id AND ",
            $x,
            ".lane = b.lane AND ",
            $x,
            ".state = 0 AND NOT EXISTS (SELECT 1 FROM outcome d WHERE d.alert_id = s.alert_id ",
            "AND d.grid_id = s.grid_id AND d.seq = s.seq AND d.address_id = ",
            $x,
            ".id AND d.kind = 2 AND (d.at > COALESCE(",
            $x,
            ".state_at, -1) OR (d.version = b.version AND d.wave = b.wave))) "
        )
    };
}

/// One address a household in the first wave: WeChat only where there was no number for a text when
/// the batch was cut. One that lives again since may have been passed over by the texts.
macro_rules! other_way {
    () => {
        "(b.lane <> 3 OR NOT EXISTS (SELECT 1 FROM address p WHERE p.household_id = \
         s.household_id AND p.lane = 1 AND p.state = 0 \
         AND COALESCE(p.state_at, 0) <= b.created_at)) "
    };
}

/// Nobody of the household `s` was told of the version of `b`, as far as a gateway took it.
macro_rules! untold {
    () => {
        "NOT EXISTS (SELECT 1 FROM outcome t WHERE t.alert_id = s.alert_id AND t.grid_id = \
         s.grid_id AND t.seq = s.seq AND t.version = b.version AND t.kind IN (1, 5, 6)) "
    };
}

pub mod due;
pub mod owed;
pub(super) use {in_force, member_columns};

crate::statements! {
    LEASE = "UPDATE batch SET lease_owner = $2, lease_epoch = lease_epoch + 1, \
        lost = CASE WHEN lease_until IS NULL THEN lost ELSE 1 END, lease_until = $3 + $4 WHERE \
        id IN (SELECT id FROM batch WHERE id IN (SELECT q.id FROM (SELECT f.id, f.homes, \
        sum(f.homes) OVER (ORDER BY f.rank, f.id) AS run FROM (SELECT id, rank, CASE WHEN \
        kind = 1 THEN seq_to - seq_from + 1 ELSE $5 END AS homes FROM batch WHERE id {in $1} \
        AND state = 0 AND (lease_until IS NULL OR lease_until < $3)) f) q \
        WHERE q.run <= $5 OR q.run = q.homes) AND state = 0 \
        AND (lease_until IS NULL OR lease_until < $3) ORDER BY id {skip}) \
        RETURNING id, alert_id, version, kind, pick, wave, attempt, tries, lane, class, rank, \
        grid_id, ring, lease_epoch, \
        CAST($3 AS bigint) AS leased_at";
    RENEW = "UPDATE batch SET lease_until = $2 + $3 WHERE lease_owner = $1 AND state = 0 \
        AND lease_until >= $2";
    STILL_OURS = "SELECT count(*) FROM batch b JOIN {rows $1: id bigint, epoch bigint} \
        ON r.id = b.id AND r.epoch = b.lease_epoch WHERE b.id {in $3} AND b.lease_owner = $2 \
        AND b.state = 0";
    MAY_GO_ON = "SELECT count(*) FROM batch b JOIN {rows $1: id bigint, epoch bigint} \
        ON r.id = b.id AND r.epoch = b.lease_epoch WHERE b.id {in $4} AND b.lease_owner = $2 \
        AND b.state = 0 AND (b.kind = 2 OR EXISTS (SELECT 1 FROM alert_version al \
        WHERE al.alert_id = b.alert_id AND al.version = b.version AND al.state = $3))";
    // Materialised: PostgreSQL else walks the whole order's batches for the few named here.
    LOOK_FIRST = concat!("WITH b AS MATERIALIZED (SELECT id, alert_id, version, wave, attempt, ",
        "lane, rank, grid_id, ring, seq_from, seq_to, created_at FROM batch WHERE id {in $1}) ",
        "SELECT ", member_columns!(), "FROM b ", in_force!(),
        "JOIN standing s ON ", in_range!(),
        "JOIN address a ON a.id = (SELECT x.id FROM address x WHERE ", good_address!("x"),
        "ORDER BY CASE WHEN x.relative IS NULL THEN 0 ELSE 1 END, x.ord LIMIT 1) ",
        "WHERE s.told = b.version AND (s.heard_at IS NULL OR b.version > 1) AND ", other_way!(),
        "ORDER BY b.rank, b.id, s.seq LIMIT $2");
    LOOK_AGAIN = concat!("SELECT batch_id, grid_id, seq, household_id, demand, persons, ",
        "address_id, sealed, hash, realm, relative, shares, speaks_for, name FROM (SELECT q.*, ",
        "row_number() OVER (PARTITION BY q.seq ORDER BY q.used, q.away, q.place) AS choice ",
        "FROM (SELECT ", member_columns!(), ", a.ord AS place, ",
        "CASE WHEN a.relative IS NULL THEN 0 ELSE 1 END AS away, ",
        "(SELECT count(*) FROM outcome u WHERE u.alert_id = s.alert_id AND ",
        "u.grid_id = s.grid_id AND u.seq = s.seq AND u.address_id = a.id ",
        "AND u.version = b.version) AS used FROM batch b ", in_force!(),
        "JOIN standing s ON ", in_range!(),
        "JOIN address a ON ", good_address!("a"),
        "AND NOT EXISTS (SELECT 1 FROM outcome u JOIN receipt r ON r.batch_id = u.batch_id ",
        "AND r.address_id = u.address_id AND r.class = 1 WHERE u.alert_id = s.alert_id ",
        "AND u.grid_id = s.grid_id AND u.seq = s.seq AND u.address_id = a.id) ",
        "WHERE b.id = $1 AND s.closed_at IS NULL AND (b.wave < 50 OR s.heard_at IS NULL)) q) z ",
        "WHERE choice = 1 ORDER BY seq LIMIT $2");
    LOOK_FOLLOW = concat!("SELECT ", member_columns!(), "FROM batch b ", in_force!(),
        "JOIN standing s ON s.alert_id = b.alert_id AND s.grid_id = b.grid_id AND s.seq BETWEEN ",
        "b.seq_from AND b.seq_to AND s.ring = b.ring AND s.version = b.version ",
        "JOIN outcome q ON q.alert_id = s.alert_id AND q.grid_id = s.grid_id AND q.seq = s.seq ",
        "AND q.version = b.version AND q.wave = b.wave AND q.attempt = b.attempt - 1 ",
        "AND q.kind = $4 JOIN address a ON a.id = q.address_id AND a.state = 0 ",
        "WHERE b.id = $1 AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.alert_id = s.alert_id ",
        "AND o.grid_id = s.grid_id AND o.seq = s.seq AND o.version = b.version AND ",
        "o.wave = b.wave AND o.attempt = b.attempt AND o.address_id = q.address_id) ",
        "AND ((s.closed_at IS NULL AND s.heard_at IS NULL) OR b.version > 1) ",
        "AND NOT EXISTS (SELECT 1 FROM outcome w WHERE w.alert_id = s.alert_id AND ",
        "w.grid_id = s.grid_id AND w.seq = s.seq AND w.version = b.version AND ",
        "w.wave > b.wave AND w.address_id = q.address_id AND w.kind IN (1, 5)) ",
        "AND ($4 <> 5 OR NOT EXISTS (SELECT 1 FROM receipt r WHERE r.batch_id = q.batch_id ",
        "AND r.address_id = q.address_id)) ORDER BY s.seq LIMIT $2");
    LOOK_NEXT = concat!("SELECT ", member_columns!(), "FROM batch b ", in_force!(),
        "JOIN standing s ON ", in_range!(),
        "JOIN outcome q ON q.alert_id = s.alert_id AND q.grid_id = s.grid_id AND q.seq = s.seq ",
        "AND q.version = b.version AND q.wave = b.wave AND q.attempt = b.attempt - 1 ",
        "AND q.kind = 2 JOIN address a ON a.id = (SELECT x.id FROM address x WHERE ",
        good_address!("x"), "AND NOT EXISTS (SELECT 1 FROM outcome u JOIN receipt c ",
        "ON c.batch_id = u.batch_id AND c.address_id = u.address_id AND c.class BETWEEN 6 AND 9 ",
        "WHERE u.alert_id = s.alert_id AND u.grid_id = s.grid_id AND u.seq = s.seq ",
        "AND u.address_id = x.id AND u.version = b.version) ORDER BY CASE WHEN x.relative ",
        "IS NULL THEN 0 ELSE 1 END, x.ord LIMIT 1) WHERE b.id = $1 ",
        "AND ((s.closed_at IS NULL AND s.heard_at IS NULL) OR b.version > 1) ",
        "ORDER BY s.seq LIMIT $2");
    LOOK_TOLD = concat!("SELECT ", member_columns!(), "FROM batch b ", in_force!(),
        "JOIN standing s ON s.alert_id = b.alert_id AND s.grid_id = b.grid_id AND s.seq BETWEEN ",
        "b.seq_from AND b.seq_to AND s.ring = b.ring AND s.version = b.version ",
        "JOIN address a ON a.household_id = s.household_id AND a.lane = b.lane AND (EXISTS ",
        "(SELECT 1 FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id ",
        "AND o.seq = s.seq AND o.address_id = a.id AND o.version < b.version AND o.kind IN (1, ",
        "5)) ",
        "OR (NOT EXISTS (SELECT 1 FROM outcome o WHERE o.alert_id = s.alert_id AND ",
        "o.grid_id = s.grid_id AND o.seq = s.seq AND o.version < b.version AND o.kind IN (1, 5)) ",
        "AND a.id = (SELECT x.id FROM address x WHERE ", good_address!("x"), "ORDER BY CASE WHEN ",
        "x.relative IS NULL THEN 0 ELSE 1 END, x.ord LIMIT 1))) ",
        "WHERE b.id = $1 AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.alert_id = s.alert_id ",
        "AND o.grid_id = s.grid_id AND o.seq = s.seq AND o.version = b.version AND ",
        "o.wave = b.wave AND o.attempt = b.attempt AND o.address_id = a.id) ",
        "ORDER BY s.seq, a.ord LIMIT $2");
    APPEND = "INSERT INTO outcome (alert_id, grid_id, seq, version, wave, attempt, address_id, \
        lane, kind, provider, external_id, code, batch_id, at) SELECT b.alert_id, b.grid_id, \
        r.seq, b.version, b.wave, b.attempt, r.a, b.lane, r.k, $3, r.x, r.c, b.id, $4 \
        FROM batch b JOIN {rows $2: b bigint, seq bigint, a bigint, k bigint, x text, c text} \
        ON r.b = b.id WHERE b.id {in $1} ON CONFLICT DO NOTHING";
    FOLLOW = "INSERT INTO batch (alert_id, version, kind, pick, wave, attempt, tries, lane, \
        class, rank, grid_id, ring, seq_from, seq_to, ord, not_before, state, created_at) \
        SELECT b.alert_id, b.version, b.kind, r.pick, b.wave, b.attempt + 1, r.tries, b.lane, \
        b.class, b.rank, b.grid_id, b.ring, b.seq_from, b.seq_to, b.ord, r.due, 0, $3 \
        FROM batch b JOIN {rows $2: b bigint, pick bigint, tries bigint, due bigint} \
        ON r.b = b.id WHERE b.id {in $1} ON CONFLICT (alert_id, version, kind, \
        wave, attempt, pick, lane, grid_id, seq_from, ord) DO UPDATE SET state = 0, \
        not_before = excluded.not_before, hinted_at = NULL, done_at = NULL \
        WHERE batch.state = 1";
    FINISH = "UPDATE batch SET state = CASE WHEN kind = 2 OR EXISTS (SELECT 1 FROM \
        alert_version al \
        WHERE al.alert_id = batch.alert_id AND al.version = batch.version AND al.state = $4) \
        THEN 1 ELSE 2 \
        END, done_at = $2, lease_until = NULL WHERE id IN (SELECT b.id FROM batch b \
        JOIN {rows $3: id bigint, epoch bigint} ON r.id = b.id AND r.epoch = b.lease_epoch \
        WHERE b.id {in $1} AND b.state = 0)";
    LOCK_BATCHES = "SELECT id FROM batch WHERE id {in $1} ORDER BY id {lock}";
    PUT_BACK = "UPDATE batch SET lease_until = NULL, hinted_at = NULL, not_before = $2 \
        WHERE id IN (SELECT b.id FROM batch b JOIN {rows $3: id bigint, epoch bigint} \
        ON r.id = b.id AND r.epoch = b.lease_epoch WHERE b.id {in $1} AND b.state = 0)";
    LOCK_GRIDS = "SELECT id FROM expansion WHERE alert_id = $1 AND version = $2 \
        AND grid_id {in $3} AND handed_at IS NULL ORDER BY id {lock}";
    HANDED = "UPDATE expansion SET handed_at = $4 WHERE alert_id = $1 AND version = $2 \
        AND grid_id {in $3} AND handed_at IS NULL AND 0 = (SELECT count(*) FROM batch b \
        WHERE b.alert_id = $1 AND b.version = $2 AND b.grid_id = expansion.grid_id \
        AND b.wave = 1 AND b.kind = 1 AND b.ring < 3 AND b.lane < 3 AND b.state = 0 \
        AND b.pick NOT IN (4, 9)) RETURNING grid_id";
    HASTEN = "UPDATE timer SET due_at = $3 WHERE id IN (SELECT id FROM timer WHERE alert_id = $1 \
        AND kind = 1 AND place_id {in $2} AND due_at > $3 ORDER BY id {lock})";
}

/// A batch under our lease.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Leased {
    pub id: i64,
    pub alert_id: i64,
    pub version: i64,
    pub kind: i64,
    pub pick: i64,
    pub wave: i64,
    pub attempt: i64,
    pub tries: i64,
    pub lane: i64,
    pub class: i64,
    pub rank: i64,
    pub grid_id: i64,
    pub ring: i64,
    pub lease_epoch: i64,
    /// Machine time.
    pub leased_at: i64,
}

impl Leased {
    /// Whether one look may cover both: first attempts of the same order and wave, both kept quiet
    /// at night or neither. Notices and what follows an attempt are worked one by one.
    pub fn goes_with(&self, other: &Leased) -> bool {
        let first = crate::domain::batch::Pick::First.code();
        let key =
            |b: &Leased| (b.alert_id, b.version, b.wave, b.attempt, b.tries, b.lane, b.ring < 3);
        self.kind == 1
            && self.pick == first
            && other.kind == 1
            && other.pick == first
            && key(self) == key(other)
    }
}

/// Leases those of `batches` that are open and free, in their order, as many as one look at the
/// store covers; at least one.
pub async fn lease(
    store: &Store,
    batches: &[i64],
    owner: &str,
    machine: i64,
) -> Result<Vec<Leased>, StoreFault> {
    let values = args![ids(batches), owner, machine, LEASE_MS, BATCH_ADDRESSES];
    let mut leased: Vec<Leased> = store.take(&LEASE, values).await?;
    leased.sort_by_key(|b| (b.rank, b.id));
    Ok(leased)
}

/// Renews all leases of one owner with one statement.
pub async fn renew(store: &Store, owner: &str, machine: i64) -> Result<u64, StoreFault> {
    store.exec(&RENEW, args![owner, machine, LEASE_MS]).await
}

/// The ids of leased batches, and the epochs by which they are held.
fn held(batches: &[Leased]) -> Result<(String, String), StoreFault> {
    #[derive(serde::Serialize)]
    struct HeldRow {
        id: i64,
        epoch: i64,
    }
    let all: Vec<i64> = batches.iter().map(|batch| batch.id).collect();
    let rows: Vec<HeldRow> =
        batches.iter().map(|b| HeldRow { id: b.id, epoch: b.lease_epoch }).collect();
    Ok((ids(&all), rows_json(&rows)?))
}

fn are_all(counted: Option<(i64,)>, batches: &[Leased]) -> bool {
    counted.is_some_and(|row| usize::try_from(row.0) == Ok(batches.len()))
}

/// Whether all leases are still the caller's: who lost one begins no further call.
pub async fn are_ours(store: &Store, batches: &[Leased], owner: &str) -> Result<bool, StoreFault> {
    let (all, held) = held(batches)?;
    let counted = store.first(&STILL_OURS, args![held, owner, all]).await?;
    Ok(are_all(counted, batches))
}

/// Whether all leases are still the caller's and their version, where they have one, in force.
pub async fn may_go_on(
    store: &Store,
    batches: &[Leased],
    owner: &str,
    live_state: i64,
) -> Result<bool, StoreFault> {
    let (all, held) = held(batches)?;
    let counted = store.first(&MAY_GO_ON, args![held, owner, live_state, all]).await?;
    Ok(are_all(counted, batches))
}

/// One household's address as the look found it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Member {
    pub batch_id: i64,
    pub grid_id: i64,
    pub seq: i64,
    pub household_id: i64,
    pub demand: i64,
    pub persons: i64,
    pub address_id: i64,
    pub sealed: Vec<u8>,
    pub hash: Vec<u8>,
    pub realm: i64,
    pub relative: Option<String>,
    pub shares: i64,
    pub speaks_for: i64,
    pub name: String,
}

/// The members that batches have still to call, at most `limit`, in walking order. Empty when all
/// have an outcome, when all have closed since, or when the version is no longer in force. Only
/// first attempts are looked at together.
pub async fn look(
    store: &Store,
    batches: &[Leased],
    limit: i64,
    live_state: i64,
) -> Result<Vec<Member>, StoreFault> {
    use crate::domain::batch::Pick;
    let Some(batch) = batches.first() else {
        return Ok(Vec::new());
    };
    let values = args![batch.id, limit, live_state];
    match Pick::from_code(batch.pick) {
        None | Some(Pick::First) => {
            let all: Vec<i64> = batches.iter().map(|batch| batch.id).collect();
            store.rows(&LOOK_FIRST, args![ids(&all), limit, live_state]).await
        }
        Some(Pick::Again) => store.rows(&LOOK_AGAIN, values).await,
        Some(Pick::Next) => store.rows(&LOOK_NEXT, values).await,
        Some(Pick::Told) => store.rows(&LOOK_TOLD, values).await,
        Some(Pick::Slow) => owed::look_slow(store, values).await,
        Some(Pick::Revived) => owed::look_revived(store, values).await,
        Some(Pick::Elsewhere) => super::undelivered::look(store, values).await,
        Some(pick @ (Pick::Retry | Pick::Unknown | Pick::Throttled)) => {
            let kind = pick.follows().unwrap_or_default();
            let values = args![batch.id, limit, live_state, kind];
            store.rows(&LOOK_FOLLOW, values).await
        }
    }
}

/// An outcome to be appended. Short names: it is written a million times.
#[derive(Debug, Clone, serde::Serialize)]
pub struct OutcomeRow {
    /// Batch.
    pub b: i64,
    pub seq: i64,
    /// Address.
    pub a: i64,
    /// Outcome code; 6 = spoken for by a shared number.
    pub k: i64,
    /// The gateway's own id.
    pub x: Option<String>,
    /// The gateway's own code.
    pub c: Option<String>,
}

/// Appends what happened. A fact is never thrown away: the epoch fences the next call and the
/// finishing of a batch, not the memory of a call that was made.
pub async fn append(
    tx: &mut Tx,
    provider: &str,
    rows: &[OutcomeRow],
    now: i64,
) -> Result<u64, StoreFault> {
    let batches = once(rows.iter().map(|row| row.b));
    tx.exec(&APPEND, args![batches, rows_json(rows)?, provider, now]).await
}

fn once(batches: impl Iterator<Item = i64>) -> String {
    let all: std::collections::BTreeSet<i64> = batches.collect();
    ids(&all.into_iter().collect::<Vec<_>>())
}

/// A follower of a batch, ready for the store.
#[derive(Debug, Clone, serde::Serialize)]
pub struct FollowRow {
    /// Batch.
    pub b: i64,
    pub pick: i64,
    pub tries: i64,
    pub due: i64,
}

/// Adds the batches that follow an attempt; one that is done already opens again, since a later
/// chunk of the same attempt may need it too.
pub async fn follow(tx: &mut Tx, rows: &[FollowRow], now: i64) -> Result<u64, StoreFault> {
    let batches = once(rows.iter().map(|row| row.b));
    tx.exec(&FOLLOW, args![batches, rows_json(rows)?, now]).await
}

/// Ends batches of one order that have nobody left to call, and starts the clocks of the grids of
/// which they were the last of the first wave of rings 1 and 2. Gives false where a lease was lost.
pub async fn finish(
    tx: &mut Tx,
    batches: &[Leased],
    now: i64,
    live_state: i64,
) -> Result<bool, StoreFault> {
    let (all, held) = held(batches)?;
    if batches.len() > 1 {
        let _: Vec<(i64,)> = tx.rows(&LOCK_BATCHES, args![&all]).await?;
    }
    let done = tx.exec(&FINISH, args![all, now, held, live_state]).await?;
    let first = batches.iter().filter(|b| b.kind == 1 && b.wave == 1 && b.ring < 3);
    let grids: Vec<i64> = first.map(|batch| batch.grid_id).collect();
    if let Some(head) = batches.first().filter(|_| done > 0 && !grids.is_empty()) {
        let grids = once(grids.into_iter());
        let key = args![head.alert_id, head.version, &grids];
        // Whoever ends the other batch of a grid at this moment waits here, and sees ours ended.
        let _: Vec<(i64,)> = tx.rows(&LOCK_GRIDS, key).await?;
        let key = args![head.alert_id, head.version, grids, now];
        let handed: Vec<(i64,)> = tx.rows(&HANDED, key).await?;
        if !handed.is_empty() {
            let handed = once(handed.into_iter().map(|row| row.0));
            tx.exec(&HASTEN, args![head.alert_id, handed, now]).await?;
        }
    }
    Ok(usize::try_from(done) == Ok(batches.len()))
}

/// Gives batches back, due again at `not_before` (story time).
pub async fn put_back(
    store: &Store,
    batches: &[Leased],
    not_before: i64,
) -> Result<u64, StoreFault> {
    let (all, held) = held(batches)?;
    store.exec(&PUT_BACK, args![all, not_before, held]).await
}
