//! Texts against templates that a vendor has approved. The settings repeat each template word for
//! word; a text fits if the template with some values is exactly that text, so what the vendor
//! sends is what was ordered, character for character. Nothing is cut, padded or replaced: a text
//! that no template makes is not sent by this gateway. Forbidden words are the vendor's to judge.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;

use super::answer::{later, mainland, mainland_all, one_text};
use super::opening::Opening;
use super::registry::SettingsFault;
use super::{Call, Message, RequestFault};
use crate::domain::outcome::Outcome;

/// The code of an outcome where no template makes the text.
pub(super) const NO_TEMPLATE: &str = "no_template";
const TEMPLATE_LIMIT: usize = 200;
const VARIABLE_LIMIT: usize = 20;
/// Signature and text together, at all these vendors.
const TEXT_CHARS: usize = 500;

/// One approved template, as the settings name it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSettings {
    /// The vendor's name for it.
    pub code: String,
    /// The approved signature that goes with it, without brackets: the vendor puts it in front.
    pub sign: String,
    /// The text as approved, with its variables and without the signature.
    pub text: String,
    /// The longest value of a variable, where the vendor has lifted the usual limit.
    pub variable_chars: Option<usize>,
}

/// How a vendor writes a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// `${name}`
    Dollar,
    /// `${NUM_8}`: a kind, not a name; values go by their places.
    Typed,
    /// `{1}`, `{2}` … in order.
    Number,
}

/// A template made ready for matching: a beginning, then variables with what follows each.
pub(super) struct Template {
    pub(super) code: String,
    pub(super) sign: String,
    head: String,
    parts: Parts,
    variable_chars: usize,
}

/// Variables, each with the text behind it.
type Parts = Vec<(String, String)>;

/// The templates of one gateway, in the order of the settings: the first that fits is taken.
pub(super) struct Templates(Vec<Template>);

/// A text as a template makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound<'a> {
    /// The place of the template.
    pub(super) place: usize,
    /// The values of its variables, in the order of the template.
    pub(super) values: Vec<&'a str>,
}

impl Templates {
    /// Reads the settings of one gateway or names the template that cannot be bound.
    pub(super) fn new(
        opening: &Opening,
        settings: &[TemplateSettings],
        marker: Marker,
        variable_chars: usize,
    ) -> Result<Templates, SettingsFault> {
        let what = "templates: name what the vendor has approved, at most 200";
        opening.check((1..=TEMPLATE_LIMIT).contains(&settings.len()), what)?;
        let mut all = Vec::with_capacity(settings.len());
        for one in settings {
            let template = Template::new(one, marker, variable_chars);
            let named = |why| opening.fault(format!("template {:?}: {why}", one.code));
            all.push(template.map_err(named)?);
        }
        Ok(Templates(all))
    }

    /// The template that makes this text, with its values, or the outcome of a text without one.
    pub(super) fn bind<'a>(&self, text: &'a str) -> Result<Bound<'a>, Outcome> {
        if text.chars().count() > TEXT_CHARS {
            return Err(later("text_too_long", None));
        }
        let mut places = self.0.iter().enumerate();
        let bound = places.find_map(|(place, template)| {
            template.bind(text).map(|values| Bound { place, values })
        });
        bound.ok_or_else(|| later(NO_TEMPLATE, None))
    }

    /// The lot of a message whose call has one template with one set of values: its text.
    pub(super) fn lot(&self, message: &Message) -> Result<String, Outcome> {
        mainland(&message.to)?;
        self.bind(&message.text)?;
        Ok(message.text.clone())
    }

    /// The template of such a call, with its values.
    pub(super) fn of_lot<'a>(
        &self,
        call: &Call<'a>,
    ) -> Result<(&Template, Vec<&'a str>), RequestFault> {
        one_text(call)?;
        mainland_all(call.all)?;
        let bound = self.bind(&call.first.text)?;
        let template = self.get(bound.place).ok_or(RequestFault::Empty)?;
        Ok((template, bound.values))
    }

    pub(super) fn get(&self, place: usize) -> Option<&Template> {
        self.0.get(place)
    }
}

