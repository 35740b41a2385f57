//! The programs of the engine on the CPU: what each member computes, what is computed once, and the whole network.

use super::cache::Cut;
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
    /// Where images, or what is kept of them, are given.
    pub cut: Cut,
    /// What is computed once for each image of the data set; without steps where nothing is kept.
    pub kept: Program,
    /// What each member computes.
    pub members: Program,
    /// What is computed once for all members.
    pub shared: Program,
    /// The whole network behind the cut.
    pub whole: Program,
}

impl Programs {
    /// Compiles the programs of a graph and a subset behind a cut.
    ///
    /// # Errors
    /// Why the engine on the CPU cannot compute the graph.
    pub fn new(graph: &Graph, trained: &Trained, cut: Cut) -> Result<Self, &'static str> {
        let sizes = sizes(graph)?;
        let own = own_channels(graph, &sizes, trained);
        let nothing = vec![false; graph.nodes.len()];
        let mut given = nothing.clone();
        cut.given.iter().for_each(|node| given[*node] = true);
        let members = Program::new(graph, &sizes, &Scope { own: &own, keep: &nothing, given: &given, trained });
        let mut needed = nothing.clone();
        let mut keep = nothing.clone();
        members.shared_reads.iter().for_each(|node| (needed[*node], keep[*node]) = (true, true));
        for node in (0..needed.len()).rev() {
            if needed[node] && !given[node] {
                graph.nodes[node].inputs.iter().for_each(|input| needed[input.0] = true);
            }
        }
        // Between a given node and what flattens it stands nothing but the flattening.
        let all = |wanted: &[bool]| -> Vec<Vec<bool>> {
            wanted.iter().zip(&sizes).map(|(wanted, size)| vec![*wanted; size.channels]).collect()
        };
        let program = |wanted: &[bool], keep: &[bool], given: &[bool]| {
            Program::new(graph, &sizes, &Scope { own: &all(wanted), keep, given, trained })
        };
        let shared = program(&needed, &keep, &given);
        let behind: Vec<bool> = cut.before.iter().zip(&given).map(|(before, given)| !before || *given).collect();
        let whole = program(&behind, &nothing, &given);
        let mut images = nothing.clone();
        images[0] = true;
        let kept =
            if cut.given == [0] { program(&nothing, &nothing, &images) } else { program(&cut.before, &given, &images) };
        let mut output = graph.output.0;
        while graph.nodes[output].op == Op::Flatten {
            output = graph.nodes[output].inputs[0].0;
        }
        Ok(Programs { sizes, output, cut, kept, members, shared, whole })
    }

    /// The nodes that are kept: what is given but the images.
    pub fn kept_nodes(&self) -> impl Iterator<Item = usize> + '_ {
        self.cut.given.iter().copied().filter(|node| *node != 0)
    }
}
