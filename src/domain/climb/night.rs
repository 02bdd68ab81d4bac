//! A night of one grid for the tests: keeps lists and timer as the engine would.

use super::*;
use crate::domain::plan::Plans;

pub(super) const MIN: i64 = 60_000;
pub(super) const GRID: i64 = 500;

/// A grid whose lists and timer live on as the engine would keep them. Minutes from the start.
pub(super) struct Night {
    pub(super) plan: Plan,
    pub(super) ladder: Vec<Human>,
    pub(super) lists: Vec<ListRow>,
    pub(super) doors: Vec<Doors>,
    pub(super) step: Step,
    pub(super) due_at: i64,
    pub(super) now: i64,
    pub(super) reminded: Vec<i64>,
    pub(super) passed: Vec<i64>,
    pub(super) returned: Vec<i64>,
    pub(super) nobody: bool,
}

pub(super) fn human(human_id: i64, rung: Rung) -> Human {
    let place_id = if rung == Rung::Building { human_id } else { 0 };
    Human {
        human_id,
        rung,
        place_id,
        reachable: true,
        absent: false,
        laden: false,
        called_at: None,
    }
}

/// Building leaders 12 and 13 (of buildings 12 and 13), then one person a rung.
pub(super) fn full_ladder() -> Vec<Human> {
    vec![
        human(12, Rung::Building),
        human(13, Rung::Building),
        human(20, Rung::Grid),
        human(30, Rung::Deputy),
        human(40, Rung::Community),
        human(50, Rung::Street),
        human(60, Rung::Duty),
    ]
}

impl Night {
    pub(super) fn new(ladder: Vec<Human>) -> Night {
        let plan = Plans::defaults().unwrap().flash;
        let (step, due_at) = first_due(&plan, 0).unwrap();
        let doors = [12, 13].map(|building_id| Doors { building_id, open: 3 }).to_vec();
        Night {
            plan,
            ladder,
            lists: vec![],
            doors,
            step,
            due_at,
            now: 0,
            reminded: vec![],
            passed: vec![],
            returned: vec![],
            nobody: false,
        }
    }

    pub(super) fn decide(&mut self) -> Climb {
        let grid = Grid {
            place_id: GRID,
            ladder: &self.ladder,
            lists: &self.lists,
            doors: &self.doors,
            step: self.step,
            due_at: self.due_at,
        };
        let climb = decide(&self.plan, &grid, self.now).unwrap();
        assert!(climb.next_due_at > self.now, "a due moment in the past");
        for list_id in &climb.passes {
            let row = self.lists.iter_mut().find(|row| row.list_id == *list_id).unwrap();
            row.state = ListState::PassedOn;
            self.passed.push(row.human_id);
        }
        for list_id in &climb.returns {
            let row = self.lists.iter_mut().find(|row| row.list_id == *list_id).unwrap();
            row.state = ListState::Done;
            self.returned.push(row.human_id);
        }
        for offer in &climb.offers {
            let twin =
                |row: &ListRow| (row.place_id, row.human_id) == (offer.place_id, offer.human_id);
            assert!(!self.lists.iter().any(twin), "offered twice: {offer:?}");
            self.lists.push(ListRow {
                list_id: self.lists.len() as i64 + 1,
                place_id: offer.place_id,
                human_id: offer.human_id,
                rung: offer.rung,
                state: ListState::Offered,
                offered_at: self.now,
                answered_at: None,
                acted_at: None,
            });
        }
        for list_id in &climb.reminds {
            let row = self.lists.iter().find(|row| row.list_id == *list_id).unwrap();
            self.reminded.push(row.human_id);
        }
        self.nobody = climb.nobody;
        self.step = climb.next_step;
        self.due_at = climb.next_due_at;
        climb
    }

    /// Runs to this minute, firing every timer that falls due; the humans offered on the way.
    pub(super) fn until(&mut self, minute: i64) -> Vec<i64> {
        let mut asked = Vec::new();
        while self.due_at <= minute * MIN {
            self.now = self.now.max(self.due_at);
            asked.extend(self.decide().offers.iter().map(|offer| offer.human_id));
        }
        self.now = minute * MIN;
        asked.sort();
        asked
    }

    pub(super) fn answer(&mut self, human_id: i64, state: ListState) -> Vec<i64> {
        let now = self.now;
        for row in self.lists.iter_mut().filter(|row| row.human_id == human_id) {
            row.state = state;
            row.answered_at = Some(now);
        }
        let mut asked: Vec<i64> = self.decide().offers.iter().map(|offer| offer.human_id).collect();
        asked.sort();
        asked
    }

    pub(super) fn without(mut self, humans: &[i64]) -> Night {
        self.ladder.retain(|human| !humans.contains(&human.human_id));
        self
    }
}
