//! Whether training diffuses more along the directions in which the loss is curved.
//!
//! Eigenpairs are those of the exact Hessian of the loss by the trained values at this moment, by differences of gradients on
//! `images` images of the training snapshot. Along each: `noise`, the variance of the learner's next update, drawn again and
//! again from its state at this moment; `diffusion`, half the slope of the mean squared displacement against the lag, of the walk
//! since the first interpolation, or of its later half where there was none. The exponents gamma of `c lambda^gamma` are
//! fitted where lambda is above what differences of gradients can tell from 0 (`floor`, as a share of the greatest), with
//! their 95 % interval over directions. Isotropic search has gamma 0, SGD near a minimum about 1.
//!
//! `weights`: in units of weights. `genes`: in those in which an evolution strategy searches, `S H S` for a Hessian H and
//! scales S. Formulas: [`crate::estimator::anisotropy`], [`crate::estimator::hessian`].

use super::window::{places, windows, INTERPOLATION};
use crate::data::Split;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::anisotropy::{along, diffusion, efficiency, exponent, variance, FLAT};
use crate::estimator::hessian::Hessian;
use crate::estimator::lags::log_spaced;
use crate::metric::{Measured, Metric, Needs, Size, Subject, When};
use crate::num::Eigen;
use crate::params::Range;
use crate::record::Reading;
use crate::state::Array;
use crate::subset::Encoding;

/// Lags for each factor of ten.
const PER_DECADE: usize = 8;

/// The last steps of a walk that are looked at.
const STEPS: usize = 20_000;

struct Anisotropy {
    most: usize,
    images: usize,
    redraws: usize,
    interpolation: f64,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "anisotropy",
    summary: "noise and diffusion along the eigenvectors of the Hessian, as powers of its eigenvalues",
    reference: "Zhu et al. 2019",
    // Defaults: up to `most` 500 trained values, 128 `images`, 32 `redraws`, `interpolation` 0.99.
    build: |params, ()| {
        Ok(Box::new(Anisotropy {
            most: params.integer("most", Some(500), 2..=10_000) as usize,
            images: params.integer("images", Some(128), 1..=1_000_000) as usize,
            redraws: params.integer("redraws", Some(32), 0..=10_000) as usize,
            interpolation: params.float("interpolation", Some(INTERPOLATION), Range::AboveUpTo(0.0, 1.0)),
        }))
    },
};

impl Metric for Anisotropy {
    fn when(&self) -> When {
        When::End
    }

    fn needs(&self) -> Needs {
        Needs { states: self.redraws > 0, walk: true }
    }

    fn macs(&self, size: &Size) -> f64 {
        if size.trained > self.most {
            return 0.0;
        }
        let hessian = 2.0 * size.trained as f64 * size.gradient(self.images.min(size.snapshot));
        hessian + self.redraws as f64 * size.step + 2.0 * (size.trained * size.trained) as f64 * STEPS as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let (run, start) = (subject.run, &subject.task.start);
        let k = start.genes();
        if k > self.most {
            let most = self.most;
            return Ok(Measured::missing(format!(
                "{k} numbers are trained: the whole Hessian is taken up to `most` = {most}"
            )));
        }
        let Some(last) = run.moments.last().filter(|moment| moment.stage == 0) else {
            return Ok(Measured::missing("the subset was drawn again: there is no one space to walk in"));
        };
        let images = subject.task.data.range(Split::Train, 0..self.images.min(subject.train.labels.len()));
        let gradient = |at: &[f32]| Ok(subject.gradient(at, &images)?.1);
        let hessian = Hessian::of(&gradient, &subject.snapshot.trained)?;
        let updates = match run.redraw.filter(|_| self.redraws > 2) {
            Some(redraw) => redraw.updates(self.redraws, subject.seed.child("anisotropy"))?.concat(),
            None => Vec::new(),
        };
        let now = last.cost.step as usize;
        let from = windows(run, self.interpolation).last().map_or(0, |window| window.from);
        let from = if from == 0 { now / 2 } else { from }.max(now.saturating_sub(STEPS));
        let walked = run.walk.filter(|walk| walk.is_whole()).map_or((&[][..], 0), |walk| places(walk, from, now));
        let ones = vec![1.0; k];
        let genes: Vec<f64> = match &start.encoding {
            Encoding::Weights(scale) => scale.iter().map(|scale| f64::from(*scale)).collect(),
            Encoding::Subspace(_) => ones.clone(),
        };
        let mut measured = Measured::default();
        measured.push(Reading::new("asymmetry", hessian.asymmetry, "1", k));
        for (unit, scale) in [("weights", &ones), ("genes", &genes)] {
            let Some(found) = Curved::of(&hessian, scale) else {
                return Ok(Measured::missing("the Hessian is not finite"));
            };
            found.tell(unit, (&updates, self.redraws), walked, &mut measured);
        }
        Ok(measured)
    }
}

/// Directions of curvature in some unit.
struct Curved<'a> {
    scale: &'a [f64],
    eigenvalues: Vec<f64>,
    /// Eigenvectors, (k, k), in rows.
    directions: Vec<f64>,
    /// Share of the greatest eigenvalue below which an eigenvalue is no more than noise.
    floor: f64,
}

