//! Logits with the labels that they are judged by: what the estimators of classifiers share.

use super::{Arrays, Estimate};
use crate::error::{Error, Result};
use crate::num::{mean, sd};

/// Logits of samples and their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Classified {
    logits: Vec<f64>,
    labels: Vec<u32>,
    classes: usize,
}

impl Classified {
    /// `logits` (n, classes), row after row, with `labels` (n).
    ///
    /// # Errors
    /// If there are no samples, the logits cannot be shared out to the labels, or a label is no class.
    pub fn new(logits: Vec<f64>, labels: Vec<u32>) -> Result<Self> {
        let n = labels.len();
        let classes = logits.len().checked_div(n).unwrap_or(0);
        if classes == 0 || classes * n != logits.len() {
            let message = format!("{} logits for {n} labels: expected as many for each label", logits.len());
            return Err(Error::Config(message));
        }
        if let Some(row) = labels.iter().position(|label| *label as usize >= classes) {
            let label = labels[row];
            let message =
                format!("label {label} of sample {row}: expected one of 0 to {}, as logits have", classes - 1);
            return Err(Error::Config(message));
        }
        Ok(Classified { logits, labels, classes })
    }

    /// The arrays `logits` and `y`.
    ///
    /// # Errors
    /// If one is missing, they do not fit, or a logit is no finite number.
    pub fn of(arrays: &Arrays) -> Result<Self> {
        let (logits, _) = arrays.pair("logits", "y")?;
        if let Some(at) = logits.values.iter().position(|z| !z.is_finite()) {
            let (row, class, found) = (at / logits.columns(), at % logits.columns(), logits.values[at]);
            return Err(Error::Config(format!("`logits`, row {row}, class {class}: {found} is no finite number")));
        }
        Classified::new(logits.values.clone(), arrays.labels("y")?)
    }

    /// Samples.
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    /// Classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The labels, (n).
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Logits and label of each sample.
    pub fn rows(&self) -> impl Iterator<Item = (&[f64], usize)> {
        self.logits.chunks_exact(self.classes).zip(&self.labels).map(|(row, label)| (row, *label as usize))
    }

    /// A number for each sample, (n).
    pub fn each(&self, score: impl Fn(&[f64], usize) -> f64) -> Vec<f64> {
        self.rows().map(|(row, label)| score(row, label)).collect()
    }

    /// The mean of a number over samples with its standard error, and the same mean where labels are permuted: exactly
    /// that over all permutations, in which a sample has each label as often as there are labels of that kind.
    pub fn mean(&self, unit: &'static str, score: impl Fn(&[f64], usize) -> f64) -> Estimate {
        let values = self.each(&score);
        let n = values.len();
        let mut counts = vec![0u32; self.classes];
        self.labels.iter().for_each(|label| counts[*label as usize] += 1);
        let permuted = |row: &[f64]| {
            let present = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            present.map(|(class, count)| f64::from(*count) * score(row, class)).sum::<f64>()
        };
        let shuffled = self.rows().map(|(row, _)| permuted(row)).sum::<f64>() / (n * n) as f64;
        Estimate::new(mean(&values), unit, n).with_se(sd(&values) / (n as f64).sqrt()).with_shuffled(shuffled)
    }
}

/// The class of the greatest logit, the first of equals; `None` where a logit is no finite number.
pub fn predicted(row: &[f64]) -> Option<usize> {
    let greatest = (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
    row.iter().all(|z| z.is_finite()).then_some(greatest)
}

/// ln of the sum of exp(logit), with the greatest taken out first. NaN where a logit is no finite number.
pub fn log_sum_exp(row: &[f64]) -> f64 {
    let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !row.iter().all(|z| z.is_finite()) {
        return f64::NAN;
    }
    greatest + row.iter().map(|z| (z - greatest).exp()).sum::<f64>().ln()
}

/// The probabilities of the classes, (classes). NaN where a logit is no finite number.
pub fn softmax(row: &[f64]) -> Vec<f64> {
    let log_sum = log_sum_exp(row);
    row.iter().map(|z| (z - log_sum).exp()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Array;
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_shuffled_mean_is_that_over_many_permutations() {
        let logits: Vec<f64> = (0..60).map(|i| f64::from((i * 7) % 11)).collect();
        // Two of three labels are those of the greatest logit.
        let greatest = |i: usize| predicted(&logits[3 * i..3 * i + 3]).unwrap();
        let labels: Vec<u32> = (0..20).map(|i| if i % 3 == 0 { 0 } else { greatest(i) as u32 }).collect();
        let score = |row: &[f64], label: usize| row[label] - 0.1 * row[0];
        let mean = Classified::new(logits.clone(), labels.clone()).unwrap().mean("1", score);
        let (mut rng, mut sum, times) = (Seed::new(3).rng(), 0.0, 20_000);
        let mut permuted = labels;
        for _ in 0..times {
            rng.shuffle(&mut permuted);
            sum += Classified::new(logits.clone(), permuted.clone()).unwrap().each(score).iter().sum::<f64>() / 20.0;
        }
        let (found, expected) = (mean.shuffled.unwrap(), sum / f64::from(times));
        assert!((found - expected).abs() < 0.05, "{found} against {expected}");
        assert!((found - mean.value).abs() > 0.5, "permuting changes something");
    }

    #[test]
    fn great_logits_do_not_overflow_and_what_is_not_finite_is_nan() {
        assert!((log_sum_exp(&[1000.0, 1000.0]) - 1000.0 - 2f64.ln()).abs() < 1e-12);
        assert_eq!(softmax(&[-1000.0, 0.0]), [0.0, 1.0]);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(log_sum_exp(&[0.0, bad]).is_nan());
            assert_eq!(predicted(&[0.0, bad]), None);
        }
        assert_eq!(predicted(&[1.0, 3.0, 3.0]), Some(1));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let told =
            |logits: &[f64], labels: &[u32]| Classified::new(logits.to_vec(), labels.to_vec()).unwrap_err().to_string();
        assert!(told(&[0.0; 5], &[0, 1]).contains("5 logits for 2 labels"));
        assert!(told(&[], &[]).contains("0 logits for 0 labels"));
        assert!(told(&[0.0; 4], &[0, 2]).contains("label 2 of sample 1: expected one of 0 to 1"));
        let mut arrays = Arrays::default();
        arrays.arrays.insert("logits".to_string(), Array::new(vec![0.0, 1.0, 2.0, f64::NAN], 2));
        arrays.arrays.insert("y".to_string(), Array::new(vec![0.0, 1.0], 2));
        let message = Classified::of(&arrays).unwrap_err().to_string();
        assert!(message.contains("row 1, class 1: NaN is no finite number"), "{message}");
    }
}
