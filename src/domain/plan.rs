//! The plan: after how long whom, as data that is checked when it is loaded and shortened when time
//! is short (rules §5). It does not know the ladder's people (`climb` does) and reads no files.

use serde::{Deserialize, Serialize};

mod wait;

use wait::write_wait;

/// Between two rungs of one track nobody has time to answer in less.
pub const RUNG_GAP_MIN_MS: i64 = 2 * MIN_MS;
/// Plans are written for this much time; with less they are shortened in proportion.
pub const FULL_TIME_MS: i64 = 120 * MIN_MS;
const FIRST_WAVE_FLOOR_MS: i64 = MIN_MS;
const MIN_MS: i64 = 60_000;
const WAIT_MAX_MS: i64 = 24 * 60 * MIN_MS;
const RUNGS_MAX: usize = 8;
const EVIDENCE_MAX: i64 = 4;

const DEFAULTS: &str = include_str!("../../config/plans.toml");

/// A rung of the lists' ladder; the order is the order of the climb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rung {
    Building,
    Grid,
    Deputy,
    Community,
    Street,
    Duty,
}

impl Rung {
    pub const ALL: [Rung; 6] =
        [Rung::Building, Rung::Grid, Rung::Deputy, Rung::Community, Rung::Street, Rung::Duty];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Rung::Building => 1,
            Rung::Grid => 2,
            Rung::Deputy => 3,
            Rung::Community => 4,
            Rung::Street => 5,
            Rung::Duty => 6,
        }
    }

    /// The inverse of [`Rung::code`].
    pub fn from_code(code: i64) -> Option<Rung> {
        Rung::ALL.into_iter().find(|rung| rung.code() == code)
    }
}

/// What a timer row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimerKind {
    /// A grid's clock starts at the latest now.
    FirstWaveMax,
    /// The next wave of a grid.
    Wave,
    /// The next step of a grid's ladder of lists, its reminder or its watch.
    List,
    /// The next call of a summoned person.
    Summons,
    /// The un-woken list of a place.
    Unwoken,
    /// Ring 1 of a grid without any evidence.
    Evidence,
    /// An open task that nobody took, or whose deadline passed.
    Task,
    /// The alert expires.
    Expiry,
    /// A search list after the end.
    Search,
    /// The correction runs again when the last old lease has ended.
    Correction,
    /// The pace of whoever took a list of a grid is looked at.
    Pace,
    /// A bypass must be countersigned by now.
    Countersign,
    /// The helpers of homes that need a person are messaged.
    Helpers,
    /// 范围更正 or 返回通知 is told again as the leases of an older version end.
    Farewell,
    /// What was joined to somebody's offers since he was last told of them.
    Joined,
    /// A grid's ladder is looked at before its own timer is due.
    Look,
}

impl TimerKind {
    pub const ALL: [TimerKind; 16] = [
        TimerKind::FirstWaveMax,
        TimerKind::Wave,
        TimerKind::List,
        TimerKind::Summons,
        TimerKind::Unwoken,
        TimerKind::Evidence,
        TimerKind::Task,
        TimerKind::Expiry,
        TimerKind::Search,
        TimerKind::Correction,
        TimerKind::Pace,
        TimerKind::Countersign,
        TimerKind::Helpers,
        TimerKind::Farewell,
        TimerKind::Joined,
        TimerKind::Look,
    ];

    /// The stable number under which the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            TimerKind::FirstWaveMax => 1,
            TimerKind::Wave => 2,
            TimerKind::List => 3,
            TimerKind::Summons => 4,
            TimerKind::Unwoken => 5,
            TimerKind::Evidence => 6,
            TimerKind::Task => 7,
            TimerKind::Expiry => 8,
            TimerKind::Search => 9,
            TimerKind::Correction => 10,
            TimerKind::Pace => 11,
            TimerKind::Countersign => 12,
            TimerKind::Helpers => 13,
            TimerKind::Farewell => 14,
            TimerKind::Joined => 15,
            TimerKind::Look => 16,
        }
    }

    /// What goes on when the order is over: tasks, the search list, corrections, signatures.
    pub fn outlives_order(self) -> bool {
        match self {
            TimerKind::Task
            | TimerKind::Search
            | TimerKind::Correction
            | TimerKind::Countersign
            | TimerKind::Farewell => true,
            TimerKind::FirstWaveMax
            | TimerKind::Wave
            | TimerKind::List
            | TimerKind::Summons
            | TimerKind::Unwoken
            | TimerKind::Evidence
            | TimerKind::Expiry
            | TimerKind::Pace
            | TimerKind::Helpers
            | TimerKind::Joined
            | TimerKind::Look => false,
        }
    }

    /// The inverse of [`TimerKind::code`].
    pub fn from_code(code: i64) -> Option<TimerKind> {
        TimerKind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// When each rung of the ladder is offered the list, counted from the start of the grid's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lists {
    #[serde(rename = "building", with = "wait::one")]
    pub building_ms: i64,
    #[serde(rename = "grid", with = "wait::one")]
    pub grid_ms: i64,
    #[serde(rename = "deputy", with = "wait::one")]
    pub deputy_ms: i64,
    /// Community heads and street, both.
    #[serde(rename = "above", with = "wait::one")]
    pub above_ms: i64,
    #[serde(rename = "duty", with = "wait::one")]
    pub duty_ms: i64,
}

