//! The way of the incumbent through the space of trained weights, step by step.

/// Places of the incumbent.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    /// Row after row, one for each step from the start on: trained values, or a random projection of them.
    pub places: Vec<f32>,
    /// Values of a row.
    pub width: usize,
    /// Numbers that are trained. More than `width` where rows are projections: then squared lengths are right in the mean over
    /// projections, with a standard deviation of about sqrt(2 / width) of themselves.
    pub trained: usize,
}

impl Walk {
    /// Number of places: steps + 1.
    pub fn len(&self) -> usize {
        self.places.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The place after so many steps.
    pub fn place(&self, step: usize) -> &[f32] {
        &self.places[step * self.width..(step + 1) * self.width]
    }

    /// Whether rows are the trained values themselves.
    pub fn is_whole(&self) -> bool {
        self.width == self.trained
    }
}
