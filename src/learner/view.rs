//! The network of a task as strategies see it, with a meter for what they look at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::OnceLock;

use super::Task;
use crate::data::Batch;
use crate::error::Result;
use crate::graph::init::Distribution;
use crate::operator::{Needs, Network, Population};

/// One batch of a task.
pub(super) struct View<'a> {
    task: &'a Task,
    batch: &'a Batch,
    base: OnceLock<Vec<f32>>,
    forward: AtomicUsize,
    gradients: AtomicUsize,
    output_gradients: AtomicUsize,
}

impl<'a> View<'a> {
    pub fn new(task: &'a Task, batch: &'a Batch) -> Self {
        let [forward, gradients, output_gradients] = std::array::from_fn(|_| AtomicUsize::new(0));
        View { task, batch, base: OnceLock::new(), forward, gradients, output_gradients }
    }

    /// What was evaluated until now.
    pub fn spent(&self) -> Needs {
        let counts = [&self.forward, &self.gradients, &self.output_gradients];
        let [forward, gradients, output_gradients] = counts.map(|count| count.load(Ordering::Relaxed));
        Needs { forward, gradients, output_gradients, ..Needs::default() }
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

    fn outputs(&self, population: &Population) -> Result<Vec<Vec<f32>>> {
        self.forward.fetch_add(population.len(), Ordering::Relaxed);
        self.task.engine.outputs(population, self.batch)
    }

    /// Each class is charged as a gradient, forward and backward, though the batch goes forward once for all of them.
    fn output_gradients(&self, genes: &[f32]) -> Result<Vec<Vec<f32>>> {
        let Task { start, engine, .. } = self.task;
        let (classes, images) = (start.graph.classes(), self.batch.labels.len());
        self.output_gradients.fetch_add(classes, Ordering::Relaxed);
        let sum_of = |class: usize| {
            let mut slopes = vec![0.0; images * classes];
            slopes.iter_mut().skip(class).step_by(classes).for_each(|slope| *slope = 1.0);
            slopes
        };
        let slopes: Vec<Vec<f32>> = (0..classes).map(sum_of).collect();
        let gradients = engine.vector_jacobian_products(&start.express(genes), self.batch, &slopes)?;
        Ok(gradients.into_iter().map(|gradient| start.gene_gradient(gradient)).collect())
    }
}
