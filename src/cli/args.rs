//! The arguments, as clap reads them, with the help that teaches.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::bench_args::BenchCommand;
use super::compare_args::{self, CompareArguments};
use super::export_args::{self, ExportArguments};
use super::measure_args::MeasureArguments;
use super::measure_arrays_args::{MeasureArraysArguments, EXAMPLES, NOTES};
use super::new_args::NewCommand;
use super::report_args::{self, ReportArguments};
use super::watch_args::{self, WatchArguments};
use crate::engine::DeviceChoice;

/// Evolve, and backprop, the same small subset of a random CNN's weights, and compare what each learned.
#[derive(Debug, Parser)]
#[command(
    name = "subevo",
    version,
    max_term_width = 100,
    before_help = "Examples:\n  \
                   subevo run experiments/01-quickstart/campaign.toml       run it, or continue it\n  \
                   subevo plot runs/quickstart                              draw its figures again\n  \
                   subevo inspect experiments/01-quickstart/campaign.toml   see network, subset and cost\n  \
                   subevo list strategies                                   see what a campaign can name\n  \
                   subevo check experiments/01-quickstart/campaign.toml     find its mistakes",
    after_help = "Exit codes: 0 done; 1 a run failed or output could not be written; 2 usage or configuration error, \
                  nothing was started; 75 stopped early, the same command continues; 130 and 143 stopped by SIGINT and \
                  SIGTERM after saving, the same command continues."
)]
pub struct Arguments {
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN",
        hide_possible_values = true, hide_default_value = true, display_order = 100)]
    pub color: Colour,
    /// Say less: -q no progress, -qq errors only
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 101)]
    pub quiet: u8,
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a campaign, or continue it where it was stopped
    #[command(
        before_help = "Examples:\n  subevo run experiments/01-quickstart/campaign.toml\n  \
                       subevo run campaign.toml --set budget.images=50_000 --set campaign.seeds=1",
        after_help = "Each run has a folder of its own, runs/<campaign>/<cell>_<learner>-s<seed>-<digest of its \
                      settings>, so a changed setting starts new runs and an unchanged one continues. Ctrl-C saves and \
                      stops; the same command goes on. The table goes to stdout, pictures to runs/<campaign>/plots."
    )]
    Run(RunArguments),
    /// Watch runs at work: loss, accuracy, speed and time left, from their records
    #[command(before_help = watch_args::EXAMPLES, after_help = watch_args::NOTES)]
    Watch(WatchArguments),
    /// Draw the figures of a campaign from its records
    #[command(
        before_help = "Examples:\n  subevo plot runs/quickstart\n  subevo plot runs/quickstart --only learning-curves --out figures"
    )]
    Plot(PlotArguments),
    /// Compare evolution with backprop from records: at equal training loss, at equal cost and at the end
    #[command(before_help = compare_args::EXAMPLES, after_help = compare_args::NOTES)]
    Compare(CompareArguments),
    /// Write a campaign's results, comparison, figures and environment as one HTML file that needs nothing else
    #[command(before_help = report_args::EXAMPLES, after_help = report_args::NOTES)]
    Report(ReportArguments),
    /// Show a campaign's network, subset, plan and cost before any work
    #[command(before_help = "Examples:\n  subevo inspect experiments/01-quickstart/campaign.toml\n  \
                       subevo inspect campaign.toml --set 'subset.select=[{ filters = 2 }]' --json")]
    Inspect(InspectArguments),
    /// Write records as CSV, Parquet or TensorBoard's event files, or a run's whole network as safetensors
    #[command(before_help = export_args::EXAMPLES, after_help = export_args::NOTES)]
    Export(ExportArguments),
    /// Measure what training did to the networks of runs: generalisation, information, decision regions, diffusion
    #[command(before_help = "Examples:\n  subevo measure runs/quickstart\n  \
                       subevo measure runs/quickstart --metric regions --metric '{ name = \"calibration\", bins = 10 }'\n\n\
                       What was measured before is not measured again. Numbers: measurements/*.jsonl of each run.")]
    Measure(MeasureArguments),
    /// Write which weights a cell trains as JSON: to look at, or to edit and give to the selector `file`
    #[command(before_help = "Examples:\n  subevo subset campaign.toml --seed 2\n  \
                       subevo subset campaign.toml --cell 1 --out subset.json")]
    Subset(SubsetArguments),
    /// List what a campaign can name: models, subsets, strategies, ...
    #[command(before_help = "Examples:\n  subevo list\n  subevo list strategies --json")]
    List(ListArguments),
    /// Check a campaign file: every mistake is told, with its line, and whether it fits into memory
    #[command(before_help = "Example:\n  subevo check campaign.toml")]
    Check(CheckArguments),
    /// Apply an estimator to arrays of your own
    #[command(before_help = EXAMPLES, after_help = NOTES)]
    MeasureArrays(MeasureArraysArguments),
    /// Write a small crate with an operator of your own, ready to be changed and run
    #[command(before_help = "Example:\n  subevo new operator my-mutation")]
    New(NewArguments),
    /// Measure how fast this machine evolves and backprops
    #[command(before_help = "Example:\n  subevo bench common")]
    Bench(BenchArguments),
}

/// A campaign file and what is changed in it.
#[derive(Args, Clone, Debug)]
pub struct CampaignArguments {
    /// The campaign, a TOML file
    pub campaign: PathBuf,
    /// Set a key: dotted path, array index, TOML value or bare word, as in learner.0.strategy.population=32;
    /// setting a key of [grid] removes that axis
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

#[derive(Args, Debug)]
pub struct NewArguments {
    #[command(subcommand)]
    pub command: NewCommand,
}

#[derive(Args, Debug)]
pub struct CheckArguments {
    #[command(flatten)]
    pub campaign: CampaignArguments,
    #[command(flatten)]
    pub limits: LimitArguments,
}

#[derive(Args, Debug)]
pub struct RunArguments {
    #[command(flatten)]
    pub campaign: CampaignArguments,
    /// Folder of all campaigns
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub out: PathBuf,
    /// Folder that holds one folder per data set [default: the user's data folder]
    #[arg(long, value_name = "DIR", env = "SUBEVO_DATA")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArguments,
    /// What evaluates networks: auto (a GPU that this build drives, else the CPU), cpu, cuda:N or metal
    #[arg(long, value_name = "DEVICE", env = "SUBEVO_DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// Time between checkpoints, as in 10s or 5m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub checkpoint_every: Duration,
    /// Save and stop with exit code 75 after this time, as in 3h55m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub time_limit: Option<Duration>,
    /// Stop at the first failed run instead of going on with the others
    #[arg(long)]
    pub fail_fast: bool,
    /// Write curves for TensorBoard as well, live, into tb in each run's folder
    #[arg(long)]
    pub tensorboard: bool,
    /// Do not compute the metrics of [metrics] at the end; `subevo measure` does so later
    #[arg(long)]
    pub no_measure: bool,
    /// Make no pictures at the end
    #[arg(long)]
    pub no_plots: bool,
    /// Print the final table as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Copy, Debug)]
pub struct LimitArguments {
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", env = "SUBEVO_THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Memory for all but the population itself (2 x n x k x 4 bytes), the data set and evaluations of
    /// the incumbent, as in 512MiB or 4GiB [default: a quarter of the machine's; of a GPU what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub memory: Option<u64>,
}

#[derive(Args, Debug)]
pub struct PlotArguments {
    /// Folders of campaigns, or of single runs
    #[arg(required = true)]
    pub folders: Vec<PathBuf>,
    /// Where the pictures go [default: plots in the first folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Draw only this figure (may be repeated); `subevo list figures` names them
    #[arg(long, value_name = "FIGURE")]
    pub only: Vec<String>,
    /// Light figures on dark ground
    #[arg(long)]
    pub dark: bool,
}

#[derive(Args, Debug)]
pub struct InspectArguments {
    #[command(flatten)]
    pub campaign: CampaignArguments,
    /// Which cell of the grid, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub cell: usize,
    /// Show every span of the subset
    #[arg(long)]
    pub spans: bool,
    /// Folder that holds one folder per data set [default: the user's data folder]; read where weights are scored
    #[arg(long, value_name = "DIR", env = "SUBEVO_DATA")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArguments,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct SubsetArguments {
    #[command(flatten)]
    pub campaign: CampaignArguments,
    /// Which cell of the grid, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub cell: usize,
    /// Which seed draws it [default: the campaign's first]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Folder that holds one folder per data set [default: the user's data folder]; read where weights are scored
    #[arg(long, value_name = "DIR", env = "SUBEVO_DATA")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArguments,
}

#[derive(Args, Debug)]
pub struct BenchArguments {
    #[command(subcommand)]
    pub command: BenchCommand,
}

#[derive(Args, Debug)]
pub struct ListArguments {
    /// One kind only
    #[arg(value_enum)]
    pub kind: Option<Kind>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Data,
    Augmentations,
    Corruptions,
    Models,
    Inits,
    Subsets,
    Projections,
    Strategies,
    Evaluations,
    Mutations,
    Crossovers,
    Selections,
    Optimizers,
    Schedules,
    Recipes,
    Metrics,
    Estimators,
    Figures,
}

/// `10s`, `5m`, `3h55m`, `1.5h`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write it as 10s, 5m or 3h55m");
    let mut seconds = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        let unit = rest[end..].chars().next();
        seconds += number
            * match unit {
                None | Some('s') => 1.0,
                Some('m') => 60.0,
                Some('h') => 3_600.0,
                Some('d') => 86_400.0,
                Some(_) => return Err(wrong()),
            };
        rest = &rest[end + unit.map_or(0, char::len_utf8)..];
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !text.trim().is_empty() => Ok(duration),
        _ => Err(wrong()),
    }
}

/// `512MiB`, `4GiB`, `2G` (powers of 1024); a bare number is bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size: write it as 512MiB or 4GiB");
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().map_err(|_| wrong())?;
    let factor = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1u64,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let bytes = number * factor as f64;
    if (1.0..9e18).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_with_their_units() {
        assert_eq!(duration("3h55m"), Ok(Duration::from_secs(14_100)));
        assert_eq!(duration("0.5s"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        for wrong in ["", "abc", "5x", "h", "1.2.3s", "-1s", "9e99d", "1µ"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(bytes("1000"), Ok(1000));
        for wrong in ["", "MiB", "5x", "0", "-1", "99999999999999TiB", "1µ"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
