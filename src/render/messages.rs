//! All message templates, parsed once, and the two ways to fill them: for residents and as
//! notices. It decides no wording of its own: sentences stand in the template files.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::catalog::{self, CORRECTION, Origin, TEMPLATES, TemplateInfo};
use super::fault::RenderFault;
use super::notice::{NoticeHead, NoticeText};
use super::resident::{Audience, MergedPart, ResidentText};
use super::time::say_clock;
use super::wording::{check_colourless, check_wording, colour_stands_apart};
use crate::domain::demand::Demand;
use crate::domain::gate::AlertKind;
use crate::domain::wording::FULL_NAME_UNITS;

/// No text is longer, in UTF-16 units: a domestic gateway takes 500.
pub const MAX_TEXT_UNITS: usize = 500;
/// How many alerts of one home go into one text.
const MAX_PARTS: usize = 3;
/// The office's signature without brackets.
pub const SIGNATURE_UNITS: usize = 12;
/// A template takes under 200 instructions; more is a runaway loop.
const FUEL: u64 = 5_000;

macro_rules! house {
    ($name:literal) => {
        ($name, include_str!(concat!("../../templates/messages/zh-CN/", $name, ".j2")))
    };
}

/// The sentences around and beside the resident texts.
const HOUSE: [(&str, &str); 36] = [
    house!("frame"),
    house!("ask"),
    house!("notices/ask_back_persons"),
    house!("notices/bind_code"),
    house!("notices/bound"),
    house!("notices/countersign_due"),
    house!("notices/desk_waits"),
    house!("notices/duty_room_reminder"),
    house!("notices/exercise_stopped"),
    house!("notices/expiring"),
    house!("notices/help_received"),
    house!("notices/help_taken"),
    house!("notices/helper"),
    house!("notices/helper_declined"),
    house!("notices/helper_over"),
    house!("notices/helper_taken"),
    house!("notices/holder_check"),
    house!("notices/home_answered"),
    house!("notices/list_declined"),
    house!("notices/list_finished"),
    house!("notices/list_passed"),
    house!("notices/list_returned"),
    house!("notices/list_shared"),
    house!("notices/list_taken"),
    house!("notices/list_withdrawn"),
    house!("notices/offer"),
    house!("notices/offer_merged"),
    house!("notices/range_correction"),
    house!("notices/return_notice"),
    house!("notices/search"),
    house!("notices/split"),
    house!("notices/summons"),
    house!("notices/summons_over"),
    house!("notices/thanks"),
    house!("notices/unwoken"),
    house!("notices/woken_thanks"),
];

/// The parsed templates. Cheap to share, free of state.
pub struct Messages {
    templates: Environment<'static>,
}

