//! How often the class changes on the straight line between two images.
//!
//! Between images of one class that both have it: the share of lines without a change is the convex fraction, 1 for a
//! linear classifier. `skips` are changes of class from point to point of a line, a lower bound of what is there; between
//! images of two classes at least one where both are right. (Fawzi et al. 2018; Somepalli et al. 2022.)

use super::images::Images;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::regions::{label_changes, Classifier};
use crate::metric::{Measured, Metric, Size, Subject, When};
use crate::num::{mean, sd, wilson};
use crate::record::Reading;
use crate::rng::Seed;

struct Convexity {
    pairs: usize,
    points: usize,
}

/// The row of this metric.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "convexity",
    summary: "changes of class on lines between images, share of lines without one; `pairs` = 200, `points` = 32",
    reference: "Fawzi et al. 2018; Somepalli et al. 2022",
    build: |params, ()| {
        Ok(Box::new(Convexity {
            pairs: params.integer("pairs", Some(200), 1..=100_000) as usize,
            points: params.integer("points", Some(32), 2..=100_000) as usize,
        }))
    },
};

impl Metric for Convexity {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        size.forward * (2 * self.pairs * self.points) as f64
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let images = Images { values: &subject.test.images, labels: &subject.test.labels };
        Ok(self.readings(subject.probe, images, subject.seed.child("pairs")).into())
    }
}

impl Convexity {
    fn readings(&self, network: &dyn Classifier, images: Images<'_>, seed: Seed) -> Vec<Reading> {
        let correct = images.correct(network);
        let mut readings = Vec::new();
        for (of, same) in [("same-class", true), ("other-class", false)] {
            let right = |i: &usize| correct.binary_search(i).is_ok();
            let mut pairs = images.pairs(same, self.pairs, seed);
            pairs.retain(|[a, b]| right(a) && right(b));
            let [from, to] = [0, 1].map(|end| images.rows(pairs.iter().map(|pair| pair[end])));
            let changes: Vec<f64> =
                label_changes(network, &from, &to, self.points).into_iter().map(|count| count as f64).collect();
            let n = changes.len();
            let se = sd(&changes) / (n as f64).sqrt();
            readings.push(Reading::new("skips", mean(&changes), "1", n).of(of).se(se));
            if same {
                let none = changes.iter().filter(|count| **count == 0.0).count() as f64;
                readings.push(Reading::new("convex", none / n as f64, "1", n).interval(wilson(none, n as f64)));
            }
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::testing::{linear, normals};
    use super::*;
    use crate::estimator::regions::predicted;

    #[test]
    fn classes_of_a_linear_network_are_convex_and_lines_to_another_class_leave_once_or_more() {
        let network = linear(5, normals(5 * 17, 1));
        let values = normals(16 * 60, 2);
        let mut labels = predicted(&Classifier::logits(&network, &values), 5);
        labels[7] = (labels[7] + 1) % 5;
        let metric = Convexity { pairs: 300, points: 20 };
        let readings = metric.readings(&network, Images { values: &values, labels: &labels }, Seed::new(1));
        let of = |name: &str, of: Option<&str>| {
            readings.iter().find(|r| r.name == name && r.of.as_deref() == of).unwrap_or_else(|| panic!("{name}"))
        };
        let convex = of("convex", None);
        assert_eq!((convex.value, of("skips", Some("same-class")).value), (1.0, 0.0));
        assert!(convex.interval.unwrap()[0] > 0.97 && convex.n < 300, "image 7 is wrong: {convex:?}");
        let other = of("skips", Some("other-class"));
        assert!(other.value > 1.0 && other.value < 3.0, "{other:?}");
    }
}
