//! Budgets: how much a run may cost. The first limit reached ends it; no step is begun that would pass a limit.

use crate::record::Cost;

/// Limits; at least one is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Passes over the training images.
    pub epochs: Option<Epochs>,
    /// Forward passes of one image through one network.
    pub images: Option<u64>,
    /// Steps (generations or gradient steps).
    pub steps: Option<u64>,
    /// Multiply-accumulates, backward passes included.
    pub macs: Option<u64>,
    /// Seconds of training, evaluations apart. Runs with this limit depend on the machine.
    pub seconds: Option<f64>,
}

/// Passes over the training images. A step shows one batch, whatever the population, so a generation and a gradient step
/// count alike; the last step may reach over the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// How many passes.
    pub count: u64,
    /// The steps that this takes.
    pub steps: u64,
}

impl Epochs {
    /// `count` passes over `images` images in batches of `batch`: ceil(count * images / batch) steps.
    ///
    /// # Panics
    /// If `batch` is 0.
    pub fn new(count: u64, images: u64, batch: u64) -> Self {
        let steps = (u128::from(count) * u128::from(images)).div_ceil(u128::from(batch));
        Epochs { count, steps: u64::try_from(steps).unwrap_or(u64::MAX) }
    }
}

impl Budget {
    /// Each limit with its name and what was used of it.
    fn uses(&self, cost: Cost, seconds: f64) -> impl Iterator<Item = (&'static str, f64, f64)> {
        let limit = |limit: Option<u64>| limit.map(|limit| limit as f64);
        [
            ("epochs", cost.step as f64, limit(self.epochs.map(|epochs| epochs.steps))),
            ("images", cost.images as f64, limit(self.images)),
            ("steps", cost.step as f64, limit(self.steps)),
            ("macs", cost.macs as f64, limit(self.macs)),
            ("seconds", seconds, self.seconds),
        ]
        .into_iter()
        .filter_map(|(name, used, limit)| Some((name, used, limit?)))
    }

    /// The most steps that can be taken where each costs as much as `step`; `None` where the clock alone ends a run.
    pub fn most_steps(&self, step: Cost) -> Option<u64> {
        let counted = self.uses(step, 0.0).filter(|(name, ..)| *name != "seconds");
        // The first step is always allowed.
        counted.map(|(_, used, limit)| (limit / used) as u64).min().map(|steps| steps.max(1))
    }

    /// Share of the budget used, 0 to 1: that of the limit nearest to its end.
    pub fn used(&self, cost: Cost, seconds: f64) -> f64 {
        self.uses(cost, seconds).map(|(_, used, limit)| used / limit).fold(0.0, f64::max).min(1.0)
    }

    /// The limit that the next step would pass, if it costs as much as the last one did (`last`; nothing is known before
    /// the first, which is always allowed).
    pub fn ends(&self, cost: Cost, last: Option<Cost>, seconds: f64) -> Option<&'static str> {
        let last = last?;
        let next = Cost {
            step: cost.step + last.step,
            images: cost.images + last.images,
            macs: cost.macs + last.macs,
            ..cost
        };
        // Nobody knows how long the next step takes: the clock ends a run once it is past.
        self.uses(next, seconds)
            .find(|(name, used, limit)| if *name == "seconds" { used >= limit } else { used > limit })
            .map(|(name, ..)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_would_pass_a_limit_is_not_begun() {
        let budget = Budget { images: Some(100), steps: Some(7), ..Budget::default() };
        let step = Cost { step: 1, images: 30, images_backward: 0, macs: 5 };
        let after = |n: u64| Cost { step: n, images: 30 * n, images_backward: 0, macs: 5 * n };
        assert_eq!(budget.ends(after(0), None, 0.0), None);
        assert_eq!(budget.ends(after(2), Some(step), 0.0), None);
        assert_eq!(budget.ends(after(3), Some(step), 0.0), Some("images"), "90 + 30 would be more than 100");
        let exact = Budget { images: Some(90), ..Budget::default() };
        assert_eq!(exact.ends(after(2), Some(step), 0.0), None, "60 + 30 is 90");
        assert!((budget.used(after(3), 0.0) - 0.9).abs() < 1e-12);
        assert_eq!(Budget { steps: Some(3), ..Budget::default() }.ends(after(3), Some(step), 0.0), Some("steps"));
        assert_eq!([budget, exact].map(|budget| budget.most_steps(step)), [Some(3), Some(3)]);
        assert_eq!(
            Budget { macs: Some(4), ..Budget::default() }.most_steps(step),
            Some(1),
            "the first is always allowed"
        );
        let clock = Budget { seconds: Some(2.0), ..Budget::default() };
        assert_eq!(clock.most_steps(step), None);
        assert_eq!(clock.ends(after(1), Some(step), 1.9), None);
        assert_eq!(clock.ends(after(1), Some(step), 2.0), Some("seconds"));
    }

    #[test]
    fn epochs_end_with_the_step_that_completes_them() {
        // 164 epochs of CIFAR-10 in batches of 128 are 64,062.5 batches.
        assert_eq!(Epochs::new(164, 50_000, 128), Epochs { count: 164, steps: 64_063 });
        let cases = [(1, 10, 5, 2), (1, 10, 4, 3), (2, 10, 4, 5), (3, 7, 7, 3), (1, 1, 1, 1), (5, 3, 2, 8)];
        for (count, images, batch, steps) in cases {
            assert_eq!(Epochs::new(count, images, batch).steps, steps, "{count} x {images} / {batch}");
        }
        assert_eq!(Epochs::new(u64::MAX, u64::MAX, 1).steps, u64::MAX);
        let budget = Budget { epochs: Some(Epochs::new(2, 10, 4)), ..Budget::default() };
        let step = Cost { step: 1, images: 4 * 64, images_backward: 0, macs: 5 };
        let after = |n: u64| Cost { step: n, images: 4 * 64 * n, ..step };
        assert_eq!(budget.ends(after(4), Some(step), 0.0), None, "20 images are 5 batches of 4");
        assert_eq!(budget.ends(after(5), Some(step), 0.0), Some("epochs"));
        assert!((budget.used(after(1), 0.0) - 0.2).abs() < 1e-12);
        let both = Budget { steps: Some(3), ..budget };
        assert_eq!(both.ends(after(3), Some(step), 0.0), Some("steps"), "the first limit reached ends it");
    }
}
