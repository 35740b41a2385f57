//! What passes to each side of each non-linearity near a test image, from the exact Jacobian there.
//!
//! `bits` is the information of the linear Gaussian channel that the network is at an image: noise of `noise-in` on each pixel is the
//! signal, noise of `noise-out` times the side's own scale (root mean square over test images and units, means of units taken
//! off) the disturbance. `bits-loss` is what the non-linearity loses, image by image, where both sides have the noise of its
//! input: a ReLU or a max-pool only takes rows of the Jacobian away, so it never gains. `bits` may, where the scale falls. `rank`, `log-volume` (sum of ln s),
//! `squared-frobenius` and `condition` are of the Jacobian by pixels, in units of their range. Means over images.
//!
//! Where an image has more than `directions` values, it is moved along so many random orthonormal directions instead of
//! all, the same for all learners and moments: `bits` is then that of noise in their span.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::pairs::first;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::covariance::{centred, singular_of_gram, smaller_gram};
use crate::estimator::local_information::{
    condition, local_information_bits, log_pseudo_volume_nats, rank, squared_frobenius,
};
use crate::graph::NodeId;
use crate::metric::{Measured, Metric, SiteKind, Size, Subject, When};
use crate::num::{dot, mean, sd};
use crate::params::Range;
use crate::record::{Reading, Side};

struct LocalInformation {
    points: usize,
    directions: usize,
    noise_in: f64,
    noise_out: f64,
}

/// Defaults: `points` 8 test images; at most `directions` 784; `noise-in` 10/255 of a pixel's range; `noise-out` 0.1.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "local-information",
    summary: "bits that pass near a test image through each non-linearity, from its exact Jacobian; rank, volume, norm",
    reference: "Cover & Thomas 2006; Novak et al. 2018",
    build: |params, ()| {
        let points = params.integer("points", Some(8), 2..=10_000) as usize;
        let directions = params.integer("directions", Some(784), 1..=10_000) as usize;
        let noise_in = params.float("noise-in", Some(10.0 / 255.0), Range::Above(0.0));
        let noise_out = params.float("noise-out", Some(0.1), Range::Above(0.0));
        Ok(Box::new(LocalInformation { points, directions, noise_in, noise_out }))
    },
};

impl Metric for LocalInformation {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let d = size.inputs.min(self.directions) as f64;
        let side = |length: usize| {
            let (m, small) = (length as f64, d.min(length as f64));
            d * size.forward + m * d * small + 1.5 * small * small * small
        };
        let sides: f64 = size.sites.iter().map(|[pre, post]| side(*pre) + side(*post)).sum();
        size.forward * size.images as f64 + self.points.min(size.images) as f64 * sides
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let directions = self.directions_of(subject);
        let mut known: BTreeMap<NodeId, Vec<Passed>> = BTreeMap::new();
        let mut measured = Measured::default();
        for site in subject.sites {
            for node in [site.pre, site.post] {
                known.entry(node).or_insert_with(|| self.passed(subject, node, &directions));
            }
            push(&mut measured, &site.layer, Side::Pre, &known[&site.pre]);
            if site.kind != SiteKind::Output {
                push(&mut measured, &site.layer, Side::Post, &known[&site.post]);
                let pairs = known[&site.pre].iter().zip(&known[&site.post]);
                let losses: Vec<f64> = pairs.map(|(pre, post)| pre.bits() - post.bits_at(pre.rho)).collect();
                measured.push(over_points("bits-loss", "bits", &losses).layer(&site.layer));
            }
        }
        Ok(measured)
    }
}

/// What passes to a node near one image.
struct Passed {
    /// Singular values of the Jacobian; one NaN where it is not finite.
    singular: Vec<f64>,
    /// Variance of the noise that is the signal over that of the disturbance.
    rho: f64,
}

impl Passed {
    fn bits(&self) -> f64 {
        self.bits_at(self.rho)
    }

    fn bits_at(&self, rho: f64) -> f64 {
        local_information_bits(&self.singular, rho)
    }

    /// A number of the Jacobian; NaN where it is not finite.
    fn of_jacobian(&self, number: impl Fn(&[f64]) -> f64) -> f64 {
        if self.singular.iter().any(|s| s.is_nan()) {
            return f64::NAN;
        }
        number(&self.singular)
    }
}

