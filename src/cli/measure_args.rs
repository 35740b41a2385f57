//! The words of `subevo measure`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::{duration, LimitArguments};

/// Arguments of `subevo measure`.
#[derive(Args, Debug)]
pub struct MeasureArguments {
    /// Folders of campaigns, or of single runs
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// A metric or a family of metrics (may be repeated), with parameters as in '{ name = "radii", points = 50 }'
    /// [default: those of the runs' own configurations]; `subevo list metrics` names them
    #[arg(long = "metric", value_name = "NAME")]
    pub metrics: Vec<String>,
    /// Before training and at the end alone: no matched losses, and nothing between
    #[arg(long)]
    pub ends_only: bool,
    /// Folder that holds one folder per data set [default: the user's data folder]
    #[arg(long, value_name = "DIR", env = "SUBEVO_DATA")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArguments,
    /// Stop with exit code 75 after this time, as in 3h55m; the same command goes on
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub time_limit: Option<Duration>,
}
