//! The order in which suites and cases start.
//!
//! Whoever hunts what depends on the order has it shuffled: by the same seed in the same way. What a suite puts in order
//! itself keeps it: steps, the cases of a `serial` suite, the waves of a matrix and the refusals that go first in a row.

/// The order in which suites and cases start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// That of the files.
    Written,
    /// Any, by this seed.
    Shuffled(u64),
}

impl Order {
    /// Puts numbers in order.
    pub(super) fn of(self, numbers: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut all: Vec<usize> = numbers.collect();
        all.sort_by_key(|number| self.rank(*number));
        all
    }

    /// The place of a number among others.
    pub(super) const fn rank(self, number: usize) -> u64 {
        match self {
            Self::Written => number as u64,
            Self::Shuffled(seed) => mixed(mixed(seed).wrapping_add(number as u64)),
        }
    }
}

/// Scatters numbers that lie side by side, no two to the same place (Steele and others, "Fast splittable pseudorandom
/// number generators", 2014).
const fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_order_and_another_seed_another() {
        let of = |order: Order| order.of(0..50);
        assert_eq!(of(Order::Written), (0..50).collect::<Vec<_>>());
        let seeds: Vec<Vec<usize>> = (0..20).map(|seed| of(Order::Shuffled(seed))).collect();
        for (i, one) in seeds.iter().enumerate() {
            assert_eq!(*one, of(Order::Shuffled(i as u64)), "again");
            assert!(seeds[..i].iter().all(|other| other != one), "{i} is like another one");
            let mut sorted = one.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, of(Order::Written), "each of them once");
        }
        // Each comes first sooner or later, so that whatever depends on it is found.
        let first: std::collections::BTreeSet<usize> = (0..200).map(|s| Order::Shuffled(s).of(0..5)[0]).collect();
        assert_eq!(first.len(), 5);
    }
}
