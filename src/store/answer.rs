//! Answers up: inbound texts kept, what their numbers stand for, statements appended, standings
//! folded again and tallies moved, all for a group at once. What a text means and what a set of
//! facts amounts to is decided in `domain`.

use super::db::{ids, rows_json};
use super::{StoreFault, Tx};
use crate::args;

macro_rules! candidate_columns {
    () => {
        "a.id AS address_id, s.alert_id, al.kind, s.household_id, s.grid_id, s.building_id, \
         s.demand, s.pursued, s.persons, s.ring, \
         CAST(CASE WHEN s.closed_at IS NULL THEN 1 ELSE 0 END AS bigint) AS open, "
    };
}
/// The first or last time at which this number was sent the order.
macro_rules! sent {
    ($which:literal) => {
        concat!(
            $which,
            "(o.at) FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id ",
            "AND o.seq = s.seq AND o.address_id = a.id AND o.kind IN (1, 5) "
        )
    };
}
/// Lists of a human under orders of the kind that he speaks of.
macro_rules! his_lists {
    () => {
        "FROM list l JOIN alert al ON al.id = l.alert_id AND al.kind = r.kind \
         WHERE l.human_id = h.id "
    };
}
macro_rules! candidate_rows {
    () => {
        "FROM address a CROSS JOIN alert al CROSS JOIN standing s WHERE al.state {in $2} \
         AND s.alert_id = al.id AND s.household_id = a.household_id AND a.id {in $1} "
    };
}

