//! Cohen's d of paired differences (Cohen 1988, d_z).

use crate::num::{mean, sd};

/// `d_z = mean / sd` of the differences, `sd` with divisor n - 1: how many standard deviations of a difference its mean lies
/// from zero. By Cohen's words 0.2 is small, 0.5 medium, 0.8 large; arms that share start and batches reach far more, for
/// pairing takes out what seeds have in common. NaN for fewer than two differences, where all are equal (there is no spread
/// to measure by) and where one is not finite.
pub fn cohen_d_z(differences: &[f64]) -> f64 {
    let equal = differences.windows(2).all(|pair| pair[0] == pair[1]);
    if equal || differences.iter().any(|x| !x.is_finite()) {
        return f64::NAN;
    }
    mean(differences) / sd(differences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_mean_in_standard_deviations() {
        // Mean 5, standard deviation sqrt(13).
        assert!((cohen_d_z(&[2.0, 4.0, 9.0]) - 5.0 / 13f64.sqrt()).abs() < 1e-15);
        assert!((cohen_d_z(&[-2.0, -4.0, -9.0]) + 5.0 / 13f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn it_is_that_of_numpy() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/paired.json")).unwrap();
        for case in reference["wilcoxon"].as_array().unwrap() {
            let values: Vec<f64> =
                case["differences"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let (found, expected) = (cohen_d_z(&values), case["d_z"].as_f64());
            match expected {
                Some(expected) => {
                    assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{}", case["name"])
                }
                None => assert!(found.is_nan(), "{}", case["name"]),
            }
        }
    }

    #[test]
    fn without_spread_there_is_no_measure() {
        for values in [&[][..], &[1.0], &[0.1, 0.1, 0.1], &[1.0, f64::NAN], &[1.0, f64::INFINITY]] {
            assert!(cohen_d_z(values).is_nan(), "{values:?}");
        }
    }
}
