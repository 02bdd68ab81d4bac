//! What an order would be if it were released now: its texts, whom it reaches, how long it takes,
//! which plan follows, and everything that stands in its way, by field. It writes nothing; the
//! rules are `domain::alert`'s, the texts `render`'s, the refusals of an act stay the act's.

use std::collections::BTreeMap;

use super::check::{read_rings, told_of};
use super::forecast::{Forecast, RingCount, by_ring, foretell, span_ms};
use super::issue::{Actor, OrderForm, Settled, default_rings};
use super::preview::RingText;
use super::words::Words;
use super::{Engine, EngineFault};
use crate::domain::access::Action;
use crate::domain::alert::{self, Defect, Origin, RingAsked, Roll, Submission, Urgency};
use crate::domain::demand::Demand;
use crate::domain::duty;
use crate::domain::gate::AlertKind;
use crate::domain::lane::{Lane, Realm};
use crate::domain::need;
use crate::domain::plan::Plan;
use crate::domain::wording::WordingFault;
use crate::render::{CORRECTION, MAX_TITLE_UNITS, RenderFault, check_wording};
use crate::store::expand::sketch::{self, Chosen, GridCount};
use crate::store::order::{self, AreaRow, RingRow, VersionRow};
use crate::store::roll;

/// Something that stands in the way, beside the field where it is mended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldFault {
    /// As the form names it; a variable is `var.NAME`.
    pub field: String,
    /// What is wrong and what to do, in the officials' words.
    pub said: String,
}

/// One ring as it would be.
#[derive(Debug)]
pub struct RingSketch {
    pub text: RingText,
    pub count: RingCount,
}

/// How long the first wave takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Messages of the first wave.
    pub messages: i64,
    /// Messages a second; none: the gateway has no limit that we know, so nothing is foretold.
    pub rate_per_second: Option<f64>,
    /// Until the last household, where the rate is known. What others send meanwhile is not in it.
    pub last_ms: Option<i64>,
}

/// An order as it would be released now.
#[derive(Debug)]
pub struct Sketch {
    pub rings: Vec<RingSketch>,
    pub urgency: Urgency,
    pub expires_at: i64,
    pub plan: Plan,
    pub pace: Pace,
    /// The same grid by grid, and where somebody must go.
    pub forecast: Forecast,
    /// Whether a gateway for SMS is there at all.
    pub gateway: bool,
    pub faults: Vec<FieldFault>,
}

impl Sketch {
    /// Head-counts of all rings together.
    pub fn all(&self) -> RingCount {
        let mut all = RingCount::default();
        for ring in &self.rings {
            all.households += ring.count.households;
            all.persons += ring.count.persons;
            all.no_phone += ring.count.no_phone;
            all.messages += ring.count.messages;
        }
        all
    }
}

/// Which version is sketched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of {
    /// None: nothing is written down yet.
    pub alert: Option<i64>,
    /// The number it has, or would have.
    pub version: i64,
    /// Since when it is in force; none: it would be from now on.
    pub live_at: Option<i64>,
}

impl Of {
    /// The first version of an alert that is not written down yet.
    pub const NEW: Of = Of { alert: None, version: 1, live_at: None };
}

impl Engine {
    /// What rings are asked under a template where its author leaves it open.
    pub fn rings_for(&self, template: &str) -> Result<Vec<RingRow>, EngineFault> {
        let form = OrderForm { template: template.into(), ..OrderForm::default() };
        Ok(self.settle(&form, self.clock.story_ms())?.rings)
    }

    /// Sketches an order for who would write it: a right that is missing is refused. A roll is
    /// confirmed while the draft is with the second person, so it need not be yet.
    pub async fn sketch(
        &self,
        actor: &Actor,
        form: &OrderForm,
        of: Of,
    ) -> Result<Sketch, EngineFault> {
        let area = |code: &String| AreaRow { code: code.clone(), excluded: 0 };
        let asked: Vec<AreaRow> = form.places.iter().map(area).collect();
        let known = order::known_codes(&self.store, &asked).await?;
        let chosen: Vec<i64> = known.into_iter().map(|k| k.1).filter(|id| *id != 0).collect();
        if !chosen.is_empty() {
            self.check_access(actor, Action::DraftAlert, &chosen).await?;
        }
        self.sketch_for(form, of, true).await
    }

