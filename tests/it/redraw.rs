//! Subsets drawn again in the course of a run: what is folded stays, what a stage begins with, and that seed, configuration
//! and the chain of what was learned make the network again, bit for bit.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use subevo::campaign::store::{read_run, Genome};
use subevo::campaign::{Campaign, Lineage, Options, Registry, Run};
use subevo::data::augmentation::Unchanged;
use subevo::data::{BatchOrder, Data, Split};
use subevo::engine::{on_cpu, Loss};
use subevo::error::Result;
use subevo::graph::init::draw;
use subevo::graph::ParameterKind;
use subevo::learner::{
    Budget, Learner, Moment, Moments, Outcome, Position, Recorder, Snapshot, Stages, Task, Training,
};
use subevo::plan::Limits;
use subevo::record::{Background, Evaluation, Lap, Step};
use subevo::rng::Seed;
use subevo::subset::{stage_seed, Encoding, Folding, GeneScale, Start, Subset};

use crate::networks::{init, select, small_network};

const LIMITS: Limits = Limits { memory: 1 << 30, threads: 2 };

/// A campaign on a subset that is drawn again after every four steps.
const CAMPAIGN: &str = r#"
    campaign = { name = "redraw", seeds = [3] }
    data = { name = "synthetic", image = 8, classes = 4, train = 200, test = 60 }
    model = { name = "conv2-bn", channels = [4, 6], init = "pytorch" }
    subset = { select = [{ filters = 1, which = "random" }, { weights = 30 }], redraw = 4 }
    budget = { steps = 14 }
    metrics = { every = 3 }
"#;

/// Every strategy, and backprop with and without state.
const LEARNERS: [&str; 5] = [
    r#"{ name = "evolution", label = "snes", batch = 20, strategy = { name = "snes", population = 6 } }"#,
    r#"{ name = "evolution", label = "openai-es", batch = 20, strategy = { name = "openai-es", population = 6 } }"#,
    r#"{ name = "evolution", label = "genetic", batch = 20, strategy = { name = "genetic", population = 6 } }"#,
    r#"{ name = "backprop", label = "sgd", batch = 20, optimizer = { name = "sgd", lr = 0.05, momentum = 0.9 } }"#,
    r#"{ name = "backprop", label = "adam", batch = 20, optimizer = { name = "adam", lr = 0.02 }, schedule = "cosine" }"#,
];

/// The campaign of some learners.
fn campaign(learners: &[&str], sets: &[&str]) -> Campaign {
    let learners = format!("learner=[{}]", learners.join(", "));
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_string()).chain([learners]).collect();
    Campaign::parse("redraw.toml", CAMPAIGN, &sets, &Registry::builtin(), false).unwrap()
}

/// Runs it in `root`; gives the folders of its runs.
fn run(campaign: &Campaign, root: &Path) -> Vec<PathBuf> {
    let options = Options { limits: LIMITS, ..Options::new(root) };
    let summary = subevo::campaign::run(campaign, &Registry::builtin(), &options, &mut ()).unwrap();
    assert_eq!(summary.failed, []);
    summary.runs
}

fn genome(folder: &Path) -> Genome {
    Genome::read(&folder.join("genome.safetensors")).unwrap()
}

fn bits(weights: &[f32]) -> Vec<u32> {
    weights.iter().map(|w| w.to_bits()).collect()
}

/// What each weight is by the words of the documentation: as it was last trained; else drawn, or 0 where the zero
/// background takes it away and it has never been in the subset.
struct Plain {
    drawn: Vec<f32>,
    cleared: Vec<bool>,
    learned: Vec<Option<f32>>,
}

impl Plain {
    fn now(&self, subset: &Subset) -> Vec<f32> {
        let marks = subset.marks(self.drawn.len());
        let value = |i: usize| match self.learned[i] {
            Some(learned) => learned,
            None if marks[i] || !self.cleared[i] => self.drawn[i],
            None => 0.0,
        };
        (0..self.drawn.len()).map(value).collect()
    }

