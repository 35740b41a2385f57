//! Multinomial logistic regression with an L2 penalty, by L-BFGS (Liu & Nocedal 1989) with halved steps.

use std::collections::VecDeque;

use crate::num::{dot, Matrix};

/// Pairs of steps and gradient differences that are remembered (Liu & Nocedal's middle choice).
const MEMORY: usize = 10;

/// Most steps of one fit.
const STEPS: usize = 300;

/// Samples in rows with labels.
pub(super) struct Samples {
    /// (rows, columns + 1): the last column is 1, for the biases.
    values: Vec<f64>,
    labels: Vec<u32>,
    classes: usize,
}

impl Samples {
    /// Of rows (n, columns) with labels below `classes`.
    pub fn new<'a>(rows: impl Iterator<Item = &'a [f64]>, labels: Vec<u32>, classes: usize) -> Self {
        let values: Vec<f64> = rows.flat_map(|row| row.iter().copied().chain([1.0])).collect();
        Samples { values, labels, classes }
    }

    fn matrix(&self) -> Matrix<'_, f64> {
        Matrix::new(&self.values, self.labels.len())
    }

    fn inputs(&self) -> usize {
        self.values.len() / self.labels.len()
    }

    /// For each row `-ln p(label)` and whether the label is the most likely one, of weights (columns + 1, classes).
    pub fn scores(&self, weights: &[f64]) -> Vec<(f64, bool)> {
        let logits = self.matrix().times(Matrix::new(weights, self.inputs()));
        let score = |(row, label): (&[f64], &u32)| {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|x| (x - most).exp()).sum();
            let own = row[*label as usize];
            (most + sum.ln() - own, own == most)
        };
        logits.chunks_exact(self.classes).zip(&self.labels).map(score).collect()
    }

    /// Mean loss with the penalty, and its gradient.
    fn objective(&self, weights: &[f64], penalty: f64) -> (f64, Vec<f64>) {
        let n = self.labels.len() as f64;
        let mut residuals = self.matrix().times(Matrix::new(weights, self.inputs()));
        let mut loss = 0.0;
        for (row, label) in residuals.chunks_exact_mut(self.classes).zip(&self.labels) {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let own = row[*label as usize];
            row.iter_mut().for_each(|x| *x = (*x - most).exp());
            let sum: f64 = row.iter().sum();
            loss += (most + sum.ln() - own) / n;
            row.iter_mut().for_each(|x| *x /= sum * n);
            row[*label as usize] -= 1.0 / n;
        }
        let mut gradient = self.matrix().transposed().times(Matrix::new(&residuals, self.labels.len()));
        // Biases, the last row, are free.
        let slopes = weights.len() - self.classes;
        for (slope, weight) in gradient[..slopes].iter_mut().zip(weights) {
            *slope += penalty * weight;
        }
        (loss + 0.5 * penalty * dot(&weights[..slopes], &weights[..slopes]), gradient)
    }

    /// Weights (columns + 1, classes) of least mean loss (nats) + `penalty` / 2 |slopes|^2, from `start` on, until no entry
    /// of the gradient is above `tolerance`. With values that are not finite they are not either.
    pub fn fit(&self, penalty: f64, start: Option<Vec<f64>>, tolerance: f64) -> Vec<f64> {
        let mut weights = start.unwrap_or_else(|| vec![0.0; self.inputs() * self.classes]);
        let (mut loss, mut gradient) = self.objective(&weights, penalty);
        if !loss.is_finite() {
            return vec![f64::NAN; weights.len()];
        }
        let mut past: VecDeque<Past> = VecDeque::with_capacity(MEMORY + 1);
        for _ in 0..STEPS {
            if gradient.iter().all(|slope| slope.abs() <= tolerance) {
                break;
            }
            let direction = direction(&gradient, &past);
            let slope = dot(&direction, &gradient);
            let mut length = 1.0;
            let (next, next_loss, next_gradient) = loop {
                let next: Vec<f64> = weights.iter().zip(&direction).map(|(w, d)| w + length * d).collect();
                let (next_loss, next_gradient) = self.objective(&next, penalty);
                if next_loss <= loss + 1e-4 * length * slope {
                    break (next, next_loss, next_gradient);
                }
                length *= 0.5;
                // Nothing below this is more than rounding: the minimum is reached as far as f64 can tell.
                if length < 1e-10 {
                    return weights;
                }
            };
            let step: Vec<f64> = next.iter().zip(&weights).map(|(a, b)| a - b).collect();
            let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
            (weights, loss, gradient) = (next, next_loss, next_gradient);
            let curvature = dot(&step, &change);
            if curvature > 0.0 {
                past.push_back(Past { step, change, curvature });
                if past.len() > MEMORY {
                    past.pop_front();
                }
            }
        }
        weights
    }
}

