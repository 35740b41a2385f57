//! The genetic algorithm put together from operators of a user's own: what each is shown and what becomes of it.

use serde_json::json;
use subevo::entry::{Entries, Entry};
use subevo::error::Result;
use subevo::graph::ParameterKind;
use subevo::operator::{
    Candidates, CrossoverOperator, MutationOperator, Needs, Network, OperatorContext, Operators, Population, Progress,
    Reporter, SelectionOperator,
};
use subevo::rng::{Rng, Seed};
use subevo::strategy::{Generation, Strategy, StrategyContext, ENTRIES};
use subevo::subset::{Span, Subset};

use crate::strategies::context;
use crate::tables::{build, try_build};

/// Adds 1 to every gene; reports the parent's loss and the step.
struct PlusOne;
/// Makes the second gene infinite.
struct Broken;
/// Panics.
struct Panics;
/// Adds a normal step and reports it, to many digits.
struct Noisy;
/// Carries the first gene, and takes it amiss if a member comes with that of another.
struct Faithful;
/// Carries a number that is none.
struct Lost;
/// Adds 1 to every gene, and once all children are made, as many times ten as there are; to an infinite one where there are
/// three. Panics where there are two.
struct Twice;
/// Takes over the second parent and reports whether it differs from the first.
struct Swap;
/// Gives the worst that it is shown.
struct Worst;
/// Gives a member that it was not shown.
struct Stray;

impl MutationOperator for PlusOne {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, _: &mut Rng) {
        assert_eq!(genes, context.parents.member(context.parent), "a private copy of the parent");
        genes.iter_mut().for_each(|gene| *gene += 1.0);
        context.report.add("parent_loss", f64::from(context.parent_loss));
        context.report.add("step", context.at.step as f64);
    }
}

impl MutationOperator for Broken {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, _: &mut Rng) {
        genes[1] = f32::INFINITY;
    }
}

impl MutationOperator for Panics {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, _: &mut Rng) {
        panic!("{} genes are too many", genes.len());
    }
}

impl CrossoverOperator for Panics {
    fn cross(&self, _: &mut [f32], _: &[f32], _: &OperatorContext<'_>, _: &mut Rng) {
        panic!("cannot cross");
    }
}

impl SelectionOperator for Panics {
    fn select(&self, _: &Candidates<'_>, _: usize, _: &mut Rng) -> Vec<usize> {
        panic!("cannot choose");
    }
}

impl MutationOperator for Noisy {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        genes[0] += rng.normal();
        context.report.add("noise", f64::from(genes[0]).exp());
    }
}

impl MutationOperator for Faithful {
    fn mutate(&self, _: &mut [f32], _: &OperatorContext<'_>, _: &mut Rng) {
        panic!("it is called with what the member carries");
    }

    fn carries(&self, subset: &Subset) -> Vec<f32> {
        vec![0.0, subset.size as f32]
    }

    fn mutate_carrying(&self, genes: &mut [f32], carried: &mut [f32], _: &OperatorContext<'_>, rng: &mut Rng) {
        assert_eq!((carried[0], carried[1], carried.len()), (genes[0], 3.0, 2));
        genes.iter_mut().for_each(|gene| *gene += rng.normal());
        carried[0] = genes[0];
    }
}

impl MutationOperator for Lost {
    fn mutate(&self, _: &mut [f32], _: &OperatorContext<'_>, _: &mut Rng) {}

    fn carries(&self, _: &Subset) -> Vec<f32> {
        vec![0.5, f32::NAN]
    }
}

impl MutationOperator for Twice {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, _: &mut Rng) {
        genes.iter_mut().for_each(|gene| *gene += 1.0);
    }

    fn refines(&self) -> bool {
        true
    }

    fn needs(&self, children: usize, classes: usize) -> Needs {
        Needs { forward: children, output_gradients: children * classes, ..Needs::default() }
    }

