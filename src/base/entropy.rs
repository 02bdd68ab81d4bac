//! Randomness that is passed in: seeded for stories and the simulation, from the system for
//! production. No distribution but the flat one.

use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use uuid::Uuid;

/// A source of random numbers shared by the steps of one process.
pub struct Entropy(Mutex<StdRng>);

impl Entropy {
    /// The same numbers for the same seed.
    pub fn seeded(seed: u64) -> Entropy {
        Entropy(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// Seeded by the operating system.
    pub fn system() -> Entropy {
        Entropy(Mutex::new(StdRng::from_os_rng()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut StdRng) -> T) -> T {
        let mut rng = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        act(&mut rng)
    }

    /// A flat number below `limit` (0 where the limit is not positive).
    pub fn below(&self, limit: i64) -> i64 {
        if limit <= 0 {
            return 0;
        }
        let raw = self.with(|rng| rng.next_u64()) % limit.unsigned_abs();
        i64::try_from(raw).unwrap_or(0)
    }

    /// `value` ± a fifth of it: so that retries of many processes do not march in step.
    pub fn jitter(&self, value_ms: i64) -> i64 {
        value_ms - value_ms / 5 + self.below(value_ms / 5 * 2 + 1)
    }

    /// Random bytes, for keys and nonces.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.with(|rng| rng.fill_bytes(&mut out));
        out
    }

    /// A UUIDv7 for the outside: sortable by `now_ms`.
    pub fn uuid(&self, now_ms: i64) -> String {
        let noise: [u8; 10] = self.bytes();
        let at_ms = u64::try_from(now_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(at_ms, &noise).into_uuid().to_string()
    }
}

/// Whether a text is one of our outside ids.
pub fn is_uuid(text: &str) -> bool {
    Uuid::parse_str(text).is_ok()
}
