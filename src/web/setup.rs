//! Whether `/setup` stands: while there is no account, for whoever has the code this process
//! printed. Used, guessed at too often, or with an account made elsewhere, it is gone.

use std::sync::{Mutex, PoisonError};

use crate::base::limits::SETUP_GUESSES;
use crate::domain::setup_code::SetupCode;
use crate::engine::{Engine, EngineFault};

/// The code while it is good, with the guesses left.
pub(super) struct Setup(Mutex<Option<(SetupCode, u32)>>);

impl Setup {
    pub(super) fn new(code: Option<SetupCode>) -> Setup {
        Setup(Mutex::new(code.map(|code| (code, SETUP_GUESSES))))
    }

    /// Whether the first administrator can still be made here.
    pub(super) async fn is_open(&self, engine: &Engine) -> Result<bool, EngineFault> {
        let open = self.with(|code| code.is_some());
        if open && !engine.is_without_accounts().await? {
            self.close();
            return Ok(false);
        }
        Ok(open)
    }

    /// Whether this is the code; a wrong one costs a guess.
    pub(super) fn take_guess(&self, typed: &str) -> bool {
        self.with(|slot| {
            let Some((code, left)) = slot else { return false };
            if code.is(typed) {
                return true;
            }
            *left -= 1;
            tracing::warn!(left, "a wrong setup code was entered");
            if *left == 0 {
                tracing::error!("the setup code is void: restart to get another");
                *slot = None;
            }
            false
        })
    }

    pub(super) fn close(&self) {
        self.with(|code| *code = None);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<(SetupCode, u32)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
