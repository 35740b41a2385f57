//! Arithmetic crossover (Michalewicz 1992): the child lies between its parents, `(1 - a) x + a y` with one `a` for all genes.

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::num::wide;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::Rng;

struct Arithmetic {
    weight: Option<f32>,
}

/// `weight`, the share `a` of the second parent in [0, 1]; by default another uniform number for each child. `blend`
/// draws one for each gene.
pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "arithmetic",
    summary: "a point on the line between both parents",
    reference: "Michalewicz 1992",
    build: |params, ()| {
        let weight = params.optional_float("weight", Range::Within(0.0, 1.0)).map(|weight| weight as f32);
        Ok(Box::new(Arithmetic { weight }))
    },
};

impl CrossoverOperator for Arithmetic {
    fn cross(&self, child: &mut [f32], other: &[f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        let a = self.weight.unwrap_or_else(|| rng.uniform());
        wide(
            #[inline(always)]
            // Written so that equal genes keep their bits.
            || child.iter_mut().zip(other).for_each(|(gene, other)| *gene += a * (other - *gene)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    fn child_of(weight: Option<f32>, first: &[f32], other: &[f32], rng: &mut Rng) -> Vec<f32> {
        let mut child = first.to_vec();
        with_context(first.len(), |context| Arithmetic { weight }.cross(&mut child, other, context, rng));
        child
    }

    #[test]
    fn a_given_weight_is_the_share_of_the_second_parent() {
        let child = child_of(Some(0.25), &[1.0, -2.0, 0.1], &[5.0, 2.0, 0.1], &mut Seed::new(1).rng());
        assert_eq!(child, [2.0, -1.0, 0.1]);
    }

    #[test]
    fn without_one_all_genes_share_a_uniform_weight_of_their_child() {
        let (count, mut rng) = (20_000, Seed::new(2).rng());
        let mut sums = [0.0; 2];
        for _ in 0..count {
            let child = child_of(None, &[0.0, 2.0], &[1.0, 0.0], &mut rng);
            assert!((0.0..1.0).contains(&child[0]) && (child[1] - (2.0 - 2.0 * child[0])).abs() < 1e-6, "{child:?}");
            let a = f64::from(child[0]);
            sums = [sums[0] + a, sums[1] + (a - 0.5).powi(2)];
        }
        // A uniform number has variance 1/12, and its square distance from the mean variance 1/180.
        let n = f64::from(count);
        assert!((sums[0] / n - 0.5).abs() < 4.0 * (1.0 / 12.0 / n).sqrt(), "{}", sums[0] / n);
        assert!((sums[1] / n - 1.0 / 12.0).abs() < 4.0 * (1.0 / 180.0 / n).sqrt(), "{}", sums[1] / n);
    }
}
