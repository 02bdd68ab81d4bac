//! Who calls: the account of a token, and what the token is for.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use super::Problem;
use crate::domain::access::Action;
use crate::domain::scope::{OutOfScope, Scopes};
use crate::engine::issue::Actor;
use crate::web::Face;

/// Longest token looked up.
const TOKEN_BYTES: usize = 128;

/// Whoever holds a good token.
pub(in crate::web) struct Bearer {
    actor: Actor,
    scopes: Scopes,
}

impl Bearer {
    /// The actor, where the token is for this; where he may do it is the engine's to judge.
    pub(in crate::web) fn may(&self, action: Action) -> Result<&Actor, OutOfScope> {
        self.scopes.allow(action).map(|()| &self.actor)
    }

    /// Whose token it is, to be told so.
    pub(super) fn name(&self) -> &str {
        &self.actor.name
    }

    pub(super) fn account_id(&self) -> i64 {
        self.actor.account_id
    }

    pub(super) fn scopes(&self) -> Scopes {
        self.scopes
    }
}

impl FromRequestParts<Arc<Face>> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<Face>) -> Result<Bearer, Problem> {
        let line = parts.headers.get(header::AUTHORIZATION).and_then(|line| line.to_str().ok());
        let (scheme, token) = line.and_then(|line| line.split_once(' ')).ok_or(Problem::Unknown)?;
        if !scheme.eq_ignore_ascii_case("bearer") || token.len() > TOKEN_BYTES {
            return Err(Problem::Unknown);
        }
        let found = face.engine.bearer(token).await?;
        let (actor, scopes) = found.ok_or(Problem::Unknown)?;
        Ok(Bearer { actor, scopes })
    }
}
