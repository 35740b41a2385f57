//! Logits of a network with the labels that they are judged by.

use crate::data::{Batch, Split};
use crate::engine::Probe;
use crate::error::Result;
use crate::estimator::classified::Classified;
use crate::metric::Subject;

/// Images that are evaluated as one batch.
const BLOCK: usize = 500;

/// The logits of `n` images, which `read` gives in blocks.
pub(super) fn judge(
    probe: &Probe,
    n: usize,
    mut read: impl FnMut(std::ops::Range<usize>) -> Batch,
) -> Result<Classified> {
    let (mut logits, mut labels) = (Vec::new(), Vec::with_capacity(n));
    for start in (0..n).step_by(BLOCK) {
        let batch = read(start..(start + BLOCK).min(n));
        logits.extend(probe.logits(&batch.images).into_iter().map(f64::from));
        labels.extend(batch.labels);
    }
    Classified::new(logits, labels)
}

/// The logits of all images of a part of the data set.
pub(super) fn judge_split(subject: &Subject<'_>, probe: &Probe, split: Split) -> Result<Classified> {
    let data = &subject.task.data;
    judge(probe, data.len(split), |range| data.range(split, range))
}

/// The logits of a batch.
pub(super) fn judge_batch(probe: &Probe, batch: &Batch) -> Result<Classified> {
    let logits = probe.logits(&batch.images).into_iter().map(f64::from).collect();
    Classified::new(logits, batch.labels.clone())
}