impl<'a> Curved<'a> {
    /// `None` where an entry is not finite.
    fn of(hessian: &Hessian, scale: &'a [f64]) -> Option<Self> {
        let k = hessian.k();
        let scaled: Vec<f64> =
            hessian.values.iter().enumerate().map(|(at, entry)| scale[at / k] * entry * scale[at % k]).collect();
        let eigen = Eigen::of(&scaled, k)?;
        let directions = (0..k).flat_map(|i| eigen.vector(i)).collect();
        // What is not symmetric is noise of as many independent entries: its eigenvalues reach to 2 |noise| / sqrt(k).
        let size = scaled.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
        let noise = 2.0 * hessian.asymmetry * size / (k as f64).sqrt();
        let floor = (noise / eigen.bounds().1).max(FLAT);
        Some(Curved { scale, eigenvalues: eigen.values, directions, floor })
    }

    /// The course along each direction, (k, rows), of rows in units of weights.
    fn along(&self, rows: &[f32], count: usize) -> Vec<f64> {
        let k = self.scale.len();
        let scaled: Vec<f64> = rows.iter().enumerate().map(|(at, x)| f64::from(*x) / self.scale[at % k]).collect();
        along(&scaled, count, &self.directions, k)
    }

    /// Exponents and courses of updates and of a walk, where there are any.
    fn tell(&self, unit: &str, updates: (&[f32], usize), walked: (&[f32], usize), measured: &mut Measured) {
        let k = self.scale.len();
        let mut keep = |name: &str, values: &[f64]| {
            measured.arrays.push((format!("anisotropy.{unit}.{name}"), Array::F64(values.to_vec())));
        };
        keep("eigenvalues", &self.eigenvalues);
        let noise = (!updates.0.is_empty()).then(|| variance(&self.along(updates.0, updates.1), k));
        let lags = log_spaced(walked.1.saturating_sub(1) / 10, PER_DECADE);
        let diffused = (lags.len() > 2).then(|| diffusion(&self.along(walked.0, walked.1), k, &lags));
        noise.iter().for_each(|noise| keep("noise", noise));
        diffused.iter().for_each(|diffused| keep("diffusion", diffused));
        for (name, values) in [("noise-exponent", &noise), ("diffusion-exponent", &diffused)] {
            let Some(values) = values else { continue };
            let line = exponent(&self.eigenvalues, values, self.floor);
            let half = line.half_width();
            let reading = Reading::new(name, line.slope, "1", line.n).of(unit).se(line.slope_se);
            measured.push(reading.interval([line.slope - half, line.slope + half]));
        }
        if let Some(noise) = noise {
            measured.push(Reading::new("efficiency", efficiency(&self.eigenvalues, &noise), "1", k).of(unit));
        }
        measured.push(Reading::new("floor", self.floor, "1", k).of(unit));
        let negative = self.eigenvalues.iter().filter(|lambda| **lambda < 0.0).count();
        measured.push(Reading::new("negative", negative as f64 / k as f64, "1", k).of(unit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    fn numbers(measured: &Measured, name: &str) -> Vec<f64> {
        measured.readings.iter().filter(|reading| reading.name == name).map(|reading| reading.value).collect()
    }

    #[test]
    fn noise_that_is_isotropic_in_genes_has_exponent_0_in_genes_alone() {
        // Curvature of 1 to 1 / 32 along the axes in weights; a gene is worth more where it is curved.
        let k = 6;
        let mut values = vec![0.0; k * k];
        (0..k).for_each(|i| values[i * k + i] = 0.5f64.powi(i as i32));
        let hessian = Hessian { values, asymmetry: 0.0 };
        let scale: Vec<f64> = (0..k).map(|i| 0.5f64.powf(0.5 * i as f64)).collect();
        let rows = 4_000;
        let mut rng = Seed::new(1).rng();
        let updates: Vec<f32> = (0..rows * k).map(|at| (scale[at % k] * f64::from(rng.normal())) as f32).collect();
        let mut walk = vec![0.0f32; k];
        (0..(rows - 1) * k).for_each(|at| walk.push(walk[at] + updates[at]));
        let ones = vec![1.0; k];
        // In weights variances are scale^2 = lambda; in genes 1, at curvatures of lambda^2.
        for (unit, scale, gamma) in [("weights", &ones, 1.0), ("genes", &scale, 0.0)] {
            let mut measured = Measured::default();
            Curved::of(&hessian, scale).unwrap().tell(unit, (&updates, rows), (&walk, rows), &mut measured);
            assert!((numbers(&measured, "noise-exponent")[0] - gamma).abs() < 0.03, "{measured:?}");
            assert!((numbers(&measured, "diffusion-exponent")[0] - gamma).abs() < 0.25, "{measured:?}");
            assert_eq!(numbers(&measured, "negative"), [0.0]);
            assert_eq!((numbers(&measured, "floor"), measured.arrays.len()), (vec![FLAT], 3));
        }
        let mut none = Measured::default();
        Curved::of(&hessian, &ones).unwrap().tell("weights", (&[], 0), (&[], 0), &mut none);
        assert!(numbers(&none, "noise-exponent").is_empty() && numbers(&none, "diffusion-exponent").is_empty());
    }

    #[test]
    fn curvature_below_the_noise_of_differences_is_left_out() {
        // 1, 0.5 and 0.01, with noise of 0.05 |H|.
        let hessian = Hessian { values: vec![1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.01], asymmetry: 0.05 };
        let scale = [1.0; 3];
        let curved = Curved::of(&hessian, &scale).unwrap();
        assert!((curved.floor - 0.1 * (1.25f64 + 1e-4).sqrt() / 3f64.sqrt()).abs() < 1e-12, "{}", curved.floor);
        assert_eq!(exponent(&curved.eigenvalues, &[1.0, 1.0, 1.0], curved.floor).n, 2);
        let broken = Hessian { values: vec![f64::NAN], asymmetry: f64::NAN };
        assert!(Curved::of(&broken, &[1.0]).is_none());
    }
}
