//! Whether two lists of times differ, by two rank tests in plain code: that of Mann and Whitney (1947) holds the lists
//! against each other, that of Wilcoxon (1945) pair by pair. Ranks do not mind the few times that are far too long, which
//! is how the times of servers are. The first sees more where times scatter by themselves, the second where a machine is
//! busy now and then: both of a pair are sent one right after the other, so that both are slow.

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

/// Compares the times of pairs, in milliseconds. They differ when by one of the tests chance explains it in less than one
/// case of a thousand and they are further apart than `above` in the middle; they are alike when one of the tests rules
/// out a difference of `above`, either way.
pub(super) fn compare(there: &[f64], here: &[f64], above: f64) -> Compared {
    let apart: Vec<f64> = there.iter().zip(here).map(|(there, here)| here - there).collect();
    let (gap, middle) = (median(here) - median(there), median(&apart));
    if two_sided(rank_sum(there, here)) < CHANCE && gap.abs() > above {
        return Compared::Different(gap);
    }
    if two_sided(signed_ranks(&apart)) < CHANCE && middle.abs() > above {
        return Compared::Different(middle);
    }
    let shifted = |times: &[f64]| times.iter().map(|t| t + above).collect::<Vec<_>>();
    let less = |sign: f64| apart.iter().map(|d| sign * d - above).collect::<Vec<_>>();
    let by_lists = |less: &[f64], more: &[f64]| is_less(rank_sum(less, &shifted(more))) < CHANCE;
    let by_pairs = |sign: f64| is_less(signed_ranks(&less(sign))) < CHANCE;
    let alike = by_lists(here, there) && by_lists(there, here) || by_pairs(1.0) && by_pairs(-1.0);
    if alike { Compared::Alike } else { Compared::Unclear }
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

/// How probable it is that chance alone brings a sum of ranks so far off, either way.
fn two_sided(sum: Option<(f64, f64)>) -> f64 {
    let Some((off, spread)) = sum else { return 1.0 };
    let z = (off.abs() - 0.5).max(0.0) / spread;
    erfc(z / std::f64::consts::SQRT_2).min(1.0)
}

/// How probable it is that chance alone makes a sum of ranks so small.
fn is_less(sum: Option<(f64, f64)>) -> f64 {
    let Some((off, spread)) = sum else { return 1.0 };
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

/// How far the sum of the ranks of what is above nothing is from what chance would give, and the spread of that. Pairs
/// that do not differ are left out, and those that differ by as much share their rank. Nothing where there is nothing to
/// rank.
#[expect(clippy::cast_precision_loss, reason = "lists of times are short")]
fn signed_ranks(apart: &[f64]) -> Option<(f64, f64)> {
    let mut all: Vec<f64> = apart.iter().copied().filter(|d| *d != 0.0).collect();
    all.sort_by(|x, y| x.abs().total_cmp(&y.abs()));
    let n = all.len() as f64;
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0.0);
    for same in all.chunk_by(|x, y| x.abs().total_cmp(&y.abs()).is_eq()) {
        let size = same.len() as f64;
        ranks += same.iter().filter(|d| **d > 0.0).count() as f64 * (before + f64::midpoint(size, 1.0));
        ties += size.powi(3) - size;
        before += size;
    }
    let spread = (n * (n + 1.0) * 2.0_f64.mul_add(n, 1.0) / 24.0 - ties / 48.0).sqrt();
    (spread > 0.0).then(|| (ranks - n * (n + 1.0) / 4.0, spread))
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
        assert!((two_sided(rank_sum(&men, &women)) - 0.111_346_886_533).abs() < 1e-6);
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
        assert!((two_sided(rank_sum(&[5.0; 20], &[5.0; 20])) - 1.0).abs() < 1e-9);
        assert!((two_sided(rank_sum(&[], &[1.0])) - 1.0).abs() < 1e-9);
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
            assert!(two_sided(rank_sum(&quick, &slow)) < 0.001);
            assert_eq!(compare(&quick, &slow, 30.0), Compared::Alike);
        }
    }

    /// What pairs differ by.
    fn apart(there: &[f64], here: &[f64]) -> Vec<f64> {
        there.iter().zip(here).map(|(there, here)| here - there).collect()
    }

    #[test]
    fn published_values_of_pairs_come_out() {
        // Darwin's maize, crossed and self-fertilised, in eighths of an inch: the smaller sum of ranks is 24 of 120, and
        // the exact p = 0.041259765625 (manual of SciPy).
        let maize = [6.0, 8.0, 14.0, 16.0, 23.0, 24.0, 28.0, 29.0, 41.0, -48.0, 49.0, 56.0, 60.0, -67.0, 75.0];
        let (off, spread) = signed_ranks(&maize).unwrap();
        assert!((off - (96.0 - 60.0)).abs() < 1e-9 && (spread - 310.0_f64.sqrt()).abs() < 1e-9);
        assert!((two_sided(signed_ranks(&maize)) - 0.041_26).abs() < 0.003, "{}", two_sided(signed_ranks(&maize)));
        // Hollander and Wolfe, depression before and after: V = 40 of 45, exact one-sided p = 0.01953.
        let x = [183.0, 50.0, 162.0, 248.0, 168.0, 188.0, 155.0, 306.0, 130.0];
        let y = [87.8, 64.7, 59.8, 205.0, 106.0, 129.0, 106.0, 314.0, 129.0];
        let (off, _) = signed_ranks(&apart(&y, &x)).unwrap();
        assert!((off - (40.0 - 22.5)).abs() < 1e-9);
        assert!((is_less(signed_ranks(&apart(&x, &y))) - 0.019_53).abs() < 0.003);
        // Of 1, 2, 2 and -2 the three share rank 3: 1 + 3 + 3 of 10.
        let (off, spread) = signed_ranks(&[0.0, 1.0, 2.0, -2.0, 2.0]).unwrap();
        assert!((off - (7.0 - 5.0)).abs() < 1e-9 && (spread - (180.0_f64 / 24.0 - 0.5).sqrt()).abs() < 1e-9);
        assert!(signed_ranks(&[0.0; 20]).is_none() && signed_ranks(&[]).is_none());
    }

    /// A machine that is busy now and idle then makes both of a pair slow: their difference is told all the same.
    #[test]
    fn what_makes_both_slow_hides_nothing_and_makes_nothing_up() {
        let mut chance = Chance(77);
        let (mut alike, mut different) = (0, 0);
        for _ in 0..100 {
            let busy: Vec<f64> = (0..60).map(|i| f64::from((i / 10) % 3) * 150.0).collect();
            let mut on_top = |base: f64| -> Vec<f64> { busy.iter().map(|b| b + base + 15.0 * chance.next()).collect() };
            let (there, here, late) = (on_top(200.0), on_top(200.0), on_top(260.0));
            alike += u32::from(compare(&there, &here, 30.0) == Compared::Alike);
            different += u32::from(matches!(compare(&there, &late, 30.0), Compared::Different(by) if by > 45.0));
        }
        assert_eq!((alike, different), (100, 100));
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
            let p = two_sided(rank_sum(&a, &b));
            proptest::prop_assert!((0.0..=1.0).contains(&p));
            proptest::prop_assert!((p - two_sided(rank_sum(&b, &a))).abs() < 1e-9);
        }
    }
}
