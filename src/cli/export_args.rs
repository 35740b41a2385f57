//! The arguments of `subevo export`, with the help that teaches.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::LimitArguments;

/// What stands before the options in the help.
pub const EXAMPLES: &str = "Examples:\n  \
    subevo export runs/quickstart --format csv            tables for pandas and polars\n  \
    subevo export runs/quickstart --format tensorboard    curves for TensorBoard\n  \
    subevo export runs/quickstart/<run> --out network.safetensors";

/// What stands behind them.
pub const NOTES: &str = "Tables: runs, settings, evaluations, steps, diagnostics and measurements, a line for each thing; \
    docs/export.md has their columns. They and the curves are made from records alone.\n\n\
    safetensors is one run's whole network under the names of a PyTorch state_dict. Batch-norm statistics are recalibrated \
    on the first 2,000 training images, so the data set is read. The metadata hold the run's configuration and how images \
    are normalised; tests/reference/torch_load.py shows how PyTorch loads the file.";

/// Arguments of `subevo export`.
#[derive(Args, Debug)]
pub struct ExportArguments {
    /// Folders of campaigns or of single runs; one run for safetensors
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// What is written: csv or parquet (tables), tensorboard (curves) or safetensors (a network)
    #[arg(long, value_enum, default_value_t = ExportFormat::Safetensors, hide_possible_values = true)]
    pub format: ExportFormat,
    /// Where it goes: a folder; of safetensors the file [default: export in the first folder for tables, tb
    /// in each run's folder for tensorboard, network.safetensors in the run's folder]
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Which of the run's networks, of safetensors: start, last or best-by-validation [default: last]
    #[arg(long, value_enum, hide_possible_values = true)]
    pub incumbent: Option<Which>,
    /// Folder that holds one folder per data set [default: the user's data folder]
    #[arg(long, value_name = "DIR", env = "SUBEVO_DATA")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArguments,
}

/// Which network of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Before training
    Start,
    /// At the end
    Last,
    /// Of the evaluation with the least validation loss
    BestByValidation,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A run's network: tensors by name, without code
    Safetensors,
    /// Tables as text
    Csv,
    /// Tables with typed columns
    Parquet,
    /// Curves as TensorBoard's event files
    Tensorboard,
}
