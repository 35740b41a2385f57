//! Properties of random networks: losses, gradients, statistics and logits are those of the plain loops over f64, for
//! the engine under test and for the reference.

use proptest::prelude::*;
use subevo::engine::{Engine, Loss, Statistics};
use subevo::graph::{Graph, Op};
use subevo::rng::Seed;

use super::case::Case;
use super::oracle::{distance, f64s, for_random_cases, norm, Oracle, Seen};
use super::plain::{Moments, Nudge, Pass, Plain};

pub fn losses_agree(engine: &dyn Engine, case: &Case, share: f64, seen: &mut Seen) -> Result<(), TestCaseError> {
    let losses = engine.losses(&case.population, &case.batch, case.loss).unwrap();
    prop_assert_eq!(losses.len(), case.population.len());
    for (member, loss) in losses.iter().enumerate() {
        let oracle = Oracle::new(case, &case.trained(member), &case.batch);
        let (exact, noise) = oracle.loss(case.loss);
        let (error, fixed) = ((f64::from(*loss) - exact).abs(), share * exact.abs().max(1.0));
        prop_assert!(seen.check(error, fixed, noise), "member {member}: {loss}, in f64 {}, noise {}", exact, noise);
    }
    Ok(())
}

/// The gradient (p) of the plain loops; nothing where it is about to jump.
fn plain_gradient(plain: &Plain<'_>, loss: Loss, nudge: &mut Nudge) -> Vec<f64> {
    let pass = plain.forward(None, nudge);
    plain.backward(&pass, &plain.loss(loss, &pass).1, nudge)
}

pub fn gradient_agrees(engine: &dyn Engine, case: &Case, share: f64, seen: &mut Seen) -> Result<(), TestCaseError> {
    let trained = case.trained(0);
    let oracle = Oracle::new(case, &trained, &case.batch);
    let pass = oracle.plain().forward(None, &mut Nudge::none());
    if oracle.plain().near_kink(&pass, case.loss) {
        seen.kinks += 1;
        return Ok(());
    }
    let (loss, gradient) = engine.gradient(&trained, &case.batch, case.loss).unwrap();
    let exact = oracle.plain().loss(case.loss, &pass).0;
    let alone = engine
        .losses(
            &subevo::operator::Population::from_genes(case.population.member(0).to_vec(), gradient.len()),
            &case.batch,
            case.loss,
        )
        .unwrap();
    prop_assert!(
        (loss - f64::from(alone[0])).abs() <= 1e-4 * exact.abs().max(1.0),
        "{loss} with and {} without",
        alone[0]
    );
    let (all, noise) = oracle.with_noise(|plain, nudge| plain_gradient(plain, case.loss, nudge));
    gradient_is_near(case, oracle.graph, &gradient, (&all, &noise), share, seen)
}

/// Whether a gradient (k) is that of the plain loops (p), which is off by `noise` itself.
fn gradient_is_near(
    case: &Case,
    graph: &Graph,
    gradient: &[f32],
    (all, noise): (&[f64], &[f64]),
    share: f64,
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    // Parameter by parameter, so that a small gradient is not lost beside a large one.
    let whole = norm(all);
    let subset = &case.start.subset;
    for parameter in &graph.parameters {
        let spans = || subset.spans.iter().filter(|span| span.parameter == parameter.name);
        let of = |values: &[f64]| -> Vec<f64> {
            spans().flat_map(|span| values[span.position..][..span.length].to_vec()).collect()
        };
        let got: Vec<f64> = spans().flat_map(|span| f64s(&gradient[span.gene..][..span.length])).collect();
        let (expected, noise) = (of(all), norm(&of(noise)));
        let (error, fixed) = (distance(&got, &expected), 10.0 * share * norm(&expected) + share * whole + 1e-6);
        prop_assert!(
            seen.check(error, fixed, noise),
            "{}: {got:?}, in f64 {expected:?}, noise {noise}, all {whole}",
            parameter.name
        );
    }
    Ok(())
}

