//! Churn: the share of test predictions that are not what they were at an earlier moment. Diffusion as a function, which does
//! not depend on how weights stand for it.
//!
//! Earlier moments: the `start`, the one at which the run was looked at `previous`ly, and the first `interpolation`; `at` is how
//! many steps ago that was. Intervals are Wilson's, over images.

use crate::entry::Entry;
use crate::error::Result;
use crate::learner::Moment;
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::wilson;
use crate::params::Range;
use crate::record::Reading;

use super::window::{windows, INTERPOLATION};

struct Churn {
    interpolation: f64,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "churn",
    summary: "share of test predictions that changed since the start, the moment before, and interpolation",
    reference: "Milani Fard et al. 2016",
    // Default: `interpolation` 0.99.
    build: |params, ()| {
        let interpolation = params.float("interpolation", Some(INTERPOLATION), Range::AboveUpTo(0.0, 1.0));
        Ok(Box::new(Churn { interpolation }))
    },
};

impl Metric for Churn {
    fn when(&self) -> When {
        When::Always
    }

    fn macs(&self, size: &Size) -> f64 {
        // Itself, and three earlier networks whose statistics are measured again.
        size.forward * (4.0 * size.images as f64 + 3.0 * size.snapshot as f64)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let moments = subject.run.moments;
        let Some((now, before)) = moments.split_last().filter(|(_, before)| !before.is_empty()) else {
            return Ok(Measured::missing("there is no earlier moment"));
        };
        let interpolated = windows(subject.run, self.interpolation).into_iter().find(|w| w.name == "interpolation");
        let since = |step: usize| before.iter().find(|moment| moment.cost.step == step as u64);
        let earlier = [
            ("start", before.first()),
            ("previous", before.last()),
            ("interpolation", interpolated.and_then(|window| since(window.from))),
        ];
        let predicted = predictions(&subject.probe.logits(&subject.test.images), subject.task.start.graph.classes());
        let mut measured = Measured::default();
        for (of, moment) in earlier {
            // Where the subset was drawn again in between, the trained values are of other weights.
            let Some(moment) = moment.filter(|moment| moment.stage == now.stage) else { continue };
            let changed = changed(&predicted, &self.predictions_at(subject, moment)?);
            let n = predicted.len();
            let reading = Reading::new("churn", changed as f64 / n as f64, "1", n).of(of);
            let interval = wilson(changed as f64, n as f64);
            measured.push(reading.at((now.cost.step - moment.cost.step) as f64).interval(interval));
        }
        if measured.readings.is_empty() {
            return Ok(Measured::missing("the subset was drawn again since the moments before"));
        }
        Ok(measured)
    }
}

impl Churn {
    /// What an earlier network said of the test images.
    fn predictions_at(&self, subject: &Subject<'_>, moment: &Moment) -> Result<Vec<usize>> {
        let task = subject.task;
        let weights = task.start.weights_of(&moment.trained);
        let (statistics, _) = task.engine.recalibrate(&weights, subject.train)?;
        let logits = task.engine.logits(&weights, &statistics, subject.test)?;
        Ok(predictions(&logits, task.start.graph.classes()))
    }
}

/// The class with the greatest logit of each row; the first of equal ones.
fn predictions(logits: &[f32], classes: usize) -> Vec<usize> {
    let greatest =
        |row: &[f32]| (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
    logits.chunks_exact(classes.max(1)).map(greatest).collect()
}

fn changed(now: &[usize], before: &[usize]) -> usize {
    now.iter().zip(before).filter(|(now, before)| now != before).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_that_differ_are_counted() {
        let now = predictions(&[0.0, 2.0, 1.0, 5.0, 5.0, 4.0, -1.0, -2.0, -0.5], 3);
        assert_eq!(now, [1, 0, 2], "of equal logits the first");
        let before = predictions(&[0.0, 2.0, 3.0, 5.0, 4.0, 4.0, -1.0, -2.0, -0.5], 3);
        assert_eq!(changed(&now, &before), 1);
    }
}
