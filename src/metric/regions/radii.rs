//! Distances from images to the next class: along random directions, towards other images, and by DeepFool.
//!
//! Only of images that have their own class: a network that gives all images one class has the largest regions of all. So
//! the entropy of the classes that it gives stands beside them. Scans reach to five standard deviations of every pixel,
//! `5 sqrt(D)`; what is further is censored and counted. Medians and quantiles are those of Kaplan & Meier, infinite where
//! fewer radii ended; intervals are a bootstrap over images, for the radii of one image belong together.

use super::images::Images;
use super::network::Pixels;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::regions::{
    deepfool_l2, log_size_nats_per_dimension, predicted, quantile_interval, radii, towards, unit_directions,
    Classifier, DeepFool, KaplanMeier, Scan, Time,
};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd};
use crate::record::Reading;
use crate::rng::Seed;

/// Quantiles that are told.
const SHARES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// Samples of the bootstrap.
const RESAMPLES: usize = 500;

struct Radii {
    points: usize,
    directions: usize,
    towards: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "radii",
    summary:
        "distances to the next class: random directions, towards images, DeepFool; `points` = 100, `directions` = 20",
    reference: "Moosavi-Dezfooli et al. 2016; Somepalli et al. 2022",
    build: |params, ()| {
        Ok(Box::new(Radii {
            points: params.integer("points", Some(100), 1..=100_000) as usize,
            directions: params.integer("directions", Some(20), 1..=10_000) as usize,
            towards: params.integer("towards", Some(5), 1..=10_000) as usize,
        }))
    },
};

/// Radii of one kind of direction, image by image.
struct Found {
    kind: &'static str,
    /// In standard deviations of a pixel.
    normalised: Vec<Vec<f64>>,
    /// What a radius of 1 is in units of pixels, for each.
    pixels: Vec<Vec<f64>>,
}

impl Metric for Radii {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        // A ray costs some eight steps, for those that have ended wait for nothing; DeepFool two with a gradient of each class.
        let rays = (self.directions + 2 * self.towards) as f64 * 8.0;
        size.forward * self.points as f64 * (rays + 2.0 * (1.0 + size.classes as f64))
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let images = Images { values: &subject.test.images, labels: &subject.test.labels };
        let data = &subject.task.data;
        let pixels = Pixels::new(subject.probe.graph().input_shape(), data.mean(), data.std());
        Ok(self.readings(subject.probe, images, &pixels, subject.seed.child("radii")).into())
    }
}

impl Radii {
    fn readings(&self, network: &dyn Classifier, images: Images<'_>, pixels: &Pixels, seed: Seed) -> Vec<Reading> {
        let sample = images.first(self.points);
        let correct = sample.correct(network);
        let dimension = images.dimension();
        let scan = Scan::up_to(5.0 * (dimension as f64).sqrt());
        let mut readings = vec![
            class_entropy(network, images),
            Reading::new("correct", correct.len() as f64 / sample.len() as f64, "1", sample.len()),
        ];
        let points = images.rows(correct.iter().copied());
        let lengths =
            |directions: &[f32]| directions.chunks_exact(dimension).map(|u| pixels.length(u)).collect::<Vec<f64>>();
        let along = |kind, directions: &[f32], each: usize| {
            let found = radii(network, &points, directions, &scan);
            let groups = |all: &[f64]| all.chunks_exact(each).map(<[f64]>::to_vec).collect();
            Found { kind, normalised: groups(&found), pixels: groups(&lengths(directions)) }
        };
        let random = along("random", &self.random_directions(&correct, dimension, seed), self.directions);
        let sizes: Vec<f64> =
            random.normalised.iter().map(|radii| log_size_nats_per_dimension(radii, scan.last)).collect();
        readings.push(Reading::new("log-size", mean(&sizes), "nats", sizes.len()).se(standard_error(&sizes)));
        let mut found = vec![random];
        for (kind, same) in [("other-class", false), ("same-class", true)] {
            let partners = |i: &usize| {
                let seed = seed.child(kind).index(*i as u64);
                let partner = |k: u64| images.partner(*i, same, seed.index(k));
                (0..self.towards as u64).filter_map(partner).map(|j| (*i, j)).collect::<Vec<_>>()
            };
            let pairs: Vec<(usize, usize)> = correct.iter().flat_map(partners).collect();
            if pairs.len() == correct.len() * self.towards {
                let [from, to] =
                    [images.rows(pairs.iter().map(|pair| pair.0)), images.rows(pairs.iter().map(|pair| pair.1))];
                found.push(along(kind, &towards(&from, &to, dimension), self.towards));
            }
        }
        let (nearest, steps) = deepfool_l2(network, &points, &DeepFool::default());
        let in_pixels: Vec<f64> =
            lengths(&steps).iter().zip(&nearest).map(|(length, radius)| length / radius).collect();
        let relative: Vec<f64> = lengths(&steps)
            .iter()
            .zip(pixels.of(&points).chunks_exact(dimension))
            .zip(&nearest)
            .filter(|(_, radius)| radius.is_finite())
            .map(|((length, image), _)| length / image.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt())
            .collect();
        readings.push(
            Reading::new("relative", mean(&relative), "1", relative.len()).of("deepfool").se(standard_error(&relative)),
        );
        let alone = |values: &[f64]| values.iter().map(|x| vec![*x]).collect();
        found.push(Found { kind: "deepfool", normalised: alone(&nearest), pixels: alone(&in_pixels) });
        readings.extend(found.iter().flat_map(|found| found.readings(scan.last, seed.child("bootstrap"))));
        readings
    }
}

