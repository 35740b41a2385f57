//! How alike the layers are to the images, and to themselves before training: debiased linear centred kernel alignment.
//!
//! `input` compares each side of a non-linearity with the normalised images, `untrained` with the same side of the network before
//! training. 1 is alike but for turning and scaling, 0 what unrelated data give; permuted images say how far from 0 chance leads.

use super::pairs::first;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::cka::{cka_debiased, Kernel};
use crate::graph::NodeId;
use crate::metric::{Measured, Metric, SiteKind, Size, Subject, When};
use crate::record::{Reading, Side};

struct Cka {
    points: usize,
}

/// Default: `points` 500 test images.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "cka",
    summary: "likeness of each layer to the images, and to itself before training: debiased linear kernel alignment",
    reference: "Kornblith et al. 2019; Song et al. 2012",
    build: |params, ()| Ok(Box::new(Cka { points: params.integer("points", Some(500), 4..=10_000) as usize })),
};

impl Metric for Cka {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let n = self.points.min(size.images) as f64;
        let side = |length: usize| n * n.min(length as f64) * (length as f64 + 4.0 * n.min(size.inputs as f64));
        0.4 * (size.forward * size.images as f64 + size.sites.iter().flatten().map(|length| side(*length)).sum::<f64>())
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let points = self.points.min(subject.images());
        let mut order: Vec<usize> = (0..points).collect();
        subject.seed.child("cka").rng().shuffle(&mut order);
        let kernel = |values: &[f32]| Kernel::linear(first(values, points, subject.images()), points);
        let images = kernel(&subject.test.images);
        let mut measured = Measured::default();
        let mut push = |layer: &str, side: Side, node: NodeId| {
            let own = kernel(&subject.values(node));
            let permuted = own.permuted(&order);
            let untrained = kernel(&subject.untrained_values(node));
            for (of, other) in [("input", &images), ("untrained", &untrained)] {
                let reading = Reading::new("cka", cka_debiased(other, &own), "1", points).of(of).side(layer, side);
                measured.push(reading.cap(1.0).shuffled(cka_debiased(other, &permuted)));
            }
        };
        for site in subject.sites {
            push(&site.layer, Side::Pre, site.pre);
            if site.kind != SiteKind::Output {
                push(&site.layer, Side::Post, site.post);
            }
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{find, mlp, normals};
    use super::*;
    use crate::graph::Activation;

    #[test]
    fn a_layer_is_like_itself_until_its_weights_are_others() {
        let images = normals(200 * 40, 2);
        let mut network = mlp(40, &[300, 300], 4, Activation::Relu, 2.0);
        let second = network.graph.parameters[1].range();
        network.weights[second.clone()].copy_from_slice(&normals(second.len(), 9));
        let readings = network.readings(&ENTRY, "points = 150", &images);
        let of = |kind: &str, layer: &str, side| {
            let own: Vec<Reading> = readings.iter().filter(|r| r.of.as_deref() == Some(kind)).cloned().collect();
            find(&own, "cka", layer, Some(side)).clone()
        };
        assert!((of("untrained", "act0", Side::Post).value - 1.0).abs() < 1e-6, "nothing was trained before it");
        let trained = of("untrained", "act1", Side::Pre);
        assert!(trained.value < 0.99 && trained.value > 0.3 && trained.n == 150, "{trained:?}");
        // 300 random units of 40 inputs are nearly a turned image.
        let [before, behind] = [Side::Pre, Side::Post].map(|side| of("input", "act0", side));
        assert!(before.value > 0.85 && behind.value < before.value, "{before:?} {behind:?}");
        assert!(before.shuffled.unwrap().abs() < 0.1 && before.cap == Some(1.0), "{before:?}");
        assert_eq!(readings.len(), 2 * 5);
    }
}
