//! `subevo run`: runs or continues a campaign, then prints its table and draws its pictures.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::args::{LimitArguments, RunArguments};
use super::format::{grouped, table};
use super::measure;
use super::output::Output;
use super::progress::{Bars, Lines};
use super::signals::Stop;
use super::Exit;
use crate::campaign::measure::{MeasureSummary, Measuring};
use crate::campaign::{self, machine, read_results, summarise, write_pictures, Campaign, Column, Observer, Options};
use crate::campaign::{Place, Registry, ResultsTable, Row, Summary};
use crate::engine::Processor;
use crate::error::{Error, Result};
use crate::plan::Limits;
use crate::plot::Theme;
use crate::record::RunRecords;

/// Runs a campaign.
pub fn run(arguments: &RunArguments, registry: &Registry, words: &[OsString], output: &mut Output) -> Result<Exit> {
    let file = &arguments.campaign;
    let campaign = Campaign::read(&file.campaign, &file.sets, registry, output.colour_stderr())?;
    let processor = Processor::open(arguments.device)?;
    let limits = limits(arguments.limits);
    let device_memory = processor.device().map(|_| limits_on(&processor, arguments.limits).memory);
    let pool = threads(limits)?;
    let (mut observer, voice) = observer(output);
    let voice = Arc::new(Mutex::new(voice));
    let say = move |text: &str| voice.lock().unwrap_or_else(PoisonError::into_inner)(text);
    let to_say = say.clone();
    let stop = Stop::listen(arguments.time_limit, move || {
        to_say("stopping after this step, nothing is lost; the same signal again stops at once");
    })?;
    let processor = processor.telling(move |text| say(&format!("note: {text}")));
    if processor.device().is_some() {
        output.talk(&format!("device: {}\n", processor.name()));
    }
    let options = Options {
        root: arguments.out.clone(),
        data_dir: arguments.data_dir.clone(),
        limits,
        processor,
        device_memory,
        checkpoint_every: arguments.checkpoint_every,
        stop: stop.question(),
        fail_fast: arguments.fail_fast,
        tensorboard: arguments.tensorboard,
        command_line: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    };
    let summary = pool.install(|| campaign::run(&campaign, registry, &options, &mut *observer))?;
    drop(observer);
    let asked = campaign.cells.iter().any(|cell| !cell.setup.metrics.is_empty());
    let measured = match asked && !arguments.no_measure && !summary.stopped && summary.done > 0 {
        true => Some(measure_all(&summary, &options, registry, &pool, output)?),
        false => None,
    };

    // What is wrong with damaged records was told when their runs failed.
    let runs = read_results(std::slice::from_ref(&summary.folder))?.runs;
    if arguments.json || summary.done > 0 || !summary.stopped {
        print_results(arguments, &summary, &runs, output);
    }
    if !arguments.no_plots && !summary.stopped {
        let drawn = write_pictures(&runs, registry, &[], &Theme::light(), &summary.folder.join("plots"))?;
        drawn.notes.iter().for_each(|note| output.talk(&format!("note: {note}\n")));
        if let Some(folder) = drawn.files.first().and_then(|path| path.parent()) {
            output.talk(&format!("pictures: {}\n", folder.display()));
        }
    }
    if arguments.tensorboard {
        output.talk(&tensorboard(&summary.folder));
    }
    let exit = measured.map(|measured| measure::conclude(&measured, &stop, words, output));
    let whole = conclude(&summary, &stop, words, output);
    Ok(if whole == Exit::Done { exit.unwrap_or(whole) } else { whole })
}

/// Computes the metrics of all runs that are done.
fn measure_all(
    summary: &Summary,
    options: &Options,
    registry: &Registry,
    pool: &rayon::ThreadPool,
    output: &Output,
) -> Result<MeasureSummary> {
    let (mut progress, _) = measure::progress(output);
    let place = Place { data_dir: options.data_dir.clone(), limits: options.limits };
    let folders = std::slice::from_ref(&summary.folder);
    let measuring = Measuring { folders, metrics: None, ends_only: false, place: &place, stop: &*options.stop };
    let measured = pool.install(|| campaign::measure::measure(&measuring, registry, &mut progress));
    progress.end();
    measured
}

/// The threads that the limits allow.
pub(super) fn threads(limits: Limits) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(limits.threads).build();
    pool.map_err(|error| Error::Config(format!("cannot start {} threads: {error}", limits.threads)))
}

/// Says a line beside the progress, from any thread.
pub(super) type Voice = Box<dyn Fn(&str) + Send>;

