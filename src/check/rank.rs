//! Whether two lists of times differ, by the rank test of Mann and Whitney (1947), in plain code. Ranks do not mind the
//! few times that are far too long, which is how the times of servers are.

/// Below this probability something is taken for more than chance.
const CHANCE: f64 = 0.001;

/// What two lists of times show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Compared {
    /// The second takes longer by this much, or less long where it is negative.
    Different(f64),
    /// They do not differ by more than what was asked.
    Alike,
    /// Neither can be told: there are too few times, or too much noise.
    Unclear,
}

/// Compares two lists of times, in milliseconds. They differ when chance explains it in less than one case of a
/// thousand and the medians are further apart than `above`; they are alike when a difference of `above` is ruled out by
/// the same test, either way.
pub(super) fn compare(there: &[f64], here: &[f64], above: f64) -> Compared {
    let gap = median(here) - median(there);
    let shifted = |times: &[f64]| times.iter().map(|t| t + above).collect::<Vec<_>>();
    if two_sided(there, here) < CHANCE && gap.abs() > above {
        return Compared::Different(gap);
    }
    let ruled_out = |less: &[f64], more: &[f64]| is_less(less, &shifted(more)) < CHANCE;
    if ruled_out(here, there) && ruled_out(there, here) { Compared::Alike } else { Compared::Unclear }
}

/// The middle of a list of times; of two in the middle, the mean.
pub(super) fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (0, 0) => 0.0,
        (half, 0) => f64::midpoint(sorted[half - 1], sorted[half]),
        (half, _) => sorted[half],
    }
}

/// How probable it is that chance alone makes two lists differ as much as these, either way.
pub(super) fn two_sided(a: &[f64], b: &[f64]) -> f64 {
    let Some((off, spread)) = rank_sum(a, b) else { return 1.0 };
    let z = (off.abs() - 0.5).max(0.0) / spread;
    erfc(z / std::f64::consts::SQRT_2).min(1.0)
}