/// A step, the change of the gradient, and their product.
struct Past {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// Minus the inverse Hessian, as the past shows it, times the gradient: the two loops of Nocedal (1980).
fn direction(gradient: &[f64], past: &VecDeque<Past>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|x| -x).collect();
    let mut shares = Vec::with_capacity(past.len());
    for one in past.iter().rev() {
        let share = dot(&one.step, &q) / one.curvature;
        q.iter_mut().zip(&one.change).for_each(|(q, change)| *q -= share * change);
        shares.push(share);
    }
    if let Some(last) = past.back() {
        let scale = last.curvature / dot(&last.change, &last.change);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (one, share) in past.iter().zip(shares.into_iter().rev()) {
        let back = share - dot(&one.change, &q) / one.curvature;
        q.iter_mut().zip(&one.step).for_each(|(q, step)| *q += back * step);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    /// Rows of two normal columns, and labels that follow from them and from chance.
    fn samples(n: usize) -> Samples {
        let mut values = vec![0.0f32; 3 * n];
        Seed::new(4).rng().fill_normal(&mut values);
        let rows: Vec<[f64; 2]> = values.chunks(3).map(|row| [f64::from(row[0]), f64::from(row[1])]).collect();
        let label = |row: &[f32]| u32::from(row[0] + row[2] > 0.0) + u32::from(row[1] + row[2] > 0.8);
        let labels = values.chunks(3).map(label).collect();
        Samples::new(rows.iter().map(|row| row.as_slice()), labels, 3)
    }

    #[test]
    fn the_gradient_is_that_of_differences() {
        let (samples, weights) = (samples(50), [0.3, -0.2, 0.5, 0.1, 0.7, -0.4, 0.2, 0.0, -0.1]);
        let (loss, gradient) = samples.objective(&weights, 0.3);
        let mean = samples.scores(&weights).iter().map(|(loss, _)| loss).sum::<f64>() / 50.0;
        let squares: f64 = weights[..6].iter().map(|w| w * w).sum();
        assert!((loss - mean - 0.15 * squares).abs() < 1e-12);
        for (i, slope) in gradient.iter().enumerate() {
            let at = |by: f64| {
                let mut moved = weights;
                moved[i] += by;
                samples.objective(&moved, 0.3).0
            };
            assert!((slope - (at(1e-5) - at(-1e-5)) / 2e-5).abs() < 1e-9, "{i}");
        }
    }

    #[test]
    fn a_fit_ends_where_the_gradient_does_from_wherever_it_starts() {
        let samples = samples(400);
        let fitted = samples.fit(1e-3, None, 1e-9);
        let (loss, gradient) = samples.objective(&fitted, 1e-3);
        assert!(gradient.iter().all(|slope| slope.abs() < 1e-8), "{gradient:?}");
        let far: Vec<f64> = (0..9).map(|i| f64::from(i) - 4.0).collect();
        let (again, _) = samples.objective(&samples.fit(1e-3, Some(far), 1e-9), 1e-3);
        assert!((loss - again).abs() < 1e-10 && loss < 3f64.ln(), "{loss} {again}");
        // A strong penalty leaves the shares of the classes.
        let flat = samples.fit(1e6, None, 1e-9);
        let shares: Vec<f64> = flat[6..].iter().map(|bias| bias.exp()).collect();
        let of = |class: u32| samples.labels.iter().filter(|label| **label == class).count() as f64 / 400.0;
        let total: f64 = shares.iter().sum();
        (0..3).for_each(|class| assert!((shares[class] / total - of(class as u32)).abs() < 1e-5, "{class}"));
    }

    #[test]
    fn what_is_not_finite_is_not_fitted() {
        let rows = [[1.0], [f64::NAN]];
        let samples = Samples::new(rows.iter().map(|row| row.as_slice()), vec![0, 1], 2);
        assert!(samples.fit(1.0, None, 1e-6).iter().all(|weight| weight.is_nan()));
    }
}