    fn learn(&mut self, subset: &Subset, trained: &[f32]) {
        let marks = subset.marks(self.drawn.len());
        let places = (0..marks.len()).filter(|i| marks[*i]);
        places.zip(trained).for_each(|(i, value)| self.learned[i] = Some(*value));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn folded_values_stay_and_what_enters_begins_where_the_network_is(
        seed in 0u64..1_000,
        zero in any::<bool>(),
        amounts in prop::collection::vec((1usize..150, any::<bool>()), 1..6),
    ) {
        let graph = small_network();
        let background = if zero { Background::Zero } else { Background::Random };
        let init = init("pytorch");
        let drawn = draw(&graph, &*init, Seed::new(seed));
        let mut cleared = vec![false; drawn.len()];
        for parameter in graph.parameters.iter().filter(|p| zero && p.kind == ParameterKind::ConvWeight) {
            cleared[parameter.range()].fill(true);
        }
        let mut plain = Plain { learned: vec![None; drawn.len()], drawn, cleared };
        let mut folding = Folding::new(graph.clone(), &*init, GeneScale::Init, background, Seed::new(seed));
        for (stage, (weights, norms)) in (0..).zip(amounts) {
            let mut list = vec![json!({ "weights": weights })];
            list.extend(norms.then(|| json!({ "batchnorm": true })));
            let subset = Arc::new(select(json!(list), &graph, seed + 1_000 * stage));
            folding.enter(&subset);
            let start = folding.start(subset.clone());
            let expected = plain.now(&subset);
            prop_assert_eq!(bits(&start.weights), bits(&expected));
            prop_assert_eq!(bits(&start.base), bits(&subset.gather(&expected)));
            let fresh = Start::new(graph.clone(), subset.clone(), &*init, GeneScale::Init, background, Seed::new(seed));
            prop_assert_eq!(units(&start), units(&fresh), "the unit of a gene is that of its weight, whatever was learned");
            if stage == 0 {
                prop_assert_eq!(bits(&start.weights), bits(&fresh.weights));
            }
            let mut trained = vec![0.0; subset.size];
            Seed::new(seed).child("trained").index(stage).rng().fill_normal(&mut trained);
            folding.fold(&subset, &trained);
            plain.learn(&subset, &trained);
        }
    }
}

#[test]
fn stages_reach_as_many_weights_as_independent_draws_do() {
    let campaign =
        campaign(&LEARNERS[..1], &["model.channels=[16,32]", "data.image=28", "subset.select=[{ weights = 500 }]"]);
    let setup = &campaign.cells[0].setup;
    let (p, k, stages) = (144.0 + 4_608.0 + 32.0 * 49.0 * 4.0, 500.0, 40);
    let mut union = vec![false; setup.graph.parameter_count()];
    for stage in 0..stages {
        let subset = setup.select(3, stage, None).unwrap();
        assert_eq!(subset.size, 500);
        let drawn = subset.marks(union.len());
        union.iter_mut().zip(drawn).for_each(|(mark, drawn)| *mark |= drawn);
        // A weight is missed by each stage with probability 1 - k / p; the deviation is less than that of independent weights.
        let missed = (1.0f64 - k / p).powf(stage as f64 + 1.0);
        let (expected, deviation) = (p * (1.0 - missed), (p * missed * (1.0 - missed)).sqrt());
        let reached = union.iter().filter(|mark| **mark).count() as f64;
        assert!((reached - expected).abs() < 5.0 * deviation + 1.0, "stage {stage}: {reached} for {expected}");
    }
    let subset = Seed::new(3).child("subset");
    assert_eq!(stage_seed(Seed::new(3), 0), subset, "the first stage is that of a fixed subset");
    assert_eq!(stage_seed(Seed::new(3), 2), subset.child("stage").index(2));
}

/// What a unit of each gene adds to its weight.
fn units(start: &Start) -> &[f32] {
    match &start.encoding {
        Encoding::Weights(units) => units,
        Encoding::Subspace(_) => panic!("a subset of weights has no basis"),
    }
}

/// Stages by hand: all weights in one vector, and for each stage a start made of nothing but them.
struct ByHand<'a> {
    run: &'a Run<'a>,
    data: Arc<Data>,
    weights: Vec<f32>,
    stage: u64,
    task: Task,
    learner: Box<dyn Learner>,
}

