//! Learners in the one training loop, on made-up images: what stays frozen, what both see, what it costs, when it ends,
//! what is chosen by, and that a run continued from any position is the run undisturbed.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use serde_json::{json, Value as Json};
use subevo::data::augmentation::Unchanged;
use subevo::data::{self, Batch, BatchOrder, Data, DataSource, Images, Split};
use subevo::engine::{ClassLosses, CpuEngine, Engine, Loss, Statistics};
use subevo::entry::Entries;
use subevo::error::Result;
use subevo::graph::init::Distribution;
use subevo::graph::Graph;
use subevo::learner::{
    Backprop, Budget, Evolution, Finished, Fixed, Learner, Moment, Moments, Outcome, Position, Recorder, Snapshot,
    Task, Training,
};
use subevo::operator::{self, Needs, Network, Operators, Population};
use subevo::optimizer::{schedule, Optimizer, Schedule};
use subevo::params::Amount;
use subevo::plan::{Limits, Plan};
use subevo::progress::Progress;
use subevo::record::{Background, Evaluation, Lap, Step};
use subevo::rng::Seed;
use subevo::state::State;
use subevo::strategy::{self, Generation, Strategy, StrategyContext};
use subevo::subset::{Encoding, Start};

use crate::augmentation::augmentation;
use crate::networks::{model, select, small_network, start};
use crate::tables::build;

/// Images of a batch in these tests.
const BATCH: usize = 20;

/// Members of a population in these tests.
const MEMBERS: usize = 6;

/// 300 training, 100 validation and 100 test images of 8 x 8 in 4 classes that are easy to tell apart.
fn images(train: usize) -> Images {
    let params = json!({ "classes": 4, "train": train, "test": 100, "image": 8, "noise": 0.5, "seed": 2 });
    build::<dyn DataSource, ()>(&Entries::new("data set", data::ENTRIES), "synthetic", params, &()).load(None).unwrap()
}

fn prepare(images: Images) -> Arc<Data> {
    Arc::new(Data::split("synthetic", images, Amount::Count(100), Seed::new(3)).unwrap())
}

fn task_on(data: Arc<Data>, graph: &Arc<Graph>, list: Json) -> Task {
    let start = start(graph, list, Background::Random);
    let plan = Plan::new(graph, &start.subset, BATCH, Limits { memory: 1 << 30, threads: 2 });
    let order = BatchOrder::new(data.len(Split::Train), BATCH, Seed::new(5)).unwrap();
    let engine = Box::new(CpuEngine::new(start.clone(), plan.clone()).unwrap());
    let augmentation = Arc::new(Unchanged);
    Task { start, data, order, augmentation, seed: Seed::new(5), loss: Loss::Nll, plan, engine }
}

/// conv2-bn with 4 and 6 filters, batch-norm and classifier trained.
pub fn task() -> Task {
    task_on(prepare(images(400)), &small_network(), json!([{ "batchnorm": true }, { "classifier": true }]))
}

fn strategy_context(start: &Start) -> StrategyContext {
    let strategies = Entries::<dyn Strategy, StrategyContext>::new("strategy", strategy::ENTRIES);
    let operators = Arc::new(Operators::builtin());
    StrategyContext { subset: start.layout(), classes: start.graph.classes(), operators, strategies, memory: 1 << 30 }
}

/// A strategy with as few members as its contract allows, from [`MEMBERS`] on, where it has them as an option.
fn strategy_of(name: &str, start: &Start) -> Box<dyn Strategy> {
    let registry = Entries::<dyn Strategy, StrategyContext>::new("strategy", strategy::ENTRIES);
    let contract = strategy::CONTRACTS.iter().find(|contract| contract.name == name).unwrap();
    let params = match contract.least_population {
        Some(least) => json!({ "population": least.max(MEMBERS as u64) }),
        None => json!({}),
    };
    build(&registry, name, params, &strategy_context(start))
}

fn evolution(name: &str, start: &Start) -> Box<dyn Learner> {
    Box::new(Evolution::new(strategy_of(name, start), Seed::new(8)))
}

/// A network that is the same everywhere, of so many genes.
struct Flat(usize);

impl Network for Flat {
    fn base(&self) -> &[f32] {
        &[]
    }

    fn draws(&self) -> &[Distribution] {
        &[]
    }

