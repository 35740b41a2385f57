//! What the operating system tells of the machine. Only Linux is asked; elsewhere the answers are the stated fallbacks.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Memory assumed where the system does not tell.
const FALLBACK_MEMORY: u64 = 8 << 30;

/// Bytes of memory that this process may use: the machine's, or less where a control group says so.
pub fn memory() -> u64 {
    let total = kib_of("/proc/meminfo", "MemTotal:").map(|kib| kib * 1024);
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let smaller = [total, group].into_iter().flatten().min();
    smaller.unwrap_or(FALLBACK_MEMORY)
}

/// Largest resident memory of this process so far, MiB; 0 where unknown.
pub fn peak_rss_mib() -> f64 {
    kib_of("/proc/self/status", "VmHWM:").map_or(0.0, |kib| kib as f64 / 1024.0)
}

/// Signals that the process's parent had it ignore, as `nohup` does with the one for a lost terminal; a bit for each,
/// from the lowest for signal 1. None where unknown.
pub fn ignored_signals() -> u64 {
    let line =
        |text: String| text.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim).map(str::to_string);
    let mask = fs::read_to_string("/proc/self/status").ok().and_then(line);
    mask.and_then(|mask| u64::from_str_radix(&mask, 16).ok()).unwrap_or(0)
}

/// Host name; empty where unknown.
pub fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_string()).unwrap_or_default()
}

/// Whole seconds since 1970; 0 before.
pub fn unix_seconds() -> u64 {
    unix_time() as u64
}

/// Seconds since 1970; 0 before.
pub fn unix_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

fn kib_of(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}