impl<'a> ByHand<'a> {
    fn new(run: &'a Run<'a>) -> Self {
        let setup = &run.cell.setup;
        let data = &setup.data;
        let data = Data::split(&data.name, data.source.load(None).unwrap(), data.validation, Seed::new(0)).unwrap();
        let (data, weights) = (Arc::new(data), draw(&setup.graph, &*setup.init, Seed::new(run.seed).child("init")));
        let (task, learner) = ByHand::begin(run, data.clone(), &weights, 0);
        ByHand { run, data, weights, stage: 0, task, learner }
    }

    fn begin(run: &Run<'_>, data: Arc<Data>, weights: &[f32], stage: u64) -> (Task, Box<dyn Learner>) {
        let (setup, learner) = (&run.cell.setup, &run.cell.setup.learners[run.learner]);
        let subset = Arc::new(setup.select(run.seed, stage, None).unwrap());
        // `pytorch`: uniform within 1 / sqrt(fan_in); batch-norm is constant.
        let scale = subset.spans.iter().flat_map(|span| {
            let parameter = setup.graph.parameters.iter().find(|p| p.name == span.parameter).unwrap();
            vec![setup.init.distribution(parameter).scale(); span.length]
        });
        let (encoding, base) = (Encoding::Weights(scale.collect()), subset.gather(weights));
        let (graph, weights, draws) = (setup.graph.clone(), weights.to_vec(), Vec::new());
        let start = Arc::new(Start { graph, subset, weights, base, draws, encoding });
        let batches = Seed::new(run.seed).child("batch");
        let order = BatchOrder::new(data.len(Split::Train), learner.batch, batches).unwrap();
        let plan = learner.plan(&start.graph, &start.subset, None, LIMITS, None);
        let engine = on_cpu(start.clone(), &plan);
        let built = learner.build(&start, run.seed, &Registry::builtin()).unwrap();
        let (augmentation, seed) = (Arc::new(Unchanged), Seed::new(run.seed));
        (Task { start, data, order, augmentation, seed, loss: Loss::Nll, plan, engine }, built)
    }
}

impl Stages for ByHand<'_> {
    fn stage(&mut self) -> (&Task, &mut dyn Learner) {
        (&self.task, &mut *self.learner)
    }

    fn fold(&mut self, links: &mut dyn Iterator<Item = &[f32]>) -> Result<()> {
        for trained in links {
            self.task.start.subset.scatter(trained, &mut self.weights);
            self.stage += 1;
            (self.task, self.learner) = ByHand::begin(self.run, self.data.clone(), &self.weights, self.stage);
        }
        Ok(())
    }
}

/// Keeps what a run records.
#[derive(Default)]
struct Memory {
    steps: Vec<Step>,
    evaluations: Vec<Evaluation>,
}

impl Recorder for Memory {
    fn step(&mut self, step: &Step, _: f64) -> Result<()> {
        self.steps.push(step.clone());
        Ok(())
    }

    fn evaluation(&mut self, evaluation: &Evaluation, _: &Moment) -> Result<()> {
        self.evaluations.push(evaluation.clone());
        Ok(())
    }

    fn walked(&mut self, _: u64, _: &[f32]) -> Result<()> {
        Ok(())
    }

    fn lap(&mut self, _: &Lap) -> Result<()> {
        Ok(())
    }

    fn checkpoint_due(&self) -> bool {
        false
    }

    fn checkpoint(&mut self, _: Position) -> Result<()> {
        Ok(())
    }

    fn stop_asked(&self) -> bool {
        false
    }

    fn peak_rss_mib(&self) -> f64 {
        0.0
    }
}

