//! Sharpness of the training loss by what is trained, all else frozen.
//!
//! Trace and ends of the spectrum of the Hessian: of the whole Hessian up to 500 trained values, beyond it by Hutchinson's
//! estimate and by Lanczos. `worst_case` (Foret et al. 2021) is the greatest rise of the loss within `radius` of the trained
//! values. `average_case` is the mean rise where every gene moves by a normal variable of standard deviation `rho`: set to
//! the sigma of an evolution strategy, it is the strategy's own objective less the loss. `average_case_quadratic` is what
//! the Hessian says of it, `rho^2 sum_j scale_j^2 H_jj / 2`.
//!
//! Sharpness follows the scale of weights and logits, and does not foretell generalisation well (Andriushchenko et al.
//! 2023). That all other weights are frozen fixes most of the scales.

use super::curvature::{curvature, first_images, Curvature, IMAGES, WHOLE};
use crate::data::Batch;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::hessian::product;
use crate::estimator::lanczos::lanczos;
use crate::estimator::sharpness::{average_case, worst_case, STEPS};
use crate::estimator::trace::{hutchinson, Entries};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::params::Range;
use crate::record::Reading;
use crate::subset::Encoding;

struct Sharpness {
    images: usize,
    rho: f64,
    radius: f64,
    pairs: usize,
    draws: usize,
    steps: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "sharpness",
    summary: "Hessian of what is trained: trace, ends; worst case within `radius` = 0.05, average case at `rho` = 0.1",
    reference: "Foret et al. 2021; Hutchinson 1990; Lanczos 1950",
    build: |params, ()| {
        let count = |key: &str, default: usize| params.integer(key, Some(default as u64), 1..=1_000_000) as usize;
        Ok(Box::new(Sharpness {
            images: count("images", IMAGES),
            rho: params.float("rho", Some(0.1), Range::Above(0.0)),
            radius: params.float("radius", Some(0.05), Range::Above(0.0)),
            pairs: count("pairs", 32),
            draws: count("draws", 32),
            steps: count("steps", 20),
        }))
    },
};

impl Metric for Sharpness {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let spectrum = if size.trained <= WHOLE { size.trained } else { self.draws + self.steps };
        let gradients = (spectrum + self.pairs) + STEPS + 2;
        gradients as f64 * size.gradient(self.images.min(size.snapshot))
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let batch = first_images(subject, self.images);
        let mut measured = Measured::default();
        match curvature(subject, self.images)? {
            Some(curvature) => self.whole(subject, &curvature, batch.labels.len(), &mut measured),
            None => self.sampled(subject, &batch, &mut measured)?,
        }
        self.rises(subject, &batch, &mut measured)?;
        Ok(measured)
    }
}

impl Sharpness {
    /// What the whole Hessian says.
    fn whole(&self, subject: &Subject<'_>, curvature: &Curvature, n: usize, measured: &mut Measured) {
        let Curvature { hessian, eigen } = curvature;
        let values = eigen.as_ref().map(|eigen| &eigen.values[..]);
        let end = |fold: fn(f64, f64) -> f64| {
            values.and_then(|values| values.iter().copied().reduce(fold)).unwrap_or(f64::NAN)
        };
        let scale = gene_scale(subject);
        let diagonal = hessian.values.iter().step_by(hessian.k() + 1);
        let in_genes: f64 = diagonal.zip(&scale).map(|(h, scale)| h * scale * scale).sum();
        let mut push = |name: &str, value: f64| measured.push(Reading::new(name, value, "nats", n));
        push("trace", hessian.trace());
        push("greatest_eigenvalue", end(f64::max));
        push("least_eigenvalue", end(f64::min));
        measured.push(Reading::new("asymmetry", hessian.asymmetry, "1", n));
        let average = Reading::new("average_case_quadratic", 0.5 * self.rho * self.rho * in_genes, "nats", n);
        measured.push(average.at(self.rho));
    }

    /// What products with the Hessian say, where it is too large.
    fn sampled(&self, subject: &Subject<'_>, batch: &Batch, measured: &mut Measured) -> Result<()> {
        let (at, n) = (&subject.snapshot.trained, batch.labels.len());
        let gradient = |at: &[f32]| Ok(subject.gradient(at, batch)?.1);
        let times = |v: &[f64]| product(&gradient, at, v);
        let seed = |label: &str| subject.seed.child("sharpness").child(label);
        let trace = hutchinson(times, at.len(), self.draws, Entries::Signs, seed("trace"))?;
        let reading = Reading::new("trace", trace.value, "nats", n);
        measured.push(trace.se.map_or(reading.clone(), |se| reading.se(se)));
        let ends = lanczos(times, at.len(), self.steps, seed("ends"))?;
        let mut push = |name: &str, value: f64| measured.push(Reading::new(name, value, "nats", n));
        push("greatest_eigenvalue", ends.greatest);
        push("greatest_eigenvalue_uncertainty", ends.uncertainty);
        push("least_eigenvalue", ends.least);
        Ok(())
    }

    /// By how much the loss rises nearby.
    fn rises(&self, subject: &Subject<'_>, batch: &Batch, measured: &mut Measured) -> Result<()> {
        let (at, n) = (&subject.snapshot.trained, batch.labels.len());
        let seed = |label: &str| subject.seed.child("sharpness").child(label);
        let worst = worst_case(|at| subject.gradient(at, batch), at, self.radius, STEPS, seed("worst"))?;
        measured.push(Reading::new("worst_case_of_one_step", worst.first, "nats", n).at(self.radius));
        measured.push(Reading::new("worst_case", worst.greatest, "nats", n).at(self.radius));
        let scale = gene_scale(subject);
        let moved = |genes: &[f32]| -> Vec<f32> {
            at.iter()
                .zip(&scale)
                .zip(genes)
                .map(|((w, scale), gene)| (f64::from(*w) + scale * f64::from(*gene)) as f32)
                .collect()
        };
        let loss = |genes: &[f32]| Ok(subject.gradient(&moved(genes), batch)?.0);
        let average = average_case(loss, &vec![0.0; at.len()], self.rho, self.pairs, seed("average"))?;
        let reading = Reading::new("average_case", average.value, "nats", n).at(self.rho);
        measured.push(average.se.map_or(reading.clone(), |se| reading.se(se)));
        Ok(())
    }
}

/// What a unit of each gene adds to its trained value, (k): 1 in a subspace.
fn gene_scale(subject: &Subject<'_>) -> Vec<f64> {
    match &subject.task.start.encoding {
        Encoding::Weights(scale) => scale.iter().map(|scale| f64::from(*scale)).collect(),
        Encoding::Subspace(basis) => vec![1.0; basis.dimension()],
    }
}
