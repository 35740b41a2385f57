//! The arguments of `subevo report`.

use std::path::PathBuf;

use clap::Args;

/// What stands before the options in the help.
pub const EXAMPLES: &str = "Examples:\n  subevo report runs/quickstart\n  \
    subevo report runs/mine runs/theirs --out both.html";

/// What stands behind them.
pub const NOTES: &str = "The file needs no network and no other file: open it in a browser, send it, print it. It holds the \
    question, the table of `run`, the comparison of `compare` at matched loss and at the end, the figures of `plot`, all runs, \
    cost, environment (host names and command lines too), configuration and failures. Equal records give equal bytes.";

/// Arguments of `subevo report`.
#[derive(Args, Debug)]
pub struct ReportArguments {
    /// Folders of campaigns, or of single runs
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// The file to write [default: report.html in the first folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
