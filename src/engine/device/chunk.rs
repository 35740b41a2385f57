//! How many members go at once: as many as fit into what the device has free. No member's loss depends on the others.

use candle_core::Device;

use super::operations::Operations;
use crate::error::{Error, Result};
use crate::plan::{From, Kind, Program, Step};

/// Of the free memory, the share that a chunk may take: candle holds some of what it gave back.
const SHARE: f64 = 0.8;

/// Most elements of one tensor: candle's kernels count in 32 bits.
pub const ELEMENTS: usize = 1 << 31;

/// Most members: kernels have one along a direction of their grid.
const MEMBERS: usize = 65_535;

/// Floats that one member holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Floats {
    /// At most at a time.
    pub peak: usize,
    /// In its largest tensor.
    pub largest: usize,
}

impl Floats {
    /// Of a member of a program on a batch.
    pub fn of_member(program: &Program, operations: &dyn Operations, batch: usize) -> Self {
        let mut floats = Floats::default();
        let mut alive = 0;
        let dropped = program.dropped();
        let own = |step: &Step| step.parts.iter().map(|part| part.channels.len()).sum::<usize>();
        let out = |step: &Step| batch * own(step) * step.out.pixels();
        for (index, step) in program.steps.iter().enumerate() {
            let computed: usize =
                step.parts.iter().filter(|part| part.from != From::Promoted).map(|p| p.channels.len()).sum();
            let raw = batch * computed * step.raw.pixels();
            let mut work = if step.alone() { 0 } else { raw };
            let mut largest = raw.max(out(step));
            if let Kind::Product(product) = &step.kind {
                let channels = step.input.channels - product.shared.len();
                let parts = program.value(step.inputs[0]).map_or(0, |value| value.parts.len());
                let joined = if parts > 1 { batch * channels * step.input.pixels() } else { 0 };
                let varied = batch * product.varied * step.raw.pixels();
                let taps = channels * product.window[0] * product.window[1];
                let patches = operations.patch_floats(product.geometry(), step, product.filters.len());
                let patches = if product.own_inputs { batch * patches * taps } else { 0 };
                // What sums begin with is added by passes of their own.
                let sums = if patches > 0 { 2 * raw } else { 0 };
                work += joined + varied + patches + sums + taps * product.filters.len();
                largest = largest.max(patches);
            }
            alive += out(step);
            floats.peak = floats.peak.max(alive + work);
            floats.largest = floats.largest.max(largest);
            alive -= dropped[index].iter().map(|earlier| out(&program.steps[*earlier])).sum::<usize>();
        }
        floats
    }

    /// The same with `k` trained weights: those, what genes add to them, and their differences to the base.
    #[must_use]
    pub fn with_weights(self, k: usize) -> Self {
        Floats { peak: self.peak + 3 * k, largest: self.largest.max(k) }
    }

    /// Members that fit into `free` bytes; one where none does.
    ///
    /// # Errors
    /// Where a tensor of one member has more elements than there may be.
    pub fn members(self, free: u64) -> Result<usize> {
        if self.largest >= ELEMENTS {
            return Err(Error::Config(format!(
                "a tensor of one member has {} elements, and a device takes less than {ELEMENTS}: take a smaller `batch`",
                self.largest
            )));
        }
        let of_member = (self.peak.max(1) * size_of::<f32>()) as f64;
        let fit = (SHARE * free as f64 / of_member) as usize;
        Ok(fit.min((ELEMENTS - 1) / self.largest.max(1)).clamp(1, MEMBERS))
    }
}

/// Chunks of at most `most` members, all nearly alike: first member and number of each.
pub fn chunks(n: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let size = n.div_ceil(n.div_ceil(most.max(1)).max(1)).max(1);
    (0..n).step_by(size).map(move |first| (first, size.min(n - first)))
}

/// Bytes of a device that can be had, where it tells; memory that candle's pool holds without use among them.
pub fn free_bytes(device: &Device) -> Option<u64> {
    match device {
        Device::Cpu => None,
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => super::cuda::free_bytes(device),
        #[cfg(feature = "metal")]
        Device::Metal(device) => {
            let device = device.metal_device();
            Some(device.recommended_max_working_set_size().saturating_sub(device.current_allocated_size()) as u64)
        }
        #[allow(unreachable_patterns, reason = "devices of features that are off")]
        _ => None,
    }
}

/// Whether a device's memory was too small.
pub fn out_of_memory(error: &candle_core::Error) -> bool {
    let text = format!("{error:?}").to_lowercase().replace('_', " ");
    ["out of memory", "status alloc failed", "failed to allocate"].iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_nearly_alike_and_hold_every_member_once() {
        for (n, most) in [(10, 4), (10, 10), (10, 100), (1, 1), (7, 1), (1024, 300), (3, 0)] {
            let all: Vec<(usize, usize)> = chunks(n, most).collect();
            let members: Vec<usize> = all.iter().flat_map(|(first, length)| *first..first + length).collect();
            assert_eq!(members, (0..n).collect::<Vec<_>>(), "{n} by {most}");
            assert!(all.iter().all(|(_, length)| *length <= most.max(1)));
        }
        assert_eq!(chunks(10, 4).collect::<Vec<_>>(), [(0, 4), (4, 4), (8, 2)]);
    }

    #[test]
    fn as_many_members_go_at_once_as_fit_and_no_tensor_has_too_many_elements() {
        let floats = Floats { peak: 1000, largest: 500 };
        assert_eq!([5_000_000, 3_000, 0].map(|free| floats.members(free).unwrap()), [1000, 1, 1]);
        assert_eq!(Floats { peak: 10, largest: 1 << 30 }.members(u64::MAX).unwrap(), 1);
        assert_eq!(Floats { peak: 10, largest: 1 << 20 }.members(u64::MAX).unwrap(), 2047);
        let told = Floats { peak: 10, largest: 1 << 31 }.members(u64::MAX).unwrap_err().to_string();
        assert!(told.contains("2147483648 elements") && told.contains("smaller `batch`"), "{told}");
        assert_eq!(floats.with_weights(600), Floats { peak: 2800, largest: 600 });
    }

    #[test]
    fn only_want_of_memory_is_taken_for_it() {
        let of = |text: &str| out_of_memory(&candle_core::Error::Msg(text.to_string()));
        assert!(of("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")") && of("CUBLAS_STATUS_ALLOC_FAILED"));
        assert!(!of("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access was encountered\")"));
    }
}