impl Messages {
    /// Parses the embedded templates.
    ///
    /// # Errors
    /// [`RenderFault::Broken`] names a template that does not parse.
    pub fn embedded() -> Result<Messages, RenderFault> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        templates.set_fuel(Some(FUEL));
        let residents = TEMPLATES.iter().map(|template| (template.name, template.source));
        for (name, source) in HOUSE.into_iter().chain(residents) {
            templates.add_template(name, source).map_err(|error| broken(name, &error))?;
        }
        Ok(Messages { templates })
    }

    /// Every resident text with its variables.
    pub fn templates(&self) -> Vec<TemplateInfo> {
        TEMPLATES.to_vec()
    }

    /// Checks an author's variables against a template: before submission, and again at each
    /// rendering.
    ///
    /// # Errors
    /// The unknown template, the unknown or missing variables (with those that exist), the values
    /// that may not stand in a message: all of it at once.
    pub fn check_vars(
        &self,
        template: &str,
        vars: &BTreeMap<String, String>,
    ) -> Result<(), RenderFault> {
        check_vars(find(template)?, vars)
    }

    /// Checks that a text can ask for a demand: a 返回通知 cannot ask anybody to leave. For the
    /// draft only: at the moment of sending an odd text is better than none.
    ///
    /// # Errors
    /// [`RenderFault::DemandUnfit`] or [`RenderFault::UnknownTemplate`].
    pub fn check_demand(&self, template: &str, demand: Demand) -> Result<(), RenderFault> {
        let template = find(template)?;
        if demand > template.strongest {
            return Err(RenderFault::DemandUnfit {
                template: template.name,
                demand: demand.title_zh(),
            });
        }
        Ok(())
    }

    /// The whole SMS for one home, signature included.
    ///
    /// # Errors
    /// See [`RenderFault`]; nothing is cut or cleaned to make a text fit. Only a merged text can
    /// be [`RenderFault::TooLong`]: its parts are then sent one by one.
    pub fn resident(&self, text: &ResidentText<'_>) -> Result<String, RenderFault> {
        let parts = 1 + text.merged.len();
        if parts > MAX_PARTS {
            let field = "merged";
            return Err(RenderFault::Count { field, given: parts, least: 1, most: MAX_PARTS });
        }
        let first = MergedPart { template: text.template, vars: text.vars, demand: text.demand };
        let mut body = self.resident_body(text, &first)?;
        for part in text.merged {
            body.push_str("另：");
            body.push_str(&self.resident_body(text, part)?);
        }
        let highest = text.merged.iter().map(|part| part.demand).fold(text.demand, Demand::max);
        let ask = self.ask(highest, text.audience)?;
        // A correction says its own time, and is no update.
        let update = match text.version {
            0 | 1 => String::new(),
            _ if text.template == CORRECTION => String::new(),
            _ => say_clock(text.issued_at_ms),
        };
        self.frame(text.signature, text.kind, &update, &body, &ask)
    }

    /// What a text tells one home, without signature and menu: for a page that has its own.
    ///
    /// # Errors
    /// See [`RenderFault`].
    pub fn resident_words(&self, text: &ResidentText<'_>) -> Result<String, RenderFault> {
        let part = MergedPart { template: text.template, vars: text.vars, demand: text.demand };
        self.resident_body(text, &part)
    }

    /// The whole SMS of a notice, signature included.
    ///
    /// # Errors
    /// See [`RenderFault`]; a name from the roster that may not stand in a message is named.
    pub fn notice(
        &self,
        head: &NoticeHead<'_>,
        notice: &NoticeText<'_>,
    ) -> Result<String, RenderFault> {
        notice.check()?;
        let words = notice.context(head.now_ms);
        let words = context! { list_url => head.list_url, ..words };
        let body = self.fill(notice.template(), words)?;
        self.frame(head.signature, head.kind, "", &body, "")
    }

    /// The sentence of a notice alone, for a page.
    ///
    /// # Errors
    /// See [`RenderFault`].
    pub fn notice_words(
        &self,
        notice: &NoticeText<'_>,
        now_ms: i64,
    ) -> Result<String, RenderFault> {
        notice.check()?;
        let words = context! { list_url => "", ..notice.context(now_ms) };
        self.fill(notice.template(), words)
    }

    fn resident_body(
        &self,
        text: &ResidentText<'_>,
        part: &MergedPart<'_>,
    ) -> Result<String, RenderFault> {
        let (template, vars) = (find(part.template)?, part.vars);
        check_vars(template, vars)?;
        let relative = match text.audience {
            Audience::Household | Audience::Several(_) => "",
            Audience::AbsentRelative { name } => {
                check_wording("relative", name, FULL_NAME_UNITS)?;
                name
            }
        };
        let mut words: BTreeMap<&str, Value> = BTreeMap::new();
        for variable in template.variables {
            let value = vars.get(variable.name).map_or("", String::as_str);
            words.insert(variable.name, Value::from(value));
        }
        // A later version names its time at the very beginning already, unless it is a correction.
        let stamp = match text.version {
            0 | 1 => say_clock(text.issued_at_ms),
            _ if template.name == CORRECTION => say_clock(text.issued_at_ms),
            _ => String::new(),
        };
        words.insert("stamp", Value::from(stamp));
        words.insert("demand", Value::from(part.demand.word()));
        words.insert("relative", Value::from(relative));
        words.insert("colour_apart", Value::from(colour_apart(vars)?));
        self.fill(template.name, Value::from_pairs(words))
    }

    fn ask(&self, demand: Demand, audience: Audience<'_>) -> Result<String, RenderFault> {
        let persons = match audience {
            Audience::Several(persons) if persons > 1 => persons,
            Audience::Several(_) | Audience::Household | Audience::AbsentRelative { .. } => 0,
        };
        let menu = audience.printed_menu(demand);
        let urgent = demand.must_move();
        self.fill("ask", context! { menu, persons, demand => demand.word(), urgent })
    }

    pub(super) fn frame(
        &self,
        signature: &str,
        kind: AlertKind,
        update: &str,
        body: &str,
        ask: &str,
    ) -> Result<String, RenderFault> {
        check_wording("signature", signature, SIGNATURE_UNITS)?;
        let mark = kind.mark();
        let whole = self.fill("frame", context! { signature, mark, update, body, ask })?;
        let units = whole.encode_utf16().count();
        if units > MAX_TEXT_UNITS {
            return Err(RenderFault::TooLong { units, most: MAX_TEXT_UNITS });
        }
        Ok(whole)
    }

    pub(super) fn fill(&self, name: &str, words: Value) -> Result<String, RenderFault> {
        let filled = self.templates.get_template(name).and_then(|known| known.render(words));
        filled.map_err(|error| broken(name, &error))
    }
}

