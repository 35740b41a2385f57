//! The programs of the engine on the CPU: what each member computes, what is computed once, and the whole network.

use super::program::{Program, Scope};
use super::sharing::{own_channels, sizes, Size, Trained};
use crate::graph::{Graph, Op};

/// The steps of the engine on the CPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Programs {
    /// Size of each node's output.
    pub sizes: Vec<Size>,
    /// The node of the logits; what it flattens, if it flattens.
    pub output: usize,
    /// What each member computes.
    pub members: Program,
    /// What is computed once for all members.
    pub shared: Program,
    /// The whole network.
    pub whole: Program,
}

impl Programs {
    /// Compiles the programs of a graph and a subset; `None` where the graph has no sizes (see [`sizes`]).
    pub fn new(graph: &Graph, trained: &Trained) -> Option<Self> {
        let sizes = sizes(graph)?;
        let own = own_channels(graph, &sizes, trained);
        let nothing = vec![false; graph.nodes.len()];
        let members = Program::new(graph, &sizes, &Scope { own: &own, keep: &nothing, trained });
        let mut needed = vec![false; graph.nodes.len()];
        let mut keep = nothing.clone();
        members.shared_reads.iter().for_each(|node| (needed[*node], keep[*node]) = (true, true));
        for node in (0..needed.len()).rev() {
            if needed[node] {
                graph.nodes[node].inputs.iter().for_each(|input| needed[input.0] = true);
            }
        }
        let all = |wanted: &[bool]| -> Vec<Vec<bool>> {
            wanted.iter().zip(&sizes).map(|(wanted, size)| vec![*wanted; size.channels]).collect()
        };
        let shared = Program::new(graph, &sizes, &Scope { own: &all(&needed), keep: &keep, trained });
        let everything = all(&vec![true; graph.nodes.len()]);
        let whole = Program::new(graph, &sizes, &Scope { own: &everything, keep: &nothing, trained });
        let mut output = graph.output.0;
        while graph.nodes[output].op == Op::Flatten {
            output = graph.nodes[output].inputs[0].0;
        }
        Some(Programs { sizes, output, members, shared, whole })
    }
}