    fn gradient(&self, _: &[f32]) -> Result<Vec<f32>> {
        Ok(vec![0.5; self.0])
    }
}

/// Networks that a step evaluates forward alone, and forward and backward.
fn networks(name: &str, start: &Start) -> (u64, u64) {
    if !strategy::ENTRIES.iter().any(|entry| entry.name == name) {
        return (0, 1);
    }
    let mut strategy = strategy_of(name, start);
    let at = Progress { step: 0, used: 0.0 };
    let asked = strategy.ask(&Generation { at, seed: Seed::new(8), network: &Flat(start.genes()) }).unwrap();
    (asked.len() as u64, strategy.needs().gradients as u64)
}

fn backprop_with(name: &str, params: Json, schedule_name: &str, start: &Start) -> Box<dyn Learner> {
    let optimizers = Entries::<dyn Optimizer, usize>::new("optimizer", subevo::optimizer::ENTRIES);
    let schedules = Entries::<dyn Schedule, ()>::new("schedule", schedule::ENTRIES);
    let optimizer = build(&optimizers, name, params, &start.genes());
    Box::new(Backprop::new(start.untrained(), optimizer, build(&schedules, schedule_name, json!({}), &())))
}

fn backprop(name: &str, start: &Start) -> Box<dyn Learner> {
    backprop_with(name, json!({ "lr": 0.01 }), "cosine", start)
}

/// Makes a fresh learner of one kind.
type Make = Box<dyn Fn(&Start) -> Box<dyn Learner>>;

/// Every strategy and every optimizer of the registries.
fn learners() -> Vec<(&'static str, Make)> {
    let strategies = strategy::ENTRIES.iter().map(|entry| {
        let make: Make = Box::new(|start| evolution(entry.name, start));
        (entry.name, make)
    });
    let optimizers = subevo::optimizer::ENTRIES.iter().map(|entry| {
        let make: Make = Box::new(|start| backprop(entry.name, start));
        (entry.name, make)
    });
    strategies.chain(optimizers).collect()
}

/// A genetic algorithm with each mutation of the registry.
fn mutations() -> Vec<(&'static str, Make)> {
    let rows = operator::mutation::ENTRIES.iter().map(|entry| {
        let make: Make = Box::new(|start| {
            let params = json!({ "population": MEMBERS, "mutation": entry.name });
            let registry = Entries::<dyn Strategy, StrategyContext>::new("strategy", strategy::ENTRIES);
            let strategy = build(&registry, "genetic", params, &strategy_context(start));
            Box::new(Evolution::new(strategy, Seed::new(8)))
        });
        (entry.name, make)
    });
    rows.collect()
}

/// What a run records, but for the clock.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Step(Step),
    Evaluation(Evaluation),
}

/// Keeps everything in memory, with a position after each step.
#[derive(Default)]
pub struct Memory {
    pub events: Vec<Event>,
    laps: usize,
    /// Positions, each with the number of events before it.
    pub positions: Vec<(usize, Position)>,
    /// What the incumbent was at each evaluation, and after each step.
    pub moments: Vec<Moment>,
    pub walk: Vec<(u64, Vec<f32>)>,
    /// Steps after which it asks to stop.
    stop_after: Option<usize>,
}

impl Memory {
    pub fn steps(&self) -> Vec<&Step> {
        self.events.iter().filter_map(|event| if let Event::Step(step) = event { Some(step) } else { None }).collect()
    }

    fn evaluations<'a>(&'a self) -> Vec<&'a Evaluation> {
        let evaluation =
            |event: &'a Event| if let Event::Evaluation(evaluation) = event { Some(evaluation) } else { None };
        self.events.iter().filter_map(evaluation).collect()
    }
}

impl Recorder for Memory {
    fn step(&mut self, step: &Step, used: f64) -> Result<()> {
        assert!((0.0..=1.0).contains(&used));
        self.events.push(Event::Step(step.clone()));
        Ok(())
    }

    fn evaluation(&mut self, evaluation: &Evaluation, moment: &Moment) -> Result<()> {
        assert_eq!(moment.cost, evaluation.cost);
        assert!(moment.state.is_some());
        self.events.push(Event::Evaluation(evaluation.clone()));
        self.moments.push(moment.clone());
        Ok(())
    }

