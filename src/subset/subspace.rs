//! A low-dimensional subspace of a subset's weights, as a campaign names it: `subspace = { dimension = 750 }`.

use std::sync::Arc;

use super::Subset;
use crate::entry::Entries;
use crate::params::Params;
use crate::projection::{Basis, Projection};
use crate::rng::Seed;

/// How many dimensions, and how their basis is drawn.
pub struct Subspace {
    /// Directions (d).
    pub dimension: usize,
    /// Name of the projection.
    pub projection: String,
    rule: Box<dyn Projection>,
}

impl Subspace {
    /// Reads `dimension` and `projection` (`dense` by default, which small networks have in Li et al. 2018). `None` where
    /// something is wrong.
    pub fn read(params: &Params<'_>, projections: &Entries<dyn Projection>) -> Option<Self> {
        let dimension = params.integer("dimension", None, 1..=u64::from(u32::MAX)) as usize;
        let projection = params.named("projection", Some("dense"), |name, origin, options| {
            Some((name.to_string(), projections.build(name, origin, options, &())?))
        });
        let (projection, rule) = projection.flatten()?;
        Some(Subspace { dimension, projection, rule })
    }

    /// Why a subset has no such subspace, if so: there are no more directions than weights.
    ///
    /// # Errors
    /// The message.
    pub fn check(&self, subset: &Subset) -> Result<(), String> {
        if self.dimension <= subset.size {
            return Ok(());
        }
        let Subspace { dimension, .. } = self;
        let (size, name) = (subset.size, &subset.name);
        Err(format!("`dimension` = {dimension}: `{name}` has {size} weights, so it must be 1 to {size}"))
    }

    /// Its basis in the space of a subset's weights; `stage` is the address of the subset
    /// ([`super::stage_seed`]), below which the basis has its own.
    pub fn basis(&self, subset: &Subset, stage: Seed) -> Arc<dyn Basis> {
        self.rule.basis(subset.size, self.dimension, stage.child("basis"))
    }

    /// A subset's label with that of the subspace, as in `subspace=750-dense(all)`.
    pub fn label(&self, subset: &str) -> String {
        format!("subspace={}-{}({subset})", self.dimension, self.projection)
    }
}