    /// The same for whoever may see it. Faults of the form are in the sketch, all at once.
    pub async fn sketch_of(&self, form: &OrderForm, of: Of) -> Result<Sketch, EngineFault> {
        self.sketch_for(form, of, false).await
    }

    async fn sketch_for(
        &self,
        form: &OrderForm,
        of: Of,
        submitting: bool,
    ) -> Result<Sketch, EngineFault> {
        let (now, version) = (self.clock.story_ms(), of.version);
        let mut faults = Vec::new();
        let known = self.look_at_places(form, &mut faults).await?;
        self.look_at_words(form, &mut faults);
        let Settled { rings, urgency, expires_at } = self.settle(form, now)?;
        if let Err(fault) = read_rings(&rings) {
            push(&mut faults, "rings", format!("各圈的要求写得不对：{fault}"));
        }
        let grids = self.count_form(form, known, version).await?;
        let counts = by_ring(&grids);
        let homes: Vec<(i64, i64)> =
            counts.iter().map(|count| (count.ring, count.households)).collect();
        let kind = self.kind_of(form, of, &mut faults).await?;
        let issued_at_ms = match version {
            1 => form.issued_at.unwrap_or(now),
            _ => of.live_at.unwrap_or(now),
        };
        let words =
            Words { template: &form.template, vars: &form.vars, kind, version, issued_at_ms };
        let texts = self.ring_texts(&words, &rings);
        let asked: Vec<RingAsked> = texts.iter().map(asked).collect();
        let submission = Submission {
            origin: origin(form),
            title: &form.title,
            issuer: &form.issuer,
            number: form.number.as_deref(),
            colour: form.colour.as_deref(),
            issued_at: form.issued_at.unwrap_or(now),
            urgency,
            act_by: form.act_by,
            expires_at,
            told: told_of(&form.vars),
            audience: counts.iter().any(|count| count.households > 0),
            moves: self.tells_to_move(&form.template),
            homes: &homes,
            rings: &asked,
            gateway: self.can_send(kind),
            duty_room: order::has_duty_room(&self.store, duty::Role::DutyRoom.code(), now).await?,
            roll: self.roll_of(kind, of.alert, submitting).await?,
        };
        for defect in alert::check(&submission, now) {
            // That no place was named yet was said already.
            if defect != Defect::EmptyAudience || !form.places.is_empty() {
                push(&mut faults, defect.field(), defect.chinese());
            }
        }
        let words_are_good = !faults.iter().any(|fault| fault.field.starts_with("var."));
        for ring in &texts {
            if let (Err(fault), true) = (&ring.text, words_are_good) {
                for (field, said) in said_of(fault) {
                    push(&mut faults, &field, format!("第{}圈：{said}", ring.ring));
                }
            }
        }
        let goes_after: Vec<i64> = texts.iter().filter(|r| r.pursued).map(|r| r.ring).collect();
        let rings = with_counts(texts, &counts);
        let messages = rings.iter().map(|ring| ring.count.messages).sum();
        let (gateway, pace) = self.pace_of(kind, messages);
        let plan = self.plan_for(urgency, form.act_by.map(|at| at - now));
        // Without lists nobody is sent to a door.
        let goes_after = if plan.lists.is_some() { goes_after } else { Vec::new() };
        let forecast = foretell(&grids, &goes_after, pace.rate_per_second);
        Ok(Sketch { rings, urgency, expires_at, plan, pace, forecast, gateway, faults })
    }

    /// What it is; where that is not said, it is sketched as the real thing.
    async fn kind_of(
        &self,
        form: &OrderForm,
        of: Of,
        faults: &mut Vec<FieldFault>,
    ) -> Result<AlertKind, EngineFault> {
        let row = match of.alert {
            Some(alert) => order::by_id(&self.store, alert).await?,
            None => None,
        };
        let known = row.and_then(|row| AlertKind::from_code(row.kind));
        Ok(AlertKind::said(&form.kind, known).unwrap_or_else(|fault| {
            push(faults, "kind", fault.chinese());
            known.unwrap_or(AlertKind::Live)
        }))
    }

