//! Layers rounded to q bits: what a network with activations of q bits would hold, exactly (Lorenzen, Igel & Nielsen 2022).
//!
//! `round((t - low) / (high - low) (2^q - 1))`, low and high the least and the greatest value of the layer, halves away from
//! zero: 2^q levels. I(X;T) is the entropy of the rows.

use rayon::prelude::*;

use super::binned::bounds;
use super::discrete::Question;
use super::distances::Real;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};

/// The level of each value, 0 to 2^q - 1.
///
/// # Errors
/// If a value is not finite.
///
/// # Panics
/// If there are more than 16 bits.
pub fn quantised<T: Real>(values: &[T], bits: u32) -> Result<Vec<u16>> {
    assert!(bits <= 16, "levels of {bits} bits: at most 16");
    let wide = |x: &T| -> f64 { (*x).into() };
    if let Some(value) = values.iter().map(wide).find(|value| !value.is_finite()) {
        return Err(Error::Config(format!("{value} has no level: values must be finite")));
    }
    let (low, high) = bounds(values);
    let most = f64::from((1u32 << bits) - 1);
    let level = |x: &T| if high > low { ((wide(x) - low) / (high - low) * most).round() as u16 } else { 0 };
    Ok(values.par_iter().map(level).collect())
}

struct Quantised {
    bits: u32,
    question: Question,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "quantised",
    summary: "exact entropy of `t` at `bits` = 8 a value, or its information on `y`; `of` = \"xt\" | \"ty\"",
    reference: "Lorenzen, Igel & Nielsen 2022",
    build: |params, ()| {
        let bits = params.integer("bits", Some(8), 1..=16) as u32;
        Ok(Box::new(Quantised { bits, question: Question::read(params) }))
    },
};

impl Estimator for Quantised {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let symbols = quantised(&arrays.get("t")?.values, self.bits)?;
        self.question.answer(&symbols, Some(f64::from(self.bits)), arrays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{built, Array};

    #[test]
    fn levels_reach_from_the_least_to_the_greatest_value() {
        // Of 3 in steps of 1: halves go up.
        assert_eq!(quantised(&[-1.0f32, -0.6, -0.5, 0.4, 2.0], 2).unwrap(), [0, 0, 1, 1, 3]);
        assert_eq!(quantised(&[0.0f64, 1.0], 16).unwrap(), [0, 65_535]);
        assert_eq!(quantised(&[5.0f64, 5.0], 8).unwrap(), [0, 0]);
        assert!(quantised(&[5.0f64, f64::INFINITY], 8).unwrap_err().to_string().contains("inf has no level"));
    }

    #[test]
    fn the_entropy_is_that_of_the_levels_and_no_more_than_samples_and_levels_allow() {
        let t: Vec<f64> = (0..32).map(f64::from).collect();
        let y: Vec<f64> = (0..32).map(|i| f64::from(i / 16)).collect();
        let arrays =
            Arrays { arrays: [("t".to_string(), Array::new(t, 32)), ("y".to_string(), Array::new(y, 32))].into() };
        let of = |params: &str| built(ENTRY, params).estimate(&arrays).unwrap();
        // 31 (2^1 - 1): two levels, 16 each; at 8 bits all differ.
        assert_eq!((of("bits = 1").value, of("bits = 1").cap), (1.0, Some(1.0)));
        assert_eq!((of("").value, of("").cap), (5.0, Some(5.0)));
        let labels = of("bits = 1\nof = \"ty\"");
        assert!((labels.value - 1.0).abs() < 1e-12 && labels.cap == Some(1.0), "{labels:?}");
        assert!(labels.shuffled.is_some_and(|shuffled| shuffled < 0.2), "{labels:?}");
    }
}
