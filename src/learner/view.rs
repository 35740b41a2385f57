//! The network of a task as strategies see it, with a meter for what they look at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::OnceLock;

use super::Task;
use crate::data::Batch;
use crate::error::Result;
use crate::graph::init::Distribution;
use crate::operator::{Needs, Network};

/// One batch of a task.
pub(super) struct View<'a> {
    task: &'a Task,
    batch: &'a Batch,
    base: OnceLock<Vec<f32>>,
    gradients: AtomicUsize,
}

impl<'a> View<'a> {
    pub fn new(task: &'a Task, batch: &'a Batch) -> Self {
        View { task, batch, base: OnceLock::new(), gradients: AtomicUsize::new(0) }
    }

    /// What was evaluated until now.
    pub fn spent(&self) -> Needs {
        Needs { gradients: self.gradients.load(Ordering::Relaxed), ..Needs::default() }
    }
}

impl Network for View<'_> {
    fn base(&self) -> &[f32] {
        self.base.get_or_init(|| self.task.start.base_in_genes())
    }

    fn draws(&self) -> &[Distribution] {
        &self.task.start.draws
    }

    fn gradient(&self, genes: &[f32]) -> Result<Vec<f32>> {
        self.gradients.fetch_add(1, Ordering::Relaxed);
        let weights = self.task.start.express(genes);
        let (_, gradient) = self.task.engine.gradient(&weights, self.batch, self.task.loss)?;
        Ok(self.task.start.gene_gradient(gradient))
    }
}
