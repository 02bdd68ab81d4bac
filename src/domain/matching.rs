//! What a reply answers: by time and number for a household, by what is offered to him for a
//! leader (rules §4). It does not read texts (that is `reply`) and folds nothing.

use std::collections::{BTreeSet, HashMap};

use super::gate::AlertKind;

/// A digit answers what its number had received at least this long before it was sent.
pub const READ_MS: i64 = 60_000;
/// A leader's same digit within this time counts once.
pub const REPEAT_MS: i64 = 60_000;
/// A number of more households than this speaks for none of them.
pub const SHARED_MAX: i64 = 3;
/// How far a provider's sent-time may lie before our own sending: some give whole minutes.
const SKEW_MS: i64 = 60_000;

/// An alert under which a household of the replying number was, or will be, messaged. One for each
/// alert and demand; instants are milliseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub alert_id: i64,
    pub household_id: i64,
    /// The version that first made this demand.
    pub version: i64,
    /// Code of the demand.
    pub demand: i64,
    pub pursued: bool,
    /// What the alert is: an answer to an exercise answers nothing real, and the other way round.
    pub kind: AlertKind,
    /// When this demand was first sent to that number; none: not yet.
    pub first_sent_at: Option<i64>,
    /// When it was last sent there; none: not yet.
    pub last_sent_at: Option<i64>,
    /// The household's standing is open.
    pub open: bool,
    /// How many households have that number.
    pub shared_by: i64,
    /// The number is a relative's who doesn't live there.
    pub relative: bool,
}

/// What the reply is a statement about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub alert_id: i64,
    pub household_id: i64,
    pub version: i64,
    /// Code of the demand that it answers.
    pub demand: i64,
    pub relative: bool,
}

impl Target {
    fn of(candidate: &Candidate) -> Target {
        Target {
            alert_id: candidate.alert_id,
            household_id: candidate.household_id,
            version: candidate.version,
            demand: candidate.demand,
            relative: candidate.relative,
        }
    }
}

/// When the reply was sent: the provider's word if it can be true, else the arrival at our hook.
pub fn reply_at(sent_at: Option<i64>, arrived_at: i64) -> i64 {
    match sent_at {
        Some(at) if at > 0 && at <= arrived_at => at,
        Some(_) | None => arrived_at,
    }
}

/// Whether the number had had time to receive and read it.
pub fn had_received(first_sent_at: Option<i64>, at: i64) -> bool {
    first_sent_at.is_some_and(|sent| sent + READ_MS <= at)
}

/// A bare digit of a household's number. Empty: nobody can say what it answers (unknown, never
/// messaged, or shared by too many): it is listed at the desk.
pub fn match_household(
    sent_at: Option<i64>,
    arrived_at: i64,
    candidates: &[Candidate],
) -> Vec<Target> {
    let at = reply_at(sent_at, arrived_at);
    let own = candidates.iter().filter(|c| c.shared_by <= SHARED_MAX);
    let (read, fresh): (Vec<&Candidate>, Vec<&Candidate>) =
        own.partition(|c| had_received(c.first_sent_at, at));
    let read = of_the_last_text(read, at);
    let fresh: Vec<&Candidate> = fresh
        .into_iter()
        .filter(|c| c.first_sent_at.is_some_and(|sent| sent <= arrived_at && sent <= at + SKEW_MS))
        .collect();
    let open_read = pick(&read, true);
    if !open_read.is_empty() {
        return targets(open_read);
    }
    let open_fresh = pick(&fresh, true);
    if !open_fresh.is_empty() {
        return targets(earliest(open_fresh));
    }
    // Nothing is open: a later word ("2" after a "1") still belongs to what was answered.
    if !read.is_empty() {
        return targets(read);
    }
    targets(earliest(fresh))
}

/// Words that speak for themselves (要人帮, 水进屋了, 走不动): they need no message to answer and
/// belong to every household of the number, under every alert it is in.
pub fn match_words(candidates: &[Candidate]) -> Vec<Target> {
    targets(candidates.iter().filter(|c| c.shared_by <= SHARED_MAX).collect())
}

