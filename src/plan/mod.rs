//! How a population is evaluated: what all members share, what each computes for itself, how many at a time.
//!
//! A pure function of graph, subset, batch, threads and memory; nothing is computed here. [`Programs`] are the steps that
//! the engine on the CPU executes; all else of a [`Plan`] counts and describes them: multiplies ([`Macs`]), bytes
//! ([`Memory`]), and each node in words ([`NodePlan`]).

mod cache;
mod cost;
mod describe;
mod fit;
mod memory;
mod nodes;
mod pass;
mod program;
mod programs;
mod sharing;
mod unit;

use std::sync::Arc;

pub use cache::{Cut, Keep, Precision};
pub use cost::{Executed, Macs};
pub use describe::{NodePlan, Sharing};
pub use memory::{Memory, Sizes};
pub use nodes::{last_readers, trained_weights};
pub use pass::{Serves, Use};
pub use program::{From, Kind, Norm, Part, Product, Program, Scope, Step, Window};
pub use programs::Programs;
pub use sharing::{own_channels, sizes, Size, Trained};

use crate::graph::Graph;
use crate::projection::Basis;
use crate::subset::Subset;

/// What an evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for everything but the population itself (2 * n * k * 4) and the data set.
    pub memory: u64,
    /// Worker threads.
    pub threads: usize,
}

/// The plan of one graph, subset and batch size.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// For each node whether its output depends on a trained scalar.
    pub per_member: Vec<bool>,
    /// What becomes of each node.
    pub nodes: Vec<NodePlan>,
    /// Multiply-accumulates of the whole network for one image.
    pub total_macs: u64,
    /// Multiply-accumulates for one image that all members share.
    pub shared_macs: u64,
    /// Multiply-accumulates for one image and member.
    pub member_macs: u64,
    /// Multiply-accumulates of a backward pass for one image: gradients of inputs above the lowest trained layer and of
    /// the trained weights.
    pub backward_macs: u64,
    /// What the engine multiplies for one image, which may be more: never what is charged.
    pub executed: Executed,
    /// What evaluating a population holds.
    pub memory: Memory,
    /// What a gradient holds, as one unit.
    pub gradient_memory: Memory,
    /// Members evaluated side by side.
    pub unit: usize,
    /// Units evaluated at the same time.
    pub units_at_once: usize,
    /// Members whose weights are made from their genes together: a whole number of units, where they are the coordinates of
    /// a subspace, for its basis is drawn once for all of them. `None`: each unit makes its own.
    pub expanded: Option<usize>,
    /// Images of a batch.
    pub batch: usize,
    /// Bytes of activations that are kept for the whole data set; see [`Plan::keeping`].
    pub kept_bytes: u64,
    /// How they are stored.
    pub precision: Precision,
    /// What the engine on the CPU executes; `None` where it cannot compute a graph and the reference engine does, see
    /// [`Plan::reference_because`].
    pub programs: Option<Arc<Programs>>,
    /// What was allowed.
    pub limits: Limits,
    /// Sizes of network and batch.
    pub sizes: Sizes,
    /// Bytes of shared activations and of one member's, of the reference engine.
    reference: [u64; 2],
    because: Option<&'static str>,
    population: Option<usize>,
    subspace: Option<Spanned>,
}

/// What a plan needs to know of a subspace's basis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spanned {
    dimension: usize,
    /// Bytes that it holds for one network, and for [`EXPANDED`] at a time.
    bytes: [u64; 2],
}

/// Most members whose weights are made together: drawing a dense basis costs about as much as the products of 30 members.
const EXPANDED: usize = 128;

impl Plan {
    /// Plans for batches of `batch` images, and populations of any size.
    pub fn new(graph: &Graph, subset: &Subset, batch: usize, limits: Limits) -> Self {
        Plan::behind(graph, subset, batch, limits, Cut::at_images(graph))
    }

