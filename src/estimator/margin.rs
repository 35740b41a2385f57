//! Output margins: the logit of the label less the greatest other one, `z_y - max_{j != y} z_j`, negative where the label is
//! not predicted. Divided by the mean length of the last features, they no longer grow with the scale of a network
//! (Jiang et al. 2019).

use super::classified::{predicted, Classified};
use super::{Array, Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{mean, percentile};
use crate::params::Range;
use crate::rng::Seed;

/// Permutations of labels that `shuffled` is a mean of.
const PERMUTATIONS: u64 = 20;

/// The output margin of one sample, in units of logits. NaN where a logit is no finite number, or with one class.
pub fn output_margin(row: &[f64], label: usize) -> f64 {
    let others = row.iter().enumerate().filter(|(class, _)| *class != label).map(|(_, z)| *z);
    let greatest = others.fold(f64::NEG_INFINITY, f64::max);
    if predicted(row).is_none() || greatest == f64::NEG_INFINITY {
        return f64::NAN;
    }
    row[label] - greatest
}

/// The mean Euclidean length of the rows.
pub fn mean_length(features: &Array) -> f64 {
    mean(&features.iter().map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt()).collect::<Vec<f64>>())
}

/// First-order distance of an input from the nearest boundary, `min_{j != y} (z_y - z_j) / |grad_x (z_y - z_j)|`, in units
/// of the input: exact for a linear classifier, and for a piecewise linear one as long as the boundary lies within the
/// sample's own piece. `slopes` are the gradients of the logits by the input, (classes, inputs). NaN where something is no
/// finite number; infinite where no logit changes.
pub fn input_margin(row: &[f64], slopes: &[f64], label: usize) -> f64 {
    let inputs = slopes.len() / row.len();
    let slope = |class: usize| &slopes[class * inputs..(class + 1) * inputs];
    if predicted(row).is_none() || !slopes.iter().all(|x| x.is_finite()) {
        return f64::NAN;
    }
    let distance = |class: usize| {
        let squares = slope(label).iter().zip(slope(class)).map(|(own, other)| (own - other).powi(2));
        let length = squares.sum::<f64>().sqrt();
        // Logits that are equal everywhere are on the boundary; 0 / 0 would hide it.
        let gap = row[label] - row[class];
        if gap == 0.0 {
            0.0
        } else {
            gap / length
        }
    };
    (0..row.len()).filter(|class| *class != label).map(distance).fold(f64::INFINITY, f64::min)
}

struct Margin {
    quantile: f64,
    by_length: bool,
    right: bool,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "margin",
    summary:
        "a `quantile` = 0.5 of output margins; `divide` = \"none\" or \"length\" of `t`; `of` = \"all\" or \"right\"",
    reference: "Jiang et al. 2019",
    build: |params, ()| {
        let quantile = params.float("quantile", Some(0.5), Range::Within(0.0, 1.0));
        let by_length = params.choice("divide", Some("none"), &["none", "length"]) == "length";
        let right = params.choice("of", Some("all"), &["all", "right"]) == "right";
        Ok(Box::new(Margin { quantile, by_length, right }))
    },
};

impl Margin {
    /// The quantile, and of how many samples.
    fn quantile(&self, samples: &Classified) -> (f64, usize) {
        let mut margins = samples.each(output_margin);
        margins.retain(|margin| !self.right || *margin > 0.0 || margin.is_nan());
        (percentile(&margins, self.quantile), margins.len())
    }
}

impl Estimator for Margin {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let samples = Classified::of(arrays)?;
        if samples.classes() < 2 {
            return Err(Error::Config("`logits` has one value a row: a margin needs two classes".to_string()));
        }
        let (unit, scale) = if self.by_length {
            let (_, features) = arrays.pair("logits", "t")?;
            ("1", mean_length(features))
        } else {
            ("logits", 1.0)
        };
        let (value, n) = self.quantile(&samples);
        let logits: Vec<f64> = samples.rows().flat_map(|(row, _)| row.to_vec()).collect();
        let permuted = |i: u64| {
            let mut labels = samples.labels().to_vec();
            Seed::new(0).child("margin").index(i).rng().shuffle(&mut labels);
            Ok(self.quantile(&Classified::new(logits.clone(), labels)?).0 / scale)
        };
        let shuffled = (0..PERMUTATIONS).map(permuted).collect::<Result<Vec<f64>>>()?;
        Ok(Estimate::new(value / scale, unit, n).with_shuffled(mean(&shuffled)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_margins_are_against_the_greatest_other_logit() {
        let row = [1.0, 4.0, 2.5];
        assert_eq!([0, 1, 2].map(|label| output_margin(&row, label)), [-3.0, 1.5, -1.5]);
        assert!(output_margin(&[1.0], 0).is_nan() && output_margin(&[1.0, f64::NAN], 0).is_nan());
    }

    #[test]
    fn input_margins_of_a_linear_classifier_are_its_distances() {
        // z = W x in the plane: at (2, 1) the logits are 2, 1, -3. The line z_0 = z_1 is x = y, at 1 / sqrt(2); the line
        // z_0 = z_2 is 2 x + y = 0, at 5 / sqrt(5), which is further.
        let slopes = [1.0, 0.0, 0.0, 1.0, -1.0, -1.0];
        let margin = input_margin(&[2.0, 1.0, -3.0], &slopes, 0);
        assert!((margin - 0.5f64.sqrt()).abs() < 1e-12, "{margin}");
        // The nearest boundary is not that of the greatest other logit where that one hardly moves.
        let flat = [1.0, 0.0, 0.99, 0.0, -10.0, 0.0];
        let margin = input_margin(&[2.0, 1.9, 0.0], &flat, 0);
        assert!((margin - 2.0 / 11.0).abs() < 1e-12, "{margin}");
    }

    #[test]
    fn constant_logits_are_infinitely_far_unless_they_are_equal() {
        assert_eq!(input_margin(&[1.0, 0.0], &[0.5, 0.5], 0), f64::INFINITY);
        assert_eq!(input_margin(&[1.0, 1.0], &[0.5, 0.5], 0), 0.0);
        assert!(input_margin(&[1.0, 0.0], &[0.5, f64::NAN], 0).is_nan());
    }

    #[test]
    fn divided_margins_do_not_depend_on_the_scale_of_the_features() {
        let arrays = |scale: f64| {
            let mut arrays = Arrays::default();
            let features = [3.0, 4.0, 0.0, 1.0].map(|x| x * scale);
            let logits = features;
            arrays.arrays.insert("logits".to_string(), Array::new(logits.to_vec(), 2));
            arrays.arrays.insert("t".to_string(), Array::new(features.to_vec(), 2));
            arrays.arrays.insert("y".to_string(), Array::new(vec![1.0, 0.0], 2));
            arrays
        };
        let margin = Margin { quantile: 1.0, by_length: true, right: false };
        // The greatest of 1 and -1, over the mean of the lengths 5 and 1.
        for scale in [1.0, 10.0] {
            let estimate = margin.estimate(&arrays(scale)).unwrap();
            assert!((estimate.value - 1.0 / 3.0).abs() < 1e-12, "{estimate:?}");
        }
        let right = Margin { quantile: 0.0, by_length: false, right: true }.estimate(&arrays(1.0)).unwrap();
        assert_eq!((right.value, right.n, right.unit), (1.0, 1, "logits"));
    }
}
