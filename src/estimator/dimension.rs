//! How many dimensions samples fill, from the eigenvalues `l` of their covariance.
//!
//! Participation ratio `(sum l)^2 / sum l^2`; effective rank `exp(-sum p ln p)` with `p` the shares of the singular values
//! (Roy & Vetterli 2007) or, another number, of the eigenvalues; stable rank `sum l / l_1`. Few samples fill few dimensions,
//! so the plain participation ratio is too small: `1/naive = 1/true + 1/n`, about. The corrected one divides unbiased
//! estimates of `(tr C)^2` and `tr C^2`, over quadruples of different samples (Himeno & Yamada 2014; Chun et al. 2026, for
//! samples but not units that are drawn).

use super::covariance::{centred, covariance_eigenvalues, Value};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;

/// `(sum l)^2 / sum l^2` of eigenvalues: too small for few samples.
pub fn participation_ratio(eigenvalues: &[f64]) -> f64 {
    let (sum, squares) = eigenvalues.iter().fold((0.0, 0.0), |(sum, squares), l| (sum + l, squares + l * l));
    sum * sum / squares
}

/// The participation ratio of `values`, (rows, units), corrected for the number of samples: `eigenvalues` are those of their
/// covariance (divisor n - 1). NaN for fewer than four samples. On data that fill far more dimensions than there are samples
/// the estimate of `tr C^2` is mostly noise, and this with it: it may exceed the number of units.
pub fn participation_ratio_corrected<T: Value>(values: &[T], rows: usize, eigenvalues: &[f64]) -> f64 {
    if rows < 4 {
        return f64::NAN;
    }
    let n = rows as f64;
    let (trace, squares) = eigenvalues.iter().fold((0.0, 0.0), |(sum, squares), l| (sum + l, squares + l * l));
    let centred = centred(values, rows);
    let lengths = centred.chunks_exact((values.len() / rows).max(1)).map(|row| row.iter().map(|x| x * x).sum::<f64>());
    let fourth = lengths.map(|length| length * length).sum::<f64>() / (n - 1.0);
    // Both share the factor (n - 1) / (n (n - 2) (n - 3)).
    let of_trace = 2.0 * squares + (n * n - 3.0 * n + 1.0) * trace * trace - n * fourth;
    let of_squares = (n - 1.0) * (n - 2.0) * squares + trace * trace - n * fourth;
    of_trace / of_squares
}

/// `-sum p ln p` of the shares `p` of such values, nats.
pub fn spectral_entropy_nats(spectrum: &[f64]) -> f64 {
    let sum: f64 = spectrum.iter().sum();
    -spectrum.iter().filter(|x| **x != 0.0).map(|x| x / sum * (x / sum).ln()).sum::<f64>()
}

/// `exp` of the entropy of the singular values' shares (Roy & Vetterli 2007).
pub fn effective_rank_singular(eigenvalues: &[f64]) -> f64 {
    spectral_entropy_nats(&eigenvalues.iter().map(|l| l.sqrt()).collect::<Vec<_>>()).exp()
}

/// `exp` of the entropy of the eigenvalues' shares.
pub fn effective_rank_eigenvalues(eigenvalues: &[f64]) -> f64 {
    spectral_entropy_nats(eigenvalues).exp()
}

/// `sum l / l_1` of eigenvalues, the greatest first.
pub fn stable_rank(eigenvalues: &[f64]) -> f64 {
    eigenvalues.iter().sum::<f64>() / eigenvalues.first().copied().unwrap_or(f64::NAN)
}

struct Dimension {
    quantity: &'static str,
}

/// Default: `quantity` "participation-ratio", corrected for the number of rows; the others are "participation-ratio-naive",
/// "effective-rank-singular", "effective-rank-eigenvalues", "stable-rank" and "spectral-entropy" (of the singular values).
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "dimension",
    summary: "how many dimensions the rows of `t` fill: participation ratio, effective rank, stable rank",
    reference: "Roy & Vetterli 2007; Chun et al. 2026",
    build: |params, ()| {
        let quantities = [
            "participation-ratio",
            "participation-ratio-naive",
            "effective-rank-singular",
            "effective-rank-eigenvalues",
            "stable-rank",
            "spectral-entropy",
        ];
        Ok(Box::new(Dimension { quantity: params.choice("quantity", Some(quantities[0]), &quantities) }))
    },
};

