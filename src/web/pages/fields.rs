//! A form as it was sent, name by name. It decides nothing about what the fields mean.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::fault::PageFault;
use crate::base::limits::FORM_FIELDS;

/// The fields of a form, in their order; a name may stand several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`. None: too many fields, or a U+0000.
    pub(super) fn parse(body: &[u8]) -> Option<Fields> {
        let pairs = form_urlencoded::parse(body).into_owned();
        let fields: Vec<(String, String)> = pairs.take(FORM_FIELDS + 1).collect();
        let bad = |(name, value): &(String, String)| name.contains('\0') || value.contains('\0');
        let whole = fields.len() <= FORM_FIELDS && !fields.iter().any(bad);
        whole.then_some(Fields(fields))
    }

    /// What was written there, trimmed; None where nothing was.
    pub(in crate::web) fn maybe(&self, name: &str) -> Option<&str> {
        self.named(name).next()
    }

    /// The same where something must be written.
    pub(in crate::web) fn text(&self, name: &str) -> Result<&str, PageFault> {
        self.maybe(name).ok_or_else(|| PageFault::Form(format!("缺少“{name}”。")))
    }

    /// A secret, exactly as typed.
    pub(in crate::web) fn secret(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Everything written under a name: checked boxes, chosen rows.
    pub(in crate::web) fn all(&self, name: &str) -> Vec<&str> {
        self.named(name).collect()
    }

    fn named<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether a box was checked.
    #[allow(dead_code, reason = "for the forms that come next")]
    pub(in crate::web) fn has(&self, name: &str) -> bool {
        self.maybe(name).is_some()
    }

    /// A whole number, where one was written.
    pub(in crate::web) fn number(&self, name: &str) -> Result<Option<i64>, PageFault> {
        let fault = |_| PageFault::Form(format!("“{name}”应是数字。"));
        self.maybe(name).map(|text| text.parse().map_err(fault)).transpose()
    }
}

/// The form of this request. It was read by `admit`, which has checked its token.
pub(in crate::web) struct Posted(pub Arc<Fields>);

impl<S: Send + Sync> FromRequestParts<S> for Posted {
    type Rejection = PageFault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Posted, PageFault> {
        parts.extensions.get::<Arc<Fields>>().cloned().map(Posted).ok_or(PageFault::Method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_meant() {
        let form = Fields::parse("a=+1+&b=&c=x&c=%E9%93%9C&secret=+p+&n=12x".as_bytes()).unwrap();
        assert_eq!(form.number("a"), Ok(Some(1)));
        assert_eq!((form.maybe("b"), form.has("c")), (None, true));
        assert_eq!(form.all("c"), ["x", "铜"]);
        assert_eq!(form.secret("secret"), " p ");
        assert!(matches!(form.text("b"), Err(PageFault::Form(_))));
        assert!(matches!(form.number("n"), Err(PageFault::Form(_))));
    }

    #[test]
    fn nul_and_endless_forms_are_refused() {
        assert_eq!(Fields::parse(b"a=%00"), None);
        assert_eq!(Fields::parse("a&".repeat(FORM_FIELDS + 1).as_bytes()), None);
        assert!(Fields::parse("a&".repeat(FORM_FIELDS).as_bytes()).is_some());
    }
}
