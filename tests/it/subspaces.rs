//! Subspaces: what the engines, learners, files and commands make of weights that move along a few random directions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use subevo::campaign::store::{self, Genome};
use subevo::campaign::{run, Campaign, Options, Registry};
use subevo::data::augmentation::Unchanged;
use subevo::data::{Batch, BatchOrder, Data, Split};
use subevo::engine::{on_cpu, CpuEngine, Engine, Loss, ReferenceEngine};
use subevo::entry::Entry;
use subevo::error::Error;
use subevo::learner::{Snapshot, Task};
use subevo::operator::{MutationOperator, OperatorContext, Population};
use subevo::plan::{Limits, Plan};
use subevo::record::{Background, Cost, Record};
use subevo::rng::{Rng, Seed};
use subevo::subset::{Encoding, Start};

use crate::networks::{network, start};

const LIMITS: Limits = Limits { memory: 1 << 30, threads: 2 };
const PROJECTIONS: [&str; 3] = ["dense", "fastfood", "sparse"];

fn campaign(projection: &str, more: &str) -> String {
    format!(
        r#"campaign = {{ name = "subspace", seeds = 1 }}
        data = {{ name = "synthetic", image = 8, classes = 4, train = 300, test = 100, noise = 0.5 }}
        model = {{ name = "conv2-bn", channels = [4, 6] }}
        subset = {{ select = [{{ all = true }}], subspace = {{ dimension = 40, projection = "{projection}" }} }}
        budget = {{ steps = 12 }}
        learner = [
            {{ name = "evolution", batch = 50, strategy = {{ name = "snes", population = 8, sigma = 0.5 }} }},
            {{ name = "evolution", label = "genetic", batch = 50, strategy = {{ name = "genetic", population = 8 }} }},
            {{ name = "backprop", batch = 50, optimizer = {{ name = "adamw", lr = 0.1 }} }},
        ]
        {more}"#
    )
}

fn parse(text: &str, sets: &[&str]) -> subevo::error::Result<Campaign> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_string()).collect();
    Campaign::parse("subspace.toml", text, &sets, &Registry::builtin(), false)
}

fn refusal(text: &str, sets: &[&str]) -> String {
    parse(text, sets).map(|_| ()).unwrap_err().to_string()
}

/// A convolutional network trained in a subspace of all weights.
fn spanned(projection: &str, dimension: usize) -> Arc<Start> {
    let graph = network("conv2-bn", json!({ "channels": [4, 6] }), [1, 8, 8]);
    let whole = start(&graph, json!([{ "all": true }]), Background::Random);
    let registry = Registry::builtin();
    let entry = registry.projections.get(projection).unwrap();
    let table = subevo::params::Table::default();
    let problems = subevo::params::Problems::default();
    let params = subevo::params::Params::new(&table, subevo::params::Origin::Default, "", &problems);
    let rule = (entry.build)(&params, &()).unwrap();
    Arc::new((*whole).clone().within(rule.basis(whole.subset.size, dimension, Seed::new(3))))
}

/// The same network with genes that are its weights.
fn direct(start: &Start) -> Arc<Start> {
    let encoding = Encoding::Weights(vec![1.0; start.base.len()]);
    Arc::new(Start { base: vec![0.0; start.base.len()], encoding, ..start.clone() })
}

fn batch(n: usize) -> Batch {
    let mut images = vec![0.0; n * 64];
    let mut rng = Seed::new(1).rng();
    rng.fill_normal(&mut images);
    let labels = (0..n).map(|_| rng.below(10) as u32).collect();
    Batch { images, labels, shape: [n, 1, 8, 8], places: None, noise: None }
}

