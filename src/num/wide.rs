//! Loops compiled for the widest vector registers of the machine.

/// Does `work` as compiled for the widest registers that the machine has: the same source, the same bits, because
/// multiplies and adds stay apart. Only what is inlined into `work` gains: give a closure with `#[inline(always)]` over
/// plain loops on slices of equal, known length.
#[inline]
pub fn wide<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
