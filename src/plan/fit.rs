//! Whether training fits into memory, told before any work: what is needed, what is allowed, and what to change.

use super::memory::Memory;
use super::Plan;
use crate::num::bytes;

impl Plan {
    /// Bytes of a population of `n` itself: its genomes, and as much again for the strategy's own state.
    pub fn population_bytes(&self, n: usize) -> u64 {
        2u64.saturating_mul(n as u64).saturating_mul(4 * self.sizes.genes as u64)
    }

    /// Whether a population of `n` can be evaluated within the limits, on a machine with `machine` bytes of memory.
    ///
    /// # Errors
    /// What is needed, by what, and what to change.
    pub fn check_population(&self, n: usize, machine: u64) -> Result<(), String> {
        self.check(&self.memory, self.peak_bytes(), "one member")?;
        let (population, peak) = (self.population_bytes(n), self.peak_bytes());
        if population.saturating_add(peak) <= machine {
            return Ok(());
        }
        Err(format!(
            "a population of {n} with {} genes takes {} (2 x n x k x 4 bytes) beside {} for evaluating it, and \
             this machine has {}: take a smaller `population`, or train fewer scalars",
            self.sizes.genes,
            bytes(population),
            bytes(peak),
            bytes(machine)
        ))
    }

    /// Whether a gradient can be computed within the limits.
    ///
    /// # Errors
    /// As [`Plan::check_population`].
    pub fn check_gradient(&self) -> Result<(), String> {
        self.check(&self.gradient_memory, self.peak_bytes_gradient(), "the gradient")
    }

    fn check(&self, memory: &Memory, needed: u64, unit: &str) -> Result<(), String> {
        let allowed = self.limits.memory;
        if needed <= allowed {
            return Ok(());
        }
        let threads = self.limits.threads.max(1);
        Err(format!(
            "needs at least {} of memory, and `--memory` allows {}: {} for the program and the network, {} for a batch of {} \
             images and what is computed of it once, {} for {unit}, {} for {threads} threads; allow more with `--memory`, or \
             take a smaller `batch` or fewer `--threads`",
            bytes(needed),
            bytes(allowed),
            bytes(memory.network),
            bytes(memory.shared),
            self.batch,
            bytes(memory.unit),
            bytes(memory.thread.saturating_mul(threads as u64))
        ))
    }
}
