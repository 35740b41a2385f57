//! Cauchy mutation, the steps of fast evolutionary programming (Yao, Liu & Lin 1999): `gene += sigma * C` on each gene.
//!
//! `C` has the density `1 / (pi (1 + x^2))`: half of the steps are within `sigma`, one in a hundred is beyond
//! 64 of them. A step is the quantile of one of 2^32 probabilities, so the greatest is `2^33 / pi * sigma`, 2.7e9 of them: always
//! finite. In the paper each gene has a `sigma` that adapts itself; here it stays.

use super::MutationOperator;
use crate::entry::Entry;
use crate::num::wide;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::Rng;

struct Cauchy {
    sigma: f32,
}

/// Default: `sigma` 0.1, as of `gaussian`.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "cauchy",
    summary: "a Cauchy step on each gene: mostly small, now and then very large",
    reference: "Yao, Liu & Lin 1999",
    build: |params, ()| {
        Ok(Box::new(Cauchy { sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32 }))
    },
};

impl MutationOperator for Cauchy {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        let (mut words, sigma) = ([0; 1024], self.sigma);
        for genes in genes.chunks_mut(words.len()) {
            let words = &mut words[..genes.len()];
            rng.fill_word(words);
            wide(
                #[inline(always)]
                || genes.iter_mut().zip(words).for_each(|(gene, word)| *gene += sigma * cauchy_of(*word)),
            );
        }
    }
}

/// The upper-tail Cauchy quantile, `cot(pi p)`, of `p = (2u + 1) / 2^33` with the word's low 31 bits `u`, and the sign of its top
/// bit. By power series of sine and cosine up to pi/4, so that the bits are the same on every machine.
#[inline(always)]
fn cauchy_of(word: u32) -> f32 {
    // cot(pi p) = tan(pi (1/2 - p)): the smaller of the two is taken as a whole number, which keeps all bits of the tail.
    let p = word << 1 | 1;
    let near = p.min(p.wrapping_neg());
    let angle = near as f32 * (std::f32::consts::PI / 8_589_934_592.0);
    let square = angle * angle;
    let sine = ((((1.0 / 362_880.0) * square - 1.0 / 5_040.0) * square + 1.0 / 120.0) * square - 1.0 / 6.0) * square;
    let sine = angle + angle * sine;
    let cosine = (((1.0 / 40_320.0) * square - 1.0 / 720.0) * square + 1.0 / 24.0) * square - 0.5;
    let cosine = 1.0 + square * cosine;
    let size = if near == p { cosine / sine } else { sine / cosine };
    f32::from_bits(size.to_bits() ^ (word & 0x8000_0000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn quantiles_are_those_of_the_tangent_and_the_greatest_is_finite() {
        for u in (0..31).map(|bit| 1u32 << bit).chain([0, 0x3fff_ffff, 0x4000_0000, 0x5555_5555, 0x7fff_ffff]) {
            let p = (2.0 * f64::from(u) + 1.0) / 8_589_934_592.0;
            let exact = 1.0 / (std::f64::consts::PI * p).tan();
            let found = f64::from(cauchy_of(u));
            assert!((found - exact).abs() <= 4e-7 * exact.abs(), "{u:#x}: {found} against {exact}");
            assert_eq!(cauchy_of(u | 0x8000_0000), -cauchy_of(u));
        }
        assert!((cauchy_of(0) / 2.734e9 - 1.0).abs() < 1e-3, "{}", cauchy_of(0));
    }

    #[test]
    fn steps_are_spread_as_the_distribution_function_says() {
        let k = 200_000;
        let mut genes = vec![3.0f32; k];
        with_context(k, |context| Cauchy { sigma: 0.5 }.mutate(&mut genes, context, &mut Seed::new(6).rng()));
        for x in [-30.0, -1.0, -0.2, 0.0, 0.5, 1.0, 3.0, 100.0] {
            let below = genes.iter().filter(|gene| (f64::from(**gene) - 3.0) / 0.5 < x).count() as f64;
            let p = 0.5 + x.atan() / std::f64::consts::PI;
            let bound = 4.0 * (k as f64 * p * (1.0 - p)).sqrt();
            assert!((below - k as f64 * p).abs() < bound, "{below} below {x}, expected {}", k as f64 * p);
        }
    }
}
