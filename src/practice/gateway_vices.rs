//! What a practice gateway does wrong, and how often: delays, losses, repetitions, refusals, dead
//! numbers. Values only; the gateway acts on them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Everything that can go wrong, and how often. Shares are between 0 and 1, times in story ms,
/// pairs are least and most. The default gateway is quick and honest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vices {
    /// Messages a second, with a second's worth of credit; beyond it 429.
    pub rate_per_second: Option<f64>,
    /// From the request to its answer.
    pub latency_ms: (i64, i64),
    /// From the answer to the handset, and to the receipt.
    pub receipt_delay_ms: (i64, i64),
    pub receipt_missing: f64,
    pub receipt_doubled: f64,
    /// Receipts that come before the answer to the send.
    pub receipt_early: f64,
    /// Receipts that come `receipt_late_ms` after the delivery.
    pub receipt_late: f64,
    pub receipt_late_ms: (i64, i64),
    /// Taken, but the answer never comes.
    pub timeout_taken: f64,
    /// Not taken, and no answer comes.
    pub timeout_not_taken: f64,
    /// Not taken: a server error.
    pub fail_5xx: f64,
    /// Taken, but the answer is rubbish.
    pub garbage: f64,
    /// Taken and answered for, and never heard of again: no handset, no receipt.
    pub dropped: f64,
    pub dead_numbers: DeadNumbers,
    pub seed: u64,
}

impl Default for Vices {
    fn default() -> Vices {
        Vices {
            rate_per_second: None,
            latency_ms: (0, 0),
            receipt_delay_ms: (1_000, 6_000),
            receipt_missing: 0.0,
            receipt_doubled: 0.0,
            receipt_early: 0.0,
            receipt_late: 0.0,
            receipt_late_ms: (120_000, 1_800_000),
            timeout_taken: 0.0,
            timeout_not_taken: 0.0,
            fail_5xx: 0.0,
            garbage: 0.0,
            dropped: 0.0,
            dead_numbers: DeadNumbers::default(),
            seed: 1,
        }
    }
}

impl Vices {
    /// Names the first value that cannot be meant.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("receipt_missing", self.receipt_missing),
            ("receipt_doubled", self.receipt_doubled),
            ("receipt_early", self.receipt_early),
            ("receipt_late", self.receipt_late),
            ("timeout_taken", self.timeout_taken),
            ("timeout_not_taken", self.timeout_not_taken),
            ("fail_5xx", self.fail_5xx),
            ("garbage", self.garbage),
            ("dropped", self.dropped),
            ("dead_numbers.at_call", self.dead_numbers.at_call),
        ];
        if let Some((name, _)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(format!("{name} is not between 0 and 1"));
        }
        let spans = [
            ("latency_ms", self.latency_ms),
            ("receipt_delay_ms", self.receipt_delay_ms),
            ("receipt_late_ms", self.receipt_late_ms),
        ];
        let fit = |(least, most): (i64, i64)| 0 <= least && least <= most && most <= 86_400_000;
        if let Some((name, _)) = spans.iter().find(|(_, span)| !fit(*span)) {
            return Err(format!("{name} is not [least, most] within a day"));
        }
        if self.rate_per_second.is_some_and(|rate| !(0.001..=1e9).contains(&rate)) {
            return Err("rate_per_second is not a rate".into());
        }
        Ok(())
    }
}

/// Numbers behind which nobody is: by their last digits, or one by one (E.164).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadNumbers {
    pub endings: Vec<String>,
    pub numbers: BTreeSet<String>,
    /// The share of them that is refused at the call; of the others a receipt tells.
    pub at_call: f64,
}

impl Default for DeadNumbers {
    fn default() -> DeadNumbers {
        DeadNumbers { endings: Vec::new(), numbers: BTreeSet::new(), at_call: 0.34 }
    }
}

impl DeadNumbers {
    pub fn holds(&self, to: &str) -> bool {
        self.numbers.contains(to) || self.endings.iter().any(|end| to.ends_with(end.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vices_come_from_json_and_nonsense_is_named() {
        let text = r#"{"rate_per_second":5.0,"latency_ms":[3000,3000],"receipt_early":0.5,
            "dead_numbers":{"endings":["99"]}}"#;
        let vices: Vices = serde_json::from_str(text).unwrap();
        assert_eq!(vices.check(), Ok(()));
        assert!(vices.dead_numbers.holds("+8619900000099"));
        assert!(!vices.dead_numbers.holds("+8619900000990"));
        assert!(serde_json::from_str::<Vices>(r#"{"latency":1}"#).is_err());
        for (bad, name) in [
            (Vices { receipt_early: 1.5, ..Vices::default() }, "receipt_early"),
            (Vices { fail_5xx: f64::NAN, ..Vices::default() }, "fail_5xx"),
            (Vices { latency_ms: (5, 1), ..Vices::default() }, "latency_ms"),
            (Vices { rate_per_second: Some(0.0), ..Vices::default() }, "rate_per_second"),
        ] {
            assert!(bad.check().is_err_and(|why| why.starts_with(name)), "{name}");
        }
        assert_eq!(Vices::default().check(), Ok(()));
    }
}