/// Outputs in training of all members.
pub fn outputs_agree(engine: &dyn Engine, case: &Case, share: f64, seen: &mut Seen) -> Result<(), TestCaseError> {
    let outputs = engine.outputs(&case.population, &case.batch).unwrap();
    prop_assert_eq!(outputs.len(), case.population.len());
    let losses = engine.losses(&case.population, &case.batch, case.loss).unwrap();
    for (member, (outputs, loss)) in outputs.iter().zip(&losses).enumerate() {
        let own = case.loss.mean(outputs, &case.batch.labels) as f32;
        // Summed in another order it is rounded to the next f32 at most.
        let near = (own - loss).abs() <= 2.0 * f32::EPSILON * own.abs() || own.to_bits() == loss.to_bits();
        prop_assert!(near, "the loss of member {} is that of its outputs: {} and {}", member, own, loss);
        let oracle = Oracle::new(case, &case.trained(member), &case.batch);
        let expected = oracle.with_noise(|plain, nudge| plain.logits(&plain.forward(None, nudge)).to_vec());
        let size = expected.0.iter().fold(1f64, |size, x| size.max(x.abs()));
        for ((got, expected), noise) in outputs.iter().zip(&expected.0).zip(&expected.1) {
            let error = (f64::from(*got) - expected).abs();
            prop_assert!(seen.check(error, 2.0 * share * size, *noise), "member {member}: {got}, in f64 {expected}");
        }
    }
    Ok(())
}

/// Gradients of two weighted sums of the outputs of the first member, which goes forward once for both.
pub fn output_gradients_agree(
    engine: &dyn Engine,
    case: &Case,
    share: f64,
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    let trained = case.trained(0);
    let oracle = Oracle::new(case, &trained, &case.batch);
    let pass = oracle.plain().forward(None, &mut Nudge::none());
    if oracle.plain().near_kink(&pass, Loss::Nll) {
        seen.kinks += 1;
        return Ok(());
    }
    let (images, classes) = (case.batch.labels.len(), case.start.graph.classes());
    let one_class: Vec<f32> = (0..images * classes).map(|i| f32::from(u8::from(i % classes == classes - 1))).collect();
    let mut normal = vec![0.0; images * classes];
    Seed::new(17).rng().fill_normal(&mut normal);
    let slopes = [one_class, normal];
    let gradients = engine.vector_jacobian_products(&trained, &case.batch, &slopes).unwrap();
    prop_assert_eq!(gradients.len(), 2);
    for (gradient, slopes) in gradients.iter().zip(&slopes) {
        let (all, noise) = oracle.with_noise(|plain, nudge| {
            let pass = plain.forward(None, nudge);
            plain.backward(&pass, &f64s(slopes), nudge)
        });
        gradient_is_near(case, oracle.graph, gradient, (&all, &noise), share, seen)?;
    }
    Ok(())
}

/// Statistics of the layers, one after another.
fn listed(moments: &[Moments]) -> Vec<f64> {
    moments.iter().flat_map(|layer| layer.mean.iter().chain(&layer.variance).copied().collect::<Vec<_>>()).collect()
}

fn logits_agree(
    seen: &mut Seen,
    what: &str,
    got: &[f32],
    (expected, noise): (Vec<f64>, Vec<f64>),
) -> Result<(), TestCaseError> {
    let size = expected.iter().fold(1f64, |size, x| size.max(x.abs()));
    prop_assert_eq!(got.len(), expected.len(), "{}", what);
    for ((got, expected), noise) in got.iter().zip(&expected).zip(&noise) {
        let error = (f64::from(*got) - expected).abs();
        prop_assert!(seen.check(error, 2e-5 * size, *noise), "{what}: {got}, in f64 {expected}, noise {noise}");
    }
    Ok(())
}

