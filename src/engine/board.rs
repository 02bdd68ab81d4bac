//! The live board's figures: an order's sums over the tree, kept for a moment so that many who look
//! cost one look at the store, and cut to the places of whoever looks. It changes nothing. What a
//! look shows is the web's; when it has changed is told by [`Engine::board_mark`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::Mutex;

use super::issue::Actor;
use super::{Engine, EngineFault};
use crate::base::limits::{
    BOARD_KEPT_MS, BOARD_ROWS, BOARD_SLOW_MS, BOARD_SLOW_TIMES, BOARD_STILL_MS, BOARDS_KEPT,
};
use crate::domain::access::{self, Action, Denied};
use crate::domain::alert::State;
use crate::domain::board::{Place, Sums, Tree};
use crate::domain::pace::{Pace, Part};
use crate::store::board::{self as rows, CellRow, Fingerprint, HelpRow, ListRow, SummonsRow};
use crate::store::order::{self, AlertRow};
use crate::store::{StoreFault, account};

/// Slots of the curve at most.
const SLOTS: i64 = 60;
const MINUTE_MS: i64 = 60_000;
/// A provider is judged by its attempts of so long.
const PROVIDER_MS: i64 = 10 * MINUTE_MS;
/// Kinds of evidence: `domain::standing::grade`.
pub const GRADES: usize = 8;

/// What tallies, tasks and lists say, of one moment.
pub struct Quick {
    /// Story time.
    pub at: i64,
    pub tree: Tree,
    pub lists: Vec<ListRow>,
    pub summonses: Vec<SummonsRow>,
    pub helps: Vec<HelpRow>,
}

/// What only the standings say, looked up seldom.
#[derive(Default)]
pub struct Slow {
    /// Story time.
    pub at: i64,
    pub slot_ms: i64,
    /// Closed households by grid and slot since the release.
    pub curve: Vec<(i64, i64, i64)>,
    /// Pursued households by grid and evidence.
    pub evidence: HashMap<i64, [i64; GRADES]>,
    /// By list: open doors, and doors closed since it was taken.
    pub pace: HashMap<i64, (i64, i64)>,
    /// When a grid's first wave was handed over.
    pub handed: HashMap<i64, Option<i64>>,
    /// Attempts of the last ten minutes: provider, all, accepted.
    pub providers: Vec<(String, i64, i64)>,
}

/// One look at an order's board by somebody.
pub struct Look {
    pub alert: AlertRow,
    pub act_by: Option<i64>,
    pub urgency: i64,
    pub expires_at: i64,
    pub quick: Arc<Quick>,
    pub slow: Arc<Slow>,
    /// The highest nodes he may see.
    pub tops: Vec<usize>,
    /// The highest nodes at which he may see people.
    pub people: Vec<usize>,
}

impl Look {
    /// Everything he sees, in one sum.
    pub fn total(&self) -> Sums {
        self.quick.tree.total(&self.tops)
    }

    /// Whether he may look at a place.
    pub fn sees(&self, place: i64) -> bool {
        self.quick.tree.node(place).is_some_and(|node| self.quick.tree.is_below(node, &self.tops))
    }

    /// Whether he may see people there.
    pub fn sees_people(&self, place: i64) -> bool {
        let tree = &self.quick.tree;
        tree.node(place).is_some_and(|node| tree.is_below(node, &self.people))
    }

    /// When the holder of a list is done at his pace so far, and whether that is too late.
    pub fn pace(&self, list: &ListRow) -> Option<(Option<i64>, bool)> {
        let (open, done) = *self.slow.pace.get(&list.id)?;
        let part = Part { building_id: list.place_id, open };
        let pace = Pace { taken_at: list.answered_at?, done, parts: vec![part] };
        let late = self.act_by.is_some_and(|act_by| pace.is_late(act_by, self.slow.at));
        Some((pace.ends_at(self.slow.at), late))
    }
}

#[derive(Default)]
struct Kept {
    mark: Option<Fingerprint>,
    quick: Option<(i64, Arc<Quick>)>,
    slow: Option<(i64, Arc<Slow>)>,
    places: Arc<Vec<Place>>,
    known: HashSet<i64>,
}

