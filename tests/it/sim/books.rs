//! What must hold after every step of the simulation, and what must have come of it at the end.
//! It reads the store and the gateway's own log and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use tongluo::engine::chain;

use crate::town::Town;

/// A reference in the gateway's log without its signature: `b{batch}.{address}` or `n{notice}`.
pub fn plain<'a>(town: &Town, reference: &'a str) -> &'a str {
    let plain = reference.rsplit_once('~').map_or("", |(plain, _)| plain);
    assert_eq!(town.engine.sealer.verify(reference), Some(plain), "{reference}");
    plain
}

/// Lets the database itself refuse what must never be done.
pub async fn forbid(town: &Town) {
    for (table, kept) in [
        ("outcome", "kind, at, provider, external_id"),
        ("statement", "claim, observed_at, household_id"),
        ("alert_version", "template, vars, plan, author_id"),
    ] {
        let rule = if table == "alert_version" { "OLD.live_at IS NOT NULL" } else { "true" };
        let name = format!("kept_{table}");
        let no = format!("{table} was overwritten");
        if town.is_sqlite() {
            let sql = format!(
                "CREATE TRIGGER {name} BEFORE UPDATE OF {kept} ON {table} WHEN {rule} \
                 BEGIN SELECT RAISE(ABORT, '{no}'); END"
            );
            town.break_in(&sql).await;
        } else {
            let sql = format!(
                "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS \
                 $no$ BEGIN RAISE EXCEPTION '{no}'; END $no$"
            );
            town.break_in(&sql).await;
            let sql = format!(
                "CREATE TRIGGER {name} BEFORE UPDATE OF {kept} ON {table} FOR EACH ROW \
                 WHEN ({rule}) EXECUTE FUNCTION {name}()"
            );
            town.break_in(&sql).await;
        }
    }
}

/// After every step: custody balances without an orphan, and tallies are the standings' sums.
pub async fn check(town: &Town) {
    town.check().await;
    type Tally = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);
    let kept: Vec<Tally> = town
        .rows(
            "SELECT alert_id, grid_id, building_id, ring, audience, pursued, closed, told_open, \
             heard, help FROM tally ORDER BY alert_id, grid_id, building_id, ring",
        )
        .await;
    let counted: Vec<Tally> = town
        .rows(
            "SELECT alert_id, grid_id, building_id, ring, count(*), CAST(sum(pursued) AS bigint), \
             CAST(sum(CASE WHEN pursued = 1 AND closed_at IS NOT NULL AND helps = 0 THEN 1 \
             ELSE 0 END) AS bigint), CAST(sum(CASE WHEN pursued = 0 AND helps > 0 THEN 1 ELSE 0 \
             END) AS bigint), count(heard_at), CAST(sum(CASE WHEN helps > 0 THEN 1 ELSE 0 END) \
             AS bigint) FROM standing GROUP BY alert_id, grid_id, building_id, ring \
             ORDER BY alert_id, grid_id, building_id, ring",
        )
        .await;
    // Both are read while nobody else works.
    assert_eq!(kept, counted, "tallies and standings");
}

/// The chain holds as far as it goes.
pub async fn check_chain(town: &Town) {
    if let Err(fault) = chain::verify(&town.engine.store, &town.engine.sealer).await {
        panic!("the journal: {fault}");
    }
}

/// Nobody was called more often than stops and lost leases explain; a notice of which nobody knew
/// whether it was taken is said once more, under its own name.
pub async fn check_doubles(town: &Town, allowed: &BTreeMap<String, usize>) {
    let again: Vec<(i64, i64)> =
        town.rows("SELECT id, attempt - 1 FROM notice WHERE attempt > 1").await;
    let again: BTreeMap<String, usize> =
        again.into_iter().map(|(id, n)| (format!("n{id}"), n as usize)).collect();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for entry in town.taken() {
        *taken.entry(plain(town, &entry.reference).to_owned()).or_default() += 1;
    }
    for (reference, times) in &taken {
        let of = |known: &BTreeMap<String, usize>| known.get(reference).copied().unwrap_or(0);
        let most = 1 + of(allowed) + of(&again);
        assert!(*times <= most, "{reference} was taken {times} times, {most} explained");
    }
}

/// Which version of which alert a batch of households belongs to.
async fn batches(town: &Town) -> BTreeMap<i64, (i64, i64)> {
    let rows: Vec<(i64, i64, i64)> =
        town.rows("SELECT id, alert_id, version FROM batch WHERE kind = 1").await;
    rows.into_iter().map(|(id, alert, version)| (id, (alert, version))).collect()
}

/// Addresses the gateway was asked to call for a version of an alert; those it took are true.
pub async fn asked(town: &Town) -> BTreeMap<(i64, i64), BTreeMap<i64, bool>> {
    let of_batch = batches(town).await;
    let mut asked: BTreeMap<(i64, i64), BTreeMap<i64, bool>> = BTreeMap::new();
    for entry in town.sim.log() {
        let Some(parts) = plain(town, &entry.reference).strip_prefix('b') else { continue };
        let (batch, address) = parts.split_once('.').unwrap();
        let version = of_batch[&batch.parse().unwrap()];
        let own = asked.entry(version).or_default().entry(address.parse().unwrap()).or_default();
        *own |= entry.taken;
    }
    asked
}

