//! Which numbers of a record become points, and under which tags. What stands before the slash is a group of curves.

use crate::record::{Evaluation, Lap, Method, Score, Step};

/// A point of a curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The curve.
    pub tag: String,
    /// The number; the file holds it as f32.
    pub value: f64,
}

fn scalar(tag: impl Into<String>, value: f64) -> Scalar {
    Scalar { tag: tag.into(), value }
}

/// Of a training step: `generation/...` for evolution, `batch/loss` for backprop, and the algorithm's own numbers.
pub fn step(method: Method, step: &Step) -> Vec<Scalar> {
    let mut scalars = match method {
        Method::Evolution => vec![
            scalar("generation/loss_mean", step.loss),
            scalar("generation/loss_best", step.best),
            scalar("generation/failed", step.failed as f64),
        ],
        Method::Backprop => vec![scalar("batch/loss", step.loss)],
    };
    scalars.extend(step.diagnostics.iter().map(|(name, value)| scalar(format!("diagnostics/{name}"), *value)));
    scalars
}

/// Of a look at the incumbent: its scores, and what training has cost so far.
pub fn evaluation(evaluation: &Evaluation) -> Vec<Scalar> {
    let scores = &evaluation.scores;
    let splits: [(&str, &Score); 3] =
        [("train", &scores.train), ("validation", &scores.validation), ("test", &scores.test)];
    let of = |(name, score): (&str, &Score)| {
        [scalar(format!("{name}/loss"), score.loss), scalar(format!("{name}/accuracy"), score.accuracy)]
    };
    let mut scalars: Vec<Scalar> = splits.into_iter().flat_map(of).collect();
    scalars.push(scalar("cost/images", evaluation.cost.images as f64));
    scalars.push(scalar("cost/macs", evaluation.cost.macs as f64));
    scalars
}

/// Of a reading of the clock.
pub fn lap(lap: &Lap) -> Vec<Scalar> {
    vec![
        scalar("speed/images_per_second", lap.images_per_second),
        scalar("speed/seconds", lap.seconds),
        scalar("speed/peak_rss_mib", lap.peak_rss_mib),
    ]
}
