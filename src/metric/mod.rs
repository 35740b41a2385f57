//! Metrics: numbers about a trained network, one file each, in four families. What training itself records (loss and
//! accuracy of the three splits) is not among them.
//!
//! A [`Metric`] is given a [`Subject`], a network at one moment of its run with all that metrics may look at, and calls
//! [`crate::estimator`]s for what is plain arithmetic.

mod cache;
pub mod diffusion;
pub mod generalisation;
pub mod information;
mod measured;
pub mod regions;
mod site;
mod size;
mod subject;
mod walk;

pub use measured::Measured;
pub use site::{sites, Site, SiteKind};
pub use size::Size;
pub use subject::{Caches, Peer, Redraw, Run, Subject};
pub use walk::Walk;

use crate::entry::Entry;
use crate::error::Result;

/// Measures a network in evaluation mode.
pub trait Metric: Send + Sync {
    /// At which moments it is worth its price.
    fn when(&self) -> When;

    /// What it needs of a run besides its networks.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// About how many multiply-accumulates one moment takes: for progress bars and a word before long work.
    fn macs(&self, size: &Size) -> f64;

    /// Its numbers.
    ///
    /// # Errors
    /// If the engine fails. What a network or a run cannot have is no error: see [`Measured::missing`].
    fn measure(&self, subject: &Subject<'_>) -> Result<Measured>;
}

/// At which moments of a run a metric is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Whenever the run is looked at.
    Always,
    /// Before training, at each matched training loss, and at the end.
    Landmarks,
    /// At the end alone: it is about the whole run.
    End,
}

/// What must be kept of a run while it is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The learner's state at each moment: how it would go on from there.
    pub states: bool,
    /// The incumbent after every step.
    pub walk: bool,
}

/// A family: a name that stands for all of its metrics.
#[derive(Clone, Copy)]
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// What its metrics ask.
    pub summary: &'static str,
    /// Its metrics, alphabetical.
    pub entries: &'static [Entry<dyn Metric>],
}

/// All families, alphabetical.
pub const FAMILIES: &[Family] = &[diffusion::FAMILY, generalisation::FAMILY, information::FAMILY, regions::FAMILY];

/// All metrics, alphabetical.
pub fn entries() -> Vec<Entry<dyn Metric>> {
    let mut entries: Vec<Entry<dyn Metric>> = FAMILIES.iter().flat_map(|family| family.entries).copied().collect();
    entries.sort_by_key(|entry| entry.name);
    entries
}
