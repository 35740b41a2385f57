//! Switching: on how many units of each activation the sign differs between two inputs, and how that decays with depth.
//!
//! Pairs of test images of the `same-class` and of a `different-class`, and `perturbed` ones: an image and itself plus a random
//! step of fixed length. Beside the measured `hamming` stands what one expects of Gaussian weights: `hamming-expected` is the mean of
//! `arccos(c) / pi` over the pairs' own cosines `c` of pre-activations, and `hamming-mlp` that of a wide random ReLU MLP without
//! biases, which iterates the map of cosines from the raw cosine of the normalised images. Convolutions with zero padding, biases,
//! batch-norm and pooling deviate from the MLP by design: its curve is a reference, not a null.

use rayon::prelude::*;

use super::pairs::{activations, first, ImageCosines};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::mean_field::{arccos_map_iterated, sign_change_probability};
use crate::estimator::switching::{cosine, cosines, mean_over_pairs, PairMean, SignCodes};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd};
use crate::params::Range;
use crate::record::{Reading, Side};

struct Switching {
    points: usize,
    step: f64,
}

/// Defaults: `points` 500 test images, all pairs of them; `step` 1, the length of the perturbation in units of a pixel's
/// range, about a tenth of the length of an MNIST digit.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "switching",
    summary: "share of units whose sign differs between two inputs, by depth, over the curve of a wide random MLP",
    reference: "Poole et al. 2016; Schoenholz et al. 2017",
    build: |params, ()| {
        let points = params.integer("points", Some(500), 10..=20_000) as usize;
        Ok(Box::new(Switching { points, step: params.float("step", Some(1.0), Range::Above(0.0)) }))
    },
};

impl Metric for Switching {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let points = self.points.min(size.images) as f64;
        let pairs: f64 = size.sites.iter().map(|[pre, _]| points * points * *pre as f64).sum();
        size.forward * (size.images as f64 + points) + pairs
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let points = self.points.min(subject.images());
        let labels = &subject.test.labels;
        let images = ImageCosines::new(subject, points);
        let stepped = self.perturbed(subject, points);
        let nodes: Vec<_> = activations(subject).map(|(site, _)| site.pre).collect();
        let stepped_values = subject.probe.values(&stepped, &nodes);
        let originals = first(&subject.test.images, points, subject.images());
        let length = originals.len() / points;
        let image_pairs = originals.chunks_exact(length).zip(stepped.chunks_exact(length));
        let image_cosines: Vec<f64> = image_pairs.map(|(a, b)| cosine(a, b)).collect();
        let mut measured = Measured::default();
        for ((site, layers), stepped) in activations(subject).zip(&stepped_values) {
            let values = subject.values(site.pre);
            let values = first(&values, points, subject.images());
            let mut push = |of: &str, name: &str, found: PairMean| {
                let reading = Reading::new(name, found.mean, "1", points).of(of).side(&site.layer, Side::Pre);
                measured.push(reading.se(found.se));
            };
            // Without codes, where a value is NaN, all that is made of them is NaN.
            let codes = SignCodes::of(values, points);
            let stepped_codes = SignCodes::of(stepped, points);
            let hamming = |i: usize, others: &Option<SignCodes>, j: usize| match (&codes, others) {
                (Some(codes), Some(others)) => codes.hamming(i, others, j),
                _ => f64::NAN,
            };
            let (own, mlp) = (cosines(values, points), images.behind(layers));
            for (of, same) in [("same-class", true), ("different-class", false)] {
                let chosen = |i: usize, j: usize| (labels[i] == labels[j]) == same;
                let over = |value: &(dyn Fn(usize, usize) -> f64 + Sync)| mean_over_pairs(points, chosen, value);
                push(of, "hamming", over(&|i, j| hamming(i, &codes, j)));
                push(of, "cosine", over(&|i, j| own[i * points + j]));
                push(of, "hamming-expected", over(&|i, j| sign_change_probability(own[i * points + j])));
                push(of, "cosine-mlp", over(&|i, j| mlp[i * points + j]));
                push(of, "hamming-mlp", over(&|i, j| sign_change_probability(mlp[i * points + j])));
            }
            let length = values.len() / points;
            let both = values.par_chunks_exact(length).zip(stepped.par_chunks_exact(length));
            let own: Vec<f64> = both.map(|(a, b)| cosine(a, b)).collect();
            let mlp: Vec<f64> = image_cosines.iter().map(|c| arccos_map_iterated(*c, layers)).collect();
            let chance =
                |cosines: &[f64]| -> Vec<f64> { cosines.iter().map(|c| sign_change_probability(*c)).collect() };
            let switched: Vec<f64> = (0..points).map(|i| hamming(i, &stepped_codes, i)).collect();
            push("perturbed", "hamming", over_images(&switched));
            push("perturbed", "cosine", over_images(&own));
            push("perturbed", "hamming-expected", over_images(&chance(&own)));
            push("perturbed", "cosine-mlp", over_images(&mlp));
            push("perturbed", "hamming-mlp", over_images(&chance(&mlp)));
        }
        Ok(measured)
    }
}

/// A mean over pairs that share no image.
fn over_images(values: &[f64]) -> PairMean {
    PairMean { mean: mean(values), se: sd(values) / (values.len() as f64).sqrt(), pairs: values.len() }
}

impl Switching {
    /// The first `points` test images, each a step further.
    fn perturbed(&self, subject: &Subject<'_>, points: usize) -> Vec<f32> {
        let mut images = first(&subject.test.images, points, subject.images()).to_vec();
        let length = images.len() / points;
        let std = subject.pixel_std();
        for (i, image) in images.chunks_exact_mut(length).enumerate() {
            let mut step = vec![0.0f32; length];
            subject.seed.child("switching").index(i as u64).rng().fill_normal(&mut step);
            let size = step.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            let channel = length / std.len();
            for (at, (x, step)) in image.iter_mut().zip(&step).enumerate() {
                *x += (self.step / size * f64::from(*step) / std[at / channel]) as f32;
            }
        }
        images
    }
}
