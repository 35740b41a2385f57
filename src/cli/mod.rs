//! The command line: the only place that prints. Results go to stdout, everything else to stderr.
//!
//! [`main`] takes a registry, so that a user's own crate with an operator more is a five-line `main` with every command.

mod args;
mod bench;
mod bench_args;
mod bench_functions;
mod bench_precision;
mod check;
mod compare;
mod compare_args;
mod export;
mod export_args;
mod format;
mod inspect;
mod list;
mod measure;
mod measure_args;
mod measure_arrays;
mod measure_arrays_args;
mod new;
mod new_args;
mod output;
mod plot;
mod progress;
mod report;
mod report_args;
mod run;
mod signals;
mod subset;
mod tensors;
mod watch;
mod watch_args;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::campaign::Registry;
use crate::error::Error;
use args::{Arguments, Command};
use output::Output;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All that was asked is done and written.
    Done,
    /// It ran, and at least one run failed, or output could not be written.
    Failed,
    /// Usage or configuration error; nothing was started or changed.
    Usage,
    /// Stopped early on purpose; the same command continues.
    Resumable,
    /// Stopped by this signal after saving; the same command continues.
    Signal(i32),
}

impl Exit {
    fn code(self) -> ExitCode {
        match self {
            Exit::Done => ExitCode::SUCCESS,
            Exit::Failed => ExitCode::from(1),
            Exit::Usage => ExitCode::from(2),
            Exit::Resumable => ExitCode::from(75),
            // Die by the signal itself, so that shells, make and job schedulers see it; the code is for systems without.
            Exit::Signal(signal) => {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
                ExitCode::from(128u8.wrapping_add(signal as u8))
            }
        }
    }
}

/// The whole program: reads the process's arguments, does what they ask and gives the exit code.
///
/// 0 done, 1 a run failed or output could not be written, 2 usage or configuration error and nothing was started, 75
/// stopped early and resumable, 130 and 143 ended by SIGINT and SIGTERM after saving.
pub fn main(registry: Registry) -> ExitCode {
    // Where the reference engine computes a network, members are spread over the threads; candle would spread each of its
    // operations over spinning threads of its own as well. It reads this once, at its first operation.
    std::env::set_var("RAYON_NUM_THREADS", "1");
    let words: Vec<OsString> = std::env::args_os().collect();
    let mut output = Output::new();
    let exit = match parse(&words) {
        Ok(arguments) => {
            output.configure(arguments.color, arguments.quiet);
            let result = dispatch(arguments, &registry, &words, &mut output);
            result.unwrap_or_else(|error| failure(&error, &output))
        }
        Err(error) => usage(&error, &mut output),
    };
    output.finish(exit).code()
}

fn parse(words: &[OsString]) -> Result<Arguments, clap::Error> {
    Arguments::from_arg_matches(&Arguments::command().try_get_matches_from(words)?)
}

fn dispatch(
    arguments: Arguments,
    registry: &Registry,
    words: &[OsString],
    output: &mut Output,
) -> crate::error::Result<Exit> {
    match arguments.command {
        Command::Run(options) => run::run(&options, registry, words, output),
        Command::Plot(options) => plot::plot(&options, registry, output),
        Command::Inspect(options) => inspect::inspect(&options, registry, output),
        Command::Measure(options) => measure::measure(&options, registry, words, output),
        Command::Compare(options) => compare::compare(&options, output),
        Command::Report(options) => report::report(&options, registry, output),
        Command::Export(options) => export::export(&options, registry, output),
        Command::Watch(options) => watch::watch(&options, registry, output),
        Command::Subset(options) => subset::subset(&options, registry, output),
        Command::List(options) => list::list(&options, registry, output),
        Command::MeasureArrays(options) => measure_arrays::measure_arrays(&options, registry, output),
        Command::New(options) => new::new(&options.command, registry, output),
        Command::Bench(options) => bench::bench(&options.command, registry, output),
        Command::Check(options) => check::check(&options, registry, output),
    }
}

/// Tells an error; what is wrong with the configuration or the data is a usage error, for nothing was started.
fn failure(error: &Error, output: &Output) -> Exit {
    output.error(&error.to_string());
    match error {
        Error::Config(_) | Error::Data { .. } => Exit::Usage,
        Error::Io { action: "read", .. } => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// Help and version go to stdout, mistakes to stderr.
fn usage(error: &clap::Error, output: &mut Output) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        output.talk(&output.styled(&text));
        Exit::Usage
    } else {
        let text = if output.colour_stdout() { text.ansi().to_string() } else { text.to_string() };
        output.result(&text);
        Exit::Done
    }
}
