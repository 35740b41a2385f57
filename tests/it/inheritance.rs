//! Fitness inheritance (LEEA): what members of the genetic algorithms are judged by over generations, by hand.

use serde_json::json;
use subevo::entry::Entries;
use subevo::operator::{Candidates, MutationOperator, OperatorContext, Operators};
use subevo::operator::{Population, Progress, SelectionOperator};
use subevo::rng::{Rng, Seed};
use subevo::strategy::{Generation, Strategy, StrategyContext, ENTRIES};

use crate::strategies::context;
use crate::tables::{build, try_build};

const REGISTRY: Entries<dyn Strategy, StrategyContext> = Entries::new("strategy", ENTRIES);

/// Adds 1 to the first gene.
struct PlusOne;
/// Gives the best two in turn: children 0, 2, ... are of the best alone, 1, 3, ... of the second best.
struct BestTwo;

impl MutationOperator for PlusOne {
    fn mutate(&self, genes: &mut [f32], _: &OperatorContext<'_>, _: &mut Rng) {
        genes[0] += 1.0;
    }
}

impl SelectionOperator for BestTwo {
    fn select(&self, from: &Candidates<'_>, count: usize, _: &mut Rng) -> Vec<usize> {
        (0..count).map(|child| from.order[child % 2.min(from.order.len())]).collect()
    }
}

fn make(name: &str, params: serde_json::Value) -> Box<dyn Strategy> {
    let mut operators = Operators::builtin();
    macro_rules! entry {
        ($name:literal, $thing:expr) => {
            subevo::entry::Entry { name: $name, summary: "", reference: "", build: |_, ()| Ok(Box::new($thing)) }
        };
    }
    operators.mutations.add(entry!("plus-one", PlusOne));
    operators.selections.add(entry!("best-two", BestTwo));
    build(&REGISTRY, name, params, &context(2, operators))
}

fn ask(strategy: &mut dyn Strategy, step: u64) -> Population {
    strategy.ask(&Generation::blind(Progress { step, used: 0.0 }, Seed::new(step))).unwrap()
}

/// What the parents are judged by, from the state.
fn judged(strategy: &dyn Strategy, name: &str, n: usize) -> Vec<f32> {
    strategy.save().f32s(&format!("{name}.losses"), n).unwrap().to_vec()
}

#[test]
fn three_generations_are_judged_by_the_sums_that_the_paper_gives() {
    let given = json!({ "population": 4, "elites": 1, "mutation": "plus-one", "selection": "best-two",
        "inheritance": 0.5 });
    let mut strategy = make("genetic", given);
    let first = ask(&mut *strategy, 0);
    strategy.tell(first, &[4.0, 1.0, 3.0, 2.0]).unwrap();
    assert_eq!(judged(&*strategy, "genetic", 4), [4.0, 1.0, 3.0, 2.0], "nothing to inherit");
    // Elite: member 1. Children of the best two, members 1, 3, 1.
    let second = ask(&mut *strategy, 1);
    strategy.tell(second.clone(), &[9.0, f32::NAN, 2.0, 9.0]).unwrap();
    let expected = [9.0 + 0.5, f32::NAN, 2.0 + 1.0, 9.0 + 0.5];
    assert_eq!(judged(&*strategy, "genetic", 4).map_nan(), expected.to_vec().map_nan());
    assert_eq!(strategy.incumbent(), second.member(2));
    // Elite: member 2 (3). Children of members 2 and 0 (9.5, the first of equals), 2. A child that would win on its own
    // loses by what its parent was.
    let third = ask(&mut *strategy, 2);
    assert_eq!(third.member(0), second.member(2));
    strategy.tell(third.clone(), &[4.0, 4.5, 1.0, 5.0]).unwrap();
    assert_eq!(judged(&*strategy, "genetic", 4), [4.0 + 1.5, 4.5 + 1.5, 1.0 + 4.75, 5.0 + 1.5]);
    assert_eq!(strategy.incumbent(), third.member(0), "member 2 has the least loss, and a bad parent");
}

