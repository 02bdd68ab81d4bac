//! The calendar of an installation: which job is due at which moment of the county's day. What a
//! job does is the engine's; whoever wakes it decides nothing.
//!
//! A slot is an instant. One that was missed is due once, late; older ones are not made up for.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// What is done on a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// The journal's chain and the custody of every live alert.
    Check,
    /// Texts older than the retention are erased.
    Retention,
    /// The store's own tidying.
    Upkeep,
}

impl Job {
    pub const ALL: [Job; 3] = [Job::Check, Job::Retention, Job::Upkeep];

    /// The word under which it stands in the store and in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Job::Check => "check",
            Job::Retention => "retention",
            Job::Upkeep => "upkeep",
        }
    }

    /// Every day at this time, in the county's zone.
    const fn at(self) -> Time {
        match self {
            Job::Check => Time::constant(2, 30, 0, 0),
            Job::Retention => Time::constant(3, 0, 0, 0),
            Job::Upkeep => Time::constant(3, 30, 0, 0),
        }
    }
}

/// A job at its moment, ms UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub job: Job,
    pub at: i64,
}

/// The slots due at `now`: of each job the latest that has come, unless `last` says that this one
/// or a later one was done. A time that a day has twice counts once; one that it leaves out is
/// that much later.
pub fn due_slots(now: i64, last: impl Fn(Job) -> Option<i64>, zone: &TimeZone) -> Vec<Slot> {
    let Ok(instant) = Timestamp::from_millisecond(now) else {
        return Vec::new();
    };
    let now_there = instant.to_zoned(zone.clone());
    let latest = |job: Job| {
        let slot = slot_of(&now_there, job).filter(|at| *at <= now);
        slot.or_else(|| slot_of(&now_there.checked_sub(1.day()).ok()?, job))
    };
    let due = |job: Job| {
        let at = latest(job)?;
        last(job).is_none_or(|done| done < at).then_some(Slot { job, at })
    };
    Job::ALL.into_iter().filter_map(due).collect()
}

/// The job's moment on that day.
fn slot_of(day: &Zoned, job: Job) -> Option<i64> {
    let there = day.date().to_datetime(job.at());
    Some(there.to_zoned(day.time_zone().clone()).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Runs the calendar minute by minute and gives the moments at which a job ran.
    fn walked(job: Job, from: &str, hours: i64, zone: &TimeZone) -> Vec<i64> {
        let mut done = Some(at(from) - 1);
        let mut ran = Vec::new();
        for minute in 0..hours * 60 {
            let now = at(from) + minute * 60_000;
            let last = |asked: Job| if asked == job { done } else { Some(now) };
            for slot in due_slots(now, last, zone) {
                done = Some(slot.at);
                ran.push(now);
            }
        }
        ran
    }

    #[test]
    fn a_day_of_shanghai_has_each_job_once_at_its_time() {
        let zone = zone("Asia/Shanghai");
        let from = "2026-07-01T00:00:00+08:00";
        for (job, wanted) in
            [(Job::Check, "02:30"), (Job::Retention, "03:00"), (Job::Upkeep, "03:30")]
        {
            let ran = walked(job, from, 48, &zone);
            let first = at(&format!("2026-07-01T{wanted}:00+08:00"));
            assert_eq!(ran, [first, first + 24 * HOUR], "{job:?}");
        }
    }

    #[test]
    fn a_slot_missed_is_due_once_however_long_ago() {
        let zone = zone("Asia/Shanghai");
        let now = at("2026-07-05T02:00:00+08:00");
        let done = at("2026-07-01T02:30:00+08:00");
        let due = due_slots(now, |_| Some(done), &zone);
        let check = due.iter().find(|slot| slot.job == Job::Check).unwrap();
        assert_eq!(check.at, at("2026-07-04T02:30:00+08:00"));
        assert_eq!(due_slots(now, |_| Some(check.at + HOUR), &zone), []);
        assert_eq!(due_slots(now, |_| None, &zone).len(), Job::ALL.len());
    }

    #[test]
    fn a_time_that_is_left_out_or_comes_twice_counts_once() {
        let zone = zone("Europe/Berlin");
        // 29 March 2026: after 01:59 comes 03:00.
        let spring = walked(Job::Check, "2026-03-29T00:00:00+01:00", 24, &zone);
        assert_eq!(spring, [at("2026-03-29T03:30:00+02:00")]);
        // 25 October 2026: 02:30 comes twice.
        let autumn = walked(Job::Check, "2026-10-25T00:00:00+02:00", 25, &zone);
        assert_eq!(autumn, [at("2026-10-25T02:30:00+02:00")]);
    }
}
