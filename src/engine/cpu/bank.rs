//! Weights as the matrix kernel reads them: rows of taps, columns of filters, in panels of 32 columns.

use std::ops::Range;

/// Columns of a panel; the last panel is cut to 16 where it holds no more.
pub const PANEL: usize = 32;

/// Half a panel: the widest vector register.
const HALF: usize = 16;

/// A matrix (rows, columns) in panels; places beyond the last column are zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bank {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Bank {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        let width = columns / PANEL * PANEL + last_pitch(columns % PANEL);
        Bank { rows, columns, values: vec![0.0; rows * width] }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Index of an element.
    #[inline]
    fn place(&self, row: usize, column: usize) -> usize {
        let panel = column / PANEL;
        panel * PANEL * self.rows + row * self.pitch(panel) + column % PANEL
    }

    /// One element.
    pub fn get(&self, row: usize, column: usize) -> f32 {
        self.values[self.place(row, column)]
    }

    /// Sets one element.
    pub fn set(&mut self, row: usize, column: usize, value: f32) {
        let place = self.place(row, column);
        self.values[place] = value;
    }

    /// Fills the bank with the columns `wanted` of a matrix (rows, width).
    pub fn gather_rows(&mut self, matrix: &[f32], width: usize, wanted: &[usize]) {
        let whole = wanted.len() == width;
        self.fill_rows(|row, columns, out| {
            let values = &matrix[row * width..(row + 1) * width];
            if whole {
                out.copy_from_slice(&values[columns]);
            } else {
                out.iter_mut().zip(&wanted[columns]).for_each(|(out, column)| *out = values[*column]);
            }
        });
    }

    /// Calls `fill(row, columns, values)` for each run of columns that stands together.
    pub fn fill_rows(&mut self, mut fill: impl FnMut(usize, Range<usize>, &mut [f32])) {
        for panel in 0..self.columns.div_ceil(PANEL) {
            let columns = panel * PANEL..((panel + 1) * PANEL).min(self.columns);
            let (start, pitch) = (panel * PANEL * self.rows, self.pitch(panel));
            for row in 0..self.rows {
                fill(row, columns.clone(), &mut self.values[start + row * pitch..][..columns.len()]);
            }
        }
    }

    /// Values from one row of a panel to the next.
    pub fn pitch(&self, panel: usize) -> usize {
        last_pitch((self.columns - panel * PANEL).min(PANEL))
    }

    /// A panel (rows, pitch).
    pub fn panel(&self, panel: usize) -> &[f32] {
        let start = panel * PANEL * self.rows;
        &self.values[start..start + self.rows * self.pitch(panel)]
    }
}

/// The pitch of a panel that holds `columns`.
fn last_pitch(columns: usize) -> usize {
    columns.next_multiple_of(HALF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_its_own_place_and_the_padding_stays_zero() {
        for columns in [1, 15, 16, 17, 32, 33, 48, 70] {
            let mut bank = Bank::zeros(3, columns);
            for row in 0..3 {
                for column in 0..columns {
                    bank.set(row, column, (1 + row * columns + column) as f32);
                }
            }
            for row in 0..3 {
                for column in 0..columns {
                    assert_eq!(bank.get(row, column), (1 + row * columns + column) as f32);
                    let panel = bank.panel(column / PANEL);
                    assert_eq!(panel[row * bank.pitch(column / PANEL) + column % PANEL], bank.get(row, column));
                }
            }
            let set = bank.values.iter().filter(|value| **value != 0.0).count();
            assert_eq!(set, 3 * columns);
        }
    }
}
