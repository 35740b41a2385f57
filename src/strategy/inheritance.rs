//! Fitness inheritance (Morse & Stanley 2016, LEEA): what a member is judged by remembers the batches of its ancestors.
//!
//! ```text
//! f' = f + (1 - d) f'_parent                     asexual reproduction
//! f' = f + (1 - d) (f'_first + f'_second) / 2    two parents
//! ```
//!
//! `f` is the loss on the batch of now, `d` the decay, in the paper 0.2; the option `inheritance` is `1 - d`. After some
//! generations `f'` is a sum of losses with weights 1, 0.8, 0.64, ... over as many batches. All members have as many
//! ancestors, so that the sums compare. The paper maximises and has no elites; here the same sum is of losses, and a member
//! that stays is its own parent.

use crate::params::{Params, Range};

/// How much of its parents' losses a member is judged by.
pub struct Inheritance {
    rate: f32,
}

impl Inheritance {
    /// Reads `inheritance`, the paper's 1 - d: 0 (off) by default, 0.8 in the paper.
    pub fn read(params: &Params<'_>) -> Self {
        Inheritance { rate: params.float("inheritance", Some(0.0), Range::FromBelow(0.0, 1.0)) as f32 }
    }

    /// What members are judged by (n), from their losses `own` (n) and what their parents were judged by on average (n).
    ///
    /// A failed member stays failed, and nothing that is no number is inherited: who would, inherits the worst that is one.
    /// Before the second generation none is, and the losses stay as they are.
    pub fn judge(&self, own: &[f32], inherited: &[f32]) -> Vec<f32> {
        let worst = inherited.iter().copied().filter(|loss| loss.is_finite()).reduce(f32::max);
        let (Some(worst), true) = (worst, self.rate > 0.0) else { return own.to_vec() };
        let judged =
            |(own, inherited): (&f32, &f32)| own + self.rate * if inherited.is_finite() { *inherited } else { worst };
        own.iter().zip(inherited).map(judged).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_judged_by_its_loss_and_a_share_of_what_its_parents_were_judged_by() {
        let half = Inheritance { rate: 0.5 };
        assert_eq!(half.judge(&[1.0, 2.0], &[4.0, 6.0]), [3.0, 5.0]);
        assert_eq!(half.judge(&[1.0, 2.0], &[f32::NAN; 2]), [1.0, 2.0], "the first generation has no parents");
        let judged = half.judge(&[f32::NAN, 1.0, 2.0, 3.0], &[1.0, f32::NAN, 8.0, f32::INFINITY]);
        assert!(judged[0].is_nan(), "failed now");
        assert_eq!(judged[1..], [5.0, 6.0, 7.0], "the worst number stands for none");
        let off = Inheritance { rate: 0.0 };
        assert_eq!(off.judge(&[0.1, 2.0], &[1.0, 1.0]), [0.1, 2.0]);
    }
}