/// The households for whom the number is shared too widely to speak: sorted, each once.
pub fn listed_households(candidates: &[Candidate]) -> Vec<i64> {
    let shared = candidates.iter().filter(|c| c.shared_by > SHARED_MAX);
    shared.map(|c| c.household_id).collect::<BTreeSet<i64>>().into_iter().collect()
}

/// Of several kinds that of the text that was read last: texts of one kind are merged and answered
/// together, those of an exercise are never part of a real one.
fn of_the_last_text(read: Vec<&Candidate>, at: i64) -> Vec<&Candidate> {
    let last_read = |c: &Candidate| {
        let last = c.last_sent_at.filter(|_| had_received(c.last_sent_at, at));
        last.or(c.first_sent_at)
    };
    // Of the same instant what is not real: a real order is rather asked again than closed by it.
    let last = read.iter().max_by_key(|c| (last_read(c), c.kind)).map(|c| c.kind);
    read.into_iter().filter(|c| Some(c.kind) == last).collect()
}

fn pick<'a>(candidates: &[&'a Candidate], open: bool) -> Vec<&'a Candidate> {
    candidates.iter().copied().filter(|c| c.open == open).collect()
}

/// Those of the first message: alerts merged into one text have the same instant.
fn earliest(candidates: Vec<&Candidate>) -> Vec<&Candidate> {
    let first = candidates.iter().filter_map(|c| c.first_sent_at).min();
    candidates.into_iter().filter(|c| c.first_sent_at == first).collect()
}

/// One a household and alert, of its newest version, in a stable order.
fn targets(mut candidates: Vec<&Candidate>) -> Vec<Target> {
    candidates.sort_by_key(|c| (c.alert_id, c.household_id, -c.version));
    candidates.dedup_by_key(|c| (c.alert_id, c.household_id));
    candidates.into_iter().map(Target::of).collect()
}

/// The kind of orders that each responsible person speaks of: that of the last text he had. Rows
/// are human, kind and when a text of that kind last reached him.
pub fn kinds_spoken_of(told: &[(i64, i64, i64)]) -> HashMap<i64, AlertKind> {
    let mut last: HashMap<i64, (i64, AlertKind)> = HashMap::new();
    for (human, kind, at) in told {
        let Some(kind) = AlertKind::from_code(*kind) else { continue };
        // Of the same instant the real one: there is somebody to be woken.
        let newer = |known: &(i64, AlertKind)| (*at, known.1) > (known.0, kind);
        if last.get(human).is_none_or(newer) {
            last.insert(*human, (*at, kind));
        }
    }
    last.into_iter().map(|(human, (_, kind))| (human, kind)).collect()
}

/// What is waiting for a leader's digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeaderState {
    /// A list is offered to him.
    pub has_offer: bool,
    /// He was called and hasn't answered.
    pub has_summons: bool,
    /// He has taken a list.
    pub holds_list: bool,
    /// He holds one in silence and was asked whether he goes on.
    pub was_asked: bool,
    /// He was told of homes whose helper he is.
    pub helps_homes: bool,
    /// His number is a household's as well.
    pub has_home: bool,
    /// When he last sent the same digit.
    pub last_same_digit_at: Option<i64>,
    /// When he was last told of a list offered to him: a digit after that is no repetition.
    pub offer_told_at: Option<i64>,
}

/// What a leader's digit does; the confirmation he gets says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaderAct {
    /// Takes the offered list.
    Take,
    /// Goes on with the list he holds.
    GoOn,
    /// Is awake; takes no list.
    Wake,
    /// Declines the offered list: the next one is asked at once.
    Decline,
    /// Gives back the list he holds.
    HandBack,
    /// Goes to the homes whose helper he is.
    TakeHomes,
    /// Can't go there.
    DeclineHomes,
    /// Speaks of his own household: goes on to [`match_household`].
    OwnHome,
    /// The same digit again within a minute: confirmed again, done once.
    Repeat,
    /// Answers nothing: to the desk.
    Unclear,
}

