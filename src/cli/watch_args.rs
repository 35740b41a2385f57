//! The arguments of `subevo watch`, with the help that teaches.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::duration;

/// What stands before the options in the help.
pub const EXAMPLES: &str = "Examples:\n  \
    subevo watch runs/quickstart\n  \
    subevo watch runs/mine runs/theirs --every 10s\n  \
    subevo watch runs/quickstart --once";

/// What stands behind them.
pub const NOTES: &str = "It reads records and nothing else, so it may run beside the job, also on another machine that sees \
    the folder, and can be ended at any time: by q, by Ctrl-C, or by itself when all runs are done. Runs write down what they \
    did every second. The curve is the loss of all steps so far on a log scale, from its least to its greatest. Where output is \
    no terminal it is a line at each change.\n\n\
    Exit codes: 0 all runs are done, or q, or --once; 1 all are done and some of them failed; 2 no such folder.";

/// Arguments of `subevo watch`.
#[derive(Args, Debug)]
pub struct WatchArguments {
    /// Folders of campaigns, or of single runs
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// Time between two looks, as in 2s or 1m
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub every: Duration,
    /// Look once and end
    #[arg(long)]
    pub once: bool,
}
