//! Planes through three test images, two of one class and one of another: how many parts their classes fall into, and
//! how far the maps of two learners agree.
//!
//! The planes are those of the seed, the same for all learners and moments. `fragmentation` is at least `classes`, and as much
//! where every class is in one part, as of a linear classifier. `agreement` is the share of places with the same class (the
//! reproducibility score of Somepalli et al. 2022), `iou` the mean over classes of the intersection over the union; `shuffled`
//! compares with the other learner's map of the next plane. The first planes are kept for pictures.

use super::images::Images;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::regions::{
    agreement, area_fractions, fragmentation, intersection_over_union, Classifier, Plane, Slice,
};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd};
use crate::params::Range;
use crate::record::Reading;
use crate::rng::Seed;
use crate::state::Array;

struct Slices {
    triplets: usize,
    side: usize,
    margin: f64,
    pictures: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "slices",
    summary: "parts and areas of classes on planes through images, agreement of learners; `triplets` = 30, `side` = 64",
    reference: "Somepalli et al. 2022",
    build: |params, ()| {
        Ok(Box::new(Slices {
            triplets: params.integer("triplets", Some(30), 1..=10_000) as usize,
            side: params.integer("side", Some(64), 2..=2000) as usize,
            margin: params.float("margin", Some(0.5), Range::AtLeast(0.0)),
            pictures: params.integer("pictures", Some(3), 0..=1000) as usize,
        }))
    },
};

/// A plane and the classes of its three images.
struct Placed {
    plane: Plane,
    classes: [u32; 2],
}

impl Metric for Slices {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        // Its own maps, and half as often those of another learner.
        1.5 * size.forward * (self.triplets * self.side * self.side) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let images = Images { values: &subject.test.images, labels: &subject.test.labels };
        let peers: Vec<(&str, &dyn Classifier)> =
            subject.peers.iter().map(|peer| (peer.learner.as_str(), &peer.probe as &dyn Classifier)).collect();
        Ok(self.measured(subject.probe, &peers, images, subject.seed.child("planes")))
    }
}

impl Slices {
    fn measured(
        &self,
        network: &dyn Classifier,
        peers: &[(&str, &dyn Classifier)],
        images: Images<'_>,
        seed: Seed,
    ) -> Measured {
        let placed = |[a, b, c]: [usize; 3]| {
            let plane = Plane::through([a, b, c].map(|i| images.row(i)))?;
            Some(Placed { plane, classes: [images.labels[a], images.labels[c]] })
        };
        let planes: Vec<Placed> = images.triplets(self.triplets, seed).into_iter().filter_map(placed).collect();
        let maps = |network: &dyn Classifier| -> Vec<Slice> {
            planes.iter().map(|placed| Slice::new(network, &placed.plane, self.side, self.margin)).collect()
        };
        let slices = maps(network);
        let mut measured = Measured::default();
        let reading = |name: &str, values: &[f64]| {
            Reading::new(name, mean(values), "1", values.len()).se(sd(values) / (values.len() as f64).sqrt())
        };
        let each = |of: &dyn Fn(&Slice) -> f64| slices.iter().map(of).collect::<Vec<f64>>();
        measured.push(reading("fragmentation", &each(&|slice| fragmentation(&slice.labels, self.side) as f64)));
        measured.push(reading("classes", &each(&|slice| distinct(&slice.labels) as f64)));
        let areas: Vec<Vec<f64>> =
            slices.iter().zip(&planes).map(|(slice, placed)| area_fractions(&slice.labels, &placed.classes)).collect();
        for (i, of) in ["pair", "third"].into_iter().enumerate() {
            measured.push(reading("area", &areas.iter().map(|areas| areas[i]).collect::<Vec<f64>>()).of(of));
        }
        let rest: Vec<f64> = areas.iter().map(|areas| 1.0 - areas[0] - areas[1]).collect();
        measured.push(reading("area", &rest).of("rest"));
        for (learner, network) in peers {
            let others = maps(*network);
            type Score = fn(&[u32], &[u32]) -> f64;
            for (name, score) in [("agreement", agreement as Score), ("iou", intersection_over_union as Score)] {
                let scores = |shift: usize| -> Vec<f64> {
                    let shifted = others.iter().cycle().skip(shift);
                    slices.iter().zip(shifted).map(|(one, other)| score(&one.labels, &other.labels)).collect()
                };
                measured.push(reading(name, &scores(0)).of(*learner).shuffled(mean(&scores(1))));
            }
        }
        for (i, slice) in slices.iter().take(self.pictures).enumerate() {
            let labels = slice.labels.iter().map(|label| u64::from(*label)).collect();
            measured.arrays.extend([
                (format!("labels-{i}"), Array::U64(labels)),
                (format!("confidence-{i}"), Array::F32(slice.confidence.clone())),
                (format!("extent-{i}"), Array::F64(slice.extent.concat())),
                (format!("points-{i}"), Array::F64(slice.points.concat())),
            ]);
        }
        measured
    }
}