crate::statements! {
    INSERT_INBOUND = "INSERT INTO inbound (source_key, provider, from_hash, from_sealed, last4, \
        text, sent_at, received_at, label, state) SELECT r.key, r.provider, \
        CASE WHEN r.known = 1 THEN substr({bytes $2}, CAST(r.n * 16 + 1 AS int), 16) ELSE NULL \
        END, CASE WHEN r.len > 0 THEN substr({bytes $3}, CAST(r.at + 1 AS int), \
        CAST(r.len AS int)) ELSE NULL END, r.last4, r.text, r.sent, r.received, r.label, 0 FROM \
        {rows $1: n bigint, key text, provider text, known bigint, at bigint, len bigint, \
        last4 text, text text, \
        sent bigint, received bigint, label text} WHERE true \
        ON CONFLICT (source_key) DO NOTHING RETURNING id, source_key";
    SET_INBOUND = "UPDATE inbound SET state = r.state, label = r.label FROM \
        {rows $1: id bigint, state bigint, label text} WHERE inbound.id = r.id";
    RECENT_DIGITS = "SELECT r.n, i.label, i.received_at FROM {rows $1: n bigint} \
        JOIN inbound i ON i.from_hash = substr({bytes $2}, CAST(r.n * 16 + 1 AS int), 16) \
        WHERE i.received_at > $3 AND i.state = 1";
    OWNERS = "SELECT r.n, a.id AS address_id, a.household_id, a.human_id, a.relative, a.shares, \
        a.lane, a.state FROM {rows $1: n bigint} JOIN address a ON \
        a.hash = substr({bytes $2}, CAST(r.n * 16 + 1 AS int), 16) \
        AND (a.lane <> 3 OR a.state <> 4) ORDER BY r.n, a.id";
    // A demand that was raised is a question of its own: what was read before answers the older.
    CANDIDATES = concat!("SELECT ", candidate_columns!(), "s.version, (SELECT ", sent!("min"),
        "AND o.version >= s.since) AS first_sent_at, (SELECT ", sent!("max"),
        "AND o.version >= s.since) AS last_sent_at ", candidate_rows!(), "UNION ALL SELECT ",
        candidate_columns!(), "s.since - 1 AS version, (SELECT ", sent!("min"),
        "AND o.version < s.since) AS first_sent_at, (SELECT ", sent!("max"),
        "AND o.version < s.since) AS last_sent_at ", candidate_rows!(), "AND s.since > 1 ",
        "ORDER BY 2, 4, version");
    // Of what still waits for his word: in force, or with a search list in his hands.
    LAST_TOLD = "SELECT n.human_id, al.kind, max(n.at) FROM notice n JOIN alert al \
        ON al.id = n.alert_id WHERE n.human_id {in $1} AND n.kind IN (1, 5) \
        AND (al.state = $2 OR EXISTS (SELECT 1 FROM list l WHERE l.alert_id = al.id \
        AND l.human_id = n.human_id AND l.state IN (1, 2, 4))) GROUP BY n.human_id, al.kind";
    HUMAN_STATE = concat!("SELECT h.id, h.name, (SELECT count(*) ", his_lists!(),
        "AND l.state = 1 AND l.told_at IS NOT NULL) AS offered, (SELECT max(l.told_at) ",
        his_lists!(), "AND l.state = 1) AS told_at, (SELECT count(*) ", his_lists!(),
        "AND l.state IN (2, 4)) AS held, (SELECT count(*) ", his_lists!(),
        "AND l.state = 4) AS asked, (SELECT count(*) FROM summons s JOIN alert al ",
        "ON al.id = s.alert_id AND al.state = $2 AND al.kind = r.kind WHERE s.human_id = h.id ",
        "AND s.woken_at IS NULL AND EXISTS (SELECT 1 FROM notice n ",
        "WHERE n.alert_id = s.alert_id AND n.human_id = s.human_id AND n.kind IN (1, 5))) ",
        "AS summoned, (SELECT count(*) FROM notice n JOIN alert al ON al.id = n.alert_id ",
        "AND al.state = $2 AND al.kind = r.kind WHERE n.human_id = h.id AND n.purpose = $3) ",
        "AS helping FROM {rows $1: human bigint, kind bigint} JOIN human h ON h.id = r.human");
    INSERT_STATEMENTS = "INSERT INTO statement (source_key, alert_id, version, household_id, \
        giver, giver_id, claim, persons, closes, detail, observed_at, stored_at, source) \
        SELECT r.key, r.alert, r.version, r.household, r.giver, r.giver_id, r.claim, r.persons, \
        r.closes, r.detail, r.at, $2, r.source FROM {rows $1: key text, alert bigint, \
        version bigint, household bigint, giver bigint, giver_id bigint, claim bigint, \
        persons bigint, closes text, detail text, at bigint, source text} WHERE true \
        ON CONFLICT (source_key) DO NOTHING";
    // `+ 0` keeps SQLite from walking the alert's key in this order for the few doors named here.
    LOCK_STANDINGS = "SELECT s.alert_id, s.grid_id, s.seq, s.household_id, s.building_id, \
        s.since, s.ring, s.demand, s.pursued, s.persons, s.vulnerable, s.heard_at, s.refused, \
        s.helps, s.closed_at FROM standing s WHERE s.alert_id = $1 AND s.household_id {in $2} \
        ORDER BY s.alert_id, s.grid_id + 0, s.seq {lock}";
    FACTS = "SELECT source_key, alert_id, version, household_id, giver, claim, persons, closes, \
        observed_at FROM statement WHERE alert_id = $1 AND household_id {in $2}";
    SAVE_STANDINGS = "UPDATE standing SET heard_at = r.heard, whereabouts = r.whereabouts, \
        refused = r.refused, helps = r.helps, verify = r.verify, eased = r.eased, \
        closed_at = r.closed, \
        grade = {greatest}(standing.grade, r.grade) FROM {rows $1: alert bigint, grid bigint, \
        seq bigint, heard bigint, whereabouts bigint, refused bigint, helps bigint, \
        verify bigint, eased bigint, \
        closed bigint, grade bigint} WHERE standing.alert_id = r.alert \
        AND standing.grid_id = r.grid AND standing.seq = r.seq";
    LOCK_TALLIES = "SELECT t.alert_id FROM tally t JOIN {rows $1: alert bigint, grid bigint, \
        building bigint, ring bigint} ON t.alert_id = r.alert AND t.grid_id = r.grid \
        AND t.building_id = r.building AND t.ring = r.ring \
        ORDER BY t.alert_id, t.grid_id, t.building_id, t.ring {lock}";
    MOVE_TALLIES = "UPDATE tally SET closed = tally.closed + r.closed, \
        told_open = tally.told_open + r.told_open, heard = tally.heard + r.heard, \
        help = tally.help + r.help, refused = tally.refused + r.refused FROM \
        {rows $1: alert bigint, grid bigint, building bigint, ring bigint, closed bigint, \
        told_open bigint, heard bigint, help bigint, refused bigint} \
        WHERE tally.alert_id = r.alert AND tally.grid_id = r.grid \
        AND tally.building_id = r.building AND tally.ring = r.ring";
    CLAIM_ADDRESSES = "UPDATE address SET state = r.claim, state_at = $2 FROM \
        {rows $1: address bigint, claim bigint} WHERE address.id = r.address";
    KEEP_ADDRESS_CLAIMS = "INSERT INTO address_claim (source_key, address_id, claim, at) \
        SELECT r.key, r.address, r.claim, $2 FROM {rows $1: key text, address bigint, \
        claim bigint} WHERE true ON CONFLICT DO NOTHING";
}

