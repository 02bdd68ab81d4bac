//! Pages from `templates/pages/`, parsed once: HTML-escaped, strict about what is missing, bounded
//! in work. Also the stylesheet, the script and the icon they share. What stands on a page is
//! `web`'s; nothing here knows a request.

mod escape;
mod filters;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use sha2::{Digest, Sha256};

use super::fault::RenderFault;
use crate::base::limits::PAGE_BYTES;

pub use minijinja::{Value, context};

/// A document as a template reads it.
pub fn document(whole: &serde_json::Value) -> Value {
    minijinja::value::Serde(whole).into()
}

/// A page of 500 rows takes under 100,000 instructions; more is a runaway loop.
const FUEL: u64 = 2_000_000;

macro_rules! page {
    ($name:literal) => {
        (
            concat!($name, ".html"),
            include_str!(concat!("../../templates/pages/zh-CN/", $name, ".html")),
        )
    };
}

macro_rules! asset {
    ($name:literal) => {
        include_str!(concat!("../../templates/pages/assets/", $name))
    };
}

/// Every page and part of one, a line each.
const PAGES: &[(&str, &str)] = &[
    page!("account"),
    page!("accounts"),
    page!("alert_approve"),
    page!("alert_discard"),
    page!("alert_end"),
    page!("alert_extend"),
    page!("alert_first"),
    page!("alert_form"),
    page!("alert_narrow"),
    page!("alert_roll"),
    page!("alert_sketch"),
    page!("alert_tree"),
    page!("alert_withdraw"),
    page!("alerts"),
    page!("base"),
    page!("board"),
    page!("board_live"),
    page!("desk"),
    page!("fault"),
    page!("home"),
    page!("link_gone"),
    page!("link_preview"),
    page!("link_shown"),
    page!("list"),
    page!("login"),
    page!("me"),
    page!("place_field"),
    page!("resident"),
    page!("round"),
    page!("round_door"),
    page!("setup"),
];

/// The one stylesheet, in parts: a page with much of its own adds a part.
const STYLES: &[&str] = &[
    asset!("frame.css"),
    asset!("home.css"),
    asset!("links.css"),
    asset!("orders.css"),
    asset!("board.css"),
];

/// The one script, in parts. Every page works without it.
const SCRIPTS: &[&str] = &[
    asset!("frame.js"),
    asset!("links.js"),
    asset!("orders.js"),
    asset!("board.js"),
    asset!("desk.js"),
];

const ICON: &str = asset!("icon.svg");

/// What a browser fetches once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    Style,
    Script,
    Icon,
}

impl Asset {
    /// Every asset.
    pub const ALL: [Asset; 3] = [Asset::Style, Asset::Script, Asset::Icon];

    /// Its name behind the version.
    pub fn name(self) -> &'static str {
        match self {
            Asset::Style => "page.css",
            Asset::Script => "page.js",
            Asset::Icon => "icon.svg",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Asset::Style => "text/css; charset=utf-8",
            Asset::Script => "text/javascript; charset=utf-8",
            Asset::Icon => "image/svg+xml",
        }
    }

    /// The inverse of [`Asset::name`].
    pub fn from_name(name: &str) -> Option<Asset> {
        Asset::ALL.into_iter().find(|asset| asset.name() == name)
    }
}

/// The parsed pages. Cheap to share, free of state.
pub struct Pages {
    pages: Environment<'static>,
    style: String,
    script: String,
    version: String,
}

impl Pages {
    /// Parses the embedded pages.
    ///
    /// # Errors
    /// [`RenderFault::Broken`] names a page that does not parse.
    pub fn embedded() -> Result<Pages, RenderFault> {
        let mut pages = Environment::new();
        pages.set_undefined_behavior(UndefinedBehavior::Strict);
        pages.set_auto_escape_callback(|_| AutoEscape::Html);
        pages.set_fuel(Some(FUEL));
        pages.set_formatter(escape::write);
        filters::add(&mut pages);
        for (name, source) in PAGES {
            pages.add_template(name, source).map_err(|error| broken(name, &error))?;
        }
        let (style, script) = (STYLES.concat(), SCRIPTS.concat());
        let digest =
            Sha256::new().chain_update(&style).chain_update(&script).chain_update(ICON).finalize();
        let version = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Pages { pages, style, script, version })
    }

    /// A whole page.
    ///
    /// # Errors
    /// [`RenderFault::Broken`]: the page does not exist, or lacks a word it needs.
    pub fn render(&self, name: &str, words: Value) -> Result<String, RenderFault> {
        let filled = self.pages.get_template(name).and_then(|page| page.render(words));
        let whole = filled.map_err(|error| broken(name, &error))?;
        if whole.len() > PAGE_BYTES {
            tracing::warn!(page = name, bytes = whole.len(), "a page is larger than it may be");
        }
        Ok(whole)
    }

    /// The body of an asset.
    pub fn asset(&self, asset: Asset) -> &str {
        match asset {
            Asset::Style => &self.style,
            Asset::Script => &self.script,
            Asset::Icon => ICON,
        }
    }

    /// Changes whenever an asset does.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where an asset is fetched.
    pub fn path(&self, asset: Asset) -> String {
        format!("/assets/{}/{}", self.version, asset.name())
    }
}

fn broken(page: &str, error: &minijinja::Error) -> RenderFault {
    // The chain names the page and the line in which an included one broke.
    RenderFault::Broken { template: page.into(), reason: format!("{error:#}") }
}

#[cfg(test)]
mod tests;
