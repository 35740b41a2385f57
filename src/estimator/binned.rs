//! Layers made discrete by bins, as in the first information planes (Shwartz-Ziv & Tishby 2017): every value becomes the
//! number of its bin, the code of a sample is its whole row.
//!
//! What comes out is the entropy of a code that depends on the bins as much as on the layer, so it is never shown for one
//! rule alone.

use rayon::prelude::*;

use super::discrete::Question;
use super::distances::Real;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::params::Range;

/// How bins are laid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bins {
    /// So many equal bins from -1 to 1, both ends inside: for tanh alone.
    Tanh(usize),
    /// Of this width, `floor(t / width)`, without end.
    Width(f64),
    /// So many equal bins from the layer's least to its greatest value.
    Range(usize),
    /// So many bins with equally many of the layer's values each, as far as equal values allow.
    EqualMass(usize),
}

/// The bin of each value.
///
/// # Errors
/// If a value is not finite, is outside -1 to 1 where only these have bins, or has a number beyond 32 bits.
pub fn binned<T: Real>(values: &[T], bins: Bins) -> Result<Vec<i32>> {
    let wide = |x: &T| -> f64 { (*x).into() };
    if let Some(value) = values.iter().map(wide).find(|value| !value.is_finite()) {
        return Err(Error::Config(format!("{value} has no bin: values must be finite")));
    }
    let (low, high) = bounds(values);
    let equal = |count: usize, low: f64, high: f64| {
        let of = |x: &T| if high > low { ((wide(x) - low) / (high - low) * count as f64) as i32 } else { 0 };
        values.par_iter().map(|x| of(x).min(count as i32 - 1)).collect()
    };
    match bins {
        Bins::Tanh(_) if low < -1.0 || high > 1.0 => {
            Err(Error::Config(format!("values from {low} to {high}: these bins are for -1 to 1, as tanh gives")))
        }
        Bins::Tanh(count) => Ok(equal(count, -1.0, 1.0)),
        Bins::Width(width) if low.abs().max(high.abs()) / width >= f64::from(i32::MAX) => {
            Err(Error::Config(format!("values from {low} to {high}: bins of width {width} are too many")))
        }
        Bins::Width(width) => Ok(values.par_iter().map(|x| (wide(x) / width).floor() as i32).collect()),
        Bins::Range(count) => Ok(equal(count, low, high)),
        Bins::EqualMass(count) => {
            let mut sorted: Vec<f64> = values.iter().map(wide).collect();
            sorted.par_sort_unstable_by(f64::total_cmp);
            let mut edges: Vec<f64> = (1..count).map(|i| sorted[i * sorted.len() / count]).collect();
            edges.dedup();
            Ok(values.par_iter().map(|x| edges.partition_point(|edge| *edge <= wide(x)) as i32).collect())
        }
    }
}

