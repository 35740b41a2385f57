//! The non-linearities that a graph can hold.

/// A function of single values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x where x > 0, else [`LEAK`] x (Maas et al. 2013).
    Leaky,
    /// Hyperbolic tangent.
    Tanh,
    /// x times the standard normal's distribution function at x (Hendrycks & Gimpel 2016), by the error function, not by
    /// tanh.
    Gelu,
}

/// Slope of [`Activation::Leaky`] below 0, the default of PyTorch.
pub const LEAK: f32 = 0.01;

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 4] = [Activation::Relu, Activation::Leaky, Activation::Tanh, Activation::Gelu];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::Leaky => "leaky",
            Activation::Tanh => "tanh",
            Activation::Gelu => "gelu",
        }
    }

    /// Whether a greater value never gives a lesser one, so that it may change places with max pooling.
    pub fn monotone(self) -> bool {
        self != Activation::Gelu
    }
}