impl Template {
    fn new(
        settings: &TemplateSettings,
        marker: Marker,
        variable_chars: usize,
    ) -> Result<Template, &'static str> {
        let plain = |text: &str| !text.is_empty() && text.len() <= 64;
        if !plain(&settings.code) || !settings.code.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("code: the vendor's name of the template");
        }
        if !plain(&settings.sign) || settings.sign.contains(['【', '】']) {
            return Err("sign: the approved signature, without its brackets");
        }
        if settings.text.starts_with(&format!("【{}】", settings.sign)) {
            return Err("text: without the signature, which the vendor puts in front");
        }
        let size = settings.text.chars().count();
        if size == 0 || size > TEXT_CHARS {
            return Err("text: as approved, at most 500 characters");
        }
        let variable_chars = settings.variable_chars.unwrap_or(variable_chars);
        if !(1..=TEXT_CHARS).contains(&variable_chars) {
            return Err("variable_chars: 1 to 500");
        }
        let (head, parts) = split(&settings.text, marker)?;
        let (code, sign) = (settings.code.clone(), settings.sign.clone());
        Ok(Template { code, sign, head, parts, variable_chars })
    }

    /// The names of the variables, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(name, _)| name.as_str())
    }

    /// The values with which this template is the text.
    fn bind<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let rest = text.strip_prefix('【')?.strip_prefix(self.sign.as_str())?;
        let rest = rest.strip_prefix('】')?.strip_prefix(self.head.as_str())?;
        let mut values = Vec::with_capacity(self.parts.len());
        self.take(rest, &mut values, &mut HashSet::new()).then_some(values)
    }

    /// Gives the next variable the shortest value with which the rest fits too. Where it once
    /// failed it is not tried again: the time is bounded by the sizes, not by their powers.
    fn take<'a>(
        &self,
        rest: &'a str,
        values: &mut Vec<&'a str>,
        failed: &mut HashSet<(usize, usize)>,
    ) -> bool {
        let at = values.len();
        let Some((_, literal)) = self.parts.get(at) else {
            return rest.is_empty();
        };
        if failed.contains(&(at, rest.len())) {
            return false;
        }
        let ends = rest.char_indices().map(|(end, _)| end).chain([rest.len()]);
        for end in ends.skip(1).take(self.variable_chars) {
            let (value, after) = rest.split_at(end);
            if let Some(after) = after.strip_prefix(literal.as_str()) {
                values.push(value);
                if self.take(after, values, failed) {
                    return true;
                }
                values.pop();
            }
        }
        failed.insert((at, rest.len()));
        false
    }
}

