//! The stages of a run at work: the task and the learner of each, made anew where the subset is drawn again.

use std::sync::Arc;

use super::batch_setup::BatchSetup;
use super::lineage::Lineage;
use super::{Registry, Run};
use crate::data::{BatchOrder, Data, Split};
use crate::engine::{on_cpu, Processor};
use crate::error::Result;
use crate::learner::{Learner, Stages, Task};
use crate::plan::Limits;
use crate::rng::Seed;
use crate::subset::Subset;

/// What evaluates, and what it may use.
#[derive(Clone, Copy)]
pub(super) struct Evaluating<'a> {
    /// Memory and threads.
    pub limits: Limits,
    /// What evaluates; `None`: the CPU, in f32 whatever the run's precision, as what looks at a run afterwards does.
    pub processor: Option<&'a Processor>,
}

/// Task and learner of the stage that is trained now, and the network on its way.
pub(super) struct RunStages<'a> {
    run: &'a Run<'a>,
    registry: &'a Registry,
    place: Evaluating<'a>,
    lineage: Lineage<'a>,
    task: Task,
    learner: Box<dyn Learner>,
}

impl<'a> RunStages<'a> {
    /// The first stage of a run, which trains `subset`.
    ///
    /// # Errors
    /// If the learner cannot be made.
    pub(super) fn new(
        run: &'a Run<'a>,
        registry: &'a Registry,
        place: Evaluating<'a>,
        subset: Subset,
        data: Arc<Data>,
    ) -> Result<Self> {
        let lineage = Lineage::of(&run.cell.setup, subset, run.seed);
        let order = order(run, &data)?;
        let (task, learner) = begin(run, registry, place, &lineage, data, order)?;
        Ok(RunStages { run, registry, place, lineage, task, learner })
    }
}

impl Stages for RunStages<'_> {
    fn stage(&mut self) -> (&Task, &mut dyn Learner) {
        (&self.task, &mut *self.learner)
    }

    fn fold(&mut self, links: &mut dyn Iterator<Item = &[f32]>) -> Result<()> {
        for link in links {
            self.lineage.fold(link)?;
        }
        let (data, order) = (self.task.data.clone(), self.task.order.clone());
        (self.task, self.learner) = begin(self.run, self.registry, self.place, &self.lineage, data, order)?;
        Ok(())
    }
}

/// The order of a run's batches.
///
/// # Errors
/// If a batch is larger than the training part.
pub(super) fn order(run: &Run<'_>, data: &Data) -> Result<BatchOrder> {
    let learner = &run.cell.setup.learners[run.learner];
    BatchSetup { size: learner.batch, sampling: learner.sampling }.order(data.len(Split::Train), run.seed)
}

/// Task and learner of the stage in which the network is.
fn begin(
    run: &Run<'_>,
    registry: &Registry,
    place: Evaluating<'_>,
    lineage: &Lineage<'_>,
    data: Arc<Data>,
    order: BatchOrder,
) -> Result<(Task, Box<dyn Learner>)> {
    let task = task(run, place, lineage, data, order)?;
    let learner = run.cell.setup.learners[run.learner].build(&task.start, run.seed, registry)?;
    Ok((task, learner))
}

/// The task of the stage in which the network is.
///
/// # Errors
/// If a device cannot hold the network.
pub(super) fn task(
    run: &Run<'_>,
    place: Evaluating<'_>,
    lineage: &Lineage<'_>,
    data: Arc<Data>,
    order: BatchOrder,
) -> Result<Task> {
    let setup = &run.cell.setup;
    let learner = &setup.learners[run.learner];
    let start = Arc::new(lineage.start());
    let plan = learner.plan(&start.graph, &start.subset, start.basis(), place.limits, setup.keep());
    let engine = match place.processor {
        Some(processor) => processor.engine(start.clone(), &plan, setup.precision)?,
        None => on_cpu(start.clone(), &plan),
    };
    let (augmentation, seed) = (setup.data.augmentation.clone(), Seed::new(run.seed));
    Ok(Task { start, data, order, augmentation, seed, loss: learner.loss, plan, engine })
}