fn push(measured: &mut Measured, layer: &str, side: Side, passed: &[Passed]) {
    let mut push = |name: &str, unit: &str, of: fn(&Passed) -> f64, cap: Option<f64>| {
        let values: Vec<f64> = passed.iter().map(of).collect();
        let reading = over_points(name, unit, &values).side(layer, side);
        measured.push(cap.into_iter().fold(reading, Reading::cap));
    };
    push("bits", "bits", Passed::bits, None);
    let full = passed.first().map(|passed| passed.singular.len() as f64);
    push("rank", "1", |passed| passed.of_jacobian(|singular| rank(singular) as f64), full);
    push("log-volume", "nats", |passed| passed.of_jacobian(log_pseudo_volume_nats), None);
    push("squared-frobenius", "1", |passed| passed.of_jacobian(squared_frobenius), None);
    push("condition", "1", |passed| passed.of_jacobian(condition), None);
}

fn over_points(name: &str, unit: &str, values: &[f64]) -> Reading {
    let n = values.len();
    Reading::new(name, mean(values), unit, n).se(sd(values) / (n as f64).sqrt())
}

impl LocalInformation {
    /// Directions of the normalised image, (t, D): steps of one pixel's range along orthonormal directions of pixels.
    fn directions_of(&self, subject: &Subject<'_>) -> Vec<f32> {
        let d = subject.probe.dimension();
        let std = subject.pixel_std();
        let mut directions = if d <= self.directions {
            let mut axes = vec![0.0; d * d];
            (0..d).for_each(|i| axes[i * d + i] = 1.0);
            axes
        } else {
            let mut normals = vec![0.0f32; self.directions * d];
            subject.seed.child("local-information").rng().fill_normal(&mut normals);
            orthonormal(normals.into_iter().map(f64::from).collect(), d)
        };
        for direction in directions.chunks_exact_mut(d) {
            for (channel, std) in direction.chunks_exact_mut(d / std.len()).zip(std) {
                channel.iter_mut().for_each(|x| *x /= std);
            }
        }
        directions.into_iter().map(|x| x as f32).collect()
    }

    /// At each image.
    fn passed(&self, subject: &Subject<'_>, node: NodeId, directions: &[f32]) -> Vec<Passed> {
        let points = self.points.min(subject.images());
        let images = first(&subject.test.images, points, subject.images());
        let t = directions.len() / subject.probe.dimension();
        let noise_out = self.noise_out * scale(&subject.values(node), subject.images());
        let rho = (self.noise_in / noise_out).powi(2);
        let gram = |image: &[f32]| {
            let derivatives = subject.probe.pushforward(image, directions, &[node]).swap_remove(0);
            let wide: Vec<f64> = derivatives.into_iter().map(f64::from).collect();
            smaller_gram(&wide, t)
        };
        let grams: Vec<(Vec<f64>, usize)> = images.chunks_exact(images.len() / points).map(gram).collect();
        let of_gram = |(gram, side): &(Vec<f64>, usize)| Passed {
            singular: singular_of_gram(gram, *side).unwrap_or_else(|| vec![f64::NAN]),
            rho,
        };
        grams.par_iter().map(of_gram).collect()
    }
}

/// Root mean square of values, (n, units), means of units taken off.
fn scale(values: &[f32], n: usize) -> f64 {
    let centred = centred(values, n);
    (dot(&centred, &centred) / centred.len() as f64).sqrt()
}

