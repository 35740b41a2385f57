//! Mutation by depth: normal steps that are smaller the more layers come after the gene's own.

use subevo::entry::Entry;
use subevo::operator::{MutationOperator, OperatorContext};
use subevo::params::Range;
use subevo::rng::Rng;

struct ByDepth {
    sigma: f32,
    shrink: f32,
}

/// Defaults: `sigma` 0.1 in the last trained layer, a tenth of the spread that weights were drawn with; `shrink` 0.5, what each
/// layer before it takes off.
pub const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "by-depth",
    summary: "normal steps, smaller in layers that more layers follow",
    reference: "this experiment",
    build: |params, ()| {
        Ok(Box::new(ByDepth {
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32,
            shrink: params.float("shrink", Some(0.5), Range::AboveUpTo(0.0, 1.0)) as f32,
        }))
    },
};

impl MutationOperator for ByDepth {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        // Spans come in the order of the layers: from the last one backwards, each new name is one layer further down.
        let (mut sigma, mut layer) = (self.sigma, None);
        for span in context.subset.spans.iter().rev() {
            if layer.is_some_and(|layer| layer != &span.layer) {
                sigma *= self.shrink;
            }
            layer = Some(&span.layer);
            for gene in &mut genes[span.gene..span.gene + span.length] {
                *gene += sigma * rng.normal();
            }
        }
        context.report.add("by_depth.sigma_of_the_first_layer", f64::from(sigma));
    }

    fn needs_spans(&self) -> bool {
        true
    }
}
