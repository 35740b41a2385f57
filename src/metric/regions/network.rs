//! Networks as estimators of regions see them: a classifier of normalised images, of images in units of pixels, and a
//! piecewise linear map.

use crate::engine::Probe;
use crate::estimator::regions::{Classifier, Fold, Lines, PiecewiseLinear};
use crate::graph::{Activation, Graph, Node, NodeId, Op};

impl Classifier for Probe {
    fn dimension(&self) -> usize {
        self.graph().input_shape().iter().product()
    }

    fn classes(&self) -> usize {
        self.graph().classes()
    }

    fn logits(&self, points: &[f32]) -> Vec<f32> {
        Probe::logits(self, points)
    }

    fn pullback(&self, points: &[f32], slopes: &[f32], s: usize) -> (Vec<f32>, Vec<f32>) {
        Probe::pullback(self, points, slopes, s)
    }
}

/// Pixels from 0 to 1, and what they are normalised by.
#[derive(Clone, Debug)]
pub(super) struct Pixels {
    /// Of each value of an image.
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Pixels {
    /// Of images [c, h, w] with a mean and a standard deviation for each channel.
    pub fn new(shape: &[usize], mean: &[f64], std: &[f64]) -> Self {
        let plane: usize = shape[1..].iter().product();
        let spread = |values: &[f64]| values.iter().flat_map(|x| vec![*x as f32; plane]).collect();
        Pixels { mean: spread(mean), std: spread(std) }
    }

    /// Normalised images in units of pixels.
    pub fn of(&self, images: &[f32]) -> Vec<f32> {
        let units = self.std.iter().zip(&self.mean).cycle();
        images.iter().zip(units).map(|(x, (std, mean))| x * std + mean).collect()
    }

    /// Length in units of pixels of a step of a normalised image.
    pub fn length(&self, step: &[f32]) -> f64 {
        step.iter().zip(&self.std).map(|(x, std)| (f64::from(*x) * f64::from(*std)).powi(2)).sum::<f64>().sqrt()
    }
}

/// A network of images in units of pixels.
pub(super) struct OfPixels<'a> {
    pub network: &'a dyn Classifier,
    pub pixels: &'a Pixels,
}

impl OfPixels<'_> {
    fn normalised(&self, points: &[f32]) -> Vec<f32> {
        let units = self.pixels.std.iter().zip(&self.pixels.mean).cycle();
        points.iter().zip(units).map(|(x, (std, mean))| (x - mean) / std).collect()
    }
}

impl Classifier for OfPixels<'_> {
    fn dimension(&self) -> usize {
        self.network.dimension()
    }

    fn classes(&self) -> usize {
        self.network.classes()
    }

    fn logits(&self, points: &[f32]) -> Vec<f32> {
        self.network.logits(&self.normalised(points))
    }

    fn pullback(&self, points: &[f32], slopes: &[f32], s: usize) -> (Vec<f32>, Vec<f32>) {
        let (logits, mut gradients) = self.network.pullback(&self.normalised(points), slopes, s);
        gradients.iter_mut().zip(self.pixels.std.iter().cycle()).for_each(|(gradient, std)| *gradient /= std);
        (logits, gradients)
    }
}

/// A network of which all activations are piecewise linear.
pub(super) struct Pieces<'a> {
    probe: &'a Probe,
    /// The nodes before which it bends, the logits last.
    nodes: Vec<NodeId>,
    folds: Vec<Fold>,
    /// Name of the node that bends, for each fold.
    pub layers: Vec<String>,
}

impl<'a> Pieces<'a> {
    /// The network; where one of its activations is smooth, the name of that.
    pub fn new(probe: &'a Probe) -> Result<Self, &'static str> {
        let graph = probe.graph();
        let (mut nodes, mut folds, mut layers) = (Vec::new(), Vec::new(), Vec::new());
        for node in &graph.nodes {
            let fold = match node.op {
                Op::Activation(Activation::Relu | Activation::Leaky) => Fold::Sign,
                Op::Activation(smooth) => return Err(smooth.name()),
                Op::MaxPool { size, stride } => Fold::Windows(windows(graph, node, size, stride)),
                _ => continue,
            };
            nodes.push(node.inputs[0]);
            folds.push(fold);
            layers.push(node.name.clone());
        }
        nodes.push(graph.output);
        Ok(Pieces { probe, nodes, folds, layers })
    }

    /// Values of one image that bend.
    pub fn units(&self) -> usize {
        let length = |id: &NodeId| self.probe.graph().node(*id).shape.iter().product::<usize>();
        self.nodes.iter().take(self.folds.len()).map(length).sum()
    }
}

/// The places of each window of a max pooling of one image.
fn windows(graph: &Graph, node: &Node, size: usize, stride: usize) -> Vec<Vec<usize>> {
    let input = &graph.node(node.inputs[0]).shape;
    let window = |i: usize| {
        let (channel, y, x) =
            (i / (node.shape[1] * node.shape[2]), i / node.shape[2] % node.shape[1], i % node.shape[2]);
        let first = (channel * input[1] + y * stride) * input[2] + x * stride;
        (0..size * size).map(|tap| first + tap / size * input[2] + tap % size).collect()
    };
    (0..node.shape.iter().product()).map(window).collect()
}

impl PiecewiseLinear for Pieces<'_> {
    fn dimension(&self) -> usize {
        self.probe.graph().input_shape().iter().product()
    }

