//! Safe mutations on real networks: how far outputs move, what a linear network says, what it costs, and that runs resume.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use serde_json::{json, Value as Json};
use subevo::campaign::{read_results, run as run_campaign, Campaign, Options, Registry};
use subevo::data::Batch;
use subevo::engine::{CpuEngine, Engine, ReferenceEngine};
use subevo::entry::Entries;
use subevo::error::Result;
use subevo::graph::init::Distribution;
use subevo::graph::GraphBuilder;
use subevo::learner::{Evolution, Learner, Moments, Task};
use subevo::operator::{MutationOperator, Network, OperatorContext, Operators, Population, Progress, Reporter};
use subevo::plan::{Limits, Plan};
use subevo::rng::Seed;
use subevo::strategy::{Strategy, StrategyContext, ENTRIES};
use subevo::subset::{Encoding, Start, Subset};

use crate::learners::{finished, run, steps, task, train, Memory};
use crate::tables::build;

const BOTH: [&str; 2] = ["safe-gradient", "safe-rescaling"];

fn operator(name: &str, params: Json) -> Box<dyn MutationOperator> {
    build(&Operators::builtin().mutations, name, params, &())
}

/// An engine on a batch, as operators see it.
struct OnBatch<'a> {
    start: &'a Start,
    engine: &'a dyn Engine,
    batch: &'a Batch,
    forward: AtomicUsize,
}

impl<'a> OnBatch<'a> {
    fn new(start: &'a Start, engine: &'a dyn Engine, batch: &'a Batch) -> Self {
        OnBatch { start, engine, batch, forward: AtomicUsize::new(0) }
    }
}

impl Network for OnBatch<'_> {
    fn base(&self) -> &[f32] {
        &[]
    }

    fn draws(&self) -> &[Distribution] {
        &[]
    }

    fn gradient(&self, _: &[f32]) -> Result<Vec<f32>> {
        panic!("a safe mutation looks at outputs alone")
    }

    fn outputs(&self, population: &Population) -> Result<Vec<Vec<f32>>> {
        self.forward.fetch_add(population.len(), Ordering::Relaxed);
        self.engine.outputs(population, self.batch)
    }

    fn output_gradients(&self, genes: &[f32]) -> Result<Vec<Vec<f32>>> {
        let (classes, images) = (self.start.graph.classes(), self.batch.labels.len());
        let of = |class| (0..images * classes).map(|i| f32::from(u8::from(i % classes == class))).collect();
        let slopes: Vec<Vec<f32>> = (0..classes).map(of).collect();
        let all = self.engine.vector_jacobian_products(&self.start.express(genes), self.batch, &slopes)?;
        Ok(all.into_iter().map(|gradient| self.start.gene_gradient(gradient)).collect())
    }
}

/// What an operator makes of genomes, before it has looked at their networks.
fn mutated(operator: &dyn MutationOperator, before: &Population) -> Population {
    let (subset, report) = (Subset::without_places("test", before.size()), Reporter::default());
    let mut children = before.clone();
    for (child, genes) in children.members_mut().enumerate() {
        let context = OperatorContext {
            at: Progress { step: 0, used: 0.0 },
            subset: &subset,
            base: &[],
            draws: &[],
            parents: before,
            order: &[],
            parent: child,
            parent_loss: f32::NAN,
            report: &report,
        };
        operator.mutate(genes, &context, &mut Seed::new(4).index(child as u64).rng());
    }
    children
}

/// Twelve genomes, of which every three are the same.
fn parents(k: usize) -> Population {
    let mut rng = Seed::new(3).rng();
    let distinct: Vec<f32> = (0..4 * k).map(|i| if i < k { 0.0 } else { 0.3 * rng.normal() }).collect();
    let genes = (0..12).flat_map(|member| distinct[member / 3 * k..][..k].to_vec()).collect();
    Population::from_genes(genes, k)
}

