//! The default plans, their shortening, and what a bad plan is told.

use super::wait::{read_wait, write_wait};
use super::*;
use proptest::prelude::*;

fn flash() -> Plan {
    Plans::defaults().unwrap().flash
}

fn minutes(plan: &Plan) -> Vec<i64> {
    plan.lists.as_ref().unwrap().delays().iter().map(|ms| ms / MIN_MS).collect()
}

#[test]
fn the_defaults_are_those_of_the_rules() {
    let plans = Plans::defaults().unwrap();
    assert_eq!(plans.flash.persons_ms, [0, 2 * MIN_MS, 4 * MIN_MS]);
    assert_eq!(plans.flash.unwoken_ms, Some(5 * MIN_MS));
    assert_eq!(plans.flash.waves_ms, [3 * MIN_MS]);
    assert_eq!(minutes(&plans.flash), [6, 6, 8, 10, 15]);
    assert_eq!(plans.flash.first_wave_max_ms, 10 * MIN_MS);
    assert_eq!(plans.urgent.first_wave_max_ms, 30 * MIN_MS);
    assert_eq!(plans.notice.lists, None);
    let tripled: Vec<i64> = minutes(&plans.flash).iter().map(|m| m * 3).collect();
    assert_eq!(minutes(&plans.urgent), tripled);
    assert_eq!(plans.urgent.waves_ms, [9 * MIN_MS]);
    assert_eq!(plans.urgent.persons_ms, plans.flash.persons_ms, "persons are never slower");
}

#[test]
fn two_hours_or_no_deadline_leave_the_plan_as_it_is() {
    assert_eq!(flash().scaled(None), flash());
    assert_eq!(flash().scaled(Some(FULL_TIME_MS)), flash());
    assert_eq!(flash().scaled(Some(9 * FULL_TIME_MS)), flash());
}

#[test]
fn an_hour_left_halves_the_waits_and_keeps_two_minutes_between() {
    let plan = flash().scaled(Some(60 * MIN_MS));
    assert_eq!(minutes(&plan), [3, 3, 5, 7, 9]);
    assert_eq!(plan.waves_ms, [2 * MIN_MS], "a minute and a half is less than the gap");
    assert_eq!(plan.first_wave_max_ms, 5 * MIN_MS);
    assert_eq!(plan.persons_ms, flash().persons_ms);
    assert_eq!((plan.remind_ms, plan.stale_ms), (10 * MIN_MS, 30 * MIN_MS));
}

#[test]
fn a_deadline_already_past_goes_as_fast_as_people_can() {
    let plan = flash().scaled(Some(-5));
    assert_eq!(minutes(&plan), [0, 0, 2, 4, 6]);
    assert_eq!(plan.first_wave_max_ms, MIN_MS);
}

proptest! {
    #[test]
    fn a_shortened_plan_is_never_slower_and_still_passes_its_check(left_ms in 0..2 * FULL_TIME_MS) {
        let plans = Plans::defaults().unwrap();
        for plan in [plans.flash, plans.urgent, plans.notice] {
            let short = plan.scaled(Some(left_ms));
            prop_assert!(short.check().is_ok(), "{:?}", short.check());
            prop_assert!(short.first_wave_max_ms <= plan.first_wave_max_ms);
            for rung in Rung::ALL {
                let delay = |p: &Plan| p.lists.as_ref().map(|lists| lists.delay_ms(rung));
                prop_assert!(delay(&short) <= delay(&plan));
            }
            let text = serde_json::to_string(&short).unwrap();
            prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), short);
        }
    }
}

fn told(edit: impl Fn(&mut Plan)) -> String {
    let mut plan = flash();
    edit(&mut plan);
    let errors = plan.check().unwrap_err();
    errors.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_bad_plan_names_the_rung_and_the_remedy() {
    let early = told(|p| p.lists.as_mut().unwrap().duty_ms = 11 * MIN_MS);
    assert!(early.contains("lists.duty") && early.contains("set 12 min or later"), "{early}");
    let crossed = told(|p| p.lists.as_mut().unwrap().deputy_ms = 0);
    assert!(crossed.contains("lists.deputy"), "{crossed}");
    let wave = told(|p| p.waves_ms = vec![MIN_MS]);
    assert!(wave.contains("rung waves") && wave.contains("set 2 min or later"), "{wave}");
    let unwoken = told(|p| p.unwoken_ms = Some(4 * MIN_MS));
    assert!(unwoken.contains("unwoken") && unwoken.contains("after that call"), "{unwoken}");
    assert!(told(|p| p.unwoken_ms = None).contains("nobody learns"));
    assert!(told(|p| p.remind_ms = 0).contains("rung remind"));
    assert!(told(|p| p.stale_ms = -1).contains("rung stale"));
    assert!(told(|p| p.evidence_times = 5).contains("set 0 to 4"));
    assert!(told(|p| p.first_wave_max_ms = i64::MAX).contains("at most 24 h"));
    assert!(
        told(|p| p.waves_ms = (1..20).map(|n| n * RUNG_GAP_MIN_MS).collect()).contains("at most 8")
    );
}

#[test]
fn a_file_with_a_wrong_word_is_refused() {
    let with = |from: &str, to: &str| Plans::parse(&DEFAULTS.replacen(from, to, 1)).unwrap_err();
    let errors = with("[\"3 min\"]", "[\"3 Minuten\"]");
    assert!(errors[0].to_string().contains("is no wait"), "{errors:?}");
    let errors = with("stale =", "stall =");
    assert!(errors[0].to_string().contains("stall"), "{errors:?}");
    let errors = with("duty = \"45 min\"", "duty = \"20 min\"");
    assert!(errors[0].to_string().contains("urgent.lists.duty"), "{errors:?}");
    assert!(read_wait("99999999999999999 h").is_err());
    assert!(read_wait("").is_err());
    assert!(read_wait("-3 min").is_err());
}

#[test]
fn waits_are_read_as_they_are_written() {
    for wait_ms in [0, 1, 999, 1000, 90_000, 150_000, MIN_MS, 60 * MIN_MS, 25 * 60 * MIN_MS] {
        assert_eq!(read_wait(&write_wait(wait_ms)), Ok(wait_ms), "{}", write_wait(wait_ms));
    }
    assert_eq!(read_wait("3min"), Ok(3 * MIN_MS));
}

#[test]
fn codes_come_back() {
    for rung in Rung::ALL {
        assert_eq!(Rung::from_code(rung.code()), Some(rung));
    }
    for kind in TimerKind::ALL {
        assert_eq!(TimerKind::from_code(kind.code()), Some(kind));
    }
    assert_eq!(Rung::from_code(0), None);
}
