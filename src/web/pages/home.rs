//! `/`: what is live now, what waits for me, and whether everything is ready.

use super::{PageResult, Signed};
use crate::render::pages::context;

pub(super) async fn show(page: Signed) -> PageResult {
    page.view("home.html", context! {})
}
