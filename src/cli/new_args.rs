//! The arguments of `subevo new`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// What can be written.
#[derive(Debug, Subcommand)]
pub enum NewCommand {
    /// An operator of the genetic algorithms
    #[command(
        before_help = "Examples:\n  subevo new operator my-mutation\n  subevo new operator by-layer --kind crossover --folder ops/by-layer",
        after_help = "The crate depends on subevo's sources by path and has all its commands, with one operator more. What was \
                      written compiles and runs as it is; docs/extending.md walks through it."
    )]
    Operator {
        /// Its name in campaign files, as in my-mutation
        name: String,
        /// What it does
        #[arg(long, value_enum, default_value_t = OperatorKind::Mutation)]
        kind: OperatorKind,
        /// Folder of the new crate [default: the name]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
        /// Folder of subevo's sources [default: where this program was built]
        #[arg(long, value_name = "DIR")]
        subevo: Option<PathBuf>,
    },
}

/// The kinds of operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OperatorKind {
    /// Changes a genome
    Mutation,
    /// Mixes two genomes
    Crossover,
    /// Chooses parents
    Selection,
}

impl OperatorKind {
    /// The word for one, which is its key in a campaign.
    pub fn word(self) -> &'static str {
        match self {
            OperatorKind::Mutation => "mutation",
            OperatorKind::Crossover => "crossover",
            OperatorKind::Selection => "selection",
        }
    }

    /// The word for many, as `subevo list` has it.
    pub fn list(self) -> &'static str {
        match self {
            OperatorKind::Mutation => "mutations",
            OperatorKind::Crossover => "crossovers",
            OperatorKind::Selection => "selections",
        }
    }
}
