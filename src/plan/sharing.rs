//! Which channels of each node a population must compute for every member: those that a trained scalar reaches.

use crate::graph::{Graph, Node, Op, ParameterId};
use crate::subset::Subset;

/// Size of one image behind a node. A flattened image keeps the size that it had: flattening moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Channels.
    pub channels: usize,
    /// Height.
    pub height: usize,
    /// Width.
    pub width: usize,
}

impl Size {
    /// Pixels of one channel.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Values of one image.
    pub fn values(self) -> usize {
        self.channels * self.pixels()
    }
}

/// Size of each node's output.
///
/// # Errors
/// Why the engine on the CPU cannot compute the graph.
pub fn sizes(graph: &Graph) -> Result<Vec<Size>, &'static str> {
    let mut sizes: Vec<Size> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let size = match (node.op, node.shape.as_slice()) {
            (Op::Flatten | Op::Activation(_) | Op::Dropout { .. }, _) => sizes[node.inputs[0].0],
            (Op::Add, _) => {
                let [a, b] = [0, 1].map(|i| sizes[node.inputs[i].0]);
                if a != b {
                    return Err("two flattened images of different sizes are added");
                }
                a
            }
            (_, &[channels, height, width]) => Size { channels, height, width },
            (_, features) => Size { channels: features[0], height: 1, width: 1 },
        };
        sizes.push(size);
    }
    Ok(sizes)
}

/// The trained scalars of a graph.
pub struct Trained {
    /// One mark for each scalar.
    marks: Vec<bool>,
}

impl Trained {
    /// The subset's.
    pub fn of(graph: &Graph, subset: &Subset) -> Self {
        Trained { marks: subset.marks(graph.parameter_count()) }
    }

    /// Marks of one parameter.
    pub fn parameter(&self, graph: &Graph, id: ParameterId) -> &[bool] {
        &self.marks[graph.parameter(id).range()]
    }

    /// Number of trained scalars of a parameter.
    pub fn count(&self, graph: &Graph, id: ParameterId) -> usize {
        self.parameter(graph, id).iter().filter(|mark| **mark).count()
    }

    /// Whether filter `filter` of a weight, or element of a vector, has a trained scalar.
    pub fn filter(&self, graph: &Graph, id: ParameterId, filter: usize) -> bool {
        let length = graph.parameter(id).filter_len();
        self.parameter(graph, id)[filter * length..(filter + 1) * length].contains(&true)
    }
}

/// For each node and channel, whether members differ there.
pub fn own_channels(graph: &Graph, sizes: &[Size], trained: &Trained) -> Vec<Vec<bool>> {
    let mut own: Vec<Vec<bool>> = Vec::with_capacity(graph.nodes.len());
    for (node, size) in graph.nodes.iter().zip(sizes) {
        let mask = own_of(graph, node, size.channels, trained, &own);
        own.push(mask);
    }
    own
}

fn own_of(graph: &Graph, node: &Node, channels: usize, trained: &Trained, own: &[Vec<bool>]) -> Vec<bool> {
    let input = |i: usize| &own[node.inputs[i].0];
    let touched = |channel: usize| node.op.parameters().into_iter().any(|id| trained.filter(graph, id, channel));
    match node.op {
        Op::Input => vec![false; channels],
        // Each output sees all inputs.
        Op::Conv2d { .. } | Op::Linear { .. } => {
            let all = input(0).contains(&true);
            (0..channels).map(|channel| all || touched(channel)).collect()
        }
        Op::BatchNorm { .. } => input(0).iter().enumerate().map(|(channel, own)| *own || touched(channel)).collect(),
        Op::Add => input(0).iter().zip(input(1)).map(|(a, b)| *a || *b).collect(),
        Op::Concat => node.inputs.iter().flat_map(|id| own[id.0].iter().copied()).collect(),
        Op::PadChannels { before, after } => [vec![false; before], input(0).clone(), vec![false; after]].concat(),
        Op::Activation(_)
        | Op::Dropout { .. }
        | Op::MaxPool { .. }
        | Op::AvgPool { .. }
        | Op::GlobalAvgPool
        | Op::Flatten => input(0).clone(),
    }
}
