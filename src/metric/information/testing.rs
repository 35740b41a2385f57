//! What the tests of this folder share: networks with given weights, and a metric applied to them.

use std::sync::Arc;

use crate::data::augmentation::Unchanged;
use crate::data::{Batch, BatchOrder, Data, Images, Labelled};
use crate::engine::{CpuEngine, Loss, Probe};
use crate::entry::Entry;
use crate::graph::{Activation, Graph, GraphBuilder};
use crate::learner::{Snapshot, Task};
use crate::metric::{sites, Caches, Metric, Run, Subject};
use crate::params::{read_table, toml, Amount, Origin, Problems};
use crate::plan::{Limits, Plan};
use crate::record::{Background, Cost, Header, Method, Reading, Score, Scores, Side, FORMAT};
use crate::rng::Seed;
use crate::subset::{Encoding, Start, Subset};

/// Standard normal numbers of a stream of their own.
pub fn normals(count: usize, stream: u64) -> Vec<f32> {
    let mut normals = vec![0.0; count];
    Seed::new(stream).child("test").rng().fill_normal(&mut normals);
    normals
}

/// An MLP without biases on `inputs` values: layers of so many units with this activation (`act0`, `act1`, ...), and behind
/// them a linear layer `fc` of `outputs`; weights N(0, gain / fan-in).
pub fn mlp(inputs: usize, units: &[usize], outputs: usize, activation: Activation, gain: f32) -> Network {
    let (mut builder, mut x) = GraphBuilder::new([1, 1, inputs]);
    x = builder.flatten(x, "flatten").unwrap();
    for (i, units) in units.iter().enumerate() {
        x = builder.linear(x, &format!("linear{i}"), *units, false).unwrap();
        x = builder.activation(x, &format!("act{i}"), activation).unwrap();
    }
    x = builder.linear(x, "fc", outputs, false).unwrap();
    let graph = Arc::new(builder.finish(x).unwrap());
    let mut weights = normals(graph.parameter_count(), 1);
    for parameter in &graph.parameters {
        let scale = (gain / parameter.fan_in as f32).sqrt();
        weights[parameter.range()].iter_mut().for_each(|w| *w *= scale);
    }
    Network { untrained: weights.clone(), graph, weights }
}

/// A network and what it was before training.
pub struct Network {
    pub graph: Arc<Graph>,
    pub weights: Vec<f32>,
    pub untrained: Vec<f32>,
}

impl Network {
    /// What a metric with these parameters, lines of TOML, says of the network on images (n, D), normalised; label of image `i`
    /// is `i % 4`. The standard deviation of pixels is 1/4 of their range.
    pub fn readings(&self, entry: &Entry<dyn Metric>, params: &str, images: &[f32]) -> Vec<Reading> {
        let problems = Problems::default();
        let table = toml::parse(params, &problems);
        let (metric, _) = read_table(&table, Origin::Default, "", &problems, |params| (entry.build)(params, &()));
        assert!(problems.is_empty(), "{:?}", problems.into_vec().iter().map(|x| &x.message).collect::<Vec<_>>());
        let task = self.task();
        let start = task.start.clone();
        let [probe, untrained] =
            [&self.weights, &self.untrained].map(|weights| Probe::new(self.graph.clone(), weights.clone(), &[]));
        let shape = self.graph.input_shape();
        let n = images.len() / shape.iter().product::<usize>();
        let labels = (0..n as u32).map(|i| i % 4).collect();
        let shape = [n, shape[0], shape[1], shape[2]];
        let test = Batch { images: images.to_vec(), labels, shape, places: None, noise: None };
        let score = Score { loss: f64::NAN, accuracy: f64::NAN, images: 0 };
        let scores = Scores { train: score, validation: score, test: score };
        let (weights, cost) = (start.base.clone(), Cost::default());
        let snapshot =
            Snapshot { task: &task, trained: weights.clone(), weights, statistics: Vec::new(), cost, scores };
        let header = header();
        let run = Run { header: &header, population: 1, moments: &[], evaluations: &[], walk: None, redraw: None };
        let subject = Subject {
            task: &task,
            snapshot: &snapshot,
            probe: &probe,
            untrained: &untrained,
            sites: &sites(&self.graph, &vec![true; self.graph.nodes.len()]),
            test: &test,
            train: &test,
            seed: Seed::new(3),
            run: &run,
            peers: &[],
            caches: &Caches::default(),
        };
        let measured = metric.unwrap().measure(&subject).unwrap();
        assert_eq!(measured.missing, None);
        measured.readings
    }

    fn task(&self) -> Task {
        let marks = vec![true; self.weights.len()];
        let subset = Arc::new(Subset::from_marks("all", &self.graph, &marks).unwrap());
        let encoding = Encoding::Weights(vec![1.0; marks.len()]);
        let (weights, graph) = (self.untrained.clone(), self.graph.clone());
        let start = Arc::new(Start { graph, subset, base: weights.clone(), weights, draws: Vec::new(), encoding });
        let shape: [usize; 3] = self.graph.input_shape().try_into().unwrap();
        let length: usize = shape.iter().product();
        // Half of the pixels are a quarter of the range below the mean, half above.
        let part = |n: usize| Labelled {
            pixels: (0..n * length).map(|i| if i % 2 == 0 { 51 } else { 51 + 127 }).collect(),
            labels: (0..n).map(|i| (i % 4) as u8).collect(),
        };
        let images = Images { train: part(12), test: part(4), shape, classes: 4 };
        let data = Arc::new(Data::split("test", images, Amount::Count(4), Seed::new(1)).unwrap());
        let order = BatchOrder::new(8, 4, Seed::new(2)).unwrap();
        let plan = Plan::new(&self.graph, &start.subset, 4, Limits { memory: 1 << 30, threads: 1 });
        let engine = Box::new(CpuEngine::new(start.clone(), plan.clone()).unwrap());
        let (augmentation, seed) = (Arc::new(Unchanged), Seed::new(2));
        Task { start, data, order, augmentation, seed, loss: Loss::Nll, plan, engine }
    }
}

fn header() -> Header {
    Header {
        format: FORMAT,
        campaign: String::new(),
        cell: String::new(),
        learner: String::new(),
        method: Method::Backprop,
        algorithm: String::new(),
        subset: String::new(),
        background: Background::Random,
        data: String::new(),
        classes: 4,
        model: String::new(),
        seed: 0,
        subset_size: 1,
        subset_weights: None,
        parameters_total: 1,
        config: String::new(),
    }
}

/// The reading of that name, of a layer and a side.
pub fn find<'a>(readings: &'a [Reading], name: &str, layer: &str, position: Option<Side>) -> &'a Reading {
    let of = |r: &&Reading| r.name == name && r.layer.as_deref() == Some(layer) && r.position == position;
    readings.iter().find(of).unwrap_or_else(|| panic!("no {name} of {layer}, {position:?}"))
}
