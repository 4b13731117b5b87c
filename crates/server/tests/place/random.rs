//! Random choices that can be had again.

/// SplitMix64: small, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Of `GREFFE_TEST_SEED`, else a new one. It is printed, so that a failure can be played again.
    pub fn seeded() -> Self {
        let given = std::env::var("GREFFE_TEST_SEED").ok();
        let seed = match given.map(|text| text.parse()) {
            Some(seed) => seed.unwrap(),
            None => uuid::Uuid::new_v4().as_u64_pair().0,
        };
        println!("GREFFE_TEST_SEED={seed}");
        Self(seed)
    }

    /// What it begins with, or goes on with: the same gives the same choices.
    pub fn state(&self) -> u64 {
        self.0
    }

    /// One of the items.
    pub fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.within(0..items.len() as u64) as usize]
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `range`.
    pub fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// An independent source.
    pub fn branch(&mut self) -> Self {
        Self(self.next())
    }
}
