//! Replies up: a group is kept, read, matched, recorded and answered in one transaction. A group
//! that fails is halved until the bad row stands alone; that one is kept as unclear and goes to
//! the desk. Help words are never lost. Decides no meaning: `domain::reply` and `matching` do.

use std::collections::{HashMap, HashSet};

use super::leader::Pending;
use super::reading::{
    Read, candidate, claims_of, menu_of, read_one, statement_key, unique_numbers,
};
use super::unmatched::{self, Homeless};
use super::{Engine, EngineFault, alarm};
use crate::channel::Inbound;
use crate::domain::alert::State;
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::matching::{self, Candidate, LeaderAct, LeaderState, Target};
use crate::domain::notice::Purpose;
use crate::domain::reply::{self, Label, Reading};
use crate::domain::statement::{Claim, Giver};
use crate::domain::triage::Triage;
use crate::store::answer::StatementRow;
use crate::store::answer::{
    self, AddressClaim, CandidateRow, InboundRow, InboundState, Owner, Speaking,
};
use crate::store::desk::{self, NewTask};
use crate::store::stranger;

/// What a group leads to, gathered before anything is written.
#[derive(Default)]
pub(super) struct Effects {
    pub statements: Vec<StatementRow>,
    pub tasks: Vec<NewTask>,
    pub claims: Vec<AddressClaim>,
    pub states: Vec<InboundState>,
    pub pending: Vec<Pending>,
    pub homeless: Vec<Homeless>,
}

/// Everything the store knows about the numbers of a group.
struct Known {
    owners: Vec<Owner>,
    candidates: Vec<CandidateRow>,
    humans: HashMap<i64, LeaderState>,
    /// The kind of orders that each responsible person speaks of.
    kinds: HashMap<i64, AlertKind>,
    names: HashMap<i64, String>,
    /// Where the homes of widely shared numbers are.
    doors: Vec<(i64, String)>,
    recent: Vec<(i64, String, i64)>,
}

impl Known {
    /// The responsible person whose number this is.
    fn name_of(&self, owners: &[&Owner]) -> Option<&str> {
        let human = owners.iter().find_map(|o| o.human_id)?;
        self.names.get(&human).map(String::as_str)
    }

    /// Whoever writes is there, whatever a gateway said of his number: dead addresses among those
    /// of new replies.
    fn alive(&self, read: &[Read<'_>], new: &HashMap<String, i64>) -> Vec<i64> {
        let is_new = |owner: &&Owner| {
            let one = usize::try_from(owner.n).ok().and_then(|n| read.get(n));
            owner.state == 1 && one.is_some_and(|one| new.contains_key(&one.key))
        };
        self.owners.iter().filter(is_new).map(|owner| owner.address_id).collect()
    }
}

impl Engine {
    /// Takes replies of one provider. Gives how many were new; repeated ones change nothing.
    pub async fn take_replies(
        &self,
        provider: &str,
        replies: &[Inbound],
    ) -> Result<usize, EngineFault> {
        let mut new = 0;
        let mut unkept = None;
        for group in unique_numbers(replies) {
            match self.take_group(provider, &group).await {
                Ok(count) => new += count,
                Err(fault) if fault.is_again() => return Err(fault),
                Err(fault) => unkept = Some(fault),
            }
        }
        self.report_names().await;
        unkept.map_or(Ok(new), Err)
    }

    async fn take_group(&self, provider: &str, group: &[&Inbound]) -> Result<usize, EngineFault> {
        let mut stack = vec![group.to_vec()];
        let mut new = 0;
        let mut unkept = None;
        while let Some(part) = stack.pop() {
            match self.take_part(provider, &part, false).await {
                Ok(count) => new += count,
                Err(fault) if fault.is_again() => return Err(fault),
                Err(fault) if part.len() == 1 => {
                    tracing::error!(%fault, "a reply is kept as unclear");
                    match self.take_part(provider, &part, true).await {
                        Ok(count) => new += count,
                        // Its neighbours are kept first; then the provider is told to come again.
                        Err(fault) => unkept = Some(fault),
                    }
                }
                Err(_) => {
                    let (left, right) = part.split_at(part.len() / 2);
                    stack.push(right.to_vec());
                    stack.push(left.to_vec());
                }
            }
        }
        unkept.map_or(Ok(new), Err)
    }