    fn refine(&self, children: &mut Population, before: &Population, _: &dyn Network, report: &Reporter) -> Result<()> {
        let n = children.len();
        assert_eq!(n, before.len());
        assert_ne!(n, 2, "these are two");
        for (child, before) in children.members_mut().zip(before.members()) {
            child.iter_mut().zip(before).for_each(|(gene, before)| {
                assert_eq!(*gene, before + 1.0);
                *gene += if n == 3 { f32::INFINITY } else { 10.0 * n as f32 };
            });
        }
        report.add("refined", n as f64);
        Ok(())
    }
}

impl CrossoverOperator for Swap {
    fn cross(&self, child: &mut [f32], other: &[f32], context: &OperatorContext<'_>, _: &mut Rng) {
        context.report.add("differs", f64::from(u8::from(child != other)));
        child.copy_from_slice(other);
    }
}

impl SelectionOperator for Worst {
    fn select(&self, from: &Candidates<'_>, count: usize, _: &mut Rng) -> Vec<usize> {
        vec![from.order[from.order.len() - 1]; count]
    }
}

impl SelectionOperator for Stray {
    fn select(&self, from: &Candidates<'_>, count: usize, _: &mut Rng) -> Vec<usize> {
        vec![(0..).find(|i| !from.order.contains(i)).unwrap(); count]
    }
}

macro_rules! entry {
    ($name:literal, $thing:expr) => {
        Entry { name: $name, summary: "", reference: "", build: |_, ()| Ok(Box::new($thing)) }
    };
}

fn setting() -> StrategyContext {
    let mut operators = Operators::builtin();
    operators.mutations.add(entry!("plus-one", PlusOne));
    operators.mutations.add(entry!("broken", Broken));
    operators.mutations.add(entry!("noisy", Noisy));
    operators.mutations.add(entry!("faithful", Faithful));
    operators.mutations.add(entry!("lost", Lost));
    operators.mutations.add(entry!("twice", Twice));
    operators.crossovers.add(entry!("swap", Swap));
    operators.selections.add(entry!("worst", Worst));
    operators.selections.add(entry!("stray", Stray));
    operators.mutations.add(entry!("panics", Panics));
    operators.crossovers.add(entry!("panics", Panics));
    operators.selections.add(entry!("panics", Panics));
    StrategyContext { classes: 7, ..context(3, operators) }
}

const REGISTRY: Entries<dyn Strategy, StrategyContext> = Entries::new("strategy", ENTRIES);

fn genetic(params: serde_json::Value) -> Box<dyn Strategy> {
    build(&REGISTRY, "genetic", params, &setting())
}

fn at(step: u64) -> Progress {
    Progress { step, used: 0.0 }
}

#[test]
fn elites_stay_and_children_come_from_the_selected_parents() {
    let given = json!({ "population": 6, "elites": 2, "mutation": "plus-one", "selection": "worst" });
    let mut strategy = genetic(given);
    let first = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap();
    assert_eq!(first.member(0), [0.0; 3], "the untouched network");
    assert!(first.members().skip(1).all(|genes| genes == [1.0; 3]), "and mutants of it");
    assert!(strategy.diagnostics().iter().any(|(name, value)| *name == "parent_loss" && value.is_nan()));

    // Make the members tell-tale: the genetic algorithm learns from what it is told was asked.
    let genes = (0..18).map(|i| (i / 3) as f32 * 10.0).collect();
    let asked = Population::from_genes(genes, 3);
    let nan = f32::NAN;
    strategy.tell(asked.clone(), &[nan, 2.0, 7.0, nan, -1.0, 3.0]).unwrap();
    assert_eq!(strategy.incumbent(), [40.0; 3]);
    let second = strategy.ask(&Generation::blind(at(1), Seed::new(2))).unwrap();
    assert_eq!((second.member(0), second.member(1)), (&[40.0; 3][..], &[10.0; 3][..]), "elites, best first");
    // The worst that has a loss is member 2; the failed ones are shown to no selection.
    assert!(second.members().skip(2).all(|genes| genes == [21.0; 3]), "{second:?}");
    assert_eq!(strategy.diagnostics(), [("parent_loss", 7.0), ("step", 1.0)]);

    // One survivor: it alone is kept, whatever the number of elites.
    strategy.tell(asked.clone(), &[nan, nan, nan, 5.0, nan, nan]).unwrap();
    let third = strategy.ask(&Generation::blind(at(2), Seed::new(3))).unwrap();
    assert_eq!(third.member(0), [30.0; 3]);
    assert!(third.members().skip(1).all(|genes| genes == [31.0; 3]), "{third:?}");
}

