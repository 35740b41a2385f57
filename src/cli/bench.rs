//! `subevo bench`: the common task timed, a table at the end or a line of JSON for each case.

use super::bench_args::{BenchCommand, CommonArguments, SubsetWord};
use super::bench_functions::functions;
use super::bench_precision::precision;
use super::format::{counted, grouped, table};
use super::output::Output;
use super::run::limits_on;
use super::Exit;
use crate::bench::{measure, Case, Measured, On, Span};
use crate::campaign::Registry;
use crate::engine::{MatrixPrecision, Processor};
use crate::error::{Error, Result};
use crate::record::Method;

/// Measures what is asked for.
pub fn bench(command: &BenchCommand, registry: &Registry, output: &mut Output) -> Result<Exit> {
    match command {
        BenchCommand::Common(arguments) => common(arguments, output),
        BenchCommand::Precision(arguments) => precision(arguments, output),
        BenchCommand::Functions(arguments) => functions(arguments, registry, output),
    }
}

/// A pool of its own.
pub fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Error::Config(format!("cannot start {threads} threads: {error}")))
}

fn common(arguments: &CommonArguments, output: &mut Output) -> Result<Exit> {
    let processor = Processor::open(arguments.device)?;
    let precision = MatrixPrecision::from_name(&arguments.precision).expect("clap allows no other word");
    processor.check(precision)?;
    let say = output.voice();
    let processor = processor.telling(move |text| say(&format!("note: {text}\n")));
    let on = On { processor: &processor, precision, limits: limits_on(&processor, arguments.limits) };
    let pool = pool(on.limits.threads)?;
    let span = Span { warmup: arguments.warmup as usize, generations: arguments.generations as usize };
    let mut measured = Vec::new();
    for case in cases(arguments) {
        if output.shows_progress() {
            output.talk(&format!("{}: {}\n", case.name(), work(&case, span)));
        }
        let found = pool.install(|| measure(&case, span, &on, measured.is_empty()))?;
        if arguments.json {
            let line = serde_json::to_string(&found).map_err(|error| Error::record("bench", error.to_string()))?;
            output.result(&format!("{line}\n"));
        }
        measured.push(found);
    }
    if !arguments.json {
        output.result(&text(&measured));
    }
    Ok(Exit::Done)
}

/// The cases in the order of the words: each subset by each learner.
fn cases(arguments: &CommonArguments) -> Vec<Case> {
    let by_learner = |subset: &SubsetWord| {
        let trained = subset.trained();
        arguments.learner.iter().map(move |learner| Case {
            population: arguments.population as usize,
            batch: arguments.batch as usize,
            image: arguments.image as usize,
            channels: arguments.channels,
            fraction: arguments.fraction,
            ..Case::new(trained, learner.method())
        })
    };
    arguments.subset.iter().flat_map(by_learner).collect()
}

/// What is about to be measured.
fn work(case: &Case, span: Span) -> String {
    let (Span { warmup, generations }, batch) = (span, case.batch);
    match case.learner {
        Method::Evolution => {
            format!("{warmup} + {generations} generations of {} members on {batch} images", case.population)
        }
        Method::Backprop => format!("{warmup} + {generations} steps on {batch} images"),
    }
}

const HEADER: [&str; 14] = [
    "subset",
    "learner",
    "k",
    "n",
    "ms",
    "p10",
    "p90",
    "gather",
    "ask",
    "evaluate",
    "tell",
    "images/s",
    "GFLOP/s of product",
    "peak MiB",
];

/// The table, and under it what holds for all of its rows.
fn text(measured: &[Measured]) -> String {
    let rows: Vec<Vec<String>> = measured.iter().map(row).collect();
    let Some(first) = measured.first() else { return String::new() };
    let Measured { generations, warmup_generations, batch, image, channels: [c1, c2], threads, device, .. } = first;
    let rates = || measured.iter().map(|measured| measured.gemm_gflops);
    let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    format!(
        "{}medians in ms of {generations} generations after {warmup_generations}; batches of {batch} images of {image} x \
         {image}, {c1} and {c2} filters; {device}, {}; product: {least:.0} to {most:.0} GFLOP/s\n",
        table(&HEADER, &rows, 2),
        counted(*threads, "thread"),
    )
}

fn row(measured: &Measured) -> Vec<String> {
    let ms = |ms: f64| format!("{ms:.2}");
    let known = |value: Option<f64>, decimals: usize| value.map_or("-".to_string(), |x| format!("{x:.decimals$}"));
    vec![
        measured.subset.name().to_string(),
        measured.learner.name().to_string(),
        grouped(measured.k as u64),
        grouped(measured.population as u64),
        ms(measured.ms_per_generation_median),
        ms(measured.p10),
        ms(measured.p90),
        ms(measured.gather_ms),
        known(measured.ask_ms, 2),
        ms(measured.evaluate_ms),
        ms(measured.tell_ms),
        grouped(measured.images_per_s as u64),
        format!("{:.1} ({:.0} %)", measured.gflops, 100.0 * measured.gemm_share),
        known(measured.peak_rss_mib, 0),
    ]
}
