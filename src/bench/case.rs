//! One case of the common task: a small network, one of three subsets of it, made-up images, a learner.
//!
//! conv3x3 c1 - batch-norm - relu - pool2 - conv3x3 c2 - batch-norm - relu - pool2 - linear on images of one channel, in 10
//! classes; batch-norm on the statistics of the batch, a new batch of 8,192 images each generation.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::campaign::{machine, Registry};
use crate::data::augmentation::Unchanged;
use crate::data::{BatchOrder, Data, Split};
use crate::engine::{Loss, MatrixPrecision, Processor};
use crate::entry::Entries;
use crate::error::{Error, Result};
use crate::learner::Task;
use crate::model;
use crate::optimizer::Optimizer;
use crate::params::{read_table, toml, Amount, Origin, Params, Problems};
use crate::plan::{Keep, Limits, Plan, Precision};
use crate::record::{Background, Method};
use crate::rng::Seed;
use crate::strategy::{Strategy, StrategyContext};
use crate::subset::{select, GeneScale, Start, Subset, SubsetRequest, Untrained};

/// Training images that batches are taken from.
pub const IMAGES: usize = 8_192;

const CLASSES: usize = 10;

/// The seed of everything that a case draws.
pub(super) const SEED: u64 = 1;

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trained {
    /// Scales and shifts of both batch-norms.
    BatchNorm,
    /// Weights and biases of the linear layer.
    Classifier,
    /// A share of the filters of each convolution, chosen at random.
    Filters,
    /// All weights of `conv2`.
    Conv2All,
    /// Scales and shifts of all batch-norms of `resnet-cifar` of depth 14.
    ResNet14BatchNorm,
    /// One filter, chosen at random, of each convolution of `alexnet-cifar`.
    AlexNetFilter,
}

impl Trained {
    /// All, in the order of the tables.
    pub const ALL: [Trained; 6] = [
        Trained::BatchNorm,
        Trained::Classifier,
        Trained::Filters,
        Trained::Conv2All,
        Trained::ResNet14BatchNorm,
        Trained::AlexNetFilter,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Trained::BatchNorm => "bn",
            Trained::Classifier => "classifier",
            Trained::Filters => "filters",
            Trained::Conv2All => "conv2-all",
            Trained::ResNet14BatchNorm => "resnet-14-bn",
            Trained::AlexNetFilter => "alexnet-filter",
        }
    }
}

impl Serialize for Trained {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The common task with its sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// What is trained.
    pub trained: Trained,
    /// Evolution by SNES, or backprop by Adam.
    pub learner: Method,
    /// Members of a generation of evolution.
    pub population: usize,
    /// Images of a batch.
    pub batch: usize,
    /// Height and width of an image.
    pub image: usize,
    /// Filters of both convolutions.
    pub channels: [usize; 2],
    /// Share of the filters that [`Trained::Filters`] trains.
    pub fraction: f64,
}

/// What a case runs on.
pub struct On<'a> {
    /// What evaluates.
    pub processor: &'a Processor,
    /// How exactly its products multiply.
    pub precision: MatrixPrecision,
    /// Memory and threads.
    pub limits: Limits,
}

/// Trained filters of a convolution of `filters`: at least one, halves rounded to even.
pub fn evolved_filters(fraction: f64, filters: usize) -> usize {
    ((fraction * filters as f64).round_ties_even() as usize).max(1)
}

impl Case {
    /// The case with the sizes of the comparisons: 64 members, batches of 128 images of 28 x 28, 16 and 32 filters, a
    /// quarter of them.
    pub fn new(trained: Trained, learner: Method) -> Self {
        Case { trained, learner, population: 64, batch: 128, image: 28, channels: [16, 32], fraction: 0.25 }
    }

    /// As in `common/bn/evolution`.
    pub fn name(&self) -> String {
        format!("common/{}/{}", self.trained.name(), self.learner.name())
    }

    /// Networks evaluated in a generation: the population, or the one network of backprop.
    pub fn members(&self) -> usize {
        match self.learner {
            Method::Evolution => self.population,
            Method::Backprop => 1,
        }
    }

    /// Channels, height and width of an image.
    pub fn image_shape(&self) -> [usize; 3] {
        match self.trained {
            Trained::ResNet14BatchNorm | Trained::AlexNetFilter => [3, 32, 32],
            _ => [1, self.image, self.image],
        }
    }

    /// The list of selectors, as a campaign would write it.
    fn selectors(&self) -> String {
        match self.trained {
            Trained::BatchNorm | Trained::ResNet14BatchNorm => "select = [{ batchnorm = true }]".to_string(),
            Trained::Conv2All => "select = [{ all = true }]".to_string(),
            Trained::AlexNetFilter => "select = [{ filters = 1, which = \"random\" }]".to_string(),
            Trained::Classifier => "select = [{ classifier = true }]".to_string(),
            Trained::Filters => {
                let [first, second] = self.channels.map(|filters| evolved_filters(self.fraction, filters));
                format!(
                    "select = [{{ filters = {first}, which = \"random\", in = \"conv1\" }}, \
                     {{ filters = {second}, which = \"random\", in = \"conv2\" }}]"
                )
            }
        }
    }

