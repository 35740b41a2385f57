//! Losses of logits: one implementation for both learners, in f64, images summed in order.

use serde::{Deserialize, Serialize};

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Mean negative log-likelihood of the right class, nats.
    Nll,
    /// Share of images classified wrongly. Has no gradient: for evolution only.
    Error,
    /// Mean of max(0, 1 + greatest wrong logit - right logit) (Crammer & Singer 2001).
    Margin,
}

impl Loss {
    /// Words in campaign files, in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["nll", "error", "margin"];

    /// The loss of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Loss::Nll, Loss::Error, Loss::Margin].into_iter().zip(Self::NAMES).find(|(_, n)| *n == name).map(|(l, _)| l)
    }

    /// Whether backprop can minimise it.
    pub fn has_gradient(self) -> bool {
        self != Loss::Error
    }

    /// Mean loss of `logits` (batch, classes); NaN where a logit is infinite or NaN: such a network has failed.
    pub fn mean(self, logits: &[f32], labels: &[u32]) -> f64 {
        let classes = logits.len() / labels.len();
        let rows = logits.chunks_exact(classes).zip(labels);
        rows.map(|(row, label)| self.of(row, *label as usize)).sum::<f64>() / labels.len() as f64
    }

    /// Mean loss over the images of each class, (classes); NaN for a class without images. Where a logit is infinite or
    /// NaN all are NaN: such a network has failed.
    pub fn means_by_class(self, logits: &[f32], labels: &[u32]) -> Vec<f64> {
        let classes = logits.len() / labels.len();
        let mut sums = vec![(0.0, 0); classes];
        for (row, label) in logits.chunks_exact(classes).zip(labels) {
            let (sum, images) = &mut sums[*label as usize];
            *sum += self.of(row, *label as usize);
            *images += 1;
        }
        let failed = sums.iter().any(|(sum, _)| sum.is_nan());
        let mean = |(sum, images): (f64, u32)| if failed { f64::NAN } else { sum / f64::from(images) };
        sums.into_iter().map(mean).collect()
    }

    /// Gradient of the mean loss with respect to `logits` (batch, classes).
    pub fn gradient(self, logits: &[f32], labels: &[u32]) -> Vec<f32> {
        let classes = logits.len() / labels.len();
        let n = labels.len() as f64;
        let mut gradient = vec![0.0; logits.len()];
        let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)).zip(labels);
        for ((row, out), label) in rows {
            let label = *label as usize;
            match self {
                Loss::Nll => {
                    let log_sum = log_sum_exp(row);
                    for (class, (out, z)) in out.iter_mut().zip(row).enumerate() {
                        let right = if class == label { 1.0 } else { 0.0 };
                        *out = (((f64::from(*z) - log_sum).exp() - right) / n) as f32;
                    }
                }
                Loss::Margin => {
                    let rival = greatest_but(row, label);
                    if 1.0 + f64::from(row[rival]) - f64::from(row[label]) > 0.0 {
                        out[rival] = (1.0 / n) as f32;
                        out[label] = (-1.0 / n) as f32;
                    }
                }
                Loss::Error => {}
            }
        }
        gradient
    }

    fn of(self, row: &[f32], label: usize) -> f64 {
        if !finite(row) {
            return f64::NAN;
        }
        match self {
            Loss::Nll => log_sum_exp(row) - f64::from(row[label]),
            Loss::Error => f64::from(u8::from(predict(row) != label)),
            Loss::Margin => (1.0 + f64::from(row[greatest_but(row, label)]) - f64::from(row[label])).max(0.0),
        }
    }
}

/// Whether a row of logits predicts `label`. One with a logit that is no finite number predicts nothing.
pub fn predicts(row: &[f32], label: usize) -> bool {
    finite(row) && predict(row) == label
}

fn finite(row: &[f32]) -> bool {
    row.iter().all(|z| z.is_finite())
}

/// The class of the greatest logit; the first of equals.
fn predict(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

/// The class of the greatest logit but that of `label`; the first of equals. With one class, `label` itself.
fn greatest_but(row: &[f32], label: usize) -> usize {
    let others = (0..row.len()).filter(|class| *class != label);
    others.reduce(|best, class| if row[class] > row[best] { class } else { best }).unwrap_or(label)
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let greatest = row.iter().fold(f64::NEG_INFINITY, |greatest, z| greatest.max(f64::from(*z)));
    greatest + row.iter().map(|z| (f64::from(*z) - greatest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_logits_cost_the_logarithm_of_the_classes() {
        assert!((Loss::Nll.mean(&[0.5; 20], &[3, 9]) - 10f64.ln()).abs() < 1e-12);
        assert_eq!(Loss::Error.mean(&[0.5; 20], &[3, 0]), 0.5, "equal logits predict the first class");
        assert_eq!(Loss::Margin.mean(&[2.0, 0.0, 1.5], &[0]), 0.5);
        assert_eq!(Loss::Margin.mean(&[2.0, 0.0, 0.5], &[0]), 0.0);
    }

    #[test]
    fn huge_logits_stay_finite_and_logits_that_are_no_numbers_have_no_loss() {
        assert_eq!(Loss::Nll.mean(&[3e38, -3e38], &[0]), 0.0);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for row in [[1.0, bad], [bad, 1.0], [bad, bad]] {
                for loss in [Loss::Nll, Loss::Error, Loss::Margin] {
                    // One such image spoils the mean.
                    let mean = loss.mean(&[0.5, 0.0, row[0], row[1]], &[0, 0]);
                    assert!(mean.is_nan(), "{loss:?} of {row:?}: {mean}");
                }
                assert!(!predicts(&row, 0) && !predicts(&row, 1));
            }
        }
        assert!(predicts(&[1.0, 3e38], 1) && !predicts(&[1.0, 3e38], 0));
    }

    #[test]
    fn the_images_of_each_class_have_their_own_mean_and_one_failed_image_spoils_all() {
        let logits = [2.0, 0.0, 1.5, 0.0, 1.0, 0.0, 2.0, 0.0, 0.5];
        let means = Loss::Margin.means_by_class(&logits, &[0, 1, 0]);
        assert_eq!(means[..2], [0.25, 0.0]);
        assert!(means[2].is_nan(), "no image of the third class");
        let errors = Loss::Error.means_by_class(&logits, &[2, 1, 2]);
        assert!(errors[0].is_nan() && errors[1..] == [0.0, 1.0], "{errors:?}");
        let failed = [2.0, 0.0, 1.5, 0.0, f32::INFINITY, 0.0];
        assert!(Loss::Nll.means_by_class(&failed, &[0, 1]).iter().all(|mean| mean.is_nan()));
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let logits = [0.3f32, -1.2, 0.9, 2.0, 0.1, -0.4];
        let labels = [1, 0];
        for loss in [Loss::Nll, Loss::Margin] {
            let gradient = loss.gradient(&logits, &labels);
            for i in 0..logits.len() {
                let at = |step: f32| {
                    let mut moved = logits;
                    moved[i] += step;
                    loss.mean(&moved, &labels)
                };
                let difference = (at(1e-3) - at(-1e-3)) / 2e-3;
                assert!((difference - f64::from(gradient[i])).abs() < 1e-4, "{loss:?} {i}");
            }
        }
    }
}
