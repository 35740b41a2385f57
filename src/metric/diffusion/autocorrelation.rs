//! Memory of training: how alike updates are that lie some steps apart, along the walk.
//!
//! `cosine` and `normalised` as in [`crate::estimator::autocorrelation`], at log-spaced lags, over the whole run and from the first
//! interpolation on; of a long walk the last part. The null is the same updates with random signs. Steps that left the
//! weights where they were are not among the cosines; `moved` is the share of the others.

use super::window::{places, windows, Window, INTERPOLATION};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::autocorrelation::{cosines, normalised};
use crate::estimator::lags::log_spaced;
use crate::estimator::random_signs::signed_rows;
use crate::estimator::steps::steps;
use crate::metric::{Measured, Metric, Needs, Size, Subject, Walk, When};
use crate::num::{mean, sd};
use crate::params::Range;
use crate::record::Reading;
use crate::rng::Seed;

/// Lags for each factor of ten.
const PER_DECADE: usize = 5;

struct Autocorrelation {
    interpolation: f64,
    most: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "autocorrelation",
    summary: "how alike updates are that lie some steps apart",
    reference: "textbook",
    // Defaults: `interpolation` 0.99; `most` 20,000 steps.
    build: |params, ()| {
        Ok(Box::new(Autocorrelation {
            interpolation: params.float("interpolation", Some(INTERPOLATION), Range::AboveUpTo(0.0, 1.0)),
            most: params.integer("most", Some(20_000), 10..=10_000_000) as usize,
        }))
    },
};

impl Metric for Autocorrelation {
    fn when(&self) -> When {
        When::End
    }

    fn needs(&self) -> Needs {
        Needs { walk: true, ..Needs::default() }
    }

    fn macs(&self, size: &Size) -> f64 {
        // Twice three products for each of some 20 lags.
        (size.trained.min(512) * self.most) as f64 * 120.0
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let run = subject.run;
        let Some(last) = run.moments.last().filter(|moment| moment.stage == 0) else {
            return Ok(Measured::missing("the subset was drawn again: there is no one space to walk in"));
        };
        let Some(walk) = run.walk else { return Ok(Measured::missing("the walk was not kept")) };
        let mut measured = Measured::default();
        for window in windows(run, self.interpolation) {
            let seed = subject.seed.child("autocorrelation");
            self.of_walk(walk, window, last.cost.step as usize, seed, &mut measured);
        }
        if measured.readings.is_empty() {
            return Ok(Measured::missing("there are fewer than 20 steps"));
        }
        Ok(measured)
    }
}

impl Autocorrelation {
    /// What a part of the walk says.
    fn of_walk(&self, walk: &Walk, window: Window, to: usize, seed: Seed, measured: &mut Measured) {
        let (part, rows) = places(walk, window.from.max(to.saturating_sub(self.most)), to);
        let (steps, rows) = (steps(part, rows), rows - 1);
        if rows < 20 {
            return;
        }
        let signed = signed_rows(&steps, rows, seed);
        let moved = steps.chunks_exact(walk.width).filter(|step| step.iter().any(|x| *x != 0.0)).count();
        measured.push(Reading::new("moved", moved as f64 / rows as f64, "1", rows).of(window.name));
        for lag in log_spaced(rows / 10, PER_DECADE) {
            let at = |name, value, n| Reading::new(name, value, "1", n).of(window.name).at(lag as f64);
            let found = cosines(&steps, rows, lag);
            let se = sd(&found) / (found.len() as f64).sqrt();
            let null = mean(&cosines(&signed, rows, lag));
            measured.push(at("cosine", mean(&found), found.len()).se(se).shuffled(null));
            let null = normalised(&signed, rows, lag);
            measured.push(at("normalised", normalised(&steps, rows, lag), rows - lag).shuffled(null));
        }
    }
}
