//! McNemar's test (1947): do two classifiers that are judged on the same samples have different accuracies? Only samples
//! that one has right and the other wrong say anything.

use statrs::distribution::{Binomial, DiscreteCDF};
use statrs::function::erf::erfc;

/// The test of `b` samples that only the first has right against `c` that only the second has right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    /// `(|b - c| - 1)^2 / (b + c)` (Edwards 1948 for the 1), chi-squared with one degree of freedom; 0 for `b = c`.
    pub statistic: f64,
    /// Its two-sided p-value.
    pub corrected: f64,
    /// The exact two-sided p-value: `b` of `b + c` fair coins. For few discordant samples, below about 25.
    pub exact: f64,
}

impl McNemar {
    /// Tests the counts. Without a discordant sample nothing speaks against equality: both p-values are 1.
    pub fn of(b: u64, c: u64) -> Self {
        if b == c {
            return McNemar { statistic: 0.0, corrected: 1.0, exact: 1.0 };
        }
        let n = b + c;
        let statistic = ((b.abs_diff(c) - 1) as f64).powi(2) / n as f64;
        // A chi-squared variable of one degree of freedom is a squared normal one.
        let corrected = erfc((0.5 * statistic).sqrt());
        let coins = Binomial::new(0.5, n).expect("1/2 is a probability");
        McNemar { statistic, corrected, exact: (2.0 * coins.cdf(b.min(c))).min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_those_of_statsmodels() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/intervals.json")).unwrap();
        for row in reference["mcnemar"]["rows"].as_array().unwrap() {
            let at = |i: usize| row[i].as_f64().unwrap();
            let found = McNemar::of(at(0) as u64, at(1) as u64);
            for (found, expected) in [(found.statistic, at(2)), (found.corrected, at(3)), (found.exact, at(4))] {
                assert!((found - expected).abs() < 1e-9, "{row}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn equal_counts_say_nothing() {
        for count in [0, 7] {
            assert_eq!(McNemar::of(count, count), McNemar { statistic: 0.0, corrected: 1.0, exact: 1.0 });
        }
    }
}
