//! Losses by class, from the engine through the learner and the strategy to the selection that asks for them.

use std::sync::{Arc, Mutex};

use serde_json::json;
use subevo::bench::{converge, function, Goal, Recipe};
use subevo::campaign::{read_results, run, summarise, Campaign, Options, Registry};
use subevo::engine::{ClassLosses, Loss};
use subevo::entry::Entries;
use subevo::error::Result;
use subevo::learner::{Evolution, Learner};
use subevo::operator::{Needs, Operators, Population, Progress};
use subevo::params::{toml, Node, Problems, Value};
use subevo::rng::Seed;
use subevo::state::State;
use subevo::strategy::{Generation, Strategy, StrategyContext, Target, ENTRIES};

use crate::learners::{spied, task};
use crate::strategies::context;
use crate::tables::build;

const REGISTRY: Entries<dyn Strategy, StrategyContext> = Entries::new("strategy", ENTRIES);

/// What a [`Classy`] was told: members, losses, losses by class.
type Told = Arc<Mutex<Vec<(Population, Vec<f32>, Vec<f32>)>>>;

/// Asks for losses by class and keeps what it is told.
struct Classy {
    incumbent: Vec<f32>,
    told: Told,
}

impl Strategy for Classy {
    fn population(&self) -> usize {
        3
    }

    fn needs(&self) -> Needs {
        Needs { class_losses: true, ..Needs::default() }
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let mut genes = vec![0.0; 3 * self.incumbent.len()];
        now.seed.rng().fill_normal(&mut genes);
        Ok(Population::from_genes(genes, self.incumbent.len()))
    }

    fn tell(&mut self, _: Population, _: &[f32]) -> Result<()> {
        panic!("it asked for losses by class");
    }