fn broken(template: &str, error: &minijinja::Error) -> RenderFault {
    RenderFault::Broken { template: template.into(), reason: error.to_string() }
}

fn find(name: &str) -> Result<&'static TemplateInfo, RenderFault> {
    catalog::find(name).ok_or_else(|| RenderFault::UnknownTemplate {
        name: name.into(),
        known: TEMPLATES.iter().map(|template| template.name).collect(),
    })
}

fn check_vars(
    template: &'static TemplateInfo,
    vars: &BTreeMap<String, String>,
) -> Result<(), RenderFault> {
    let (name, known) = (template.name, template.variable_names());
    let mut faults = Vec::new();
    let unknown = vars.keys().filter(|key| !known.contains(&key.as_str()));
    let names: Vec<String> = unknown.cloned().collect();
    if !names.is_empty() {
        let known = known.clone();
        faults.push(RenderFault::UnknownVariables { template: name, names, known });
    }
    let missing = template.variables.iter().filter(|v| v.required && !vars.contains_key(v.name));
    let names: Vec<String> = missing.map(|variable| variable.name.to_owned()).collect();
    if !names.is_empty() {
        faults.push(RenderFault::MissingVariables { template: name, names, known });
    }
    for variable in template.variables {
        let Some(value) = vars.get(variable.name) else {
            continue;
        };
        if value.is_empty() && !variable.required {
            continue;
        }
        let own = template.origin == Origin::Own;
        let checked = check_wording(variable.name, value, variable.max_units)
            .and_then(|()| if own { check_colourless(variable.name, value) } else { Ok(()) });
        faults.extend(checked.err());
    }
    faults.extend(colour_apart(vars).err());
    match faults.len() {
        0 => Ok(()),
        1 => Err(faults.remove(0)),
        _ => Err(RenderFault::Several(faults)),
    }
}

fn colour_apart(vars: &BTreeMap<String, String>) -> Result<bool, RenderFault> {
    let word = |name: &str| vars.get(name).map_or("", String::as_str);
    match word("colour") {
        "" => Ok(false),
        colour => colour_stands_apart(colour, word("title")),
    }
}

#[cfg(test)]
mod tests;