    /// The plan of what lies behind a cut.
    fn behind(graph: &Graph, subset: &Subset, batch: usize, limits: Limits, cut: Cut) -> Self {
        let trained = Trained::of(graph, subset);
        let per_member = nodes::per_member(graph, &nodes::trained_weights(graph, subset));
        let (programs, because) = match Programs::new(graph, &trained, cut) {
            Ok(programs) => (Some(Arc::new(programs)), None),
            Err(because) => (None, Some(because)),
        };
        let nodes = describe::describe(graph, &trained, programs.as_deref(), &per_member);
        let Macs { shared, member } = nodes.iter().map(|node| node.macs).sum();
        let (total_macs, backward_macs) = (graph.macs(), cost::backward(graph, subset, &per_member));
        let by_reference = Executed { shared, member, gradient: total_macs + backward_macs };
        let executed =
            programs.as_ref().map_or(by_reference, |programs| cost::executed(graph, programs, &trained, &per_member));
        let bytes = |floats: usize| (floats * batch * size_of::<f32>()) as u64;
        let shared_reads = nodes::shared_reads(graph, &per_member);
        let read = shared_reads.iter().map(|id| nodes::volume(graph.node(*id))).sum();
        let of_member = bytes(nodes::peak_floats(graph, &per_member)) + nodes::patch_bytes(graph, &per_member);
        let sizes = Sizes::new(graph, subset.size, batch);
        let mut plan = Plan {
            nodes,
            total_macs,
            shared_macs: shared,
            member_macs: member,
            backward_macs,
            executed,
            memory: Memory::default(),
            gradient_memory: Memory::default(),
            unit: 1,
            units_at_once: 1,
            expanded: None,
            batch,
            limits,
            sizes,
            reference: [bytes(read), of_member],
            per_member,
            population: None,
            subspace: None,
            kept_bytes: 0,
            precision: Precision::F32,
            programs,
            because,
        };
        let columns = |programs: &Programs| programs.whole.trained_filters(graph, &trained);
        plan.gradient_memory = match &plan.programs {
            Some(programs) => memory::gradient(programs, &sizes, &plan.per_member, &columns(programs)),
            // Everything is kept, and has a gradient.
            None => {
                let values = graph.nodes.iter().map(nodes::volume).sum::<usize>();
                Memory { unit: 2 * bytes(values), ..plan.reference_memory(1) }
            }
        };
        plan.choose_units(None);
        plan
    }

    /// The same for a population of `n`: no thread goes without a unit, and the last unit's size is known.
    #[must_use]
    pub fn for_population(mut self, n: usize) -> Self {
        self.choose_units(Some(n));
        self
    }

    /// The same where members are points of a subspace.
    #[must_use]
    pub fn within(self, basis: &dyn Basis) -> Self {
        let bytes = [1, EXPANDED].map(|members| basis.bytes(members, self.limits.threads));
        let population = self.population;
        let mut plan = self.spanned(Spanned { dimension: basis.dimension(), bytes });
        plan.choose_units(population);
        plan
    }

    fn spanned(mut self, subspace: Spanned) -> Self {
        self.sizes.genes = subspace.dimension;
        // The weights and their gradient, and what the basis holds.
        self.gradient_memory.network += 2 * self.expanded_bytes() + subspace.bytes[0];
        self.subspace = Some(subspace);
        self
    }

    /// Bytes of the weights that a member's genes become.
    fn expanded_bytes(&self) -> u64 {
        (size_of::<f32>() * self.sizes.k) as u64
    }

    fn choose_units(&mut self, population: Option<usize>) {
        let preferred = self.programs.as_ref().map_or(1, |programs| unit::preferred(&programs.members));
        let greatest = unit::for_population(preferred, population, self.limits.threads);
        let memory = |unit: usize, rest: usize| {
            let mut memory = match &self.programs {
                Some(programs) => memory::population(programs, &self.sizes, unit, rest),
                None => self.reference_memory(unit),
            };
            memory.network += self.kept_bytes;
            if let Some(subspace) = &self.subspace {
                memory.network += subspace.bytes[1];
                memory.unit += unit as u64 * self.expanded_bytes();
            }
            memory
        };
        let units = unit::choose(greatest, population, self.limits, memory);
        (self.unit, self.units_at_once, self.memory) = (units.unit, units.at_once, units.memory);
        self.population = population;
        if self.subspace.is_some() {
            // Beside the units at work, as many more as memory and population leave room for.
            let at_work = self.unit * self.units_at_once;
            let most = EXPANDED.min(population.unwrap_or(usize::MAX)).saturating_sub(at_work).div_ceil(self.unit);
            let of_unit = self.unit as u64 * self.expanded_bytes();
            let room = self.limits.memory.saturating_sub(self.peak_bytes()) / of_unit;
            let more = room.min(most as u64);
            self.memory.shared += more * of_unit;
            self.expanded = Some(at_work + more as usize * self.unit);
        }
    }

