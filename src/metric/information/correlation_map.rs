//! The correlation map: how the cosine of two inputs goes from one activation to the next, against the map of a wide random
//! ReLU layer, `f(c) = [sqrt(1 - c^2) + c (pi - arccos c)] / pi` (Cho & Saul 2009). What training does to it is how far it has
//! organised the random pathways.
//!
//! Pairs of test images, sorted by the cosine `c` of their pre-activations of a layer into bins: `next-cosine` is the mean cosine
//! of the next layer's pre-activations (behind the last activation: of the logits), `excess` its mean difference from `f(c)`;
//! `distance` is the mean of `|c' - f(c)|` over all pairs.

use super::pairs::first;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::mean_field::arccos_map;
use crate::estimator::switching::{cosines, mean_over_pairs};
use crate::metric::{Measured, Metric, Site, SiteKind, Size, Subject, When};
use crate::record::{Reading, Side};

struct CorrelationMap {
    points: usize,
    bins: usize,
}

/// Defaults: `points` 500 test images, all pairs of them; `bins` 20 of -1 to 1, of which those with a pair are told.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "correlation-map",
    summary: "cosine of two inputs behind a layer over their cosine before it, against that of a random ReLU layer",
    reference: "Cho & Saul 2009; Poole et al. 2016",
    build: |params, ()| {
        let points = params.integer("points", Some(500), 10..=20_000) as usize;
        Ok(Box::new(CorrelationMap { points, bins: params.integer("bins", Some(20), 1..=1000) as usize }))
    },
};

impl Metric for CorrelationMap {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let points = self.points.min(size.images) as f64;
        let pairs: f64 = size.sites.iter().map(|[pre, _]| points * points * *pre as f64).sum();
        size.forward * size.images as f64 + pairs
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let points = self.points.min(subject.images());
        let of = |site: &Site| cosines(first(&subject.values(site.pre), points, subject.images()), points);
        let mut sites = subject.sites.iter().filter(|site| site.kind != SiteKind::MaxPool);
        let mut measured = Measured::default();
        let Some(mut site) = sites.next() else { return Ok(measured) };
        let mut own = of(site);
        for next_site in sites {
            let next = of(next_site);
            let push = |measured: &mut Measured, name: &str, at: Option<f64>, value: f64, se: f64, pairs: usize| {
                let reading = Reading::new(name, value, "1", pairs).side(&site.layer, Side::Pre).se(se);
                measured.push(at.iter().fold(reading, |reading, at| reading.at(*at)));
            };
            for bin in 0..self.bins {
                let chosen = |i: usize, j: usize| self.bin(own[i * points + j]) == Some(bin);
                let found = mean_over_pairs(points, chosen, |i, j| next[i * points + j]);
                if found.pairs == 0 {
                    continue;
                }
                let excess =
                    mean_over_pairs(points, chosen, |i, j| next[i * points + j] - arccos_map(own[i * points + j]));
                let centre = (2 * bin + 1) as f64 / self.bins as f64 - 1.0;
                push(&mut measured, "next-cosine", Some(centre), found.mean, found.se, found.pairs);
                push(&mut measured, "excess", Some(centre), excess.mean, excess.se, excess.pairs);
            }
            let distance = |i: usize, j: usize| (next[i * points + j] - arccos_map(own[i * points + j])).abs();
            let found = mean_over_pairs(points, |_, _| true, distance);
            push(&mut measured, "distance", None, found.mean, found.se, found.pairs);
            (site, own) = (next_site, next);
        }
        Ok(measured)
    }
}

impl CorrelationMap {
    /// The bin of a cosine; none of NaN.
    fn bin(&self, c: f64) -> Option<usize> {
        let place = (c + 1.0) / 2.0 * self.bins as f64;
        (!c.is_nan()).then(|| (place as usize).min(self.bins - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{find, mlp, normals};
    use super::*;
    use crate::graph::Activation;

    #[test]
    fn a_wide_random_mlp_lies_on_the_curve_and_a_linear_one_on_the_diagonal() {
        let common = normals(100, 5);
        let own = normals(30 * 100, 6);
        // Cosines of 0 to 1: image i is i/30 of the common one.
        let share = |i: usize| (i as f32 / 30.0, (1.0 - (i as f32 / 30.0).powi(2)).sqrt());
        let value = |at: usize| share(at / 100).0 * common[at % 100] + share(at / 100).1 * own[at];
        let images: Vec<f32> = (0..30 * 100).map(value).collect();
        let readings = mlp(100, &[800, 800], 800, Activation::Relu, 2.0).readings(&ENTRY, "points = 30", &images);
        let distance = |layer: &str| find(&readings, "distance", layer, Some(Side::Pre)).value;
        assert!(distance("act0") < 0.04 && distance("act1") < 0.04, "{} {}", distance("act0"), distance("act1"));
        let bins: Vec<&Reading> = readings.iter().filter(|r| r.name == "next-cosine").collect();
        assert!(bins.len() > 10);
        for bin in bins {
            let expected = arccos_map(bin.at.unwrap());
            assert!((bin.value - expected).abs() < 0.1, "{bin:?} against {expected}");
        }
        // Tiny inputs of tanh: nothing bends, so the cosine stays, and the curve is above it.
        let mut network = mlp(100, &[800, 800], 800, Activation::Tanh, 1.0);
        network.weights.iter_mut().for_each(|w| *w *= 0.01);
        let readings = network.readings(&ENTRY, "points = 30\nbins = 2", &images);
        let upper = readings.iter().find(|r| r.name == "next-cosine" && r.at == Some(0.5)).unwrap();
        let excess = readings.iter().find(|r| r.name == "excess" && r.at == Some(0.5)).unwrap();
        let pairs = 30 * 29 / 2;
        assert!(excess.value < -0.1 && upper.value + excess.value.abs() < 0.7, "{upper:?} {excess:?}");
        let lower = readings.iter().find(|r| r.name == "excess" && r.at == Some(-0.5)).map_or(0, |r| r.n);
        assert_eq!(upper.n + lower, pairs, "each pair is in one bin");
    }

    #[test]
    fn the_ends_of_the_axis_belong_to_the_outer_bins() {
        let map = CorrelationMap { points: 10, bins: 20 };
        let bins = [-1.0, -0.91, -0.89, 0.0, 0.95, 1.0, f64::NAN].map(|c| map.bin(c));
        assert_eq!(bins, [Some(0), Some(0), Some(1), Some(10), Some(19), Some(19), None]);
    }
}
