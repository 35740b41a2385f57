//! The arguments of `subevo compare`, with the help that teaches.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::compare::At;

/// What stands before the options in the help.
pub const EXAMPLES: &str = "Examples:\n  \
    subevo compare runs/quickstart --at end --metric test-accuracy\n  \
    subevo compare runs/quickstart --at loss --metric accuracy-gap\n  \
    subevo compare runs/quickstart --at loss --level 0.5 --metric macs\n  \
    subevo compare runs/mine runs/theirs --csv --out compare.csv";

/// What stands behind them.
pub const NOTES: &str = "A --metric is one of test-accuracy, test-loss, accuracy-gap, loss-gap, chosen-test-accuracy, \
    train-accuracy, train-loss, validation-accuracy, validation-loss, steps, images, macs, seconds; or what was measured: \
    METRIC[.NAME][:KEY=VALUE,...] with the keys of, at, layer and position, as in radii.median:of=random. Default: \
    test-accuracy, test-loss, accuracy-gap, chosen-test-accuracy (at the end) and, where measured, a few headlines.\n\n\
    p-values are corrected for all tests of the table (Holm), so decide first what you ask and ask no more: --at and --metric \
    narrow it. docs/compare.md has formulas and traps.";

/// Arguments of `subevo compare`.
#[derive(Args, Debug)]
pub struct CompareArguments {
    /// Folders of campaigns, or of single runs
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// What is made equal: loss (of training), macs, seconds, or end for nothing (may be repeated) [default: all four]
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', hide_possible_values = true)]
    pub at: Vec<Equal>,
    /// A level of the --at, in nats, MACs or seconds (may be repeated) [default: five, up to where all have come]
    #[arg(long = "level", value_name = "NUMBER", allow_negative_numbers = true)]
    pub levels: Vec<f64>,
    /// What is compared (may be repeated); see below
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<String>,
    /// Compare all other learners with this one [default: each evolution learner with each backprop learner]
    #[arg(long, value_name = "LEARNER")]
    pub baseline: Option<String>,
    /// Refuse where seeds or runs have no partner or are not finished, in the place of a note
    #[arg(long)]
    pub strict: bool,
    /// Print CSV: a line for each comparison
    #[arg(long, group = "format")]
    pub csv: bool,
    /// Print JSON, with the pairs themselves
    #[arg(long, group = "format")]
    pub json: bool,
    /// Print Markdown
    #[arg(long, group = "format")]
    pub markdown: bool,
    /// Write it to a file in the place of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// [`At`], as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Equal {
    /// Training loss
    Loss,
    /// Multiply-accumulates
    Macs,
    /// Seconds of training
    Seconds,
    /// Nothing: the last step of each
    End,
}

impl From<Equal> for At {
    fn from(equal: Equal) -> At {
        match equal {
            Equal::Loss => At::Loss,
            Equal::Macs => At::Macs,
            Equal::Seconds => At::Seconds,
            Equal::End => At::End,
        }
    }
}
