//! What of the image a linear map can read before and behind each non-linearity, and what of its input the non-linearity lets
//! be read from its output.
//!
//! `r2` of the image by ridge regression, on test images that it was not fitted to, and `bits` of it over principal components;
//! `r2-loss` is `r2` before less `r2` behind: the loss of that non-linearity alone. `r2-of-input` is that of the non-linearity's
//! own input, read from its output. Sides of more than `dims` values are projected to `dims` by a random matrix, the same for
//! all learners and moments: `r2` of the layer `input` is what such a projection of the images themselves lets be read.

use crate::entry::Entry;
use crate::error::Result;
use crate::estimator::reconstruction::{Reader, Reconstruction, Target};
use crate::graph::NodeId;
use crate::metric::{Measured, Metric, SiteKind, Size, Subject, When};
use crate::params::Range;
use crate::record::{Reading, Side};

struct Reconstructed {
    dims: usize,
    share: f64,
}

/// Defaults: `dims` 200, a sixth of the 1200 images that fit where 2000 are measured; `share` 0.99, the share of the images'
/// variance whose principal components count for `bits`.
pub const ENTRY: Entry<dyn Metric> = Entry {
    name: "reconstruction",
    summary: "R2 and bits of the image that a linear map reads before and behind each non-linearity",
    reference: "Hoerl & Kennard 1970",
    build: |params, ()| {
        let dims = params.integer("dims", Some(200), 1..=1000) as usize;
        Ok(Box::new(Reconstructed { dims, share: params.float("share", Some(0.99), Range::AboveUpTo(0.0, 1.0)) }))
    },
};

impl Metric for Reconstructed {
    fn when(&self) -> When {
        When::Landmarks
    }

    fn macs(&self, size: &Size) -> f64 {
        let (n, d) = (size.images as f64, size.inputs as f64);
        let side = |length: usize| {
            let p = length.min(self.dims) as f64;
            let projected = if length > self.dims { n * length as f64 * p } else { 0.0 };
            // Covariance, eigenvectors, and products with the image, twice: as it is, and permuted.
            projected + n * p * p + 9.0 * p * p * p + 4.0 * n * p * d
        };
        let sides: f64 = size.sites.iter().flatten().map(|length| side(*length)).sum();
        size.forward * n + n * d * d + 9.0 * d * d * d + sides + side(size.inputs)
    }

    fn measure(&self, subject: &Subject<'_>) -> Result<Measured> {
        let n = subject.images();
        let split = subject.seed.child("reconstruction");
        let mut order: Vec<usize> = (0..n).collect();
        split.child("permutation").rng().shuffle(&mut order);
        let Some(image) = Target::new(&subject.test.images, n, self.share) else {
            return Ok(Measured::missing(format!("{n} test images: at least 10 are needed")));
        };
        let permuted = image.permuted(&order);
        let reader = |values: &[f32]| Reader::new(values, n, split.child("split"));
        let mut measured = Measured::default();
        let mut push = |layer: &str, side: Side, found: Option<[Reconstruction; 2]>| {
            let nan = || Reconstruction { r2: f64::NAN, se: f64::NAN, bits: f64::NAN, lambda: f64::NAN, scored: 0 };
            let [found, by_chance] = found.unwrap_or_else(|| [nan(), nan()]);
            let reading = |name, value, unit, chance| {
                Reading::new(name, value, unit, found.scored).side(layer, side).shuffled(chance)
            };
            measured.push(reading("r2", found.r2, "1", by_chance.r2).se(found.se).cap(1.0));
            measured.push(reading("bits", found.bits, "bits", by_chance.bits));
            found.r2
        };
        let of_image = |reader: &Option<Reader>| {
            let reader = reader.as_ref()?;
            Some([reader.read(&image)?, reader.read(&permuted)?])
        };
        let input = NodeId(0);
        push("input", Side::Post, of_image(&reader(&subject.projected(&subject.test.images, input, self.dims).0)));
        let mut losses = Vec::new();
        for site in subject.sites {
            let before = subject.projected(&subject.values(site.pre), site.pre, self.dims).0;
            let r2_before = push(&site.layer, Side::Pre, of_image(&reader(&before)));
            if site.kind == SiteKind::Output {
                continue;
            }
            let behind = reader(&subject.projected(&subject.values(site.post), site.post, self.dims).0);
            let r2_behind = push(&site.layer, Side::Post, of_image(&behind));
            let own = Target::new(&before, n, self.share);
            let own = behind.as_ref().zip(own.as_ref()).and_then(|(reader, own)| reader.read(own));
            losses.push((site, r2_before - r2_behind, own));
        }
        for (site, loss, own) in losses {
            let (r2, se, scored) = own.map_or((f64::NAN, f64::NAN, 0), |own| (own.r2, own.se, own.scored));
            measured.push(Reading::new("r2-loss", loss, "1", scored).layer(&site.layer));
            measured.push(Reading::new("r2-of-input", r2, "1", scored).side(&site.layer, Side::Post).se(se).cap(1.0));
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{find, mlp, normals};
    use super::*;
    use crate::estimator::reconstruction::random_relu_r2;
    use crate::graph::Activation;

    #[test]
    fn a_random_layer_loses_what_the_law_of_random_matrices_says() {
        // 30 inputs, 60 units; and 15 units behind them.
        let images = normals(1500 * 30, 2);
        let readings = mlp(30, &[60], 15, Activation::Relu, 1.0).readings(&ENTRY, "", &images);
        let of = |name, layer, side| find(&readings, name, layer, side);
        let before = of("r2", "act0", Some(Side::Pre));
        assert!((before.value - 1.0).abs() < 1e-4 && before.cap == Some(1.0), "{before:?}");
        let behind = of("r2", "act0", Some(Side::Post));
        assert!((behind.value - random_relu_r2(2.0)).abs() < 0.03, "{behind:?}");
        assert!(behind.shuffled.unwrap().abs() < 0.05 && behind.n == 375, "{behind:?}");
        let loss = of("r2-loss", "act0", None).value;
        assert!((loss - (before.value - behind.value)).abs() < 1e-12, "{loss}");
        // 30 components, each read alike: 15 log2(1 / (1 - R2)) bits.
        let bits = of("bits", "act0", Some(Side::Post)).value;
        assert!((bits + 15.0 * (1.0 - behind.value).log2()).abs() < 2.5, "{bits}");
        // Weighted by the eigenvalues l, E[l t / (l + t)] = t R2, of a variance of r.
        let t = 1.0 - std::f64::consts::FRAC_2_PI;
        let own = of("r2-of-input", "act0", Some(Side::Post)).value;
        assert!((own - (1.0 - t * random_relu_r2(2.0) / 2.0)).abs() < 0.02, "{own}");
        let input = of("r2", "input", Some(Side::Post)).value;
        assert!((input - 1.0).abs() < 1e-4, "{input}");
        let logits = of("r2", "fc", Some(Side::Pre)).value;
        assert!(logits < 0.5 && logits > 0.2, "15 numbers hold less than half of 30: {logits}");
    }

    #[test]
    fn a_projection_to_few_dimensions_loses_by_itself() {
        let images = normals(800 * 40, 2);
        let readings = mlp(40, &[80], 4, Activation::Tanh, 1.0).readings(&ENTRY, "dims = 10", &images);
        for (layer, side) in [("input", Side::Post), ("act0", Side::Pre)] {
            let found = find(&readings, "r2", layer, Some(side)).value;
            assert!((found - 0.25).abs() < 0.04, "10 of 40 dimensions: {layer}: {found}");
        }
    }
}
