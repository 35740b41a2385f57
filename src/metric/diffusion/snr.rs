//! Signal-to-noise ratio at one moment: of gradients of minibatches, and of the learner's own updates.
//!
//! `gradient`: so many minibatches of training images, each image drawn with replacement, at the same weights; the same
//! batches for all learners, whatever their own batch, and without augmentation. `update`: the learner's next step, taken
//! again and again from its state at this moment, each time on a batch of its own and with randomness of its own; so noise of
//! batches and noise of a search distribution are both in it. Formulas: [`crate::estimator::snr`].
//!
//! Of an evolution strategy there is `theory`, the ratio of isotropic steps of as many members in antithetic pairs on a linear
//! loss without noise: `n / (d + 1)` for n pairs, whatever the gradient ([`es_theory`]). Published curves of Shwartz-Ziv &
//! Tishby 2017 need not equal this: their public code sums the covariance over layers and takes its root twice.

use crate::data::Split;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::{es_theory, snr::Snr as Ratio};
use crate::metric::{Measured, Metric, Needs, Size, Subject, When};
use crate::record::{Method, Reading};

struct Snr {
    batches: usize,
    batch: usize,
    redraws: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "snr",
    summary: "signal over noise of minibatch gradients, and of the learner's own updates, at the same weights",
    reference: "Shwartz-Ziv & Tishby 2017, with the bias removed",
    // Defaults: 32 `batches` of `batch` 128 images; 16 `redraws` of the update, as few as a covariance's trace can bear.
    build: |params, ()| {
        Ok(Box::new(Snr {
            batches: params.integer("batches", Some(32), 3..=10_000) as usize,
            batch: params.integer("batch", Some(128), 1..=1_000_000) as usize,
            redraws: params.integer("redraws", Some(16), 0..=10_000) as usize,
        }))
    },
};

impl Metric for Snr {
    fn when(&self) -> When {
        When::Always
    }

    fn needs(&self) -> Needs {
        Needs { states: self.redraws > 0, ..Needs::default() }
    }

    fn macs(&self, size: &Size) -> f64 {
        size.gradient(self.batches * self.batch) + self.redraws as f64 * size.step
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let (task, seed) = (subject.task, subject.seed.child("snr"));
        let images = task.data.len(Split::Train);
        let mut gradients = Vec::new();
        for batch in 0..self.batches as u64 {
            let mut rng = seed.child("batch").index(batch).rng();
            let indices: Vec<usize> = (0..self.batch.min(images)).map(|_| rng.below(images)).collect();
            let batch = task.data.gather(Split::Train, &indices);
            gradients.extend(subject.gradient(&subject.snapshot.trained, &batch)?.1);
        }
        let mut measured = Measured::default();
        push(&mut measured, "gradient", "nats", self.batches, &Ratio::of(&gradients, self.batches));
        let Some(redraw) = subject.run.redraw.filter(|_| self.redraws > 2) else { return Ok(measured) };
        let updates = redraw.updates(self.redraws, seed.child("updates"))?.concat();
        push(&mut measured, "update", "1", self.redraws, &Ratio::of(&updates, self.redraws));
        if subject.run.header.method == Method::Evolution {
            let pairs = subject.run.population / 2;
            let theory = es_theory::snr_squared(pairs, task.start.genes());
            measured.push(Reading::new("theory", theory, "1", pairs).of("update"));
        }
        Ok(measured)
    }
}

fn push(measured: &mut Measured, of: &str, unit: &str, n: usize, ratio: &Ratio) {
    let numbers = [
        ("norm-of-mean", ratio.norm_of_mean, unit),
        ("root-trace", ratio.root_trace, unit),
        ("naive-snr", ratio.naive, "1"),
        ("snr2", ratio.unbiased_squared, "1"),
    ];
    for ((name, value, unit), se) in numbers.into_iter().zip(ratio.se) {
        measured.push(Reading::new(name, value, unit, n).of(of).se(se));
    }
    measured.push(Reading::new("floor", ratio.floor_squared, "1", n).of(of));
}
