//! Builds a [`Graph`] node by node; shapes, fans and multiply counts follow by themselves.

use super::{Activation, Graph, Node, NodeId, Op, Parameter, ParameterId, ParameterKind};
use crate::error::{Error, Result};

/// Most weights of a network, and most values of one image behind any layer.
const LARGEST: u128 = 1 << 31;

/// A graph in the making. Every method adds one node and gives its id; `name` must be unique.
pub struct GraphBuilder {
    nodes: Vec<Node>,
    parameters: Vec<Parameter>,
}

/// Settings of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    /// Output channels.
    pub filters: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Whether there is a bias for each filter.
    pub bias: bool,
}

/// Settings of a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Side of the square window.
    pub size: usize,
    /// Step in both directions.
    pub stride: usize,
}

impl Pool {
    /// Windows of 2 x 2 that do not overlap.
    pub const HALVE: Pool = Pool { size: 2, stride: 2 };
}

impl Conv {
    /// Stride 1 and as many zeros around as keep the image's size (odd kernels), no bias.
    pub fn same(filters: usize, kernel: usize) -> Self {
        Conv { filters, kernel, stride: 1, padding: kernel / 2, bias: false }
    }
}

impl GraphBuilder {
    /// Starts a graph for images of shape `[c, h, w]`; gives the builder and the input node.
    pub fn new(image: [usize; 3]) -> (Self, NodeId) {
        let input =
            Node { name: "input".to_string(), op: Op::Input, inputs: Vec::new(), shape: image.to_vec(), macs: 0 };
        (GraphBuilder { nodes: vec![input], parameters: Vec::new() }, NodeId(0))
    }

    /// Shape of a node's output for one image.
    pub fn shape(&self, x: NodeId) -> &[usize] {
        &self.nodes[x.0].shape
    }

    /// Convolution of `[c, h, w]`.
    ///
    /// # Errors
    /// If the input is no image, or smaller than the kernel; if there would be more than 2^31 weights or outputs.
    pub fn conv2d(&mut self, x: NodeId, name: &str, conv: Conv) -> Result<NodeId> {
        let kinds = [ParameterKind::ConvWeight, ParameterKind::ConvBias];
        self.convolution(x, name, conv, kinds)
    }

    fn convolution(&mut self, x: NodeId, name: &str, conv: Conv, kinds: [ParameterKind; 2]) -> Result<NodeId> {
        let [c, h, w] = self.image(x, name)?;
        let Conv { filters, kernel, stride, padding, bias } = conv;
        let side = |n: usize| window_count(padding.checked_mul(2)?.checked_add(n)?, kernel, stride);
        let (Some(out_h), Some(out_w)) = (side(h), side(w)) else {
            return Err(layer_error(
                name,
                format!("kernel {kernel} with padding {padding} does not fit an image of {h} x {w}"),
            ));
        };
        let (weight, bias) = self.weight_and_bias(name, kinds, vec![filters, c, kernel, kernel], bias)?;
        self.push(name, Op::Conv2d { weight, bias, stride, padding }, vec![x], vec![filters, out_h, out_w])
    }

    /// Matrix product of `[features]`.
    ///
    /// # Errors
    /// If the input is not flat, or there would be more than 2^31 weights.
    pub fn linear(&mut self, x: NodeId, name: &str, outputs: usize, bias: bool) -> Result<NodeId> {
        self.product(x, name, outputs, bias, [ParameterKind::LinearWeight, ParameterKind::LinearBias])
    }

    fn product(
        &mut self,
        x: NodeId,
        name: &str,
        outputs: usize,
        bias: bool,
        kinds: [ParameterKind; 2],
    ) -> Result<NodeId> {
        let &[inputs] = self.shape(x) else {
            return Err(layer_error(
                name,
                format!("needs a flat input, got shape {:?}: flatten it first", self.shape(x)),
            ));
        };
        let (weight, bias) = self.weight_and_bias(name, kinds, vec![outputs, inputs], bias)?;
        self.push(name, Op::Linear { weight, bias }, vec![x], vec![outputs])
    }