/// A leader's digit, sent at `now` (see [`reply_at`]).
pub fn leader_act(digit: u8, state: &LeaderState, now: i64) -> LeaderAct {
    let repeated = state.last_same_digit_at.is_some_and(|last| {
        (now - last).abs() < REPEAT_MS && state.offer_told_at.is_none_or(|told| told <= last)
    });
    let leads = matches!(digit, 0 | 1);
    match digit {
        _ if leads && repeated => LeaderAct::Repeat,
        1 if state.has_offer => LeaderAct::Take,
        1 if state.was_asked => LeaderAct::GoOn,
        1 if state.has_summons => LeaderAct::Wake,
        1 if state.helps_homes => LeaderAct::TakeHomes,
        0 if state.has_offer => LeaderAct::Decline,
        0 if state.holds_list => LeaderAct::HandBack,
        0 if state.helps_homes => LeaderAct::DeclineHomes,
        _ if state.has_home => LeaderAct::OwnHome,
        _ => LeaderAct::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: i64 = 60_000;
    const T: i64 = 1_381_100_000_000;

    fn wang(alert_id: i64, first_sent_at: Option<i64>) -> Candidate {
        Candidate {
            alert_id,
            household_id: 78,
            version: 1,
            demand: 4,
            pursued: true,
            kind: AlertKind::Live,
            first_sent_at,
            last_sent_at: first_sent_at,
            open: true,
            shared_by: 1,
            relative: false,
        }
    }

    fn alerts(targets: &[Target]) -> Vec<i64> {
        targets.iter().map(|t| t.alert_id).collect()
    }

    #[test]
    fn a_digit_answers_what_was_received_a_minute_before() {
        let order = [wang(1, Some(T))];
        assert_eq!(alerts(&match_household(Some(T + MIN), T + MIN, &order)), [1]);
        let both = [wang(1, Some(T)), wang(2, Some(T + 10 * MIN))];
        let just_after_the_second = T + 10 * MIN + 59_999;
        assert_eq!(alerts(&match_household(Some(just_after_the_second), T + 20 * MIN, &both)), [1]);
        let later = just_after_the_second + 1;
        assert_eq!(alerts(&match_household(Some(later), later, &both)), [1, 2]);
    }

    #[test]
    fn a_newer_demand_of_the_same_alert_stays_open() {
        let raised = Candidate { version: 2, ..wang(1, Some(T + 10 * MIN)) };
        let both = [wang(1, Some(T)), raised];
        let at = T + 10 * MIN + 5_000;
        let matched = match_household(Some(at), at, &both);
        assert_eq!(matched.iter().map(|t| t.version).collect::<Vec<_>>(), [1]);
        let at = T + 12 * MIN;
        let matched = match_household(Some(at), at, &both);
        assert_eq!(matched.iter().map(|t| t.version).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_digit_after_an_exercises_text_answers_the_exercise_alone() {
        let exercise = |sent| Candidate { kind: AlertKind::Exercise, ..wang(2, Some(sent)) };
        let both = [wang(1, Some(T)), exercise(T + 10 * MIN)];
        let at =
            |minutes: i64, of: &[Candidate]| alerts(&match_household(None, T + minutes * MIN, of));
        assert_eq!((at(5, &both), at(12, &both)), (vec![1], vec![2]));
        // What is answered already is spoken of again.
        let answered = [both[0].clone(), Candidate { open: false, ..both[1].clone() }];
        assert_eq!(at(13, &answered), [2]);
        // The real order is sent once more: from then on it is the one that is meant.
        let again = Candidate { last_sent_at: Some(T + 20 * MIN), ..both[0].clone() };
        let three = [again, both[1].clone()];
        assert_eq!((at(20, &three), at(21, &three)), (vec![2], vec![1]));
        assert_eq!(at(12, &[wang(1, Some(T)), exercise(T)]), [2], "the real one is asked again");
    }

    #[test]
    fn the_only_message_is_answered_however_fast() {
        let at = T + 2_000;
        assert_eq!(alerts(&match_household(Some(at), at, &[wang(1, Some(T))])), [1]);
        let closed = Candidate { open: false, ..wang(1, Some(T - 30 * MIN)) };
        assert_eq!(alerts(&match_household(Some(at), at, &[closed, wang(2, Some(T))])), [2]);
    }

    #[test]
    fn of_two_fresh_messages_the_first_is_answered_and_a_merged_one_whole() {
        let at = T + 30_000;
        let apart = [wang(2, Some(T + 20_000)), wang(1, Some(T))];
        assert_eq!(alerts(&match_household(Some(at), at, &apart)), [1]);
        let merged = [wang(2, Some(T)), wang(1, Some(T))];
        assert_eq!(alerts(&match_household(Some(at), at, &merged)), [1, 2]);
    }

    #[test]
    fn without_a_sent_time_the_arrival_counts() {
        let both = [wang(1, Some(T)), wang(2, Some(T + 10 * MIN))];
        assert_eq!(alerts(&match_household(None, T + 10 * MIN + 1_000, &both)), [1]);
        assert_eq!(alerts(&match_household(None, T + 11 * MIN, &both)), [1, 2]);
        assert_eq!(reply_at(Some(0), T), T);
        assert_eq!(reply_at(Some(T + 1), T), T, "a phone's clock ahead of ours");
        assert_eq!(reply_at(Some(T - 1), T), T - 1);
    }

    #[test]
    fn a_provider_that_gives_whole_minutes_is_understood() {
        let sent = T + 50_000;
        let matched = match_household(Some(T), sent + 5_000, &[wang(1, Some(sent))]);
        assert_eq!(alerts(&matched), [1]);
    }

    #[test]
    fn a_digit_sent_long_before_the_message_answers_nothing() {
        let matched = match_household(Some(T - 30 * MIN), T + MIN, &[wang(1, Some(T))]);
        assert_eq!(matched, []);
        assert_eq!(match_household(Some(T), T, &[wang(1, None)]), [], "never messaged");
        assert_eq!(match_household(Some(T), T, &[]), [], "an unknown number");
    }

    #[test]
    fn a_second_word_belongs_to_what_is_already_closed() {
        let closed = Candidate { open: false, ..wang(1, Some(T)) };
        assert_eq!(
            alerts(&match_household(None, T + 30 * MIN, std::slice::from_ref(&closed))),
            [1]
        );
        assert_eq!(alerts(&match_household(None, T + 1_000, &[closed])), [1]);
    }

    #[test]
    fn three_households_of_a_number_all_answer_four_do_not() {
        let homes = |shared_by| -> Vec<Candidate> {
            (1..=shared_by)
                .map(|id| Candidate { household_id: id, shared_by, ..wang(1, Some(T)) })
                .collect()
        };
        assert_eq!(match_household(None, T + 5 * MIN, &homes(3)).len(), 3);
        assert_eq!(match_household(None, T + 5 * MIN, &homes(4)), []);
        assert_eq!(listed_households(&homes(4)), [1, 2, 3, 4]);
        assert!(listed_households(&homes(3)).is_empty());
        assert_eq!(match_words(&homes(4)), []);
    }

    #[test]
    fn help_in_words_needs_no_message_before_it() {
        let never = [wang(1, None), Candidate { open: false, ..wang(2, Some(T)) }];
        assert_eq!(alerts(&match_words(&never)), [1, 2]);
    }

    #[test]
    fn a_relatives_number_stays_a_relatives() {
        let daughter = Candidate { relative: true, ..wang(1, Some(T)) };
        assert!(match_household(None, T + 2 * MIN, &[daughter])[0].relative);
    }

    #[test]
    fn a_leader_speaks_of_the_kind_that_he_was_told_of_last() {
        let (live, drill, played) = (1, 2, 3);
        let told = [(7, drill, T), (7, live, T - 1), (8, live, T), (8, played, T), (9, played, 0)];
        let kinds = kinds_spoken_of(&told);
        assert_eq!(kinds[&7], AlertKind::Exercise);
        assert_eq!(kinds[&8], AlertKind::Live, "of one instant the real one");
        assert_eq!((kinds[&9], kinds.len()), (AlertKind::Rehearsal, 3));
    }

    fn leader(offer: bool, summons: bool, holds: bool, home: bool) -> LeaderState {
        LeaderState {
            has_offer: offer,
            has_summons: summons,
            holds_list: holds,
            was_asked: false,
            helps_homes: false,
            has_home: home,
            last_same_digit_at: None,
            offer_told_at: None,
        }
    }

    #[test]
    fn a_leaders_one_means_the_list_then_the_summons_then_his_home() {
        assert_eq!(leader_act(1, &leader(true, true, true, true), T), LeaderAct::Take);
        assert_eq!(leader_act(1, &leader(false, true, true, true), T), LeaderAct::Wake);
        assert_eq!(leader_act(1, &leader(false, false, true, true), T), LeaderAct::OwnHome);
        assert_eq!(leader_act(1, &leader(false, false, true, false), T), LeaderAct::Unclear);
    }

    #[test]
    fn a_leaders_zero_means_the_list_offered_then_the_one_held() {
        assert_eq!(leader_act(0, &leader(true, true, true, true), T), LeaderAct::Decline);
        assert_eq!(leader_act(0, &leader(false, true, true, true), T), LeaderAct::HandBack);
        assert_eq!(leader_act(0, &leader(false, true, false, true), T), LeaderAct::OwnHome);
        assert_eq!(leader_act(0, &leader(false, true, false, false), T), LeaderAct::Unclear);
    }

    #[test]
    fn who_was_asked_how_he_is_goes_on_or_hands_over() {
        let asked =
            |offer: bool| LeaderState { was_asked: true, ..leader(offer, true, true, true) };
        assert_eq!(leader_act(1, &asked(false), T), LeaderAct::GoOn);
        assert_eq!(leader_act(1, &asked(true), T), LeaderAct::Take, "and goes on with the other");
        assert_eq!(leader_act(0, &asked(false), T), LeaderAct::HandBack);
    }

    #[test]
    fn a_helpers_digit_means_his_homes_unless_he_leads_something() {
        let helper = |offer: bool, summons: bool| LeaderState {
            helps_homes: true,
            ..leader(offer, summons, false, true)
        };
        assert_eq!(leader_act(1, &helper(false, false), T), LeaderAct::TakeHomes);
        assert_eq!(leader_act(1, &helper(true, false), T), LeaderAct::Take);
        assert_eq!(leader_act(1, &helper(false, true), T), LeaderAct::Wake);
        assert_eq!(leader_act(0, &helper(false, false), T), LeaderAct::DeclineHomes);
        assert_eq!(leader_act(3, &helper(false, false), T), LeaderAct::OwnHome);
    }

    #[test]
    fn all_else_is_his_own_home() {
        for digit in [2, 3, 4, 9] {
            assert_eq!(leader_act(digit, &leader(true, true, true, true), T), LeaderAct::OwnHome);
        }
        assert_eq!(leader_act(2, &leader(true, true, true, false), T), LeaderAct::Unclear);
    }

    #[test]
    fn repeats_within_a_minute_count_once() {
        let again = |ms: i64| LeaderState {
            last_same_digit_at: Some(T - ms),
            ..leader(true, true, false, true)
        };
        assert_eq!(leader_act(1, &again(59_999), T), LeaderAct::Repeat);
        assert_eq!(leader_act(0, &again(10), T), LeaderAct::Repeat);
        assert_eq!(leader_act(1, &again(-10), T), LeaderAct::Repeat, "arrived in disorder");
        assert_eq!(leader_act(1, &again(60_000), T), LeaderAct::Take);
        assert_eq!(leader_act(2, &again(10), T), LeaderAct::OwnHome, "two cries are two cries");
        let joined = |ms: i64| LeaderState { offer_told_at: Some(T - ms), ..again(40_000) };
        assert_eq!(leader_act(1, &joined(5_000), T), LeaderAct::Take, "it answers what came since");
        assert_eq!(leader_act(1, &joined(50_000), T), LeaderAct::Repeat);
    }
}
