//! The statistics of one comparison: two learners, one number, as many pairs as there are.

use crate::estimator::bootstrap::{Resamples, RESAMPLES};
use crate::num::{mean, percentile};
use crate::rng::Seed;
use crate::stats::{cohen_d_z, rank_biserial, SignedRanks, Wilcoxon};

/// Differences up to this share of the greatest number are rounding, and so are differences between differences.
const ROUNDING: f64 = 1e-12;

/// What pairs say. Differences are the first number of a pair minus the second.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// Pairs.
    pub n: usize,
    /// Mean of the first and of the second numbers; NaN without a pair.
    pub means: [f64; 2],
    /// Mean difference; NaN without a pair.
    pub difference: f64,
    /// Median difference; NaN without a pair.
    pub median: f64,
    /// 95 % interval of the mean difference: BCa bootstrap of the pairs, 2,000 resamples drawn at an address, so that the
    /// same pairs have the same interval. NaN for fewer than two pairs; one point where all differences are equal. It is too
    /// narrow where pairs are few (`docs/compare.md` has the numbers).
    pub interval: [f64; 2],
    /// Wilcoxon's signed-rank test of the differences.
    pub wilcoxon: Wilcoxon,
    /// Matched-pairs rank-biserial correlation; NaN where no difference is left.
    pub rank_biserial: f64,
    /// Cohen's d_z; NaN for fewer than two pairs and where all differences are equal.
    pub d_z: f64,
}

impl Paired {
    /// The statistics of pairs of finite numbers; what is not finite gives NaN.
    pub fn of(pairs: &[[f64; 2]]) -> Self {
        let n = pairs.len();
        let tolerance = ROUNDING * pairs.iter().flatten().fold(0.0, |most: f64, x| most.max(x.abs()));
        let raw = pairs.iter().map(|[first, second]| first - second);
        let differences: Vec<f64> = raw.map(|x| if x.abs() <= tolerance { 0.0 } else { x }).collect();
        let nothing = SignedRanks::of(&[], 0.0).expect("nothing is finite");
        let ranks = SignedRanks::of(&differences, tolerance).unwrap_or(nothing);
        let resamples = Resamples { n, times: RESAMPLES, seed: Seed::new(0).child("compare") };
        let side = |i: usize| mean(&pairs.iter().map(|pair| pair[i]).collect::<Vec<_>>());
        // Equal on paper is equal: rounding would give the bootstrap and d_z a spread to work on.
        let equal = differences.iter().all(|x| (x - differences[0]).abs() <= tolerance);
        let evened = if equal && n > 0 { vec![differences[0]; n] } else { differences };
        Paired {
            n,
            means: [side(0), side(1)],
            difference: if equal && n > 0 { evened[0] } else { mean(&evened) },
            median: percentile(&evened, 0.5),
            interval: if equal && n > 1 { [evened[0]; 2] } else { resamples.mean_interval(&evened, 0.95) },
            wilcoxon: Wilcoxon::of(&ranks),
            rank_biserial: rank_biserial(&ranks),
            d_z: cohen_d_z(&evened),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_pairs_have_the_statistics_of_their_differences() {
        // Differences 0.1, 0.2, 0.3, 0.4, 0.5, -0.05: ranks 2 to 6 for, 1 against.
        let second = [0.3, 0.1, 0.5, 0.2, 0.4, 0.3];
        let by = [0.1, 0.2, 0.3, 0.4, 0.5, -0.05];
        let pairs: Vec<[f64; 2]> = second.iter().zip(by).map(|(second, by)| [second + by, *second]).collect();
        let found = Paired::of(&pairs);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(found.means[0], 3.25 / 6.0) && near(found.means[1], 0.3), "{found:?}");
        assert!(near(found.difference, 1.45 / 6.0) && near(found.median, 0.25), "{found:?}");
        assert_eq!((found.n, found.wilcoxon.statistic, found.wilcoxon.p), (6, 20.0, 0.0625));
        assert!(near(found.rank_biserial, 19.0 / 21.0));
        let [low, high] = found.interval;
        assert!(0.0 < low && low < 0.15 && 0.33 < high && high < 0.42, "{low} {high}");
        assert_eq!(found, Paired::of(&pairs), "the same pairs have the same interval");
    }

    #[test]
    fn the_arms_the_other_way_round_are_the_same_with_the_other_sign() {
        let pairs = [[0.5, 0.4], [0.7, 0.3], [0.2, 0.25], [0.9, 0.6]];
        let (one, other) = (Paired::of(&pairs), Paired::of(&pairs.map(|[a, b]| [b, a])));
        assert_eq!((one.difference, one.median, one.d_z), (-other.difference, -other.median, -other.d_z));
        assert_eq!((one.wilcoxon.p, one.rank_biserial), (other.wilcoxon.p, -other.rank_biserial));
    }

    #[test]
    fn differences_that_are_equal_on_paper_have_no_spread() {
        let found = Paired::of(&[[0.9, 0.8], [0.3, 0.2], [0.2, 0.1]]);
        assert!(found.d_z.is_nan() && found.interval[0] == found.interval[1], "{found:?}");
        assert_eq!(found.wilcoxon.p, 0.25);
        let same = Paired::of(&[[0.3, 0.1 + 0.2], [0.5, 0.5]]);
        assert_eq!((same.difference, same.wilcoxon.zeros, same.wilcoxon.p), (0.0, 2, 1.0));
    }

    #[test]
    fn too_few_pairs_have_no_interval() {
        let none = Paired::of(&[]);
        assert!(none.difference.is_nan() && none.means[0].is_nan() && none.wilcoxon.p.is_nan() && none.median.is_nan());
        let one = Paired::of(&[[0.5, 0.25]]);
        assert_eq!((one.difference, one.median, one.wilcoxon.p, one.rank_biserial), (0.25, 0.25, 1.0, 1.0));
        assert!(one.interval[0].is_nan() && one.d_z.is_nan());
        let two = Paired::of(&[[0.5, 0.25], [0.5, 0.0]]);
        assert!(two.interval.iter().all(|x| (0.25..=0.5).contains(x)), "{two:?}");
    }
}