    fn walked(&mut self, step: u64, trained: &[f32]) -> Result<()> {
        self.walk.push((step, trained.to_vec()));
        Ok(())
    }

    fn lap(&mut self, _: &Lap) -> Result<()> {
        self.laps += 1;
        Ok(())
    }

    fn checkpoint_due(&self) -> bool {
        true
    }

    fn checkpoint(&mut self, position: Position) -> Result<()> {
        self.positions.push((self.events.len(), position));
        Ok(())
    }

    fn stop_asked(&self) -> bool {
        self.stop_after.is_some_and(|steps| self.steps().len() >= steps)
    }

    fn peak_rss_mib(&self) -> f64 {
        0.0
    }
}

pub fn train(
    task: &Task,
    learner: &mut dyn Learner,
    budget: Budget,
    moments: Moments,
    position: Option<Position>,
    memory: &mut Memory,
) -> Outcome {
    let training = Training { budget, redraw: None, moments, states: true, walk: true };
    training.run(&mut Fixed { task, learner }, position, memory).unwrap()
}

pub fn finished(outcome: Outcome) -> Finished {
    match outcome {
        Outcome::Finished(finished) => *finished,
        Outcome::Stopped => panic!("it stopped"),
    }
}

/// A whole run of some steps.
pub fn run(task: &Task, learner: &mut dyn Learner, budget: Budget, moments: Moments) -> (Memory, Finished) {
    let mut memory = Memory::default();
    let end = finished(train(task, learner, budget, moments, None, &mut memory));
    (memory, end)
}

pub fn steps(n: u64) -> Budget {
    Budget { steps: Some(n), ..Budget::default() }
}

fn bits(weights: &[f32]) -> Vec<u32> {
    weights.iter().map(|w| w.to_bits()).collect()
}

#[test]
fn frozen_weights_keep_every_bit_under_every_learner() {
    for (name, make) in learners() {
        let task = task();
        let before = bits(&task.start.weights);
        let batch = task.batch(0);
        let untrained = task.engine.losses(&Population::zeros(1, task.start.subset.size), &batch, Loss::Nll).unwrap();
        let (_, end) = run(&task, &mut *make(&task.start), steps(5), Moments::Every(2));
        let after = bits(&task.start.complete(&end.weights));
        let marks = task.start.subset.marks(before.len());
        let frozen = (0..before.len()).filter(|i| !marks[*i]);
        assert_eq!(frozen.clone().count(), 4 * 9 + 6 * 36);
        frozen.for_each(|i| assert_eq!(after[i], before[i], "{name}: weight {i}"));
        let moved = (0..before.len()).filter(|i| marks[*i] && after[*i] != before[*i]).count();
        assert!(moved > 100, "{name} trained {moved} of {} weights", task.start.subset.size);
        assert_eq!(bits(&task.start.weights), before, "{name}: the start is never written again");
        let again = task.engine.losses(&Population::zeros(1, task.start.subset.size), &batch, Loss::Nll).unwrap();
        assert_eq!(bits(&again), bits(&untrained), "{name}: nor the engine's copy of it");
    }
}

/// Passes everything on, and notes which batches it was given for training and for recalibration.
struct Spy {
    engine: CpuEngine,
    training: Arc<Mutex<Vec<Batch>>>,
    recalibration: Arc<Mutex<Vec<Batch>>>,
}

impl Engine for Spy {
    fn losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<Vec<f32>> {
        self.training.lock().unwrap().push(batch.clone());
        self.engine.losses(population, batch, loss)
    }

    fn class_losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<ClassLosses> {
        self.training.lock().unwrap().push(batch.clone());
        self.engine.class_losses(population, batch, loss)
    }

    fn gradient(&self, trained: &[f32], batch: &Batch, loss: Loss) -> Result<(f64, Vec<f32>)> {
        self.training.lock().unwrap().push(batch.clone());
        self.engine.gradient(trained, batch, loss)
    }

    fn outputs(&self, population: &Population, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        self.training.lock().unwrap().push(batch.clone());
        self.engine.outputs(population, batch)
    }

    fn vector_jacobian_products(&self, trained: &[f32], batch: &Batch, slopes: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        self.training.lock().unwrap().push(batch.clone());
        self.engine.vector_jacobian_products(trained, batch, slopes)
    }