/// How many classes there are.
fn distinct(labels: &[u32]) -> usize {
    let mut labels = labels.to_vec();
    labels.sort_unstable();
    labels.dedup();
    labels.len()
}

#[cfg(test)]
mod tests {
    use super::super::network::testing::{linear, normals};
    use super::*;
    use crate::estimator::regions::predicted;

    #[test]
    fn a_linear_network_has_each_class_in_one_part_and_agrees_with_itself() {
        let [network, other] = [1, 7].map(|seed| linear(4, normals(4 * 17, seed)));
        let values = normals(16 * 60, 2);
        let labels = predicted(&Classifier::logits(&network, &values), 4);
        let metric = Slices { triplets: 8, side: 24, margin: 0.5, pictures: 2 };
        let peers: [(&str, &dyn Classifier); 2] = [("itself", &network), ("other", &other)];
        let images = Images { values: &values, labels: &labels };
        let measured = metric.measured(&network, &peers, images, Seed::new(3));
        let of = |name: &str, of: Option<&str>| {
            let is = |r: &&Reading| r.name == name && r.of.as_deref() == of;
            measured.readings.iter().find(is).unwrap_or_else(|| panic!("{name} {of:?}"))
        };
        assert_eq!(of("fragmentation", None).value, of("classes", None).value);
        assert!(of("classes", None).value >= 2.0 && of("classes", None).n == 8);
        let areas = ["pair", "third", "rest"].map(|which| of("area", Some(which)).value);
        assert!((areas.iter().sum::<f64>() - 1.0).abs() < 1e-12 && areas[0] > 0.2 && areas[1] > 0.1, "{areas:?}");
        for name in ["agreement", "iou"] {
            let itself = of(name, Some("itself"));
            assert!(itself.value == 1.0 && itself.shuffled.unwrap() < 0.7, "{itself:?}");
            assert!(of(name, Some("other")).value < 0.7);
        }
        let names: Vec<&str> = measured.arrays.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[..4], ["labels-0", "confidence-0", "extent-0", "points-0"]);
        assert_eq!(names.len(), 8);
        let (Array::U64(labels), Array::F32(confidence)) = (&measured.arrays[0].1, &measured.arrays[1].1) else {
            panic!()
        };
        assert_eq!((labels.len(), confidence.len()), (576, 576));
        let [Array::F64(extent), Array::F64(points)] = [2, 3].map(|i| measured.arrays[i].1.clone()) else { panic!() };
        assert_eq!((points.len(), &points[..3]), (6, &[0.0, 0.0, points[2]][..]));
        // The box of the points and half of it more on every side.
        let right = points[2].max(points[4]) - points[4].min(0.0);
        assert!((extent[1] - extent[0] - 2.0 * right).abs() < 1e-9);
    }
}
