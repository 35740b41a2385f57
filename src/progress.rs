//! How far a run has come: what schedules, strategies and operators may know of time.

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Step about to be done (a generation or a gradient step), from 0.
    pub step: u64,
    /// Share of the budget used, 0 to 1.
    pub used: f64,
}