/// A reply ready to be kept. `n` is its place in the group's blob of hashes.
#[derive(Debug, Clone, serde::Serialize)]
pub struct InboundRow {
    pub n: usize,
    pub key: String,
    pub provider: String,
    pub known: i64,
    /// Where its sealed number is in the group's blob of them; nothing: length 0.
    pub at: usize,
    pub len: usize,
    pub last4: String,
    pub text: String,
    pub sent: Option<i64>,
    pub received: i64,
    pub label: String,
}

/// Keeps replies; gives id and key of those that were new.
pub async fn keep_inbound(
    tx: &mut Tx,
    rows: &[InboundRow],
    hashes: &[u8],
    sealed: &[u8],
) -> Result<Vec<(i64, String)>, StoreFault> {
    tx.rows(&INSERT_INBOUND, args![rows_json(rows)?, hashes, sealed]).await
}

/// What became of a kept reply.
#[derive(Debug, Clone, serde::Serialize)]
pub struct InboundState {
    pub id: i64,
    /// 1 effected, 2 at the desk.
    pub state: i64,
    pub label: String,
}

/// Marks kept replies.
pub async fn set_inbound(tx: &mut Tx, rows: &[InboundState]) -> Result<u64, StoreFault> {
    tx.exec(&SET_INBOUND, args![rows_json(rows)?]).await
}

#[derive(serde::Serialize)]
struct Nth {
    n: usize,
}

fn nths(hashes: &[u8]) -> Vec<Nth> {
    (0..hashes.len() / 16).map(|n| Nth { n }).collect()
}

/// Labels of the last minute by number: place in the blob, label, arrival.
pub async fn recent_labels(
    tx: &mut Tx,
    hashes: &[u8],
    since: i64,
) -> Result<Vec<(i64, String, i64)>, StoreFault> {
    tx.rows(&RECENT_DIGITS, args![rows_json(&nths(hashes))?, hashes, since]).await
}

/// Whose a number is.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Owner {
    pub n: i64,
    pub address_id: i64,
    pub household_id: Option<i64>,
    pub human_id: Option<i64>,
    pub relative: Option<String>,
    pub shares: i64,
    pub lane: i64,
    /// 1: called dead.
    pub state: i64,
}

/// Whose the numbers of a group are.
pub async fn owners(tx: &mut Tx, hashes: &[u8]) -> Result<Vec<Owner>, StoreFault> {
    tx.rows(&OWNERS, args![rows_json(&nths(hashes))?, hashes]).await
}

/// An open order of a household whose number answered.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CandidateRow {
    pub address_id: i64,
    pub alert_id: i64,
    /// `domain::gate::AlertKind`.
    pub kind: i64,
    pub household_id: i64,
    pub grid_id: i64,
    pub building_id: i64,
    pub version: i64,
    pub demand: i64,
    pub pursued: i64,
    pub persons: i64,
    pub ring: i64,
    pub open: i64,
    pub first_sent_at: Option<i64>,
    pub last_sent_at: Option<i64>,
}

/// The orders in `states` that households of these addresses belong to.
pub async fn candidates(
    tx: &mut Tx,
    addresses: &[i64],
    states: &[i64],
) -> Result<Vec<CandidateRow>, StoreFault> {
    tx.rows(&CANDIDATES, args![ids(addresses), ids(states)]).await
}

/// What waits for the digits of a human.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HumanState {
    pub id: i64,
    pub name: String,
    pub offered: i64,
    /// When he was last told of a list that is offered to him.
    pub told_at: Option<i64>,
    pub held: i64,
    /// Held in silence: he was asked whether he goes on.
    pub asked: i64,
    pub summoned: i64,
    /// Told of homes whose helper he is.
    pub helping: i64,
}

/// A human who has written, and the kind of orders that he speaks of (`domain::gate::AlertKind`).
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Speaking {
    pub human: i64,
    pub kind: i64,
}

/// When these humans were last told something under orders of each kind: human, kind, instant.
/// Only of orders in `state`, and of those of which they have a list still.
pub async fn last_told(
    tx: &mut Tx,
    humans: &[i64],
    state: i64,
) -> Result<Vec<(i64, i64, i64)>, StoreFault> {
    tx.rows(&LAST_TOLD, args![ids(humans), state]).await
}

