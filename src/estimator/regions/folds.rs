//! Where a piecewise linear map bends: what tells its linear pieces apart, and how far a piece reaches along a line.

/// Values that bend together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Each value where it changes its sign, as before a rectifier.
    Sign,
    /// Each window, given by the places of its values, where another value becomes the greatest.
    Windows(Vec<Vec<usize>>),
}

/// The code of a window whose greatest value is 0 and stays 0: behind rectifiers its winner is no one's.
const NONE: u16 = u16::MAX;

/// The first of the greatest of a window's values, by its number in the window.
fn winner(window: &[usize], values: &[f32]) -> usize {
    (1..window.len()).fold(0, |best, i| if values[window[i]] > values[window[best]] { i } else { best })
}

impl Fold {
    /// What tells the piece of a point: for each value its sign, for each window its winner.
    pub(super) fn code(&self, values: &[f32], slopes: &[f32]) -> Vec<u16> {
        match self {
            Fold::Sign => values.iter().map(|z| u16::from(*z > 0.0)).collect(),
            Fold::Windows(windows) => {
                let of_window = |window: &Vec<usize>| {
                    let best = winner(window, values);
                    let place = window[best];
                    if values[place] == 0.0 && slopes[place] == 0.0 {
                        NONE
                    } else {
                        best as u16
                    }
                };
                windows.iter().map(of_window).collect()
            }
        }
    }

    /// Signs or winners that are others. What becomes or was no one's is the doing of the rectifiers before.
    pub(super) fn changes(&self, one: &[u16], other: &[u16]) -> u64 {
        one.iter().zip(other).filter(|(a, b)| a != b && **a != NONE && **b != NONE).count() as u64
    }

    /// How far the piece of a point reaches back and ahead: at most 0 and at least 0, in units of the line.
    pub(super) fn reach(&self, values: &[f32], slopes: &[f32]) -> [f64; 2] {
        let mut reach = [f64::NEG_INFINITY, f64::INFINITY];
        let mut meet = |gap: f64, closing: f64| {
            let at = gap / closing;
            if at > 0.0 {
                reach[1] = reach[1].min(at);
            } else if at < 0.0 {
                reach[0] = reach[0].max(at);
            }
        };
        match self {
            Fold::Sign => values.iter().zip(slopes).for_each(|(z, s)| meet(-f64::from(*z), f64::from(*s))),
            Fold::Windows(windows) => {
                for window in windows {
                    let first = window[winner(window, values)];
                    for place in window.iter().filter(|place| **place != first) {
                        let gap = f64::from(values[first]) - f64::from(values[*place]);
                        meet(gap, f64::from(slopes[*place]) - f64::from(slopes[first]));
                    }
                }
            }
        }
        reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_reaches_to_the_nearest_change_on_either_side() {
        let (values, slopes) = ([1.0, -2.0, 4.0, 0.0, 3.0], [-0.5, 1.0, 8.0, 0.0, 0.0]);
        assert_eq!(Fold::Sign.reach(&values, &slopes), [-0.5, 2.0]);
        assert_eq!(Fold::Sign.code(&values, &slopes), [1, 0, 1, 0, 1]);
        // 1 - t / 2 and -2 + t meet at 2; 4 + 8 t and 3 at -1/8; two zeros never.
        let windows = Fold::Windows(vec![vec![0, 1], vec![4, 2], vec![3, 3]]);
        assert_eq!(windows.reach(&values, &slopes), [-0.125, 2.0]);
        let code = windows.code(&values, &slopes);
        assert_eq!(code, [0, 1, NONE]);
        assert_eq!(windows.changes(&code, &[1, 1, 0]), 1);
        assert_eq!(Fold::Sign.changes(&[0, 1, 1], &[1, 1, 0]), 2);
    }
}