/// How probable it is that chance alone makes the first list as much less than the second.
fn is_less(a: &[f64], b: &[f64]) -> f64 {
    let Some((off, spread)) = rank_sum(a, b) else { return 1.0 };
    let z = (-off - 0.5) / spread;
    erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// How far the statistic U of the first list is from what chance would give, and the spread of that; values that are
/// equal share their rank. Nothing where there is nothing to rank.
#[expect(clippy::cast_precision_loss, reason = "lists of times are short")]
fn rank_sum(first: &[f64], second: &[f64]) -> Option<(f64, f64)> {
    let mut all: Vec<(f64, bool)> =
        first.iter().map(|t| (*t, true)).chain(second.iter().map(|t| (*t, false))).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (n, m, both) = (first.len() as f64, second.len() as f64, all.len() as f64);
    let (mut ranks, mut ties) = (0.0, 0.0);
    for same in all.chunk_by(|x, y| x.0.total_cmp(&y.0).is_eq()) {
        let before = all.partition_point(|x| x.0.total_cmp(&same[0].0).is_lt()) as f64;
        let size = same.len() as f64;
        ranks += same.iter().filter(|(_, is_first)| *is_first).count() as f64 * (before + f64::midpoint(size, 1.0));
        ties += size.powi(3) - size;
    }
    let u = ranks - n * (n + 1.0) / 2.0;
    let spread = (n * m / 12.0 * ((both + 1.0) - ties / (both * (both - 1.0)))).sqrt();
    (n > 0.0 && m > 0.0 && spread > 0.0).then(|| (u - n * m / 2.0, spread))
}

/// The complementary error function, to seven places (Abramowitz and Stegun, 7.1.26).
fn erfc(x: f64) -> f64 {
    const A: [f64; 5] = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let tail = A.iter().rev().fold(0.0, |sum, a| (sum + a) * t) * (-x * x).exp();
    if x < 0.0 { 2.0 - tail } else { tail }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Numbers that are always the same and look like chance (xorshift).
    pub(in super::super) struct Chance(pub(in super::super) u64);

    impl Chance {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
        fn next(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// The time of an answer: a base, some noise, and now and then a pause of hundreds of milliseconds.
        fn time(&mut self, base: f64, noise: f64) -> f64 {
            let pause = if self.next() < 0.08 { 400.0 * self.next() } else { 0.0 };
            base - noise * (1.0 - self.next()).ln() + pause
        }

        pub(in super::super) fn times(&mut self, number: usize, base: f64, noise: f64) -> Vec<f64> {
            (0..number).map(|_| self.time(base, noise)).collect()
        }
    }

    #[test]
    fn published_values_come_out() {
        // The ages of people at a diagnosis, of the manual of SciPy: U = 17, p = 0.11134688653314041.
        let (men, women) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
        let (off, _) = rank_sum(&men, &women).unwrap();
        assert!((off - (17.0 - 10.0)).abs() < 1e-9);
        assert!((two_sided(&men, &women) - 0.111_346_886_533).abs() < 1e-6);
        // Hollander and Wolfe, permeability of membranes: W = 35.
        let x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let y = [1.15, 0.88, 0.90, 0.74, 1.21];
        assert!((rank_sum(&x, &y).unwrap().0 - (35.0 - 25.0)).abs() < 1e-9);
        // Of the normal distribution.
        for (z, p) in [(0.0, 1.0), (1.0, 0.317_310_508), (1.959_963_985, 0.05), (3.290_526_731, 0.001)] {
            assert!((erfc(z / std::f64::consts::SQRT_2) - p).abs() < 3e-7, "{z}");
        }
        assert!((erfc(-1.0) - 1.842_700_793).abs() < 3e-7);
    }

    #[test]
    fn ties_share_their_rank_and_what_is_all_the_same_says_nothing() {
        assert!((rank_sum(&[1.0, 2.0], &[2.0, 3.0]).unwrap().0 - (0.5 - 2.0)).abs() < 1e-9);
        assert!((two_sided(&[5.0; 20], &[5.0; 20]) - 1.0).abs() < 1e-9);
        assert!((two_sided(&[], &[1.0]) - 1.0).abs() < 1e-9);
        assert_eq!(compare(&[], &[], 30.0), Compared::Unclear);
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9 && (median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_difference_is_seen_either_way_and_small_ones_are_none() {
        let mut chance = Chance(7);
        for _ in 0..50 {
            let (quick, slow) = (chance.times(20, 10.0, 5.0), chance.times(20, 90.0, 5.0));
            assert!(matches!(compare(&quick, &slow, 30.0), Compared::Different(by) if by > 60.0));
            assert!(matches!(compare(&slow, &quick, 30.0), Compared::Different(by) if by < -60.0));
            // Far from chance, and nothing that anybody could use over a network.
            let (quick, slow) = (chance.times(40, 10.0, 2.0), chance.times(40, 18.0, 2.0));
            assert!(two_sided(&quick, &slow) < 0.001);
            assert_eq!(compare(&quick, &slow, 30.0), Compared::Alike);
        }
    }

    #[test]
    fn noise_is_hardly_ever_taken_for_a_difference() {
        let mut chance = Chance(2_026);
        let (mut alike, mut different) = (0, 0);
        for round in 0..3_000 {
            let noise = f64::from(round % 60);
            match compare(&chance.times(20, 12.0, noise), &chance.times(20, 12.0, noise), 30.0) {
                Compared::Different(_) => different += 1,
                Compared::Alike => alike += 1,
                Compared::Unclear => {}
            }
        }
        assert!(alike > 1_000 && different <= 9, "{alike} {different}");
    }

    proptest::proptest! {
        #[test]
        fn a_probability_is_one(a in proptest::collection::vec(0.0..1e4_f64, 0..30), b in proptest::collection::vec(0.0..1e4_f64, 0..30)) {
            let p = two_sided(&a, &b);
            proptest::prop_assert!((0.0..=1.0).contains(&p));
            proptest::prop_assert!((p - two_sided(&b, &a)).abs() < 1e-9);
        }
    }
}
