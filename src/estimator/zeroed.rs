//! Units that a non-linearity sets to zero: the share of zeros, units that are zero on all samples, and units that never are.
//!
//! With He weights, no bias and symmetric inputs half of all values behind a ReLU are zeros. On a symmetric code of h bits a
//! ReLU makes one value of one half of the inputs and keeps the other: `1 + (h - 1)/2` bits stay, `(h - 1)/2` are lost.

use super::covariance::Value;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;
use crate::num::sd;

/// Shares of zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zeroed {
    /// Share of values that are exactly 0.
    pub zeroed: f64,
    /// Its standard error over samples.
    pub se: f64,
    /// Share of units that are 0 on all samples.
    pub dead: f64,
    /// Share of units that are 0 on no sample.
    pub always_on: f64,
}

/// Shares of zeros among `values`, (rows, units). All NaN where there is no value, or one is NaN.
pub fn zeroed<T: Value>(values: &[T], rows: usize) -> Zeroed {
    if values.is_empty() || values.iter().any(|x| (*x).into().is_nan()) {
        return Zeroed { zeroed: f64::NAN, se: f64::NAN, dead: f64::NAN, always_on: f64::NAN };
    }
    let units = values.len() / rows;
    let mut zeros = vec![0; units];
    let mut of_rows = Vec::with_capacity(rows);
    for row in values.chunks_exact(units) {
        let mut count = 0;
        for (zeros, x) in zeros.iter_mut().zip(row) {
            let zero = usize::from((*x).into() == 0.0);
            *zeros += zero;
            count += zero;
        }
        of_rows.push(count as f64 / units as f64);
    }
    let units_with = |count: usize| zeros.iter().filter(|zeros| **zeros == count).count() as f64 / units as f64;
    Zeroed {
        zeroed: zeros.iter().sum::<usize>() as f64 / values.len() as f64,
        se: sd(&of_rows) / (rows as f64).sqrt(),
        dead: units_with(rows),
        always_on: units_with(0),
    }
}

/// A unit that is zero on all of `rows` samples is active on at most this share of inputs, with 95 % confidence: `3/n`, the
/// rule of three.
pub fn dead_activity_bound(rows: usize) -> f64 {
    (3.0 / rows as f64).min(1.0)
}

/// Bits that one ReLU loses of a symmetric code of `code_bits` bits (as many codes above 0 as below, none at 0), all equally
/// likely: `(h - 1)/2`.
pub fn relu_loss_bits(code_bits: u32) -> f64 {
    f64::from(code_bits.saturating_sub(1)) / 2.0
}

struct Shares {
    quantity: &'static str,
}

/// Default: `quantity` "zeroed"; the others are "dead" and "always-on".
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "zeroed",
    summary: "share of zeros in `t`, of units that are zero on all rows (dead), or on none (always-on)",
    reference: "Nair & Hinton 2010",
    build: |params, ()| {
        let quantity = params.choice("quantity", Some("zeroed"), &["zeroed", "dead", "always-on"]);
        Ok(Box::new(Shares { quantity }))
    },
};

impl Estimator for Shares {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let t = arrays.get("t")?;
        let found = zeroed(&t.values, t.rows);
        Ok(match self.quantity {
            "zeroed" => Estimate::new(found.zeroed, "1", t.rows).with_se(found.se),
            "dead" => Estimate::new(found.dead, "1", t.rows),
            _ => Estimate::new(found.always_on, "1", t.rows),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{estimate, normals};
    use super::*;
    use crate::num::mean;

    #[test]
    fn the_golden_array_has_its_share_of_zeros() {
        let found = estimate(&ENTRY, "", [("t", array("T"))]).unwrap().value;
        assert!((found - golden()["T_zero_frac"].as_f64().unwrap()).abs() < 1e-12, "{found}");
    }

    #[test]
    fn dead_and_always_on_units_are_told_from_the_others() {
        // Units: dead, always on, on once; three samples.
        let values = [0.0f32, 1.0, 0.0, -0.0, -2.0, 0.0, 0.0, 3.0, 5.0];
        let found = zeroed(&values, 3);
        assert_eq!([found.zeroed, found.dead, found.always_on], [5.0 / 9.0, 1.0 / 3.0, 1.0 / 3.0]);
        // Shares of the samples: 2/3, 2/3, 1/3; their standard deviation is sqrt(1/27).
        assert!((found.se - (1.0f64 / 27.0 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(dead_activity_bound(300), 0.01);
        assert!(zeroed(&[0.0, f64::NAN], 1).zeroed.is_nan() && zeroed::<f32>(&[], 4).dead.is_nan());
    }

    #[test]
    fn a_relu_on_a_symmetric_byte_keeps_four_and_a_half_bits() {
        for bits in [1u32, 4, 8] {
            let codes = 1u32 << bits;
            // One value has half of the codes, each other one.
            let half = f64::from(codes / 2);
            let kept = 0.5 * 1.0 + half / f64::from(codes) * f64::from(bits);
            assert!((f64::from(bits) - kept - relu_loss_bits(bits)).abs() < 1e-12, "{bits} bits");
        }
        assert_eq!(8.0 - relu_loss_bits(8), 4.5);
    }

    #[test]
    fn half_of_normal_values_are_zeroed_and_the_rest_has_its_moments() {
        let z = normals(400_000, 4);
        let relu: Vec<f64> = z.iter().map(|z| z.max(0.0)).collect();
        let share = zeroed(&relu, 1000);
        assert!((share.zeroed - 0.5).abs() < 4.0 * share.se, "{share:?}");
        assert!((share.se / (0.25f64 / 400_000.0).sqrt() - 1.0).abs() < 0.1, "{share:?}");
        let m = mean(&relu);
        let variance = mean(&relu.iter().map(|x| (x - m).powi(2)).collect::<Vec<_>>());
        let with = mean(&relu.iter().zip(&z).map(|(a, b)| a * b).collect::<Vec<_>>());
        assert!((m - 0.398_942).abs() < 0.003 && (variance - 0.340_845).abs() < 0.003, "{m} {variance}");
        assert!((with * with / variance - 0.733_471).abs() < 0.005, "{}", with * with / variance);
    }
}