#[test]
fn runs_are_those_of_stages_by_hand_and_genome_files_hold_their_networks() {
    let root = tempfile::tempdir().unwrap();
    let campaign = campaign(&LEARNERS, &["engine.cache=off"]);
    for (run, folder) in campaign.runs().iter().zip(run(&campaign, root.path())) {
        let setup = &run.cell.setup;
        let label = &setup.learners[run.learner].label;
        let mut by_hand = ByHand::new(run);
        let mut memory = Memory::default();
        let budget = Budget { steps: Some(14), ..Budget::default() };
        let training = Training { budget, redraw: Some(4), moments: Moments::Every(3), states: false, walk: false };
        let outcome = training.run(&mut by_hand, None, &mut memory).unwrap();
        let Outcome::Finished(finished) = outcome else { panic!("{label}: it stopped") };

        let found = read_run(&folder).unwrap();
        assert_eq!(found.steps, memory.steps, "{label}");
        let scores = |evaluations: &[Evaluation]| evaluations.iter().map(|e| (e.cost, e.scores)).collect::<Vec<_>>();
        assert_eq!(scores(&found.evaluations), scores(&memory.evaluations), "{label}");
        let stages: Vec<u64> = found.steps.iter().map(|step| step.stage).collect();
        assert_eq!(stages, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3], "{label}");

        // Sizes differ, for a random filter and random weights may overlap: each link is of its own stage.
        let genome = genome(&folder);
        let sizes: Vec<usize> = genome.chain.links().map(<[f32]>::len).collect();
        let of_stage = |stage| setup.select(3, stage, None).unwrap();
        assert_eq!(sizes, [0, 1, 2].map(|stage| of_stage(stage).size), "{label}");
        assert_eq!(genome.subset, of_stage(3), "{label}");
        let last = setup.network(3, genome.chain.links(), &genome.weights).unwrap();
        let expected = by_hand.task.start.complete(&finished.weights);
        assert_eq!(bits(&last), bits(&expected), "{label}");
        let (untrained, best) = (setup.start(3, None).unwrap().weights, genome.stage_best_by_validation);
        let moved = last.iter().zip(&untrained).filter(|(a, b)| a != b).count();
        assert!(moved > 3 * 30 && moved < last.len(), "{label}: more than one subset has moved: {moved}");

        // The network of the best evaluation scores as recorded there.
        let end = found.end.unwrap();
        let links = genome.chain.links().take(best as usize);
        let weights = setup.network(3, links, &genome.weights_best_by_validation).unwrap();
        for (weights, scores) in [(&weights, end.best_by_validation), (&last, end.last)] {
            let all = select(json!([{ "all": true }]), &setup.graph, 1);
            let start = Start { weights: weights.clone(), ..by_hand.task.start.as_ref().clone() };
            let start = Start {
                base: all.gather(weights),
                encoding: Encoding::Weights(vec![1.0; all.size]),
                subset: Arc::new(all),
                ..start
            };
            let plan = setup.learners[run.learner].plan(&start.graph, &start.subset, None, LIMITS, None);
            let start = Arc::new(start);
            let engine = on_cpu(start.clone(), &plan);
            let order = BatchOrder::new(by_hand.data.len(Split::Train), 20, Seed::new(1)).unwrap();
            let (data, augmentation, seed) = (by_hand.data.clone(), Arc::new(Unchanged), Seed::new(1));
            let task = Task { start, data, order, augmentation, seed, loss: Loss::Nll, plan, engine };
            let again = Snapshot::take(&task, weights.clone(), Default::default()).unwrap().scores;
            let difference = (again.validation.loss - scores.validation.loss).abs();
            assert!(difference < 1e-5, "{label}: {again:?} against {scores:?}");
        }
    }
}

#[test]
fn a_run_stopped_after_every_step_and_at_every_redraw_ends_with_the_same_bytes() {
    let subspace = "subset.subspace={ dimension = 12, projection = \"sparse\" }";
    let cases = LEARNERS.iter().flat_map(|learner| [(learner, "subset.name=weights"), (learner, subspace)]);
    for (learner, set) in cases {
        let root = tempfile::tempdir().unwrap();
        let campaign = campaign(&[learner], &["budget.steps=10", "subset.background=zero", set]);
        run(&campaign, &root.path().join("calm"));
        let storm = root.path().join("storm");
        let mut sessions = 0;
        loop {
            // Asked for the run and before its first step; the third time it stops.
            let asked = AtomicUsize::new(0);
            let stop = Arc::new(move || asked.fetch_add(1, Ordering::Relaxed) >= 2);
            let options = Options { limits: LIMITS, stop, checkpoint_every: Duration::MAX, ..Options::new(&storm) };
            let summary = subevo::campaign::run(&campaign, &Registry::builtin(), &options, &mut ()).unwrap();
            assert_eq!(summary.failed, []);
            sessions += 1;
            if summary.done == 1 {
                break;
            }
        }
        assert_eq!(sessions, 10 + 2 + 1, "one for each step, for each redraw, and for the end");
        for file in ["steps.jsonl", "genome.safetensors"] {
            let of =
                |out: &str| fs::read(root.path().join(out).join("redraw").join(&campaign.runs()[0].name).join(file));
            assert!(of("storm").unwrap() == of("calm").unwrap(), "{learner}: {file}");
        }
    }
}