/// Addresses that may have had a text of this alert: asked, or in the hands of a process now.
pub async fn may_have_had(town: &Town, alert: i64) -> BTreeSet<i64> {
    let sql = format!(
        "SELECT a.id FROM batch b JOIN standing s ON s.alert_id = b.alert_id AND \
         s.grid_id = b.grid_id AND s.seq BETWEEN b.seq_from AND b.seq_to AND s.ring = b.ring \
         JOIN address a ON a.household_id = s.household_id WHERE b.alert_id = {alert} AND \
         b.kind = 1 AND (b.lost = 1 OR b.lease_until IS NOT NULL)"
    );
    let leased: Vec<(i64,)> = town.rows(&sql).await;
    let mut may: BTreeSet<i64> = leased.into_iter().map(|row| row.0).collect();
    for ((of, _), addresses) in asked(town).await {
        if of == alert {
            may.extend(addresses.keys());
        }
    }
    may
}

/// The end: whoever could be reached has in the gateway's own log a text that holds for him (of
/// the version he was last told, or a later one), or a batch is still on its way to him, or nobody
/// knows whether three calls were taken. Numbers that were called dead are passed over.
pub async fn check_nobody_lost(town: &Town) {
    let asked = asked(town).await;
    let sql = "SELECT s.alert_id, CASE WHEN al.state = 6 THEN s.version ELSE s.told END, \
               s.household_id, a.id, CASE WHEN EXISTS (SELECT 1 FROM batch b \
               WHERE b.alert_id = s.alert_id AND b.grid_id = s.grid_id AND b.ring = s.ring \
               AND b.version = s.version AND b.kind = 1 AND b.state = 0 \
               AND s.seq BETWEEN b.seq_from AND b.seq_to) THEN 3 ELSE (SELECT count(*) \
               FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id \
               AND o.seq = s.seq AND o.kind = 5 AND \
               o.version >= CASE WHEN al.state = 6 THEN s.version ELSE s.told END) END \
               FROM standing s JOIN alert al ON al.id = s.alert_id AND al.version = s.version \
               JOIN address a ON a.household_id = s.household_id \
               WHERE al.state IN (4, 6) AND NOT EXISTS (SELECT 1 FROM address x \
               WHERE x.household_id = s.household_id AND (x.state <> 0 \
               OR x.state_at IS NOT NULL)) \
               AND ((s.heard_at IS NULL AND s.closed_at IS NULL) OR s.version > 1)";
    let rows: Vec<(i64, i64, i64, i64, i64)> = town.rows(sql).await;
    let mut homes: BTreeMap<(i64, i64, i64), (bool, i64)> = BTreeMap::new();
    for (alert, version, home, address, excuses) in rows {
        let own = homes.entry((alert, version, home)).or_insert((false, excuses));
        let later = asked.range((alert, version)..=(alert, i64::MAX));
        own.0 |= later.into_iter().any(|(_, of)| of.get(&address) == Some(&true));
    }
    for ((alert, version, home), (taken, excuses)) in homes {
        if taken || excuses >= 3 {
            continue;
        }
        let sql = format!(
            "SELECT o.version, o.wave, o.attempt, o.kind, a.state FROM standing s JOIN outcome o \
             ON o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq JOIN address a \
             ON a.id = o.address_id WHERE s.alert_id = {alert} AND s.household_id = {home}"
        );
        let outcomes: Vec<(i64, i64, i64, i64, i64)> = town.rows(&sql).await;
        panic!("alert {alert}.{version}: home {home} lost after {outcomes:?}");
    }
}

/// The end: nothing leased, nothing that is due left lying.
pub async fn check_rest(town: &Town) {
    let now = town.now();
    for (what, sql) in [
        ("leases", "SELECT count(*) FROM batch WHERE lease_until IS NOT NULL".to_owned()),
        ("expansions", "SELECT count(*) FROM expansion WHERE state = 0".to_owned()),
        ("batches", format!("SELECT count(*) FROM batch WHERE state = 0 AND not_before <= {now}")),
        ("timers", format!("SELECT count(*) FROM timer WHERE due_at <= {now}")),
        ("inbound", "SELECT count(*) FROM inbound WHERE state = 0".to_owned()),
    ] {
        assert_eq!(town.count(&sql).await, 0, "{what} left over");
    }
}

/// For whoever reads a failure: what is open, and when it is due.
pub async fn show(town: &Town) {
    type Batch = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, Option<i64>, Option<i64>, i64);
    let rows: Vec<Batch> = town
        .rows(
            "SELECT id, alert_id, version, kind, pick, wave, attempt, grid_id, ring, state, \
             lease_until, hinted_at, not_before FROM batch ORDER BY id",
        )
        .await;
    for b in rows {
        let from_now = |at: i64| at - town.now();
        eprintln!(
            "batch {} of {}.{} kind {} pick {} wave {}.{} grid {} ring {} state {}: lease {:?} \
             hint {:?} due {}",
            b.0,
            b.1,
            b.2,
            b.3,
            b.4,
            b.5,
            b.6,
            b.7,
            b.8,
            b.9,
            b.10.map(from_now),
            b.11.map(from_now),
            from_now(b.12)
        );
    }
    let rows: Vec<(i64, i64, i64, i64, i64)> =
        town.rows("SELECT alert_id, kind, place_id, step, due_at FROM timer ORDER BY due_at").await;
    for (alert, kind, place, step, due) in rows {
        let due = due - town.now();
        eprintln!("timer of {alert} kind {kind} place {place} step {step}: due {due}");
    }
    let rows: Vec<(i64, i64, i64, i64)> =
        town.rows("SELECT id, version, state, live_at FROM alert WHERE live_at > 0").await;
    eprintln!("alerts (id, version, state, live at): {rows:?}");
}
