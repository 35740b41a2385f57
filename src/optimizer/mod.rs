//! First-order optimizers on the host: turn a gradient into a step. Backprop uses them on the trained weights, evolution
//! strategies that estimate a gradient on their mean.

mod adam;
mod adamw;
mod clipup;
pub mod schedule;
mod sgd;

pub use adam::{Adam, Decay};
pub use clipup::ClipUp;
pub use schedule::Schedule;

use crate::entry::Entry;
use crate::error::Result;
use crate::state::State;

/// Turns gradients into steps. Made for a fixed number of weights (k).
pub trait Optimizer: Send {
    /// The learning rate of its parameters; a schedule multiplies it.
    fn learning_rate(&self) -> f64;

    /// One step down the gradient: changes `weights` (k) by `gradient` (k, of the loss).
    fn step(&mut self, weights: &mut [f32], gradient: &[f32], learning_rate: f64);

    /// Exact state: after `load` into a fresh optimizer of the same parameters everything continues bit for bit.
    fn save(&self) -> State;

    /// Takes over a saved state.
    ///
    /// # Errors
    /// If the state is of another optimizer or size; nothing is changed then.
    fn load(&mut self, state: &State) -> Result<()>;
}

/// Alphabetical; a test fails where a file here has no row. The context is k.
pub const ENTRIES: &[Entry<dyn Optimizer, usize>] = &[adam::ENTRY, adamw::ENTRY, clipup::ENTRY, sgd::ENTRY];