    /// A random projection that no subset holds: of each pixel of `[c, h, w]` to `outputs` channels, with `padding` zeros
    /// around the image, or of `[features]` to `outputs`, where `padding` means nothing. No bias.
    ///
    /// # Errors
    /// If there would be more than 2^31 weights or outputs, or the name is taken.
    pub fn injection(&mut self, x: NodeId, name: &str, outputs: usize, padding: usize) -> Result<NodeId> {
        let kinds = [ParameterKind::Injection; 2];
        if self.shape(x).len() == 1 {
            return self.product(x, name, outputs, false, kinds);
        }
        self.convolution(x, name, Conv { filters: outputs, kernel: 1, stride: 1, padding, bias: false }, kinds)
    }

    /// Batch normalisation of `[c, h, w]`, one scale and shift for each channel.
    ///
    /// # Errors
    /// If the input is no image.
    pub fn batch_norm(&mut self, x: NodeId, name: &str) -> Result<NodeId> {
        let [c, h, w] = self.image(x, name)?;
        let scale = self.parameter(name, "scale", ParameterKind::BatchNormScale, vec![c])?;
        let shift = self.parameter(name, "shift", ParameterKind::BatchNormShift, vec![c])?;
        self.push(name, Op::BatchNorm { scale, shift }, vec![x], vec![c, h, w])
    }

