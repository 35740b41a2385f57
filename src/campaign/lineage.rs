//! The network of a run from stage to stage: which weights each stage trains, and what they begin with. What trains, what
//! resumes and what reads a genome file go the same way, so a network is made again bit for bit.

use std::sync::Arc;

use super::setup::init_seed;
use super::Setup;
use crate::error::{Error, Result};
use crate::projection::Basis;
use crate::subset::{Folding, Start, Subset};

/// The network of one seed in one of its stages.
pub struct Lineage<'a> {
    setup: &'a Setup,
    seed: u64,
    stage: u64,
    subset: Arc<Subset>,
    basis: Option<Arc<dyn Basis>>,
    folding: Folding,
}

impl<'a> Lineage<'a> {
    /// The first stage.
    ///
    /// # Errors
    /// If a selector matches nothing; if weights are scored on images, for then only [`Lineage::of`] knows the subset.
    pub fn new(setup: &'a Setup, seed: u64) -> Result<Self> {
        if setup.scored_on.is_some() {
            let message = "weights are scored on images: the network is made again from the subset that the run kept";
            return Err(Error::Subset(message.to_string()));
        }
        Ok(Lineage::of(setup, setup.select(seed, 0, None)?, seed))
    }

    /// The first stage, which trains this subset.
    pub fn of(setup: &'a Setup, subset: Subset, seed: u64) -> Self {
        let base = init_seed(seed);
        let mut folding = Folding::new(setup.graph.clone(), &*setup.init, setup.scale, setup.background, base);
        folding.enter(&subset);
        let basis = setup.basis(&subset, seed, 0);
        Lineage { setup, seed, stage: 0, subset: Arc::new(subset), basis, folding }
    }

    /// Folds what this stage learned, weights (k) or coordinates (d), into the network and goes on to the next.
    ///
    /// # Errors
    /// If there are not so many values, or a selector matches nothing.
    pub fn fold(&mut self, trained: &[f32]) -> Result<()> {
        let start = self.start();
        self.fits(&start, trained)?;
        self.folding.fold(&self.subset, &start.weights_of(trained));
        self.stage += 1;
        self.subset = Arc::new(self.setup.select(self.seed, self.stage, None)?);
        self.basis = self.setup.basis(&self.subset, self.seed, self.stage);
        self.folding.enter(&self.subset);
        Ok(())
    }

    /// What this stage trains.
    pub fn subset(&self) -> &Subset {
        &self.subset
    }

    /// The network as this stage begins.
    pub fn start(&self) -> Start {
        let start = self.folding.start(self.subset.clone());
        match &self.basis {
            Some(basis) => start.within(basis.clone()),
            None => start,
        }
    }

    /// All weights (p) of the network whose trained values of this stage are `trained`, weights (k) or coordinates (d).
    ///
    /// # Errors
    /// If there are not so many values.
    pub fn complete(&self, trained: &[f32]) -> Result<Vec<f32>> {
        let start = self.start();
        self.fits(&start, trained)?;
        Ok(start.complete(&start.weights_of(trained)))
    }

    fn fits(&self, start: &Start, trained: &[f32]) -> Result<()> {
        let (stage, found, k) = (self.stage, trained.len(), start.genes());
        if found == k {
            return Ok(());
        }
        Err(Error::Subset(format!("stage {stage} trains {k} numbers, but {found} values are given for it")))
    }
}

impl Setup {
    /// All weights (p) of a network that a run of this seed left: `chain` has the trained weights of the stages before its
    /// own, none where the subset is fixed, and `trained` those of its own.
    ///
    /// # Errors
    /// If they are not of this setup and seed: their numbers do not fit. As [`Lineage::new`].
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
