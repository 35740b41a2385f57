//! How often images keep their class under Gaussian noise, in units of pixels from 0 to 1.
//!
//! `p_sigma(x)` is the share of noisy copies with the class of the image, `R_sigma = sigma Phi^-1(p_sigma)` the distance of a
//! plane that would keep as many: equal for all sigma where the boundary is a plane, rising where the region is wider. Of
//! images that have their own class. Nothing is clipped to 0 to 1. `certified` is the share of images of which the lower end
//! of the Clopper-Pearson interval is above one half.

use super::images::Images;
use super::network::{OfPixels, Pixels};
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::regions::{clopper_pearson, effective_distance, kept_under_noise, Classifier, Distance};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, percentile, sd, t_half_width};
use crate::params::Range;
use crate::record::Reading;
use crate::rng::Seed;

struct Robustness {
    points: usize,
    draws: usize,
    sigmas: Vec<f64>,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "robustness",
    summary: "share of noisy copies that keep their class; `points` = 100, `draws` = 100, `sigmas` = [0.05, ..., 0.8]",
    reference: "Cohen et al. 2019; Clopper & Pearson 1934",
    build: |params, ()| {
        Ok(Box::new(Robustness {
            points: params.integer("points", Some(100), 1..=100_000) as usize,
            draws: params.integer("draws", Some(100), 1..=100_000) as usize,
            sigmas: params.floats("sigmas", &[0.05, 0.1, 0.2, 0.4, 0.8], Range::Above(0.0)),
        }))
    },
};

impl Metric for Robustness {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        size.forward * (self.points * self.draws * self.sigmas.len()) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let images = Images { values: &subject.test.images, labels: &subject.test.labels };
        let data = &subject.task.data;
        let pixels = Pixels::new(subject.probe.graph().input_shape(), data.mean(), data.std());
        Ok(self.readings(subject.probe, images, &pixels, subject.seed.child("robustness")).into())
    }
}

impl Robustness {
    fn readings(&self, network: &dyn Classifier, images: Images<'_>, pixels: &Pixels, seed: Seed) -> Vec<Reading> {
        let sample = images.first(self.points);
        let correct = sample.correct(network);
        let network = OfPixels { network, pixels };
        // Noise of an image is that of its number among all: those that are wrong are drawn for and left out.
        let kept = kept_under_noise(&network, &pixels.of(sample.values), &self.sigmas, self.draws, seed);
        let n = correct.len();
        let draws = self.draws as u64;
        let mut readings = Vec::new();
        for (sigma, kept) in self.sigmas.iter().zip(&kept) {
            let kept: Vec<u64> = correct.iter().filter_map(|i| kept[*i]).collect();
            let shares: Vec<f64> = kept.iter().map(|kept| *kept as f64 / draws as f64).collect();
            let (centre, half) = (mean(&shares), t_half_width(&shares));
            let interval = [(centre - half).max(0.0), (centre + half).min(1.0)];
            let se = sd(&shares) / (n as f64).sqrt();
            readings.push(Reading::new("kept", centre, "1", n).at(*sigma).se(se).interval(interval));
            let share = |of: &dyn Fn(u64) -> bool| kept.iter().filter(|kept| of(**kept)).count() as f64 / n as f64;
            let certified = share(&|kept| clopper_pearson(kept, draws, 0.95)[0] > 0.5);
            readings.push(Reading::new("certified", certified, "1", n).at(*sigma));
            readings.push(Reading::new("saturated", share(&|kept| kept == draws), "1", n).at(*sigma));
            let distances: Vec<f64> =
                kept.iter().map(|kept| effective_distance(*sigma, *kept, draws).value()).collect();
            let most = match effective_distance(*sigma, draws, draws) {
                Distance::AtLeast(most) => most,
                other => other.value(),
            };
            readings.push(Reading::new("distance", percentile(&distances, 0.5), "pixels", n).at(*sigma).cap(most));
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::super::network::testing::plane;
    use super::*;

    #[test]
    fn of_a_plane_the_share_kept_is_phi_of_the_distance_in_pixels() {
        // Of length 1 in normalised images; a pixel is a quarter of a normalised value.
        let network = plane(&[0.25; 16], 0.0);
        let pixels = Pixels::new(&[1, 4, 4], &[0.4], &[0.25]);
        // At the distances 2 and 0.8, half a pixel and a fifth of one; the third image is wrong.
        let values: Vec<f32> = [0.5f32, -0.2, 0.3].iter().flat_map(|x| [*x; 16]).collect();
        let images = Images { values: &values, labels: &[1, 0, 0] };
        let metric = Robustness { points: 10, draws: 4000, sigmas: vec![0.02, 0.4, 0.8] };
        let readings = metric.readings(&network, images, &pixels, Seed::new(1));
        let of = |name: &str, at: f64| readings.iter().find(|r| r.name == name && r.at == Some(at)).unwrap();
        for sigma in [0.4, 0.8] {
            let phi = |distance: f64| Normal::standard().cdf(distance / sigma);
            let expected = 0.5 * (phi(0.5) + phi(0.2));
            let kept = of("kept", sigma);
            assert!((kept.value - expected).abs() < 0.02 && kept.n == 2, "{kept:?}, {expected}");
            let distance = of("distance", sigma);
            assert!((distance.value - 0.35).abs() < 0.03 * (1.0 + sigma), "{distance:?}");
            assert_eq!((of("certified", sigma).value, of("saturated", sigma).value), (1.0, 0.0));
        }
        // Twenty-five and ten standard deviations: all are kept, and the distance is a bound.
        assert_eq!((of("kept", 0.02).value, of("saturated", 0.02).value), (1.0, 1.0));
        let distance = of("distance", 0.02);
        assert_eq!(Some(distance.value), distance.cap);
        assert!((distance.value / 0.02 - Normal::standard().inverse_cdf(0.05f64.powf(1.0 / 4000.0))).abs() < 1e-9);
        let none = Images { values: &values, labels: &[0, 1, 0] };
        assert!(metric.readings(&network, none, &pixels, Seed::new(1)).iter().all(|r| r.n == 0 && r.value.is_nan()));
    }
}