/// Rows of `d`, made orthonormal one after the other (Gram & Schmidt, twice for the last digits).
fn orthonormal(mut rows: Vec<f64>, d: usize) -> Vec<f64> {
    for i in 0..rows.len() / d {
        let (done, rest) = rows.split_at_mut(i * d);
        let row = &mut rest[..d];
        for _ in 0..2 {
            let along: Vec<f64> = done.par_chunks_exact(d).map(|other| dot(row, other)).collect();
            for (other, along) in done.chunks_exact(d).zip(along) {
                row.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
            }
        }
        let length = dot(row, row).sqrt();
        row.iter_mut().for_each(|x| *x /= length);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::testing::{find, mlp, normals};
    use super::*;
    use crate::estimator::covariance::singular_values;
    use crate::graph::Activation;
    use crate::rng::Seed;

    #[test]
    fn a_linear_layer_passes_the_bits_of_its_matrix() {
        let images = normals(300 * 12, 2);
        let network = mlp(12, &[20], 6, Activation::Relu, 2.0);
        let readings = network.readings(&ENTRY, "points = 5\nnoise-in = 0.1\nnoise-out = 0.3", &images);
        let of = |name, side| find(&readings, name, "act0", side);
        // The first layer by hand: a pixel's range is four standard deviations.
        let weights: Vec<f64> = network.weights[..240].iter().map(|w| f64::from(*w) / 0.249_02).collect();
        let singular = singular_values(&weights, 20).unwrap();
        let probe = crate::engine::Probe::new(network.graph.clone(), network.weights.clone(), &[]);
        let site = crate::metric::sites(&network.graph, &[true; 5]).swap_remove(0);
        let [pre, post]: [Vec<f32>; 2] = probe.values(&images, &[site.pre, site.post]).try_into().unwrap();
        let rho = (0.1 / (0.3 * scale(&pre, 300))).powi(2);
        let bits = of("bits", Some(Side::Pre));
        assert!((bits.value / local_information_bits(&singular, rho) - 1.0).abs() < 1e-3, "{bits:?}");
        assert!(bits.se.unwrap() < 1e-4 && bits.n == 5, "the same at each image: {bits:?}");
        let frobenius = of("squared-frobenius", Some(Side::Pre)).value;
        assert!((frobenius / squared_frobenius(&singular) - 1.0).abs() < 1e-3, "{frobenius}");
        assert_eq!(of("rank", Some(Side::Pre)).value, 12.0);
        // Behind the ReLUs the rows of units that are off are gone.
        let (mut all, mut ranks, mut losses) = (Vec::new(), Vec::new(), Vec::new());
        let before = rho;
        let rho = (0.1 / (0.3 * scale(&post, 300))).powi(2);
        for values in pre.chunks_exact(20).take(5) {
            let on = (0..20).filter(|unit| values[*unit] > 0.0);
            let rows: Vec<f64> = on.flat_map(|unit| &weights[unit * 12..(unit + 1) * 12]).copied().collect();
            let singular = singular_values(&rows, rows.len() / 12).unwrap();
            all.push(local_information_bits(&singular, rho));
            losses.push(bits.value - local_information_bits(&singular, before));
            ranks.push(singular.len() as f64);
        }
        let behind = of("bits", Some(Side::Post));
        assert!((behind.value / mean(&all) - 1.0).abs() < 1e-3, "{behind:?} against {}", mean(&all));
        assert!((of("rank", Some(Side::Post)).value - mean(&ranks)).abs() < 1e-12 && mean(&ranks) < 12.0);
        let loss = of("bits-loss", None);
        assert!((loss.value / mean(&losses) - 1.0).abs() < 1e-3 && loss.value > 0.0, "{loss:?}, {losses:?}");
    }

    #[test]
    fn some_directions_pass_less_than_all() {
        let images = normals(100 * 12, 2);
        let network = mlp(12, &[20], 6, Activation::Relu, 2.0);
        let bits = |directions: usize| {
            let readings = network.readings(&ENTRY, &format!("directions = {directions}"), &images);
            let rank = find(&readings, "rank", "act0", Some(Side::Pre));
            assert_eq!((rank.value, rank.cap), (directions as f64, Some(directions as f64)));
            find(&readings, "bits", "act0", Some(Side::Pre)).value
        };
        assert!(bits(4) > 0.0 && bits(4) < 0.5 * bits(12), "{} {}", bits(4), bits(12));
    }

    #[test]
    fn random_directions_are_orthonormal() {
        let mut normals = vec![0.0f32; 5 * 40];
        Seed::new(1).rng().fill_normal(&mut normals);
        let rows = orthonormal(normals.into_iter().map(f64::from).collect(), 40);
        for (i, a) in rows.chunks_exact(40).enumerate() {
            for (j, b) in rows.chunks_exact(40).enumerate() {
                assert!((dot(a, b) - f64::from(i == j)).abs() < 1e-14, "{i} {j}");
            }
        }
    }

    #[test]
    fn the_scale_is_that_of_what_varies() {
        // Units 5 +- 1 and 7 +- 3.
        assert!((scale(&[4.0, 10.0, 6.0, 4.0], 2) - 5f64.sqrt()).abs() < 1e-12);
    }
}
