//! A small random source written out here (SplitMix64), so that a seed gives the same town in
//! every version of every library. Not for keys.

/// A stream of numbers fixed by its seed.
pub struct Chance(u64);

impl Chance {
    /// A stream of its own for each part of the town, so that a change in one moves no other.
    pub fn new(seed: u64, part: u64) -> Chance {
        let mut chance = Chance(seed ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Flat in `from..=to`; `from` where the range is empty.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        let span = to.saturating_sub(from).max(0).unsigned_abs() + 1;
        from + i64::try_from(self.next() % span).unwrap_or(0)
    }

    /// True in `permille` of 1,000 cases.
    pub fn in_1000(&mut self, permille: i64) -> bool {
        self.between(0, 999) < permille
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let last = i64::try_from(items.len()).unwrap_or(1) - 1;
        let at = usize::try_from(self.between(0, last)).unwrap_or(0);
        &items[at]
    }

    /// One of `items` by weight; the first where all weights are zero.
    pub fn weigh<T: Copy>(&mut self, items: &[(i64, T)]) -> T {
        let mut left = self.between(0, items.iter().map(|(weight, _)| weight).sum::<i64>() - 1);
        for (weight, item) in items {
            if left < *weight {
                return *item;
            }
            left -= weight;
        }
        items[0].1
    }
}
