//! All weights of a network while its subset is drawn again: what a stage learned is folded in before the next begins.
//!
//! The lesson that this serves: training in a new random part of the weights every few steps reaches further than in one
//! fixed part of the same size (Gressmann, Eaton-Rosen & Luschi 2020, where the part is a random basis; Ohta et al. 2020,
//! where it is a random mask and what is not in it keeps its value).

use std::sync::Arc;

use super::{Encoding, GeneScale, Span, Start, Subset};
use crate::graph::init::{draw, Distribution, Init};
use crate::graph::{Graph, Parameter};
use crate::record::Background;
use crate::rng::Seed;

/// The weights of a network from its first stage on. The drawn base itself is never changed: this is a copy.
#[derive(Clone, Debug)]
pub struct Folding {
    graph: Arc<Graph>,
    /// What the network is now, without the subset that is being trained (p).
    now: Vec<f32>,
    /// Drawn values that the zero background withholds until their weight is trained for the first time: (p), or none
    /// where nothing is withheld.
    withheld: Vec<Option<f32>>,
    /// What one unit of a gene adds to a weight of each parameter.
    units: Vec<f32>,
    /// What each parameter was drawn from, in these units.
    draws: Vec<Distribution>,
}

impl Folding {
    /// Draws the base from `seed` and applies the background everywhere.
    pub fn new(graph: Arc<Graph>, init: &dyn Init, scale: GeneScale, background: Background, seed: Seed) -> Self {
        let mut now = draw(&graph, init, seed);
        let mut withheld = Vec::new();
        if background == Background::Zero {
            withheld = vec![None; now.len()];
            for i in graph.parameters.iter().filter(|parameter| zeroed(parameter)).flat_map(Parameter::range) {
                withheld[i] = Some(std::mem::replace(&mut now[i], 0.0));
            }
        }
        let units = match scale {
            GeneScale::Init => graph.parameters.iter().map(|p| init.distribution(p).scale()).collect(),
            GeneScale::One => vec![1.0; graph.parameters.len()],
        };
        let of = |(p, unit): (&Parameter, &f32)| init.distribution(p).over(*unit);
        let draws = graph.parameters.iter().zip(&units).map(of).collect();
        Folding { graph, now, withheld, units, draws }
    }

    /// A subset begins to be trained: of its weights, those that the zero background withheld get their drawn values.
    pub fn enter(&mut self, subset: &Subset) {
        if self.withheld.is_empty() {
            return;
        }
        for i in subset.spans.iter().flat_map(|span| span.position..span.position + span.length) {
            if let Some(drawn) = self.withheld[i].take() {
                self.now[i] = drawn;
            }
        }
    }

    /// The start of a stage that trains `subset`, which has been [entered](Folding::enter).
    pub fn start(&self, subset: Arc<Subset>) -> Start {
        let base = subset.gather(&self.now);
        let mut units = Vec::with_capacity(self.now.len());
        for (parameter, unit) in self.graph.parameters.iter().zip(&self.units) {
            units.extend(std::iter::repeat_n(*unit, parameter.len()));
        }
        let encoding = Encoding::Weights(subset.gather(&units));
        let draws = subset.spans.iter().map(|span| self.drawn_from(span)).collect();
        Start { graph: self.graph.clone(), subset, weights: self.now.clone(), base, draws, encoding }
    }

    /// What a span's weights were drawn from, in units of genes.
    fn drawn_from(&self, span: &Span) -> Distribution {
        let after = self.graph.parameters.partition_point(|parameter| parameter.offset <= span.position);
        self.draws[after - 1]
    }

    /// A stage has ended: its subset's weights (k) become part of the network, and stay when they leave the subset.
    pub fn fold(&mut self, subset: &Subset, weights: &[f32]) {
        subset.scatter(weights, &mut self.now);
    }
}

/// Whether the zero background clears it: convolutions, hidden linear layers and injections of the input, never batch-norm
/// or the classifier.
fn zeroed(parameter: &Parameter) -> bool {
    !parameter.classifier && !parameter.kind.is_batchnorm()
}
