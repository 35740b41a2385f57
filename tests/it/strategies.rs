//! Every strategy of the registry: what the learner relies on, and what the strategy's own contract promises. Nothing here
//! asks for a strategy by its name.

use std::sync::Arc;

use serde_json::json;
use subevo::bench::{converge, function, Goal, Recipe};
use subevo::entry::Entries;
use subevo::error::Result;
use subevo::graph::init::Distribution;
use subevo::operator::{Network, Operators, Population, Progress};
use subevo::params::{toml, Node, Problems, Value};
use subevo::rng::Seed;
use subevo::state::{Array, State};
use subevo::strategy::{Contract, Generation, Strategy, StrategyContext, CONTRACTS, ENTRIES};
use subevo::subset::Subset;

use crate::tables::{build, try_build};

/// The strategies of this crate.
pub const REGISTRY: Entries<dyn Strategy, StrategyContext> = Entries::new("strategy", ENTRIES);

/// What a strategy needs for `k` genes.
pub fn context(k: usize, operators: Operators) -> StrategyContext {
    let subset = Subset { name: "test".to_string(), size: k, spans: Vec::new() };
    StrategyContext {
        subset: Arc::new(subset),
        classes: 1,
        operators: Arc::new(operators),
        strategies: REGISTRY,
        memory: 1 << 30,
    }
}

fn make(name: &str, params: serde_json::Value, k: usize) -> Box<dyn Strategy> {
    build(&REGISTRY, name, params, &context(k, Operators::builtin()))
}

/// Squared distance from the genome of all ones.
fn sphere(genes: &[f32]) -> f32 {
    genes.iter().map(|gene| (gene - 1.0).powi(2)).sum()
}

/// The sphere in the place of a network.
struct Sphere;

impl Network for Sphere {
    fn base(&self) -> &[f32] {
        &[]
    }

    fn draws(&self) -> &[Distribution] {
        &[]
    }

    fn gradient(&self, genes: &[f32]) -> Result<Vec<f32>> {
        Ok(genes.iter().map(|gene| 2.0 * (gene - 1.0)).collect())
    }
}

fn losses(asked: &Population) -> Vec<f32> {
    asked.members().map(sphere).collect()
}

/// Asks for a generation with the sphere in the place of a network.
pub fn ask(strategy: &mut dyn Strategy, root: u64, step: u64) -> Population {
    let at = Progress { step, used: step as f64 / 1000.0 };
    strategy.ask(&Generation { at, seed: Seed::new(root).index(step), network: &Sphere }).unwrap()
}

/// Runs generations `from..to`, with `rule` on the losses, and gives the bits of all that was asked and deployed.
fn run(strategy: &mut dyn Strategy, steps: std::ops::Range<u64>, rule: impl Fn(Vec<f32>) -> Vec<f32>) -> Vec<u32> {
    let mut bits = Vec::new();
    for step in steps {
        let asked = ask(strategy, 17, step);
        strategy.tell(asked.clone(), &rule(losses(&asked))).unwrap();
        bits.extend(asked.genes().iter().chain(strategy.incumbent()).map(|gene| gene.to_bits()));
    }
    bits
}

/// A state as bits: NaN equals itself.
fn bits(state: &State) -> Vec<(String, Vec<u64>)> {
    let of = |array: &Array| match array {
        Array::F32(values) => values.iter().map(|x| u64::from(x.to_bits())).collect(),
        Array::F64(values) => values.iter().map(|x| x.to_bits()).collect(),
        Array::U64(values) => values.clone(),
    };
    state.arrays.iter().map(|(name, array)| (name.clone(), of(array))).collect()
}

/// Parameters and numbers of genes that the strategy must bear.
fn cases(contract: &Contract) -> Vec<(serde_json::Value, usize)> {
    let mut cases = vec![(json!({}), 1), (json!({}), 2), (json!({}), 600)];
    if let Some(least) = contract.least_population {
        cases.extend([(json!({ "population": least }), 1), (json!({ "population": least }), 9)]);
    }
    cases
}

fn contract(name: &str) -> &'static Contract {
    CONTRACTS.iter().find(|contract| contract.name == name).unwrap_or_else(|| panic!("`{name}` has no contract"))
}

#[test]
fn every_strategy_has_one_contract_and_promises_something() {
    assert_eq!(
        CONTRACTS.iter().map(|contract| contract.name).collect::<Vec<_>>(),
        ENTRIES.iter().map(|entry| entry.name).collect::<Vec<_>>()
    );
    for contract in CONTRACTS {
        assert!(!contract.solves.is_empty(), "{}", contract.name);
        assert!(contract.solves.iter().all(|solve| function(solve.function).is_some()), "{}", contract.name);
        let population =
            try_build(&REGISTRY, contract.name, json!({ "population": 64 }), &context(3, Operators::builtin()));
        assert_eq!(population.is_ok(), contract.least_population.is_some(), "{}", contract.name);
    }
}