impl Lists {
    /// After how long this rung is offered the list.
    pub fn delay_ms(&self, rung: Rung) -> i64 {
        match rung {
            Rung::Building => self.building_ms,
            Rung::Grid => self.grid_ms,
            Rung::Deputy => self.deputy_ms,
            Rung::Community | Rung::Street => self.above_ms,
            Rung::Duty => self.duty_ms,
        }
    }

    fn delays(&self) -> [i64; 5] {
        [self.building_ms, self.grid_ms, self.deputy_ms, self.above_ms, self.duty_ms]
    }

    fn of_delays(delays: &[i64]) -> Option<Lists> {
        let [building_ms, grid_ms, deputy_ms, above_ms, duty_ms] = *delays else {
            return None;
        };
        Some(Lists { building_ms, grid_ms, deputy_ms, above_ms, duty_ms })
    }
}

/// One plan. All waits are milliseconds here and words ("3 min") in files and in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Calls of each responsible person, from the approval; never scaled.
    #[serde(rename = "persons", with = "wait::many")]
    pub persons_ms: Vec<i64>,
    /// When the un-woken list goes up; none: it doesn't.
    #[serde(rename = "unwoken", default, with = "wait::maybe")]
    pub unwoken_ms: Option<i64>,
    /// The waves after the first (which is at 0).
    #[serde(rename = "waves", with = "wait::many")]
    pub waves_ms: Vec<i64>,
    /// None: no lists, nothing climbs.
    #[serde(default)]
    pub lists: Option<Lists>,
    #[serde(rename = "remind", with = "wait::one")]
    pub remind_ms: i64,
    #[serde(rename = "stale", with = "wait::one")]
    pub stale_ms: i64,
    #[serde(rename = "first_wave_max", with = "wait::one")]
    pub first_wave_max_ms: i64,
    #[serde(rename = "evidence_every", with = "wait::one")]
    pub evidence_every_ms: i64,
    pub evidence_times: i64,
}

/// Why a plan is refused: which rung, what is wrong, what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("plan: {0}")]
    Unreadable(String),
    #[error("plan: rung {rung}: {trouble}; {remedy}")]
    Rung { rung: String, trouble: String, remedy: String },
}

fn refuse(rung: &str, trouble: String, remedy: &str) -> PlanError {
    PlanError::Rung { rung: rung.into(), trouble, remedy: remedy.into() }
}