    /// The untrained network and what is trained of it.
    ///
    /// # Errors
    /// If sizes are out of range.
    pub fn start(&self) -> Result<Start> {
        let registry = Registry::builtin();
        let [first, second] = self.channels;
        let (name, options) = match self.trained {
            Trained::BatchNorm | Trained::Classifier | Trained::Filters => {
                ("conv2-bn", format!("channels = [{first}, {second}]"))
            }
            Trained::Conv2All => ("conv2", String::new()),
            Trained::ResNet14BatchNorm => ("resnet-cifar", "depth = 14".to_string()),
            Trained::AlexNetFilter => ("alexnet-cifar", String::new()),
        };
        let model = build(&registry.models, name, &options, &())?;
        let init = build(&registry.inits, "he-normal", "", &())?;
        let graph = Arc::new(model::build(&*model, self.image_shape(), CLASSES)?);
        let selectors =
            read("the subset", &self.selectors(), |params| Some(registry.selectors.read_list(params, "select")))?;
        let seed = Seed::new(SEED);
        let untrained = Untrained::new(&graph, &*init, seed.child("init"));
        let request = SubsetRequest { graph: &graph, seed: seed.child("subset"), untrained: &untrained };
        let subset = Arc::new(select(Some(self.trained.name()), &selectors, None, &request)?);
        Ok(Start::new(graph, subset, &*init, GeneScale::One, Background::Random, seed.child("init")))
    }

    /// All that learners are given: network, images, batches, plan and engine.
    ///
    /// # Errors
    /// If sizes are out of range, or the case does not fit into memory.
    pub fn task(&self, on: &On<'_>) -> Result<Task> {
        let limits = on.limits;
        let start = Arc::new(self.start()?);
        // One image more, because something must be held out for validation.
        let [channels, side, _] = self.image_shape();
        let train = IMAGES + 1;
        let options = format!("classes = {CLASSES}\ntrain = {train}\ntest = 1\nimage = {side}\nchannels = {channels}");
        let source = build(&Registry::builtin().data, "synthetic", &options, &())?;
        let data = Arc::new(Data::split("synthetic", source.load(None)?, Amount::Count(1), Seed::new(0))?);
        let order = BatchOrder::new(data.len(Split::Train), self.batch, Seed::new(SEED).child("batch"))?;
        let keep = Keep { images: data.len(Split::Train) as u64 + 1, precision: Precision::F32 };
        let plan = Plan::new(&start.graph, &start.subset, self.batch, limits).for_population(self.members());
        let plan = plan.keeping(&start.graph, &start.subset, keep);
        let fits = match self.learner {
            Method::Evolution => plan.check_population(self.population, machine::memory()),
            Method::Backprop => plan.check_gradient(),
        };
        fits.map_err(|message| Error::Config(format!("{}: {message}", self.name())))?;
        let engine = on.processor.engine(start.clone(), &plan, on.precision)?;
        let augmentation = Arc::new(Unchanged);
        Ok(Task { start, data, order, augmentation, seed: Seed::new(SEED), loss: Loss::Nll, plan, engine })
    }

    /// SNES with steps of 0.05.
    ///
    /// # Errors
    /// If the population is out of range.
    pub fn strategy(&self, subset: &Arc<Subset>) -> Result<Box<dyn Strategy>> {
        strategy("snes", &format!("population = {}\nsigma = 0.05", self.population), subset)
    }

    /// Adam with a learning rate of 0.02.
    ///
    /// # Errors
    /// Never with the rows of this crate.
    pub fn optimizer(&self, subset: &Subset) -> Result<Box<dyn Optimizer>> {
        build(&Registry::builtin().optimizers, "adam", "lr = 0.02", &subset.size)
    }
}

/// A strategy for a subset by its name and its options, lines of TOML.
///
/// # Errors
/// If there is none of that name, or an option is wrong.
pub fn strategy(name: &str, options: &str, subset: &Arc<Subset>) -> Result<Box<dyn Strategy>> {
    let registry = Registry::builtin();
    let context = StrategyContext {
        subset: subset.clone(),
        classes: CLASSES,
        operators: registry.operators.clone(),
        strategies: registry.strategies.clone(),
        memory: machine::memory() / 2,
    };
    build(&registry.strategies, name, options, &context)
}

/// Builds the row called `name`.
fn build<T: ?Sized, C: ?Sized>(rows: &Entries<T, C>, name: &str, options: &str, context: &C) -> Result<Box<T>> {
    read(name, options, |params| rows.build(name, &Origin::Default, params, context))
}

/// Reads options, lines of TOML; every problem becomes a part of the error.
fn read<T>(what: &str, options: &str, read: impl FnOnce(&Params<'_>) -> Option<T>) -> Result<T> {
    let problems = Problems::default();
    let table = toml::parse(options, &problems);
    let (found, _) = read_table(&table, Origin::Default, what, &problems, read);
    let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    found.filter(|_| told.is_empty()).ok_or_else(|| Error::Config(format!("{what}: {}", told.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_filter_are_rounded_to_even_and_at_least_one_is_trained() {
        // Python: max(1, int(round(fraction * filters)))
        let cases =
            [(0.25, 16, 4), (0.25, 32, 8), (0.25, 10, 2), (0.25, 14, 4), (0.25, 2, 1), (0.5, 3, 2), (0.5, 5, 2)];
        for (fraction, filters, expected) in cases {
            assert_eq!(evolved_filters(fraction, filters), expected, "{fraction} of {filters}");
        }
        assert_eq!([evolved_filters(1e-9, 32), evolved_filters(0.3, 1), evolved_filters(1.0, 7)], [1, 1, 7]);
    }

    #[test]
    fn a_population_of_one_is_told_in_the_words_of_a_campaign() {
        let case = Case { population: 1, ..Case::new(Trained::BatchNorm, Method::Evolution) };
        let subset = case.start().unwrap().subset;
        let Err(Error::Config(message)) = case.strategy(&subset) else { panic!("a population of one") };
        assert_eq!(message, "snes: `snes.population` = 1: must be an integer, 2 to 1000000");
    }
}
