//! The common task of the speed comparisons: what is measured, and how.
//!
//! [`Case`] is the task with its sizes, [`measure`] takes its times; both know engines by their trait alone.

mod case;
mod common;
mod gemm_rate;
mod memory;

pub use case::{evolved_filters, strategy, Case, Trained, IMAGES};
pub use common::{measure, Measured, Span};
pub use gemm_rate::gemm_gflops;
