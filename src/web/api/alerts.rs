//! `POST /api/v1/alerts`: a draft from a form as the command line takes it.

use std::sync::Arc;

use axum::extract::State;
use serde_json::json;

use super::sent::Sent;
use super::{Answer, Bearer, give};
use crate::domain::access::Action;
use crate::engine::issue::OrderForm;
use crate::web::Face;

pub(super) async fn draft(
    State(face): State<Arc<Face>>,
    bearer: Bearer,
    Sent(form): Sent<OrderForm>,
) -> Answer {
    let uid = face.engine.draft(bearer.may(Action::DraftAlert)?, &form).await?;
    give(&json!({"alert": uid, "state": "draft"}))
}
