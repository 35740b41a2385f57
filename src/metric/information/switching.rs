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

#[cfg(test)]
mod tests {
    use super::super::testing::{mlp, normals};
    use super::*;
    use crate::graph::Activation;

    /// Images of cosine 0.3 in the mean, those of a class closer to each other.
    fn images(n: usize, d: usize) -> Vec<f32> {
        let (common, of_class, own) = (normals(d, 2), normals(4 * d, 3), normals(n * d, 4));
        let value = |i: usize, x: usize| 0.55 * common[x] + 0.6 * of_class[i % 4 * d + x] + 0.6 * own[i * d + x];
        (0..n * d).map(|at| value(at / d, at % d)).collect()
    }

    #[test]
    fn a_wide_random_mlp_switches_as_the_iterated_map_says() {
        let network = mlp(200, &[600, 600, 600], 4, Activation::Relu, 2.0);
        let readings = network.readings(&ENTRY, "points = 40", &images(40, 200));
        assert_eq!(readings.len(), 3 * 3 * 5);
        let value = |layer: usize, of: &str, name: &str| {
            let layer = format!("act{layer}");
            let this = |r: &&Reading| {
                r.layer.as_ref() == Some(&layer) && r.of.as_deref() == Some(of) && r.name == name && r.n == 40
            };
            readings.iter().find(this).unwrap().value
        };
        for of in ["same-class", "different-class", "perturbed"] {
            for layer in 0..3 {
                let [hamming, expected, mlp] =
                    ["hamming", "hamming-expected", "hamming-mlp"].map(|name| value(layer, of, name));
                assert!((hamming / expected - 1.0).abs() < 0.06, "{of}, layer {layer}: {hamming}, {expected}");
                assert!((hamming / mlp - 1.0).abs() < 0.12, "{of}, layer {layer}: {hamming}, {mlp}");
                let [cosine, mlp] = ["cosine", "cosine-mlp"].map(|name| value(layer, of, name));
                assert!((cosine - mlp).abs() < 0.04, "{of}, layer {layer}: {cosine}, {mlp}");
            }
            assert!(value(0, of, "hamming") > value(1, of, "hamming"), "{of} decays");
        }
        assert!(value(0, "same-class", "hamming") < 0.85 * value(0, "different-class", "hamming"));
    }

    #[test]
    fn the_perturbation_has_its_length_in_pixels() {
        // A step of one pixel's range is four standard deviations; the image has length 16.
        let mut image = vec![0.0f32; 2 * 64];
        image[0] = 16.0;
        image[64] = 16.0;
        let network = mlp(64, &[500], 4, Activation::Relu, 2.0);
        let readings = network.readings(&ENTRY, "points = 10", &image.repeat(5));
        let found = readings.iter().find(|r| r.of.as_deref() == Some("perturbed") && r.name == "cosine-mlp").unwrap();
        // 16 / sqrt(16^2 + 4^2), but for the step's own part along the image.
        assert!((found.value - 0.970).abs() < 0.015, "{found:?}");
    }
}
