//! When a run is looked at.

/// The steps after which the incumbent is evaluated; always before the first step and after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    /// Two in each doubling: after 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, ... steps (2^(i/2), rounded).
    Log,
    /// After every so many steps.
    Every(u64),
}

impl Moments {
    /// Whether the incumbent is evaluated after so many steps.
    pub fn due(self, step: u64) -> bool {
        match self {
            _ if step == 0 => true,
            Moments::Every(steps) => step.is_multiple_of(steps),
            Moments::Log => {
                let half_octaves = (2.0 * (step as f64).log2()).round() as i32;
                // Rounding may leave the nearest half octave one off: for 3, 2^(3/2) = 2.83 and 2 log2(3) = 3.17.
                (half_octaves - 1..=half_octaves + 1).any(|i| (f64::from(i) / 2.0).exp2().round() as u64 == step)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_moments_are_half_octaves() {
        let due: Vec<u64> = (0..200).filter(|step| Moments::Log.due(*step)).collect();
        assert_eq!(due, [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181]);
        let every: Vec<u64> = (0..10).filter(|step| Moments::Every(4).due(*step)).collect();
        assert_eq!(every, [0, 4, 8]);
    }
}