    /// The codes asked for, each with its part; what is wrong with one is a fault.
    async fn look_at_places(
        &self,
        form: &OrderForm,
        faults: &mut Vec<FieldFault>,
    ) -> Result<Vec<AreaRow>, EngineFault> {
        if form.places.is_empty() {
            push(faults, "places", "还没有选地点：请在下面的树里选至少一个。".into());
        }
        let area = |excluded: i64| move |code: &String| AreaRow { code: code.clone(), excluded };
        let places = form.places.iter().map(area(0)).chain(form.exclude.iter().map(area(1)));
        let asked: Vec<AreaRow> = places.chain(form.zones.iter().map(area(2))).collect();
        let known = order::known_codes(&self.store, &asked).await?;
        for row in &asked {
            let found = |k: &&(String, i64)| k.0 == row.code && (k.1 == 0) == (row.excluded == 2);
            let field = ["places", "exclude", "zones"][usize::try_from(row.excluded).unwrap_or(0)];
            if !known.iter().any(|k| found(&k)) {
                let said = format!("底册里没有“{}”：请从树里选，或按名称搜索。", row.code);
                push(faults, field, said);
            }
        }
        if let Some(code) = form.exclude.iter().find(|code| form.places.contains(code)) {
            push(faults, "exclude", format!("“{code}”既选中又除外：请只留一个。"));
        }
        Ok(asked)
    }

    /// An exercise's roll, as it must be once the draft is written down.
    async fn roll_of(
        &self,
        kind: AlertKind,
        alert: Option<i64>,
        submitting: bool,
    ) -> Result<Option<Roll>, EngineFault> {
        let Some(alert) = alert.filter(|_| kind == AlertKind::Exercise) else {
            return Ok(None);
        };
        let (numbers, unconfirmed) = roll::count(&self.store, alert).await?;
        let unconfirmed = if submitting { 0 } else { unconfirmed };
        Ok(Some(Roll { numbers, unconfirmed }))
    }

    /// What is wrong with the words of a correction, every field for itself.
    pub fn correction_faults(&self, vars: &BTreeMap<String, String>) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        self.look_at_vars(CORRECTION, vars, &mut faults);
        let word = |name: &str| vars.get(name).map_or("", |word| word.trim());
        if !word("right").is_empty() && word("right") == word("wrong") {
            let said = "和原来的一样：请写正确的，还不知道就空着。".to_owned();
            faults.push(FieldFault { field: "var.right".into(), said });
        }
        faults
    }

    /// The words with which a version can be taken back at once: what it said, as far as that can
    /// be told from its form. What holds instead may follow later.
    pub fn correction_of(&self, title: &str, version: &VersionRow) -> BTreeMap<String, String> {
        let vars: BTreeMap<String, String> =
            serde_json::from_str(&version.vars).unwrap_or_default();
        let shelter = vars.get("shelter").map(|shelter| shelter.trim());
        let shelter = shelter.filter(|shelter| !shelter.is_empty());
        let said = [shelter.map(|shelter| format!("到{shelter}")), Some(title.to_owned())];
        let wrong = |word: String| -> BTreeMap<String, String> { [("wrong".into(), word)].into() };
        let good = |vars: &BTreeMap<String, String>| self.correction_faults(vars).is_empty();
        let found = said.into_iter().flatten().map(wrong).find(good);
        found.unwrap_or_else(|| wrong("前面的内容".into()))
    }

    /// A correction as a phone shows it, and its parts; or what is wrong with its words.
    pub fn correction_text(
        &self,
        kind: AlertKind,
        version: i64,
        vars: &BTreeMap<String, String>,
    ) -> Result<(String, usize), FieldFault> {
        let issued_at_ms = self.clock.story_ms();
        let words = Words { template: CORRECTION, vars, kind, version, issued_at_ms };
        // What `withdraw` writes into its version: every ring is asked the same.
        let text = self.ring_texts(&words, &default_rings(Demand::Inform)).pop();
        match text.map(|ring| (ring.text, ring.parts)) {
            Some((Ok(text), parts)) => Ok((text, parts)),
            Some((Err(fault), _)) => {
                let (field, said) = said_of(&fault).into_iter().next().unwrap_or_default();
                Err(FieldFault { field, said })
            }
            None => Err(FieldFault { field: "template".into(), said: String::new() }),
        }
    }

    /// What may not stand in the texts, every field for itself.
    fn look_at_words(&self, form: &OrderForm, faults: &mut Vec<FieldFault>) {
        if !form.title.trim().is_empty()
            && let Err(fault) = check_wording("title", &form.title, MAX_TITLE_UNITS)
        {
            for (_, said) in said_of(&fault) {
                push(faults, "title", said);
            }
        }
        self.look_at_vars(&form.template, &form.vars, faults);
    }

    fn look_at_vars(
        &self,
        template: &str,
        vars: &BTreeMap<String, String>,
        faults: &mut Vec<FieldFault>,
    ) {
        if let Err(fault) = self.messages.check_vars(template, vars) {
            for (field, said) in said_of(&fault) {
                push(faults, &field, said);
            }
        }
    }

    async fn count_form(
        &self,
        form: &OrderForm,
        asked: Vec<AreaRow>,
        version: i64,
    ) -> Result<Vec<GridCount>, EngineFault> {
        let (zones, areas): (Vec<AreaRow>, Vec<AreaRow>) =
            asked.into_iter().partition(|row| row.excluded == 2);
        // As `issue` writes them: a first version without zones has all of its hazard.
        let by_hazard = zones.is_empty() && version == 1;
        let chosen = Chosen {
            areas: &areas,
            zones: &zones,
            hazard: if by_hazard { &form.hazard } else { "" },
            categories: need::TRANSFER_CATEGORIES,
            needs: need::RING2_NEEDS,
        };
        Ok(sketch::count(&self.store, &chosen).await?)
    }

    fn pace_of(&self, kind: AlertKind, messages: i64) -> (bool, Pace) {
        let practice = self.settings.practice || kind == AlertKind::Rehearsal;
        let realm = if practice { Realm::Practice } else { Realm::Live };
        let gateway = self.gateway(Lane::Sms, realm, 0);
        let rate_per_second = gateway.and_then(|gateway| gateway.rate_per_second);
        let last_ms = span_ms(messages, rate_per_second);
        (gateway.is_some(), Pace { messages, rate_per_second, last_ms })
    }
}

