//! Half a cosine from 1 down to `final` (Loshchilov & Hutter 2017, without restarts), after a linear warm-up.
//!
//! `u = (used - warmup) / (1 - warmup)`, `factor = final + (1 - final) (1 + cos(pi u)) / 2`; while `used < warmup`,
//! `factor = used / warmup`, which is 0 at the very first step.

use super::Schedule;
use crate::entry::Entry;
use crate::params::Range;
use crate::progress::Progress;

struct Cosine {
    last: f64,
    warmup: f64,
}

/// Defaults: `final` 0 (the paper's lower end) and `warmup` 0, a share of the budget.
pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "cosine",
    summary: "half a cosine down to a final factor, after an optional warm-up",
    reference: "Loshchilov & Hutter 2017",
    build: |params, ()| {
        Ok(Box::new(Cosine {
            last: params.float("final", Some(0.0), Range::Within(0.0, 1.0)),
            warmup: params.float("warmup", Some(0.0), Range::FromBelow(0.0, 1.0)),
        }))
    },
};

impl Schedule for Cosine {
    fn factor(&self, at: Progress) -> f64 {
        let used = at.used.clamp(0.0, 1.0);
        if used < self.warmup {
            return used / self.warmup;
        }
        let u = (used - self.warmup) / (1.0 - self.warmup);
        self.last + (1.0 - self.last) * 0.5 * (1.0 + (std::f64::consts::PI * u).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_through_the_warmup_and_falls_as_half_a_cosine() {
        let cosine = Cosine { last: 0.2, warmup: 0.25 };
        let at = |used| cosine.factor(Progress { step: 0, used });
        // A third of the way down: cos(pi/3) = 1/2, so 0.2 + 0.8 * 0.75.
        for (used, factor) in [(0.0, 0.0), (0.05, 0.2), (0.25, 1.0), (0.5, 0.8), (0.625, 0.6), (1.0, 0.2), (1.3, 0.2)] {
            assert!((at(used) - factor).abs() < 1e-12, "{used}: {} against {factor}", at(used));
        }
    }
}
