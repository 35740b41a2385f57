//! Differential mutation (Storn & Price 1997, eq. 2): `gene += F (r1 - r2)`, the difference of two other parents.
//!
//! `r1` and `r2` are drawn from the members that have a loss; they, and the parent, are three of them. Steps so become small as the
//! parents draw together, and have their directions. Where fewer than three members have a loss, in the first generation above all,
//! there is no such difference: a normal step of `sigma` on each gene takes its place.

use super::{normal_steps, MutationOperator};
use crate::entry::Entry;
use crate::num::wide;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::Rng;

struct Differential {
    scale: f32,
    sigma: f32,
}

/// Defaults: `scale` (F) 0.5, as Storn & Price advise for a start; `sigma` 0.1, the spread of the first generation.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "differential",
    summary: "the difference of two other parents is added",
    reference: "Storn & Price 1997",
    build: |params, ()| {
        Ok(Box::new(Differential {
            scale: params.float("scale", Some(0.5), Range::AboveUpTo(0.0, 2.0)) as f32,
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32,
        }))
    },
};

impl MutationOperator for Differential {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        let order = context.order;
        if order.len() < 3 {
            return normal_steps::step(genes, self.sigma, rng);
        }
        let mut another = |taken: &[usize]| loop {
            let member = order[rng.below(order.len())];
            if !taken.contains(&member) {
                return member;
            }
        };
        let first = another(&[context.parent]);
        let second = another(&[context.parent, first]);
        let (first, second) = (context.parents.member(first), context.parents.member(second));
        let scale = self.scale;
        wide(
            #[inline(always)]
            || {
                let difference = first.iter().zip(second);
                genes.iter_mut().zip(difference).for_each(|(gene, (a, b))| *gene += scale * (a - b));
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::mutation::places::testing::{with_places, GENES};
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn each_pair_of_other_parents_with_a_loss_comes_equally_often() {
        with_places(|context| {
            let parent = context.parents.member(context.parent);
            let expected = |a: usize, b: usize| -> Vec<f32> {
                let (a, b) = (context.parents.member(a), context.parents.member(b));
                (0..GENES).map(|i| parent[i] + 0.7 * (a[i] - b[i])).collect()
            };
            // Member 1 is the parent, and 3 has no loss.
            let pairs = [(0, 2), (0, 4), (2, 0), (2, 4), (4, 0), (4, 2)];
            let mut times = [0.0; 6];
            for seed in 0..6_000 {
                let mut genes = parent.to_vec();
                Differential { scale: 0.7, sigma: 1.0 }.mutate(&mut genes, context, &mut Seed::new(seed).rng());
                let pair = pairs.iter().position(|(a, b)| expected(*a, *b) == genes);
                times[pair.expect("the difference of two others")] += 1.0;
            }
            let bound = 4.0 * (6_000.0f64 / 6.0 * (5.0 / 6.0)).sqrt();
            assert!(times.iter().all(|n: &f64| (n - 1_000.0).abs() < bound), "{times:?}");
        });
    }

    #[test]
    fn with_fewer_than_three_parents_steps_are_normal() {
        let mut genes = vec![3.0f32; 100_000];
        with_context(100_000, |context| {
            Differential { scale: 0.5, sigma: 0.25 }.mutate(&mut genes, context, &mut Seed::new(1).rng());
        });
        let z: Vec<f64> = genes.iter().map(|gene| (f64::from(*gene) - 3.0) / 0.25).collect();
        normal_steps::assert_normal(&z);
    }
}
