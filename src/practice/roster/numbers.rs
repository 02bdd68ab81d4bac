//! Telephone numbers nobody can own, each given once. Dead ones, and only they, end with
//! [`DEAD_ENDING`], so that a practice gateway can tell them without a list.

use crate::base::phone::Phone;

/// The last digits of a dead mobile number; set it in the practice gateway's `dead_numbers`.
pub const DEAD_ENDING: &str = "99";

const LIVE: u64 = 99_000_000;
const DEAD: u64 = 1_000_000;
const WIRED: u64 = 10_000_000;

/// The numbers given so far, counted. Steps are prime to the ranges, so a number comes again only
/// after the whole range (more than any town needs).
pub struct Numbers {
    offset: u64,
    live: u64,
    dead: u64,
    wired: u64,
}

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers { offset: seed % LIVE, live: 0, dead: 0, wired: 0 }
    }

    /// A mobile behind which somebody is.
    pub fn live(&mut self) -> Phone {
        self.live += 1;
        let at = (self.live * 61_803_401 + self.offset) % LIVE;
        practice((at / 99) * 100 + at % 99)
    }

    /// A mobile out of service.
    pub fn dead(&mut self) -> Phone {
        self.dead += 1;
        practice(((self.dead * 618_031 + self.offset) % DEAD) * 100 + 99)
    }

    /// A landline.
    pub fn wired(&mut self) -> Phone {
        self.wired += 1;
        let at = (self.wired * 6_180_341 + self.offset) % WIRED;
        Phone::practice_landline(u32::try_from(at).unwrap_or(0))
    }
}

fn practice(n: u64) -> Phone {
    Phone::practice_mobile(u32::try_from(n).unwrap_or(0))
}

/// Whether a practice number is one of the dead.
pub fn is_dead(phone: &Phone) -> bool {
    phone.takes_sms() && phone.e164().ends_with(DEAD_ENDING)
}
