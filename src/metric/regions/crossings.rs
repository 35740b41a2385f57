//! The linear pieces that segments between test images cross, layer by layer, and the classes.
//!
//! Exact (see [`crate::estimator::regions::crossings`]) for networks of rectifiers, leaky ones and max pooling. A unit that
//! changes its sign is counted, whether or not what follows lets it through. In a great network a whole segment crosses too
//! many pieces: then a stretch from its first image on is followed, so long that about `pieces` are expected at an untrained
//! network, and counts are told for the whole segment, divided by the stretch. The stretch follows from the graph alone.

use super::images::Images;
use super::network::Pieces;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::regions::{crossings, Crossings};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd};
use crate::record::Reading;
use crate::rng::Seed;

/// Crossings of a whole segment for each value that bends, of an untrained network between two images: the angle between
/// them is near a third of a half turn.
const EXPECTED: f64 = 0.3;

struct SegmentCrossings {
    segments: usize,
    pieces: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "crossings",
    summary: "linear pieces and classes that segments between images cross; `segments` = 3, `pieces` = 15000 at most",
    reference: "Hanin & Rolnick 2019",
    build: |params, ()| {
        Ok(Box::new(SegmentCrossings {
            segments: params.integer("segments", Some(3), 1..=10_000) as usize,
            pieces: params.integer("pieces", Some(15_000), 1..=1_000_000_000) as usize,
        }))
    },
};

impl Metric for SegmentCrossings {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        // For each piece the values, the values again, and their derivatives.
        let units: usize = size.sites.iter().map(|[pre, _]| pre).sum();
        let pieces = (2 * self.segments) as f64 * EXPECTED * units as f64;
        5.0 * size.forward * pieces.min(self.pieces as f64)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let pieces = match Pieces::new(subject.probe) {
            Ok(pieces) => pieces,
            Err(smooth) => return Ok(Measured::missing(format!("`{smooth}` is smooth: there are no linear pieces"))),
        };
        let images = Images { values: &subject.test.images, labels: &subject.test.labels };
        let reported = |layer: &str| subject.sites.iter().any(|site| site.layer == layer);
        Ok(self.readings(&pieces, &reported, images, subject.seed.child("segments")).into())
    }
}

impl SegmentCrossings {
    fn readings(
        &self,
        map: &Pieces<'_>,
        reported: &dyn Fn(&str) -> bool,
        images: Images<'_>,
        seed: Seed,
    ) -> Vec<Reading> {
        let whole = (2 * self.segments) as f64 * EXPECTED * map.units() as f64;
        let stretch = (self.pieces as f64 / whole).min(1.0);
        let mut readings = vec![Reading::new("stretch", stretch, "1", 2 * self.segments)];
        for (of, same) in [("same-class", true), ("other-class", false)] {
            let pairs = images.pairs(same, self.segments, seed);
            let from = images.rows(pairs.iter().map(|pair| pair[0]));
            let mut to = images.rows(pairs.iter().map(|pair| pair[1]));
            to.iter_mut().zip(&from).for_each(|(to, from)| *to = from + (*to - from) * stretch as f32);
            let all = crossings(map, &from, &to);
            // Where a logit is no number there is nothing to count: NaN.
            let reading = |name: &str, of_one: &dyn Fn(&Crossings) -> f64| {
                let counts: Vec<f64> = all.iter().map(|one| one.as_ref().map_or(f64::NAN, of_one)).collect();
                let se = sd(&counts) / (counts.len() as f64).sqrt();
                Reading::new(name, mean(&counts), "1", counts.len()).of(of).se(se)
            };
            for (fold, layer) in map.layers.iter().enumerate().filter(|(_, layer)| reported(layer)) {
                let count = |one: &Crossings| one.folds[fold] as f64 / stretch;
                readings.push(reading("crossings", &count).layer(layer));
            }
            readings.push(reading("boundaries", &|one| one.boundaries as f64 / stretch));
            if stretch == 1.0 {
                readings.push(reading("label-changes", &|one| one.labels as f64));
            }
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::testing::{bent, normals};
    use super::*;
    use crate::engine::Probe;
    use crate::estimator::regions::PiecewiseLinear;
    use crate::graph::Activation;

    fn readings(probe: &Probe, pieces: usize, images: Images<'_>) -> Vec<Reading> {
        let metric = SegmentCrossings { segments: 5, pieces };
        metric.readings(&Pieces::new(probe).unwrap(), &|layer| layer != "pool", images, Seed::new(1))
    }

    #[test]
    fn segments_between_images_cross_what_a_fine_grid_says_and_only_layers_asked_for_are_told() {
        let probe = bent(Activation::Relu);
        let (values, labels) = (normals(72 * 12, 3), [0, 1, 2].repeat(4));
        let images = Images { values: &values, labels: &labels };
        let found = readings(&probe, 1_000_000, images);
        let of = |name: &str, of: &str, layer: Option<&str>| {
            let is = |r: &&Reading| r.name == name && r.of.as_deref() == Some(of) && r.layer.as_deref() == layer;
            found.iter().find(is).unwrap_or_else(|| panic!("{name} {of} {layer:?}"))
        };
        assert!(found.iter().all(|reading| reading.layer.as_deref() != Some("pool")));
        for (kind, same) in [("same-class", true), ("other-class", false)] {
            let map = Pieces::new(&probe).unwrap();
            let mut signs = [0.0, 0.0];
            for [a, b] in images.pairs(same, 5, Seed::new(1)) {
                let (a, b) = (images.row(a), images.row(b));
                let steps = 4000;
                let at = |i: usize| a.iter().zip(b).map(move |(a, b)| a + (b - a) * (i as f32 / steps as f32));
                let points: Vec<f32> = (0..=steps).flat_map(at).collect();
                let lines = map.lines(&points, &points);
                for (sum, fold) in signs.iter_mut().zip([0, 2]) {
                    let length = lines.values[fold].len() / (steps + 1);
                    let pairs = lines.values[fold].iter().zip(&lines.values[fold][length..]);
                    *sum += pairs.filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count() as f64;
                }
            }
            for (layer, sum) in ["bend", "relu"].into_iter().zip(signs) {
                let reading = of("crossings", kind, Some(layer));
                assert!((reading.value - sum / 5.0).abs() < 1e-9 && reading.n == 5, "{reading:?} against {sum}");
                assert!(sum > 5.0);
            }
            assert!(of("boundaries", kind, None).value >= signs.iter().sum::<f64>() / 5.0);
            assert!(same || of("label-changes", kind, None).value > 0.0);
        }
    }

    #[test]
    fn a_stretch_is_followed_where_a_whole_segment_has_too_many_pieces() {
        let probe = bent(Activation::Leaky);
        let (values, labels) = (normals(72 * 12, 3), [0, 1, 2].repeat(4));
        let found = readings(&probe, 400, Images { values: &values, labels: &labels });
        let stretch = found.iter().find(|reading| reading.name == "stretch").unwrap().value;
        assert!((stretch - 400.0 / (10.0 * 0.3 * 225.0)).abs() < 1e-12);
        assert!(found.iter().all(|reading| reading.name != "label-changes"));
        let counts: Vec<f64> =
            found.iter().filter(|r| r.name == "crossings").map(|r| r.value * stretch * 5.0).collect();
        assert!(counts.len() == 4 && counts.iter().all(|count| (count - count.round()).abs() < 1e-9), "{counts:?}");
    }
}
