//! What a strategy or an operator looks at of the network, beyond the losses of its members.

use std::ops::Add;

/// What is evaluated in a generation beside the members, at most. Costs and memory are planned with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Networks evaluated forward alone.
    pub forward: usize,
    /// Networks evaluated forward and backward: gradients of the loss.
    pub gradients: usize,
    /// Gradients of single outputs, which any loss leaves as they are. Each counts as one forward and one backward.
    pub output_gradients: usize,
    /// Whether members' losses are told by class, which costs no evaluation more.
    pub class_losses: bool,
}

impl Needs {
    /// Networks evaluated forward and backward, whatever the gradient is of.
    pub fn backward(self) -> usize {
        self.gradients + self.output_gradients
    }
}

impl Add for Needs {
    type Output = Needs;

    fn add(self, other: Needs) -> Needs {
        Needs {
            forward: self.forward + other.forward,
            gradients: self.gradients + other.gradients,
            output_gradients: self.output_gradients + other.output_gradients,
            class_losses: self.class_losses || other.class_losses,
        }
    }
}
