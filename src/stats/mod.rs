//! Statistics of paired differences and of many tests at once: Wilcoxon's signed ranks, effect sizes, Holm's correction.
//!
//! Pure functions of slices. What is not finite gives NaN, never a number. Means, quantiles and tests of counts are in
//! [`crate::num`], the bootstrap is [`crate::estimator::bootstrap`].

mod cohen_d_z;
mod holm;
mod rank_biserial;
mod signed_ranks;
mod wilcoxon;

pub use cohen_d_z::cohen_d_z;
pub use holm::holm;
pub use rank_biserial::rank_biserial;
pub use signed_ranks::SignedRanks;
pub use wilcoxon::{least_p, Wilcoxon, EXACT_UP_TO};
