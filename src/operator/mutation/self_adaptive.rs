//! Self-adaptive mutation (Schwefel 1977; Beyer & Schwefel 2002, section 4.2): each member carries its own step sizes, which
//! change before they are used, so that selection of members selects step sizes.
//!
//! - `steps = "one"`: `sigma *= exp(tau N(0, 1))`, then `gene += sigma N(0, 1)`, with `tau = rate / sqrt(2 k)`.
//! - `steps = "layer"`: `sigma_l *= exp(tau' N(0, 1) + tau N_l(0, 1))` with one `N` for all layers and one `N_l` for each,
//!   `tau' = rate / sqrt(2 k)` and `tau = rate / sqrt(2 sqrt(k))`.
//!
//! A child begins with the step sizes of its first parent; they are not recombined. Step sizes stay within 1e-12 and 1000, so that
//! none becomes 0 or infinite. Steps adapt where several children compete for few places: take a `selection` that keeps a seventh or
//! so, and few `elites`, because a lucky member that stays keeps its step size.

use super::{normal_steps, places, MutationOperator};
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::Rng;
use crate::subset::Subset;

struct SelfAdaptive {
    sigma: f32,
    rate: f64,
    by_layer: bool,
}

/// The step sizes that a member may have.
const LEAST: f64 = 1e-12;
const MOST: f64 = 1000.0;

/// Defaults: `sigma` 0.1 at the start, as of `gaussian`; `steps` one; `rate` 1, the constants of Schwefel. With
/// `layer` they are those of a step size for each gene, although one is shared by a layer here: lower `rate` for large layers.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "self-adaptive",
    summary: "normal steps of a size that each member carries and that mutates before it is used",
    reference: "Schwefel 1977; Beyer & Schwefel 2002",
    build: |params, ()| {
        Ok(Box::new(SelfAdaptive {
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32,
            rate: params.float("rate", Some(1.0), Range::AboveUpTo(0.0, 10.0)),
            by_layer: params.choice("steps", Some("one"), &["one", "layer"]) == "layer",
        }))
    },
};

impl MutationOperator for SelfAdaptive {
    /// With the step sizes of the start.
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        self.mutate_carrying(genes, &mut self.carries(context.subset), context, rng);
    }

    fn carries(&self, subset: &Subset) -> Vec<f32> {
        vec![self.sigma; if self.by_layer { places::layers(subset).count() } else { 1 }]
    }

    fn mutate_carrying(&self, genes: &mut [f32], carried: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        let k = genes.len() as f64;
        let change = |sigma: &mut f32, log: f64| *sigma = (f64::from(*sigma) * log.exp()).clamp(LEAST, MOST) as f32;
        let common = self.rate / (2.0 * k).sqrt() * f64::from(rng.normal());
        if self.by_layer {
            let tau = self.rate / (2.0 * k.sqrt()).sqrt();
            for (sigma, spans) in carried.iter_mut().zip(places::layers(context.subset)) {
                change(sigma, common + tau * f64::from(rng.normal()));
                normal_steps::step(&mut genes[places::genes(spans)], *sigma, rng);
            }
        } else {
            change(&mut carried[0], common);
            normal_steps::step(genes, carried[0], rng);
        }
        let logs: f64 = carried.iter().map(|sigma| f64::from(*sigma).ln()).sum();
        context.report.add("self_adaptive.sigma", (logs / carried.len() as f64).exp());
    }

    fn needs_spans(&self) -> bool {
        self.by_layer
    }
}

#[cfg(test)]
mod tests {
    use super::places::testing::{subset, with_places};
    use super::*;
    use crate::operator::testing::with_context;
    use crate::rng::Seed;

    #[test]
    fn one_step_size_changes_by_a_log_normal_factor_before_it_is_used() {
        let (k, mut logs, mut z) = (50, Vec::new(), Vec::new());
        let operator = SelfAdaptive { sigma: 0.1, rate: 1.0, by_layer: false };
        with_context(k, |context| {
            assert_eq!(operator.carries(context.subset), [0.1]);
            for seed in 0..10_000 {
                let (mut genes, mut carried) = (vec![0.0f32; k], [0.2]);
                operator.mutate_carrying(&mut genes, &mut carried, context, &mut Seed::new(seed).rng());
                // tau = 1 / sqrt(2 * 50) = 0.1.
                logs.push(f64::from(carried[0] / 0.2).ln() / 0.1);
                z.extend(genes.iter().map(|gene| f64::from(gene / carried[0])));
            }
            assert_eq!(context.report.take()[0].0, "self_adaptive.sigma");
        });
        normal_steps::assert_normal(&logs);
        normal_steps::assert_normal(&z);
    }

    #[test]
    fn each_layer_has_its_own_factor_beside_a_common_one() {
        let operator = SelfAdaptive { sigma: 0.1, rate: 1.0, by_layer: true };
        assert!(operator.needs_spans() && operator.carries(&subset()) == [0.1; 3]);
        let (mut logs, mut z) = (Vec::new(), Vec::new());
        let n = 10_000;
        with_places(|context| {
            for seed in 0..n {
                let (mut genes, mut carried) = (vec![0.0f32; 55], [0.1, 0.2, 0.4]);
                operator.mutate_carrying(&mut genes, &mut carried, context, &mut Seed::new(seed).rng());
                logs.push([0, 1, 2].map(|l| (f64::from(carried[l]) / [0.1, 0.2, 0.4][l]).ln()));
                z.extend(genes[..29].iter().map(|gene| f64::from(gene / carried[0])));
                z.extend(genes[29..35].iter().map(|gene| f64::from(gene / carried[1])));
                z.extend(genes[35..].iter().map(|gene| f64::from(gene / carried[2])));
            }
        });
        normal_steps::assert_normal(&z);
        let (common, own) = (1.0 / 110.0f64, 1.0 / (2.0 * 55f64.sqrt()));
        let mean = |of: &dyn Fn(&[f64; 3]) -> f64| logs.iter().map(of).sum::<f64>() / n as f64;
        let variance = common + own;
        for layer in 0..3 {
            assert!((mean(&|log| log[layer] * log[layer]) - variance).abs() < 4.0 * variance * (2.0 / n as f64).sqrt());
        }
        // The covariance of two layers is that of the common factor.
        let bound = 4.0 * ((variance * variance + common * common) / n as f64).sqrt();
        assert!((mean(&|log| log[0] * log[2]) - common).abs() < bound);
    }

    #[test]
    fn step_sizes_stay_positive_and_finite() {
        let operator = SelfAdaptive { sigma: 0.1, rate: 10.0, by_layer: false };
        with_context(1, |context| {
            let (mut least, mut most) = ([1e-12f32], [1000.0f32]);
            for seed in 0..200 {
                for carried in [&mut least, &mut most] {
                    operator.mutate_carrying(&mut [0.0], carried, context, &mut Seed::new(seed).rng());
                    assert!((0.99e-12..=1000.0).contains(&carried[0]), "{carried:?}");
                }
            }
        });
    }
}