    async fn take_part(
        &self,
        provider: &str,
        part: &[&Inbound],
        poisoned: bool,
    ) -> Result<usize, EngineFault> {
        let now = self.clock.story_ms();
        let read: Vec<Read<'_>> = part.iter().map(|reply| read_one(provider, reply)).collect();
        let hashes = self.hashes(&read);
        let mut sealed = Vec::new();
        let mut seal = |one: &Read<'_>| {
            let off = sealed.len();
            if let Some(from) = &one.from {
                sealed.extend(self.sealer.seal(from.address()));
            }
            (off, sealed.len() - off)
        };
        let places: Vec<(usize, usize)> = read.iter().map(&mut seal).collect();
        let rows: Vec<InboundRow> = read
            .iter()
            .enumerate()
            .zip(places)
            .map(|((n, r), (off, len))| InboundRow {
                at: off,
                len,
                n,
                key: r.key.clone(),
                provider: provider.into(),
                known: i64::from(r.from.is_some()),
                last4: r.from.as_ref().map_or(String::new(), |from| from.shown().to_owned()),
                text: r.text.clone(),
                sent: r.reply.sent_at,
                received: now,
                label: String::new(),
            })
            .collect();
        let mut tx = self.store.begin().await?;
        let new: HashMap<String, i64> = answer::keep_inbound(&mut tx, &rows, &hashes, &sealed)
            .await?
            .into_iter()
            .map(|(id, key)| (key, id))
            .collect();
        self.seal_replies(&mut tx, &rows, &new).await?;
        let known = self.known(&mut tx, &hashes, now).await?;
        let mut effects = Effects::default();
        for (n, one) in read.iter().enumerate() {
            let Some(id) = new.get(&one.key) else {
                continue;
            };
            if poisoned {
                self.to_desk(&mut effects, one, *id, None, 2, Triage::B, now);
            } else {
                self.effect(&mut effects, one, n, *id, &known, now);
            }
        }
        self.revive(&mut tx, "reply", &known.alive(&read, &new), now).await?;
        let recorded = self.record(&mut tx, &effects.statements).await?;
        desk::open_tasks(&mut tx, &effects.tasks, now).await?;
        answer::claim_addresses(&mut tx, &effects.claims, now).await?;
        self.act_for_leaders(&mut tx, &effects.pending, now).await?;
        self.answer_homeless(&mut tx, &effects, now).await?;
        self.confirm(&mut tx, &effects, &recorded, now).await?;
        answer::set_inbound(&mut tx, &effects.states).await?;
        tx.commit().await?;
        Ok(new.len())
    }

