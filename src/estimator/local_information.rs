//! What passes through a network near one input, from the singular values `s_k` of its Jacobian there.
//!
//! `I = 1/2 sum_k log2(1 + rho s_k^2)` bits, `rho = (sigma_in / sigma_out)^2`, is the mutual information of the linear Gaussian
//! channel that the network is at that input: noise of `sigma_in` around the input is the signal, noise of `sigma_out` on each
//! output the disturbance (Cover & Thomas 2006, section 9.4, without water-filling). No sampling, so no bias.

use super::covariance::singular_values;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::Range;

/// Singular values below this share of the greatest count as 0.
pub const RANK_SHARE: f64 = 1e-6;

/// `1/2 sum log2(1 + rho s^2)` bits of singular values.
pub fn local_information_bits(singular: &[f64], rho: f64) -> f64 {
    0.5 * singular.iter().map(|s| (rho * s * s).ln_1p()).sum::<f64>() / std::f64::consts::LN_2
}

/// How many singular values, the greatest first, are above [`RANK_SHARE`] of the greatest.
pub fn rank(singular: &[f64]) -> usize {
    let greatest = singular.first().copied().unwrap_or(0.0);
    singular.iter().filter(|s| **s > RANK_SHARE * greatest).count()
}

/// `sum ln s` of the singular values that count for the rank: by which factor volume grows on its way, where it does not
/// vanish. In nats; 0 of none.
pub fn log_pseudo_volume_nats(singular: &[f64]) -> f64 {
    singular[..rank(singular)].iter().map(|s| s.ln()).sum()
}

/// The squared Frobenius norm, `sum s^2`.
pub fn squared_frobenius(singular: &[f64]) -> f64 {
    singular.iter().map(|s| s * s).sum()
}

/// The greatest singular value over the least that counts for the rank; NaN of a Jacobian of 0.
pub fn condition(singular: &[f64]) -> f64 {
    match rank(singular) {
        0 => f64::NAN,
        rank => singular[0] / singular[rank - 1],
    }
}

struct LocalInformation {
    quantity: &'static str,
    rho: f64,
}

/// Defaults: `quantity` "bits" (also "rank", "log-volume" in nats, "squared-frobenius", "condition"), `rho` 1.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "local-information",
    summary:
        "bits through the linear Gaussian channel of a Jacobian `t` (outputs in rows); rank, volume, norm, condition",
    reference: "Cover & Thomas 2006; Novak et al. 2018",
    build: |params, ()| {
        let quantities = ["bits", "rank", "log-volume", "squared-frobenius", "condition"];
        let quantity = params.choice("quantity", Some("bits"), &quantities);
        let rho = params.float("rho", Some(1.0), Range::AtLeast(0.0));
        Ok(Box::new(LocalInformation { quantity, rho }))
    },
};

