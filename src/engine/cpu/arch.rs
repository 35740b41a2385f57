//! Runs a kernel on the widest vector registers of the machine; unit tests run on every kind that it has.

use pulp::{Arch, WithSimd};

/// Does the work.
#[inline(always)]
pub(super) fn dispatch<W: WithSimd>(work: W) -> W::Output {
    #[cfg(not(test))]
    let arch = Arch::new();
    #[cfg(test)]
    let arch = testing::chosen();
    arch.dispatch(work)
}

#[cfg(test)]
pub(super) mod testing {
    //! What the tests of several kernels need.

    use std::cell::Cell;

    use super::Arch;
    use crate::rng::Seed;

    thread_local! {
        static CHOSEN: Cell<Option<Arch>> = const { Cell::new(None) };
    }

    pub fn chosen() -> Arch {
        CHOSEN.get().unwrap_or_default()
    }

    /// Kinds of registers of this machine; the fused ones give equal bits.
    fn kinds() -> Vec<Arch> {
        #[cfg(target_arch = "x86_64")]
        {
            let wide = pulp::x86::V4::try_new().map(Arch::V4);
            let middle = pulp::x86::V3::try_new().map(Arch::V3);
            [wide, middle, Some(Arch::Scalar)].into_iter().flatten().collect()
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Arch::new()]
    }

    /// Runs a test on each kind of registers of this machine. All that multiply and add in one rounding must give equal bits:
    /// `test` returns them.
    pub fn on_each_kind(test: impl Fn() -> Vec<f32>) {
        /// Goes back to the machine's own when the test is over, however it ends.
        struct Back;
        impl Drop for Back {
            fn drop(&mut self) {
                CHOSEN.set(None);
            }
        }
        let _back = Back;
        let mut bits: Option<Vec<u32>> = None;
        for kind in kinds() {
            CHOSEN.set(Some(kind));
            let found = test().into_iter().map(f32::to_bits).collect();
            if !matches!(kind, Arch::Scalar) {
                assert_eq!(*bits.get_or_insert_with(|| Vec::clone(&found)), found, "{kind:?}");
            }
        }
    }

    /// Normal numbers.
    pub fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; n];
        Seed::new(seed).rng().fill_normal(&mut values);
        values
    }

    /// Whether a value is the expected one, but for rounding in f32 of terms of this size; NaN is NaN.
    #[track_caller]
    pub fn near(got: f32, expected: f64, size: f64, what: impl std::fmt::Debug) {
        let right = (f64::from(got) - expected).abs() <= 1e-6 * size.max(1.0) || got.is_nan() && expected.is_nan();
        assert!(right, "{what:?}: {got} against {expected}");
    }
}
