//! Decision regions: how far it is to the next class, how often straight lines change class and linear piece, and what a
//! plane through three points looks like.

mod classifier;
mod crossings;
mod deepfool;
mod directions;
mod folds;
mod kaplan_meier;
mod label_changes;
mod radii;
mod robustness;
mod slice;
mod solid_angle;

pub use classifier::{predicted, Classifier};
pub use crossings::{crossings, Crossings, Lines, PiecewiseLinear};
pub use deepfool::{deepfool_l2, DeepFool};
pub use directions::{towards, unit_directions};
pub use folds::Fold;
pub use kaplan_meier::{quantile_interval, KaplanMeier, Time};
pub use label_changes::label_changes;
pub use radii::{radii, Scan};
pub use robustness::{clopper_pearson, effective_distance, kept_under_noise, Distance};
pub use slice::{agreement, area_fractions, fragmentation, intersection_over_union, Plane, Slice};
pub use solid_angle::{log_size_nats_per_dimension, solid_angle_shares};
