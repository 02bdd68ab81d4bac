//! Replies that no order of a home answers for: from numbers in no roster, of responsible persons
//! without a home, of too many homes at once, and what is said of the number itself. Each is
//! written down so that somebody can call back. Reads no text: `domain::reply` has.

use super::intake::Effects;
use super::reading::{Read, Sender};
use super::saying::Under;
use super::{Engine, EngineFault};
use crate::domain::batch::RANK_HELP;
use crate::domain::gate::AlertKind;
use crate::domain::lane::Realm;
use crate::domain::matching::SHARED_MAX;
use crate::domain::notice::Purpose;
use crate::domain::triage::Triage;
use crate::render::{HelpClass, NoticeText};
use crate::store::Tx;
use crate::store::answer::Owner;
use crate::store::notice::Post;
use crate::store::stranger::{self, StrangerRow};

/// Homes of one number that a task names.
const HOMES_NAMED: usize = 12;
/// A number without a home is answered once in this time.
const ANSWERED_MS: i64 = 10 * 60_000;

/// A help from a number without a home: to be answered.
#[derive(Debug, Clone)]
pub(super) struct Homeless {
    pub inbound: i64,
    pub realm: Realm,
    pub class: Triage,
}

impl Homeless {
    pub(super) fn of(one: &Read<'_>, inbound: i64, class: Triage) -> Option<Homeless> {
        // A follower without a home has no number to be answered at: the desk has his words.
        let Sender::Phone(phone) = one.from.as_ref()? else { return None };
        let practice = phone.is_practice();
        let realm = if practice { Realm::Practice } else { Realm::Live };
        Some(Homeless { inbound, realm, class })
    }
}

/// A task's text with who wrote it, where he is a responsible person; and the homes of a number
/// that too many share, of which none can be told to be meant.
pub(super) fn task_text(
    text: &str,
    name: Option<&str>,
    owners: &[&Owner],
    doors: &[(i64, String)],
) -> String {
    let mut said = text.to_owned();
    if let Some(name) = name {
        said = format!("责任人{name}：{said}");
    }
    let shared =
        |home: i64| owners.iter().any(|o| o.household_id == Some(home) && o.shares > SHARED_MAX);
    let homes: Vec<&str> =
        doors.iter().filter(|door| shared(door.0)).map(|door| door.1.as_str()).collect();
    if !homes.is_empty() {
        let named = homes[..homes.len().min(HOMES_NAMED)].join("；");
        said = format!("{said}（此号码登记在{}户，请问清是哪一户：{named}", homes.len());
        said.push_str(if homes.len() > HOMES_NAMED { "……）" } else { "）" });
    }
    said
}

/// What a task says of a responsible person's number that its phone disowns.
pub(super) fn disowned_text(text: &str, name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    format!("责任人{name}的号码回复“{text}”。号码仍在用，请打电话核实是否有误。")
}

impl Engine {
    /// Tells whoever cried for help from a number without a home that he was heard.
    pub(super) async fn answer_homeless(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        now: i64,
    ) -> Result<(), EngineFault> {
        let homeless = &effects.homeless;
        if homeless.is_empty() {
            return Ok(());
        }
        let row = |one: &Homeless| StrangerRow { inbound: one.inbound, realm: one.realm.code() };
        let rows: Vec<StrangerRow> = homeless.iter().map(row).collect();
        let mut posts = Vec::new();
        for (inbound, address) in stranger::keep(tx, &rows, now).await? {
            let Some(one) = homeless.iter().find(|one| one.inbound == inbound) else { continue };
            let class = match one.class {
                Triage::A => HelpClass::Life,
                Triage::B => HelpClass::Carry,
                Triage::C => HelpClass::Supply,
            };
            posts.push(Post {
                address,
                purpose: Purpose::HelpReceived.code(),
                n: now / ANSWERED_MS,
                human: None,
                household: None,
                text: self.say_in(AlertKind::Live, &NoticeText::HelpReceived { class }, now)?,
            });
        }
        self.post(tx, Under::NONE.alert, RANK_HELP, &posts, now).await
    }
}
