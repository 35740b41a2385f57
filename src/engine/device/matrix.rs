//! How exactly matrix products multiply.

use candle_core::{DType, Result, Tensor};
use serde::{Deserialize, Serialize};

/// What products do to their factors; sums are in f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatrixPrecision {
    /// Nothing.
    #[default]
    F32,
    /// Ten bits behind the first, as tensor cores take f32 (NVIDIA 2020, A100 whitepaper).
    Tf32,
    /// Seven bits behind the first.
    Bf16,
}

impl MatrixPrecision {
    /// Words, in the order of the variants.
    pub const NAMES: [&'static str; 3] = ["f32", "tf32", "bf16"];

    /// The precision of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        use MatrixPrecision::{Bf16, Tf32, F32};
        [F32, Tf32, Bf16].into_iter().zip(Self::NAMES).find(|(_, n)| *n == name).map(|(precision, _)| precision)
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// A factor, rounded to the nearest as products of this precision take it, in f32. Where hardware cuts bits off instead, its
    /// factors are off by up to twice as much.
    ///
    /// # Errors
    /// Candle's.
    pub fn round(self, x: &Tensor) -> Result<Tensor> {
        match self {
            MatrixPrecision::F32 => Ok(x.clone()),
            // Veltkamp's splitting (Dekker 1971): of 24 bits the upper 11.
            MatrixPrecision::Tf32 => {
                let scaled = (x * 8193.0)?;
                let low = (&scaled - x)?;
                scaled - low
            }
            MatrixPrecision::Bf16 => x.to_dtype(DType::BF16)?.to_dtype(DType::F32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn factors_keep_the_bits_of_their_precision() {
        // One and its next neighbours in each precision, and what lies between.
        let x = [1.0 + 1.0 / 128.0, 1.0 + 1.0 / 1024.0, 1.0 + 1.0 / 4096.0, -3.0 - 1.0 / 512.0, 0.0, 1e-30];
        let tensor = Tensor::from_slice(&x, x.len(), &Device::Cpu).unwrap();
        let rounded = |precision: MatrixPrecision| precision.round(&tensor).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(rounded(MatrixPrecision::F32), x);
        let tf32 = rounded(MatrixPrecision::Tf32);
        assert_eq!(tf32[..5], [1.0 + 1.0 / 128.0, 1.0 + 1.0 / 1024.0, 1.0, -3.0 - 1.0 / 512.0, 0.0]);
        assert!((tf32[5] / 1e-30 - 1.0).abs() < 1.0 / 2048.0);
        assert_eq!(rounded(MatrixPrecision::Bf16)[..5], [1.0 + 1.0 / 128.0, 1.0, 1.0, -3.0, 0.0]);
        for name in MatrixPrecision::NAMES {
            assert_eq!(MatrixPrecision::from_name(name).unwrap().name(), name);
        }
    }
}
