//! From rows to words: a version as an [`Order`], and the texts of residents rendered once per
//! demand and audience. Decides nothing; templates decide the wording.

use std::collections::{BTreeMap, HashMap};

use crate::domain::alert::State;
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::plan::Plan;
use crate::render::{
    Audience, Mended, MergedPart, Messages, RenderFault, ResidentText, relative_name,
};
use crate::store::batch::Member;
use crate::store::{Store, order};

use super::EngineFault;
use super::situation::{Also, Others};

/// An immutable version with what its alert never changes.
#[derive(Debug, Clone)]
pub struct Order {
    pub alert_id: i64,
    pub uid: String,
    pub version: i64,
    pub kind: AlertKind,
    pub origin: i64,
    pub hazard: String,
    pub title: String,
    pub issuer: String,
    pub urgency: i64,
    pub template: String,
    pub vars: BTreeMap<String, String>,
    pub act_by: Option<i64>,
    pub expires_at: i64,
    pub plan: Option<Plan>,
    pub reach: i64,
    pub issued_at: i64,
    pub live_at: i64,
}

impl Order {
    /// Reads a version that was released. None: there is no such version, or it is still a draft.
    pub async fn read(
        store: &Store,
        alert: i64,
        version: i64,
    ) -> Result<Option<Order>, EngineFault> {
        let Some(row) = order::version(store, alert, version).await? else {
            return Ok(None);
        };
        let (Some(head), Some(live_at)) = (order::by_id(store, alert).await?, row.live_at) else {
            return Ok(None);
        };
        let broken = |what: &str| EngineFault::Refused(format!("alert {alert}: {what}"));
        let vars = serde_json::from_str(&row.vars).map_err(|_| broken("its variables"))?;
        let plan = (!row.plan.is_empty())
            .then(|| serde_json::from_str(&row.plan))
            .transpose()
            .map_err(|_| broken("its plan can't be read"))?;
        let kind = AlertKind::from_code(head.kind).ok_or_else(|| broken("its kind"))?;
        Ok(Some(Order {
            alert_id: alert,
            uid: head.uid,
            version,
            kind,
            origin: head.origin,
            hazard: head.hazard,
            title: head.title,
            issuer: head.issuer,
            urgency: row.urgency,
            template: row.template,
            vars,
            act_by: row.act_by,
            expires_at: row.expires_at,
            plan,
            reach: row.reach,
            issued_at: if version == 1 { head.issued_at } else { live_at },
            live_at,
        }))
    }

    /// Whether an unknown outcome is worth a repeat: 紧急 and 特急 are life safety.
    pub fn is_life_safety(&self) -> bool {
        self.urgency >= 2
    }
}

/// The state of a version in force.
pub fn in_force() -> i64 {
    State::Live.code()
}

/// Texts of one version, rendered as they are first needed.
pub struct Texts<'a> {
    messages: &'a Messages,
    order: &'a Order,
    signature: &'a str,
    others: Others,
    mended: Vec<Mended>,
    ready: HashMap<(i64, i64), String>,
}

impl<'a> Texts<'a> {
    /// None rendered yet.
    pub fn new(messages: &'a Messages, order: &'a Order, signature: &'a str) -> Texts<'a> {
        let (others, ready) = (Others::new(), HashMap::new());
        Texts { messages, order, signature, others, mended: Vec::new(), ready }
    }

    /// Lets the next members' texts name their other open orders as well.
    pub fn merge(&mut self, others: Others) {
        self.others = others;
    }

    /// The names that had to be mended since.
    pub fn take_mended(&mut self) -> Vec<Mended> {
        std::mem::take(&mut self.mended)
    }

    /// The text for one member of a batch. Other open orders that make it too long are left out:
    /// each had a text of its own.
    pub fn for_member(&mut self, member: &Member) -> Result<String, RenderFault> {
        let persons = member.persons.clamp(1, 99);
        let home = member.relative.as_ref().map(|_| {
            let (name, mended) = relative_name(&member.name);
            self.mended.extend(mended);
            name
        });
        let audience = match &home {
            Some(name) => Audience::AbsentRelative { name },
            None => audience_of(persons),
        };
        let also = self.others.get(&member.household_id).map_or(&[][..], Vec::as_slice);
        if !also.is_empty() {
            match self.render(member.demand, audience, also) {
                Err(RenderFault::TooLong { .. }) => {}
                text => return text,
            }
        }
        if member.relative.is_some() {
            return self.render(member.demand, audience, &[]);
        }
        let key = (member.demand, persons);
        if let Some(text) = self.ready.get(&key) {
            return Ok(text.clone());
        }
        let text = self.render(member.demand, audience, &[])?;
        self.ready.insert(key, text.clone());
        Ok(text)
    }

    fn render(
        &self,
        demand: i64,
        audience: Audience<'_>,
        also: &[Also],
    ) -> Result<String, RenderFault> {
        let merged: Vec<MergedPart<'_>> = also
            .iter()
            .map(|other| MergedPart {
                template: &other.order.template,
                vars: &other.order.vars,
                demand: Demand::from_code(other.demand).unwrap_or(Demand::Receipt),
            })
            .collect();
        let words = Words {
            template: &self.order.template,
            vars: &self.order.vars,
            kind: self.order.kind,
            version: self.order.version,
            issued_at_ms: self.order.issued_at,
        };
        words.text(self.messages, self.signature, demand, audience, &merged)
    }
}

/// What the texts of a version are made of.
pub(super) struct Words<'a> {
    pub template: &'a str,
    pub vars: &'a BTreeMap<String, String>,
    pub kind: AlertKind,
    pub version: i64,
    pub issued_at_ms: i64,
}

impl Words<'_> {
    /// A text as a phone shows it. There is no second way to one: what an official is shown and
    /// what is sent are made here.
    pub(super) fn text(
        &self,
        messages: &Messages,
        signature: &str,
        demand: i64,
        audience: Audience<'_>,
        merged: &[MergedPart<'_>],
    ) -> Result<String, RenderFault> {
        messages.resident(&ResidentText {
            signature,
            template: self.template,
            vars: self.vars,
            demand: Demand::from_code(demand).unwrap_or(Demand::Receipt),
            audience,
            kind: self.kind,
            version: u32::try_from(self.version).unwrap_or(1),
            issued_at_ms: self.issued_at_ms,
            merged,
        })
    }
}

/// How a home of so many registered persons is spoken to.
pub(super) fn audience_of(persons: i64) -> Audience<'static> {
    match u32::try_from(persons.clamp(1, 99)) {
        Ok(persons) if persons > 1 => Audience::Several(persons),
        Ok(_) | Err(_) => Audience::Household,
    }
}

/// What a version asks of a household, without its time: by this two versions are compared.
pub(super) fn plain_text(
    messages: &Messages,
    order: &Order,
    demand: Demand,
) -> Result<String, RenderFault> {
    messages.resident(&ResidentText {
        signature: "-",
        template: &order.template,
        vars: &order.vars,
        demand,
        audience: Audience::Household,
        kind: AlertKind::Live,
        version: 1,
        issued_at_ms: 0,
        merged: &[],
    })
}