    fn tell_classes(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        self.told.lock().unwrap().push((asked, losses.to_vec(), by_class.to_vec()));
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
fn a_strategy_that_needs_them_is_told_those_of_the_one_evaluation() {
    let (task, training, _) = spied(task());
    let told = Told::default();
    let classy = Classy { incumbent: vec![0.0; task.start.subset.size], told: Arc::clone(&told) };
    let mut learner = Evolution::new(Box::new(classy), Seed::new(8));
    for step in 0..2 {
        let report = learner.step(&task, &task.batch(step), Progress { step, used: 0.0 }).unwrap();
        assert_eq!((report.members, training.lock().unwrap().len()), (3, step as usize + 1), "no member twice");
    }
    for (step, (asked, losses, by_class)) in told.lock().unwrap().iter().enumerate() {
        let expected: ClassLosses = task.engine.class_losses(asked, &task.batch(step as u64), Loss::Nll).unwrap();
        assert_eq!((losses, by_class), (&expected.losses, &expected.by_class));
        assert_eq!(by_class.len(), 3 * 4);
    }
}

fn at(step: u64) -> Generation<'static> {
    Generation::blind(Progress { step, used: 0.0 }, Seed::new(step))
}

/// Children are copies of parents that lexicase selection chose.
fn copying(strategy: &str, population: u64) -> Box<dyn Strategy> {
    let params = json!({ "population": population, "mutation_rate": 0.0,
        "selection": { "name": "lexicase", "epsilon": "none" } });
    build(&REGISTRY, strategy, params, &context(2, Operators::builtin()))
}

#[test]
fn specialists_become_parents_though_their_losses_are_not_the_least_and_a_loaded_state_knows_them() {
    for name in ["genetic", "steady-state-genetic"] {
        let mut strategy = copying(name, 40);
        assert!(strategy.needs().class_losses);
        let first = strategy.ask(&at(0)).unwrap();
        // Member 0 is best on the whole, 1 at class 0, 2 at class 1; nobody has seen class 2. The steady state keeps 30.
        let mut losses = vec![2.0; 40];
        losses[0] = 1.0;
        let mut by_class = [1.5, 1.5, f32::NAN].repeat(40);
        by_class[3] = 0.0;
        by_class[7] = 0.0;
        strategy.tell_classes(first.clone(), &losses, &by_class).unwrap();
        let mut copy = copying(name, 40);
        copy.load(&strategy.save()).unwrap();
        let second = strategy.ask(&at(1)).unwrap();
        assert_eq!(second, copy.ask(&at(1)).unwrap(), "{name}");
        let parents = if name == "genetic" { 1 } else { 30 };
        let of = |member: usize| second.members().skip(parents).filter(|genes| *genes == first.member(member)).count();
        assert_eq!(of(1) + of(2), 40 - parents, "{name}: all children are of the specialists");
        assert!(of(1) > 0 && of(2) > 0, "{name}: {} and {}", of(1), of(2));
    }
}

#[test]
fn where_only_whole_losses_are_told_the_selection_is_refused_by_name() {
    let mut strategy = copying("genetic", 4);
    let first = strategy.ask(&at(0)).unwrap();
    strategy.tell(first, &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let message = strategy.ask(&at(1)).unwrap_err().to_string();
    assert!(message.contains("selection `lexicase`") && message.contains("losses by class"), "{message}");
}

#[test]
fn restarts_pass_on_the_classes_of_the_members_that_are_the_inner_strategys() {
    let inner = json!({ "name": "genetic", "population": 4, "mutation_rate": 0.0,
        "selection": { "name": "lexicase", "epsilon": "none" } });
    let mut ipop = build(&REGISTRY, "ipop", json!({ "inner": inner }), &context(2, Operators::builtin()));
    assert!(ipop.needs().class_losses);
    let first = ipop.ask(&at(0)).unwrap();
    // Equal losses: the next generation begins anew, with eight members, the champion and the inner incumbent.
    ipop.tell_classes(first, &[1.0; 4], &[1.0; 8]).unwrap();
    let second = ipop.ask(&at(1)).unwrap();
    assert_eq!(second.len(), 10);
    let losses: Vec<f32> = (0..10).map(|member| 1.0 + member as f32).collect();
    let mut by_class = [1.0, 1.0].repeat(10);
    // Member 5 is best at both classes; the two that are not the inner strategy's would be better still.
    by_class[10..12].fill(0.5);
    by_class[16..].fill(0.0);
    ipop.tell_classes(second.clone(), &losses, &by_class).unwrap();
    let third = ipop.ask(&at(2)).unwrap();
    assert!((1..8).all(|member| third.member(member) == second.member(5)), "{third:?}");
}

#[test]
fn functions_have_no_classes() {
    let problems = Problems::default();
    let table = toml::parse("name = \"genetic\"\nselection = \"lexicase\"", &problems);
    assert!(problems.is_empty());
    let asked = Node::new(Value::Table(table));
    let operators = Arc::new(Operators::builtin());
    let recipe = Recipe { strategies: &REGISTRY, operators, asked, population: None };
    let goal = Goal {
        function: function("sphere").unwrap(),
        dim: 3,
        rotate: false,
        target: Target::FirstSample,
        evaluations: 100,
    };
    let message = converge(&recipe, &goal, 1).unwrap_err().to_string();
    assert!(message.contains("losses by class"), "{message}");
}

#[test]
fn a_campaign_selects_by_class_in_a_subset_and_in_a_subspace() {
    let registry = Registry::builtin();
    for subspace in ["", ", subspace = { dimension = 20, projection = \"dense\" }"] {
        let text = format!(
            "campaign = {{ name = \"classes\" }}\n\
             data = {{ name = \"synthetic\", image = 8, train = 300, test = 100 }}\n\
             model = {{ name = \"conv2-bn\", channels = [4, 6] }}\n\
             subset = {{ select = [{{ batchnorm = true }}]{subspace} }}\n\
             budget = {{ steps = 4 }}\n\
             [[learner]]\n\
             name = \"evolution\"\n\
             strategy = {{ name = \"ipop\", inner = {{ name = \"genetic\", population = 6, selection = \"lexicase\", \
             crossover = \"one-point\" }} }}\n"
        );
        let campaign = Campaign::parse("classes.toml", &text, &[], &registry, false).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let summary = run(&campaign, &registry, &Options::new(folder.path()), &mut ()).unwrap();
        let results = read_results(&[summary.folder]).unwrap();
        assert_eq!(results.runs.len(), 1, "{subspace}");
        assert!(summarise(&results.runs)[0].test.mean.is_finite(), "{subspace}");
    }
}