/// The boards of one process, each kept for a moment.
#[derive(Default)]
pub struct Boards(Mutex<HashMap<i64, Arc<Mutex<Kept>>>>);

impl Boards {
    async fn of(&self, alert: i64) -> Arc<Mutex<Kept>> {
        let mut boards = self.0.lock().await;
        if boards.len() >= BOARDS_KEPT && !boards.contains_key(&alert) {
            boards.clear();
        }
        boards.entry(alert).or_default().clone()
    }
}

impl Engine {
    /// What changes whenever a board does. None: there is no such alert.
    pub async fn board_mark(&self, alert: i64) -> Result<Option<Fingerprint>, EngineFault> {
        Ok(rows::fingerprint(&self.store, alert).await?)
    }

    /// The board of an order as this official may see it. None: there is no such order.
    ///
    /// # Errors
    /// [`EngineFault::Denied`] where he has no right at any of its places.
    pub async fn board(
        &self,
        boards: &Boards,
        actor: &Actor,
        uid: &str,
    ) -> Result<Option<Look>, EngineFault> {
        let Some(alert) = order::by_uid(&self.store, uid).await? else {
            return Ok(None);
        };
        let Some(order) = self.order(alert.id, alert.version).await? else {
            self.check_access(actor, Action::LookAtBoard, &self.areas_of(&alert).await?).await?;
            let text = "这条预警或指令还没有发布，发布后才有看板。";
            return Err(EngineFault::Refused(text.into()));
        };
        let kept = boards.of(alert.id).await;
        // Held while it is looked up: many who look at once are answered by one look.
        let mut kept = kept.lock().await;
        let quick = self.quick(&mut kept, alert.id).await?;
        let tops = quick.tree.tops(&held(actor, Action::LookAtBoard));
        if tops.is_empty() {
            return Err(self.denied(actor, &alert).await?);
        }
        let people = quick.tree.tops(&held(actor, Action::LookAtPeople));
        let slow = self.slow(&mut kept, &alert).await?;
        let (act_by, urgency) = (order.act_by, order.urgency);
        let expires_at = alert.extended_to.unwrap_or(order.expires_at);
        Ok(Some(Look { alert, act_by, urgency, expires_at, quick, slow, tops, people }))
    }

    async fn areas_of(&self, alert: &AlertRow) -> Result<Vec<i64>, EngineFault> {
        let newest = order::latest_version(&self.store, alert.id).await?;
        let version = if alert.version > 0 { alert.version } else { newest };
        let areas = order::areas(&self.store, alert.id, version).await?;
        Ok(areas.into_iter().filter(|(_, out)| *out == 0).map(|(place, _)| place).collect())
    }

    async fn denied(&self, actor: &Actor, alert: &AlertRow) -> Result<EngineFault, EngineFault> {
        let action = Action::LookAtBoard;
        let above = account::places_above_each(&self.store, &self.areas_of(alert).await?).await?;
        let remedy = "ask somebody of a place of this order".to_owned();
        let nowhere = Denied { action, place: 0, place_name: None, remedy };
        Ok(access::allows_everywhere(&actor.rights, action, &above).err().unwrap_or(nowhere).into())
    }

    async fn quick(&self, kept: &mut Kept, alert: i64) -> Result<Arc<Quick>, EngineFault> {
        let machine = self.clock.machine_ms();
        let age = |at: &i64| machine - at;
        if let Some((at, quick)) = &kept.quick
            && (0..BOARD_KEPT_MS).contains(&age(at))
        {
            return Ok(quick.clone());
        }
        // The mark comes first: what changes while the rest is read is read again next time.
        let mark = rows::fingerprint(&self.store, alert).await?;
        if let Some((at, quick)) = &kept.quick
            && kept.mark == mark
            && (0..BOARD_STILL_MS).contains(&age(at))
        {
            return Ok(quick.clone());
        }
        let now = self.clock.story_ms();
        let cells = rows::cells(&self.store, alert, now).await?;
        let lowest =
            |row: &CellRow| if row.building_id > 0 { row.building_id } else { row.grid_id };
        if cells.iter().any(|row| !kept.known.contains(&lowest(row))) {
            let places = self.board_places(alert).await?;
            kept.known = places.iter().map(|place| place.id).collect();
            // A place that left the roster is not asked for again and again.
            kept.known.extend(cells.iter().map(lowest));
            kept.places = Arc::new(places);
        }
        let cells: Vec<([i64; 2], Sums)> = cells.iter().map(cell).collect();
        let quick = Arc::new(Quick {
            at: now,
            tree: Tree::new(kept.places.clone(), &cells),
            lists: rows::lists(&self.store, alert, BOARD_ROWS).await?,
            summonses: rows::summonses(&self.store, alert, BOARD_ROWS).await?,
            helps: rows::helps(&self.store, alert, BOARD_ROWS).await?,
        });
        kept.mark = mark;
        kept.quick = Some((machine, quick.clone()));
        Ok(quick)
    }

