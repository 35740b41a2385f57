//! Every operator of the registries: the contract that a genetic algorithm relies on.

use std::sync::Arc;

use serde_json::json;
use subevo::entry::Entries;
use subevo::operator::{Candidates, OperatorContext, Operators, Population, Progress, Reporter};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::strategy::{self, Generation, Strategy, StrategyContext};
use subevo::subset::{GeneScale, Start, Subset};

use crate::networks::{init, select, small_network};
use crate::tables::{build, try_build};

fn bits(genes: &[f32]) -> Vec<u32> {
    genes.iter().map(|gene| gene.to_bits()).collect()
}

/// Starts of one weight, of two, of one filter with a batch-norm, and of all 372 weights of a small network, by an init that
/// also draws biases.
fn starts() -> Vec<Start> {
    let lists = [
        json!([{ "weights": 1 }]),
        json!([{ "weights": 2 }]),
        json!([{ "filters": 1, "in": "conv2" }, { "layers": "bn2" }]),
        json!([{ "all": true }]),
    ];
    let graph = small_network();
    let start = |list| {
        let subset = Arc::new(select(list, &graph, 7));
        Start::new(graph.clone(), subset, &*init("pytorch"), GeneScale::Init, Background::Random, Seed::new(7))
    };
    lists.into_iter().map(start).collect()
}

