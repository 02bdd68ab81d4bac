//! A night in numbers and one household's record, as the demo tells them: what was stopped before
//! it was sent, who must move and who moved, one home's calls, lists and words. It changes
//! nothing, and no step of the engine relies on it.

use crate::args;
use crate::store::db::ids;
use crate::store::places::full_name;
use crate::store::{Store, StoreFault};

crate::statements! {
    // Homes with a number to write to that the first version of an order never wrote to.
    UNSENT = "SELECT count(*) FROM expansion e JOIN household h ON h.grid_id = e.grid_id \
        AND h.retired_at IS NULL WHERE e.alert_id = $1 AND e.version = 1 AND EXISTS (SELECT 1 \
        FROM address a WHERE a.household_id = h.id AND a.lane = 1 AND a.state = 0 \
        AND a.speaks_for = 1) AND NOT EXISTS (SELECT 1 FROM standing s JOIN outcome o \
        ON o.alert_id = s.alert_id AND o.grid_id = s.grid_id AND o.seq = s.seq \
        AND o.version = 1 WHERE s.alert_id = e.alert_id AND s.grid_id = e.grid_id \
        AND s.household_id = h.id)";
    SENT = "SELECT count(*) FROM (SELECT DISTINCT o.grid_id, o.seq FROM outcome o \
        WHERE o.alert_id = $1 AND o.version = $2 AND o.kind IN (1, 5)) q";
    // Who may have had the first text, has not had the second, and has a number to write to.
    OWED = "SELECT count(*) FROM standing s WHERE s.alert_id = $1 AND EXISTS (SELECT 1 \
        FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id \
        AND o.seq = s.seq AND o.version = 1 AND o.kind IN (1, 5)) AND NOT EXISTS (SELECT 1 \
        FROM outcome o WHERE o.alert_id = s.alert_id AND o.grid_id = s.grid_id \
        AND o.seq = s.seq AND o.version = 2 AND o.kind IN (1, 5)) AND EXISTS (SELECT 1 \
        FROM address a WHERE a.household_id = s.household_id AND a.lane = 1 AND a.state = 0)";
    MUST_MOVE = "SELECT CAST(COALESCE(sum(s.persons), 0) AS bigint), \
        CAST(COALESCE(sum(CASE WHEN s.closed_at IS NOT NULL THEN s.persons ELSE 0 END), 0) \
        AS bigint), CAST(COALESCE(sum(CASE WHEN s.closed_at IS NULL AND s.refused = 1 \
        THEN s.persons ELSE 0 END), 0) AS bigint) FROM standing s WHERE s.alert_id {in $1} \
        AND s.ring = 1 AND s.pursued = 1";
    PURSUED = "SELECT h.code, s.ring, CAST(CASE WHEN s.closed_at IS NULL THEN 0 ELSE 1 END \
        AS bigint) FROM standing s JOIN household h ON h.id = s.household_id \
        WHERE s.alert_id {in $1} AND s.pursued = 1 ORDER BY h.code";
    HOME = concat!("SELECT h.id, h.name, ", full_name!("g", "b"),
        " || CASE WHEN q.id = b.id THEN '' ELSE q.name \
        END || h.door, s.persons, s.ring, s.closed_at FROM household h JOIN standing s \
        ON s.household_id = h.id AND s.alert_id = $1 JOIN place q ON q.id = h.place_id \
        JOIN place b ON b.id = h.building_id JOIN place g ON g.id = h.grid_id WHERE h.code = $2");
    HOME_NUMBERS = "SELECT lane, last4 FROM address WHERE household_id = $1 AND state = 0 \
        ORDER BY ord";
    HOME_HELPER = "SELECT n.at, t.name, CAST(COALESCE(n.kind, 0) AS bigint) FROM household h \
        JOIN human t ON t.id = h.helper_id JOIN notice n ON n.human_id = t.id \
        AND n.alert_id = $1 AND n.purpose = $3 WHERE h.id = $2 AND n.at IS NOT NULL \
        ORDER BY n.at LIMIT 1";
    HELPER_SAID = "SELECT j.at FROM household h JOIN journal j ON j.alert_id = $1 \
        AND j.act = 'helper.decline' AND j.actor = 'human:' || h.helper_id WHERE h.id = $2 \
        ORDER BY j.id LIMIT 1";
    HOME_LISTS = "SELECT l.rung, l.state, t.name, p.name, l.offered_at, l.answered_at FROM \
        household h JOIN place_above pa ON pa.place_id = h.building_id JOIN list l \
        ON l.alert_id = $1 AND l.place_id = pa.above_id JOIN human t ON t.id = l.human_id \
        JOIN place p ON p.id = l.place_id WHERE h.id = $2 ORDER BY l.offered_at, l.rung";
    HOME_WORDS = "SELECT s.observed_at, s.giver, s.claim, s.persons, s.detail, \
        COALESCE(t.name, '') FROM statement s LEFT JOIN human t ON t.id = s.giver_id \
        AND s.giver = 60 WHERE s.alert_id = $1 AND s.household_id = $2 \
        ORDER BY s.observed_at, s.id";
    HOME_ENTRY = "SELECT COALESCE(pos, 0) FROM journal WHERE alert_id = $1 \
        AND act = 'list.tick' AND detail LIKE $2 ORDER BY id DESC LIMIT 1";
    HELP_OF = "SELECT t.opened_at, t.taken_at, t.owner, t.class, t.text, h.name, \
        p.name || h.door FROM task t JOIN household h ON h.id = t.household_id \
        JOIN place p ON p.id = h.building_id WHERE t.alert_id = $1 AND h.code = $2 \
        AND t.kind = 1 ORDER BY t.id LIMIT 1";
    REPLIES = "SELECT count(*) FROM inbound WHERE received_at > $1 AND received_at <= $2";
}

