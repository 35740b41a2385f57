//! `subevo bench precision`: what precisions do to the ranking of members, a table or lines of JSON.

use super::bench::pool;
use super::bench_args::PrecisionArguments;
use super::format::{counted, table};
use super::output::Output;
use super::run::limits_on;
use super::Exit;
use crate::bench::{rankings, Case, Ranking, Span};
use crate::engine::Processor;
use crate::error::{Error, Result};
use crate::record::Method;

/// Measures what is asked for.
pub fn precision(arguments: &PrecisionArguments, output: &mut Output) -> Result<Exit> {
    let opened = Processor::open(arguments.device)?;
    let processor = if opened.device().is_some() { opened } else { Processor::candle_cpu() };
    let say = output.voice();
    let processor = processor.telling(move |text| say(&format!("note: {text}\n")));
    let limits = limits_on(&processor, arguments.limits);
    let pool = pool(limits.threads)?;
    let span = Span { warmup: arguments.warmup as usize, generations: arguments.generations as usize };
    let mut found = Vec::new();
    for subset in &arguments.subset {
        let case = Case {
            population: arguments.population as usize,
            batch: arguments.batch as usize,
            ..Case::new(subset.trained(), Method::Evolution)
        };
        if output.shows_progress() {
            output.talk(&format!("{}: {}\n", case.name(), counted(span.generations, "generation")));
        }
        let of_case = pool.install(|| rankings(&case, span, &processor, limits))?;
        for ranking in of_case {
            if arguments.json {
                let line =
                    serde_json::to_string(&ranking).map_err(|error| Error::record("bench", error.to_string()))?;
                output.result(&format!("{line}\n"));
            }
            found.push(ranking);
        }
    }
    if !arguments.json {
        output.result(&text(&found));
    }
    Ok(Exit::Done)
}

const HEADER: [&str; 6] =
    ["case", "precision", "rank correlation", "least", "best quarter kept", "largest change / std"];

fn text(found: &[Ranking]) -> String {
    let row = |ranking: &Ranking| {
        vec![
            ranking.case.clone(),
            ranking.precision.name().to_string(),
            format!("{:.6}", ranking.rank_correlation),
            format!("{:.6}", ranking.rank_correlation_least),
            format!("{:.1} %", 100.0 * ranking.best_quarter_kept),
            format!("{:.4}", ranking.largest_change),
        ]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let Some(Ranking { population, batch, generations, device, .. }) = found.first() else { return String::new() };
    format!(
        "{}{generations} generations of {population} members on {batch} images, against f32 on the same batches; {device}\n",
        table(&HEADER, &rows, 2)
    )
}