#[test]
fn what_an_operator_carries_follows_the_genes_of_the_first_parent() {
    let options = [("genetic", json!({ "elites": 2 })), ("steady-state-genetic", json!({ "children": 3 }))];
    for (name, mut given) in options {
        given["population"] = json!(8);
        given["mutation"] = json!("faithful");
        given["mutation_rate"] = json!(0.5);
        let make = || build(&REGISTRY, name, given.clone(), &setting());
        let mut strategy = make();
        for step in 0..12 {
            let asked = strategy.ask(&Generation::blind(at(step), Seed::new(9).index(step))).unwrap();
            strategy
                .tell(asked.clone(), &asked.members().map(|genes| (genes[1] - 1.0).powi(2)).collect::<Vec<_>>())
                .unwrap();
            let state = strategy.save();
            strategy = make();
            strategy.load(&state).unwrap();
        }
        assert_ne!(strategy.incumbent(), [0.0; 3], "{name}: mutants were parents");
    }
}

#[test]
fn the_second_parent_is_drawn_apart_from_the_first() {
    let given = json!({ "population": 401, "mutation_rate": 0.0, "crossover": "swap",
        "selection": { "name": "truncation", "keep": 2 } });
    let mut strategy = genetic(given);
    let first = strategy.ask(&Generation::blind(at(0), Seed::new(4))).unwrap();
    strategy.tell(first.clone(), &(0..401).map(|i| i as f32).collect::<Vec<_>>()).unwrap();
    let second = strategy.ask(&Generation::blind(at(1), Seed::new(5))).unwrap();
    assert!(second.members().all(|genes| genes == first.member(0) || genes == first.member(1)));
    // 400 children, each of two different parents with probability 1/2: a standard error of 0.025.
    let differs = strategy.diagnostics()[0].1;
    assert!((differs - 0.5).abs() < 0.1, "{differs}");
}

#[test]
fn rates_are_the_shares_of_children_that_are_changed() {
    let given = json!({ "population": 2001, "mutation": "plus-one", "mutation_rate": 0.3, "crossover": "none",
        "selection": { "name": "truncation", "keep": 1 } });
    let mut strategy = genetic(given);
    let first = strategy.ask(&Generation::blind(at(0), Seed::new(6))).unwrap();
    assert_eq!(first.members().filter(|genes| **genes == [1.0; 3]).count(), 2000, "all but the start at first");
    strategy.tell(first.clone(), &(0..2001).map(|i| i as f32).collect::<Vec<_>>()).unwrap();
    let second = strategy.ask(&Generation::blind(at(1), Seed::new(7))).unwrap();
    let changed = second.members().filter(|genes| **genes == [1.0; 3]).count();
    assert!(changed.abs_diff(600) < 4 * 21, "{changed} of 2000");

    let never = json!({ "population": 50, "mutation_rate": 0.0, "crossover": "swap", "crossover_rate": 0.0 });
    let mut strategy = genetic(never);
    let first = strategy.ask(&Generation::blind(at(0), Seed::new(8))).unwrap();
    strategy.tell(first.clone(), &[1.0; 50]).unwrap();
    let second = strategy.ask(&Generation::blind(at(1), Seed::new(9))).unwrap();
    assert!(second.members().all(|genes| first.members().any(|parent| parent == genes)));
    assert!(strategy.diagnostics().is_empty(), "no operator was called");
}