    /// A function of each value.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn activation(&mut self, x: NodeId, name: &str, activation: Activation) -> Result<NodeId> {
        let shape = self.shape(x).to_vec();
        self.push(name, Op::Activation(activation), vec![x], shape)
    }

    /// max(x, 0).
    ///
    /// # Errors
    /// If the name is taken.
    pub fn relu(&mut self, x: NodeId, name: &str) -> Result<NodeId> {
        self.activation(x, name, Activation::Relu)
    }

    /// Drops values with probability `rate` in training.
    ///
    /// # Errors
    /// If `rate` is not in [0, 1), or the name is taken.
    pub fn dropout(&mut self, x: NodeId, name: &str, rate: f32) -> Result<NodeId> {
        if !(0.0..1.0).contains(&rate) {
            return Err(layer_error(name, format!("a rate of {rate}: must be at least 0 and less than 1")));
        }
        let shape = self.shape(x).to_vec();
        self.push(name, Op::Dropout { rate }, vec![x], shape)
    }

    /// Puts channels of zeros before and behind those of an image.
    ///
    /// # Errors
    /// If the input is no image, or there would be more than 2^31 values.
    pub fn pad_channels(&mut self, x: NodeId, name: &str, before: usize, after: usize) -> Result<NodeId> {
        let [c, h, w] = self.image(x, name)?;
        let channels = c.saturating_add(before).saturating_add(after);
        self.push(name, Op::PadChannels { before, after }, vec![x], vec![channels, h, w])
    }

    /// Greatest of each window.
    ///
    /// # Errors
    /// If the input is no image, or smaller than the window.
    pub fn max_pool(&mut self, x: NodeId, name: &str, pool: Pool) -> Result<NodeId> {
        let shape = self.pooled(x, name, pool)?;
        self.push(name, Op::MaxPool { size: pool.size, stride: pool.stride }, vec![x], shape)
    }

    /// Mean of each window.
    ///
    /// # Errors
    /// If the input is no image, or smaller than the window.
    pub fn avg_pool(&mut self, x: NodeId, name: &str, pool: Pool) -> Result<NodeId> {
        let shape = self.pooled(x, name, pool)?;
        self.push(name, Op::AvgPool { size: pool.size, stride: pool.stride }, vec![x], shape)
    }

    /// Mean over the image: `[c, h, w]` to `[c]`.
    ///
    /// # Errors
    /// If the input is no image.
    pub fn global_avg_pool(&mut self, x: NodeId, name: &str) -> Result<NodeId> {
        let [c, ..] = self.image(x, name)?;
        self.push(name, Op::GlobalAvgPool, vec![x], vec![c])
    }

    /// Sum of two nodes of one shape.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn add(&mut self, a: NodeId, b: NodeId, name: &str) -> Result<NodeId> {
        if self.shape(a) != self.shape(b) {
            let message = format!("cannot add shapes {:?} and {:?}", self.shape(a), self.shape(b));
            return Err(layer_error(name, message));
        }
        let shape = self.shape(a).to_vec();
        self.push(name, Op::Add, vec![a, b], shape)
    }

    /// Images joined along the channels.
    ///
    /// # Errors
    /// If there is none, or heights or widths differ.
    pub fn concat(&mut self, inputs: &[NodeId], name: &str) -> Result<NodeId> {
        let mut channels = 0;
        let mut size = None;
        for x in inputs {
            let [c, h, w] = self.image(*x, name)?;
            if *size.get_or_insert([h, w]) != [h, w] {
                let shapes: Vec<&[usize]> = inputs.iter().map(|x| self.shape(*x)).collect();
                return Err(layer_error(name, format!("cannot join images of different sizes: {shapes:?}")));
            }
            channels = c.saturating_add(channels);
        }
        let [h, w] = size.ok_or_else(|| layer_error(name, "nothing to join".to_string()))?;
        self.push(name, Op::Concat, inputs.to_vec(), vec![channels, h, w])
    }

    /// `[c, h, w]` to `[c * h * w]`.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn flatten(&mut self, x: NodeId, name: &str) -> Result<NodeId> {
        let length = usize::try_from(volume(self.shape(x))).unwrap_or(usize::MAX);
        self.push(name, Op::Flatten, vec![x], vec![length])
    }

    /// Ends the graph at `output`, which must be flat. The layer that makes the logits is marked as the classifier:
    /// the last linear layer or convolution before `output`, behind which only pooling and flattening may stand.
    ///
    /// # Errors
    /// If the output is no vector of logits, if no layer makes it, or if a layer is left that nothing reads.
    pub fn finish(mut self, output: NodeId) -> Result<Graph> {
        let name = self.nodes[output.0].name.clone();
        if self.shape(output).len() != 1 {
            return Err(layer_error(&name, format!("logits must be flat, got shape {:?}", self.shape(output))));
        }
        let mut at = output;
        let classifier = loop {
            let node = &self.nodes[at.0];
            match node.op {
                Op::Conv2d { .. } | Op::Linear { .. } => break node.name.clone(),
                Op::GlobalAvgPool | Op::AvgPool { .. } | Op::Flatten => at = node.inputs[0],
                _ => {
                    return Err(layer_error(
                        &node.name,
                        "the logits must come from a linear layer or convolution".into(),
                    ))
                }
            }
        };
        let read = |i: usize| self.nodes.iter().any(|node| node.inputs.contains(&NodeId(i)));
        if let Some(i) = (0..self.nodes.len()).find(|i| *i != output.0 && !read(*i)) {
            let message = format!("nothing reads its output, and it is not the output `{name}` of the network");
            return Err(layer_error(&self.nodes[i].name, message));
        }
        for parameter in &mut self.parameters {
            parameter.classifier = parameter.layer == classifier;
        }
        Ok(Graph { nodes: self.nodes, parameters: self.parameters, output })
    }

    fn image(&self, x: NodeId, name: &str) -> Result<[usize; 3]> {
        <[usize; 3]>::try_from(self.shape(x))
            .map_err(|_| layer_error(name, format!("needs an image (c, h, w), got shape {:?}", self.shape(x))))
    }

    fn pooled(&self, x: NodeId, name: &str, pool: Pool) -> Result<Vec<usize>> {
        let [c, h, w] = self.image(x, name)?;
        match (window_count(h, pool.size, pool.stride), window_count(w, pool.size, pool.stride)) {
            (Some(h), Some(w)) => Ok(vec![c, h, w]),
            _ => Err(layer_error(name, format!("a window of {} does not fit an image of {h} x {w}", pool.size))),
        }
    }

    /// Weight of shape (outputs, inputs, ...) and, where wanted, bias (outputs), both with the fans of the weight.
    fn weight_and_bias(
        &mut self,
        layer: &str,
        [weight, bias]: [ParameterKind; 2],
        shape: Vec<usize>,
        with_bias: bool,
    ) -> Result<(ParameterId, Option<ParameterId>)> {
        let weight = self.parameter(layer, "weight", weight, shape)?;
        let shape = &self.parameters[weight.0].shape;
        let (outputs, inputs, kernel) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
        let bias = with_bias.then(|| self.parameter(layer, "bias", bias, vec![outputs])).transpose()?;
        for id in std::iter::once(weight).chain(bias) {
            let parameter = &mut self.parameters[id.0];
            (parameter.fan_in, parameter.fan_out) = (inputs * kernel, outputs * kernel);
        }
        Ok((weight, bias))
    }

    fn parameter(&mut self, layer: &str, suffix: &str, kind: ParameterKind, shape: Vec<usize>) -> Result<ParameterId> {
        if shape.contains(&0) {
            return Err(layer_error(layer, format!("{suffix} would have shape {shape:?}: no side may be 0")));
        }
        let offset = self.parameters.last().map_or(0, |last| last.range().end);
        let (len, before) = (volume(&shape), offset as u128);
        if len > LARGEST - before {
            let message = format!(
                "{suffix} of shape {shape:?} has {len} scalars, with those before it {}: at most {LARGEST} are allowed",
                len.saturating_add(before)
            );
            return Err(layer_error(layer, message));
        }
        let (name, layer) = (format!("{layer}.{suffix}"), layer.to_string());
        let parameter = Parameter { name, layer, kind, classifier: false, shape, offset, fan_in: 1, fan_out: 1 };
        self.parameters.push(parameter);
        Ok(ParameterId(self.parameters.len() - 1))
    }

    fn push(&mut self, name: &str, op: Op, inputs: Vec<NodeId>, shape: Vec<usize>) -> Result<NodeId> {
        if self.nodes.iter().any(|node| node.name == name) {
            return Err(layer_error(name, "two layers have this name".to_string()));
        }
        let values = volume(&shape);
        if values > LARGEST {
            let message =
                format!("output of shape {shape:?} has {values} values an image: at most {LARGEST} are allowed");
            return Err(layer_error(name, message));
        }
        // Each weight is multiplied once at each position of the output; both are at most 2^31.
        let positions: usize = shape[1..].iter().product();
        let macs = match op {
            Op::Conv2d { weight, .. } | Op::Linear { weight, .. } => {
                self.parameters[weight.0].len() as u64 * positions as u64
            }
            _ => 0,
        };
        self.nodes.push(Node { name: name.to_string(), op, inputs, shape, macs });
        Ok(NodeId(self.nodes.len() - 1))
    }
}