    fn recalibrate(&self, trained: &[f32], batch: &Batch) -> Result<(Vec<Statistics>, Vec<f32>)> {
        self.recalibration.lock().unwrap().push(batch.clone());
        self.engine.recalibrate(trained, batch)
    }

    fn logits(&self, trained: &[f32], statistics: &[Statistics], batch: &Batch) -> Result<Vec<f32>> {
        self.engine.logits(trained, statistics, batch)
    }
}

/// Batches that a spy notes.
pub type Noted = Arc<Mutex<Vec<Batch>>>;

/// The task with a spy in it, and what the spy notes of training and of recalibration.
pub fn spied(mut task: Task) -> (Task, Noted, Noted) {
    let (training, recalibration) = (Arc::default(), Arc::default());
    let engine = CpuEngine::new(task.start.clone(), task.plan.clone()).unwrap();
    task.engine = Box::new(Spy { engine, training: Arc::clone(&training), recalibration: Arc::clone(&recalibration) });
    (task, training, recalibration)
}

#[test]
fn every_learner_sees_the_same_training_images_in_the_same_order() {
    for augment in ["none", "crop-flip"] {
        let task = || Task { augmentation: Arc::from(augmentation(augment, json!({}), [1, 8, 8])), ..task() };
        let expected: Vec<Batch> = (0..20).map(|step| task().batch(step)).collect();
        assert!(expected.windows(2).all(|pair| pair[0] != pair[1]));
        for (name, make) in learners() {
            let (task, training, recalibration) = spied(task());
            run(&task, &mut *make(&task.start), steps(20), Moments::Every(7));
            // 20 steps of 20 images: more than one epoch of 300.
            // A gradient that guides comes from the same batch.
            let mut seen = std::mem::take(&mut *training.lock().unwrap());
            let (members, gradients) = networks(name, &task.start);
            assert_eq!(seen.len() as u64, 20 * (u64::from(members > 0) + gradients), "{name}");
            seen.dedup();
            assert_eq!(seen, expected, "{name}");
            let snapshot = task.snapshot();
            assert!(snapshot.noise.is_none() && snapshot == task.data.range(Split::Train, 0..300));
            assert!(recalibration.lock().unwrap().iter().all(|batch| *batch == snapshot), "{name}");
        }
    }
}

#[test]
fn a_step_has_the_address_of_its_noise_and_of_its_augmentation_from_the_seed() {
    let plain = task();
    let augmented = Task { augmentation: Arc::from(augmentation("crop-flip", json!({}), [1, 8, 8])), ..task() };
    for step in [0, 3, 1_000] {
        let indices = plain.order.indices(step);
        let noise = Some(Seed::new(5).child("noise").index(step));
        let expected = plain.data.gather(Split::Train, &indices);
        assert_eq!(plain.batch(step), Batch { noise, ..expected });
        let seed = Seed::new(5).child("augment").index(step);
        let expected = plain.data.augmented(&indices, &*augmented.augmentation, seed);
        assert_eq!(augmented.batch(step), Batch { noise, ..expected });
    }
}

#[test]
fn the_cost_meter_counts_as_by_hand() {
    // conv1 4x9x64 = 2304 shared; conv2 6x36x16 = 3456 and fc 24x4 = 96 for each member; 4 x 24 weights of fc have
    // gradients, and the inputs of conv2 and fc.
    let (shared, member) = (2_304, 3_456 + 96);
    let backward = 3_456 + 96 + 96;
    for (name, make) in learners() {
        let task = task();
        let (memory, end) = run(&task, &mut *make(&task.start), steps(4), Moments::Log);
        let (members, gradients) = networks(name, &task.start);
        let (images, images_backward) = (20 * (members + gradients), 20 * gradients);
        let of_members = if members > 0 { shared + members * member } else { 0 };
        let macs = 20 * (of_members + gradients * (shared + member + backward));
        for (step, t) in memory.steps().into_iter().zip(1..) {
            let cost = step.cost;
            assert_eq!((cost.step, cost.images, cost.images_backward), (t, t * images, t * images_backward), "{name}");
            assert_eq!(cost.macs, t * macs, "{name}");
        }
        assert_eq!(end.end.cost, memory.steps()[3].cost, "{name}: evaluations cost nothing");
    }
}

/// Wants a gradient, and keeps what it is given beside what it deploys.
struct Guided {
    incumbent: Vec<f32>,
    given: Arc<Mutex<Vec<Vec<f32>>>>,
}