#[test]
fn children_that_were_mutated_are_refined_together_beside_what_they_were() {
    for name in ["genetic", "steady-state-genetic"] {
        let given = json!({ "population": 81, "mutation": "twice", "mutation_rate": 0.5,
            "selection": { "name": "truncation", "keep": 1 } });
        let mut strategy = build(&REGISTRY, name, given, &setting());
        assert_eq!(strategy.needs(), Needs { forward: 80, gradients: 0, output_gradients: 80 * 7 }, "{name}");
        let first = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap();
        assert!(first.member(0) == [0.0; 3] && first.members().skip(1).all(|genes| genes == [801.0; 3]), "{name}");
        assert_eq!(strategy.diagnostics(), [("refined", 80.0)]);
        // The start is the best, and the parent of all.
        strategy.tell(first, &(0..81).map(|i| i as f32).collect::<Vec<_>>()).unwrap();
        let second = strategy.ask(&Generation::blind(at(1), Seed::new(2))).unwrap();
        let refined = strategy.diagnostics()[0].1 as f32;
        assert!(refined > 3.0 && refined < 60.0, "{name}: about half of the children: {refined}");
        let children = second.members().filter(|genes| **genes == [10.0 * refined + 1.0; 3]).count();
        assert_eq!(children, refined as usize, "{name}: those that were mutated");
        assert!(second.members().filter(|genes| **genes == [0.0; 3]).count() > 1, "{name}: and no other");
    }
    let mut strategy = build(&REGISTRY, "genetic", json!({ "population": 4, "mutation": "twice" }), &setting());
    let message = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap_err().to_string();
    assert!(message.contains("mutation `twice` made gene 0 inf"), "{message}");
    let mut strategy = build(&REGISTRY, "genetic", json!({ "population": 3, "mutation": "twice" }), &setting());
    let message = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap_err().to_string();
    assert!(message.contains("mutation `twice` panicked") && message.contains("these are two"), "{message}");
}

#[test]
fn plus_keeps_the_best_of_parents_and_children_and_comma_keeps_none() {
    let made = |selection: serde_json::Value| {
        let mut strategy = genetic(json!({ "population": 40, "mutation": "plus-one", "selection": selection }));
        let first = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap();
        // Members that tell their index; the best are 39, 38, 37.
        let asked = Population::from_genes((0..120).map(|i| (i / 3) as f32 * 10.0).collect(), 3);
        assert_eq!(first.len(), 40);
        strategy.tell(asked, &(0..40).map(|i| -(i as f32)).collect::<Vec<_>>()).unwrap();
        strategy
    };
    let value = |genes: &[f32]| genes[0];
    let mut plus = made(json!({ "name": "plus", "parents": 3 }));
    let second = plus.ask(&Generation::blind(at(1), Seed::new(2))).unwrap();
    let values: Vec<f32> = second.members().map(value).collect();
    assert_eq!(values[..3], [390.0, 380.0, 370.0], "the parents are members again");
    assert!(values[3..].iter().all(|child| [391.0, 381.0, 371.0].contains(child)), "{values:?}");
    // On the next batch one parent and two children are best: they are the parents then, whatever was before.
    let mut losses = vec![1.0; 40];
    [1, 20, 30].iter().for_each(|member| losses[*member] = 0.0);
    plus.tell(second.clone(), &losses).unwrap();
    let third = plus.ask(&Generation::blind(at(2), Seed::new(3))).unwrap();
    for (place, member) in [1, 20, 30].into_iter().enumerate() {
        assert_eq!(third.member(place), second.member(member));
    }

    let mut comma = made(json!({ "name": "comma", "parents": 3 }));
    let second = comma.ask(&Generation::blind(at(1), Seed::new(2))).unwrap();
    assert!(second.members().map(value).all(|child| [391.0, 381.0, 371.0].contains(&child)), "{second:?}");
    for parent in [391.0, 381.0, 371.0] {
        assert!(second.members().map(value).any(|child| child == parent), "{parent}: {second:?}");
    }
}

