//! The matched-pairs rank-biserial correlation (King & Minium 2003, Kerby 2014): the effect size of Wilcoxon's test.

use super::SignedRanks;

/// `r = (W+ - W-) / (W+ + W-)`, -1 to 1: the share of the ranks that speaks for the first arm less the share that speaks for
/// the second. 1 where the first is above in all pairs, 0 where both are above equally, whatever the unit. Zeros are left
/// out; NaN where nothing is left.
pub fn rank_biserial(ranks: &SignedRanks) -> f64 {
    (ranks.positive - ranks.negative) / (ranks.positive + ranks.negative)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(differences: &[f64]) -> f64 {
        rank_biserial(&SignedRanks::of(differences, 0.0).unwrap())
    }

    #[test]
    fn it_is_the_difference_of_the_shares_of_ranks() {
        assert_eq!((r(&[0.1, 2.0, 0.3]), r(&[-7.0])), (1.0, -1.0));
        // Ranks 1, 2, 3, 4: 9 for and 1 against, of 10.
        assert!((r(&[-1.0, 2.0, 3.0, 4.0]) - 0.8).abs() < 1e-15);
        assert_eq!(r(&[1.0, -1.0, 0.0]), 0.0);
        assert!(r(&[0.0]).is_nan() && r(&[]).is_nan());
    }

    #[test]
    fn it_is_that_of_the_ranks_of_scipy() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/paired.json")).unwrap();
        for case in reference["wilcoxon"].as_array().unwrap() {
            let values: Vec<f64> =
                case["differences"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let expected = case["rank_biserial"].as_f64().unwrap();
            assert!((r(&values) - expected).abs() < 1e-12, "{}: {} against {expected}", case["name"], r(&values));
        }
    }
}