pub fn evaluation_agrees(engine: &dyn Engine, case: &Case, seen: &mut Seen) -> Result<(), TestCaseError> {
    let trained = case.trained(0);
    let (statistics, logits) = engine.recalibrate(&trained, &case.batch).unwrap();
    let again = engine.logits(&trained, &statistics, &case.batch).unwrap();
    prop_assert_eq!(bits(&logits), bits(&again), "the same batch on its own statistics");
    let oracle = Oracle::new(case, &trained, &case.batch);
    let all = |pass: &Pass| [&listed(&pass.moments)[..], oracle.plain().logits(pass)].concat();
    let (expected, noise) = oracle.with_noise(|plain, nudge| all(&plain.forward(None, nudge)));
    let layers = |layer: &Statistics| [&layer.mean[..], &layer.variance].concat();
    let statistics_listed: Vec<f32> = statistics.iter().flat_map(layers).collect();
    let cut = statistics_listed.len();
    prop_assert_eq!(expected.len(), cut + logits.len());
    let part = |range: std::ops::Range<usize>| (expected[range.clone()].to_vec(), noise[range].to_vec());
    logits_agree(seen, "statistics", &statistics_listed, part(0..cut))?;
    logits_agree(seen, "logits of the batch", &logits, part(cut..expected.len()))?;

    let others = engine.logits(&trained, &statistics, &case.others).unwrap();
    let of_others = Oracle::new(case, &trained, &case.others);
    let expected = of_others.with_noise(|plain, nudge| {
        let given = oracle.plain().forward(None, nudge).moments;
        plain.logits(&plain.forward(Some(&given), nudge)).to_vec()
    });
    logits_agree(seen, "logits of other images", &others, expected)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Whether candle 0.11 can go backward: it takes the rows and columns that a convolution leaves over to be equally many.
pub fn candle_has_gradients(graph: &Graph) -> bool {
    graph.nodes.iter().all(|node| match node.op {
        Op::Conv2d { weight, stride, padding, .. } => {
            let kernel = graph.parameter(weight).shape[2];
            let over = |side: usize| (side + 2 * padding - kernel) % stride;
            let image = &graph.node(node.inputs[0]).shape;
            over(image[1]) == over(image[2])
        }
        _ => true,
    })
}

#[test]
fn losses_of_random_networks_are_those_of_plain_loops() {
    for_random_cases(250, |case, seen| losses_agree(&case.engine(), case, 2e-5, seen));
}

#[test]
fn gradients_of_random_networks_are_those_of_plain_loops() {
    for_random_cases(250, |case, seen| gradient_agrees(&case.engine(), case, 1e-5, seen));
}

#[test]
fn outputs_of_random_networks_are_those_of_plain_loops_and_have_the_losses() {
    for_random_cases(100, |case, seen| outputs_agree(&case.engine(), case, 1e-5, seen));
}

#[test]
fn gradients_of_outputs_of_random_networks_are_those_of_plain_loops() {
    for_random_cases(150, |case, seen| output_gradients_agree(&case.engine(), case, 1e-5, seen));
}

#[test]
fn statistics_and_logits_of_random_networks_are_those_of_plain_loops() {
    for_random_cases(250, |case, seen| evaluation_agrees(&case.engine(), case, seen));
}

#[test]
fn the_reference_agrees_with_plain_loops_on_random_networks() {
    for_random_cases(100, |case, seen| {
        // candle sums in f32, one value after another, and so is further off.
        losses_agree(&case.reference(), case, 1e-4, seen)?;
        outputs_agree(&case.reference(), case, 1e-4, seen)?;
        evaluation_agrees(&case.reference(), case, seen)
    });
}

#[test]
fn gradients_of_the_reference_agree_with_plain_loops_on_random_networks() {
    for_random_cases(150, |case, seen| match candle_has_gradients(&case.start.graph) {
        true => {
            gradient_agrees(&case.reference(), case, 1e-4, seen)?;
            output_gradients_agree(&case.reference(), case, 1e-4, seen)
        }
        false => Ok(()),
    });
}

#[test]
fn the_plain_gradient_is_the_slope_of_the_plain_loss() {
    for_random_cases(60, |case, seen| {
        let mut oracle = Oracle::new(case, &case.trained(0), &case.batch);
        // Away from frozen zeros, where poolings have equals and a slope says nothing.
        let mut rng = Seed::new(3).rng();
        oracle.weights.iter_mut().for_each(|w| *w += 0.1 * f64::from(rng.normal()));
        let pass = oracle.plain().forward(None, &mut Nudge::none());
        if oracle.plain().near_kink(&pass, case.loss) {
            return Ok(());
        }
        let gradient = plain_gradient(&oracle.plain(), case.loss, &mut Nudge::none());
        for _ in 0..6 {
            let i = rng.below(gradient.len());
            let at = |step: f64| {
                let mut weights = oracle.weights.clone();
                weights[i] += step;
                let plain = Plain { weights: &weights, ..oracle.plain() };
                plain.loss(case.loss, &plain.forward(None, &mut Nudge::none())).0
            };
            let here = oracle.plain().loss(case.loss, &pass).0;
            let slopes = [1e-6, -1e-6, 5e-7, -5e-7].map(|step| (at(step) - here) / step);
            let (wide, slope) = ((slopes[0] + slopes[1]) / 2.0, (slopes[2] + slopes[3]) / 2.0);
            // Slopes that differ tell of a kink, or of a curve too sharp for the step.
            let noise = (slopes[2] - slopes[3]).abs() + (wide - slope).abs();
            if noise < 1e-3 * slope.abs() + 1e-6 {
                let fixed = 1e-4 * gradient[i].abs() + 1e-6;
                prop_assert!(seen.check((slope - gradient[i]).abs(), fixed, noise), "{i}: {slopes:?}, {}", gradient[i]);
            }
        }
        Ok(())
    });
}