#[test]
fn asking_gives_finite_members_and_the_start_is_the_untouched_network() {
    for entry in ENTRIES {
        for (params, k) in cases(contract(entry.name)) {
            let mut strategy = make(entry.name, params.clone(), k);
            assert!(strategy.incumbent().len() == k && strategy.incumbent().iter().all(|gene| *gene == 0.0));
            let n = strategy.population();
            for step in 0..6 {
                let asked = ask(&mut *strategy, 17, step);
                assert!((1..=n).contains(&asked.len()) && asked.size() == k, "{}: {} of {n}", entry.name, asked.len());
                assert_eq!(strategy.population(), n, "{}: the most members are known from the start", entry.name);
                assert!(asked.genes().iter().all(|gene| gene.is_finite()), "{}", entry.name);
                strategy.tell(asked.clone(), &losses(&asked)).unwrap();
                assert!(strategy.incumbent().len() == k && strategy.incumbent().iter().all(|gene| gene.is_finite()));
                assert!(strategy.diagnostics().iter().all(|(_, value)| value.is_finite()), "{}", entry.name);
                assert_eq!(strategy.stop(), None, "{}", entry.name);
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let on = |threads: usize, name: &str, root: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut strategy = make(name, json!({}), 700);
            let mut all = Vec::new();
            for step in 0..4 {
                let asked = ask(&mut *strategy, root, step);
                strategy.tell(asked.clone(), &losses(&asked)).unwrap();
                all.extend(asked.genes().iter().map(|gene| gene.to_bits()));
            }
            (all, bits(&strategy.save()))
        })
    };
    for entry in ENTRIES {
        let one = on(1, entry.name, 5);
        assert!(one == on(3, entry.name, 5), "{}: threads changed a bit", entry.name);
        assert!(one.0 != on(1, entry.name, 6).0, "{}: the seed changes nothing", entry.name);
    }
}

#[test]
fn a_loaded_strategy_continues_bit_for_bit() {
    for entry in ENTRIES {
        for (params, k) in cases(contract(entry.name)) {
            for pause in [0, 1, 5] {
                let mut strategy = make(entry.name, params.clone(), k);
                // A failed member now and then: NaN must survive the save too.
                let rule = |mut losses: Vec<f32>| {
                    if let Some(last) = losses.iter_mut().skip(1).last() {
                        *last = f32::NAN;
                    }
                    losses
                };
                run(&mut *strategy, 0..pause, rule);
                let mut copy = make(entry.name, params.clone(), k);
                copy.load(&strategy.save()).unwrap();
                let same = |a: &dyn Strategy, b: &dyn Strategy| {
                    assert_eq!(a.incumbent(), b.incumbent(), "{}, {params}, k {k}", entry.name);
                    assert_eq!(bits(&a.save()), bits(&b.save()), "{}, {params}, k {k}", entry.name);
                };
                same(&*strategy, &*copy);
                let steps = pause..pause + 4;
                assert!(run(&mut *strategy, steps.clone(), rule) == run(&mut *copy, steps, rule), "{}", entry.name);
                same(&*strategy, &*copy);
                assert_eq!(strategy.diagnostics(), copy.diagnostics(), "{}", entry.name);
            }
        }
    }
}

#[test]
fn a_state_of_another_strategy_or_size_is_refused_and_changes_nothing() {
    for entry in ENTRIES {
        let mut strategy = make(entry.name, json!({}), 5);
        run(&mut *strategy, 0..2, |losses| losses);
        let before = strategy.save();
        for other in ENTRIES {
            for k in [4, 5] {
                let mut stranger = make(other.name, json!({}), k);
                run(&mut *stranger, 0..1, |losses| losses);
                if other.name != entry.name || k != 5 {
                    assert!(strategy.load(&stranger.save()).is_err(), "{} from {}, k {k}", entry.name, other.name);
                }
            }
        }
        assert_eq!(bits(&strategy.save()), bits(&before), "{}", entry.name);
    }
}

#[test]
fn only_the_order_of_the_losses_matters() {
    // A steep and crooked rising map that keeps ties: each loss becomes the square of its place among the values.
    let crooked = |losses: Vec<f32>| {
        let mut values = losses.clone();
        values.sort_by(f32::total_cmp);
        values.dedup();
        losses.iter().map(|loss| values.partition_point(|v| v < loss).pow(2) as f32 - 50.0).collect::<Vec<f32>>()
    };
    for entry in ENTRIES.iter().filter(|entry| contract(entry.name).rank_based) {
        for (params, k) in cases(contract(entry.name)) {
            let (mut plain, mut mapped) = (make(entry.name, params.clone(), k), make(entry.name, params, k));
            let plain = run(&mut *plain, 0..6, |losses| losses);
            assert!(plain == run(&mut *mapped, 0..6, crooked), "{}, k {k}", entry.name);
        }
    }
}

