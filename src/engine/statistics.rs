//! Statistics of a batch-norm layer.

/// Added to the variance, as in PyTorch.
pub const EPSILON: f64 = 1e-5;

/// Mean and biased variance of each channel of one batch-norm layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// (channels).
    pub mean: Vec<f32>,
    /// (channels).
    pub variance: Vec<f32>,
}
