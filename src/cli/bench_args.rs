//! The arguments of `subevo bench`, with the help that teaches.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

use super::args::LimitArguments;
use crate::bench::{Trained, FUNCTIONS, IMAGES};
use crate::engine::{DeviceChoice, MatrixPrecision};
use crate::record::Method;

/// Most filters of a convolution, as models take them.
const MOST_FILTERS: usize = 4_096;

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Time the common task: a generation of evolution, or a step of backprop, on a small network
    #[command(
        before_help = "Examples:\n  subevo bench common\n  \
                       subevo bench common --subset filters --learner evolution,backprop --json\n  \
                       subevo bench common --device cuda:0 --population 1024 --batch 1024",
        after_help = "The common task: conv3x3 - batch-norm - relu - pool2 - conv3x3 - batch-norm - relu - pool2 - linear, on \
                      8,192 made-up images of one channel and 10 classes, a new batch each generation, batch-norm on \
                      the statistics of the batch. Evolution is SNES, backprop is Adam on the same subset. A \
                      generation is gather + ask + evaluate + tell; a step of backprop is gather + gradient (under \
                      evaluate) + optimizer (under tell). The other networks are timed in the same way: conv2 on images of \
                      --image x --image, resnet-cifar and alexnet-cifar on 32 x 32 x 3.\n\n\
                      Cases are measured one after another in the order given, each on a network, images and engine of \
                      its own. GFLOP/s counts what is executed, nothing that sharing saves; `of product` holds it \
                      against the best of several 1024 x 1024 x 1024 matrix products on the same threads, right after \
                      the case. Peak memory is the process's high-water mark, set back before each case to what was \
                      resident (rss_before_mib in JSON): what earlier cases left with the allocator counts, so for \
                      memory alone measure one case. What cannot be known on this machine is `-`, and null in JSON; \
                      p10 and p90 are in ms, of a generation."
    )]
    Common(CommonArguments),
    /// Measure what a lower precision of matrix products does to the ranking of members
    #[command(
        before_help = "Examples:\n  subevo bench precision\n  \
                       subevo bench precision --subset conv2-all,resnet-14-bn --device cuda:0",
        after_help = "Each case is evolved by SNES in f32; every generation is evaluated in tf32 and bf16 as well, on the same \
                      batch. A GPU uses its own units; on the CPU factors are rounded to the nearest of the precision and \
                      multiplied in f32, by candle, which is slow."
    )]
    Precision(PrecisionArguments),
    /// Count the evaluations that a strategy needs to solve functions of the literature
    #[command(
        before_help = "Examples:\n  subevo bench functions --strategy snes --function sphere --dim 10\n  \
                       subevo bench functions --strategy '{ name = \"snes\", lr_sigma = 0.3 }' --function \
                       ellipsoid,rosenbrock --rotate --json",
        after_help = "Each run starts at 3 in every coordinate, with `sigma` 1 wherever the strategy or a part of it has \
                      one, and the strategy's other defaults, unless told otherwise. A run is solved at the first \
                      evaluation whose value is at most the target (the best sampled so far, as COCO counts). A gradient, \
                      where a strategy is guided by one, counts for two evaluations. The median is over the solved \
                      runs alone, so read it beside their number. With --rotate each seed has another random orthogonal matrix. Genes are f32: near an optimum at 0 coordinates \
                      are multiples of 2.4e-7, so ill-conditioned functions have a floor near 1e-8."
    )]
    Functions(FunctionArguments),
}