    fn hashes(&self, read: &[Read<'_>]) -> Vec<u8> {
        let mut blob = Vec::with_capacity(read.len() * 16);
        for one in read {
            match &one.from {
                Some(from) => blob.extend(self.sealer.hash(from.address())),
                None => blob.extend([0u8; 16]),
            }
        }
        blob
    }

    async fn known(
        &self,
        tx: &mut crate::store::Tx,
        hashes: &[u8],
        now: i64,
    ) -> Result<Known, EngineFault> {
        let owners = answer::owners(tx, hashes).await?;
        let addresses: Vec<i64> =
            owners.iter().filter(|o| o.household_id.is_some()).map(|o| o.address_id).collect();
        let states = [State::Live.code(), State::Ended.code(), State::Withdrawn.code()];
        let candidates = answer::candidates(tx, &addresses, &states).await?;
        let ids: HashSet<i64> = owners.iter().filter_map(|o| o.human_id).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let (mut humans, mut names) = (HashMap::new(), HashMap::new());
        let (live, purpose) = (State::Live.code(), Purpose::Helper.code());
        let kinds = matching::kinds_spoken_of(&answer::last_told(tx, &ids, live).await?);
        let kind = |human: i64| kinds.get(&human).copied().unwrap_or(AlertKind::Live).code();
        let speaking: Vec<Speaking> =
            ids.iter().map(|human| Speaking { human: *human, kind: kind(*human) }).collect();
        for row in answer::human_states(tx, &speaking, live, purpose).await? {
            names.insert(row.id, row.name);
            humans.insert(
                row.id,
                LeaderState {
                    has_offer: row.offered > 0,
                    has_summons: row.summoned > 0,
                    holds_list: row.held > 0,
                    was_asked: row.asked > 0,
                    helps_homes: row.helping > 0,
                    has_home: false,
                    last_same_digit_at: None,
                    offer_told_at: row.told_at,
                },
            );
        }
        let recent = answer::recent_labels(tx, hashes, now - matching::REPEAT_MS).await?;
        let shared = owners.iter().filter(|o| o.shares > matching::SHARED_MAX);
        let shared: Vec<i64> = shared.filter_map(|o| o.household_id).collect();
        let doors = match shared.is_empty() {
            true => Vec::new(),
            false => stranger::doors(tx, &shared).await?,
        };
        Ok(Known { owners, candidates, humans, kinds, names, doors, recent })
    }

    fn effect(
        &self,
        effects: &mut Effects,
        one: &Read<'_>,
        n: usize,
        id: i64,
        known: &Known,
        now: i64,
    ) {
        let place = i64::try_from(n).unwrap_or(-1);
        let owners: Vec<&Owner> = known.owners.iter().filter(|o| o.n == place).collect();
        let candidates: Vec<(&CandidateRow, Candidate)> = known
            .candidates
            .iter()
            .filter_map(|row| {
                let owner = owners.iter().find(|o| o.address_id == row.address_id)?;
                Some((row, candidate(row, owner)))
            })
            .collect();
        let reading = reply::read(&one.text, menu_of(&candidates));
        let label = match reading.digit {
            Some(digit) => format!("digit:{digit}"),
            None => reading.label.word().to_owned(),
        };
        if let Some(human) = owners.iter().find_map(|o| o.human_id)
            && self.leader_reply(effects, human, id, &reading, known, place, &candidates, now)
        {
            effects.states.push(InboundState { id, state: 1, label });
            return;
        }
        let clear =
            self.household_reply(effects, one, id, &owners, &candidates, &reading, known, now);
        effects.states.push(InboundState { id, state: if clear { 1 } else { 2 }, label });
    }

    /// A leader's digit; false where it is of his own home, or words.
    #[expect(clippy::too_many_arguments, reason = "one decision over what a group gathered")]
    fn leader_reply(
        &self,
        effects: &mut Effects,
        human: i64,
        inbound: i64,
        reading: &Reading,
        known: &Known,
        place: i64,
        candidates: &[(&CandidateRow, Candidate)],
        now: i64,
    ) -> bool {
        let Some(state) = known.humans.get(&human) else {
            return false;
        };
        let kind = known.kinds.get(&human).copied().unwrap_or(AlertKind::Live);
        let Some(digit) = reading.digit else {
            // Who says that it is not his number has not woken.
            if reading.label != Label::WrongNumber {
                let home = Vec::new();
                let pending = Pending { human, kind, inbound, digit: 0, act: None, home };
                effects.pending.push(pending);
            }
            return false;
        };
        let same = format!("digit:{digit}");
        let last = known.recent.iter().filter(|r| r.0 == place && r.1 == same).map(|r| r.2).max();
        let state =
            LeaderState { has_home: !candidates.is_empty(), last_same_digit_at: last, ..*state };
        let act = matching::leader_act(digit, &state, now);
        let home = candidates.iter().map(|c| c.0.alert_id).collect();
        effects.pending.push(Pending { human, kind, inbound, digit, act: Some(act), home });
        !matches!(act, LeaderAct::OwnHome | LeaderAct::Unclear)
    }

    /// A resident's reply; false where a person has to look at it.
    #[expect(clippy::too_many_arguments, reason = "one decision over what a group gathered")]
    fn household_reply(
        &self,
        effects: &mut Effects,
        one: &Read<'_>,
        id: i64,
        owners: &[&Owner],
        candidates: &[(&CandidateRow, Candidate)],
        reading: &Reading,
        known: &Known,
        now: i64,
    ) -> bool {
        let plain: Vec<Candidate> = candidates.iter().map(|c| c.1.clone()).collect();
        let help = reading.label == Label::NeedHelp;
        let targets = if help && reading.digit.is_none() {
            matching::match_words(&plain)
        } else {
            matching::match_household(one.reply.sent_at, now, &plain)
        };
        if let Label::OptOut | Label::WrongNumber = reading.label {
            return self.number_reply(effects, one, id, owners, reading, known, now);
        }
        let triage = reading.triage.unwrap_or(Triage::B);
        if targets.is_empty() {
            let kind = if help { 1 } else { 2 };
            let home = owners.iter().find_map(|o| o.household_id);
            self.to_desk(effects, one, id, home.map(|h| (0, h, 0)), kind, triage, now);
            let name = known.name_of(owners).filter(|_| home.is_none());
            if let Some(task) = effects.tasks.last_mut() {
                task.text = unmatched::task_text(&one.text, name, owners, &known.doors);
            }
            if help && home.is_none() {
                effects.homeless.extend(Homeless::of(one, id, triage));
            }
            return false;
        }
        let Some(claims) = claims_of(reading) else {
            let first = &targets[0];
            let home = (first.alert_id, first.household_id, 0);
            if reading.refusal {
                self.state_all(
                    effects,
                    one,
                    id,
                    owners,
                    candidates,
                    &targets,
                    Claim::Refused,
                    None,
                );
            }
            self.to_desk(effects, one, id, Some(home), 2, Triage::C, now);
            return false;
        };
        let persons = reading.persons.map(i64::from);
        for claim in claims {
            self.state_all(effects, one, id, owners, candidates, &targets, claim, persons);
        }
        if help {
            for target in &targets {
                let building = candidates
                    .iter()
                    .find(|c| c.0.household_id == target.household_id)
                    .map_or(0, |c| c.0.building_id);
                let home = (target.alert_id, target.household_id, building);
                self.to_desk(effects, one, id, Some(home), 1, triage, now);
            }
        }
        true
    }

    /// What a phone says of its own number. That of a responsible person is not given up for it:
    /// nobody could be woken there any more, and nobody would notice.
    #[expect(clippy::too_many_arguments, reason = "one decision over what a group gathered")]
    fn number_reply(
        &self,
        effects: &mut Effects,
        one: &Read<'_>,
        id: i64,
        owners: &[&Owner],
        reading: &Reading,
        known: &Known,
        now: i64,
    ) -> bool {
        if owners.iter().any(|o| o.human_id.is_some()) {
            self.to_desk(effects, one, id, None, alarm::TASK_KIND, Triage::B, now);
            if let Some(task) = effects.tasks.last_mut() {
                task.text = unmatched::disowned_text(&one.text, known.name_of(owners));
            }
            return false;
        }
        let claim = if reading.label == Label::OptOut { 2 } else { 3 };
        effects.claims.extend(owners.iter().map(|o| AddressClaim {
            key: format!("{}#{}", one.key, o.address_id),
            address: o.address_id,
            claim,
        }));
        true
    }

    #[expect(clippy::too_many_arguments, reason = "a statement has that many parts")]
    fn state_all(
        &self,
        effects: &mut Effects,
        one: &Read<'_>,
        _id: i64,
        owners: &[&Owner],
        candidates: &[(&CandidateRow, Candidate)],
        targets: &[Target],
        claim: Claim,
        persons: Option<i64>,
    ) {
        for target in targets {
            let row = candidates.iter().find(|c| {
                c.0.household_id == target.household_id && c.0.alert_id == target.alert_id
            });
            let address = row.map(|c| c.0.address_id);
            let owner = owners.iter().find(|o| Some(o.address_id) == address);
            let giver = if owner.is_some_and(|o| o.relative.is_some()) {
                Giver::Relative
            } else {
                Giver::Lives
            };
            let upstairs = claim == Claim::LeftAll && target.demand == Demand::Upstairs.code();
            let claim = if upstairs { Claim::Upstairs } else { claim };
            let at = matching::reply_at(one.reply.sent_at, self.clock.story_ms());
            effects.statements.push(StatementRow {
                key: statement_key(&one.key, target, claim),
                alert: target.alert_id,
                version: target.version,
                household: target.household_id,
                giver: giver.code(),
                giver_id: address,
                claim: claim.code(),
                persons,
                closes: None,
                detail: None,
                at,
                source: one.lane().word().into(),
            });
        }
    }

    /// Opens a task; `home` is alert, household, building.
    #[expect(clippy::too_many_arguments, reason = "a task has that many parts")]
    fn to_desk(
        &self,
        effects: &mut Effects,
        one: &Read<'_>,
        inbound: i64,
        home: Option<(i64, i64, i64)>,
        kind: i64,
        triage: Triage,
        now: i64,
    ) {
        let key = match home {
            Some((alert, household, _)) => format!("{}#{alert}.{household}.t", one.key),
            None => format!("{}#t", one.key),
        };
        effects.tasks.push(NewTask {
            uid: self.entropy.uuid(now),
            alert: home.map_or(0, |h| h.0),
            household: home.map(|h| h.1),
            building: home.map(|h| h.2).filter(|b| *b != 0),
            inbound: Some(inbound),
            key,
            kind,
            class: triage.code(),
            text: one.text.clone(),
        });
    }
}
