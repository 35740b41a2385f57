//! Holm's correction for many tests (1979): the chance that even one true null hypothesis of the family is refused stays at
//! most the level, whatever the tests have to do with each other.

/// Corrected p-values of a family, in its order: the k-th least of m is taken times m - k + 1, no less than what goes before
/// it, and at most 1. NaN is no test: it stays NaN and does not count in m.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|i| !p[*i].is_nan()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut corrected, mut greatest) = (vec![f64::NAN; p.len()], 0.0f64);
    for (k, &i) in order.iter().enumerate() {
        greatest = greatest.max((order.len() - k) as f64 * p[i]).min(1.0);
        corrected[i] = greatest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_taken_times_all_and_none_falls_below_one_before_it() {
        // 0.01 x 4, 0.02 x 3, then 0.02 x 2 raised to what stands before, 0.9 x 1.
        let found = holm(&[0.02, 0.9, 0.01, 0.02]);
        for (found, expected) in found.iter().zip([0.06, 0.9, 0.04, 0.06]) {
            assert!((found - expected).abs() < 1e-15, "{found} against {expected}");
        }
        assert_eq!(holm(&[0.5, 0.6, 0.7]), [1.0; 3]);
        assert_eq!(holm(&[0.03]), [0.03]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn what_is_no_test_does_not_count() {
        let found = holm(&[f64::NAN, 0.02, f64::NAN, 0.01]);
        assert!(found[0].is_nan() && found[2].is_nan());
        assert_eq!((found[1], found[3]), (0.02, 0.02));
    }

    #[test]
    fn corrections_are_those_of_statsmodels() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/paired.json")).unwrap();
        let numbers = |value: &serde_json::Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        let cases = reference["holm"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            for (found, expected) in holm(&numbers(&case["p"])).iter().zip(numbers(&case["corrected"])) {
                assert!((found - expected).abs() < 1e-12, "{found} against {expected}");
            }
        }
    }
}
