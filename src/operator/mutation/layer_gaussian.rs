//! Per-layer gaussian mutation: normal steps on some layers drawn at random, or on all, each with a `sigma` of its own.
//!
//! Montana & Davis 1989 mutate whole parts of a network at a time (there nodes), because weights that work together should
//! change together; here the part is a layer. Genes are in units of each weight's init std, so one `sigma` already fits layers
//! of any fan-in. What is left to differ is the number of weights: with `step = "layer"` each layer takes a step of the same
//! expected length, `sigma_l = sigma sqrt(k / (L k_l))` for a layer of `k_l` of the `k` genes in `L` layers, so that a batch-norm of
//! 64 genes moves as far as a classifier of 10,000; all layers together move as far as with one `sigma`.

use super::{chosen, normal_steps, places, MutationOperator};
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::{Amount, Range};
use crate::rng::Rng;
use crate::subset::Span;

struct LayerGaussian {
    sigma: f32,
    layers: Amount,
    by_length: bool,
}

/// Defaults: `layers` 1, a single layer at a time (a count or a fraction; 1.0 is all); `sigma` 0.1, as of `gaussian`; `step` gene:
/// the same `sigma` in every layer.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "layer-gaussian",
    summary: "a normal step on each gene of some random layers, or on all layers with a sigma for each",
    reference: "Montana & Davis 1989; Rechenberg 1973",
    build: |params, ()| {
        Ok(Box::new(LayerGaussian {
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32,
            layers: params.amount("layers", Some(Amount::Count(1))),
            by_length: params.choice("step", Some("gene"), &["gene", "layer"]) == "layer",
        }))
    },
};

impl MutationOperator for LayerGaussian {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        let layers: Vec<&[Span]> = places::layers(context.subset).collect();
        let equal = genes.len() as f32 / layers.len() as f32;
        for layer in chosen::choose(self.layers, layers.len(), rng) {
            let range = places::genes(layers[layer]);
            let sigma = if self.by_length { self.sigma * (equal / range.len() as f32).sqrt() } else { self.sigma };
            normal_steps::step(&mut genes[range], sigma, rng);
        }
    }

    fn needs_spans(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::places::testing::{with_places, GENES};
    use super::*;
    use crate::rng::Seed;

    const LAYERS: [std::ops::Range<usize>; 3] = [0..29, 29..35, 35..55];

    /// Steps of many children.
    fn steps(operator: &LayerGaussian) -> Vec<Vec<f64>> {
        with_places(|context| {
            let parent = context.parents.member(context.parent);
            let one = |seed: u64| {
                let mut genes = parent.to_vec();
                operator.mutate(&mut genes, context, &mut Seed::new(5).index(seed).rng());
                genes.iter().zip(parent).map(|(gene, parent)| f64::from(*gene) - f64::from(*parent)).collect()
            };
            (0..3_000).map(one).collect()
        })
    }

    #[test]
    fn as_many_layers_as_asked_move_as_a_whole_and_each_as_often() {
        for (amount, count) in [(Amount::Count(1), 1), (Amount::Fraction(0.7), 2), (Amount::Fraction(1.0), 3)] {
            let all = steps(&LayerGaussian { sigma: 0.5, layers: amount, by_length: false });
            let mut times = [0.0; 3];
            for step in &all {
                let moved: Vec<usize> = (0..3).filter(|l| step[LAYERS[*l].clone()].iter().any(|x| *x != 0.0)).collect();
                assert_eq!(moved.len(), count, "{amount:?}");
                assert!(moved.iter().all(|l| step[LAYERS[*l].clone()].iter().filter(|x| **x == 0.0).count() < 2));
                moved.iter().for_each(|l| times[*l] += 1.0);
            }
            let (n, p) = (all.len() as f64, count as f64 / 3.0);
            let bound = 4.0 * (n * p * (1.0 - p)).sqrt();
            assert!(times.iter().all(|t| (t - n * p).abs() <= bound), "{amount:?}: {times:?}");
        }
    }

    #[test]
    fn steps_have_one_size_or_give_each_layer_the_same_expected_length() {
        for by_length in [false, true] {
            let all = steps(&LayerGaussian { sigma: 0.5, layers: Amount::Fraction(1.0), by_length });
            for range in LAYERS {
                let n = (all.len() * range.len()) as f64;
                let square = all.iter().flat_map(|step| &step[range.clone()]).map(|x| x * x).sum::<f64>() / n;
                let share = if by_length { GENES as f64 / (3.0 * range.len() as f64) } else { 1.0 };
                let expected = 0.25 * share;
                assert!((square - expected).abs() < 4.0 * expected * (2.0 / n).sqrt(), "{range:?}: {square}");
            }
        }
    }
}