impl Strategy for Guided {
    fn population(&self) -> usize {
        2
    }

    fn needs(&self) -> Needs {
        Needs { gradients: 1, ..Needs::default() }
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        self.given.lock().unwrap().push(now.network.gradient(&self.incumbent)?);
        Ok(Population::from_genes([&self.incumbent[..], &self.incumbent[..]].concat(), self.incumbent.len()))
    }

    fn tell(&mut self, _: Population, _: &[f32]) -> Result<()> {
        self.incumbent.iter_mut().for_each(|gene| *gene += 0.125);
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    fn save(&self) -> State {
        State::default()
    }

    fn load(&mut self, _: &State) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_guided_strategy_gets_the_gradient_by_gene_at_its_incumbent_on_the_batch_of_the_step() {
    let task = task();
    let given: Arc<Mutex<Vec<Vec<f32>>>> = Arc::default();
    let guided = Guided { incumbent: vec![0.0; task.start.subset.size], given: Arc::clone(&given) };
    run(&task, &mut Evolution::new(Box::new(guided), Seed::new(8)), steps(3), Moments::Every(100));
    let given = std::mem::take(&mut *given.lock().unwrap());
    assert_eq!(given.len(), 3);
    let Encoding::Weights(scale) = &task.start.encoding else { unreachable!("no subspace here") };
    assert!(scale.iter().any(|scale| *scale != 1.0), "a gene is not a weight here");
    for (step, given) in given.iter().enumerate() {
        // Central differences of the loss by gene, in steps of 2^-8: longer ones cross kinks.
        let value = |gene: usize, by: f32| {
            let mut genes = vec![0.125 * step as f32; task.start.subset.size];
            genes[gene] += by;
            let size = genes.len();
            let one = Population::from_genes(genes, size);
            task.engine.losses(&one, &task.batch(step as u64), task.loss).unwrap()[0]
        };
        for gene in (0..given.len()).step_by(7) {
            let slope = (value(gene, 1.0 / 256.0) - value(gene, -1.0 / 256.0)) * 128.0;
            assert!((given[gene] - slope).abs() < 2e-3 + 0.02 * slope.abs(), "{step}, {gene}: {} {slope}", given[gene]);
        }
    }
}

#[test]
fn no_budget_is_ever_passed_and_the_reason_is_told() {
    // One generation of six: 120 images and 472,320 multiplies; one gradient step: 20 and 190,080.
    for (budget, reason, generations, gradients) in [
        (Budget { images: Some(500), ..Budget::default() }, "images", 4, 25),
        (Budget { images: Some(480), ..Budget::default() }, "images", 4, 24),
        (Budget { macs: Some(1_000_000), ..Budget::default() }, "macs", 2, 5),
        (Budget { steps: Some(3), images: Some(1_000), ..Budget::default() }, "steps", 3, 3),
    ] {
        let of_six = |(name, _): &(&str, Make)| {
            let networks = networks(name, &task().start);
            networks == (MEMBERS as u64, 0) || networks == (0, 1)
        };
        for (name, make) in learners().into_iter().filter(of_six) {
            let task = task();
            let (memory, end) = run(&task, &mut *make(&task.start), budget, Moments::Every(100));
            let expected = if networks(name, &task.start).0 > 0 { generations } else { gradients };
            assert_eq!((memory.steps().len(), end.end.reason.as_str()), (expected, reason), "{name}, {budget:?}");
            assert!(budget.images.is_none_or(|limit| end.end.cost.images <= limit), "{name}");
            assert!(budget.macs.is_none_or(|limit| end.end.cost.macs <= limit), "{name}");
        }
    }
}

#[test]
fn the_incumbent_is_evaluated_before_at_the_moments_and_at_the_end() {
    let task = task();
    for (moments, n, expected) in [
        (Moments::Every(3), 7, vec![0, 3, 6, 7]),
        (Moments::Every(3), 6, vec![0, 3, 6]),
        (Moments::Log, 7, vec![0, 1, 2, 3, 4, 6, 7]),
        (Moments::Every(100), 2, vec![0, 2]),
    ] {
        let (memory, end) = run(&task, &mut *backprop("sgd", &task.start), steps(n), moments);
        let at: Vec<u64> = memory.evaluations().iter().map(|evaluation| evaluation.cost.step).collect();
        assert_eq!(at, expected, "{moments:?}");
        assert_eq!(memory.laps, expected.len());
        assert_eq!(end.end.last, memory.evaluations().last().unwrap().scores);
        // An evaluation stands right behind its step.
        for pair in memory.events.windows(2) {
            if let (Event::Step(step), Event::Evaluation(evaluation)) = (&pair[0], &pair[1]) {
                assert_eq!(step.cost, evaluation.cost);
            }
        }
    }
}

#[test]
fn evaluations_score_the_incumbent_on_the_whole_splits_with_statistics_of_the_first_2000_training_images() {
    let data = prepare(images(2_200));
    let list = json!([{ "batchnorm": true }, { "classifier": true }]);
    let (task, _, recalibration) = spied(task_on(data.clone(), &small_network(), list));
    let (memory, end) = run(&task, &mut *backprop("adam", &task.start), steps(3), Moments::Every(100));
    let first = data.range(Split::Train, 0..2_000);
    let seen = std::mem::take(&mut *recalibration.lock().unwrap());
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|batch| *batch == first));
    // The last evaluation, by the engine's own parts: one batch for each split.
    let (statistics, _) = task.engine.recalibrate(&end.weights, &first).unwrap();
    let scores = memory.evaluations()[1].scores;
    for (split, n, score) in [
        (Split::Train, 2_000, scores.train),
        (Split::Validation, 100, scores.validation),
        (Split::Test, 100, scores.test),
    ] {
        let batch = data.range(split, 0..n);
        let logits = task.engine.logits(&end.weights, &statistics, &batch).unwrap();
        assert_eq!(score.images, n as u64);
        assert!((score.loss - Loss::Nll.mean(&logits, &batch.labels)).abs() < 1e-9, "{split:?}");
        assert!((score.accuracy - 1.0 + Loss::Error.mean(&logits, &batch.labels)).abs() < 1e-12, "{split:?}");
    }
}

