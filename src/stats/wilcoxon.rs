//! Wilcoxon's signed-rank test (1945): do paired differences lie on one side of zero more than coins would? It asks nothing
//! of their distribution but symmetry around zero under the null hypothesis.

use statrs::function::erf::erfc;

use super::SignedRanks;

/// Up to so many differences that are not zero the distribution under the null hypothesis is exact.
pub const EXACT_UP_TO: usize = 50;

/// The two-sided test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wilcoxon {
    /// Differences that are not zero; zeros are left out ([`SignedRanks`]).
    pub n: usize,
    /// Differences that are zero.
    pub zeros: usize,
    /// Sum of the ranks of differences above zero, W+.
    pub statistic: f64,
    /// Two-sided p-value, twice the less of both tails and at most 1. 1 where all are zero, NaN of nothing.
    pub p: f64,
    /// Whether `p` is exact.
    pub exact: bool,
}

impl Wilcoxon {
    /// Tests ranked differences.
    ///
    /// Up to [`EXACT_UP_TO`] the p-value is that of all 2^n ways to give the ranks their signs, shared ranks among them, by
    /// dynamic programming over the sums. Beyond, `z = (|W+ - n (n+1) / 4| - 1/2) / s` with
    /// `s^2 = n (n+1) (2n+1) / 24 - sum (t^3 - t) / 48`, `t` the sizes of the groups of equal ranks, is held against the
    /// normal distribution.
    pub fn of(ranks: &SignedRanks) -> Self {
        let (n, exact) = (ranks.n(), ranks.n() <= EXACT_UP_TO);
        let p = match n {
            0 if ranks.zeros == 0 => f64::NAN,
            0 => 1.0,
            _ if exact => exact_p(ranks),
            _ => normal_p(ranks),
        };
        Wilcoxon { n, zeros: ranks.zeros, statistic: ranks.positive, p, exact }
    }
}

/// The least p-value that `n` differences can have, `2^(1 - n)`: all on one side. With 5 it is 0.0625, so that nothing is
/// found at 0.05 with fewer than 6.
pub fn least_p(n: usize) -> f64 {
    0.5f64.powi(n.min(2_000) as i32 - 1).min(1.0)
}

/// Twice the less of the tails at W+. All numbers are sums of a power of 1/2, so that the sums are exact.
fn exact_p(ranks: &SignedRanks) -> f64 {
    // Twice a mean of whole ranks is whole.
    let doubled: Vec<usize> = ranks.ranks.iter().map(|rank| (2.0 * rank) as usize).collect();
    let mut probability = vec![0.0; doubled.iter().sum::<usize>() + 1];
    probability[0] = 1.0;
    let mut top = 0;
    for rank in doubled {
        top += rank;
        for sum in (0..=top).rev() {
            let with = if sum >= rank { probability[sum - rank] } else { 0.0 };
            probability[sum] = 0.5 * (probability[sum] + with);
        }
    }
    let at = (2.0 * ranks.positive) as usize;
    let below: f64 = probability[..=at].iter().sum();
    let above: f64 = probability[at..].iter().sum();
    (2.0 * below.min(above)).min(1.0)
}

fn normal_p(ranks: &SignedRanks) -> f64 {
    let n = ranks.n() as f64;
    let ties: f64 = ranks.groups.iter().map(|t| (*t as f64).powi(3) - *t as f64).sum();
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let distance = (ranks.positive - 0.25 * n * (n + 1.0)).abs();
    let z = (distance - 0.5).max(0.0) / variance.sqrt();
    erfc(z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(differences: &[f64]) -> Wilcoxon {
        Wilcoxon::of(&SignedRanks::of(differences, 0.0).unwrap())
    }

    #[test]
    fn tests_are_those_of_scipy() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/paired.json")).unwrap();
        let cases = reference["wilcoxon"].as_array().unwrap();
        assert!(cases.len() >= 12 && cases.iter().any(|case| case["exact"] == false));
        for case in cases {
            let values: Vec<f64> =
                case["differences"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let found = test(&values);
            let number = |key: &str| case[key].as_f64().unwrap();
            assert_eq!(found.exact, case["exact"].as_bool().unwrap(), "{}", case["name"]);
            assert_eq!(found.statistic, number("w_plus"), "{}", case["name"]);
            let (p, tolerance) = (number("p"), if found.exact { 1e-12 } else { 1e-9 });
            assert!((found.p - p).abs() <= tolerance * p, "{}: {} against {p}", case["name"], found.p);
        }
    }

    #[test]
    fn all_on_one_side_has_the_least_p() {
        for (n, p) in [(1, 1.0), (2, 0.5), (5, 0.0625), (6, 0.03125), (10, 2.0 / 1_024.0)] {
            let up: Vec<f64> = (1..=n).map(f64::from).collect();
            let down: Vec<f64> = up.iter().map(|x| -x).collect();
            assert_eq!((test(&up).p, test(&down).p, least_p(n as usize)), (p, p, p));
            // Ties do not change it.
            assert_eq!(test(&vec![0.25; n as usize]).p, p);
        }
        assert_eq!((least_p(0), least_p(9_999)), (1.0, 0.0));
    }

    #[test]
    fn the_normal_approximation_goes_on_where_the_exact_test_ends() {
        let differences =
            |n: u32| (1..=n).map(|i| f64::from(i) * if i % 3 == 0 { -1.0 } else { 1.0 }).collect::<Vec<_>>();
        let ranks = SignedRanks::of(&differences(50), 0.0).unwrap();
        let found = Wilcoxon::of(&ranks);
        assert!(found.exact && !test(&differences(51)).exact);
        let approximate = normal_p(&ranks);
        assert!((found.p - approximate).abs() < 0.05 * found.p, "{} against {approximate}", found.p);
    }

    #[test]
    fn zeros_are_left_out_and_nothing_else_says_nothing() {
        let found = test(&[0.0, 1.0, 2.0, 0.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!((found.n, found.zeros, found.p), (6, 2, 0.03125));
        assert_eq!((test(&[0.0, 0.0]).p, test(&[0.0, 0.0]).n), (1.0, 0));
        assert!(test(&[]).p.is_nan());
    }
}
