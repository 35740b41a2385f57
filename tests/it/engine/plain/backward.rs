//! The gradient of a plain pass by the chain rule, node by node from the last; and how near it is to a place where
//! there is none. A rectifier's gradient at 0 is 0, a pooling's goes to the first of equals.

use subevo::engine::Loss;
use subevo::graph::{Activation, NodeId, Op, ParameterId};

use super::{channel, moments, products, slope, volume, windows, Nudge, Pass, Plain, EPSILON};

/// The first greatest of a window; a NaN counts as greatest.
pub fn greatest(x: &[f64], window: &[usize]) -> usize {
    let later = |best: usize, i: usize| x[i] > x[best] || (x[i].is_nan() && !x[best].is_nan());
    window[1..].iter().fold(window[0], |best, i| if later(best, *i) { *i } else { best })
}

impl Plain<'_> {
    /// Gradient of all weights (p) from the gradient of the logits; batch-norm was on the batch's own moments.
    pub fn backward(&self, pass: &Pass, logits: &[f64], nudge: &mut Nudge) -> Vec<f64> {
        let nodes = &self.graph.nodes;
        let mut gradients: Vec<Vec<f64>> = pass.values.iter().map(|values| vec![0.0; values.len()]).collect();
        gradients[self.graph.output.0].copy_from_slice(logits);
        let mut weights = vec![0.0; self.weights.len()];
        for (i, node) in nodes.iter().enumerate().skip(1).rev() {
            let mut dy = std::mem::take(&mut gradients[i]);
            nudge.apply(&mut dy);
            let from = node.inputs[0].0;
            let (input, x) = (&nodes[from], &pass.values[from]);
            let (inputs, outputs) = (volume(input), volume(node));
            let mut dx = vec![0.0; x.len()];
            let offset = |id: ParameterId| self.graph.parameter(id).offset;
            match node.op {
                Op::Input => unreachable!("the input is the first node"),
                Op::Conv2d { weight, bias, .. } => {
                    let (kernel, at) = (self.graph.parameter(weight).shape[2], offset(weight));
                    for image in 0..self.batch() {
                        let (x0, y0) = (image * inputs, image * outputs);
                        products(input, node, kernel, |o, w, i| {
                            dx[x0 + i] += self.weights[at + w] * dy[y0 + o];
                            weights[at + w] += x[x0 + i] * dy[y0 + o];
                        });
                    }
                    if let Some(bias) = bias {
                        let plane = outputs / node.shape[0];
                        let filter = |i: usize| i / plane % node.shape[0];
                        dy.iter().enumerate().for_each(|(i, dy)| weights[offset(bias) + filter(i)] += dy);
                    }
                }
                Op::Linear { weight, bias } => {
                    for (y, dy) in dy.iter().enumerate() {
                        let (image, unit) = (y / outputs, y % outputs);
                        for i in 0..inputs {
                            let at = offset(weight) + unit * inputs + i;
                            dx[image * inputs + i] += self.weights[at] * dy;
                            weights[at] += x[image * inputs + i] * dy;
                        }
                        if let Some(bias) = bias {
                            weights[offset(bias) + unit] += dy;
                        }
                    }
                }
                Op::BatchNorm { scale, shift } => {
                    let mut moments = moments(input, x);
                    nudge.apply(&mut moments.mean);
                    nudge.apply(&mut moments.variance);
                    for c in 0..node.shape[0] {
                        let std = (moments.variance[c] + EPSILON).sqrt();
                        let values = channel(input, x, c);
                        let n = values.len() as f64;
                        let unit = |x: f64| (x - moments.mean[c]) / std;
                        let along_shift: f64 = values.iter().map(|(i, _)| dy[*i]).sum();
                        let along_scale: f64 = values.iter().map(|(i, x)| dy[*i] * unit(*x)).sum();
                        let mut sums = [along_shift, along_scale];
                        nudge.apply(&mut sums);
                        let [along_shift, along_scale] = sums;
                        weights[offset(shift) + c] += along_shift;
                        weights[offset(scale) + c] += along_scale;
                        for (i, x) in &values {
                            let centred = dy[*i] - along_shift / n - unit(*x) * along_scale / n;
                            dx[*i] = self.weights[offset(scale) + c] / std * centred;
                        }
                    }
                }
                Op::Dropout { rate } => {
                    dx = self.factors(node, rate).iter().zip(&dy).map(|(factor, dy)| factor * dy).collect();
                }
                Op::PadChannels { before, .. } => {
                    let first = before * (inputs / input.shape[0]);
                    for (dx, dy) in dx.chunks_exact_mut(inputs).zip(dy.chunks_exact(outputs)) {
                        dx.copy_from_slice(&dy[first..first + inputs]);
                    }
                }
                Op::Activation(activation) => {
                    dx = x.iter().zip(&dy).map(|(x, dy)| slope(activation, *x) * dy).collect();
                }
                Op::MaxPool { .. } => {
                    let windows = windows(input, node);
                    for (y, dy) in dy.iter().enumerate() {
                        let image = y / outputs * inputs;
                        dx[image + greatest(&x[image..], &windows[y % outputs])] += dy;
                    }
                }
                Op::AvgPool { .. } | Op::GlobalAvgPool => {
                    let windows = windows(input, node);
                    for (y, dy) in dy.iter().enumerate() {
                        let window = &windows[y % outputs];
                        window.iter().for_each(|i| dx[y / outputs * inputs + i] += dy / window.len() as f64);
                    }
                }
                Op::Add => {
                    dx.copy_from_slice(&dy);
                    add(&mut gradients[node.inputs[1].0], &dy);
                }
                Op::Concat => {
                    let mut at = 0;
                    for NodeId(from) in &node.inputs {
                        let length = volume(&nodes[*from]);
                        for image in 0..self.batch() {
                            let part = &dy[image * outputs + at..][..length];
                            add(&mut gradients[*from][image * length..][..length], part);
                        }
                        at += length;
                    }
                }
                Op::Flatten => dx.copy_from_slice(&dy),
            }
            // A concatenation has given its gradient to all of its inputs.
            if node.op != Op::Concat {
                add(&mut gradients[from], &dx);
            }
        }
        weights
    }

    /// Whether rounding may take a rectifier, a pooling or the hinge of the loss to its other side, where the gradient is
    /// another one. What is exactly 0, or exactly equal, counts as far away: see [`Nudge`] for those.
    pub fn near_kink(&self, pass: &Pass, kind: Loss) -> bool {
        let near = |distance: f64, size: f64| distance != 0.0 && distance.abs() < 3e-6 * size;
        let at_node = self.graph.nodes.iter().skip(1).any(|node| {
            let from = node.inputs[0].0;
            let (input, x) = (&self.graph.nodes[from], &pass.values[from]);
            let size = (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
            match node.op {
                Op::Activation(Activation::Relu | Activation::Leaky) => x.iter().any(|x| near(*x, size)),
                Op::MaxPool { .. } => {
                    let windows = windows(input, node);
                    x.chunks_exact(volume(input)).any(|x| {
                        let close = |window: &Vec<usize>| {
                            let top = x[greatest(x, window)];
                            window.iter().any(|i| near(top - x[*i], size))
                        };
                        windows.iter().any(close)
                    })
                }
                _ => false,
            }
        });
        let rows = self.logits(pass).chunks_exact(self.graph.classes()).zip(self.labels);
        let mut hinges = rows.flat_map(|(row, label)| {
            let right = row[*label as usize];
            let rivals: Vec<f64> =
                row.iter().enumerate().filter(|(c, _)| c != &(*label as usize)).map(|x| *x.1).collect();
            let top = rivals.iter().copied().fold(f64::MIN, f64::max);
            let ties = rivals.iter().filter(|z| top - **z < 1e-5).count() > 1;
            [ties, (1.0 + top - right).abs() < 1e-5]
        });
        at_node || (kind == Loss::Margin && hinges.any(|near| near))
    }
}

fn add(sum: &mut [f64], terms: &[f64]) {
    sum.iter_mut().zip(terms).for_each(|(sum, x)| *sum += x);
}