#[test]
fn a_redrawn_basis_adds_each_of_its_stages_to_the_base() {
    let root = tempfile::tempdir().unwrap();
    let sets = ["subset={ select = [{ all = true }], subspace = { dimension = 9 }, redraw = 4 }"];
    for (learner, label) in [(LEARNERS[0], "snes"), (LEARNERS[3], "sgd")] {
        let campaign = campaign(&[learner], &sets);
        let setup = &campaign.cells[0].setup;
        let genome = genome(&run(&campaign, root.path())[0]);
        assert_eq!(
            (genome.chain.len(), genome.weights.len(), &*genome.projection.unwrap()),
            (3, 9, "dense"),
            "{label}"
        );
        let mut expected = draw(&setup.graph, &*setup.init, Seed::new(3).child("init"));
        let subset = setup.select(3, 0, None).unwrap();
        for (stage, z) in (0..).zip(genome.chain.links().chain([&genome.weights[..]])) {
            assert!(z.iter().all(|z| *z != 0.0), "{label}: every direction of stage {stage} is used");
            // All weights are in the subset, in their order: the basis spans the whole vector.
            let basis = setup.basis(&subset, 3, stage).unwrap();
            basis.add(&[z], std::slice::from_mut(&mut expected));
        }
        let found = setup.network(3, genome.chain.links(), &genome.weights).unwrap();
        assert_eq!(bits(&found), bits(&expected), "{label}");
    }
}

#[test]
fn a_stage_that_never_ends_is_the_fixed_subset() {
    let root = tempfile::tempdir().unwrap();
    let of = |redraw: u64| {
        let campaign = campaign(&LEARNERS, &[&format!("subset.redraw={redraw}")]);
        let folders = run(&campaign, root.path());
        let runs = folders.iter().map(|folder| {
            let (found, genome) = (read_run(folder).unwrap(), genome(folder));
            assert!(genome.chain.is_empty());
            (found.steps, found.evaluations, found.end, bits(&genome.weights), genome.subset)
        });
        runs.collect::<Vec<_>>()
    };
    // Fourteen steps.
    let fixed = of(0);
    assert!(fixed == of(14) && fixed == of(1_000_000));
}

#[test]
fn no_budget_of_multiplies_is_passed_though_stages_cost_differently() {
    let root = tempfile::tempdir().unwrap();
    // A weight of the first convolution makes each member compute all above it, one of the classifier next to nothing.
    let sets = ["subset.select=[{ weights = 1 }]", "subset.redraw=1", "budget={ macs = 600_000 }", "campaign.seeds=40"];
    let mut costs = std::collections::BTreeSet::new();
    for folder in run(&campaign(&LEARNERS[..1], &sets), root.path()) {
        let found = read_run(&folder).unwrap();
        let end = found.end.unwrap();
        assert!(end.cost.macs <= 600_000 && end.reason == "macs", "{} multiplies", end.cost.macs);
        costs.extend(found.steps.windows(2).map(|pair| pair[1].cost.macs - pair[0].cost.macs));
    }
    assert!(2 * costs.last().unwrap() > 3 * costs.first().unwrap(), "{costs:?}");
}

#[test]
fn links_that_do_not_fit_their_stage_are_refused() {
    let campaign = campaign(&LEARNERS[..1], &["subset.select=[{ weights = 30 }]"]);
    let setup = &campaign.cells[0].setup;
    let refusal = |chain: &[Vec<f32>], trained: usize| {
        setup.network(3, chain.iter().map(|link| &link[..]), &vec![0.0; trained]).unwrap_err().to_string()
    };
    let expected =
        |stage, found| format!("subset: stage {stage} trains 30 numbers, but {found} values are given for it");
    assert_eq!(refusal(&[], 29), expected(0, 29));
    assert_eq!(refusal(&[vec![0.0; 31]], 30), expected(0, 31));
    assert_eq!(refusal(&[vec![0.0; 30], vec![0.0; 30]], 31), expected(2, 31));
    assert!(Lineage::new(setup, 3).unwrap().fold(&[]).is_err());
}
