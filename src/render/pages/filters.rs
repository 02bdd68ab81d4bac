//! What pages say of instants, all in Beijing time: `|clock`, `|moment`, `|ago(now)`. They format;
//! which instant matters is the page's.

use minijinja::Environment;

use crate::render::time::{say_clock, say_moment, say_span};

pub(super) fn add(pages: &mut Environment<'static>) {
    pages.add_filter("clock", say_clock);
    pages.add_filter("moment", say_moment);
    pages.add_filter("span", say_span);
    pages.add_filter("ago", |at_ms: i64, now_ms: i64| {
        let gone_ms = now_ms.saturating_sub(at_ms);
        if gone_ms < 60_000 { "刚刚".to_owned() } else { format!("{}前", say_span(gone_ms)) }
    });
}