#[derive(Args, Debug)]
pub struct FunctionArguments {
    /// A strategy by name, or a TOML table with a `name` and its options
    #[arg(long, value_name = "NAME|TABLE")]
    pub strategy: String,
    /// What is minimised; several with commas
    #[arg(long, value_name = "FUNCTION", value_delimiter = ',', required = true,
        value_parser = PossibleValuesParser::new(FUNCTIONS.iter().map(|function| function.name)))]
    pub function: Vec<String>,
    /// Number of coordinates
    #[arg(long, value_name = "D", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub dim: u32,
    /// Runs, of the seeds 0 to N - 1
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub seeds: u32,
    /// The value to reach; all functions are 0 at their optimum
    #[arg(long, value_name = "VALUE", default_value = "1e-8", value_parser = target)]
    pub target: f64,
    /// Turn the coordinates by a random orthogonal matrix
    #[arg(long)]
    pub rotate: bool,
    /// Members of a generation [default: the strategy's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub population: Option<u32>,
    /// Evaluations after which a run is given up [default: 10,000 for each coordinate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    pub evaluations: Option<u64>,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", env = "SUBEVO_THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Print a line of JSON for each function, as soon as it is done
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct PrecisionArguments {
    /// What is trained, as for `bench common`; several with commas
    #[arg(long, value_name = "SUBSET", value_enum, value_delimiter = ',', default_value = "bn,classifier,filters")]
    pub subset: Vec<SubsetWord>,
    /// Members of a generation
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(4..=1_000_000))]
    pub population: u32,
    /// Images of a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=IMAGES as i64))]
    pub batch: u32,
    /// Generations that are looked at
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub generations: u32,
    /// Generations before these
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub warmup: u32,
    /// What evaluates networks: auto (a GPU that this build drives, else the CPU), cpu, cuda:N or metal
    #[arg(long, value_name = "DEVICE", env = "SUBEVO_DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    #[command(flatten)]
    pub limits: LimitArguments,
    /// Print a line of JSON for each case and precision, as soon as it is measured
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct CommonArguments {
    /// What is trained: of the common network both batch-norms, the classifier, or a share of the filters; all of conv2; the
    /// batch-norms of resnet-cifar of depth 14; one filter of each convolution of alexnet-cifar; several with commas
    #[arg(long, value_name = "SUBSET", value_enum, value_delimiter = ',', default_value = "bn,classifier,filters")]
    pub subset: Vec<SubsetWord>,
    /// SNES, Adam, or both with a comma
    #[arg(long, value_name = "LEARNER", value_enum, value_delimiter = ',', default_value = "evolution")]
    pub learner: Vec<LearnerWord>,
    /// Members of a generation of evolution
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub population: u32,
    /// Images of a batch
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=IMAGES as i64))]
    pub batch: u32,
    /// Timed generations, or steps of backprop
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub generations: u32,
    /// Generations before these, timed apart
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub warmup: u32,
    /// Height and width of an image
    #[arg(long, value_name = "N", default_value_t = 28, value_parser = clap::value_parser!(u32).range(4..=256))]
    pub image: u32,
    /// Filters of the first and the second convolution
    #[arg(long, value_name = "C1,C2", default_value = "16,32", value_parser = channels)]
    pub channels: [usize; 2],
    /// Share of each convolution's filters for `filters`; halves round to even, at least one is trained
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = share)]
    pub fraction: f64,
    /// What evaluates networks: auto (a GPU that this build drives, else the CPU), cpu, cuda:N or metal
    #[arg(long, value_name = "DEVICE", env = "SUBEVO_DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// How exactly products multiply on a GPU
    #[arg(long, value_name = "PRECISION", default_value = "f32",
        value_parser = PossibleValuesParser::new(MatrixPrecision::NAMES))]
    pub precision: String,
    #[command(flatten)]
    pub limits: LimitArguments,
    /// Print a line of JSON for each case, as soon as it is measured
    #[arg(long)]
    pub json: bool,
}

/// What can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SubsetWord {
    Bn,
    Classifier,
    Filters,
    #[value(name = "conv2-all")]
    Conv2All,
    #[value(name = "resnet-14-bn")]
    ResNet14BatchNorm,
    #[value(name = "alexnet-filter")]
    AlexNetFilter,
}

/// How it can be trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LearnerWord {
    Evolution,
    Backprop,
}

impl SubsetWord {
    pub fn trained(self) -> Trained {
        match self {
            SubsetWord::Bn => Trained::BatchNorm,
            SubsetWord::Classifier => Trained::Classifier,
            SubsetWord::Filters => Trained::Filters,
            SubsetWord::Conv2All => Trained::Conv2All,
            SubsetWord::ResNet14BatchNorm => Trained::ResNet14BatchNorm,
            SubsetWord::AlexNetFilter => Trained::AlexNetFilter,
        }
    }
}

impl LearnerWord {
    pub fn method(self) -> Method {
        match self {
            LearnerWord::Evolution => Method::Evolution,
            LearnerWord::Backprop => Method::Backprop,
        }
    }
}

/// Two counts, as in `16,32`.
fn channels(text: &str) -> Result<[usize; 2], String> {
    let count = |text: &str| text.trim().parse().ok().filter(|count| (1..=MOST_FILTERS).contains(count));
    let counts = text.split_once(',').and_then(|(first, second)| Some([count(first)?, count(second)?]));
    counts.ok_or_else(|| format!("{text:?} is not two counts of filters: write 16,32, each 1 to {MOST_FILTERS}"))
}

/// A value above 0.
fn target(text: &str) -> Result<f64, String> {
    let target = text.trim().parse().ok().filter(|target: &f64| *target > 0.0 && target.is_finite());
    target.ok_or_else(|| format!("{text:?} is no target: write a number above 0, as in 1e-8"))
}

/// A share, above 0 and at most 1.
fn share(text: &str) -> Result<f64, String> {
    let share = text.trim().parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| format!("{text:?} is no share: write a number above 0 and at most 1, as in 0.25"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_shares_are_read_within_their_ranges() {
        assert_eq!(channels("16,32"), Ok([16, 32]));
        assert_eq!(channels(" 1, 4096 "), Ok([1, 4_096]));
        for wrong in ["", "16", "16,", "16,32,64", "0,32", "16,4097", "-1,2", "1.5,2", "a,b"] {
            assert!(channels(wrong).is_err(), "{wrong}");
        }
        assert_eq!([share("0.25"), share("1"), share("1e-3")], [Ok(0.25), Ok(1.0), Ok(1e-3)]);
        for wrong in ["", "0", "-0.5", "1.01", "nan", "inf", "a", "25%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
