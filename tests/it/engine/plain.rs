//! The networks once more, in plain loops over f64 that share nothing with any engine: what every engine is held
//! against. Batch-norm: biased variance, eps 1e-5. Values are (batch, shape of the node), row-major.

pub mod backward;

use subevo::engine::Loss;
use subevo::graph::{Activation, Graph, Node, NodeId, Op};
use subevo::rng::{Rng, Seed};

pub const EPSILON: f64 = 1e-5;

/// One network on one batch.
#[derive(Clone, Copy)]
pub struct Plain<'a> {
    pub graph: &'a Graph,
    /// All weights (p).
    pub weights: &'a [f64],
    /// (batch, c, h, w).
    pub images: &'a [f64],
    pub labels: &'a [u32],
    /// Address of what dropout draws.
    pub noise: Option<Seed>,
}

/// Mean and biased variance of each channel of one batch-norm layer.
#[derive(Clone, Debug)]
pub struct Moments {
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
}

/// Everything that one forward pass computes.
pub struct Pass {
    /// The output of each node.
    pub values: Vec<Vec<f64>>,
    /// Of each batch-norm layer, in the order of the graph.
    pub moments: Vec<Moments>,
}

/// Multiplies every value by 1 + 1e-6 u with u in -1..1, some sixteen times what f32 rounds: what a result moves by is
/// how badly conditioned it is.
pub struct Nudge(Option<Rng>);

impl Nudge {
    pub fn none() -> Self {
        Nudge(None)
    }

    pub fn new(seed: u64) -> Self {
        Nudge(Some(Seed::new(seed).child("nudge").rng()))
    }

    pub fn apply(&mut self, values: &mut [f64]) {
        if let Some(rng) = &mut self.0 {
            values.iter_mut().for_each(|x| *x *= 1.0 + 1e-6 * (2.0 * f64::from(rng.uniform()) - 1.0));
        }
    }
}

/// Pairs (output, input) of places along a side that place `k` of the windows joins; none where the input is padding.
fn places(k: usize, stride: usize, padding: usize, inputs: usize, outputs: usize) -> Vec<(usize, usize)> {
    let input = |o: usize| (o * stride + k).checked_sub(padding).filter(|i| *i < inputs);
    (0..outputs).filter_map(|o| Some((o, input(o)?))).collect()
}

/// Calls `product(output, weight, input)` with the indices of every product of a convolution of one image.
fn products(input: &Node, node: &Node, kernel: usize, mut product: impl FnMut(usize, usize, usize)) {
    let Op::Conv2d { stride, padding, .. } = node.op else { panic!("{} is no convolution", node.name) };
    let (&[c, h, w], &[filters, oh, ow]) = (&input.shape[..], &node.shape[..]) else { panic!("no images") };
    for ky in 0..kernel {
        let rows = places(ky, stride, padding, h, oh);
        for kx in 0..kernel {
            let columns = places(kx, stride, padding, w, ow);
            for (filter, channel) in (0..filters).flat_map(|filter| (0..c).map(move |channel| (filter, channel))) {
                let weight = ((filter * c + channel) * kernel + ky) * kernel + kx;
                for (oy, iy) in &rows {
                    for (ox, ix) in &columns {
                        product((filter * oh + oy) * ow + ox, weight, (channel * h + iy) * w + ix);
                    }
                }
            }
        }
    }
}

/// The indices of the inputs of each window of a pooling of one image, in the order of the outputs.
fn windows(input: &Node, node: &Node) -> Vec<Vec<usize>> {
    let (size, stride) = match node.op {
        Op::MaxPool { size, stride } | Op::AvgPool { size, stride } => (size, stride),
        Op::GlobalAvgPool => {
            let plane: usize = input.shape[1..].iter().product();
            return (0..input.shape[0]).map(|c| (c * plane..(c + 1) * plane).collect()).collect();
        }
        _ => panic!("{} is no pooling", node.name),
    };
    let (&[_, h, w], &[c, oh, ow]) = (&input.shape[..], &node.shape[..]) else { panic!("no images") };
    let window = |o: usize| {
        let (channel, oy, ox) = (o / (oh * ow), o / ow % oh, o % ow);
        let at = move |dy: usize, dx: usize| (channel * h + oy * stride + dy) * w + ox * stride + dx;
        (0..size).flat_map(|dy| (0..size).map(move |dx| at(dy, dx))).collect()
    };
    (0..c * oh * ow).map(window).collect()
}

fn volume(node: &Node) -> usize {
    node.shape.iter().product()
}

