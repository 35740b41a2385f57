//! Measures one case: warm-up generations apart, then each part of each generation by the clock.
//!
//! A generation is the gathering of its batch, `ask`, the losses of all members, `tell`; of backprop the gathering, the
//! gradient, and the optimizer's step, which stands under `tell`.

use std::time::Instant;

use serde::Serialize;

use super::case::{Case, On, Trained, SEED};
use super::gemm_rate::gemm_gflops;
use super::memory::Mark;
use crate::engine::{Engine, MatrixPrecision};
use crate::error::Result;
use crate::learner::Task;
use crate::num::percentile;
use crate::optimizer::Optimizer;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::record::Method;
use crate::rng::Seed;
use crate::strategy::{Generation, Strategy};

/// How long a case is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Generations before the clock counts.
    pub warmup: usize,
    /// Generations that are timed.
    pub generations: usize,
}

/// What was found, a line of `subevo bench --json`. Times are in milliseconds, and medians where nothing else is said;
/// what cannot be known here is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Name and version of this format.
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// As in `common/bn/evolution`.
    pub case: String,
    /// What is trained.
    pub subset: Trained,
    /// How it is trained.
    pub learner: Method,
    /// Networks evaluated in a generation; 1 for backprop.
    pub population: usize,
    /// Images of a batch.
    pub batch: usize,
    /// Height and width of an image.
    pub image: usize,
    /// Filters of the convolutions.
    pub channels: [usize; 2],
    /// Share of the filters that are trained, where it is filters.
    pub fraction: f64,
    /// Trained scalars.
    pub k: usize,
    /// All scalars.
    pub parameters: usize,
    /// Worker threads.
    pub threads: usize,
    /// Limit of memory, for all but the population and the images.
    pub memory_limit_mib: f64,
    /// Generations that were timed.
    pub generations: usize,
    /// Generations before that.
    pub warmup_generations: usize,
    /// Time of a generation, or of a step of backprop.
    pub ms_per_generation_median: f64,
    /// Its tenth percentile, ms.
    pub p10: f64,
    /// Its ninetieth percentile, ms.
    pub p90: f64,
    /// Proposing the members; none for backprop.
    pub ask_ms: Option<f64>,
    /// Gathering the batch.
    pub gather_ms: f64,
    /// Losses of the population, or the gradient.
    pub evaluate_ms: f64,
    /// Learning from the losses, or the optimizer's step.
    pub tell_ms: f64,
    /// `ask` and `tell` together, nanoseconds for each gene of each member; none for backprop.
    pub ask_tell_ns_per_gene: Option<f64>,
    /// Forward passes a second: population * batch / median.
    pub images_per_s: f64,
    /// Multiply-accumulates that a generation executes, those that sharing saves not among them.
    pub macs_per_generation: u64,
    /// Twice these, over the median, in 10^9 a second.
    pub gflops: f64,
    /// What a product of 1024 x 1024 matrices, or of 4096 x 4096 on a device, reached right after the case.
    pub gemm_gflops: f64,
    /// Of this, what the case reached.
    pub gemm_share: f64,
    /// What evaluated.
    pub device: String,
    /// How exactly its products multiply.
    pub matrix_precision: MatrixPrecision,
    /// Most memory of the device that was in use since the process began, where it tells.
    pub peak_device_mib: Option<f64>,
    /// Most resident memory from the beginning of the set-up to the last generation.
    pub peak_rss_mib: Option<f64>,
    /// Resident memory before the set-up.
    pub rss_before_mib: Option<f64>,
    /// Drawing network and images, and setting the engine up.
    pub setup_ms: f64,
    /// All warm-up generations together.
    pub warmup_ms: f64,
    /// Of set-up and warm-up, what was spent on filling what is kept from one batch to the next.
    pub cache_fill_ms: Option<f64>,
    /// Mean loss of the members in the first timed generation.
    pub loss_first: f64,
    /// And in the last.
    pub loss_last: f64,
}

