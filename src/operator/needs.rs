//! What a strategy or an operator looks at of the network, beyond the losses of its members.

use std::ops::Add;

/// What is evaluated in a generation beside the members, at most. Costs and memory are planned with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Networks evaluated forward alone.
    pub forward: usize,
    /// Networks evaluated forward and backward.
    pub gradients: usize,
    /// Whether members' losses are told by class, which costs no evaluation more.
    pub class_losses: bool,
}

impl Add for Needs {
    type Output = Needs;

    fn add(self, other: Needs) -> Needs {
        Needs {
            forward: self.forward + other.forward,
            gradients: self.gradients + other.gradients,
            class_losses: self.class_losses || other.class_losses,
        }
    }
}