fn steps_of(children: &Population, before: &Population) -> Vec<Vec<f64>> {
    let of = |(child, before): (&[f32], &[f32])| {
        child.iter().zip(before).map(|(gene, before)| f64::from(*gene) - f64::from(*before)).collect()
    };
    children.members().zip(before.members()).map(of).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn every_child_ends_at_the_aimed_divergence_in_the_direction_of_its_step() {
    let task = task();
    let (batch, k) = (task.batch(0), task.start.subset.size);
    let before = parents(k);
    let reference = ReferenceEngine::on_cpu(task.start.clone(), &task.plan);
    for (divergence, tolerance) in [(1e-4, 0.1), (0.01, 0.1), (0.01, 0.003), (1.0, 0.1)] {
        let operator = operator("safe-rescaling", json!({ "divergence": divergence, "tolerance": tolerance }));
        let first = mutated(&*operator, &before);
        let (mut children, report) = (first.clone(), Reporter::default());
        let network = OnBatch::new(&task.start, &*task.engine, &batch);
        operator.refine(&mut children, &before, &network, &report).unwrap();
        // Judged by the other engine.
        let [own, old] = [&children, &before].map(|population| reference.outputs(population, &batch).unwrap());
        for (child, (own, old)) in own.iter().zip(&old).enumerate() {
            let squares = own.iter().zip(old).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
            let found = squares.sum::<f64>() / (20 * 4) as f64;
            // The other engine's outputs differ in their last bits.
            let off = (found - divergence).abs() / divergence;
            assert!(off < tolerance + 1e-3, "child {child}: {found} for {divergence}");
        }
        let lengths = steps_of(&children, &before).into_iter().zip(steps_of(&first, &before)).map(|(own, first)| {
            let cosine = dot(&own, &first) / (dot(&own, &own) * dot(&first, &first)).sqrt();
            assert!(cosine > 1.0 - 1e-6, "the direction stays: {cosine}");
            (dot(&own, &own) / dot(&first, &first)).sqrt()
        });
        let lengths: Vec<f64> = lengths.collect();
        assert!(lengths.windows(2).all(|pair| (pair[0] - pair[1]).abs() > 1e-6), "each its own: {lengths:?}");
        // Four different genomes before, and the tries of each child.
        let told = report.take();
        let mean = |name: &str| told.iter().find(|(key, _)| *key == name).unwrap().1;
        assert_eq!(network.forward.into_inner(), 4 + (12.0 * mean("safe_rescaling.tries")).round() as usize);
        assert!(mean("safe_rescaling.tries") <= 8.0, "{told:?}");
        assert!((mean("safe_rescaling.divergence") / divergence - 1.0).abs() < tolerance, "{told:?}");
        assert!((mean("safe_rescaling.length") - lengths.iter().sum::<f64>() / 12.0).abs() < 1e-4, "{told:?}");
    }
}

/// A linear layer of 3 classes on 4 pixels, without anything below it, all trained; genes are worth 1, those of class 2
/// a half.
fn linear() -> Arc<Start> {
    let (mut g, x) = GraphBuilder::new([1, 2, 2]);
    let x = g.flatten(x, "flatten").unwrap();
    let x = g.linear(x, "fc", 3, true).unwrap();
    let graph = Arc::new(g.finish(x).unwrap());
    let k = graph.parameter_count();
    let subset = Arc::new(Subset::from_marks("all", &graph, &vec![true; k]).unwrap());
    let mut scale = vec![1.0; k];
    scale[8..12].fill(0.5);
    let encoding = Encoding::Weights(scale);
    let (weights, base) = (vec![0.25; k], vec![0.25; k]);
    Arc::new(Start { graph, subset, weights, base, draws: Vec::new(), encoding })
}

#[test]
fn a_gene_ten_times_as_sensitive_moves_a_tenth_and_an_insensitive_one_as_it_was_drawn() {
    let start = linear();
    let plan = Plan::new(&start.graph, &start.subset, 2, Limits { memory: 1 << 30, threads: 1 });
    // Sums over the batch: 20, 2, 0 and 0.001.
    let images = vec![15.0, 3.0, 0.0, 0.0005, 5.0, -1.0, 0.0, 0.0005];
    let batch = Batch { images, labels: vec![0, 1], shape: [2, 1, 2, 2], places: None, noise: None };
    let before = Population::from_genes((0..30).map(|i| i as f32 / 64.0).collect(), 15);
    let engine = CpuEngine::new(start.clone(), plan).unwrap();
    let network = OnBatch::new(&start, &engine, &batch);
    for (params, least) in [(json!({}), 0.01), (json!({ "least_sensitivity": 4.0 }), 4.0)] {
        let operator = operator("safe-gradient", params);
        let first = mutated(&*operator, &before);
        let (mut children, report) = (first.clone(), Reporter::default());
        operator.refine(&mut children, &before, &network, &report).unwrap();
        // A weight has the sum of its pixel in the logit of its class alone, a bias the images.
        let raw: [f64; 15] = [20.0, 2.0, 0.0, 0.001, 20.0, 2.0, 0.0, 0.001, 10.0, 1.0, 0.0, 0.0005, 2.0, 2.0, 2.0];
        let all = steps_of(&children, &before).into_iter().zip(steps_of(&first, &before));
        for (child, (own, first)) in all.enumerate() {
            for (gene, (own, first)) in own.iter().zip(&first).enumerate() {
                let expected = if raw[gene] == 0.0 { *first } else { first / raw[gene].max(least) };
                let rounding = 1e-5 * expected.abs().max(0.01);
                assert!((own - expected).abs() < rounding, "child {child}, gene {gene}: {own} for {expected}");
            }
        }
        let mean = (raw.iter().map(|s| s * s).sum::<f64>() / 15.0).sqrt();
        let told = report.take();
        assert!(told.len() == 1 && (told[0].1 - mean).abs() < 1e-4, "{told:?} for {mean}");
    }
}

#[test]
fn gradients_of_outputs_by_gene_are_their_slopes() {
    let task = task();
    let (batch, k) = (task.batch(0), task.start.subset.size);
    let genes = parents(k).member(5).to_vec();
    let network = OnBatch::new(&task.start, &*task.engine, &batch);
    let gradients = network.output_gradients(&genes).unwrap();
    assert_eq!((gradients.len(), gradients[0].len()), (4, k));
    let reference = ReferenceEngine::on_cpu(task.start.clone(), &task.plan);
    let mut rng = Seed::new(6).rng();
    // Along a random direction, by which every gene has a part.
    let direction: Vec<f32> = (0..k).map(|_| rng.normal()).collect();
    let at = |step: f32| -> Vec<f64> {
        let moved = genes.iter().zip(&direction).map(|(gene, part)| gene + step * part).collect();
        let outputs = reference.outputs(&Population::from_genes(moved, k), &batch).unwrap().swap_remove(0);
        (0..4).map(|class| outputs.iter().skip(class).step_by(4).map(|x| f64::from(*x)).sum()).collect()
    };
    let (above, below) = (at(1e-3), at(-1e-3));
    for (class, gradient) in gradients.iter().enumerate() {
        let slope = (above[class] - below[class]) / 2e-3;
        let expected: f64 = gradient.iter().zip(&direction).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        assert!((slope - expected).abs() < 0.02 * expected.abs().max(1.0), "class {class}: {slope} and {expected}");
    }
}

/// Evolution by a genetic algorithm of six members with a safe mutation.
fn evolution(mutation: &str, task: &Task) -> Box<dyn Learner> {
    Box::new(Evolution::new(strategy(mutation, task), Seed::new(8)))
}

fn strategy(mutation: &str, task: &Task) -> Box<dyn Strategy> {
    let strategies = Entries::new("strategy", ENTRIES);
    let context = StrategyContext {
        subset: task.start.layout(),
        classes: task.start.graph.classes(),
        operators: Arc::new(Operators::builtin()),
        strategies: strategies.clone(),
        memory: 1 << 30,
    };
    build(&strategies, "genetic", json!({ "population": 6, "mutation": mutation }), &context)
}

#[test]
fn what_is_looked_at_is_charged() {
    let task = task();
    let needs = BOTH.map(|name| strategy(name, &task).needs());
    assert_eq!((needs[0].forward, needs[0].gradients, needs[0].output_gradients), (0, 0, 5 * 4));
    assert_eq!((needs[1].forward, needs[1].gradients, needs[1].output_gradients), (5 * 16, 0, 0));

    // 20 images. At first all five children are the start before they are mutated, and share its gradients of 4 classes.
    let (memory, _) = run(&task, &mut *evolution("safe-gradient", &task), steps(4), Moments::Log);
    let first = memory.steps()[0].cost;
    assert_eq!((first.images, first.images_backward), (20 * (6 + 4), 20 * 4));
    assert_eq!(first.macs, task.plan.step_macs(6, 4));
    let all = memory.steps();
    for (before, after) in all.iter().zip(&all[1..]) {
        let networks = (after.cost.images_backward - before.cost.images_backward) / 20;
        assert!(networks % 4 == 0 && (4..=20).contains(&networks), "up to five parents: {networks}");
    }

    let (memory, _) = run(&task, &mut *evolution("safe-rescaling", &task), steps(4), Moments::Log);
    let mut before = 0;
    for (step, t) in memory.steps().into_iter().zip(0..) {
        let mean = step.diagnostics.iter().find(|(name, _)| name.as_str() == "safe_rescaling.tries").unwrap().1;
        let tries = (5.0 * mean).round() as u64;
        assert_eq!(step.cost.images_backward, 0);
        let forward = (step.cost.images - before) / 20 - 6 - tries;
        assert!(if t == 0 { forward == 1 } else { (1..=5).contains(&forward) }, "different parents: {forward}");
        before = step.cost.images;
    }
    let networks = (memory.steps()[0].cost.images / 20) as usize;
    assert_eq!(memory.steps()[0].cost.macs, task.plan.step_macs(networks, 0));
}

#[test]
fn a_run_with_a_safe_mutation_continues_as_if_undisturbed() {
    for name in BOTH {
        let task = task();
        let (memory, end) = run(&task, &mut *evolution(name, &task), steps(6), Moments::Every(2));
        for (before, position) in &memory.positions {
            let (mut learner, mut rest) = (evolution(name, &task), Memory::default());
            let budget = steps(6);
            let outcome = train(&task, &mut *learner, budget, Moments::Every(2), Some(position.clone()), &mut rest);
            let spliced = [&memory.events[..*before], &rest.events].concat();
            assert_eq!(spliced, memory.events, "{name} from step {}", position.cost.step);
            assert_eq!(finished(outcome), end, "{name}");
        }
    }
}

/// A campaign of a genetic algorithm with a safe mutation.
fn campaign(mutation: &str, subspace: &str, loss: &str, strategy: &str) -> Result<Campaign> {
    let text = format!(
        r#"campaign = {{ name = "safe", seeds = 1 }}
        data = {{ name = "synthetic", image = 8, classes = 4, train = 300, test = 100, noise = 0.5 }}
        model = {{ name = "conv2-bn", channels = [4, 6] }}
        subset = {{ select = [{{ batchnorm = true }}, {{ classifier = true }}]{subspace} }}
        budget = {{ steps = 20 }}
        learner = [{{ name = "evolution", batch = 50, loss = "{loss}",
            strategy = {{ name = "{strategy}", population = 16, mutation = {mutation} }} }}]"#
    );
    Campaign::parse("safe.toml", &text, &[], &Registry::builtin(), false)
}

#[test]
fn safe_mutations_learn_in_a_subspace_and_of_losses_without_a_gradient() {
    let space = ", subspace = { dimension = 30, projection = \"dense\" }";
    let gradient = "{ name = \"safe-gradient\", sigma = 1.0 }";
    let rescaling = "{ name = \"safe-rescaling\", divergence = 0.3 }";
    for mutation in [gradient, rescaling] {
        for (subspace, loss, strategy) in [(space, "nll", "genetic"), ("", "error", "steady-state-genetic")] {
            let campaign = campaign(mutation, subspace, loss, strategy).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let options = Options::new(folder.path());
            let summary = run_campaign(&campaign, &Registry::builtin(), &options, &mut ()).unwrap();
            let results = read_results(&[summary.folder]).unwrap();
            let row = &subevo::campaign::summarise(&results.runs)[0];
            let (before, after) = (row.untrained.mean, row.test.mean);
            assert!(after > before, "{mutation}, {subspace}, {loss}, {strategy}: {before} and {after}");
        }
    }
}