/// Measures a case on the current thread pool; `first` where nothing was measured in this process before.
///
/// # Errors
/// If sizes are out of range, or a generation fails.
pub fn measure(case: &Case, span: Span, on: &On<'_>, first: bool) -> Result<Measured> {
    let mark = Mark::set(first);
    let began = Instant::now();
    let limits = on.limits;
    let task = case.task(on)?;
    let mut learner = Learner::new(case, &task)?;
    let setup_ms = milliseconds(began);

    let began = Instant::now();
    for step in 0..span.warmup {
        learner.generation(&task, step as u64)?;
    }
    let warmup_ms = milliseconds(began);
    let mut times = Vec::with_capacity(span.generations);
    for step in span.warmup..span.warmup + span.generations {
        times.push(learner.generation(&task, step as u64)?);
    }
    let peak_rss_mib = mark.peak_mib();

    let all = |part: fn(&Times) -> f64| times.iter().map(part).collect::<Vec<f64>>();
    let median = |part: fn(&Times) -> f64| percentile(&all(part), 0.5);
    let evolves = case.learner == Method::Evolution;
    let genes = (case.members() * task.start.subset.size) as f64;
    let total = all(|times| times.total);
    let ms = percentile(&total, 0.5);
    let macs = executed_macs(&task.plan, case);
    let gflops = 2.0 * macs as f64 / (ms * 1e6);
    let cache_fill_ms = cache_fill_ms(&*task.engine);
    let (k, parameters) = (task.start.subset.size, task.start.graph.parameter_count());
    drop((learner, task));
    let peak_device_mib = on.processor.peak_bytes().map(|bytes| bytes as f64 / f64::from(1 << 20));
    let gemm_gflops = on.processor.product_gflops(on.precision)?.unwrap_or_else(gemm_gflops);
    Ok(Measured {
        schema: "subevo.bench/1",
        version: env!("CARGO_PKG_VERSION"),
        case: case.name(),
        subset: case.trained,
        learner: case.learner,
        population: case.members(),
        batch: case.batch,
        image: case.image_shape()[1],
        channels: case.channels,
        fraction: case.fraction,
        k,
        parameters,
        threads: limits.threads,
        memory_limit_mib: limits.memory as f64 / f64::from(1 << 20),
        generations: span.generations,
        warmup_generations: span.warmup,
        ms_per_generation_median: ms,
        p10: percentile(&total, 0.1),
        p90: percentile(&total, 0.9),
        ask_ms: evolves.then(|| median(|times| times.ask)),
        gather_ms: median(|times| times.gather),
        evaluate_ms: median(|times| times.evaluate),
        tell_ms: median(|times| times.tell),
        ask_tell_ns_per_gene: evolves.then(|| median(|times| times.ask + times.tell) * 1e6 / genes),
        images_per_s: (case.members() * case.batch) as f64 * 1e3 / ms,
        macs_per_generation: macs,
        gflops,
        gemm_gflops,
        gemm_share: gflops / gemm_gflops,
        device: on.processor.name().to_string(),
        matrix_precision: on.precision,
        peak_device_mib,
        peak_rss_mib,
        rss_before_mib: mark.before_mib,
        setup_ms,
        warmup_ms,
        cache_fill_ms,
        loss_first: times.first().map_or(f64::NAN, |times| times.loss),
        loss_last: times.last().map_or(f64::NAN, |times| times.loss),
    })
}

/// Multiply-accumulates that the engine executes in one generation.
fn executed_macs(plan: &Plan, case: &Case) -> u64 {
    match case.learner {
        Method::Evolution => plan.executed_macs(case.population),
        Method::Backprop => plan.executed_gradient_macs(),
    }
}

/// What the engine spent on filling what it keeps from one batch to the next. None: it keeps nothing.
fn cache_fill_ms(engine: &dyn Engine) -> Option<f64> {
    engine.cache_fill().map(|filling| filling.as_secs_f64() * 1e3)
}

/// Times of the parts of one generation, ms, and its loss.
struct Times {
    gather: f64,
    ask: f64,
    evaluate: f64,
    tell: f64,
    total: f64,
    loss: f64,
}

/// A learner in its parts, because `learner::Learner` takes the whole step at once.
enum Learner {
    Evolution(Box<dyn Strategy>),
    Backprop(Box<dyn Optimizer>, Vec<f32>),
}

impl Learner {
    fn new(case: &Case, task: &Task) -> Result<Self> {
        let subset = &task.start.subset;
        Ok(match case.learner {
            Method::Evolution => Learner::Evolution(case.strategy(subset)?),
            Method::Backprop => Learner::Backprop(case.optimizer(subset)?, task.start.base.clone()),
        })
    }

    fn generation(&mut self, task: &Task, step: u64) -> Result<Times> {
        let began = Instant::now();
        let batch = task.batch(step);
        let gather = milliseconds(began);
        let (ask, evaluate, tell, loss);
        match self {
            Learner::Evolution(strategy) => {
                let start = Instant::now();
                let population = strategy
                    .ask(&Generation::blind(Progress { step, used: 0.0 }, Seed::new(SEED).child("ask").index(step)))?;
                ask = milliseconds(start);
                let start = Instant::now();
                let losses = task.engine.losses(&population, &batch, task.loss)?;
                evaluate = milliseconds(start);
                let start = Instant::now();
                strategy.tell(population, &losses)?;
                tell = milliseconds(start);
                loss = mean(&losses);
            }
            Learner::Backprop(optimizer, weights) => {
                ask = 0.0;
                let start = Instant::now();
                let (of_batch, gradient) = task.engine.gradient(weights, &batch, task.loss)?;
                evaluate = milliseconds(start);
                let start = Instant::now();
                let learning_rate = optimizer.learning_rate();
                optimizer.step(weights, &gradient, learning_rate);
                tell = milliseconds(start);
                loss = of_batch;
            }
        }
        Ok(Times { gather, ask, evaluate, tell, total: milliseconds(began), loss })
    }
}

/// Mean of the losses that are numbers.
fn mean(losses: &[f32]) -> f64 {
    let known: Vec<f64> = losses.iter().filter(|loss| !loss.is_nan()).map(|loss| f64::from(*loss)).collect();
    crate::num::mean(&known)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