impl Radii {
    /// Directions of each image: those of its number among all, right or wrong.
    fn random_directions(&self, correct: &[usize], dimension: usize, seed: Seed) -> Vec<f32> {
        let seed = seed.child("directions");
        correct.iter().flat_map(|i| unit_directions(seed.index(*i as u64), self.directions, dimension)).collect()
    }
}

impl Found {
    /// Medians, quantiles and the censored share, in both units.
    fn readings(&self, last: f64, seed: Seed) -> Vec<Reading> {
        let n = self.normalised.iter().map(Vec::len).sum();
        let censored = self.normalised.iter().flatten().filter(|radius| **radius == f64::INFINITY).count();
        let share = censored as f64 / n as f64;
        let mut readings = vec![Reading::new("censored", share, "1", n).of(self.kind)];
        for (median, quantile, unit) in [("median", "quantile", "sd"), ("median-pixels", "quantile-pixels", "pixels")] {
            let time = |(radius, factor): (&f64, &f64)| {
                let factor = if unit == "sd" { 1.0 } else { *factor };
                let seen = *radius != f64::INFINITY;
                // DeepFool has no last radius: what did not arrive was seen no further than anything else.
                let value = if seen || self.kind != "deepfool" { radius.min(last) * factor } else { f64::MAX };
                Time { value, seen, weight: 1.0 }
            };
            let groups: Vec<Vec<Time>> =
                self.normalised.iter().zip(&self.pixels).map(|(r, f)| r.iter().zip(f).map(time).collect()).collect();
            let estimate = KaplanMeier::new(groups.concat());
            let of = |share: f64| if n == 0 { f64::NAN } else { estimate.quantile(share).unwrap_or(f64::INFINITY) };
            let interval = quantile_interval(&groups, 0.5, RESAMPLES, seed.child(self.kind));
            readings.push(Reading::new(median, of(0.5), unit, n).of(self.kind).interval(interval));
            readings.extend(SHARES.map(|share| Reading::new(quantile, of(share), unit, n).of(self.kind).at(share)));
        }
        readings
    }
}

/// Entropy of the classes that a network gives to images, in bits; that of one class for all is 0.
fn class_entropy(network: &dyn Classifier, images: Images<'_>) -> Reading {
    let given = predicted(&network.logits(images.values), network.classes());
    let n = given.len();
    let share = |class: usize| given.iter().filter(|given| **given as usize == class).count() as f64 / n as f64;
    let terms = (0..network.classes()).map(share).filter(|p| *p > 0.0).map(|p| -p * p.log2());
    Reading::new("class-entropy", terms.sum(), "bits", n).cap((network.classes() as f64).log2())
}

