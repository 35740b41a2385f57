//! Every operator of the registries: the contract that a genetic algorithm relies on.

use subevo::graph::ParameterKind;
use subevo::operator::{Candidates, OperatorContext, Operators, Population, Progress, Reporter};
use subevo::rng::Seed;
use subevo::subset::{Span, Subset};

use crate::tables::build;

fn bits(genes: &[f32]) -> Vec<u32> {
    genes.iter().map(|gene| gene.to_bits()).collect()
}

/// Filters of a convolution, then their biases, then both vectors of a batch-norm, as far as the genes reach.
fn spans(k: usize) -> Vec<Span> {
    let kinds = [
        ("conv1", "weight", ParameterKind::ConvWeight, 9, 20),
        ("conv1", "bias", ParameterKind::ConvBias, 20, 1),
        ("bn1", "scale", ParameterKind::BatchNormScale, 20, 1),
        ("bn1", "shift", ParameterKind::BatchNormShift, 20, 1),
        ("fc", "weight", ParameterKind::LinearWeight, 40, 1_000),
    ];
    let (mut spans, mut gene): (Vec<Span>, usize) = (Vec::new(), 0);
    for (layer, parameter, kind, length, rows) in kinds {
        for filter in 0..rows {
            let length = length.min(k - gene);
            if length > 0 {
                spans.push(Span {
                    parameter: format!("{layer}.{parameter}"),
                    layer: layer.to_string(),
                    kind,
                    filter,
                    offset: filter * length,
                    length,
                    gene,
                    position: gene,
                    fan_in: 9,
                });
                gene += length;
            }
        }
    }
    spans
}

/// Calls `run` with the context of a generation of two parents; gives what was reported.
fn with_parents<T>(k: usize, run: impl FnOnce(&Population, &OperatorContext<'_>) -> T) -> T {
    let subset = Subset { name: "test".to_string(), size: k, spans: spans(k) };
    let mut rng = Seed::new(99).rng();
    let parents = Population::from_genes((0..2 * k).map(|_| rng.normal()).collect(), k);
    let (at, report) = (Progress { step: 3, used: 0.5 }, Reporter::default());
    let context = OperatorContext {
        at,
        subset: &subset,
        base: &[],
        draws: &[],
        parents: &parents,
        order: &[0],
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
        let operator = build(&registry, entry.name, serde_json::json!({}), &());
        for k in [1, 2, 257, 1000] {
            let mutate = |seed: u64| {
                with_parents(k, |parents, context| {
                    let mut genes = parents.member(0).to_vec();
                    operator.mutate(&mut genes, context, &mut Seed::new(seed).rng());
                    assert!(genes.iter().all(|gene| gene.is_finite()), "{}: {genes:?}", entry.name);
                    (bits(&genes), bits(parents.member(0)))
                })
            };
            assert_eq!(mutate(1), mutate(1), "{}, k {k}", entry.name);
            let (one, parent) = mutate(1);
            assert_ne!(one, mutate(2).0, "{}, k {k}: another stream, another step", entry.name);
            // A step may be rare for one gene, not for all of them over twenty streams.
            assert!((0..20).any(|seed| mutate(seed).0 != parent), "{}, k {k}", entry.name);
        }
    }
}

#[test]
fn crossover_is_finite_a_function_of_its_stream_and_leaves_equal_parents_alone() {
    let registry = Operators::builtin().crossovers;
    for entry in registry.entries() {
        let operator = build(&registry, entry.name, serde_json::json!({}), &());
        for k in [1, 2, 257, 1000] {
            let cross = |other: usize| {
                with_parents(k, |parents, context| {
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
        let operator = build(&registry, entry.name, serde_json::json!({}), &());
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