/// Homes with a number to which the first version of an order was never sent.
pub async fn unsent(store: &Store, alert: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&UNSENT, args![alert]).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// Homes that may have had a version's text: taken by the gateway, or unknown.
pub async fn sent(store: &Store, alert: i64, version: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&SENT, args![alert, version]).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// Homes that may have had a wrong first text, can be written to, and have no correction yet.
pub async fn correction_owed(store: &Store, alert: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&OWED, args![alert]).await?;
    Ok(row.map_or(0, |r| r.0))
}

/// Persons who must move under these orders, who moved, and who refuse.
pub async fn must_move(store: &Store, alerts: &[i64]) -> Result<(i64, i64, i64), StoreFault> {
    Ok(store.first(&MUST_MOVE, args![ids(alerts)]).await?.unwrap_or_default())
}

/// Code, ring and whether it is closed (1) of every household these orders pursue.
pub async fn pursued(store: &Store, alerts: &[i64]) -> Result<Vec<(String, i64, i64)>, StoreFault> {
    store.rows(&PURSUED, args![ids(alerts)]).await
}

/// A household under an order.
#[derive(Debug, Clone)]
pub struct Home {
    pub id: i64,
    pub name: String,
    pub place: String,
    pub persons: i64,
    pub ring: i64,
    pub closed_at: Option<i64>,
}

/// A list above a household.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAbove {
    pub rung: i64,
    pub state: i64,
    pub human: String,
    pub place: String,
    pub offered_at: i64,
    pub answered_at: Option<i64>,
}

/// Something said about a household: when, by whom (`domain::statement` codes), what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub at: i64,
    pub giver: i64,
    pub claim: i64,
    pub persons: Option<i64>,
    pub detail: Option<String>,
    pub who: String,
}

/// What is on record of one household under one order.
#[derive(Debug, Clone)]
pub struct Record {
    pub home: Home,
    /// Lane and last digits of its numbers.
    pub numbers: Vec<(i64, String)>,
    /// When its helper was written to, his name and the outcome's code.
    pub helper: Option<(i64, String, i64)>,
    /// When he said that he can't.
    pub helper_declined: Option<i64>,
    pub lists: Vec<ListAbove>,
    pub words: Vec<Word>,
    /// The journal's last entry about its door; 0: none yet.
    pub entry: i64,
}

/// The record of a household (by code). `helper` is the purpose of a helper's notice. None: the
/// order has not reached it.
pub async fn record(
    store: &Store,
    alert: i64,
    code: &str,
    helper: i64,
) -> Result<Option<Record>, StoreFault> {
    type HomeRow = (i64, String, String, i64, i64, Option<i64>);
    let row: Option<HomeRow> = store.first(&HOME, args![alert, code]).await?;
    let Some((id, name, place, persons, ring, closed_at)) = row else {
        return Ok(None);
    };
    let home = Home { id, name, place, persons, ring, closed_at };
    let told: Option<(i64, String, i64)> =
        store.first(&HOME_HELPER, args![alert, id, helper]).await?;
    // The journal of a night is long: it is asked only for what can stand there.
    let said: Option<(i64,)> = match told {
        Some(_) => store.first(&HELPER_SAID, args![alert, id]).await?,
        None => None,
    };
    type ListRow = (i64, i64, String, String, i64, Option<i64>);
    let lists: Vec<ListRow> = store.rows(&HOME_LISTS, args![alert, id]).await?;
    type WordRow = (i64, i64, i64, Option<i64>, Option<String>, String);
    let words: Vec<WordRow> = store.rows(&HOME_WORDS, args![alert, id]).await?;
    let like = format!("%\"household\":\"{code}\"%");
    let entry: Option<(i64,)> = match words.is_empty() {
        false => store.first(&HOME_ENTRY, args![alert, like]).await?,
        true => None,
    };
    let list = |(rung, state, human, place, offered_at, answered_at)| ListAbove {
        rung,
        state,
        human,
        place,
        offered_at,
        answered_at,
    };
    let word =
        |(at, giver, claim, persons, detail, who)| Word { at, giver, claim, persons, detail, who };
    Ok(Some(Record {
        numbers: store.rows(&HOME_NUMBERS, args![id]).await?,
        helper: told,
        helper_declined: said.map(|row| row.0),
        lists: lists.into_iter().map(list).collect(),
        words: words.into_iter().map(word).collect(),
        entry: entry.map_or(0, |row| row.0),
        home,
    }))
}

/// A household's first cry for help, as a task.
#[derive(Debug, Clone)]
pub struct Help {
    pub opened_at: i64,
    pub taken_at: Option<i64>,
    pub owner: Option<String>,
    pub class: i64,
    pub text: String,
    pub name: String,
    pub place: String,
}

/// The help of a household (by code) under an order.
pub async fn help_of(store: &Store, alert: i64, code: &str) -> Result<Option<Help>, StoreFault> {
    type Row = (i64, Option<i64>, Option<String>, i64, String, String, String);
    let row: Option<Row> = store.first(&HELP_OF, args![alert, code]).await?;
    let help = |(opened_at, taken_at, owner, class, text, name, place)| Help {
        opened_at,
        taken_at,
        owner,
        class,
        text,
        name,
        place,
    };
    Ok(row.map(help))
}

/// Replies that arrived after one instant, up to another.
pub async fn replies(store: &Store, after: i64, until: i64) -> Result<i64, StoreFault> {
    let row: Option<(i64,)> = store.first(&REPLIES, args![after, until]).await?;
    Ok(row.map_or(0, |r| r.0))
}
