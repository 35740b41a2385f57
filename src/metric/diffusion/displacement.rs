//! How far the trained weights have gone, and how that grows.
//!
//! From the moments: `displacement`, the squared distance from the start and from the first interpolation, after so many steps
//! (`at`). From the walk, every step of it: `msd`, averaged over time at log-spaced lags up to a tenth of the window, with
//! local exponents; the exponent over all of them with its error; how much better or worse a power of the logarithm fits
//! (`aic-difference`, above 0: better); both too for the distance from one origin. Nulls are the same steps with random signs.
//! `explained-variance`: shares of principal components, with the same null, and `6 / (pi^2 i^2)` of a long random walk.
//!
//! Learning rates and step sizes that shrink look like subdiffusion, in the null too. Where more than 512 numbers are trained the
//! walk is a random projection, so that its squared lengths are right to about a tenth. Formulas: [`crate::estimator::msd`],
//! [`crate::estimator::msd_exponent`].

use super::window::{places, windows, Window, INTERPOLATION};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::lags::log_spaced;
use crate::estimator::msd::{single_origin_msd, time_averaged_msd};
use crate::estimator::msd_exponent::{local_exponents, over_time_se, Spreading};
use crate::estimator::random_signs::signed_walk;
use crate::estimator::walk_pca::{explained_variance, random_walk_share};
use crate::metric::{Measured, Metric, Needs, Size, Subject, Walk, When};
use crate::num::mean;
use crate::params::Range;
use crate::record::Reading;
use crate::rng::Seed;

/// Lags for each factor of ten.
const PER_DECADE: usize = 8;

/// Principal components that are told.
const COMPONENTS: usize = 4;

/// Places of which principal components are made: evenly spaced ones of a longer walk.
const PLACES: usize = 600;

struct Displacement {
    interpolation: f64,
    nulls: u64,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "displacement",
    summary: "squared displacement of the trained weights, its exponent, and whether its growth is logarithmic",
    reference: "Hoffer, Hubara & Soudry 2017",
    // Defaults: `interpolation` 0.99, 4 `nulls`.
    build: |params, ()| {
        Ok(Box::new(Displacement {
            interpolation: params.float("interpolation", Some(INTERPOLATION), Range::AboveUpTo(0.0, 1.0)),
            nulls: params.integer("nulls", Some(4), 0..=1_000),
        }))
    },
};

impl Metric for Displacement {
    fn when(&self) -> When {
        When::End
    }

    fn needs(&self) -> Needs {
        Needs { walk: true, ..Needs::default() }
    }

    fn macs(&self, size: &Size) -> f64 {
        // The length of the walk is not known here; ten thousand steps at 40 lags.
        (size.trained.min(512) * 400_000) as f64 * (1 + self.nulls) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let run = subject.run;
        let Some(last) = run.moments.last().filter(|moment| moment.stage == 0) else {
            return Ok(Measured::missing("the subset was drawn again: there is no one space to walk in"));
        };
        let mut measured = Measured::default();
        for Window { name, from } in windows(run, self.interpolation) {
            let origin = run.moments.iter().find(|moment| moment.cost.step == from as u64);
            let later = run.moments.iter().filter(|moment| moment.cost.step > from as u64);
            for (origin, moment) in later.filter_map(|moment| Some((origin?, moment))) {
                let distance = single_origin_msd(&[&origin.trained[..], &moment.trained].concat(), 2, 0, &[1])[0];
                let steps = moment.cost.step - origin.cost.step;
                measured.push(Reading::new("displacement", distance, "1", 1).of(name).at(steps as f64));
            }
            if let Some(walk) = run.walk {
                let seed = subject.seed.child("displacement");
                self.of_walk(walk, Window { name, from }, last.cost.step as usize, seed, &mut measured);
            }
        }
        Ok(measured)
    }
}

impl Displacement {
    /// What a part of the walk says.
    fn of_walk(&self, walk: &Walk, window: Window, to: usize, seed: Seed, measured: &mut Measured) {
        let (part, rows) = places(walk, window.from, to);
        let lags = log_spaced((rows - 1) / 10, PER_DECADE);
        if lags.len() < 3 {
            return;
        }
        let all = log_spaced(rows - 1, PER_DECADE);
        let wide: Vec<f64> = part.iter().map(|x| f64::from(*x)).collect();
        let nulls: Vec<Vec<f64>> = (0..self.nulls).map(|i| signed_walk(&wide, rows, seed.index(i))).collect();
        let over_nulls =
            |number: &dyn Fn(&[f64]) -> f64| mean(&nulls.iter().map(|null| number(null)).collect::<Vec<_>>());

        let averaged = time_averaged_msd(part, rows, &lags);
        let local = local_exponents(&lags, &averaged);
        for ((lag, msd), exponent) in lags.iter().zip(&averaged).zip(&local) {
            let at = |name, value: f64| Reading::new(name, value, "1", rows - lag).of(window.name).at(*lag as f64);
            measured.push(at("msd", *msd));
            if exponent.is_finite() {
                measured.push(at("local-exponent", *exponent));
            }
        }
        let averaged_fit = |walk: &[f64]| Spreading::of(&lags, &time_averaged_msd(walk, rows, &lags));
        let origin_fit = |walk: &[f64]| Spreading::of(&all, &single_origin_msd(walk, rows, 0, &all));
        type Number = fn(&Spreading) -> f64;
        let numbers: [(&str, &str, Number); 3] = [
            ("exponent", "origin-exponent", |fit| fit.exponent),
            ("log-power", "origin-log-power", |fit| fit.log_power),
            ("aic-difference", "origin-aic-difference", |fit| fit.aic_difference),
        ];
        let (found, from_origin) = (averaged_fit(&wide), origin_fit(&wide));
        for (averaged_name, origin_name, number) in numbers {
            let null = over_nulls(&|null| number(&averaged_fit(null)));
            let se = over_time_se(part, rows, &lags, |msd| number(&Spreading::of(&lags, msd)));
            let reading = Reading::new(averaged_name, number(&found), "1", lags.len()).of(window.name);
            measured.push(reading.se(se).shuffled(null));
            let null = over_nulls(&|null| number(&origin_fit(null)));
            measured
                .push(Reading::new(origin_name, number(&from_origin), "1", all.len()).of(window.name).shuffled(null));
        }

        let shares = explained_variance(&thinned(&wide, rows, walk.width), rows.min(PLACES));
        let nulls: Vec<Vec<f64>> =
            nulls.iter().map(|null| explained_variance(&thinned(null, rows, walk.width), rows.min(PLACES))).collect();
        for (i, share) in shares.iter().take(COMPONENTS).enumerate() {
            let at =
                |number, value| Reading::new(number, value, "1", rows.min(PLACES)).of(window.name).at(i as f64 + 1.0);
            let null = mean(&nulls.iter().map(|shares| shares[i]).collect::<Vec<f64>>());
            measured.push(at("explained-variance", *share).cap(1.0).shuffled(null));
            measured.push(at("random-walk-share", random_walk_share(i + 1)));
        }
    }
}

/// At most so many places of a walk, evenly spaced.
fn thinned(walk: &[f64], rows: usize, width: usize) -> Vec<f64> {
    let kept = rows.min(PLACES);
    let place = |i: usize| i * (rows - 1) / (kept - 1).max(1);
    (0..kept).flat_map(|i| walk[place(i) * width..(place(i) + 1) * width].iter().copied()).collect()
}
