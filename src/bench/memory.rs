//! The most resident memory that a case needed: the process's high-water mark, set back before the case begins.
//!
//! Linux keeps the mark (`VmHWM`) and sets it back to what is resident when 5 is written to `/proc/self/clear_refs`. What
//! cases before have left in the allocator still counts, and is told as the memory before.

use std::fs::OpenOptions;
use std::io::Write;

use crate::campaign::machine;

/// A mark that was set before something began.
pub struct Mark {
    /// Whether the process's mark is about what came after this one.
    fresh: bool,
    /// MiB that were resident already, where the system tells.
    pub before_mib: Option<f64>,
}

impl Mark {
    /// Sets the mark back. Where the system does not do that, the mark still tells of the `first` that it is set for.
    pub fn set(first: bool) -> Mark {
        let file = OpenOptions::new().write(true).open("/proc/self/clear_refs");
        let cleared = file.and_then(|mut file| file.write_all(b"5")).is_ok();
        Mark { fresh: cleared || first, before_mib: peak().filter(|_| cleared) }
    }

    /// The most that was resident since, MiB; none where the system does not tell. Linux counts by threads and joins the counts
    /// late, so a mark that was just set may read less than what was there.
    pub fn peak_mib(&self) -> Option<f64> {
        peak().filter(|_| self.fresh).map(|peak| self.before_mib.map_or(peak, |before| before.max(peak)))
    }
}

fn peak() -> Option<f64> {
    Some(machine::peak_rss_mib()).filter(|mib| *mib > 0.0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_between_is_in_the_peak() {
        let mark = Mark::set(true);
        let held = vec![1u8; 96 << 20];
        assert_eq!(held.iter().map(|x| u64::from(*x)).sum::<u64>(), 96 << 20);
        drop(held);
        let peak = mark.peak_mib().unwrap();
        assert!(peak > 96.0, "{peak}");
        if let Some(before) = mark.before_mib {
            // Other tests of this process come and go: they hold less than half of it.
            assert!(peak > before + 48.0, "{before} to {peak}");
        }
    }
}
