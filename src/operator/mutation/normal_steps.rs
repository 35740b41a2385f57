//! Normal steps of one size on a run of genes: what several mutations share.

use crate::num::wide;
use crate::rng::Rng;

/// `gene += sigma * N(0, 1)` for each gene.
pub(super) fn step(genes: &mut [f32], sigma: f32, rng: &mut Rng) {
    let mut noise = [0.0; 1024];
    for genes in genes.chunks_mut(noise.len()) {
        let noise = &mut noise[..genes.len()];
        rng.fill_normal(noise);
        wide(
            #[inline(always)]
            || genes.iter_mut().zip(noise).for_each(|(gene, z)| *gene += sigma * *z),
        );
    }
}

/// Holds steps that should be standard normal to their moments, within four standard errors.
#[cfg(test)]
pub(super) fn assert_normal(z: &[f64]) {
    let n = z.len() as f64;
    let moment = |p: i32| z.iter().map(|z| z.powi(p)).sum::<f64>() / n;
    assert!(moment(1).abs() < 4.0 / n.sqrt(), "mean {}", moment(1));
    assert!((moment(2) - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "variance {}", moment(2));
    assert!((moment(4) - 3.0).abs() < 4.0 * (96.0 / n).sqrt(), "fourth moment {}", moment(4));
}
