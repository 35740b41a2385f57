//! Builds the graph of a sketch: keeps what may be read, cuts filters to the budget, joins all ends before the head.

use subevo::graph::{Conv, Graph, GraphBuilder, NodeId};

use super::{Head, Simple, Sketch, Step};

/// Most multiply-accumulates for one image: more filters are cut off.
const MACS: usize = 120_000;

/// Most channels that a concatenation may have.
const CHANNELS: usize = 64;

impl Sketch {
    pub fn graph(&self) -> Graph {
        let (g, x) = GraphBuilder::new(self.image);
        let mut grower = Grower { g, images: vec![x], unread: vec![x], macs: MACS, named: 0 };
        self.steps.iter().for_each(|step| grower.step(step));
        let ends = grower.join(self.add_ends);
        let output = grower.head(&ends, &self.head, self.classes);
        grower.g.finish(output).unwrap()
    }
}

/// A graph in the making, with the images that layers may read.
struct Grower {
    g: GraphBuilder,
    images: Vec<NodeId>,
    unread: Vec<NodeId>,
    macs: usize,
    named: usize,
}

impl Grower {
    fn name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}{}", self.named)
    }

    /// Notes a node and what it reads.
    fn note(&mut self, node: NodeId, inputs: &[NodeId]) -> NodeId {
        self.unread.retain(|id| !inputs.contains(id));
        self.unread.push(node);
        if self.g.shape(node).len() == 3 {
            self.images.push(node);
        }
        node
    }

    fn at(&self, back: usize) -> NodeId {
        self.images[self.images.len() - 1 - back % self.images.len()]
    }

    fn conv(&mut self, x: NodeId, conv: Conv) -> NodeId {
        let &[c, h, w] = self.g.shape(x) else { panic!("no image") };
        let side = |n: usize| (n + 2 * conv.padding).checked_sub(conv.kernel).map(|free| free / conv.stride + 1);
        let (Some(oh), Some(ow)) = (side(h), side(w)) else { return x };
        let per_filter = c * conv.kernel * conv.kernel * oh * ow;
        let filters = conv.filters.min(self.macs / per_filter);
        if filters == 0 {
            return x;
        }
        self.macs -= filters * per_filter;
        let name = self.name("conv");
        let node = self.g.conv2d(x, &name, Conv { filters, ..conv }).unwrap();
        self.note(node, &[x])
    }

    fn simple(&mut self, mut x: NodeId, layers: &[Simple]) -> NodeId {
        for layer in layers {
            let side = *self.g.shape(x)[1..].iter().min().unwrap();
            let node = match *layer {
                Simple::Norm => {
                    let name = self.name("norm");
                    self.g.batch_norm(x, &name)
                }
                Simple::Act(activation) => {
                    let name = self.name(activation.name());
                    self.g.activation(x, &name, activation)
                }
                Simple::Drop(rate) => {
                    let name = self.name("drop");
                    self.g.dropout(x, &name, rate)
                }
                Simple::Pad(before, after) if self.g.shape(x)[0] + before + after > CHANNELS => continue,
                Simple::Pad(before, after) => {
                    let name = self.name("pad");
                    self.g.pad_channels(x, &name, before, after)
                }
                Simple::Max(pool) | Simple::Mean(pool) if pool.size > side => continue,
                Simple::Max(pool) => {
                    let name = self.name("max");
                    self.g.max_pool(x, &name, pool)
                }
                Simple::Mean(pool) => {
                    let name = self.name("mean");
                    self.g.avg_pool(x, &name, pool)
                }
            };
            x = self.note(node.unwrap(), &[x]);
        }
        x
    }

    fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let name = self.name("add");
        let node = self.g.add(a, b, &name).unwrap();
        self.note(node, &[a, b])
    }

    fn concat(&mut self, inputs: &[NodeId]) -> NodeId {
        let channels: usize = inputs.iter().map(|x| self.g.shape(*x)[0]).sum();
        if channels > CHANNELS {
            return inputs[0];
        }
        let name = self.name("concat");
        let node = self.g.concat(inputs, &name).unwrap();
        self.note(node, inputs)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Conv(from, conv, then) => {
                let x = self.conv(self.at(*from), *conv);
                self.simple(x, then);
            }
            Step::Simple(from, then) => {
                self.simple(self.at(*from), then);
            }
            Step::Residual(from, conv, inner, then) => {
                let x = self.at(*from);
                let kernel = conv.kernel | 1;
                let same = Conv { filters: self.g.shape(x)[0], kernel, stride: 1, padding: kernel / 2, ..*conv };
                let mut y = self.conv(x, same);
                let keeps_size = |layer: &Simple| matches!(layer, Simple::Norm | Simple::Act(_) | Simple::Drop(_));
                let inner: Vec<Simple> = inner.iter().copied().filter(keeps_size).collect();
                y = self.simple(y, &inner);
                let sum = if self.g.shape(x) == self.g.shape(y) { self.add(x, y) } else { y };
                self.simple(sum, then);
            }
            Step::Add(from, other, then) => {
                let x = self.at(*from);
                let same = |id: &&NodeId| self.g.shape(**id) == self.g.shape(x);
                let others: Vec<NodeId> = self.images.iter().filter(same).copied().collect();
                let sum = self.add(x, others[other % others.len()]);
                self.simple(sum, then);
            }
            Step::Concat(from, others, then) => {
                let x = self.at(*from);
                let same = |id: &&NodeId| self.g.shape(**id)[1..] == self.g.shape(x)[1..];
                let fitting: Vec<NodeId> = self.images.iter().filter(same).copied().collect();
                let mut inputs: Vec<NodeId> = others.iter().map(|other| fitting[other % fitting.len()]).collect();
                inputs.push(x);
                let joined = self.concat(&inputs);
                self.simple(joined, then);
            }
        }
    }

    /// Joins ends of one size.
    fn join(&mut self, add: bool) -> Vec<NodeId> {
        let mut ends: Vec<NodeId> = Vec::new();
        for x in self.unread.clone() {
            let fits = |g: &GraphBuilder, end: &NodeId| match add {
                true => g.shape(*end) == g.shape(x),
                false => g.shape(*end)[1..] == g.shape(x)[1..] && g.shape(*end)[0] + g.shape(x)[0] <= CHANNELS,
            };
            match ends.iter().position(|end| fits(&self.g, end)) {
                Some(i) if add => ends[i] = self.add(ends[i], x),
                Some(i) => ends[i] = self.concat(&[ends[i], x]),
                None => ends.push(x),
            }
        }
        ends
    }

    /// A vector out of an image.
    fn flat(&mut self, x: NodeId, average: bool) -> NodeId {
        let name = self.name("flat");
        let node = if average { self.g.global_avg_pool(x, &name) } else { self.g.flatten(x, &name) };
        self.note(node.unwrap(), &[x])
    }

    fn linear(&mut self, x: NodeId, outputs: usize, bias: bool) -> NodeId {
        let name = self.name("fc");
        let node = self.g.linear(x, &name, outputs, bias).unwrap();
        self.note(node, &[x])
    }

    fn head(&mut self, ends: &[NodeId], head: &Head, classes: usize) -> NodeId {
        if let &[x] = ends {
            match *head {
                Head::ConvAverage(conv) => {
                    let y = self.conv(x, Conv { filters: classes, ..conv });
                    // Fewer filters than classes are fewer classes; one is none.
                    if y != x && self.g.shape(y)[0] > 1 {
                        return self.flat(y, true);
                    }
                    return self.head(&[y], &Head::Linear { average: false, bias: conv.bias }, classes);
                }
                Head::ConvFlatten(conv) => {
                    let y = self.conv(x, Conv { filters: conv.filters.min(4), ..conv });
                    let values: usize = self.g.shape(y).iter().product();
                    if y != x && (2..50).contains(&values) {
                        return self.flat(y, false);
                    }
                    return self.head(&[y], &Head::Linear { average: false, bias: conv.bias }, classes);
                }
                _ => {}
            }
        }
        let (average, bias) = match *head {
            Head::Linear { average, bias } | Head::Hidden { average, bias, .. } => (average, bias),
            Head::ConvAverage(conv) | Head::ConvFlatten(conv) => (true, conv.bias),
        };
        let mut vectors: Vec<NodeId> = ends.iter().map(|x| self.flat(*x, average)).collect();
        let hidden = match *head {
            Head::Hidden { width, then, dropout, .. } => Some((width, then, dropout)),
            _ => (vectors.len() > 1).then_some((classes, None, false)),
        };
        if let Some((width, then, dropout)) = hidden {
            if dropout {
                let name = self.name("drop");
                let node = self.g.dropout(vectors[0], &name, 0.3).unwrap();
                vectors[0] = self.note(node, &[vectors[0]]);
            }
            vectors = vectors.iter().map(|x| self.linear(*x, width, bias)).collect();
            let mut x = vectors[0];
            for other in &vectors[1..] {
                x = self.add(x, *other);
            }
            if let Some(activation) = then {
                let name = self.name(activation.name());
                let node = self.g.activation(x, &name, activation).unwrap();
                x = self.note(node, &[x]);
            }
            vectors = vec![x];
        }
        self.linear(vectors[0], classes, bias)
    }
}