impl Plan {
    /// Everything that would make the plan useless on the night, all at once.
    pub fn check(&self) -> Result<(), Vec<PlanError>> {
        let mut errors = Vec::new();
        self.check_waits(&mut errors);
        check_track("persons", &self.persons_ms, &mut errors);
        let mut waves = vec![0];
        waves.extend(&self.waves_ms);
        check_track("waves", &waves, &mut errors);
        if let Some(lists) = &self.lists {
            check_lists(lists, &mut errors);
        }
        match (self.persons_ms.last(), self.unwoken_ms) {
            (Some(last), Some(unwoken)) if unwoken <= *last => errors.push(refuse(
                "unwoken",
                format!("{} is not after the last call of persons", write_wait(unwoken)),
                "set it after that call",
            )),
            (Some(_), None) => errors.push(refuse(
                "unwoken",
                "persons are called but nobody learns who did not wake".into(),
                "set unwoken, or leave persons empty",
            )),
            (Some(_), Some(_)) | (None, _) => {}
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn check_waits(&self, errors: &mut Vec<PlanError>) {
        let waits = [
            ("remind", self.remind_ms, MIN_MS),
            ("stale", self.stale_ms, RUNG_GAP_MIN_MS),
            ("first_wave_max", self.first_wave_max_ms, FIRST_WAVE_FLOOR_MS),
            ("evidence_every", self.evidence_every_ms, RUNG_GAP_MIN_MS),
        ];
        for (rung, wait_ms, min_ms) in waits {
            if !(min_ms..=WAIT_MAX_MS).contains(&wait_ms) {
                let remedy = format!("set at least {} and at most 24 h", write_wait(min_ms));
                errors.push(refuse(rung, format!("{} can't work", write_wait(wait_ms)), &remedy));
            }
        }
        if !(0..=EVIDENCE_MAX).contains(&self.evidence_times) {
            let trouble = format!("{} times", self.evidence_times);
            errors.push(refuse("evidence_times", trouble, "set 0 to 4"));
        }
    }

    /// The plan for an approval with this much time left until `act_by`; none: no deadline. Waves,
    /// lists and the latest start shrink in proportion below two hours, with at least two minutes
    /// between rungs; persons, reminders and patience with a holder never do.
    pub fn scaled(&self, remaining_ms: Option<i64>) -> Plan {
        let left_ms = remaining_ms.unwrap_or(FULL_TIME_MS).clamp(0, FULL_TIME_MS);
        if left_ms == FULL_TIME_MS {
            return self.clone();
        }
        let mut plan = self.clone();
        let mut waves = vec![0];
        waves.extend(&self.waves_ms);
        plan.waves_ms = shrink(&waves, left_ms).split_off(1);
        plan.lists = self.lists.as_ref().and_then(|lists| {
            let delays = lists.delays();
            Lists::of_delays(&shrink(&delays, left_ms))
        });
        plan.first_wave_max_ms = portion(self.first_wave_max_ms, left_ms)
            .max(FIRST_WAVE_FLOOR_MS.min(self.first_wave_max_ms));
        plan
    }
}

/// Whole seconds, so that a plan survives being written down.
fn portion(wait_ms: i64, left_ms: i64) -> i64 {
    wait_ms * (left_ms / 1000) / (FULL_TIME_MS / 1000) / 1000 * 1000
}

/// Rungs of the same moment stay together, others keep their distance.
fn shrink(delays_ms: &[i64], left_ms: i64) -> Vec<i64> {
    let mut shrunk: Vec<i64> = Vec::with_capacity(delays_ms.len());
    for (i, &delay_ms) in delays_ms.iter().enumerate() {
        let short_ms = portion(delay_ms, left_ms);
        let at = match i.checked_sub(1) {
            None => short_ms,
            Some(before) if delays_ms[before] == delay_ms => shrunk[before],
            Some(before) => short_ms.max(shrunk[before] + RUNG_GAP_MIN_MS),
        };
        shrunk.push(at);
    }
    shrunk
}

fn check_track(track: &str, delays_ms: &[i64], errors: &mut Vec<PlanError>) {
    if delays_ms.len() > RUNGS_MAX {
        let trouble = format!("{} rungs", delays_ms.len());
        errors.push(refuse(track, trouble, "use at most 8"));
    }
    for pair in delays_ms.windows(2) {
        check_gap(track, pair[0], pair[1], errors);
    }
    if let Some(last) = delays_ms.last().filter(|last| **last > WAIT_MAX_MS) {
        let trouble = format!("{} is too late", write_wait(*last));
        errors.push(refuse(track, trouble, "set at most 24 h"));
    }
}

fn check_gap(rung: &str, before_ms: i64, at_ms: i64, errors: &mut Vec<PlanError>) {
    if at_ms - before_ms < RUNG_GAP_MIN_MS {
        let trouble =
            format!("{} comes less than 2 min after {}", write_wait(at_ms), write_wait(before_ms));
        let remedy = format!("set {} or later", write_wait(before_ms + RUNG_GAP_MIN_MS));
        errors.push(refuse(rung, trouble, &remedy));
    }
}

fn check_lists(lists: &Lists, errors: &mut Vec<PlanError>) {
    let names = ["lists.building", "lists.grid", "lists.deputy", "lists.above", "lists.duty"];
    let delays = lists.delays();
    for i in 1..delays.len() {
        // Building and grid leaders may be asked in the same moment; others stand in for them.
        if i > 1 || delays[i] != delays[i - 1] {
            check_gap(names[i], delays[i - 1], delays[i], errors);
        }
    }
    if lists.duty_ms > WAIT_MAX_MS {
        let trouble = format!("{} is too late", write_wait(lists.duty_ms));
        errors.push(refuse("lists.duty", trouble, "set at most 24 h"));
    }
}

/// The three plans of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plans {
    /// 特急
    pub flash: Plan,
    /// 紧急
    pub urgent: Plan,
    /// 提示
    pub notice: Plan,
}

impl Plans {
    /// Reads and checks `config/plans.toml` or a file like it.
    pub fn parse(text: &str) -> Result<Plans, Vec<PlanError>> {
        let plans: Plans =
            toml::from_str(text).map_err(|e| vec![PlanError::Unreadable(e.to_string())])?;
        let mut errors = Vec::new();
        for (name, plan) in
            [("flash", &plans.flash), ("urgent", &plans.urgent), ("notice", &plans.notice)]
        {
            errors.extend(plan.check().err().unwrap_or_default().into_iter().map(|e| match e {
                PlanError::Rung { rung, trouble, remedy } => {
                    PlanError::Rung { rung: format!("{name}.{rung}"), trouble, remedy }
                }
                PlanError::Unreadable(why) => PlanError::Unreadable(why),
            }));
        }
        if errors.is_empty() { Ok(plans) } else { Err(errors) }
    }

    /// The plans that come with the program.
    pub fn defaults() -> Result<Plans, Vec<PlanError>> {
        Plans::parse(DEFAULTS)
    }
}

#[cfg(test)]
mod tests;
