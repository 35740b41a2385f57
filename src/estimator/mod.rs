//! Estimators: pure functions of arrays, in f64, without a network. Metrics apply them to networks
//! ([`crate::metric`]); `subevo measure-arrays` to whatever a user has.

pub mod accuracy;
pub mod alignment;
pub mod anisotropy;
mod arrays;
pub mod autocorrelation;
mod binned;
pub mod bootstrap;
pub mod brier;
pub mod cka;
pub mod classified;
mod code_entropy;
mod codes;
pub mod covariance;
pub mod dimension;
mod discrete;
mod distances;
pub mod ece;
mod entropies;
pub mod es_theory;
mod estimate;
pub mod float32_loss;
#[cfg(test)]
mod golden;
pub mod hessian;
mod kl_entropy;
mod kolchinsky_tracey;
mod ksg;
pub mod lags;
pub mod lanczos;
pub mod line;
pub mod local_information;
mod logistic;
pub mod margin;
pub mod mean_field;
pub mod msd;
pub mod msd_exponent;
mod neighbours;
pub mod nll;
mod permuted;
mod probe;
mod quantised;
pub mod random_signs;
pub mod reconstruction;
pub mod regions;
mod renyi;
pub mod ridge;
pub mod sharpness;
pub mod snr;
pub mod steps;
pub mod switching;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod walk_pca;
pub mod zeroed;

pub use arrays::{Array, Arrays};
pub use binned::{binned, Bins};
pub use codes::{counts, drawn_units, joint, numbered, renumbered, sub_code, switches};
pub use discrete::mutual_information_bits;
pub use distances::{Centred, Real};
pub use entropies::{
    chao_shen_bits, chao_wang_jost_bits, collision_entropy, collision_probability, coverage, distinct, entropy_bits,
    entropy_nats, forgotten_bits, grassberger_bits, miller_madow_bits, most_collision_bits, shrink_bits, zhang_bits,
    CollisionEntropy,
};
pub use estimate::Estimate;
pub use kl_entropy::kl_entropy_nats;
pub use kolchinsky_tracey::{kolchinsky_tracey_nats, Bounds, NoisyInformation};
pub use ksg::{ksg_nats, ross_nats};
pub use permuted::{mean_over_orders, orders};
pub use probe::{Probe, Probed, Split};
pub use quantised::quantised;
pub use renyi::{gaussian_kernel, joint_kernel, label_kernel, median_distance, renyi_bits};

use crate::entry::Entry;
use crate::error::Result;

/// A number made of named arrays.
pub trait Estimator: Send + Sync {
    /// The number, with its unit and its companions.
    ///
    /// # Errors
    /// If an array that it needs is missing or does not fit the others.
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Estimator>] = &[
    accuracy::ENTRY,
    alignment::ENTRY,
    anisotropy::ENTRY,
    autocorrelation::ENTRY,
    binned::ENTRY,
    brier::ENTRY,
    cka::ENTRY,
    code_entropy::ENTRY,
    dimension::ENTRY,
    ece::ENTRY,
    kl_entropy::ENTRY,
    kolchinsky_tracey::ENTRY,
    ksg::ENTRY,
    local_information::ENTRY,
    margin::ENTRY,
    msd::ENTRY,
    msd_exponent::ENTRY,
    nll::ENTRY,
    probe::ENTRY,
    quantised::ENTRY,
    reconstruction::ENTRY,
    renyi::ENTRY,
    snr::ENTRY,
    switching::ENTRY,
    walk_pca::ENTRY,
    zeroed::ENTRY,
];

/// An estimator with parameters in the words of TOML, for tests.
#[cfg(test)]
fn built(entry: Entry<dyn Estimator>, text: &str) -> Box<dyn Estimator> {
    use crate::params::{read_table, toml, Origin, Problems};
    let problems = Problems::default();
    let table = toml::parse(text, &problems);
    let (built, _) = read_table(&table, Origin::Default, entry.name, &problems, |params| (entry.build)(params, &()));
    let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    assert!(told.is_empty(), "{told:?}");
    built.unwrap()
}