impl Estimator for Dimension {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let t = arrays.get("t")?;
        let entropy = self.quantity == "spectral-entropy";
        let unit = if entropy { "nats" } else { "1" };
        let Some(eigenvalues) = covariance_eigenvalues(&t.values, t.rows) else {
            return Ok(Estimate::new(f64::NAN, unit, t.rows));
        };
        let value = match self.quantity {
            "participation-ratio" => participation_ratio_corrected(&t.values, t.rows, &eigenvalues),
            "participation-ratio-naive" => participation_ratio(&eigenvalues),
            "effective-rank-singular" => effective_rank_singular(&eigenvalues),
            "effective-rank-eigenvalues" => effective_rank_eigenvalues(&eigenvalues),
            "stable-rank" => stable_rank(&eigenvalues),
            _ => effective_rank_singular(&eigenvalues).ln(),
        };
        // The corrected ratio looks beyond the samples.
        let dimensions = match self.quantity {
            "participation-ratio" => t.columns(),
            _ => t.columns().min(t.rows - 1),
        } as f64;
        Ok(Estimate::new(value, unit, t.rows).with_cap(if entropy { dimensions.ln() } else { dimensions }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{estimate, normals};
    use super::super::Array;
    use super::*;
    use crate::num::{mean, Matrix};

    #[test]
    fn golden_data_fill_their_dimensions() {
        let golden = golden();
        let value =
            |quantity: &str| estimate(&ENTRY, &format!("quantity = '{quantity}'"), [("t", array("T"))]).unwrap().value;
        let near = |quantity: &str, expected: &serde_json::Value| {
            let expected = expected.as_f64().unwrap();
            assert!((value(quantity) - expected).abs() < 1e-9, "{quantity}: {} against {expected}", value(quantity));
        };
        near("participation-ratio", &golden["PR_pkg_T"]["row"]);
        near("participation-ratio-naive", &golden["PR_pkg_T"]["naive"]);
        near("participation-ratio-naive", &golden["PR_T"]);
        near("effective-rank-singular", &golden["erank_singular_RoyVetterli_T"]);
        near("effective-rank-eigenvalues", &golden["erank_cov_T"]);
        near("stable-rank", &golden["stable_rank_T"]);
        assert!((value("spectral-entropy").exp() - value("effective-rank-singular")).abs() < 1e-12);
        let t = array("T");
        let found = covariance_eigenvalues(&t.values, t.rows).unwrap();
        for (found, expected) in found.iter().zip(golden["cov_eigs_T_n-1"].as_array().unwrap()) {
            assert!((found - expected.as_f64().unwrap()).abs() < 1e-9);
        }
    }

    #[test]
    fn ten_equal_eigenvalues_are_ten_dimensions_by_any_count() {
        for count in [participation_ratio, effective_rank_singular, effective_rank_eigenvalues, stable_rank] {
            assert!((count(&[3.0; 10]) - 10.0).abs() < 1e-12);
        }
        assert!((spectral_entropy_nats(&[3.0; 10]) - std::f64::consts::LN_10).abs() < 1e-12);
    }

    #[test]
    fn eigenvalues_that_fall_as_1_over_k_have_their_known_counts() {
        let l: Vec<f64> = (1..=100).map(|k| 1.0 / f64::from(k)).collect();
        for (found, expected) in
            [(effective_rank_eigenvalues(&l), 39.6772), (participation_ratio(&l), 16.4582), (stable_rank(&l), 5.1874)]
        {
            assert!((found - expected).abs() <= 0.5e-4, "{found} against {expected}");
        }
    }

    #[test]
    fn the_corrected_ratio_does_not_depend_on_how_many_samples_there_are() {
        // 100 correlated units with eigenvalues k^-1/2: their ratio is (sum k^-1/2)^2 / sum k^-1.
        let units = 100;
        let scales: Vec<f64> = (1..=units).map(|k| (k as f64).powf(-0.25)).collect();
        let variances: Vec<f64> = scales.iter().map(|s| s * s).collect();
        let truth = participation_ratio(&variances);
        for rows in [40, 160] {
            let (mut naive, mut corrected) = (Vec::new(), Vec::new());
            for draw in 0..30 {
                let z = normals(rows * units, 50 + draw);
                // Mixed, so that units are correlated, and away from 0.
                let mix = |i: usize, k: usize| (2.0 * std::f64::consts::PI * (i * k) as f64 / units as f64).cos();
                let basis: Vec<f64> = (0..units * units)
                    .map(|at| {
                        let (k, i) = (at / units, at % units);
                        let shift = (2.0 * std::f64::consts::PI * (i * k) as f64 / units as f64).sin();
                        scales[k] * (mix(i, k) + shift) / (units as f64).sqrt()
                    })
                    .collect();
                let t: Vec<f64> =
                    Matrix::new(&z, rows).times(Matrix::new(&basis, units)).iter().map(|x| x + 5.0).collect();
                let l = covariance_eigenvalues(&t, rows).unwrap();
                naive.push(1.0 / participation_ratio(&l));
                corrected.push(1.0 / participation_ratio_corrected(&t, rows, &l));
            }
            let bias = mean(&naive) - 1.0 / truth;
            assert!((bias * rows as f64 - 1.0).abs() < 0.15, "{rows} rows: 1/naive is off by {bias}");
            assert!(
                (mean(&corrected) * truth - 1.0).abs() < 0.03,
                "{rows} rows: {} of {truth}",
                1.0 / mean(&corrected)
            );
        }
    }

    #[test]
    fn what_cannot_be_told_is_nan() {
        let value = |values: &[f64]| estimate(&ENTRY, "", [("t", Array::new(values.to_vec(), values.len()))]).unwrap();
        assert!(value(&[1.0, 2.0, f64::NAN, 3.0, 4.0]).value.is_nan());
        assert!(value(&[1.0, 2.0, 4.0]).value.is_nan(), "three samples");
        assert!(value(&[0.1; 6]).value.is_nan(), "no variance");
    }
}