    fn reference_memory(&self, unit: usize) -> Memory {
        let [shared, member] = self.reference;
        Memory {
            network: self.sizes.start(),
            shared: self.sizes.images(self.batch) + shared,
            unit: unit as u64 * (member + (size_of::<f32>() * self.sizes.parameters) as u64),
            thread: 0,
        }
    }

    /// The plan with activations kept for the whole data set, where that saves work and they fit beside what a batch needs; else
    /// the plan as it is.
    #[must_use]
    pub fn keeping(self, graph: &Graph, subset: &Subset, keep: Keep) -> Self {
        let Some(programs) = &self.programs else { return self };
        let Some(cut) = Cut::furthest(graph, &programs.sizes, &self.per_member) else { return self };
        let kept_bytes = keep.images.saturating_mul(cut.image_bytes(&programs.sizes, keep.precision));
        let mut plan = Plan::behind(graph, subset, self.batch, self.limits, cut);
        if let Some(subspace) = self.subspace {
            plan = plan.spanned(subspace);
        }
        (plan.kept_bytes, plan.precision) = (kept_bytes, keep.precision);
        plan.gradient_memory.network += kept_bytes;
        plan.choose_units(self.population);
        let fits = plan.peak_bytes().max(plan.peak_bytes_gradient()) <= self.limits.memory;
        if fits {
            plan
        } else {
            self
        }
    }

    /// Why the reference engine is used, where it is.
    pub fn reference_because(&self) -> Option<&'static str> {
        self.because
    }

    /// Multiply-accumulates of `members` members on one batch; at most `u64::MAX`.
    pub fn macs(&self, members: usize) -> u64 {
        let of_members = self.member_macs.saturating_mul(members as u64);
        self.shared_macs.saturating_add(of_members).saturating_mul(self.batch as u64)
    }

    /// Multiply-accumulates of one gradient step: the whole network forward, and what is trained of it backward.
    pub fn gradient_macs(&self) -> u64 {
        self.total_macs.saturating_add(self.backward_macs).saturating_mul(self.batch as u64)
    }

    /// Multiply-accumulates of a step with so many members and gradients; at most `u64::MAX`.
    pub fn step_macs(&self, members: usize, gradients: usize) -> u64 {
        let of_members = if members > 0 { self.macs(members) } else { 0 };
        of_members.saturating_add(self.gradient_macs().saturating_mul(gradients as u64))
    }

    /// The same where the members, each counted once for every batch that it sees, are evaluated on several batches.
    pub fn step_macs_on(&self, members: usize, batches: usize, gradients: usize) -> u64 {
        let more = self.macs(0).saturating_mul(batches.saturating_sub(1) as u64);
        self.step_macs(members, gradients).saturating_add(more)
    }

    /// Multiply-accumulates that the engine executes for `members` members on one batch.
    pub fn executed_macs(&self, members: usize) -> u64 {
        let of_members = self.executed.member.saturating_mul(members as u64);
        self.executed.shared.saturating_add(of_members).saturating_mul(self.batch as u64)
    }

    /// Multiply-accumulates that the engine executes for one gradient step.
    pub fn executed_gradient_macs(&self) -> u64 {
        self.executed.gradient.saturating_mul(self.batch as u64)
    }

    /// Bytes that evaluating a population holds at a time, without the population itself and the data set.
    pub fn peak_bytes(&self) -> u64 {
        self.memory.total(self.units_at_once, self.limits.threads)
    }

    /// Bytes that computing a gradient holds at a time, without the data set.
    pub fn peak_bytes_gradient(&self) -> u64 {
        self.gradient_memory.total(1, self.limits.threads)
    }

    /// Bytes that an evaluation of an incumbent on `images` images as one batch holds beside the network; `None` of the
    /// reference engine.
    pub fn peak_bytes_evaluation(&self, images: usize) -> Option<u64> {
        let programs = self.programs.as_ref()?;
        Some(memory::evaluation(programs, &self.sizes, images, self.limits.threads))
    }
}

#[cfg(test)]
mod tests;
