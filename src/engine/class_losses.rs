//! Losses by class: for selections that ask who is good at what.

use super::Loss;

/// Losses of a population on one batch, whole and by class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassLosses {
    /// Loss (n) of each member, the bits of [`super::Engine::losses`].
    pub losses: Vec<f32>,
    /// Mean loss over the batch's images of each class, (n, classes). NaN for a class without images; for a member that
    /// failed on any image, all are NaN.
    pub by_class: Vec<f32>,
}

impl ClassLosses {
    /// The loss of one member, then those by class, of its logits (batch, classes).
    pub(super) fn row(loss: Loss, logits: &[f32], labels: &[u32]) -> Vec<f32> {
        let mut row = vec![loss.mean(logits, labels) as f32];
        row.extend(loss.means_by_class(logits, labels).into_iter().map(|mean| mean as f32));
        row
    }

    /// Takes apart the rows of the members.
    pub(super) fn of_rows(rows: &[Vec<f32>]) -> Self {
        let mut all = ClassLosses::default();
        for row in rows {
            all.losses.push(row[0]);
            all.by_class.extend_from_slice(&row[1..]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_apart_into_losses_and_classes() {
        // Three classes, of which the last has no image: nats of a right logit that is 0 above or 1 below the other two.
        let logits = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let row = ClassLosses::row(Loss::Nll, &logits, &[0, 1, 0]);
        let (even, uneven) = (3f64.ln(), (1f64.exp() + 2.0).ln());
        let expected = [(2.0 * even + uneven) / 3.0, even, uneven, f64::NAN];
        for (got, expected) in row.iter().zip(expected) {
            assert!((f64::from(*got) - expected).abs() < 1e-6 || got.is_nan() && expected.is_nan(), "{row:?}");
        }
        let all = ClassLosses::of_rows(&[vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]]);
        assert_eq!(all, ClassLosses { losses: vec![1.0, 4.0], by_class: vec![2.0, 3.0, 5.0, 6.0] });
    }
}
