//! Properties of every strategy of the registry under made-up histories: any number of genes from one on, odd and tiny
//! populations, losses with ties, infinities and failures, a pause anywhere. Nothing here asks for a strategy by its name.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest, ProptestConfig};
use proptest::strategy::Strategy as Generator;
use serde_json::json;
use subevo::operator::{Operators, Population};
use subevo::rng::Seed;
use subevo::state::Array;
use subevo::strategy::{Contract, Strategy, CONTRACTS};

use crate::strategies::{ask, context, REGISTRY};
use crate::tables::try_build;

/// A made-up history.
#[derive(Clone, Debug)]
struct History {
    /// Genes.
    k: usize,
    /// Members above the least, where there is such an option; the next even number where odd ones are refused.
    more: u64,
    /// Generations.
    steps: u64,
    /// Where there is a pause.
    pause: u64,
    /// Address of noise and losses.
    root: u64,
    /// How many of sixteen members fail.
    failing: u64,
}

fn histories() -> impl Generator<Value = History> {
    (1usize..24, 0u64..9, 2u64..7, any::<u64>(), 0u64..10, any::<u64>()).prop_map(
        |(k, more, steps, root, failing, pause)| History { k, more, steps, pause: pause % steps, root, failing },
    )
}

fn make(contract: &Contract, history: &History) -> Box<dyn Strategy> {
    let with = |more: u64| {
        let params = contract.least_population.map_or(json!({}), |least| json!({ "population": least + more }));
        try_build(&REGISTRY, contract.name, params, &context(history.k, Operators::builtin()))
    };
    with(history.more).or_else(|_| with(history.more + 1)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Losses from the history alone: distances to a point, in coarse steps so that some are equal, now and then infinite or NaN, but
/// never NaN for all.
fn losses(asked: &Population, history: &History, step: u64) -> Vec<f32> {
    let mut rng = Seed::new(history.root).child("losses").index(step).rng();
    let mut losses: Vec<f32> = asked
        .members()
        .map(|genes| {
            let distance: f32 = genes.iter().map(|gene| (gene - 0.5).powi(2)).sum();
            match rng.below(16) as u64 {
                chance if chance < history.failing => f32::NAN,
                15 => f32::INFINITY,
                _ => (distance * 64.0).round() / 64.0,
            }
        })
        .collect();
    if losses.iter().all(|loss| loss.is_nan()) {
        losses[rng.below(asked.len())] = 1.0;
    }
    losses
}

/// All bits that two strategies can differ in.
fn bits(strategy: &dyn Strategy) -> Vec<(String, Vec<u64>)> {
    let of = |array: &Array| match array {
        Array::F32(values) => values.iter().map(|x| u64::from(x.to_bits())).collect(),
        Array::F64(values) => values.iter().map(|x| x.to_bits()).collect(),
        Array::U64(values) => values.clone(),
    };
    let deployed = strategy.incumbent().iter().map(|gene| u64::from(gene.to_bits())).collect();
    let state = strategy.save();
    let arrays = state.arrays.iter().map(|(name, array)| (name.clone(), of(array)));
    arrays.chain([("incumbent".to_string(), deployed)]).collect()
}

/// One generation; gives what was asked.
fn step(strategy: &mut dyn Strategy, history: &History, at: u64, rule: impl Fn(Vec<f32>) -> Vec<f32>) -> Population {
    let asked = ask(strategy, history.root, at);
    let told = rule(losses(&asked, history, at));
    strategy.tell(asked.clone(), &told).unwrap();
    asked
}

/// A crooked rising map that keeps ties, infinities in their place and NaN: what is left is the order.
fn crooked(losses: Vec<f32>) -> Vec<f32> {
    let mut values: Vec<f32> = losses.iter().copied().filter(|loss| !loss.is_nan()).collect();
    values.sort_by(f32::total_cmp);
    values.dedup();
    let place = |loss: f32| values.partition_point(|value| *value < loss) as f32;
    losses.into_iter().map(|loss| if loss.is_nan() { loss } else { place(loss).powi(3) - 1e4 }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn only_the_order_of_losses_matters_to_those_that_say_so(history in histories()) {
        for contract in CONTRACTS.iter().filter(|contract| contract.rank_based) {
            let (mut plain, mut mapped) = (make(contract, &history), make(contract, &history));
            for at in 0..history.steps {
                let asked = step(&mut *plain, &history, at, |losses| losses);
                prop_assert!(asked == step(&mut *mapped, &history, at, crooked), "{}, generation {at}", contract.name);
                prop_assert_eq!(plain.incumbent(), mapped.incumbent(), "{}, generation {}", contract.name, at);
            }
        }
    }

    #[test]
    fn a_failed_member_never_becomes_the_incumbent_and_nothing_that_is_not_finite_comes_of_it(history in histories()) {
        for contract in CONTRACTS {
            let mut strategy = make(contract, &history);
            for at in 0..history.steps {
                let asked = ask(&mut *strategy, history.root, at);
                let told = losses(&asked, &history, at);
                strategy.tell(asked.clone(), &told).unwrap();
                let deployed = strategy.incumbent().to_vec();
                prop_assert!(asked.genes().iter().chain(&deployed).all(|gene| gene.is_finite()), "{}", contract.name);
                let same = |failed: bool| {
                    let members = asked.members().zip(&told);
                    members.filter(|(genes, loss)| loss.is_nan() == failed && **genes == deployed[..]).count()
                };
                // Of equal genomes one may fail and one not.
                prop_assert!(same(true) == 0 || same(false) > 0, "{}: generation {at}: {told:?}", contract.name);
                if strategy.stop().is_some() {
                    break;
                }
            }
        }
    }

    #[test]
    fn after_a_pause_anywhere_everything_continues_bit_for_bit(history in histories()) {
        for contract in CONTRACTS {
            let mut strategy = make(contract, &history);
            for at in 0..history.pause {
                step(&mut *strategy, &history, at, |losses| losses);
            }
            let mut copy = make(contract, &history);
            copy.load(&strategy.save()).unwrap();
            for at in history.pause..history.steps {
                let asked = step(&mut *strategy, &history, at, |losses| losses);
                prop_assert!(asked == step(&mut *copy, &history, at, |losses| losses), "{}, generation {at}", contract.name);
                prop_assert_eq!(bits(&*strategy), bits(&*copy), "{}, generation {}", contract.name, at);
                prop_assert_eq!(strategy.stop(), copy.stop(), "{}", contract.name);
                if strategy.stop().is_some() {
                    break;
                }
            }
        }
    }
}