/// What waits for the digits of these humans; helpers are told by notices of `purpose` under
/// alerts in `state`.
pub async fn human_states(
    tx: &mut Tx,
    speaking: &[Speaking],
    state: i64,
    purpose: i64,
) -> Result<Vec<HumanState>, StoreFault> {
    tx.rows(&HUMAN_STATE, args![rows_json(speaking)?, state, purpose]).await
}

/// A statement ready to be appended. `at` is when it was observed.
#[derive(Debug, Clone, serde::Serialize)]
pub struct StatementRow {
    pub key: String,
    pub alert: i64,
    pub version: i64,
    pub household: i64,
    pub giver: i64,
    pub giver_id: Option<i64>,
    pub claim: i64,
    pub persons: Option<i64>,
    pub closes: Option<String>,
    /// Where to, why not: a word of `domain::doorstep`.
    pub detail: Option<String>,
    pub at: i64,
    pub source: String,
}

/// Appends statements; one that is there already stays as it is.
pub async fn append(tx: &mut Tx, rows: &[StatementRow], now: i64) -> Result<u64, StoreFault> {
    tx.exec(&INSERT_STATEMENTS, args![rows_json(rows)?, now]).await
}

/// A standing under lock, with what its tally counted so far.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StandingRow {
    pub alert_id: i64,
    pub grid_id: i64,
    pub seq: i64,
    pub household_id: i64,
    pub building_id: i64,
    /// The version that first asked this much.
    pub since: i64,
    pub ring: i64,
    pub demand: i64,
    pub pursued: i64,
    pub persons: i64,
    pub vulnerable: i64,
    pub heard_at: Option<i64>,
    pub refused: i64,
    pub helps: i64,
    pub closed_at: Option<i64>,
}

/// Locks the standings of these households under one alert, in key order.
pub async fn lock_standings(
    tx: &mut Tx,
    alert: i64,
    households: &[i64],
) -> Result<Vec<StandingRow>, StoreFault> {
    tx.rows(&LOCK_STANDINGS, args![alert, ids(households)]).await
}

/// A fact as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FactRow {
    pub source_key: String,
    pub alert_id: i64,
    pub version: i64,
    pub household_id: i64,
    pub giver: i64,
    pub claim: i64,
    pub persons: Option<i64>,
    pub closes: Option<String>,
    pub observed_at: i64,
}

/// All facts about these households under one alert.
pub async fn facts(
    tx: &mut Tx,
    alert: i64,
    households: &[i64],
) -> Result<Vec<FactRow>, StoreFault> {
    tx.rows(&FACTS, args![alert, ids(households)]).await
}

/// A standing as folded.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SavedStanding {
    pub alert: i64,
    pub grid: i64,
    pub seq: i64,
    pub heard: Option<i64>,
    pub whereabouts: i64,
    pub refused: i64,
    pub helps: i64,
    pub verify: i64,
    pub eased: i64,
    pub closed: Option<i64>,
    pub grade: i64,
}

/// A movement of one tally row.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TallyMove {
    pub alert: i64,
    pub grid: i64,
    pub building: i64,
    pub ring: i64,
    pub closed: i64,
    pub told_open: i64,
    pub heard: i64,
    pub help: i64,
    pub refused: i64,
}

/// Writes folded standings and moves their tallies, locked in key order.
pub async fn save(
    tx: &mut Tx,
    standings: &[SavedStanding],
    moves: &[TallyMove],
) -> Result<(), StoreFault> {
    tx.exec(&SAVE_STANDINGS, args![rows_json(standings)?]).await?;
    if !moves.is_empty() {
        let moves = rows_json(moves)?;
        let _: Vec<(i64,)> = tx.rows(&LOCK_TALLIES, args![&moves]).await?;
        tx.exec(&MOVE_TALLIES, args![moves]).await?;
    }
    Ok(())
}

/// What a number's owner says of the number itself.
#[derive(Debug, Clone, serde::Serialize)]
pub struct AddressClaim {
    pub key: String,
    pub address: i64,
    /// 2 opted out, 3 wrong number.
    pub claim: i64,
}

/// Keeps claims about numbers. An opt-out is recorded and does not stop emergency messages; a
/// wrong number is not messaged again.
pub async fn claim_addresses(
    tx: &mut Tx,
    rows: &[AddressClaim],
    now: i64,
) -> Result<(), StoreFault> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.exec(&KEEP_ADDRESS_CLAIMS, args![rows_json(rows)?, now]).await?;
    let wrong: Vec<&AddressClaim> = rows.iter().filter(|r| r.claim == 3).collect();
    tx.exec(&CLAIM_ADDRESSES, args![rows_json(&wrong)?, now]).await?;
    Ok(())
}
