//! How many dimensions the test images fill before and behind each non-linearity.

use super::pairs::first;
use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::covariance::covariance_eigenvalues;
use crate::estimator::dimension::{
    effective_rank_eigenvalues, effective_rank_singular, participation_ratio, participation_ratio_corrected,
    spectral_entropy_nats, stable_rank,
};
use crate::graph::NodeId;
use crate::metric::{Measured, Metric, SiteKind, Size, Subject, When};
use crate::record::{Reading, Side};

struct Dimension {
    points: usize,
}

/// Default: `points` 500 test images.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "dimension",
    summary: "how many dimensions test images fill in each layer: participation ratio, effective rank, stable rank",
    reference: "Roy & Vetterli 2007; Chun et al. 2026",
    build: |params, ()| Ok(Box::new(Dimension { points: params.integer("points", Some(500), 4..=10_000) as usize })),
};

impl Metric for Dimension {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let n = self.points.min(size.images) as f64;
        let side = |length: usize| {
            let small = n.min(length as f64);
            n * length as f64 * small + 3.0 * small * small * small
        };
        size.forward * size.images as f64 + size.sites.iter().flatten().map(|length| side(*length)).sum::<f64>()
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let points = self.points.min(subject.images());
        let mut measured = Measured::default();
        let mut push = |layer: &str, side: Side, node: NodeId| {
            let values = subject.values(node);
            let values = first(&values, points, subject.images());
            let l = covariance_eigenvalues(values, points).unwrap_or_else(|| vec![f64::NAN]);
            let most = subject.length(node);
            let seen = most.min(points - 1) as f64;
            let corrected = participation_ratio_corrected(values, points, &l);
            let singular: Vec<f64> = l.iter().map(|l| l.sqrt()).collect();
            let reading = |name, value, cap| Reading::new(name, value, "1", points).side(layer, side).cap(cap);
            measured.push(reading("participation-ratio", corrected, most as f64));
            measured.push(reading("participation-ratio-naive", participation_ratio(&l), seen));
            measured.push(reading("effective-rank-singular", effective_rank_singular(&l), seen));
            measured.push(reading("effective-rank-eigenvalues", effective_rank_eigenvalues(&l), seen));
            measured.push(reading("stable-rank", stable_rank(&l), seen));
            let entropy = spectral_entropy_nats(&singular);
            let entropy = Reading::new("spectral-entropy", entropy, "nats", points).side(layer, side);
            measured.push(entropy.cap(seen.ln()));
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
    fn a_narrow_linear_layer_leaves_so_many_dimensions() {
        // Tiny inputs: tanh does not bend.
        let mut network = mlp(60, &[3], 50, Activation::Tanh, 1.0);
        network.weights.iter_mut().for_each(|w| *w *= 0.1);
        let readings = network.readings(&ENTRY, "points = 200", &normals(300 * 60, 2));
        for (layer, side) in [("act0", Side::Pre), ("act0", Side::Post), ("fc", Side::Pre)] {
            let of = |name| find(&readings, name, layer, Some(side)).value;
            assert!(of("effective-rank-eigenvalues") <= 3.001 && of("effective-rank-eigenvalues") > 2.0, "{layer}");
            assert!(of("stable-rank") <= of("participation-ratio-naive") + 1e-9, "{layer}");
            assert!(of("participation-ratio") > of("participation-ratio-naive"), "{layer}");
            assert!((of("spectral-entropy").exp() / of("effective-rank-singular") - 1.0).abs() < 1e-9, "{layer}");
        }
        let logits = find(&readings, "participation-ratio-naive", "fc", Some(Side::Pre));
        assert_eq!((logits.cap, logits.n), (Some(50.0), 200));
        assert_eq!(readings.len(), 3 * 6);
    }
}
