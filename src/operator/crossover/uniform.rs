//! Uniform crossover (Syswerda 1989): each gene comes from the second parent with one probability, by itself.

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::num::wide;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::{uniform_of, Rng};

struct Uniform {
    share: f32,
}

/// Default: `share` 0.5, the probability that a gene comes from the second parent, as in the paper.
pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "uniform",
    summary: "each gene from either parent, by itself",
    reference: "Syswerda 1989",
    build: |params, ()| {
        Ok(Box::new(Uniform { share: params.float("share", Some(0.5), Range::Within(0.0, 1.0)) as f32 }))
    },
};

impl CrossoverOperator for Uniform {
    fn cross(&self, child: &mut [f32], other: &[f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        let (mut words, share) = ([0; 1024], self.share);
        for (child, other) in child.chunks_mut(words.len()).zip(other.chunks(words.len())) {
            let words = &mut words[..child.len()];
            rng.fill_word(words);
            wide(
                #[inline(always)]
                || {
                    for ((gene, other), word) in child.iter_mut().zip(other).zip(words) {
                        // By masks: as a branch it would be guessed wrong half of the time.
                        let taken = u32::from(uniform_of(*word) < share).wrapping_neg();
                        *gene = f32::from_bits(gene.to_bits() & !taken | other.to_bits() & taken);
                    }
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn the_asked_share_of_genes_comes_from_the_second_parent_and_the_rest_keeps_its_bits() {
        let k = 100_000;
        let (first, other): (Vec<f32>, Vec<f32>) = (0..k).map(|i| (i as f32, -1.0 - i as f32)).unzip();
        let mut child = first.clone();
        with_context(k, |context| {
            Uniform { share: 0.3 }.cross(&mut child, &other, context, &mut Seed::new(2).rng());
        });
        let taken = (0..k).filter(|i| child[*i].to_bits() == other[*i].to_bits()).count();
        let kept = (0..k).filter(|i| child[*i].to_bits() == first[*i].to_bits()).count();
        assert_eq!(taken + kept, k);
        assert!((taken as f64 - 30_000.0).abs() < 4.0 * (k as f64 * 0.3 * 0.7).sqrt(), "{taken}");
    }
}