    fn folds(&self) -> &[Fold] {
        &self.folds
    }

    fn lines(&self, points: &[f32], directions: &[f32]) -> Lines {
        Lines {
            values: self.probe.values(points, &self.nodes),
            slopes: self.probe.pushforward(points, directions, &self.nodes),
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Small networks and images.

    use std::sync::Arc;

    use super::*;
    use crate::graph::{Conv, GraphBuilder, NodeId, Pool};
    use crate::rng::Seed;

    pub fn normals(n: usize, seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; n];
        Seed::new(seed).rng().fill_normal(&mut values);
        values
    }

    fn opened(g: GraphBuilder, output: NodeId, weights: Option<Vec<f32>>) -> Probe {
        let graph = Arc::new(g.finish(output).unwrap());
        let weights = weights.unwrap_or_else(|| normals(graph.parameter_count(), 99));
        Probe::new(graph, weights, &[])
    }

    /// Logits `W x + b` of images of 1 x 4 x 4.
    pub fn linear(classes: usize, weights: Vec<f32>) -> Probe {
        let (mut g, x) = GraphBuilder::new([1, 4, 4]);
        let x = g.flatten(x, "flatten").unwrap();
        let x = g.linear(x, "fc", classes, true).unwrap();
        opened(g, x, Some(weights))
    }

    /// Two classes, apart by the plane `<w, x> = shift`: class 1 where it is greater.
    pub fn plane(w: &[f32], shift: f32) -> Probe {
        let zeros = std::iter::repeat_n(0.0, w.len());
        linear(2, zeros.chain(w.iter().copied()).chain([0.0, -shift]).collect())
    }

    /// A convolution, an activation, a pooling, a hidden layer and three classes, for images of 2 x 6 x 6.
    pub fn bent(activation: Activation) -> Probe {
        let (mut g, x) = GraphBuilder::new([2, 6, 6]);
        let x = g.conv2d(x, "conv", Conv::same(3, 3)).unwrap();
        let x = g.activation(x, "bend", activation).unwrap();
        let x = g.max_pool(x, "pool", Pool { size: 3, stride: 2 }).unwrap();
        let x = g.flatten(x, "flatten").unwrap();
        let x = g.linear(x, "hidden", 9, true).unwrap();
        let x = g.relu(x, "relu").unwrap();
        let x = g.linear(x, "fc", 3, true).unwrap();
        opened(g, x, None)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{bent, normals, plane};
    use super::*;

    #[test]
    fn pixels_are_normalised_channel_by_channel_and_back() {
        let probe = bent(Activation::Relu);
        let pixels = Pixels::new(&[2, 6, 6], &[0.5, 0.2], &[0.25, 2.0]);
        let (images, network) = (normals(2 * 72, 1), OfPixels { network: &probe, pixels: &pixels });
        let of_pixels = pixels.of(&images);
        assert_eq!((of_pixels[0], of_pixels[40]), (images[0] * 0.25 + 0.5, images[40] * 2.0 + 0.2));
        let (direct, through) = (Classifier::logits(&probe, &images), network.logits(&of_pixels));
        assert!(
            direct.iter().zip(&through).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + a.abs())),
            "{direct:?}, {through:?}"
        );
        let slopes = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let [a, b] = [Classifier::pullback(&probe, &images, &slopes, 1).1, network.pullback(&of_pixels, &slopes, 1).1];
        assert!(
            (b[3] - a[3] / 0.25).abs() < 1e-3 * a[3].abs() && (b[50] - a[50] / 2.0).abs() < 1e-3 * (1.0 + a[50].abs())
        );
        let mut step = vec![0.0; 72];
        (step[0], step[71]) = (4.0, 1.0);
        assert!((pixels.length(&step) - 5f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn the_greatest_of_each_window_is_what_the_network_pools() {
        let probe = bent(Activation::Leaky);
        let pieces = Pieces::new(&probe).unwrap();
        assert_eq!(pieces.layers, ["bend", "pool", "relu"]);
        assert_eq!(pieces.units(), 3 * 36 + 3 * 36 + 9);
        let image = normals(72, 2);
        let lines = pieces.lines(&image, &image);
        let pool = probe.graph().nodes.iter().position(|node| node.name == "pool").unwrap();
        let pooled = probe.values(&image, &[NodeId(pool)]).swap_remove(0);
        let Fold::Windows(windows) = &pieces.folds()[1] else { panic!() };
        let greatest = |window: &Vec<usize>| window.iter().map(|i| lines.values[1][*i]).fold(f32::MIN, f32::max);
        assert_eq!(windows.iter().map(greatest).collect::<Vec<f32>>(), pooled);
        assert_eq!(lines.values[3], probe.logits(&image));
        assert_eq!(lines.slopes.iter().map(Vec::len).collect::<Vec<_>>(), [108, 108, 9, 3]);
    }

    #[test]
    fn smooth_networks_have_no_pieces_and_linear_ones_one() {
        assert_eq!(Pieces::new(&bent(Activation::Tanh)).err(), Some("tanh"));
        assert_eq!(Pieces::new(&bent(Activation::Gelu)).err(), Some("gelu"));
        assert!(Pieces::new(&plane(&[1.0; 16], 0.0)).unwrap().folds().is_empty());
    }
}