fn origin(form: &OrderForm) -> Origin {
    if form.origin == "forwarded" { Origin::Forwarded } else { Origin::Own }
}

/// Each text with the head-count of its ring; a ring in which nobody lives has none.
fn with_counts(texts: Vec<RingText>, counts: &[RingCount]) -> Vec<RingSketch> {
    let count_of = |ring: i64| {
        let found = counts.iter().find(|count| count.ring == ring).copied();
        found.unwrap_or(RingCount { ring, ..RingCount::default() })
    };
    texts.into_iter().map(|text| RingSketch { count: count_of(text.ring), text }).collect()
}

fn asked(ring: &RingText) -> RingAsked {
    let demand = alert::Demand::from_code(ring.demand.code()).unwrap_or(alert::Demand::Inform);
    RingAsked { ring: ring.ring, demand, pursued: ring.pursued }
}

fn push(faults: &mut Vec<FieldFault>, field: &str, said: String) {
    let fault = FieldFault { field: field.to_owned(), said };
    if !faults.contains(&fault) {
        faults.push(fault);
    }
}

/// The fields of a fault of the texts, and what an official is told beside each.
fn said_of(fault: &RenderFault) -> Vec<(String, String)> {
    let var = |name: &str| format!("var.{name}");
    let one = |field: &str, said: String| vec![(field.to_owned(), said)];
    match fault {
        RenderFault::Several(faults) => faults.iter().flat_map(said_of).collect(),
        RenderFault::UnknownTemplate { name, .. } => {
            one("template", format!("没有“{name}”这个模板：请重新选。"))
        }
        RenderFault::UnknownVariables { names, .. } => names
            .iter()
            .map(|name| (var(name), format!("这个模板没有“{name}”这一项：请去掉。")))
            .collect(),
        RenderFault::MissingVariables { names, .. } => {
            names.iter().map(|name| (var(name), WordingFault::Empty.chinese())).collect()
        }
        RenderFault::Wording { field, rule } => one(&var(field), rule.chinese()),
        RenderFault::DemandUnfit { demand, .. } => {
            one("rings", format!("这个模板不能要求“{demand}”：请换要求或换模板。"))
        }
        RenderFault::TooLong { units, most } => {
            one("template", format!("短信有{units}个字，最多{most}个字：请缩短各项。"))
        }
        RenderFault::Count { .. } | RenderFault::Broken { .. } => {
            one("template", format!("短信生成不了，请联系管理员：{fault}"))
        }
    }
}