#[test]
fn a_network_that_always_says_the_same_is_as_accurate_as_that_class_is_frequent() {
    let task = task_on(prepare(images(400)), &small_network(), json!([{ "classifier": true }]));
    for class in 0..4 {
        // fc is 4 x 24 and a bias of 4, the last of the subset.
        let mut trained = vec![0.0; 100];
        trained[96 + class] = 50.0;
        let snapshot = Snapshot::take(&task, trained, Default::default()).unwrap();
        for (split, score) in [
            (Split::Train, snapshot.scores.train),
            (Split::Validation, snapshot.scores.validation),
            (Split::Test, snapshot.scores.test),
        ] {
            let labels = task.data.range(split, 0..task.data.len(split)).labels;
            let share = labels.iter().filter(|label| **label == class as u32).count() as f64 / labels.len() as f64;
            assert_eq!(score.accuracy, share, "{split:?}");
            // The right class costs nothing, the others 50 nats.
            assert!((score.loss - 50.0 * (1.0 - share)).abs() < 1e-6, "{split:?}: {}", score.loss);
        }
    }
    let broken = Snapshot::take(&task, vec![f32::NAN; 100], Default::default()).unwrap();
    assert!(broken.scores.test.loss.is_nan() && broken.scores.test.accuracy == 0.0);
}