#[test]
fn elites_that_gainsay_the_selection_are_refused_and_equal_ones_are_not() {
    let told = |elites: u64, selection: serde_json::Value| {
        let params = json!({ "population": 8, "elites": elites, "selection": selection });
        try_build(&REGISTRY, "genetic", params, &setting()).err()
    };
    assert!(told(3, json!({ "name": "plus", "parents": 3 })).is_none(), "as a resolved configuration has it");
    assert!(told(0, json!("comma")).is_none());
    let message = &told(1, json!({ "name": "plus", "parents": 3 })).unwrap()[0];
    assert!(message.contains("selection `plus` keeps 3 of 8 members, not 1"), "{message}");
    let message = &told(1, json!("comma")).unwrap()[0];
    assert!(message.contains("selection `comma` keeps 0 of 8 members"), "{message}");
    let message = &told(7, json!({ "name": "plus", "parents": 8 })).unwrap()[0];
    assert!(message.contains("keeps all 8 members"), "{message}");
    let steady = json!({ "selection": "plus" });
    let message = &try_build(&REGISTRY, "steady-state-genetic", steady, &setting()).err().unwrap()[0];
    assert!(message.contains("selection `plus`") && message.contains("`genetic`"), "{message}");
}

#[test]
fn reported_means_do_not_depend_on_threads() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut strategy = genetic(json!({ "population": 500, "mutation": "noisy" }));
            strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap();
            strategy.diagnostics()[0].1.to_bits()
        })
    };
    let one = on(1);
    assert!((0..20).all(|_| on(4) == one));
}

#[test]
fn an_operator_that_breaks_its_contract_is_named() {
    let span = |parameter: &str, gene: usize, length: usize| Span {
        parameter: parameter.to_string(),
        layer: "conv1".to_string(),
        kind: ParameterKind::ConvWeight,
        filter: 0,
        offset: 0,
        length,
        gene,
        position: gene,
        fan_in: 9,
    };
    let mut setting = setting();
    let spans = vec![span("conv1.weight", 0, 1), span("bn1.weight", 1, 2)];
    setting.subset = std::sync::Arc::new(Subset { name: "test".to_string(), size: 3, spans });
    let mut strategy = build(&REGISTRY, "genetic", json!({ "mutation": "broken" }), &setting);
    let message = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap_err().to_string();
    let told = ["mutation `broken`", "gene 1", "`bn1.weight`", "inf"].iter().all(|word| message.contains(word));
    assert!(told, "{message}");

    let mut strategy = build(&REGISTRY, "genetic", json!({ "mutation": "lost" }), &setting);
    let message = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap_err().to_string();
    assert!(["mutation `lost`", "number 1", "NaN"].iter().all(|word| message.contains(word)), "{message}");

    let mut strategy = build(&REGISTRY, "genetic", json!({ "population": 4, "selection": "stray" }), &setting);
    let first = strategy.ask(&Generation::blind(at(0), Seed::new(1))).unwrap();
    strategy.tell(first.clone(), &[1.0, f32::NAN, 2.0, 3.0]).unwrap();
    let message = strategy.ask(&Generation::blind(at(1), Seed::new(2))).unwrap_err().to_string();
    assert!(message.contains("selection `stray`") && message.contains("member 1"), "{message}");
}

#[test]
fn every_bad_part_is_told_at_once_and_nothing_else() {
    let given = json!({ "population": 8, "elites": 8, "mutation": "gausian", "crossover": { "name": "uniform", "share": 2 },
        "selection": { "size": 3 } });
    let messages = try_build(&REGISTRY, "genetic", given, &setting()).err().unwrap();
    let expected =
        ["it.elites` = 8: must be an integer, 0 to 7", "unknown mutation `gausian`", "share` = 2", "no `name`"];
    assert_eq!(messages.len(), expected.len(), "{messages:?}");
    assert!(expected.iter().all(|word| messages.iter().any(|message| message.contains(word))), "{messages:?}");
}

#[test]
fn an_operator_that_panics_is_an_error_with_its_name_and_what_it_said() {
    for (key, message) in [
        ("mutation", "mutation `panics` panicked: 3 genes are too many"),
        ("crossover", "crossover `panics` panicked: cannot cross"),
        ("selection", "selection `panics` panicked: cannot choose"),
    ] {
        let mut strategy = genetic(json!({ "population": 6, key: "panics" }));
        let mut generation = |step: u64| {
            let asked = strategy.ask(&Generation::blind(at(step), Seed::new(1)))?;
            strategy.tell(asked, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        };
        let said = generation(0).and_then(|()| generation(1)).unwrap_err().to_string();
        assert!(said.contains(message), "{said}");
    }
}