/// Calls `run` with the context of a generation of five parents, of whom member 3 has no loss; the first is changed.
fn with_generation<T>(start: &Start, run: impl FnOnce(&Population, &OperatorContext<'_>) -> T) -> T {
    let (mut rng, k) = (Seed::new(99).rng(), start.subset.size);
    let parents = Population::from_genes((0..5 * k).map(|_| rng.normal()).collect(), k);
    let report = Reporter::default();
    let context = OperatorContext {
        at: Progress { step: 3, used: 0.5 },
        subset: &start.subset,
        base: &start.base_in_genes(),
        draws: &start.draws,
        parents: &parents,
        order: &[2, 0, 4, 1],
        parent: 0,
        parent_loss: 1.5,
        report: &report,
    };
    let result = run(&parents, &context);
    assert!(report.take().iter().all(|(_, value)| value.is_finite()));
    result
}

#[test]
fn mutation_is_finite_changes_something_and_is_a_function_of_its_stream() {
    let registry = Operators::builtin().mutations;
    for entry in registry.entries() {
        let operator = build(&registry, entry.name, json!({}), &());
        for start in starts() {
            let k = start.subset.size;
            let mutate = |seed: u64| {
                with_generation(&start, |parents, context| {
                    let mut genes = parents.member(0).to_vec();
                    let mut carried = operator.carries(&start.subset);
                    operator.mutate_carrying(&mut genes, &mut carried, context, &mut Seed::new(seed).rng());
                    assert!(genes.iter().chain(&carried).all(|x| x.is_finite()), "{}: {genes:?}", entry.name);
                    (bits(&genes), bits(&carried), bits(parents.member(0)))
                })
            };
            assert_eq!(mutate(1), mutate(1), "{}, k {k}", entry.name);
            let (one, _, parent) = mutate(1);
            // With one gene there may be but one step.
            assert!(k < 3 || one != mutate(2).0, "{}, k {k}: another stream, another step", entry.name);
            // A step may be rare for one gene, not for all of them over twenty streams.
            assert!((0..20).any(|seed| mutate(seed).0 != parent), "{}, k {k}", entry.name);
        }
    }
}

#[test]
fn mutation_without_a_network_is_finite_or_says_that_it_needs_one_and_one_that_reads_spans_is_refused_where_there_are_none(
) {
    let (registry, start) = (Operators::builtin().mutations, starts().swap_remove(3));
    let strategies = Entries::<dyn Strategy, StrategyContext>::new("strategy", strategy::ENTRIES);
    let mut refused = 0;
    for entry in registry.entries() {
        let operator = build(&registry, entry.name, json!({}), &());
        let context = |subset: Subset| StrategyContext {
            classes: 3,
            subset: Arc::new(subset),
            operators: Arc::new(Operators::builtin()),
            strategies: strategies.clone(),
            memory: 1 << 30,
        };
        let params = json!({ "mutation": entry.name, "population": 4 });
        let with_spans = context((*start.subset).clone());
        let mut strategy = build(&strategies, "genetic", params.clone(), &with_spans);
        let at = Progress { step: 0, used: 0.0 };
        let asked = strategy.ask(&Generation::blind(at, Seed::new(1)));
        if operator.refines() {
            let said = asked.unwrap_err().to_string();
            assert!(said.contains(entry.name) && said.contains("there is no network here"), "{said}");
            continue;
        }
        assert_eq!(asked.unwrap().len(), 4, "{}", entry.name);
        match try_build(&strategies, "genetic", params, &context(Subset::without_places("subspace", 5))) {
            Ok(mut strategy) => {
                assert!(!operator.needs_spans(), "{}", entry.name);
                strategy.ask(&Generation::blind(at, Seed::new(1))).unwrap();
            }
            Err(messages) => {
                assert!(operator.needs_spans() && messages[0].contains("subspace"), "{}: {messages:?}", entry.name);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn crossover_is_finite_a_function_of_its_stream_and_leaves_equal_parents_alone() {
    let registry = Operators::builtin().crossovers;
    for entry in registry.entries() {
        let operator = build(&registry, entry.name, json!({}), &());
        for start in starts() {
            let k = start.subset.size;
            let cross = |other: usize| {
                with_generation(&start, |parents, context| {
                    let mut child = parents.member(0).to_vec();
                    operator.cross(&mut child, parents.member(other), context, &mut Seed::new(5).rng());
                    assert!(child.iter().all(|gene| gene.is_finite()), "{}: {child:?}", entry.name);
                    (bits(&child), bits(parents.member(0)))
                })
            };
            assert_eq!(cross(1), cross(1), "{}, k {k}", entry.name);
            let (child, parent) = cross(0);
            assert_eq!(child, parent, "{}, k {k}: a genome crossed with itself", entry.name);
        }
    }
}

#[test]
fn selection_gives_as_many_as_asked_from_the_shown_and_prefers_the_better() {
    let registry = Operators::builtin().selections;
    for entry in registry.entries() {
        let operator = build(&registry, entry.name, json!({}), &());
        // Member indices that are no ranks: failed members are left out of the order.
        let order: Vec<usize> = (0..31).map(|rank| (rank * 12 + 5) % 37).collect();
        let mut losses = [f32::NAN; 37];
        order.iter().enumerate().for_each(|(rank, member)| losses[*member] = rank as f32 / 8.0);
        // Two of three classes rise by rank, each with a ripple; of the third the batch has no image.
        let of_member = |loss: &f32| [*loss, (loss * 5.0).floor() / 3.0, f32::NAN];
        let by_class: Vec<f32> = losses.iter().flat_map(of_member).collect();
        let count = 20_000;
        let select = |seed: u64| {
            operator.select(
                &Candidates { order: &order, losses: &losses, by_class: &by_class },
                count,
                &mut Seed::new(seed).rng(),
            )
        };
        let chosen = select(1);
        assert_eq!((chosen.len(), &chosen), (count, &select(1)), "{}", entry.name);
        assert_ne!(chosen, select(2), "{}", entry.name);
        let rank_of = |member: &usize| order.iter().position(|i| i == member);
        let ranks: Vec<usize> = chosen.iter().map(|i| rank_of(i).expect("a member of the order")).collect();
        // Chance gives a mean rank of 15, with a standard error of 0.063.
        let mean = ranks.iter().sum::<usize>() as f64 / count as f64;
        assert!(mean < 15.0 - 4.0 * 0.063, "{}: mean rank {mean}", entry.name);
        assert_eq!(
            operator.select(
                &Candidates { order: &[7], losses: &losses, by_class: &by_class },
                3,
                &mut Seed::new(1).rng()
            ),
            [7, 7, 7],
            "{}",
            entry.name
        );
        assert!(
            operator
                .select(&Candidates { order: &order, losses: &losses, by_class: &by_class }, 0, &mut Seed::new(1).rng())
                .is_empty(),
            "{}",
            entry.name
        );
    }
}
