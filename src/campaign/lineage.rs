//! The network of a run from stage to stage: which weights each stage trains, and what they begin with. What trains, what
//! resumes and what reads a genome file go the same way, so a network is made again bit for bit.

use std::sync::Arc;

use super::setup::init_seed;
use super::Setup;
use crate::error::{Error, Result};
use crate::subset::{Folding, Start, Subset};

/// The network of one seed in one of its stages.
pub struct Lineage<'a> {
    setup: &'a Setup,
    seed: u64,
    stage: u64,
    subset: Arc<Subset>,
    folding: Folding,
}

impl<'a> Lineage<'a> {
    /// The first stage.
    ///
    /// # Errors
    /// If a selector matches nothing.
    pub fn new(setup: &'a Setup, seed: u64) -> Result<Self> {
        Ok(Lineage::of(setup, setup.select(seed, 0, None)?, seed))
    }

    /// The first stage, which trains this subset.
    pub fn of(setup: &'a Setup, subset: Subset, seed: u64) -> Self {
        let base = init_seed(seed);
        let mut folding = Folding::new(setup.graph.clone(), &*setup.init, setup.scale, setup.background, base);
        folding.enter(&subset);
        Lineage { setup, seed, stage: 0, subset: Arc::new(subset), folding }
    }

    /// Folds what this stage learned, (k), into the network and goes on to the next.
    ///
    /// # Errors
    /// If there are not k values, or a selector matches nothing.
    pub fn fold(&mut self, trained: &[f32]) -> Result<()> {
        self.fits(trained)?;
        self.folding.fold(&self.subset, trained);
        self.stage += 1;
        self.subset = Arc::new(self.setup.select(self.seed, self.stage, None)?);
        self.folding.enter(&self.subset);
        Ok(())
    }

    /// What this stage trains.
    pub fn subset(&self) -> &Subset {
        &self.subset
    }

    /// The network as this stage begins.
    pub fn start(&self) -> Start {
        self.folding.start(self.subset.clone())
    }

    /// All weights (p) of the network whose trained weights of this stage are `trained` (k).
    ///
    /// # Errors
    /// If there are not k values.
    pub fn complete(&self, trained: &[f32]) -> Result<Vec<f32>> {
        self.fits(trained)?;
        Ok(self.start().complete(trained))
    }

    fn fits(&self, trained: &[f32]) -> Result<()> {
        let (stage, found, k) = (self.stage, trained.len(), self.subset.size);
        if found == k {
            return Ok(());
        }
        Err(Error::Subset(format!("stage {stage} trains {k} weights, but {found} values are given for it")))
    }
}

impl Setup {
    /// All weights (p) of a network that a run of this seed left: `chain` has the trained weights of the stages before its
    /// own, none where the subset is fixed, and `trained` those of its own.
    ///
    /// # Errors
    /// If they are not of this setup and seed: their numbers do not fit.
    pub fn network<'l>(
        &self,
        seed: u64,
        chain: impl IntoIterator<Item = &'l [f32]>,
        trained: &[f32],
    ) -> Result<Vec<f32>> {
        let mut lineage = Lineage::new(self, seed)?;
        chain.into_iter().try_for_each(|link| lineage.fold(link))?;
        lineage.complete(trained)
    }
}
