//! The arguments of `subevo measure-arrays`, with the help that teaches.

use std::path::PathBuf;

use clap::Args;

/// What stands before the options in the help.
pub const EXAMPLES: &str = "Examples:\n  \
    subevo measure-arrays layer.safetensors --metric kolchinsky-tracey --param kappa=0.1\n  \
    subevo measure-arrays layer.safetensors --metric probe --json\n  \
    subevo list estimators";

/// What stands behind them.
pub const NOTES: &str = "The file holds tensors of one dimension (a value for each sample) or two (samples, values), of type \
    F32, F64, I64, I32 or U8: `x` inputs, `t` representations, `y` labels or targets, `logits`, `walk` (steps, weights), \
    `grads` (batches, weights), as the metric needs them. Where there is `t_init` beside `t` (or `x_init`, ...), the number \
    is computed with it in the place of `t` once more: that is `init`.\n\n\
    JSON is one line: metric, value, unit, se, n, cap, init, shuffled. `null` is what the metric does not have, and what is \
    no number (JSON has no NaN and no infinity); without --json these are `-`, `NaN` and `inf`.";

#[derive(Args, Debug)]
pub struct MeasureArraysArguments {
    /// The arrays
    #[arg(value_name = "FILE.safetensors")]
    pub file: PathBuf,
    /// What is measured; `subevo list estimators` names them
    #[arg(long, value_name = "NAME")]
    pub metric: String,
    /// A parameter of the metric: TOML value or bare word, as in bound=lower or k=3 (may be repeated)
    #[arg(long = "param", value_name = "KEY=VALUE")]
    pub params: Vec<String>,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", env = "SUBEVO_THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Print a line of JSON
    #[arg(long)]
    pub json: bool,
}