/// Values of a tensor, saturating.
fn volume(shape: &[usize]) -> u128 {
    shape.iter().fold(1, |volume: u128, side| volume.saturating_mul(*side as u128))
}

/// How many windows fit `n` cells; `None` if not even one, or if window or step is 0.
fn window_count(n: usize, size: usize, stride: usize) -> Option<usize> {
    (size > 0 && stride > 0 && size <= n).then(|| (n - size) / stride + 1)
}

fn layer_error(layer: &str, message: String) -> Error {
    Error::Graph { layer: layer.to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_fans_and_macs_follow_from_the_layers() {
        let (mut g, x) = GraphBuilder::new([3, 32, 32]);
        let conv = Conv { filters: 8, kernel: 5, stride: 2, padding: 1, bias: true };
        let y = g.conv2d(x, "conv", conv).unwrap();
        assert_eq!(g.shape(y), [8, 15, 15]);
        let y = g.max_pool(y, "pool", Pool { size: 3, stride: 2 }).unwrap();
        assert_eq!(g.shape(y), [8, 7, 7]);
        let both = g.concat(&[y, y], "both").unwrap();
        let y = g.global_avg_pool(both, "mean").unwrap();
        let y = g.linear(y, "fc", 10, true).unwrap();
        let graph = g.finish(y).unwrap();
        assert_eq!(graph.parameter_count(), 8 * 75 + 8 + 160 + 10);
        assert_eq!(graph.macs(), 8 * 75 * 225 + 160);
        let weight = &graph.parameters[0];
        assert_eq!((weight.fan_in, weight.fan_out, weight.filter_len()), (75, 200, 75));
        assert_eq!(graph.parameters.iter().map(|p| p.classifier).collect::<Vec<_>>(), [false, false, true, true]);
        assert_eq!(graph.classes(), 10);
    }

    #[test]
    fn a_convolution_behind_the_logits_is_the_classifier() {
        let (mut g, x) = GraphBuilder::new([3, 8, 8]);
        let y = g.conv2d(x, "features", Conv::same(4, 3)).unwrap();
        let y = g.conv2d(y, "head", Conv::same(10, 1)).unwrap();
        let y = g.global_avg_pool(y, "mean").unwrap();
        let graph = g.finish(y).unwrap();
        assert!(!graph.parameters[0].classifier && graph.parameters[1].classifier);
    }

    #[test]
    fn impossible_layers_are_errors_that_name_the_layer() {
        let (mut g, x) = GraphBuilder::new([1, 4, 4]);
        let conv = Conv { filters: 2, kernel: 7, stride: 1, padding: 0, bias: false };
        let message = g.conv2d(x, "wide", conv).unwrap_err().to_string();
        assert_eq!(message, "layer `wide`: kernel 7 with padding 0 does not fit an image of 4 x 4");
        assert!(g.linear(x, "fc", 10, true).unwrap_err().to_string().contains("flatten it first"));
        assert!(g.conv2d(x, "none", Conv::same(0, 3)).is_err());
        assert!(g.relu(x, "a").is_ok() && g.relu(x, "a").is_err());
        assert!(g.finish(x).is_err());
    }

    #[test]
    fn a_layer_that_nothing_reads_is_an_error() {
        let (mut g, x) = GraphBuilder::new([1, 4, 4]);
        g.conv2d(x, "forgotten", Conv::same(2, 3)).unwrap();
        let y = g.flatten(x, "flatten").unwrap();
        let y = g.linear(y, "fc", 2, true).unwrap();
        let message = g.finish(y).unwrap_err().to_string();
        assert_eq!(
            message,
            "layer `forgotten`: nothing reads its output, and it is not the output `fc` of the network"
        );
    }

    #[test]
    fn a_network_too_large_to_count_is_an_error_that_says_its_size() {
        let (mut g, x) = GraphBuilder::new([1, 4, 4]);
        let x = g.flatten(x, "flatten").unwrap();
        let message = |error: Error| error.to_string();
        assert_eq!(
            message(g.linear(x, "wide", 1 << 27, true).unwrap_err()),
            "layer `wide`: bias of shape [134217728] has 134217728 scalars, with those before it 2281701376: at most \
             2147483648 are allowed"
        );
        let (mut g, x) = GraphBuilder::new([3, 4, 4]);
        let conv = |filters, kernel, padding| Conv { filters, kernel, stride: 1, padding, bias: true };
        assert_eq!(
            message(g.conv2d(x, "huge", conv(usize::MAX, 3, 1)).unwrap_err()),
            "layer `huge`: weight of shape [18446744073709551615, 3, 3, 3] has 498062089990157893605 scalars, with \
             those before it 498062089990157893605: at most 2147483648 are allowed"
        );
        assert_eq!(
            message(g.conv2d(x, "padded", conv(2, 1, 1 << 20)).unwrap_err()),
            "layer `padded`: output of shape [2, 2097156, 2097156] has 8796126576672 values an image: at most \
             2147483648 are allowed"
        );
        assert!(g.conv2d(x, "overflow", conv(2, 1, usize::MAX)).is_err());
        let (mut g, x) = GraphBuilder::new([usize::MAX, usize::MAX, 3]);
        assert!(message(g.flatten(x, "flat").unwrap_err()).starts_with("layer `flat`: output of shape"));
    }
}
