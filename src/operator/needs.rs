//! What a strategy or an operator looks at of the network, beyond the losses of its members.

use std::ops::Add;

/// What is evaluated in a generation beside the members, at most. Costs and memory are planned with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Networks evaluated forward alone.
    pub forward: usize,
    /// Networks evaluated forward and backward.
    pub gradients: usize,
}

impl Add for Needs {
    type Output = Needs;

    fn add(self, other: Needs) -> Needs {
        Needs { forward: self.forward + other.forward, gradients: self.gradients + other.gradients }
    }
}
