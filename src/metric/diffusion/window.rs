//! Parts of a run that walks and displacements are looked at in: from the start, and from the first interpolation on.

use crate::metric::{Run, Walk};

/// The share of the training snapshot that must be right for a network to interpolate, by default. Strictly it is 1; networks
/// of which few weights are trained come close at best.
pub const INTERPOLATION: f64 = 0.99;

/// A part of a run, to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What it is called: `start` or `interpolation`.
    pub name: &'static str,
    /// Its first step.
    pub from: usize,
}

/// The windows of a run: all of it, and from the first moment on at which at least the share `interpolation` of the training
/// snapshot was right, where there is one after the start.
pub fn windows(run: &Run<'_>, interpolation: f64) -> Vec<Window> {
    let moments: Vec<[f64; 2]> =
        run.evaluations.iter().map(|found| [found.cost.step as f64, found.scores.train.accuracy]).collect();
    let first = first_at_least(&moments, interpolation).filter(|step| *step > 0);
    let whole = Window { name: "start", from: 0 };
    std::iter::once(whole).chain(first.map(|from| Window { name: "interpolation", from })).collect()
}

/// The first step whose accuracy is high enough; `moments` are steps with accuracies.
fn first_at_least(moments: &[[f64; 2]], least: f64) -> Option<usize> {
    moments.iter().find(|[_, accuracy]| *accuracy >= least).map(|[step, _]| *step as usize)
}

/// The places of a walk from step `from` to step `to`, and how many.
pub fn places(walk: &Walk, from: usize, to: usize) -> (&[f32], usize) {
    let to = to.min(walk.len().saturating_sub(1));
    let from = from.min(to);
    (&walk.places[from * walk.width..(to + 1) * walk.width], to + 1 - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moment_that_is_good_enough_begins_the_window() {
        let moments = [[0.0, 0.1], [4.0, 0.98], [9.0, 0.995], [20.0, 0.97], [30.0, 1.0]];
        assert_eq!(first_at_least(&moments, 0.99), Some(9));
        assert_eq!(first_at_least(&moments, 1.0), Some(30));
        assert_eq!(first_at_least(&moments[..2], 0.99), None);
    }

    #[test]
    fn places_are_cut_at_the_end_of_the_walk() {
        let walk = Walk { places: (0..12).map(|x| x as f32).collect(), width: 2, trained: 2 };
        assert_eq!(places(&walk, 1, 3), (&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0][..], 3));
        assert_eq!(places(&walk, 4, 99), (&[8.0, 9.0, 10.0, 11.0][..], 2));
        assert_eq!(places(&walk, 99, 99).1, 1);
    }
}