#[test]
fn test_labels_choose_nothing_and_validation_chooses_the_least_loss() {
    let graph = small_network();
    let list = json!([{ "batchnorm": true }, { "classifier": true }]);
    let runs = [0, 37].map(|shift| {
        let mut images = images(400);
        images.test.labels.rotate_left(shift);
        let task = task_on(prepare(images), &graph, list.clone());
        // A rate so high that the validation loss goes up and down.
        let mut learner = backprop_with("sgd", json!({ "lr": 0.3, "momentum": 0.9 }), "constant", &task.start);
        run(&task, &mut *learner, steps(24), Moments::Every(1))
    });
    let [(memory, end), (other_memory, other)] = &runs;
    assert_eq!(memory.steps(), other_memory.steps());
    let mut differ = 0;
    for (a, b) in memory.evaluations().into_iter().zip(other_memory.evaluations()) {
        let blind = |evaluation: &Evaluation| (evaluation.cost, evaluation.scores.train, evaluation.scores.validation);
        assert_eq!(blind(a), blind(b));
        differ += usize::from(a.scores.test != b.scores.test);
    }
    assert!(differ > 10, "the test scores did change: {differ}");
    assert_eq!(bits(&end.weights), bits(&other.weights));
    assert_eq!(bits(&end.weights_best_by_validation), bits(&other.weights_best_by_validation));
    assert_eq!(end.end.best_by_validation_step, other.end.best_by_validation_step);

    let evaluations = memory.evaluations();
    let loss = |evaluation: &&Evaluation| evaluation.scores.validation.loss;
    let best = evaluations.iter().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap();
    assert!(best.cost.step > 0 && best.cost.step < 24, "the case tells best from first and last: {}", best.cost.step);
    assert_eq!(end.end.best_by_validation_step, best.cost.step);
    assert_eq!(end.end.best_by_validation, best.scores);
    let greatest = evaluations.iter().map(|evaluation| evaluation.scores.test.accuracy).fold(0.0, f64::max);
    assert_eq!(end.end.best_on_test_accuracy, greatest);
    // The weights that are kept are those of that evaluation.
    let task = task_on(prepare(images(400)), &graph, list);
    let again = Snapshot::take(&task, end.weights_best_by_validation.clone(), best.cost).unwrap();
    assert_eq!(again.scores.validation, best.scores.validation);
}

#[test]
fn a_run_continued_from_any_position_is_the_run_undisturbed() {
    for (name, make) in learners().into_iter().chain(mutations()) {
        let task = task();
        let whole = || run(&task, &mut *make(&task.start), steps(9), Moments::Every(2));
        let (memory, end) = whole();
        assert_eq!(memory.positions.len(), 9, "{name}");
        for (before, position) in &memory.positions {
            let mut rest = Memory::default();
            let mut learner = make(&task.start);
            let outcome = train(&task, &mut *learner, steps(9), Moments::Every(2), Some(position.clone()), &mut rest);
            let spliced = [&memory.events[..*before], &rest.events].concat();
            assert_eq!(spliced, memory.events, "{name} from step {}", position.cost.step);
            assert_eq!(finished(outcome), end, "{name} from step {}", position.cost.step);
        }
    }
}

#[test]
fn a_run_asked_to_stop_leaves_a_position_that_continues_it() {
    let task = task();
    let (whole, end) = run(&task, &mut *evolution("snes", &task.start), steps(6), Moments::Log);
    for stop in [0, 1, 4] {
        let mut first = Memory { stop_after: Some(stop), ..Memory::default() };
        let outcome = train(&task, &mut *evolution("snes", &task.start), steps(6), Moments::Log, None, &mut first);
        assert_eq!((outcome, first.steps().len()), (Outcome::Stopped, stop));
        let (events, position) = first.positions.pop().unwrap();
        assert_eq!(events, first.events.len(), "the position is that of the end");
        let mut second = Memory::default();
        let mut learner = evolution("snes", &task.start);
        let outcome = train(&task, &mut *learner, steps(6), Moments::Log, Some(position), &mut second);
        assert_eq!([first.events, second.events].concat(), whole.events);
        assert_eq!(finished(outcome), end);
    }
}