/// What shows progress, and what speaks beside it.
fn observer(output: &Output) -> (Box<dyn Observer + Send>, Voice) {
    if output.shows_progress() && std::io::stderr().is_terminal() {
        let bars = Bars::new();
        let voice = bars.voice();
        return (Box::new(bars), Box::new(voice));
    }
    let voice = output.voice();
    (Box::new(Lines::new(output.shows_progress())), Box::new(move |text| voice(&format!("{text}\n"))))
}

/// The line that says how the curves in a folder are seen.
pub(super) fn tensorboard(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let words = ["tensorboard".into(), "--logdir".into(), whole.into_os_string()];
    format!("curves: {}\n", quoted(&words))
}

/// A command line as a shell would read it again.
pub(super) fn quoted(words: &[OsString]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    let quote = |word: &OsString| {
        let word = word.to_string_lossy();
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// The same where a processor evaluates: of a GPU all that is free may be used.
pub fn limits_on(processor: &Processor, arguments: LimitArguments) -> Limits {
    let free = processor.free_bytes().filter(|_| arguments.memory.is_none());
    let limits = limits(arguments);
    Limits { memory: free.unwrap_or(limits.memory), ..limits }
}

/// The limits that the arguments and the machine set.
pub fn limits(arguments: LimitArguments) -> Limits {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Limits {
        memory: arguments.memory.unwrap_or_else(|| machine::memory() / 4),
        threads: arguments.threads.map_or_else(cores, usize::from),
    }
}

/// Says how it ended and what to do next; the most important line last.
fn conclude(summary: &Summary, stop: &Stop, words: &[OsString], output: &Output) -> Exit {
    let (done, all) = (summary.done, summary.runs.len());
    for (name, message) in &summary.failed {
        output.error(&format!("run {name} failed: {message}"));
    }
    if summary.stopped {
        let again = quoted(words);
        output.talk(&format!("stopped: {done} of {all} runs are done, nothing is lost; continue with: {again}\n"));
        return stop.signal().map_or(Exit::Resumable, Exit::Signal);
    }
    if summary.busy > 0 {
        let message = format!("{} of {all} runs are being written by another process, {done} are done", summary.busy);
        output.error(&format!("{message}; when it has ended, the same command does what is left"));
    }
    if summary.failed.is_empty() && summary.busy > 0 {
        Exit::Failed
    } else if summary.failed.is_empty() {
        let before = match summary.done_before {
            0 => String::new(),
            n => format!(" ({n} had been done before)"),
        };
        output.talk(&format!("{done} of {all} runs are done{before}; records: {}\n", summary.folder.display()));
        let next = ["subevo".into(), "report".into(), summary.folder.clone().into_os_string()];
        output.talk(&format!("next: {}\n", quoted(&next)));
        Exit::Done
    } else {
        let left = all - done - summary.busy - summary.failed.len();
        let left = if left == 0 { String::new() } else { format!(", {left} were not started") };
        let message = format!("{} of {all} runs failed, {done} are done{left}", summary.failed.len());
        output.error(&format!("{message}; the same command tries the failed ones again"));
        Exit::Failed
    }
}

fn print_results(arguments: &RunArguments, summary: &Summary, runs: &[RunRecords], output: &mut Output) {
    let rows = summarise(runs);
    if arguments.json {
        let rows: Vec<serde_json::Value> = rows.iter().map(json_row).collect();
        let json = json!({ "schema": "subevo.run/1", "folder": summary.folder, "rows": rows });
        output.result(&format!("{json:#}\n"));
    } else {
        let ResultsTable { header, lines, words } = ResultsTable::of(&rows);
        output.result(&format!("{}{}\n", table(&header, &lines, words), ResultsTable::NOTE));
    }
    for row in rows.iter().filter(|row| row.failed > 0) {
        let cell = row.cell.as_ref().map(|cell| format!(" {cell}")).unwrap_or_default();
        output.talk(&format!(
            "warning: {}{cell}: {} members failed, without a loss that is a number, and ranked last; `failed` in steps.jsonl \
             tells when\n",
            row.learner,
            grouped(row.failed)
        ));
    }
}

fn json_row(row: &Row) -> serde_json::Value {
    let column = |column: Column| {
        let number = |x: f64| if x.is_finite() { json!(x) } else { serde_json::Value::Null };
        json!({ "mean": number(column.mean), "half_width_95": number(column.half_width) })
    };
    json!({
        "learner": row.learner,
        "background": row.background,
        "subset": row.subset,
        "subset_size": row.subset_size,
        "cell": row.cell,
        "n": row.n,
        "unfinished": row.unfinished,
        "failed_members": row.failed,
        "train_loss_nats": column(row.train_loss),
        "validation_accuracy": column(row.validation),
        "test_accuracy": column(row.test),
        "gap_accuracy": column(row.gap),
        "untrained_test_accuracy": column(row.untrained),
        "images": column(row.images),
        "seconds": column(row.seconds),
    })
}