/// Values of one channel of a batch, with their indices.
fn channel(node: &Node, values: &[f64], c: usize) -> Vec<(usize, f64)> {
    let plane: usize = node.shape[1..].iter().product();
    let of = |i: &usize| i / plane % node.shape[0] == c;
    (0..values.len()).filter(of).map(|i| (i, values[i])).collect()
}

fn moments(node: &Node, values: &[f64]) -> Moments {
    let (mut mean, mut variance) = (Vec::new(), Vec::new());
    for c in 0..node.shape[0] {
        let values = channel(node, values, c);
        let n = values.len() as f64;
        let center = values.iter().map(|(_, x)| x).sum::<f64>() / n;
        mean.push(center);
        variance.push(values.iter().map(|(_, x)| (x - center) * (x - center)).sum::<f64>() / n);
    }
    Moments { mean, variance }
}

impl Plain<'_> {
    pub fn batch(&self) -> usize {
        self.labels.len()
    }

    fn parameter(&self, id: subevo::graph::ParameterId) -> &[f64] {
        &self.weights[self.graph.parameter(id).range()]
    }

    /// The forward pass, batch-norm on the batch's own moments or on the given ones.
    pub fn forward(&self, given: Option<&[Moments]>, nudge: &mut Nudge) -> Pass {
        let mut pass = Pass { values: Vec::new(), moments: Vec::new() };
        for node in &self.graph.nodes {
            let mut value = self.node(node, &mut pass, given, nudge);
            nudge.apply(&mut value);
            pass.values.push(value);
        }
        pass
    }

    fn node(&self, node: &Node, pass: &mut Pass, given: Option<&[Moments]>, nudge: &mut Nudge) -> Vec<f64> {
        let Pass { values, moments: all } = pass;
        let Some(&NodeId(from)) = node.inputs.first() else { return self.images.to_vec() };
        let (input, x) = (&self.graph.nodes[from], &values[from]);
        let (inputs, outputs) = (volume(input), volume(node));
        let mut out = vec![0.0; self.batch() * outputs];
        let images = || x.chunks_exact(inputs);
        match node.op {
            Op::Input => unreachable!("the input reads nothing"),
            Op::Conv2d { weight, bias, .. } => {
                let (kernel, weight) = (self.graph.parameter(weight).shape[2], self.parameter(weight));
                let plane = outputs / node.shape[0];
                for (out, x) in out.chunks_exact_mut(outputs).zip(images()) {
                    if let Some(bias) = bias {
                        out.iter_mut().enumerate().for_each(|(i, y)| *y = self.parameter(bias)[i / plane]);
                    }
                    products(input, node, kernel, |o, w, i| out[o] += weight[w] * x[i]);
                }
            }
            Op::Linear { weight, bias } => {
                let weight = self.parameter(weight);
                for (out, x) in out.chunks_exact_mut(outputs).zip(images()) {
                    for (unit, (y, row)) in out.iter_mut().zip(weight.chunks_exact(inputs)).enumerate() {
                        *y = bias.map_or(0.0, |bias| self.parameter(bias)[unit]);
                        *y += row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                    }
                }
            }
            Op::BatchNorm { scale, shift } => {
                let mut own = given.map_or_else(|| moments(input, x), |given| given[all.len()].clone());
                nudge.apply(&mut own.mean);
                nudge.apply(&mut own.variance);
                for c in 0..node.shape[0] {
                    let std = (own.variance[c] + EPSILON).sqrt();
                    for (i, x) in channel(input, x, c) {
                        out[i] = (x - own.mean[c]) / std * self.parameter(scale)[c] + self.parameter(shift)[c];
                    }
                }
                all.push(own);
            }
            Op::Activation(activation) => {
                out.iter_mut().zip(x).for_each(|(y, x)| *y = activated(activation, *x));
            }
            Op::Dropout { rate } => {
                let factors = self.factors(node, rate);
                out.iter_mut().zip(x.iter().zip(&factors)).for_each(|(y, (x, factor))| *y = x * factor);
            }
            Op::PadChannels { before, .. } => {
                let first = before * (inputs / input.shape[0]);
                for (out, x) in out.chunks_exact_mut(outputs).zip(images()) {
                    out[first..first + inputs].copy_from_slice(x);
                }
            }
            Op::MaxPool { .. } => {
                let windows = windows(input, node);
                for (out, x) in out.chunks_exact_mut(outputs).zip(images()) {
                    out.iter_mut().zip(&windows).for_each(|(y, window)| *y = x[backward::greatest(x, window)]);
                }
            }
            Op::AvgPool { .. } | Op::GlobalAvgPool => {
                let windows = windows(input, node);
                for (out, x) in out.chunks_exact_mut(outputs).zip(images()) {
                    let mean = |window: &Vec<usize>| window.iter().map(|i| x[*i]).sum::<f64>() / window.len() as f64;
                    out.iter_mut().zip(&windows).for_each(|(y, window)| *y = mean(window));
                }
            }
            Op::Add => {
                let other = &values[node.inputs[1].0];
                out.iter_mut().zip(x.iter().zip(other)).for_each(|(y, (a, b))| *y = a + b);
            }
            Op::Concat => {
                for (image, out) in out.chunks_exact_mut(outputs).enumerate() {
                    let mut at = 0;
                    for NodeId(from) in &node.inputs {
                        let length = volume(&self.graph.nodes[*from]);
                        out[at..at + length].copy_from_slice(&values[*from][image * length..][..length]);
                        at += length;
                    }
                }
            }
            Op::Flatten => out.copy_from_slice(x),
        }
        out
    }

    /// What dropout multiplies each value by.
    fn factors(&self, node: &Node, rate: f32) -> Vec<f64> {
        let n = volume(node);
        let Some(noise) = self.noise else { return vec![1.0; self.batch() * n] };
        let mut factors = Vec::new();
        for image in 0..self.batch() {
            let mut rng = noise.child(&node.name).index(image as u64).rng();
            factors.extend((0..n).map(|_| if rng.uniform() < rate { 0.0 } else { 1.0 / (1.0 - f64::from(rate)) }));
        }
        factors
    }

    /// Logits (batch, classes) of a pass.
    pub fn logits<'p>(&self, pass: &'p Pass) -> &'p [f64] {
        &pass.values[self.graph.output.0]
    }

    /// Mean loss of a pass and its gradient with respect to the logits; NaN where a logit is no finite number.
    pub fn loss(&self, kind: Loss, pass: &Pass) -> (f64, Vec<f64>) {
        let (logits, classes, n) = (self.logits(pass), self.graph.classes(), self.batch() as f64);
        let (mut sum, mut gradient) = (0.0, vec![0.0; logits.len()]);
        for ((row, out), label) in logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)).zip(self.labels)
        {
            let right = *label as usize;
            if row.iter().any(|z| !z.is_finite()) {
                sum = f64::NAN;
                continue;
            }
            match kind {
                Loss::Nll => {
                    let top = row.iter().copied().fold(f64::MIN, f64::max);
                    let total: f64 = row.iter().map(|z| (z - top).exp()).sum();
                    sum += top + total.ln() - row[right];
                    out.iter_mut().zip(row).for_each(|(d, z)| *d = (z - top).exp() / total / n);
                    out[right] -= 1.0 / n;
                }
                Loss::Margin => {
                    let rival = (0..classes).filter(|c| *c != right).max_by(|a, b| row[*a].total_cmp(&row[*b]));
                    let rival = rival.expect("at least two classes");
                    let hinge = 1.0 + row[rival] - row[right];
                    if hinge > 0.0 {
                        sum += hinge;
                        out[rival] += 1.0 / n;
                        out[right] -= 1.0 / n;
                    }
                }
                Loss::Error => panic!("the share of errors is no smooth loss"),
            }
        }
        (sum / n, gradient)
    }
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu if x < 0.0 => 0.0,
        Activation::Leaky if x < 0.0 => 0.01 * x,
        Activation::Relu | Activation::Leaky => x,
        Activation::Tanh => x.tanh(),
        Activation::Gelu if x == f64::NEG_INFINITY => 0.0,
        Activation::Gelu => x * normal(x).1,
    }
}

/// Slope of an activation; of a rectifier at 0 that of the left.
fn slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu | Activation::Leaky if x > 0.0 => 1.0,
        Activation::Relu => 0.0,
        Activation::Leaky => 0.01,
        Activation::Tanh => 1.0 / (x.cosh() * x.cosh()),
        Activation::Gelu => {
            let (density, below) = normal(x);
            below + if density > 0.0 { x * density } else { 0.0 }
        }
    }
}

/// Density and distribution function of the standard normal distribution: by the series of the middle, or by the continued
/// fraction of the tails.
fn normal(x: f64) -> (f64, f64) {
    let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let a = x.abs();
    let tail = if a > 3.0 {
        density / (1..300).rev().fold(a, |fraction, n| a + f64::from(n) / fraction)
    } else {
        let terms = (1..120).scan(a, |term, n| {
            *term *= a * a / f64::from(2 * n + 1);
            Some(*term)
        });
        0.5 - density * (a + terms.sum::<f64>())
    };
    (density, if x < 0.0 { tail } else { 1.0 - tail })
}
