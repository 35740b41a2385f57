//! The common task of the speed comparisons: what is measured, and how.
//!
//! [`Case`] is the task with its sizes, [`measure`] takes its times; both know engines by their trait alone. [`converge`]
//! counts how many evaluations a strategy needs to solve one of [`FUNCTIONS`].

mod case;
mod common;
mod convergence;
mod functions;
mod gemm_rate;
mod memory;
mod precision;
mod rotation;

pub use case::{evolved_filters, strategy, Case, On, Trained, IMAGES};
pub use common::{measure, Measured, Span};
pub use convergence::{converge, solve, Convergence, Goal, Recipe, Run, START};
pub use functions::{function, Function, FUNCTIONS};
pub use gemm_rate::gemm_gflops;
pub use precision::{rankings, Ranking};
