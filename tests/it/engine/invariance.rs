//! Properties of random networks that hold bit for bit: how a population is cut, in which order it stands, how many
//! threads and how much memory there are, and what a broken member does to the others.

use std::sync::LazyLock;

use proptest::prelude::*;
use subevo::data::Batch;
use subevo::engine::{Engine, Loss, Statistics};
use subevo::operator::Population;
use subevo::plan::Limits;
use subevo::rng::Seed;

use super::case::{config, engine, recipes, Case, Recipe};
use super::oracle::Oracle;
use super::plain::Nudge;

/// Pools of one, two and three threads.
static POOLS: LazyLock<Vec<rayon::ThreadPool>> = LazyLock::new(|| {
    (1..4).map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()).collect()
});

/// Bits of each loss; all NaN alike.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits()).collect()
}

fn losses(engine: &dyn Engine, population: &Population, case: &Case) -> Vec<u32> {
    bits(&engine.losses(population, &case.batch, case.loss).unwrap())
}

/// The members at these places.
fn members(population: &Population, places: &[usize]) -> Population {
    Population::from_genes(places.iter().flat_map(|i| population.member(*i).to_vec()).collect(), population.size())
}

/// The images at these places.
fn images(batch: &Batch, places: &[usize]) -> Batch {
    let [_, c, h, w] = batch.shape;
    let image = |i: &usize| batch.images[i * c * h * w..][..c * h * w].to_vec();
    Batch {
        images: places.iter().flat_map(image).collect(),
        labels: places.iter().map(|i| batch.labels[*i]).collect(),
        shape: [places.len(), c, h, w],
        places: None,
        noise: None,
    }
}

fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..n).collect();
    Seed::new(seed).rng().shuffle(&mut places);
    places
}

/// Everything that an engine gives for one case.
#[derive(Debug, PartialEq)]
struct Everything {
    losses: Vec<u32>,
    error: Vec<u32>,
    gradient: (u64, Vec<u32>),
    statistics: Vec<Vec<u32>>,
    logits: Vec<u32>,
    others: Vec<u32>,
}

fn everything(case: &Case, limits: Limits) -> Everything {
    let engine = engine(case.start.clone(), case.plan(limits));
    let trained = case.trained(0);
    let (loss, gradient) = engine.gradient(&trained, &case.batch, case.loss).unwrap();
    let (statistics, logits) = engine.recalibrate(&trained, &case.batch).unwrap();
    let of = |layer: &Statistics| [bits(&layer.mean), bits(&layer.variance)].concat();
    Everything {
        losses: losses(&engine, &case.population, case),
        error: bits(&engine.losses(&case.population, &case.batch, Loss::Error).unwrap()),
        gradient: (loss.to_bits(), bits(&gradient)),
        others: bits(&engine.logits(&trained, &statistics, &case.others).unwrap()),
        statistics: statistics.iter().map(of).collect(),
        logits: bits(&logits),
    }
}

/// Cases of a population that fills more than one unit.
fn crowds() -> impl Strategy<Value = Recipe> {
    let members = prop_oneof![1 => 2..7usize, 1 => prop::sample::select(vec![16, 17, 20, 33])];
    (recipes(), members).prop_map(|(mut recipe, members)| {
        recipe.setting.members = members;
        recipe
    })
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn threads_and_memory_never_change_a_bit_of_random_networks(recipe in crowds()) {
        let case = recipe.case();
        let expected = POOLS[0].install(|| everything(&case, Limits { memory: 1 << 30, threads: 1 }));
        prop_assert_eq!(expected.losses.len(), case.population.len());
        for (threads, memory) in [(1, 1), (2, 1 << 30), (3, 1 << 18), (3, 1)] {
            let got = POOLS[threads - 1].install(|| everything(&case, Limits { memory, threads }));
            prop_assert_eq!(&got, &expected, "{} threads, {} bytes", threads, memory);
        }
    }

    #[test]
    fn a_member_has_the_same_loss_alone_in_any_part_and_in_any_order(recipe in crowds(), seed in any::<u64>()) {
        let case = recipe.case();
        let engine = case.engine();
        let whole = losses(&engine, &case.population, &case);
        let n = whole.len();
        let of = |places: &[usize]| losses(&engine, &members(&case.population, places), &case);
        let alone: Vec<u32> = (0..n).flat_map(|i| of(&[i])).collect();
        prop_assert_eq!(&alone, &whole, "each alone");
        let places: Vec<usize> = (0..n).collect();
        let (first, second) = places.split_at(n / 2);
        let halves = [first, second].into_iter().filter(|part| !part.is_empty()).flat_map(of).collect::<Vec<_>>();
        prop_assert_eq!(&halves, &whole, "in halves");
        let order = shuffled(n, seed);
        let expected: Vec<u32> = order.iter().map(|i| whole[*i]).collect();
        prop_assert_eq!(of(&order), expected, "in another order");
        let twice = [&order[..1], &order[..]].concat();
        prop_assert_eq!(of(&twice)[0], whole[order[0]], "a member twice");
        prop_assert_eq!(losses(&engine, &case.population, &case), whole, "a second time");
    }

    #[test]
    fn genes_that_are_no_numbers_fail_their_member_and_no_other(recipe in crowds(), seed in any::<u64>()) {
        let case = recipe.case();
        broken_genes_fail_their_member_alone(&case.engine(), &case, seed)?;
    }
}

