//! Lexicase selection (Spector 2012; Helmuth, Spector & Matheson 2015) over the classes of the images.
//!
//! For each parent the classes are put into random order; class by class only those candidates stay that are best at it,
//! until one is left, or chance decides among the last. A member that is good at one class alone can so become a parent.
//!
//! Mean losses are hardly ever equal, so that the first class would decide alone. With `epsilon = "mad"` those within
//! the class's median absolute deviation of the best that is left stay too (La Cava, Spector & Danai 2016; the threshold
//! is that of all candidates, the best that of those left: semi-dynamic in La Cava, Helmuth, Spector & Moore 2019). Classes
//! of which the batch has no image are no cases.

use super::{Candidates, SelectionOperator};
use crate::entry::Entry;
use crate::operator::Needs;
use crate::rng::Rng;

struct Lexicase {
    mad: bool,
}

/// Default: `epsilon` `mad`, for losses that are real numbers; `none` for lexicase selection proper, which suits the loss
/// `error` on few images of each class.
pub(super) const ENTRY: Entry<dyn SelectionOperator> = Entry {
    name: "lexicase",
    summary: "the best at class after class, the classes in random order",
    reference: "Spector 2012; Helmuth et al. 2015; La Cava et al. 2016",
    build: |params, ()| {
        Ok(Box::new(Lexicase { mad: params.choice("epsilon", Some("mad"), &["mad", "none"]) == "mad" }))
    },
};

impl SelectionOperator for Lexicase {
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize> {
        let classes = from.classes();
        let loss = |member: usize, class: usize| from.by_class[member * classes + class];
        let epsilons: Vec<f32> = (0..classes)
            .map(|class| if self.mad { deviation(from.order.iter().map(|member| loss(*member, class))) } else { 0.0 })
            .collect();
        let known = |class: &usize| from.order.iter().all(|member| !loss(*member, *class).is_nan());
        let mut cases: Vec<usize> = (0..classes).filter(known).collect();
        let mut left = Vec::with_capacity(from.order.len());
        let one = |_| {
            rng.shuffle(&mut cases);
            left.clear();
            left.extend_from_slice(from.order);
            for class in &cases {
                if left.len() == 1 {
                    break;
                }
                let best = left.iter().map(|member| loss(*member, *class)).fold(f32::INFINITY, f32::min);
                left.retain(|member| loss(*member, *class) <= best + epsilons[*class]);
            }
            left[rng.below(left.len())]
        };
        (0..count).map(one).collect()
    }

    fn needs(&self) -> Needs {
        Needs { class_losses: true, ..Needs::default() }
    }
}

/// Median absolute deviation from the median; 0 where it is not finite.
fn deviation(losses: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = losses.collect();
    let centre = median(&mut values);
    values.iter_mut().for_each(|value| *value = (*value - centre).abs());
    let found = median(&mut values);
    if found.is_finite() {
        found
    } else {
        0.0
    }
}

/// Sorts the values; of an even number it is the mean of the middle two.
fn median(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let n = values.len();
    0.5 * values[(n - 1) / 2] + 0.5 * values[n / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    const NONE: f32 = f32::NAN;

    /// How often each of five members is chosen of `count`, against probabilities.
    fn check(lexicase: &Lexicase, order: &[usize], by_class: &[f32], expected: [f64; 5]) {
        let count = 30_000;
        let from = Candidates { order, losses: &[1.0; 5], by_class };
        let chosen = lexicase.select(&from, count, &mut Seed::new(6).rng());
        for (member, p) in expected.into_iter().enumerate() {
            let times = chosen.iter().filter(|i| **i == member).count() as f64;
            let bound = 4.0 * (count as f64 * p * (1.0 - p)).sqrt();
            assert!((times - count as f64 * p).abs() <= bound, "member {member}: {times} times, p {p}");
        }
    }

    #[test]
    fn a_small_matrix_by_hand() {
        // Three classes with images, one without. Member 4 failed and stands in no order; 3 is best on the whole and nowhere.
        #[rustfmt::skip]
        let by_class = [
            0.0, 0.9, NONE, 0.9,
            0.0, 0.8, NONE, 1.0,
            0.9, 0.0, NONE, 0.0,
            0.1, 0.1, NONE, 0.1,
            NONE, NONE, NONE, NONE,
        ];
        // First class 0 (1/3): members 0 and 1 are left; the second of the others decides, 1 by class 1, 0 by class 3.
        // First class 1 or 3: member 2.
        check(&Lexicase { mad: false }, &[3, 2, 1, 0], &by_class, [1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0, 0.0, 0.0]);
    }

    #[test]
    fn equals_in_all_classes_are_as_likely() {
        let by_class = [1.0, 2.0, 3.0, 0.5, 3.0, 0.5, 3.0, 0.5, 1.0, 2.0];
        // Class 0: members 0 and 4; class 1: members 1, 2 and 3.
        check(&Lexicase { mad: false }, &[0, 1, 2, 3, 4], &by_class, [0.25, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0, 0.25]);
    }

    #[test]
    fn with_epsilon_those_near_the_best_stay() {
        // Class 0: median 0.3, deviations 0.3, 0.2, 0, 0.3, 0.5: epsilon 0.3, so members 0, 1 and 2 are within it.
        // Class 1: median 0.4, deviations 0.4, 0, 0.3, 0.4, 0.2: epsilon 0.3, so only 2 and 3 are.
        let by_class = [0.0, 0.8, 0.1, 0.4, 0.3, 0.125, 0.6, 0.0, 0.8, 0.6];
        // Class 0 first: then class 1 among 0, 1, 2: the best is 0.125, members 1 (0.4 <= 0.425) and 2.
        // Class 1 first: then class 0 among 2 and 3: the best is 0.3, both are within 0.3 of it.
        check(&Lexicase { mad: true }, &[2, 1, 0, 3, 4], &by_class, [0.0, 0.25, 0.5, 0.25, 0.0]);
    }

    #[test]
    fn infinite_losses_leave_a_threshold_of_zero() {
        assert_eq!(deviation([f32::INFINITY, 1.0, f32::INFINITY].into_iter()), 0.0);
        assert_eq!(deviation([1.0, 4.0, 2.0, 8.0].into_iter()), 1.5);
    }
}