fn population(n: usize, size: usize) -> Population {
    let mut genes = vec![0.0; n * size];
    Seed::new(2).rng().fill_normal(&mut genes);
    Population::from_genes(genes, size)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn members_of_a_subspace_have_the_losses_of_the_networks_they_stand_for() {
    let batch = batch(12);
    for projection in PROJECTIONS {
        let start = spanned(projection, 30);
        let members = population(19, 30);
        let plan = Plan::new(&start.graph, &start.subset, 12, LIMITS);
        let weights = members.members().flat_map(|z| start.express(z)).collect();
        let expected = CpuEngine::new(direct(&start), plan.clone()).unwrap();
        let weights = Population::from_genes(weights, start.subset.size);
        let expected_by_class = expected.class_losses(&weights, &batch, Loss::Nll).unwrap().by_class;
        let expected = expected.losses(&weights, &batch, Loss::Nll).unwrap();
        let basis = start.basis().unwrap();
        // From all members at once down to one after another: less memory, the same bits.
        let mut sizes = Vec::new();
        for memory in [1 << 30, plan.peak_bytes() + (1 << 17), 1] {
            for threads in [1, 3] {
                let plan = Plan::new(&start.graph, &start.subset, 12, Limits { memory, threads });
                let plan = plan.for_population(19).within(basis);
                sizes.push(plan.expanded.unwrap());
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let fast = CpuEngine::new(start.clone(), plan.clone()).unwrap();
                let losses = pool.install(|| fast.losses(&members, &batch, Loss::Nll)).unwrap();
                assert_eq!(bits(&losses), bits(&expected), "{projection}, {memory} bytes, {threads} threads");
                let by_class = pool.install(|| fast.class_losses(&members, &batch, Loss::Nll)).unwrap();
                assert_eq!(bits(&by_class.losses), bits(&expected), "{projection}, {memory} bytes, {threads} threads");
                assert_eq!(bits(&by_class.by_class), bits(&expected_by_class));
            }
        }
        assert!(sizes[0] >= 19 && sizes[4] == 1, "{sizes:?}");
        let plan = Plan::new(&start.graph, &start.subset, 12, LIMITS).within(basis);
        let reference = ReferenceEngine::on_cpu(start.clone(), &plan);
        for (own, expected) in reference.losses(&members, &batch, Loss::Nll).unwrap().iter().zip(&expected) {
            assert!((own - expected).abs() < 1e-5 * expected.abs(), "{projection}: {own} against {expected}");
        }
        for device in crate::engine::device::engines_of(&start, &plan) {
            for (own, expected) in device.losses(&members, &batch, Loss::Nll).unwrap().iter().zip(&expected) {
                assert!((own - expected).abs() < 1e-4 * expected.abs(), "{projection}: {own} against {expected}");
            }
        }
    }
}

#[test]
fn the_gradient_of_the_coordinates_agrees_with_finite_differences() {
    let batch = batch(20);
    for projection in PROJECTIONS {
        let start = spanned(projection, 25);
        let plan = Plan::new(&start.graph, &start.subset, 20, LIMITS);
        let engine = ReferenceEngine::on_cpu(start.clone(), &plan);
        let z: Vec<f32> = population(1, 25).genes().iter().map(|z| 0.3 * z).collect();
        let gradient = |z: &[f32]| engine.gradient(&start.weights_of(z), &batch, Loss::Nll).unwrap();
        let slopes = start.gradient_of(gradient(&z).1);
        let size = slopes.iter().map(|slope| slope * slope).sum::<f32>().sqrt();
        for (j, slope) in slopes.iter().enumerate() {
            let at = |step: f32| {
                let mut moved = z.clone();
                moved[j] += step;
                gradient(&moved).0
            };
            let difference = (at(2e-3) - at(-2e-3)) / f64::from((z[j] + 2e-3) - (z[j] - 2e-3));
            let error = (difference - f64::from(*slope)).abs();
            assert!(error < 1e-2 * f64::from(size), "{projection}, direction {j}: {difference} against {slope}");
        }
    }
}

#[test]
fn all_zeros_is_the_untouched_network_and_a_unit_is_a_step_of_length_one() {
    for projection in PROJECTIONS {
        let start = spanned(projection, 16);
        assert_eq!((start.genes(), start.subset.size), (16, start.base.len()));
        assert_eq!(bits(&start.express(&[0.0; 16])), bits(&start.base));
        assert_eq!(bits(&start.untrained()), bits(&[0.0; 16]), "backprop begins there too");
        let mut z = [0.0; 16];
        z[5] = -2.0;
        let moved = start.express(&z);
        let square: f64 = moved.iter().zip(&start.base).map(|(w, base)| f64::from(w - base).powi(2)).sum();
        assert!((square.sqrt() - 2.0).abs() < 0.05, "{projection}: {}", square.sqrt());
        assert_eq!(start.trained(&z), z, "what is kept is the coordinates");
        assert_eq!((start.layout().size, start.layout().spans.len()), (16, 0));
    }
}

#[test]
fn memory_for_a_population_of_a_subspace_does_not_grow_with_it() {
    let graph = network("mlp", json!({ "hidden": [200, 200] }), [1, 28, 28]);
    let whole = start(&graph, json!([{ "all": true }]), Background::Random);
    let registry = Registry::builtin();
    let setup = parse(&campaign("dense", ""), &[]).unwrap().cells.remove(0).setup;
    let subspace = setup.subspace.unwrap();
    assert_eq!((subspace.dimension, subspace.projection.as_str()), (40, "dense"));
    assert!(registry.projections.get("dense").is_some());
    let basis = subspace.basis(&whole.subset, Seed::new(1));
    let plan = |n: usize, memory: u64| {
        let plan = Plan::new(&graph, &whole.subset, 32, Limits { memory, threads: 2 });
        plan.for_population(n).within(&*basis)
    };
    // 199,210 weights are 0.8 MB a member.
    let member = 4 * 199_210;
    let roomy = plan(4_096, 1 << 30);
    assert_eq!(roomy.expanded.unwrap().div_ceil(roomy.unit), 128usize.div_ceil(roomy.unit));
    assert!(roomy.peak_bytes() > 128 * member && roomy.peak_bytes() <= 1 << 30);
    assert_eq!(roomy.population_bytes(4_096), 2 * 4_096 * 40 * 4, "the population is coordinates");
    let least = plan(4_096, 1).peak_bytes();
    let tight = plan(4_096, least + 20 * member);
    assert!(tight.peak_bytes() <= least + 20 * member);
    assert!((2..=21).contains(&tight.expanded.unwrap()), "{:?}", tight.expanded);
    assert_eq!(plan(3, 1 << 30).expanded, Some(3), "no more than there are");
}

/// Runs a campaign in `root`, asked to stop after so many questions; all again until it is done.
fn run_in_pieces(root: &std::path::Path, text: &str, questions: usize) -> subevo::campaign::Summary {
    let campaign = parse(text, &[]).unwrap();
    loop {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut options = Options::new(root);
        options.limits = LIMITS;
        options.checkpoint_every = Duration::ZERO;
        options.stop = Arc::new(move || asked.fetch_add(1, Ordering::Relaxed) >= questions);
        let summary = run(&campaign, &Registry::builtin(), &options, &mut ()).unwrap();
        assert!(summary.failed.is_empty(), "{:?}", summary.failed);
        if !summary.stopped {
            return summary;
        }
    }
}

#[test]
fn both_learners_learn_in_a_subspace_continue_to_the_same_bytes_and_leave_a_genome_that_gives_their_network() {
    for projection in PROJECTIONS {
        let (whole, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let text = campaign(projection, "");
        let summary = run_in_pieces(whole.path(), &text, usize::MAX);
        let other = run_in_pieces(pieces.path(), &text, 7);
        for (folder, other) in summary.runs.iter().zip(&other.runs) {
            for file in ["steps.jsonl", "genome.safetensors"] {
                let read = |folder: &std::path::Path| std::fs::read(folder.join(file)).unwrap();
                assert_eq!(read(folder), read(other), "{projection}: {file} of {}", folder.display());
            }
            let records = store::read_run(folder).unwrap();
            let header = &records.header;
            assert_eq!((header.subset_size, header.subset_weights), (40, Some(header.parameters_total)));
            assert_eq!(header.subset, format!("subspace=40-{projection}(all)"));
            let end = records.end.unwrap();
            let (first, last) = (records.evaluations[0].scores.train.loss, end.last.train.loss);
            assert!(last < first, "{projection} {}: {first} to {last}", header.learner);

            // The file alone: configuration and seed give the basis, the coordinates the weights.
            let genome = Genome::read(&folder.join("genome.safetensors")).unwrap();
            assert_eq!((genome.weights.len(), genome.projection.as_deref()), (40, Some(projection)));
            let setup = parse(&genome.configuration, &[]).unwrap().cells.remove(0).setup;
            let start = Arc::new(setup.start(genome.seed, None).unwrap());
            assert_eq!(*start.subset, genome.subset);
            let data = setup.data.source.load(None).unwrap();
            let data = Arc::new(Data::split("again", data, setup.data.validation, Seed::new(0)).unwrap());
            let order = BatchOrder::new(data.len(Split::Train), 50, Seed::new(1)).unwrap();
            let plan = Plan::new(&start.graph, &start.subset, 50, LIMITS);
            let engine = on_cpu(start.clone(), &plan);
            let (augmentation, seed) = (Arc::new(Unchanged), Seed::new(1));
            let task = Task { start, data, order, augmentation, seed, loss: Loss::Nll, plan, engine };
            let snapshot = Snapshot::take(&task, genome.weights, Cost::default()).unwrap();
            assert_eq!(snapshot.scores, end.last, "{projection} {}", header.learner);
            assert_eq!(snapshot.weights.len() as u64, header.parameters_total);
        }
    }
}

#[test]
fn the_seed_of_a_run_draws_its_basis() {
    let setup = parse(&campaign("dense", ""), &["campaign.seeds=[1,2]"]).unwrap().cells.remove(0).setup;
    let weights = |seed| setup.start(seed, None).unwrap().express(&[1.0; 40]);
    let moves = |seed| {
        let start = setup.start(seed, None).unwrap();
        weights(seed).iter().zip(&start.base).map(|(w, base)| w - base).collect::<Vec<f32>>()
    };
    assert_eq!(bits(&weights(1)), bits(&weights(1)));
    assert_ne!(bits(&moves(1)), bits(&moves(2)), "the basis, not the base alone");
    // `<seed> / subset / basis`, the address that later stages take over.
    let start = setup.start(1, None).unwrap();
    let seed = Seed::new(1).child("subset").child("basis");
    let expected = setup.subspace.as_ref().unwrap();
    let own = expected.basis(&start.subset, subevo::subset::stage_seed(Seed::new(1), 0));
    let (mut a, mut b) = (vec![0.0; start.subset.size], vec![0.0; start.subset.size]);
    seed.index(0).rng().fill_normal(&mut a);
    let mut z = [0.0; 40];
    z[0] = 1.0;
    own.add(&[&z], std::slice::from_mut(&mut b));
    let length = a.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    assert!(a.iter().zip(&b).all(|(a, b)| (f64::from(*a) / length - f64::from(*b)).abs() < 1e-7));
    assert_eq!(bits(&own.transpose(&start.base)), bits(&start.basis().unwrap().transpose(&start.base)));
}

#[test]
fn mistakes_in_a_subspace_are_told_with_their_line() {
    let text = campaign("dense", "");
    let message = refusal(&text, &["subset.subspace.dimension=100000"]);
    assert!(message.contains("`dimension` = 100000: `all` has "), "{message}");
    assert!(message.contains("so it must be 1 to "), "{message}");
    let message = refusal(&campaign("dens", ""), &[]);
    assert!(message.contains("unknown projection `dens`: expected `dense`, `fastfood` or `sparse`"), "{message}");
    assert!(message.contains("subspace.toml:4"), "{message}");
    let message = refusal(&text, &["subset.subspace={ projection = \"dense\" }"]);
    assert!(message.contains("`subset.subspace.dimension` is missing"), "{message}");
    let message = refusal(&text, &["subset.subspace.dimensions=3"]);
    assert!(message.contains("unknown key `dimensions`"), "{message}");
    let message = refusal(&text, &["subset.subspace.dimension=0"]);
    assert!(message.contains("`subset.subspace.dimension` = 0: must be an integer"), "{message}");
}

/// Moves the genes of one span.
struct OneSpan;

impl MutationOperator for OneSpan {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        let span = &context.subset.spans[rng.below(context.subset.spans.len())];
        genes[span.gene] += rng.normal();
    }

    fn needs_spans(&self) -> bool {
        true
    }
}

#[test]
fn an_operator_that_needs_spans_is_refused_in_a_subspace_alone() {
    let entry: Entry<dyn MutationOperator> =
        Entry { name: "one-span", summary: "", reference: "", build: |_, ()| Ok(Box::new(OneSpan)) };
    let registry = Registry::builtin().with_mutation(entry);
    let parse = |text: &str| Campaign::parse("own.toml", text, &[], &registry, false).map(|_| ());
    let text = campaign("dense", "").replace("name = \"genetic\",", "name = \"genetic\", mutation = \"one-span\",");
    let Err(Error::Config(message)) = parse(&text) else { panic!("it is refused") };
    assert!(message.contains("mutation `one-span` works on layers and filters"), "{message}");
    assert!(message.contains("own.toml:8"), "{message}");
    let weights = text.replace(", subspace = { dimension = 40, projection = \"dense\" }", "");
    assert_ne!(weights, text);
    parse(&weights).unwrap();
    // A subset that cannot be read is one problem, not two.
    let broken = weights.replace("all = true", "al = true");
    let Err(Error::Config(message)) = parse(&broken) else { panic!("it is refused") };
    assert!(message.contains("unknown selector `al`") && !message.contains("one-span"), "{message}");
}

#[test]
fn the_dimensions_of_the_paper_are_counted() {
    // Li et al. 2018, table 1: D of each network, and the d at which it has 90 % of the accuracy of the best. Images in the
    // shapes of MNIST and CIFAR-10.
    let (mnist, cifar) = ("\"mnist\"", "\"cifar10\"");
    for (data, model, weights, dimension) in [
        (mnist, "{ name = \"mlp\", hidden = [200, 200] }", 199_210, 750),
        (mnist, "{ name = \"lenet\" }", 44_426, 290),
        (cifar, "{ name = \"mlp\", hidden = [200, 200] }", 656_810, 9_000),
        (cifar, "{ name = \"lenet\" }", 62_006, 2_900),
    ] {
        for projection in PROJECTIONS {
            let text = format!(
                r#"campaign = {{ name = "li" }}
                data = {data}
                model = {model}
                subset = {{ select = [{{ all = true }}], subspace = {{ dimension = {dimension}, projection = "{projection}" }} }}
                budget = {{ steps = 1 }}
                learner = [{{ name = "backprop" }}]"#
            );
            let start = parse(&text, &[]).unwrap().cells.remove(0).setup.start(1, None).unwrap();
            assert_eq!((start.genes(), start.subset.size, start.weights.len()), (dimension, weights, weights));
        }
    }
}

#[test]
fn records_hold_no_subset_weights_without_a_subspace() {
    let folder = tempfile::tempdir().unwrap();
    let text = campaign("dense", "").replace(", subspace = { dimension = 40, projection = \"dense\" }", "");
    let summary = run_in_pieces(folder.path(), &text, usize::MAX);
    let line = std::fs::read_to_string(summary.runs[0].join("steps.jsonl")).unwrap();
    assert!(!line.lines().next().unwrap().contains("subset_weights"), "{line}");
    let Record::Header(header) = serde_json::from_str(line.lines().next().unwrap()).unwrap() else { panic!("{line}") };
    assert_eq!(header.subset_weights, None);
    let genome = Genome::read(&summary.runs[0].join("genome.safetensors")).unwrap();
    assert_eq!((genome.projection, genome.weights.len() as u64), (None, header.subset_size));
}