#[test]
fn a_failed_member_is_never_deployed_and_the_survivor_leads() {
    for entry in ENTRIES {
        let mut strategy = make(entry.name, json!({}), 40);
        for step in 0..4 {
            let asked = ask(&mut *strategy, 17, step);
            let survivor = (7 * step as usize + 3) % asked.len();
            let before = sphere_around(asked.member(survivor), strategy.incumbent());
            let mut told = vec![f32::NAN; asked.len()];
            told[survivor] = f32::INFINITY;
            strategy.tell(asked.clone(), &told).unwrap();
            for (member, genes) in asked.members().enumerate().filter(|(member, _)| *member != survivor) {
                assert_ne!(strategy.incumbent(), genes, "{}: failed member {member} is deployed", entry.name);
            }
            let after = sphere_around(asked.member(survivor), strategy.incumbent());
            // A survivor that leads already still does.
            let led = before == 0.0 && after == 0.0;
            assert!(after < before || led, "{}: {before} to {after}, away from the only survivor", entry.name);
        }
    }
}

fn sphere_around(centre: &[f32], genes: &[f32]) -> f32 {
    genes.iter().zip(centre).map(|(a, b)| (a - b).powi(2)).sum()
}

#[test]
fn a_generation_without_any_loss_or_of_another_shape_is_an_error_that_changes_nothing() {
    for entry in ENTRIES {
        let mut strategy = make(entry.name, json!({}), 6);
        run(&mut *strategy, 0..2, |losses| losses);
        let before = strategy.save();
        let asked = ask(&mut *strategy, 17, 2);
        let n = asked.len();
        let message = strategy.tell(asked.clone(), &vec![f32::NAN; n]).unwrap_err().to_string();
        let told =
            [&format!("all {n} members failed"), entry.name, "lower", "smaller"].map(|word| message.contains(word));
        assert!(told[0] && told[1] && (told[2] || told[3]), "{message}");
        let message = strategy.tell(asked.clone(), &vec![1.0; n + 1]).unwrap_err().to_string();
        assert!(message.contains(&format!("{} losses of {n} members of 6 genes", n + 1)), "{message}");
        assert!(strategy.tell(Population::zeros(n, 5), &vec![1.0; n]).is_err(), "{}", entry.name);
        assert!(strategy.tell(Population::zeros(n + 1, 6), &vec![1.0; n + 1]).is_err(), "{}", entry.name);
        assert_eq!(bits(&strategy.save()), bits(&before), "{}", entry.name);
        strategy.tell(asked.clone(), &losses(&asked)).unwrap();
    }
}

#[test]
fn a_population_below_the_least_is_refused_and_an_odd_one_works_or_is_refused_by_name() {
    for contract in CONTRACTS {
        let (Some(least), context) = (contract.least_population, context(3, Operators::builtin())) else { continue };
        for population in [0, least - 1, 2_000_000] {
            let problems =
                try_build(&REGISTRY, contract.name, json!({ "population": population }), &context).err().unwrap();
            assert!(problems.iter().any(|problem| problem.contains("it.population`")), "{problems:?}");
        }
        match try_build(&REGISTRY, contract.name, json!({ "population": 2 * least + 1 }), &context) {
            Ok(mut strategy) => assert!(!run(&mut *strategy, 0..3, |losses| losses).is_empty()),
            Err(problems) => assert!(problems.len() == 1 && problems[0].contains("even"), "{problems:?}"),
        }
    }
}

/// Fifteen seeds of everything that a contract names; more than half must be there within its evaluations.
#[test]
fn every_strategy_solves_what_its_contract_names() {
    for contract in CONTRACTS {
        for solve in contract.solves {
            let problems = Problems::default();
            let mut options = toml::parse(solve.params, &problems);
            assert!(problems.is_empty(), "{}: {:?}", contract.name, problems.into_vec());
            options.set("name", Node::new(Value::Text(contract.name.to_string())));
            let asked = Node::new(Value::Table(options));
            let operators = Arc::new(Operators::builtin());
            let recipe = Recipe { strategies: &REGISTRY, operators, asked, population: None };
            let goal = Goal {
                function: function(solve.function).unwrap(),
                dim: solve.dim,
                rotate: solve.rotate,
                target: solve.target,
                evaluations: solve.evaluations,
            };
            let found = converge(&recipe, &goal, 15).unwrap();
            assert!(
                found.solved >= 8,
                "{}, {solve:?}: solved {:?}, best {:?}",
                contract.name,
                found.evaluations,
                found.best
            );
        }
    }
}