/// Genes that are no numbers, or too great, in one member.
fn broken_genes_fail_their_member_alone(engine: &dyn Engine, case: &Case, seed: u64) -> Result<(), TestCaseError> {
    let expected = losses(engine, &case.population, case);
    let mut rng = Seed::new(seed).rng();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        let (member, gene) = (rng.below(case.population.len()), rng.below(case.population.size()));
        let everywhere = rng.below(3) == 0;
        let mut population = case.population.clone();
        let genes = population.member_mut(member);
        if everywhere {
            genes.fill(bad);
        } else {
            genes[gene] = bad;
        }
        let got = losses(engine, &population, case);
        for i in (0..expected.len()).filter(|i| *i != member) {
            prop_assert_eq!(got[i], expected[i], "member {} after {} in member {}", i, bad, member);
        }
        if bad.is_nan() && reaches_the_logits(case, population.member(member)) {
            prop_assert!(f32::from_bits(got[member]).is_nan(), "gene {} of member {}", gene, member);
        }
    }
    Ok(())
}

/// Whether NaN in a genome spoils a logit by the plain loops: not where its weights meet nothing but padding, or places
/// that no window of a pooling covers.
fn reaches_the_logits(case: &Case, genes: &[f32]) -> bool {
    let trained = case.start.express(genes);
    let oracle = Oracle::new(case, &trained, &case.batch);
    let pass = oracle.plain().forward(None, &mut Nudge::none());
    oracle.plain().logits(&pass).iter().any(|z| z.is_nan())
}

proptest! {
    #![proptest_config(config(80))]

    #[test]
    fn genes_that_are_no_numbers_fail_their_member_in_the_reference(recipe in recipes(), seed in any::<u64>()) {
        let case = recipe.case();
        broken_genes_fail_their_member_alone(&case.reference(), &case, seed)?;
    }

    #[test]
    fn the_order_of_the_images_changes_nothing_but_rounding(recipe in recipes(), seed in any::<u64>()) {
        let mut case = recipe.case();
        // What is dropped goes by the place in the batch.
        case.batch.noise = None;
        let engine = case.engine();
        let order = shuffled(case.batch.labels.len(), seed);
        let permuted = images(&case.batch, &order);
        let before = engine.losses(&case.population, &case.batch, case.loss).unwrap();
        let after = engine.losses(&case.population, &permuted, case.loss).unwrap();
        for (member, (a, b)) in before.iter().zip(&after).enumerate() {
            let (_, noise) = Oracle::new(&case, &case.trained(member), &case.batch).loss(case.loss);
            let allowed = 1e-5 * f64::from(a.abs().max(1.0)) + noise;
            prop_assert!(f64::from((a - b).abs()) <= allowed, "member {}: {} and {}", member, a, b);
        }
        // In evaluation no image sees another.
        let trained = case.trained(0);
        let (statistics, _) = engine.recalibrate(&trained, &case.others).unwrap();
        let logits = engine.logits(&trained, &statistics, &case.batch).unwrap();
        let classes = case.start.graph.classes();
        for (place, row) in order.iter().zip(engine.logits(&trained, &statistics, &permuted).unwrap().chunks(classes)) {
            let expected = &logits[place * classes..][..classes];
            let size = logits.iter().fold(1f32, |size, z| size.max(z.abs()));
            prop_assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4 * size), "{place}");
        }
    }
}
