//! What stands in the fields of the compose form, exactly as typed, and the order that it means.
//! It judges only what can't be read at all; the rest is the engine's sketch.

use std::collections::BTreeMap;

use super::moment::Moment;
use crate::domain::demand::Demand;
use crate::engine::issue::OrderForm;
use crate::engine::sketch::FieldFault;
use crate::render::{Origin, TemplateInfo};
use crate::store::order::RingRow;
use crate::web::pages::fields::Fields;

/// Everything typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    pub template: String,
    pub forwarded: bool,
    pub kind: String,
    pub title: String,
    pub issuer: String,
    pub number: String,
    pub hazard: String,
    pub issued_at: Moment,
    pub vars: BTreeMap<String, String>,
    pub urgency: String,
    pub act_by: Moment,
    pub expires_at: Moment,
    /// Ring, word of the demand, whether pursued.
    pub rings: Vec<(i64, String, bool)>,
    pub places: Vec<String>,
    pub exclude: Vec<String>,
    pub zones: Vec<String>,
    /// The place of the tree that is open.
    pub open: String,
    /// What is looked for in the tree.
    pub find: String,
}

impl Typed {
    /// What an author finds in a new form.
    pub fn blank(known: &TemplateInfo, office: &str, rings: &[RingRow]) -> Typed {
        let forwarded = known.origin == Origin::Forwarded;
        let hazard = if known.name == "forwarded_typhoon" { "typhoon" } else { "flood" };
        Typed {
            template: known.name.into(),
            forwarded,
            kind: "live".into(),
            title: if forwarded { String::new() } else { known.title_zh.into() },
            issuer: if forwarded { String::new() } else { office.into() },
            hazard: hazard.into(),
            rings: rings.iter().map(|row| ring(row, first_demand(known, row))).collect(),
            ..Typed::default()
        }
    }

    /// What an order says.
    pub fn of(form: &OrderForm) -> Typed {
        let demand = |row: &RingRow| Demand::from_code(row.demand).unwrap_or(Demand::Inform);
        let rings = form.rings.iter().flatten().map(|row| ring(row, demand(row)));
        Typed {
            template: form.template.clone(),
            forwarded: form.origin == "forwarded",
            kind: form.kind.clone(),
            title: form.title.clone(),
            issuer: form.issuer.clone(),
            number: form.number.clone().unwrap_or_default(),
            hazard: form.hazard.clone(),
            issued_at: Moment::of(form.issued_at),
            vars: form.vars.clone(),
            urgency: form.urgency.clone().unwrap_or_default(),
            act_by: Moment::of(form.act_by),
            expires_at: Moment::of(form.expires_at),
            rings: rings.collect(),
            places: form.places.clone(),
            exclude: form.exclude.clone(),
            zones: form.zones.clone(),
            open: String::new(),
            find: String::new(),
        }
    }

    /// What was sent.
    pub fn read(form: &Fields, known: &TemplateInfo) -> Typed {
        let text = |name: &str| form.maybe(name).unwrap_or_default().to_owned();
        let all = |name: &str| form.all(name).into_iter().map(str::to_owned).collect();
        let vars = known.variables.iter().filter_map(|variable| {
            let value = form.maybe(&format!("var.{}", variable.name))?;
            Some((variable.name.to_owned(), value.to_owned()))
        });
        let rings = (1..=3)
            .map(|n| (n, text(&format!("ring.{n}")), form.has(&format!("ring.{n}.pursued"))));
        Typed {
            template: known.name.into(),
            forwarded: known.origin == Origin::Forwarded,
            kind: text("kind"),
            title: text("title"),
            issuer: text("issuer"),
            number: text("number"),
            hazard: text("hazard"),
            issued_at: Moment::read(form, "issued_at"),
            vars: vars.collect(),
            urgency: text("urgency"),
            act_by: Moment::read(form, "act_by"),
            expires_at: Moment::read(form, "expires_at"),
            rings: rings.collect(),
            places: all("place"),
            exclude: all("exclude"),
            zones: all("zone"),
            open: text("open"),
            find: text("find"),
        }
    }

    /// The order that it means, and what of it can't be read.
    pub fn form(&self) -> (OrderForm, Vec<FieldFault>) {
        let mut faults = Vec::new();
        let mut instant = |field: &str, moment: &Moment| {
            moment.instant().unwrap_or_else(|said| {
                faults.push(FieldFault { field: field.into(), said });
                None
            })
        };
        let issued_at = instant("issued_at", &self.issued_at);
        let act_by = instant("act_by", &self.act_by);
        let expires_at = instant("expires_at", &self.expires_at);
        let rings = self.rings.iter().filter_map(|(ring, word, pursued)| {
            let demand = Demand::from_word(word)?.code();
            Some(RingRow { ring: *ring, demand, pursued: i64::from(*pursued) })
        });
        let var = |name: &str| self.vars.get(name).cloned().unwrap_or_default();
        // Of a forwarded warning the head is its own words, written once.
        let (title, issuer, colour) = match self.forwarded {
            true => (var("title"), var("issuer"), Some(var("colour")).filter(|c| !c.is_empty())),
            false => (self.title.clone(), self.issuer.clone(), None),
        };
        let form = OrderForm {
            origin: if self.forwarded { "forwarded" } else { "own" }.into(),
            kind: self.kind.clone(),
            hazard: self.hazard.clone(),
            title,
            issuer,
            number: Some(self.number.clone()).filter(|number| !number.is_empty()),
            colour,
            issued_at,
            template: self.template.clone(),
            vars: self.vars.clone(),
            urgency: Some(self.urgency.clone()).filter(|word| !word.is_empty()),
            act_by,
            expires_at,
            places: self.places.clone(),
            exclude: self.exclude.clone(),
            zones: self.zones.clone(),
            rings: Some(rings.collect()),
        };
        (form, faults)
    }

    /// The field of this form beside which a fault of the order is said.
    pub fn field<'a>(&self, field: &'a str) -> &'a str {
        match (self.forwarded, field) {
            (true, "title") => "var.title",
            (true, "issuer") => "var.issuer",
            (true, "colour") => "var.colour",
            _ => field,
        }
    }
}

fn ring(row: &RingRow, demand: Demand) -> (i64, String, bool) {
    (row.ring, demand.word().into(), row.pursued == 1 && demand > Demand::Inform)
}

/// A forwarded warning asks nobody to leave, and a notice nothing, until its author says so.
fn first_demand(known: &TemplateInfo, row: &RingRow) -> Demand {
    let demand = Demand::from_code(row.demand).unwrap_or(Demand::Inform);
    match known.origin {
        Origin::Forwarded => demand.min(Demand::Receipt),
        Origin::Own if known.name == "public_notice" => Demand::Inform,
        Origin::Own => demand,
    }
}