/// The text before the first variable, and each variable with the text behind it.
fn split(text: &str, marker: Marker) -> Result<(String, Parts), &'static str> {
    let open = match marker {
        Marker::Dollar | Marker::Typed => "${",
        Marker::Number => "{",
    };
    let mut pieces = text.split(open);
    let head = pieces.next().unwrap_or_default().to_owned();
    let mut parts: Parts = Vec::new();
    let mut names = BTreeSet::new();
    for piece in pieces {
        let (name, literal) = piece.split_once('}').ok_or("text: a variable without its end")?;
        let fit = match marker {
            Marker::Dollar | Marker::Typed => {
                let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                (1..=32).contains(&name.len()) && name.bytes().all(letter)
            }
            Marker::Number => name == (parts.len() + 1).to_string(),
        };
        if !fit {
            return Err("text: a variable is ${name}, at Tencent {1}, {2} … in order");
        }
        if parts.last().is_some_and(|(_, literal)| literal.is_empty()) {
            return Err("text: two variables side by side: nobody can tell where one ends");
        }
        if !names.insert(name) && marker == Marker::Dollar {
            return Err("text: a variable stands twice in it");
        }
        parts.push((name.to_owned(), literal.to_owned()));
    }
    if parts.len() > VARIABLE_LIMIT {
        return Err("text: more than 20 variables");
    }
    Ok((head, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lane::Realm;
    use proptest::prelude::*;

    fn opening() -> Opening<'static> {
        Opening::new("a", Realm::Live, &[])
    }

    fn one(text: &str) -> TemplateSettings {
        TemplateSettings {
            code: "SMS_1".into(),
            sign: "余姚市防指".into(),
            text: text.into(),
            variable_chars: None,
        }
    }

    fn templates(texts: &[&str], marker: Marker) -> Result<Templates, SettingsFault> {
        let settings: Vec<_> = texts.iter().map(|text| one(text)).collect();
        Templates::new(&opening(), &settings, marker, 35)
    }

    #[test]
    fn a_text_is_what_its_template_makes_of_its_values() {
        let texts = ["${time}前请离家到${place}。收到回1", "请${what}", "到${a}。${b}。回1"];
        let all = templates(&texts, Marker::Dollar).unwrap();
        let bind = |text: &str| all.bind(text).map(|b| (b.place, b.values.join("|")));
        let text = "【余姚市防指】3点前请离家到四明小学。收到回1";
        assert_eq!(bind(text), Ok((0, "3点|四明小学".into())));
        assert_eq!(bind("【余姚市防指】请在家等通知"), Ok((1, "在家等通知".into())));
        // A shorter first value would leave the second too long or nothing at all.
        let stops = "【余姚市防指】到一。二。三。回1";
        assert_eq!(bind(stops), Ok((2, "一|二。三".into())));
        assert_eq!(all.get(0).unwrap().names().collect::<Vec<_>>(), ["time", "place"]);
        for astray in [
            "3点前请离家到四明小学。收到回1",
            "【余姚市防办】请在家等通知",
            "【余姚市防指】前请离家到四明小学。收到回1",
            "【余姚市防指】3点前请离家到四明小学。收到回1。",
            "【余姚市防指】【演练】3点前请离家到四明小学。收到回1 ",
            "【余姚市防指】请",
            "",
        ] {
            assert_eq!(bind(astray).unwrap_err().detail(), NO_TEMPLATE, "{astray}");
        }
        let long = format!("【余姚市防指】请{}", "水".repeat(36));
        assert_eq!(bind(&long).unwrap_err().detail(), NO_TEMPLATE, "35 characters a variable");
        let huge = format!("【余姚市防指】请{}", "水".repeat(500));
        assert_eq!(bind(&huge).unwrap_err().detail(), "text_too_long");
    }

    #[test]
    fn a_lifted_limit_lets_a_whole_text_through() {
        let free = TemplateSettings { variable_chars: Some(500), ..one("${text}") };
        let all = Templates::new(&opening(), &[free], Marker::Dollar, 35).unwrap();
        let text = format!("【余姚市防指】{}", "水".repeat(200));
        assert_eq!(all.bind(&text).unwrap().values, ["水".repeat(200)]);
    }

    #[test]
    fn what_cannot_be_bound_is_refused_by_name() {
        for (text, marker, why) in [
            ("${a}${b}", Marker::Dollar, "side by side"),
            ("到${a}，从${a}", Marker::Dollar, "twice"),
            ("到${地点}", Marker::Dollar, "a variable is"),
            ("到${a", Marker::Dollar, "without its end"),
            ("到{2}", Marker::Number, "in order"),
            ("到{1}，到{1}", Marker::Number, "in order"),
            ("", Marker::Number, "as approved"),
            ("【余姚市防指】到{1}", Marker::Number, "without the signature"),
        ] {
            let fault = templates(&[text], marker).err().unwrap().to_string();
            assert!(fault.contains(why) && fault.contains("SMS_1"), "{text}: {fault}");
        }
        assert!(templates(&[], Marker::Dollar).is_err());
        assert!(templates(&["从${TXT_20}到${TXT_20}"], Marker::Typed).is_ok());
        for bad in [
            TemplateSettings { sign: "【余姚】".into(), ..one("请") },
            TemplateSettings { sign: "".into(), ..one("请") },
            TemplateSettings { code: "模板".into(), ..one("请") },
            TemplateSettings { variable_chars: Some(0), ..one("请") },
        ] {
            assert!(
                Templates::new(&opening(), std::slice::from_ref(&bad), Marker::Dollar, 35).is_err(),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_bound_text_comes_back_whole(text in "[a1。请]{0,60}") {
            let all = templates(&["${x}1${y}。${z}a", "请${x}a${y}"], Marker::Dollar).unwrap();
            let text = format!("【余姚市防指】{text}");
            if let Ok(bound) = all.bind(&text) {
                let v = &bound.values;
                let made = match bound.place {
                    0 => format!("【余姚市防指】{}1{}。{}a", v[0], v[1], v[2]),
                    _ => format!("【余姚市防指】请{}a{}", v[0], v[1]),
                };
                prop_assert_eq!(&made, &text);
                prop_assert!(v.iter().all(|value| !value.is_empty()));
            }
        }
    }
}