fn standard_error(values: &[f64]) -> f64 {
    sd(values) / (values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::network::testing::{normals, plane};
    use super::*;
    use crate::num::percentile;

    fn found<'a>(readings: &'a [Reading], name: &str, of: Option<&str>, at: Option<f64>) -> &'a Reading {
        let is = |reading: &&Reading| reading.name == name && reading.of.as_deref() == of && reading.at == at;
        readings.iter().find(is).unwrap_or_else(|| panic!("{name} of {of:?} at {at:?}"))
    }

    #[test]
    fn radii_of_a_plane_are_the_distances_of_the_images_that_are_right() {
        let w = normals(16, 1);
        let network = plane(&w, 0.4);
        let length = w.iter().map(|w| w * w).sum::<f32>().sqrt();
        let values = normals(16 * 80, 2);
        let side = |x: &[f32]| x.iter().zip(&w).map(|(x, w)| x * w).sum::<f32>() - 0.4;
        // Every fifth label is wrong.
        let labels: Vec<u32> =
            values.chunks_exact(16).enumerate().map(|(i, x)| u32::from((side(x) > 0.0) != (i % 5 == 0))).collect();
        let images = Images { values: &values, labels: &labels };
        let metric = Radii { points: 50, directions: 30, towards: 4 };
        let pixels = Pixels::new(&[1, 4, 4], &[0.3], &[0.25]);
        let readings = metric.readings(&network, images, &pixels, Seed::new(3));
        let share = found(&readings, "correct", None, None);
        assert_eq!((share.value, share.n), (0.8, 50));
        let distances: Vec<f64> =
            (0..50).filter(|i| i % 5 > 0).map(|i| f64::from((side(images.row(i)) / length).abs())).collect();
        let mut sorted = distances.clone();
        sorted.sort_by(f64::total_cmp);
        // The twentieth of forty has half of them behind it.
        let median = found(&readings, "median", Some("deepfool"), None);
        assert!((median.value / sorted[19] - 1.0).abs() < 1e-3 && median.n == 40, "{median:?}");
        let [low, high] = median.interval.unwrap();
        assert!(low < median.value && median.value < high && low > sorted[5] && high < sorted[34], "{low}, {high}");
        let in_pixels = found(&readings, "median-pixels", Some("deepfool"), None);
        assert!((in_pixels.value / (0.25 * median.value) - 1.0).abs() < 1e-4 && in_pixels.unit == "pixels");
        let tenth = found(&readings, "quantile", Some("deepfool"), Some(0.1));
        assert!((tenth.value / sorted[3] - 1.0).abs() < 1e-3);
        assert_eq!(found(&readings, "censored", Some("deepfool"), None).value, 0.0);
        // Half of all directions never get there: the median of all is about the last quantile of those that do.
        let censored = found(&readings, "censored", Some("random"), None);
        assert!((censored.value - 0.5).abs() < 0.1 && censored.n == 40 * 30, "{censored:?}");
        assert!(found(&readings, "quantile", Some("random"), Some(0.25)).value > percentile(&distances, 0.5));
        assert_eq!(found(&readings, "quantile", Some("random"), Some(0.75)).value, f64::INFINITY);
        // Towards an image of the other class the plane is always met.
        assert!(found(&readings, "quantile", Some("other-class"), Some(0.75)).value.is_finite());
        let relative = found(&readings, "relative", Some("deepfool"), None);
        let of_image = |i: usize| {
            let pixel = |x: &f32| (f64::from(*x) * 0.25 + 0.3).powi(2);
            0.25 * f64::from((side(images.row(i)) / length).abs()) / images.row(i).iter().map(pixel).sum::<f64>().sqrt()
        };
        let exact = mean(&(0..50).filter(|i| i % 5 > 0).map(of_image).collect::<Vec<f64>>());
        assert!((relative.value / exact - 1.0).abs() < 1e-3);
        let entropy = found(&readings, "class-entropy", None, None);
        assert!(entropy.value > 0.9 && entropy.value <= 1.0 && entropy.cap == Some(1.0) && entropy.n == 80);
    }

    #[test]
    fn radii_of_an_image_do_not_depend_on_which_others_are_right() {
        let network = plane(&normals(16, 1), 0.0);
        let values = normals(16 * 20, 2);
        let right = predicted(&Classifier::logits(&network, &values), 2);
        let metric = Radii { points: 20, directions: 6, towards: 2 };
        let pixels = Pixels::new(&[1, 4, 4], &[0.0], &[1.0]);
        // All are right; the last alone; none.
        let mut last: Vec<u32> = right.iter().map(|class| 1 - class).collect();
        let none = last.clone();
        last[19] = right[19];
        let directions = |labels: &[u32]| {
            let correct = Images { values: &values, labels }.correct(&network);
            metric.random_directions(&correct, 16, Seed::new(4))
        };
        assert_eq!(directions(&right)[19 * 96..], directions(&last));
        let readings = metric.readings(&network, Images { values: &values, labels: &none }, &pixels, Seed::new(4));
        let medians: Vec<&Reading> = readings.iter().filter(|reading| reading.name == "median").collect();
        assert!(!medians.is_empty() && medians.iter().all(|reading| reading.value.is_nan() && reading.n == 0));
    }
}
