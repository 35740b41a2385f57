//! Whether matrices of k x k numbers fit, said before any is made.

use crate::error::{Error, Result};
use crate::num::{bytes, grouped};

/// Refuses `count` matrices of (k, k) f64 that do not fit into `memory` bytes.
///
/// # Errors
/// With what they need, what there is, and which strategies do without.
pub fn fit(strategy: &str, count: u64, k: usize, memory: u64) -> Result<()> {
    let needed = (k as u64).saturating_mul(k as u64).saturating_mul(8 * count);
    if needed <= memory {
        return Ok(());
    }
    Err(Error::Learner(format!(
        "{count} matrices of {} x {} numbers take {}, and strategies may have {}: train fewer weights, or take a strategy \
         without a matrix, as `sep-cma-es` or `snes` (now `{strategy}`)",
        grouped(k as u64),
        grouped(k as u64),
        bytes(needed),
        bytes(memory),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_its_size() {
        assert!(fit("cma-es", 3, 1000, 24_000_000).is_ok());
        let message = fit("cma-es", 3, 1001, 24_000_000).unwrap_err().to_string();
        assert!(message.starts_with("3 matrices of 1,001 x 1,001 numbers take 22.9 MiB, and strategies may have 22.9"));
        let message = fit("cma-es", 3, 100_000, 8 << 30).unwrap_err().to_string();
        assert!(message.contains("take 224 GiB, and strategies may have 8.00 GiB"), "{message}");
        assert!(fit("cma-es", 3, usize::MAX, u64::MAX - 1).is_err());
    }
}