    async fn board_places(&self, alert: i64) -> Result<Vec<Place>, StoreFault> {
        let places = rows::places(&self.store, alert).await?;
        let place = |row: rows::PlaceRow| Place {
            id: row.id,
            code: row.code,
            name: row.name,
            kind: row.kind,
            parent_id: row.parent_id,
        };
        Ok(places.into_iter().map(place).collect())
    }

    /// Looked up so seldom that it takes a small part of the time, however large the order is.
    async fn slow(&self, kept: &mut Kept, alert: &AlertRow) -> Result<Arc<Slow>, EngineFault> {
        let machine = self.clock.machine_ms();
        if let Some((until, slow)) = &kept.slow
            && machine < *until
        {
            return Ok(slow.clone());
        }
        let now = self.clock.story_ms();
        let since = alert.live_at.unwrap_or(alert.created_at);
        let end = match State::from_code(alert.state) {
            Some(State::Live) | None => now,
            Some(
                State::Draft
                | State::Submitted
                | State::Returned
                | State::Ended
                | State::Withdrawn
                | State::Discarded,
            ) => now.min(alert.ended_at.unwrap_or(now) + 60 * MINUTE_MS),
        };
        let minutes = ((end - since) / MINUTE_MS + SLOTS) / SLOTS;
        let slot_ms = minutes.max(1) * MINUTE_MS;
        let mut evidence: HashMap<i64, [i64; GRADES]> = HashMap::new();
        for (grid, grade, homes) in rows::evidence(&self.store, alert.id).await? {
            let grade = usize::try_from(grade).unwrap_or(0).min(GRADES - 1);
            evidence.entry(grid).or_default()[grade] += homes;
        }
        let pace = rows::pace(&self.store, alert.id).await?;
        let slow = Arc::new(Slow {
            at: now,
            slot_ms,
            curve: rows::curve(&self.store, alert.id, since, slot_ms).await?,
            evidence,
            pace: pace.into_iter().map(|(list, open, done)| (list, (open, done))).collect(),
            handed: rows::handed(&self.store, alert.id).await?.into_iter().collect(),
            providers: rows::providers(&self.store, alert.id, now - PROVIDER_MS).await?,
        });
        let took_ms = (self.clock.machine_ms() - machine).clamp(0, BOARD_SLOW_MS);
        let until = machine + BOARD_SLOW_MS + BOARD_SLOW_TIMES * took_ms;
        kept.slow = Some((until, slow.clone()));
        Ok(slow)
    }
}

/// The places at which an actor may do something.
pub fn held(actor: &Actor, action: Action) -> Vec<i64> {
    let fit = actor.rights.iter().filter(|(role, _)| action.roles().contains(role));
    let mut places: Vec<i64> = fit.map(|(_, place)| *place).collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn cell(row: &CellRow) -> ([i64; 2], Sums) {
    let sums = Sums {
        audience: row.audience,
        pursued: row.pursued,
        closed: row.closed,
        heard: row.heard,
        help: row.help,
        refused: row.refused,
        must: row.must,
        must_open: row.must_open,
        desk: row.desk,
        list: row.list,
        sheet: row.sheet,
        run: row.run,
        orphan: row.orphan,
    };
    ([row.building_id, row.grid_id], sums)
}
