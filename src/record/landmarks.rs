//! Where learners are compared: at equal training loss, which they reach at different times, and at the end.

use super::RunRecords;

/// Matched losses of a comparison.
pub(crate) const LEVELS: u32 = 5;

/// A moment at which the networks of all learners are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Landmark {
    /// The first moment at which the loss on the training snapshot is at most this, nats.
    Loss(f64),
    /// The last moment.
    End,
}

/// The landmarks of runs of one cell, the untrained network apart: five training losses, evenly spaced on a log scale between
/// the least initial loss and the greatest final loss of any finished run, the latter among them, and the end. Without losses
/// where none was learned by all.
pub fn landmarks<'a>(runs: impl Iterator<Item = &'a RunRecords> + Clone) -> Vec<Landmark> {
    let initial = runs.clone().filter_map(|run| run.evaluations.first()).map(|first| first.scores.train.loss);
    let top = initial.fold(f64::INFINITY, f64::min);
    let ends = runs.filter_map(|run| run.end.as_ref()).map(|end| end.last.train.loss);
    // A run that ended without a loss has learned nothing.
    let bottom = ends.fold(f64::NEG_INFINITY, |most, loss| if loss.is_nan() { f64::INFINITY } else { most.max(loss) });
    let mut landmarks = Vec::new();
    if top.is_finite() && bottom > 0.0 && bottom < top {
        let level =
            |i: u32| if i == LEVELS { bottom } else { top * (bottom / top).powf(f64::from(i) / f64::from(LEVELS)) };
        landmarks.extend((1..=LEVELS).map(|i| Landmark::Loss(level(i))));
    }
    landmarks.push(Landmark::End);
    landmarks
}

impl Landmark {
    /// The step at which a finished run comes by; `None` where it never does, or is not finished.
    pub fn step(self, run: &RunRecords) -> Option<u64> {
        let end = run.end.as_ref()?;
        match self {
            Landmark::End => Some(end.cost.step),
            Landmark::Loss(level) => {
                run.evaluations.iter().find(|at| at.scores.train.loss <= level).map(|at| at.cost.step)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Background, Cost, End, Evaluation, Header, Method, Score, Scores, FORMAT};

    fn run(losses: &[(u64, f64)], finished: bool) -> RunRecords {
        let word = String::new;
        let scores = |loss| {
            let score = Score { loss, accuracy: 0.5, images: 9 };
            Scores { train: score, validation: score, test: score }
        };
        let cost = |step| Cost { step, ..Cost::default() };
        let evaluations: Vec<Evaluation> =
            losses.iter().map(|(step, loss)| Evaluation { cost: cost(*step), scores: scores(*loss) }).collect();
        let last = evaluations.last().unwrap();
        let end = End {
            reason: word(),
            cost: last.cost,
            last: last.scores,
            best_by_validation: last.scores,
            best_by_validation_step: 0,
            best_on_test_accuracy: 0.5,
        };
        RunRecords {
            header: Header {
                format: FORMAT,
                campaign: word(),
                cell: word(),
                learner: word(),
                method: Method::Backprop,
                algorithm: word(),
                subset: word(),
                background: Background::Random,
                data: word(),
                classes: 10,
                model: word(),
                seed: 1,
                subset_size: 1,
                subset_weights: None,
                parameters_total: 1,
                config: word(),
            },
            steps: Vec::new(),
            end: finished.then_some(end),
            evaluations,
            laps: Vec::new(),
            measurements: Vec::new(),
            config: String::new(),
        }
    }

    #[test]
    fn losses_are_matched_from_the_least_start_to_the_worst_end_in_equal_ratios() {
        let one = run(&[(0, 3.2), (4, 0.9), (9, 0.05)], true);
        let other = run(&[(0, 4.0), (1, 1.6), (2, 1.7), (8, 0.1)], true);
        let unfinished = run(&[(0, 5.0), (1, 4.5)], false);
        let found = landmarks([&one, &other, &unfinished].into_iter());
        // 3.2 to 0.1 is a ratio of 2 to the power of five.
        let losses = [1.6, 0.8, 0.4, 0.2, 0.1];
        assert_eq!(found.len(), 6);
        for (found, expected) in found.iter().zip(losses) {
            assert!(matches!(found, Landmark::Loss(loss) if (loss - expected).abs() < 1e-12), "{found:?}");
        }
        let steps = |run: &RunRecords| found.iter().map(|landmark| landmark.step(run)).collect::<Vec<_>>();
        assert_eq!(steps(&one), [Some(4), Some(9), Some(9), Some(9), Some(9), Some(9)]);
        assert_eq!(steps(&other)[1..], [Some(8), Some(8), Some(8), Some(8), Some(8)]);
        assert_eq!(steps(&unfinished), [None; 6]);
    }

    #[test]
    fn where_a_learner_learned_nothing_only_the_end_is_left() {
        let (good, bad) = (run(&[(0, 2.0), (5, 0.5)], true), run(&[(0, 2.0), (5, 2.5)], true));
        assert_eq!(landmarks([&good, &bad].into_iter()), [Landmark::End]);
        let failed = run(&[(0, 2.0), (5, f64::NAN)], true);
        assert_eq!(landmarks([&good, &failed].into_iter()), [Landmark::End]);
    }
}