#[test]
fn backprop_on_all_weights_takes_the_steps_of_a_script_in_float64() {
    let reference: Json = serde_json::from_str(include_str!("../reference/backprop_steps.json")).unwrap();
    let numbers =
        |key: &str| -> Vec<f64> { reference[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let f32s = |key: &str| -> Vec<f32> { numbers(key).into_iter().map(|x| x as f32).collect() };
    let labels: Vec<u32> = numbers("y").into_iter().map(|y| y as u32).collect();
    let batch = Batch { images: f32s("x"), shape: [labels.len(), 1, 3, 3], labels, places: None, noise: None };

    let mlp = model("mlp", json!({ "hidden": reference["hidden"] }));
    let graph = Arc::new(subevo::model::build(&*mlp, [1, 3, 3], 3).unwrap());
    let subset = Arc::new(select(json!([{ "all": true }]), &graph, 1));
    let weights = f32s("start");
    let scale = vec![1.0; weights.len()];
    let (base, draws, encoding) = (weights.clone(), Vec::new(), Encoding::Weights(scale));
    let start = Arc::new(Start { graph, subset, base, weights, draws, encoding });
    let plan = Plan::new(&start.graph, &start.subset, 6, Limits { memory: 1 << 30, threads: 2 });
    let engine = Box::new(CpuEngine::new(start.clone(), plan.clone()).unwrap());
    // The learner gets its batch handed over; the task's own images are not used.
    let data = prepare(images(400));
    let order = BatchOrder::new(300, 6, Seed::new(1)).unwrap();
    let (augmentation, seed) = (Arc::new(Unchanged), Seed::new(1));
    let task = Task { start: start.clone(), data, order, augmentation, seed, loss: Loss::Nll, plan, engine };

    let params = json!({ "lr": reference["lr"], "momentum": reference["momentum"] });
    let mut learner = backprop_with("sgd", params, "constant", &start);
    for (step, (loss, norm)) in (0..).zip(numbers("losses").into_iter().zip(numbers("gradient_norms"))) {
        let report = learner.step(&task, &batch, Progress { step, used: 0.0 }).unwrap();
        assert!((report.loss - loss).abs() < 1e-5 && report.loss == report.best, "{} against {loss}", report.loss);
        let found = report.diagnostics["gradient_norm"];
        assert!((found - norm).abs() < 1e-5, "{found} against {norm}");
    }
    for (found, expected) in learner.incumbent(&task).iter().zip(numbers("weights")) {
        assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} against {expected}");
    }
}

#[test]
fn adam_learns_easy_images() {
    let task = task();
    let mut adam = backprop_with("adam", json!({ "lr": 0.02 }), "constant", &task.start);
    let (memory, end) = run(&task, &mut *adam, steps(60), Moments::Every(100));
    let before = memory.evaluations()[0].scores.test.accuracy;
    assert!(before < 0.6 && end.end.last.test.accuracy > 0.8, "{before} to {}", end.end.last.test.accuracy);
}

#[test]
fn every_strategy_lowers_the_loss() {
    let task = task();
    for entry in strategy::ENTRIES {
        let (memory, end) = run(&task, &mut *evolution(entry.name, &task.start), steps(80), Moments::Every(100));
        let (before, after) = (memory.evaluations()[0].scores.train.loss, end.end.last.train.loss);
        assert!(after < 0.9 * before, "{}: {before} to {after}", entry.name);
    }
}

#[test]
fn the_loss_is_that_of_candles_cross_entropy() {
    let mut logits = vec![0.0; 40 * 7];
    Seed::new(4).rng().fill_normal(&mut logits);
    logits.iter_mut().for_each(|z| *z *= 5.0);
    let labels: Vec<u32> = (0..40).map(|i| i * 3 % 7).collect();
    let device = candle_core::Device::Cpu;
    let tensor = candle_core::Var::from_slice(&logits, (40, 7), &device).unwrap();
    let target = candle_core::Tensor::new(labels.as_slice(), &device).unwrap();
    let loss = candle_nn::loss::cross_entropy(tensor.as_tensor(), &target).unwrap();
    let expected = f64::from(loss.to_scalar::<f32>().unwrap());
    let found = Loss::Nll.mean(&logits, &labels);
    assert!((found - expected).abs() < 1e-5 * expected, "{found} against {expected}");
    let gradient = loss.backward().unwrap().get(&tensor).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (found, expected) in Loss::Nll.gradient(&logits, &labels).iter().zip(&gradient) {
        assert!((found - expected).abs() < 1e-7 + 1e-5 * expected.abs(), "{found} against {expected}");
    }
}

#[test]
fn a_step_on_a_loss_that_is_no_number_is_an_error_that_says_what_to_do() {
    let task = task();
    // The first step leaves the range of f32.
    let mut learner = backprop_with("sgd", json!({ "lr": 1e60 }), "constant", &task.start);
    let tried =
        (0..2).try_for_each(|step| match learner.step(&task, &task.batch(step), Progress { step, used: 0.0 }) {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.to_string()),
        });
    let message = tried.break_value().unwrap();
    assert!(message.contains("diverged at step 1") && message.contains("lower the learning rate"), "{message}");
}

#[test]
fn a_state_of_another_size_is_refused() {
    let (task, other) = (task(), task_on(prepare(images(400)), &small_network(), json!([{ "batchnorm": true }])));
    for (name, make) in learners() {
        let state = make(&other.start).save();
        assert!(make(&task.start).load(&state).is_err(), "{name}");
    }
}