trait MapNan {
    fn map_nan(self) -> Vec<Option<f32>>;
}

impl MapNan for Vec<f32> {
    /// NaN equals itself.
    fn map_nan(self) -> Vec<Option<f32>> {
        self.into_iter().map(|x| (!x.is_nan()).then_some(x)).collect()
    }
}

#[test]
fn a_child_of_two_inherits_the_mean_and_no_crossover_makes_no_second_parent() {
    // Truncation to two, both parents drawn at random: without crossover children inherit of the first alone.
    for (crossover, kinds) in [("none", vec![1.0, 2.0]), ("uniform", vec![1.0, 1.5, 2.0])] {
        let given = json!({ "population": 60, "elites": 0, "crossover": crossover, "inheritance": 0.5,
            "selection": { "name": "truncation", "keep": 2 } });
        let mut strategy = make("genetic", given);
        let first = ask(&mut *strategy, 0);
        let losses: Vec<f32> = (0..60).map(|member| if member < 2 { 1.0 + member as f32 } else { 7.0 }).collect();
        strategy.tell(first, &losses).unwrap();
        let second = ask(&mut *strategy, 1);
        strategy.tell(second, &[10.0; 60]).unwrap();
        let mut found = judged(&*strategy, "genetic", 60);
        found.sort_by(f32::total_cmp);
        found.dedup();
        assert_eq!(found, kinds.iter().map(|kind| 10.0 + 0.5 * kind).collect::<Vec<f32>>(), "{crossover}");
    }
}

#[test]
fn parents_that_stay_inherit_from_themselves_and_nothing_that_failed_is_inherited() {
    let given = json!({ "population": 4, "children": 1, "mutation": "plus-one", "selection": "best-two",
        "inheritance": 0.5 });
    let name = "steady-state-genetic";
    let mut strategy = make(name, given);
    let first = ask(&mut *strategy, 0);
    strategy.tell(first, &[4.0, f32::NAN, f32::NAN, 2.0]).unwrap();
    // Three stay, a failed one among them.
    assert_eq!(judged(&*strategy, name, 3).map_nan(), [Some(4.0), None, Some(2.0)]);
    // They, and a child of the best (2); the failed one inherits the worst, 4.
    let second = ask(&mut *strategy, 1);
    strategy.tell(second, &[1.0, 1.0, 4.0, 3.0]).unwrap();
    // 1 + 2, 1 + 2, 4 + 1, 3 + 1: the third leaves.
    assert_eq!(judged(&*strategy, name, 3), [3.0, 3.0, 4.0]);
}

#[test]
fn inheritance_continues_after_a_load_and_must_be_below_one() {
    let given = || json!({ "population": 8, "crossover": "uniform", "inheritance": 0.8 });
    for name in ["genetic", "steady-state-genetic"] {
        let (mut one, mut other) = (make(name, given()), make(name, given()));
        let losses = |asked: &Population, step: u64| -> Vec<f32> {
            asked.members().enumerate().map(|(i, genes)| genes[0] + (i as f32 * 7.3 + step as f32).sin()).collect()
        };
        for step in 0..6 {
            let asked = ask(&mut *one, step);
            let told = losses(&asked, step);
            one.tell(asked, &told).unwrap();
            if step >= 2 {
                let asked = ask(&mut *other, step);
                let told = losses(&asked, step);
                other.tell(asked, &told).unwrap();
                assert_eq!(one.save(), other.save(), "{name} after step {step}");
            } else if step == 1 {
                other.load(&one.save()).unwrap();
            }
        }
        let problems = try_build(&REGISTRY, name, json!({ "inheritance": 1.0 }), &context(2, Operators::builtin()));
        assert!(problems.err().unwrap()[0].contains("at least 0 and less than 1"));
    }
}
