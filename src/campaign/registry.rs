//! Everything that a campaign can name, in one place: the rows of all kinds.

use std::sync::Arc;

use super::recipe::{self, Recipe};
use crate::data::augmentation::{self, Augmentation};
use crate::data::corruption::{self, Corruption};
use crate::data::{self, DataSource};
use crate::entry::{Entries, Entry};
use crate::estimator::{self, Estimator};
use crate::evaluation::{self, Evaluation};
use crate::graph::init::{self, Init};
use crate::metric::{self, Metric};
use crate::model::{self, Model};
use crate::operator::{CrossoverOperator, MutationOperator, Operators, SelectionOperator};
use crate::optimizer::{self, schedule, Optimizer, Schedule};
use crate::plot::{self, Figure};
use crate::projection::{self, Projection};
use crate::strategy::{self, Strategy, StrategyContext};
use crate::subset::{Selector, Selectors};

/// The rows of all kinds. Start from [`Registry::builtin`] and add your own.
#[derive(Clone)]
pub struct Registry {
    /// Data sets.
    pub data: Entries<dyn DataSource>,
    /// What is done to training images.
    pub augmentations: Entries<dyn Augmentation, [usize; 3]>,
    /// What is done to test images to see what a network bears.
    pub corruptions: Entries<dyn Corruption>,
    /// Architectures.
    pub models: Entries<dyn Model>,
    /// Rules for drawing weights.
    pub inits: Entries<dyn Init>,
    /// Subset selectors.
    pub selectors: Arc<Selectors>,
    /// Random projections, for subspaces.
    pub projections: Entries<dyn Projection>,
    /// Evolutionary strategies.
    pub strategies: Entries<dyn Strategy, StrategyContext>,
    /// How members of a generation are evaluated.
    pub evaluations: Entries<dyn Evaluation, Option<f64>>,
    /// Mutation, crossover and selection operators.
    pub operators: Arc<Operators>,
    /// Optimizers of backprop.
    pub optimizers: Entries<dyn Optimizer, usize>,
    /// Learning-rate schedules.
    pub schedules: Entries<dyn Schedule>,
    /// Published settings of learners.
    pub recipes: Entries<Recipe>,
    /// Metrics.
    pub metrics: Entries<dyn Metric>,
    /// Estimators: what `subevo measure-arrays` can be asked for.
    pub estimators: Entries<dyn Estimator>,
    /// Figures.
    pub figures: Entries<dyn Figure>,
}

impl Registry {
    /// All rows of this crate.
    pub fn builtin() -> Self {
        Registry {
            data: Entries::new("data set", data::ENTRIES),
            augmentations: Entries::new("augmentation", augmentation::ENTRIES),
            corruptions: Entries::new("corruption", corruption::ENTRIES),
            models: Entries::new("model", model::ENTRIES),
            inits: Entries::new("init", init::ENTRIES),
            selectors: Arc::new(Selectors::builtin()),
            projections: Entries::new("projection", projection::ENTRIES),
            strategies: Entries::new("strategy", strategy::ENTRIES),
            evaluations: Entries::new("evaluation", evaluation::ENTRIES),
            operators: Arc::new(Operators::builtin()),
            optimizers: Entries::new("optimizer", optimizer::ENTRIES),
            schedules: Entries::new("schedule", schedule::ENTRIES),
            recipes: Entries::new("recipe", recipe::ENTRIES),
            metrics: Entries::of("metric", metric::entries()),
            estimators: Entries::new("estimator", estimator::ENTRIES),
            figures: Entries::new("figure", plot::ENTRIES),
        }
    }

    /// Adds a model, or replaces the one of that name.
    #[must_use]
    pub fn with_model(mut self, entry: Entry<dyn Model>) -> Self {
        self.models.add(entry);
        self
    }

    /// Adds a subset selector, or replaces the one of that name.
    #[must_use]
    pub fn with_selector(mut self, entry: Entry<dyn Selector, Selectors>) -> Self {
        Arc::make_mut(&mut self.selectors).entries.add(entry);
        self
    }

    /// Adds a projection, or replaces the one of that name.
    #[must_use]
    pub fn with_projection(mut self, entry: Entry<dyn Projection>) -> Self {
        self.projections.add(entry);
        self
    }

    /// Adds a strategy, or replaces the one of that name.
    #[must_use]
    pub fn with_strategy(mut self, entry: Entry<dyn Strategy, StrategyContext>) -> Self {
        self.strategies.add(entry);
        self
    }

    /// Adds a rule of evaluation, or replaces the one of that name.
    #[must_use]
    pub fn with_evaluation(mut self, entry: Entry<dyn Evaluation, Option<f64>>) -> Self {
        self.evaluations.add(entry);
        self
    }

    /// Adds a mutation operator, or replaces the one of that name.
    #[must_use]
    pub fn with_mutation(mut self, entry: Entry<dyn MutationOperator>) -> Self {
        Arc::make_mut(&mut self.operators).mutations.add(entry);
        self
    }

    /// Adds a crossover operator, or replaces the one of that name.
    #[must_use]
    pub fn with_crossover(mut self, entry: Entry<dyn CrossoverOperator>) -> Self {
        Arc::make_mut(&mut self.operators).crossovers.add(entry);
        self
    }

    /// Adds a selection operator, or replaces the one of that name.
    #[must_use]
    pub fn with_selection(mut self, entry: Entry<dyn SelectionOperator>) -> Self {
        Arc::make_mut(&mut self.operators).selections.add(entry);
        self
    }

    /// Adds a metric, or replaces the one of that name.
    #[must_use]
    pub fn with_metric(mut self, entry: Entry<dyn Metric>) -> Self {
        self.metrics.add(entry);
        self
    }

    /// Adds an estimator, or replaces the one of that name.
    #[must_use]
    pub fn with_estimator(mut self, entry: Entry<dyn Estimator>) -> Self {
        self.estimators.add(entry);
        self
    }

    /// Adds a figure, or replaces the one of that name.
    #[must_use]
    pub fn with_figure(mut self, entry: Entry<dyn Figure>) -> Self {
        self.figures.add(entry);
        self
    }
}