/// Least and greatest value.
pub(super) fn bounds<T: Real>(values: &[T]) -> (f64, f64) {
    let wide = values.iter().map(|x| -> f64 { (*x).into() });
    wide.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

struct Binned {
    bins: Bins,
    question: Question,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "binned",
    summary: "entropy of binned `t`, or its information on `y`: `rule` = \"range\" | \"width\" | \"equal-mass\" | \"tanh\"; `of`",
    reference: "Shwartz-Ziv & Tishby 2017; Saxe et al. 2018",
    build: |params, ()| {
        let rule = params.choice("rule", Some("range"), &["range", "width", "equal-mass", "tanh"]);
        // 30 bins as Shwartz-Ziv & Tishby, a width of 0.07 as Saxe et al.
        let width = if rule == "width" { params.float("width", Some(0.07), Range::Above(0.0)) } else { f64::NAN };
        let count = if rule == "width" { 0 } else { params.integer("bins", Some(30), 1..=1_000_000) as usize };
        let bins = match rule {
            "width" => Bins::Width(width),
            "equal-mass" => Bins::EqualMass(count),
            "tanh" => Bins::Tanh(count),
            _ => Bins::Range(count),
        };
        Ok(Box::new(Binned { bins, question: Question::read(params) }))
    },
};

impl Estimator for Binned {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let bits = match self.bins {
            Bins::Width(_) => None,
            Bins::Tanh(count) | Bins::Range(count) | Bins::EqualMass(count) => Some((count as f64).log2()),
        };
        self.question.answer(&binned(&arrays.get("t")?.values, self.bins)?, bits, arrays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{built, golden, Array};

    #[test]
    fn the_golden_array_in_bins_of_a_half_has_its_values() {
        let arrays = golden::arrays();
        let found = built(ENTRY, "rule = \"width\"\nwidth = 0.5").estimate(&arrays).unwrap();
        assert!((found.value - golden::value("bin0.5_H_T_bits")).abs() < 1e-9, "{found:?}");
        assert_eq!((found.unit, found.cap), ("bits", Some(6.0)));
        let found = built(ENTRY, "rule = \"width\"\nwidth = 0.5\nof = \"ty\"").estimate(&arrays).unwrap();
        assert!((found.value - golden::value("bin0.5_I_TY_bits")).abs() < 1e-9, "{found:?}");
        // Shuffled labels seem to be known almost as well: that is what the companion is for.
        assert!(found.shuffled.is_some_and(|shuffled| shuffled > 0.4 && shuffled < 0.9), "{found:?}");
    }

    #[test]
    fn each_rule_lays_its_bins() {
        let values = [-1.0f64, -0.95, 0.0, 0.5, 1.0];
        assert_eq!(binned(&values, Bins::Tanh(4)).unwrap(), [0, 0, 2, 3, 3]);
        assert_eq!(binned(&values, Bins::Width(0.5)).unwrap(), [-2, -2, 0, 1, 2]);
        assert_eq!(binned(&[0.0f32, 1.0, 2.0, 10.0], Bins::Range(5)).unwrap(), [0, 0, 1, 4]);
        assert_eq!(binned(&[3.0f64, 3.0], Bins::Range(5)).unwrap(), [0, 0]);
        let mass = binned(&[5.0f64, 1.0, 2.0, 100.0, 3.0, 4.0], Bins::EqualMass(3)).unwrap();
        assert_eq!(mass, [2, 0, 0, 2, 1, 1]);
        // Half of all are 0 and stay together.
        let relu = binned(&[0.0f64, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0], Bins::EqualMass(4)).unwrap();
        assert_eq!(relu[..4], [relu[0]; 4]);
        assert_eq!(relu[4..], [relu[0] + 1, relu[0] + 1, relu[0] + 2, relu[0] + 2]);
    }

    #[test]
    fn what_has_no_bin_is_an_error() {
        let told = |values: &[f64], bins| binned(values, bins).unwrap_err().to_string();
        assert!(told(&[0.0, 1.5], Bins::Tanh(30)).contains("values from 0 to 1.5"));
        assert!(told(&[0.0, f64::NAN], Bins::Range(30)).contains("NaN has no bin"));
        assert!(told(&[1e12], Bins::Width(0.07)).contains("too many"));
    }

    #[test]
    fn codes_that_all_differ_hold_log2_n_bits_and_know_any_labels_whole() {
        for (n, cap) in [(1_000, 9.97), (2_000, 10.97), (10_000, 13.29)] {
            let t = Array::new((0..n).map(f64::from).collect(), n as usize);
            let y = Array::new((0..n).map(|i| f64::from(i / 7 % 4)).collect(), n as usize);
            let arrays = Arrays { arrays: [("t".to_string(), t), ("y".to_string(), y)].into() };
            let of = |of: &str| {
                built(ENTRY, &format!("rule = \"width\"\nwidth = 0.5\nof = \"{of}\"")).estimate(&arrays).unwrap()
            };
            let whole = of("xt");
            assert!((whole.value - cap).abs() < 0.005 && (whole.cap.unwrap() - whole.value).abs() < 1e-9, "{whole:?}");
            let labels = of("ty");
            let [all, shuffled] = [labels.cap, labels.shuffled].map(Option::unwrap);
            assert!((labels.value - all).abs() < 1e-9 && (labels.value - shuffled).abs() < 1e-9, "{labels:?}");
        }
    }

    #[test]
    fn a_constant_layer_holds_nothing_and_labels_hold_themselves() {
        let arrays = |t: Vec<f64>| {
            let y: Vec<f64> = (0..30).map(|i| f64::from(i % 3)).collect();
            Arrays { arrays: [("t".to_string(), Array::new(t, 30)), ("y".to_string(), Array::new(y, 30))].into() }
        };
        let constant = arrays([0.3, -2.0].repeat(30));
        let labels = arrays((0..30).map(|i| 0.5 * f64::from(i % 3)).collect());
        for rule in ["range", "width", "equal-mass"] {
            let row = |of: &str| built(ENTRY, &format!("rule = \"{rule}\"\nof = \"{of}\""));
            for of in ["xt", "ty"] {
                assert!(row(of).estimate(&constant).unwrap().value.abs() < 1e-12, "{rule} {of}");
                assert!((row(of).estimate(&labels).unwrap().value - 3f64.log2()).abs() < 1e-12, "{rule} {of}");
            }
            assert!((row("ty").estimate(&labels).unwrap().cap.unwrap() - 3f64.log2()).abs() < 1e-12);
        }
    }
}
