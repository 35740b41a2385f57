//! The curvature of the training loss by the trained values of a network: weights, or coordinates of a subspace.

use crate::data::{Batch, Split};
use crate::error::Result;
use crate::estimator::hessian::Hessian;
use crate::metric::Subject;
use crate::num::Eigen;

/// Trained values up to which the whole Hessian is computed: it takes two gradients for each.
pub const WHOLE: usize = 500;

/// Images of the training snapshot by default.
pub const IMAGES: usize = 300;

/// The Hessian and its eigenvectors.
pub struct Curvature {
    /// By trained value, (k, k).
    pub hessian: Hessian,
    /// Its eigenvalues in no order, with eigenvectors; `None` where an entry is not finite.
    pub eigen: Option<Eigen>,
}

/// The curvature of the loss on the first `images` of the training snapshot; `None` where more than [`WHOLE`] values are
/// trained. Batch-norm takes its statistics from these images.
///
/// # Errors
/// If the engine fails.
pub fn curvature(subject: &Subject<'_>, images: usize) -> Result<Option<Curvature>> {
    let trained = &subject.snapshot.trained;
    if trained.len() > WHOLE {
        return Ok(None);
    }
    let batch = first_images(subject, images);
    let hessian = Hessian::of(&|at| Ok(subject.gradient(at, &batch)?.1), trained)?;
    let eigen = hessian.eigen();
    Ok(Some(Curvature { hessian, eigen }))
}

/// The first `images` of the training snapshot.
pub(super) fn first_images(subject: &Subject<'_>, images: usize) -> Batch {
    subject.task.data.range(Split::Train, 0..images.min(subject.task.snapshot_len()))
}