impl Estimator for LocalInformation {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let t = arrays.get("t")?;
        let Some(singular) = singular_values(&t.values, t.rows) else {
            return Ok(Estimate::new(f64::NAN, "1", t.rows));
        };
        let cap = singular.len() as f64;
        Ok(match self.quantity {
            "bits" => Estimate::new(local_information_bits(&singular, self.rho), "bits", t.rows),
            "rank" => Estimate::new(rank(&singular) as f64, "1", t.rows).with_cap(cap),
            "log-volume" => Estimate::new(log_pseudo_volume_nats(&singular), "nats", t.rows),
            "squared-frobenius" => Estimate::new(squared_frobenius(&singular), "1", t.rows),
            _ => Estimate::new(condition(&singular), "1", t.rows),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{estimate, normals};
    use super::super::Array;
    use super::*;
    use crate::num::{mean, Matrix};

    fn value(params: &str, values: &[f64], rows: usize) -> f64 {
        estimate(&ENTRY, params, [("t", Array::new(values.to_vec(), rows))]).unwrap().value
    }

    #[test]
    fn a_diagonal_jacobian_has_the_bits_of_its_three_channels() {
        let mut jacobian = [0.0; 9];
        (jacobian[0], jacobian[4], jacobian[8]) = (2.0, 1.0, 0.5);
        assert!((value("rho = 4.0", &jacobian, 3) - 3.704_695).abs() < 5e-7);
        assert!((value("quantity = 'log-volume'", &jacobian, 3)).abs() < 1e-15);
        assert_eq!(value("quantity = 'squared-frobenius'", &jacobian, 3), 5.25);
        assert_eq!(value("quantity = 'condition'", &jacobian, 3), 4.0);
        assert_eq!(value("quantity = 'rank'", &jacobian, 3), 3.0);
    }

    #[test]
    fn what_is_below_a_millionth_of_the_greatest_value_has_no_rank() {
        let singular = [10.0, 1.0, 2e-6];
        assert_eq!(rank(&singular), 2);
        assert_eq!(condition(&singular), 10.0);
        assert!((log_pseudo_volume_nats(&singular) - 10f64.ln()).abs() < 1e-15);
        assert!(rank(&[0.0, 0.0]) == 0 && condition(&[0.0]).is_nan() && local_information_bits(&[0.0], 3.0) == 0.0);
        assert!(value("", &[f64::NAN], 1).is_nan());
    }

    #[test]
    fn the_golden_jacobian_has_its_singular_values() {
        let golden = golden();
        let weights: Vec<Vec<f64>> = serde_json::from_value(golden["relu_W"].clone()).unwrap();
        let x = array("X").row(0).to_vec();
        let mut jacobian = Vec::new();
        for unit in 0..4 {
            let h: f64 = x.iter().zip(&weights).map(|(x, row)| x * row[unit]).sum();
            jacobian.extend(weights.iter().map(|row| if h > 0.0 { row[unit] } else { 0.0 }));
        }
        let found = singular_values(&jacobian, 4).unwrap();
        let expected = golden["jac_sv_first_input_preReLU_mask_no_label"].as_array().unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected.as_f64().unwrap()).abs() < 1e-9, "{found} against {expected}");
        }
        assert_eq!(found.len(), expected.len());
    }

    /// The Jacobian of `layers` square ReLU layers at a random input, and of the linear layers alone.
    fn jacobian(n: usize, layers: usize, orthogonal: bool, relu: bool, stream: u64) -> Vec<f64> {
        let mut x = normals(n, stream);
        let mut jacobian = vec![0.0; n * n];
        (0..n).for_each(|i| jacobian[i * n + i] = 1.0);
        for layer in 0..layers {
            let mut weights = normals(n * n, stream + 1 + layer as u64);
            let gain = if relu { 2f64.sqrt() } else { 1.0 };
            if orthogonal {
                orthonormalise(&mut weights, n);
            } else {
                weights.iter_mut().for_each(|w| *w /= (n as f64).sqrt());
            }
            weights.iter_mut().for_each(|w| *w *= gain);
            let weights = Matrix::new(&weights, n);
            let h = weights.times(Matrix::new(&x, n));
            jacobian = weights.times(Matrix::new(&jacobian, n));
            if relu {
                for (row, h) in jacobian.chunks_exact_mut(n).zip(&h) {
                    row.iter_mut().for_each(|j| *j *= f64::from(*h > 0.0));
                }
            }
            x = if relu { h.iter().map(|h| h.max(0.0)).collect() } else { h };
        }
        jacobian
    }

    fn orthonormalise(rows: &mut [f64], n: usize) {
        for i in 0..n {
            let (done, row) = rows.split_at_mut(i * n);
            let row = &mut row[..n];
            for _ in 0..2 {
                for other in done.chunks_exact(n) {
                    let along = crate::num::dot(row, other);
                    row.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
                }
            }
            let length = crate::num::dot(row, row).sqrt();
            row.iter_mut().for_each(|x| *x /= length);
        }
    }

    #[test]
    fn spectra_of_random_relu_jacobians_spread_with_depth_as_they_must() {
        // Means over draws of n = 100. Var(s^2) / mean^2 is 2 L for Gaussian and L for orthogonal weights at infinite width;
        // the simulated values for n = 150 are 2.01, 6.06, 12.5 and 0.97, 3.21, 6.28.
        let (n, draws) = (100, 6);
        for (layers, gaussian, orthogonal, alive) in
            [(1, 2.01, 0.97, 0.507), (3, 6.06, 3.21, 0.466), (6, 12.5, 6.3, 0.429)]
        {
            for (kind, expected) in [(false, gaussian), (true, orthogonal)] {
                let (mut means, mut spreads, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
                for draw in 0..draws {
                    let stream = 1000 * (draw + 1) + 100 * layers as u64 + u64::from(kind);
                    let singular = singular_values(&jacobian(n, layers, kind, true, stream), n).unwrap();
                    let squares: Vec<f64> = singular.iter().map(|s| s * s).collect();
                    let m = mean(&squares);
                    means.push(m);
                    spreads.push(mean(&squares.iter().map(|x| (x - m).powi(2)).collect::<Vec<_>>()) / (m * m));
                    ranks.push(rank(&singular) as f64 / n as f64);
                }
                let what = format!("{layers} layers, orthogonal {kind}");
                assert!((mean(&means) - 1.0).abs() < 0.15, "{what}: mean {}", mean(&means));
                assert!((mean(&spreads) / expected - 1.0).abs() < 0.15, "{what}: spread {}", mean(&spreads));
                assert!((mean(&ranks) - alive).abs() < 0.04, "{what}: rank {}", mean(&ranks));
            }
        }
    }

    #[test]
    fn orthogonal_linear_layers_lose_no_bit() {
        let bits = |layers| {
            let singular = singular_values(&jacobian(40, layers, true, false, 7), 40).unwrap();
            local_information_bits(&singular, 3.0)
        };
        // 40 channels of 1/2 log2(1 + 3) = 1 bit.
        [1, 2, 5].iter().for_each(|layers| assert!((bits(*layers) - 40.0).abs() < 1e-9, "{layers}: {}", bits(*layers)));
    }
}
