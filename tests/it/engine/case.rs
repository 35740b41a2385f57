//! Random cases for the engines: a graph, a subset, a start, genomes and images; and the engine under test.
//!
//! The cases are always the same. `SUBEVO_TEST_CASES=20` in the environment runs twenty times as many of each property,
//! `PROPTEST_RNG_SEED=2` others.

use std::sync::Arc;

use candle_core::Device;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use subevo::data::Batch;
use subevo::engine::{CpuEngine, Engine, Loss, ReferenceEngine};
use subevo::graph::init::{Init, ENTRIES as INITS};
use subevo::graph::{Graph, ParameterKind};
use subevo::operator::Population;
use subevo::params::{Origin, Params, Problems, Table};
use subevo::plan::{Limits, Plan};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::subset::{GeneScale, Start, Subset};

use super::graphs::{sketches, Sketch};
use super::marks::{marks, Marks};

pub const LIMITS: Limits = Limits { memory: 1 << 30, threads: 2 };

/// The engine that the properties are about.
pub fn engine(start: Arc<Start>, plan: Plan) -> impl Engine {
    CpuEngine::new(start, plan).unwrap()
}

/// Everything random about a case.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub sketch: Sketch,
    pub marks: Marks,
    pub setting: Setting,
}

#[derive(Clone, Debug)]
pub struct Setting {
    pub seed: u64,
    pub init: usize,
    pub background: Background,
    pub scale: GeneScale,
    /// Whether frozen batch-norm layers have other scales and shifts than 1 and 0.
    pub affine: bool,
    /// Whether the images have areas of one colour.
    pub flat_areas: bool,
    /// Standard deviation of the genes.
    pub spread: f32,
    pub members: usize,
    pub batch: usize,
    pub margin: bool,
    /// Whether the step of the batch has noise.
    pub noise: bool,
    /// Whether the first member is the start itself, where many values are exactly 0.
    pub untouched: bool,
}

pub struct Case {
    pub start: Arc<Start>,
    pub population: Population,
    pub batch: Batch,
    /// Images for an evaluation, not as many as in the batch.
    pub others: Batch,
    pub loss: Loss,
}

/// How proptest runs `cases` cases: always the same ones.
pub fn config(cases: u32) -> ProptestConfig {
    let times = std::env::var("SUBEVO_TEST_CASES").map_or(1, |times| times.parse().expect("a number of times"));
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    ProptestConfig { cases: cases * times, failure_persistence: None, max_shrink_iters: 1000, rng_seed, ..default }
}

fn settings() -> impl Strategy<Value = Setting> {
    let members = prop_oneof![4 => 1..5usize, 1 => Just(7usize)];
    let batch = prop_oneof![6 => 1..7usize, 1 => prop::sample::select(vec![8, 9, 16, 17])];
    let scale = prop_oneof![3 => Just(GeneScale::Init), 1 => Just(GeneScale::One)];
    let background = prop_oneof![3 => Just(Background::Random), 1 => Just(Background::Zero)];
    // Pytorch first: it alone has biases that are not 0.
    let init = prop::sample::select(vec!["pytorch", "pytorch", "pytorch", "he-normal", "xavier-uniform", "zeros"]);
    let init = init.prop_map(|name| INITS.iter().position(|entry| entry.name == name).unwrap());
    let flags = (
        prop::bool::weighted(0.6),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.4),
        any::<bool>(),
    );
    (any::<u64>(), init, background, scale, flags, 0.1..1f32, members, batch).prop_map(
        |(seed, init, background, scale, (affine, flat_areas, margin, untouched, noise), spread, members, batch)| {
            Setting {
                seed,
                init,
                background,
                scale,
                affine,
                flat_areas,
                spread,
                members,
                batch,
                margin,
                noise,
                untouched,
            }
        },
    )
}

pub fn recipes() -> impl Strategy<Value = Recipe> {
    (sketches(), marks(), settings()).prop_map(|(sketch, marks, setting)| Recipe { sketch, marks, setting })
}

impl Recipe {
    pub fn case(&self) -> Case {
        let setting = &self.setting;
        let graph = Arc::new(self.sketch.graph());
        let subset = Arc::new(Subset::from_marks("random", &graph, &self.marks.of(&graph)).unwrap());
        let seed = Seed::new(setting.seed);
        let init = init(setting.init);
        let mut start = Start::new(graph.clone(), subset.clone(), &*init, setting.scale, setting.background, seed);
        if setting.affine {
            let mut rng = seed.child("affine").rng();
            for parameter in &graph.parameters {
                let shifted = match parameter.kind {
                    ParameterKind::BatchNormScale => 1.0,
                    ParameterKind::BatchNormShift => 0.0,
                    _ => continue,
                };
                start.weights[parameter.range()].iter_mut().for_each(|w| *w = shifted + 0.7 * rng.normal());
            }
            start.base = subset.gather(&start.weights);
        }
        let mut genes = vec![0.0; setting.members * subset.size];
        seed.child("genes").rng().fill_normal(&mut genes);
        genes.iter_mut().for_each(|gene| *gene *= setting.spread);
        if setting.untouched {
            genes[..subset.size].fill(0.0);
        }
        let mut batch_of = batch(&graph, setting.batch, setting.flat_areas, seed.child("batch"));
        batch_of.noise = setting.noise.then(|| seed.child("noise"));
        Case {
            population: Population::from_genes(genes, subset.size),
            batch: batch_of,
            others: batch(&graph, setting.batch % 5 + 1, setting.flat_areas, seed.child("others")),
            loss: if setting.margin { Loss::Margin } else { Loss::Nll },
            start: Arc::new(start),
        }
    }
}

impl Case {
    pub fn plan(&self, limits: Limits) -> Plan {
        Plan::new(&self.start.graph, &self.start.subset, self.batch.labels.len(), limits)
    }

    /// The engine under test on this case.
    pub fn engine(&self) -> impl Engine {
        engine(self.start.clone(), self.plan(LIMITS))
    }

    /// The reference on this case.
    pub fn reference(&self) -> impl Engine {
        ReferenceEngine::new(self.start.clone(), &self.plan(LIMITS), Device::Cpu)
    }

    /// Trained weights (k) of a member.
    pub fn trained(&self, member: usize) -> Vec<f32> {
        self.start.express(self.population.member(member))
    }
}

fn init(index: usize) -> Box<dyn Init> {
    let (problems, table) = (Problems::default(), Table::default());
    (INITS[index].build)(&Params::new(&table, Origin::Default, "", &problems), &()).unwrap()
}

fn batch(graph: &Graph, n: usize, flat_areas: bool, seed: Seed) -> Batch {
    let [c, h, w] = graph.input_shape().try_into().unwrap();
    let mut images = vec![0.0; n * c * h * w];
    let mut rng = seed.rng();
    rng.fill_normal(&mut images);
    if flat_areas {
        images.iter_mut().enumerate().filter(|(i, _)| i % w < w / 2).for_each(|(_, x)| *x = -0.5);
    }
    let labels = (0..n).map(|_| rng.below(graph.classes()) as u32).collect();
    Batch { images, labels, shape: [n, c, h, w], places: None, noise: None }
}
