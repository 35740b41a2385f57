//! `subevo measure`: metrics of networks that runs have kept.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::format::{grouped, time};
use super::measure_args::MeasureArguments;
use super::output::Output;
use super::run::{limits, quoted, threads, Voice};
use super::signals::Stop;
use super::Exit;
use crate::campaign::measure::{measure as compute, metrics_of, MeasureObserver, MeasureSummary, Measuring};
use crate::campaign::{Place, Registry};
use crate::error::Result;

/// Positions of the bar.
const PARTS: u64 = 10_000;

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Measures.
pub fn measure(
    arguments: &MeasureArguments,
    registry: &Registry,
    words: &[OsString],
    output: &mut Output,
) -> Result<Exit> {
    let metrics = match &*arguments.metrics {
        [] => None,
        texts => Some(metrics_of(texts, registry)?),
    };
    let place = Place { data_dir: arguments.data_dir.clone(), limits: limits(arguments.limits) };
    let pool = threads(place.limits)?;
    let (mut progress, voice) = progress(output);
    let stop = Stop::listen(arguments.time_limit, move || {
        voice("stopping after this metric, nothing is lost; the same signal again stops at once");
    })?;
    let question = stop.question();
    let (folders, ends_only) = (&arguments.folders, arguments.ends_only);
    let measuring = Measuring { folders, metrics, ends_only, place: &place, stop: &*question };
    let summary = pool.install(|| compute(&measuring, registry, &mut progress))?;
    progress.end();
    Ok(conclude(&summary, &stop, words, output))
}

/// Says how it ended; the most important line last.
pub(super) fn conclude(summary: &MeasureSummary, stop: &Stop, words: &[OsString], output: &Output) -> Exit {
    for message in &summary.failed {
        output.error(&format!("not measured: {message}"));
    }
    if summary.computed > 0 {
        let mut seconds = summary.seconds.clone();
        seconds.sort_by(|a, b| b.1.total_cmp(&a.1));
        let longest: Vec<String> =
            seconds.iter().take(5).map(|(metric, seconds)| format!("{metric} {}", time(*seconds))).collect();
        output.talk(&format!("time went to {}\n", longest.join(", ")));
    }
    if summary.stopped {
        let again = quoted(words);
        output.talk(&format!("stopped: {} done, nothing is lost; continue with: {again}\n", said(summary)));
        return stop.signal().map_or(Exit::Resumable, Exit::Signal);
    }
    output.talk(&format!("{}\n", said(summary)));
    if summary.failed.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    }
}

fn said(summary: &MeasureSummary) -> String {
    let before = match summary.known {
        0 => String::new(),
        n => format!(" ({} had been measured before)", grouped(n as u64)),
    };
    let (computed, readings) = (grouped(summary.computed as u64), grouped(summary.readings as u64));
    format!("{readings} numbers of {computed} measurements{before}")
}

/// What shows how measuring goes, and what speaks beside it.
pub(super) fn progress(output: &Output) -> (Progress, Voice) {
    let shown = output.shows_progress();
    let bar = (shown && std::io::stderr().is_terminal()).then(|| {
        let bar = ProgressBar::new(PARTS);
        let style = ProgressStyle::with_template("{bar:24.magenta/dim} {percent:>3}% measured: {msg}");
        bar.set_style(style.expect("the template is a constant").progress_chars("━╸─"));
        bar
    });
    let voice: Voice = match &bar {
        Some(bar) => {
            let bar = bar.clone();
            Box::new(move |text| bar.println(text))
        }
        None => {
            let voice = output.voice();
            Box::new(move |text| voice(&format!("{text}\n")))
        }
    };
    (Progress { shown, bar, began: Instant::now(), said: Instant::now() }, voice)
}

/// A bar on a terminal, plain lines elsewhere.
pub(super) struct Progress {
    shown: bool,
    bar: Option<ProgressBar>,
    began: Instant,
    said: Instant,
}

impl Progress {
    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // If nobody can hear it, nothing is lost.
            None if self.shown => drop(writeln!(std::io::stderr(), "{text}")),
            None => {}
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl MeasureObserver for Progress {
    fn begin(&mut self, jobs: usize, runs: usize, seconds: f64) {
        (self.began, self.said) = (Instant::now(), Instant::now());
        let runs = if runs == 1 { "1 run".to_string() } else { format!("{runs} runs") };
        self.say(&format!("measuring: {} measurements of {runs}, about {}", grouped(jobs as u64), time(seconds)));
    }

    fn job(&mut self, run: &str, step: u64, metric: &str, done: f64) {
        let left = match done > 0.0 {
            true => format!("{} left", time(self.began.elapsed().as_secs_f64() * (1.0 - done) / done)),
            false => "? left".to_string(),
        };
        let place = format!("{run} step {}, {metric}", grouped(step));
        match &self.bar {
            Some(bar) => {
                bar.set_position((done * PARTS as f64) as u64);
                bar.set_message(format!("{place}, {left}"));
            }
            None if self.said.elapsed() >= LINE_EVERY => {
                self.said = Instant::now();
                self.say(&format!("measured {:.0} %: {place}, {left}", 100.0 * done));
            }
            None => {}
        }
    }

    fn note(&mut self, text: &str) {
        self.say(&format!("note: {text}"));
    }
}
