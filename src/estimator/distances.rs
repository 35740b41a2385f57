//! Squared distances between all rows of an array, block by block, by matrix products.

use rayon::prelude::*;

use crate::num::{Matrix, Scalar};

/// Rows of a block. Fixed, because bits depend on it: so they do not depend on how many threads there are.
const BLOCK: usize = 128;

/// The numbers that activations are made of: f32 and f64. Sums are f64 all the same.
pub trait Real: Scalar + Into<f64> {
    /// The nearest one.
    fn of(x: f64) -> Self;
}

impl Real for f32 {
    fn of(x: f64) -> Self {
        x as f32
    }
}

impl Real for f64 {
    fn of(x: f64) -> Self {
        x
    }
}

/// Rows moved so that each column has mean 0: then products of close rows lose few digits.
pub struct Centred<T> {
    values: Vec<T>,
    rows: usize,
    /// Squared length of each row.
    squares: Vec<f64>,
}

impl<T: Real> Centred<T> {
    /// Moves `values`, (rows, columns).
    ///
    /// # Panics
    /// If the values cannot be shared out to so many rows.
    pub fn new(values: &[T], rows: usize) -> Self {
        assert!(rows > 0 && values.len().is_multiple_of(rows), "{} values are no {rows} rows", values.len());
        let columns = values.len() / rows;
        // Against the first row, so that a constant column becomes 0 and no remainder of rounding.
        let first: Vec<f64> = values[..columns].iter().map(|x| (*x).into()).collect();
        let mut means = vec![0.0; columns];
        for row in values.chunks_exact(columns.max(1)) {
            for ((mean, x), first) in means.iter_mut().zip(row).zip(&first) {
                *mean += (*x).into() - first;
            }
        }
        for (mean, first) in means.iter_mut().zip(&first) {
            *mean = first + *mean / rows as f64;
        }
        let moved = values
            .par_chunks(columns.max(1))
            .flat_map_iter(|row| row.iter().zip(&means).map(|(x, mean)| T::of((*x).into() - mean)).collect::<Vec<T>>());
        let values: Vec<T> = moved.collect();
        let square = |row: &[T]| row.iter().map(|x| (*x).into().powi(2)).sum();
        let squares = match columns {
            0 => vec![0.0; rows],
            columns => values.par_chunks(columns).map(square).collect(),
        };
        Centred { values, rows, squares }
    }

    /// Root of the mean square of all values: the spread of a unit around its own mean. 0 where all rows are equal.
    pub fn rms(&self) -> f64 {
        (self.squares.iter().sum::<f64>() / self.values.len() as f64).sqrt()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What `of(i, distances)` makes of each row i and its squared distances to all rows, in the order of the rows. The
    /// distance to itself is 0; NaN stays NaN.
    pub fn each_row<R: Send>(&self, of: impl Fn(usize, &[f64]) -> R + Sync) -> Vec<R> {
        let columns = self.values.len() / self.rows;
        let all = Matrix::new(&self.values, self.rows).transposed();
        let starts: Vec<usize> = (0..self.rows).step_by(BLOCK).collect();
        let blocks = starts.par_iter().map(|start| {
            let end = self.rows.min(start + BLOCK);
            let block = Matrix::new(&self.values[start * columns..end * columns], end - start);
            let products = block.times(all);
            let mut distances = vec![0.0; self.rows];
            let row = |(i, products): (usize, &[T])| {
                let own = start + i;
                for ((distance, product), square) in distances.iter_mut().zip(products).zip(&self.squares) {
                    let found = self.squares[own] + square - 2.0 * (*product).into();
                    // Not `max`, which takes 0 where the other is NaN.
                    *distance = if found < 0.0 { 0.0 } else { found };
                }
                if distances[own].is_finite() {
                    distances[own] = 0.0;
                }
                of(own, &distances)
            };
            products.chunks_exact(self.rows).enumerate().map(row).collect::<Vec<R>>()
        });
        blocks.collect::<Vec<Vec<R>>>().into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn distances_are_those_of_the_definition_in_both_precisions() {
        let (rows, columns) = (300, 7);
        let mut values = vec![0.0f32; rows * columns];
        Seed::new(3).child("rows").rng().fill_normal(&mut values);
        let wide: Vec<f64> = values.iter().map(|x| 1e3 + f64::from(*x)).collect();
        let expected = |i: usize| -> Vec<f64> {
            let row = |i: usize| &wide[i * columns..(i + 1) * columns];
            (0..rows).map(|j| row(i).iter().zip(row(j)).map(|(a, b)| (a - b).powi(2)).sum()).collect()
        };
        for (tolerance, found) in [
            (1e-5, Centred::new(&values, rows).each_row(|i, distances| (i, distances.to_vec()))),
            (1e-11, Centred::new(&wide, rows).each_row(|i, distances| (i, distances.to_vec()))),
        ] {
            assert_eq!(found.len(), rows);
            for (at, (i, distances)) in found.into_iter().enumerate() {
                assert_eq!(at, i);
                let close = distances.iter().zip(expected(i)).all(|(a, b)| (a - b).abs() < tolerance * (1.0 + b));
                assert!(close, "row {i}");
            }
        }
    }

    #[test]
    fn the_spread_is_per_unit_and_nothing_where_all_rows_are_equal() {
        // Columns (1, 3) and (0, 4): around their means +-1 and +-2.
        let two = Centred::new(&[1.0f64, 0.0, 3.0, 4.0], 2);
        assert!((two.rms() - 2.5f64.sqrt()).abs() < 1e-15);
        let constant: Vec<f32> = [0.1, 0.7, 1e6].repeat(9);
        assert_eq!(Centred::new(&constant, 9).rms(), 0.0);
        assert_eq!(Centred::new(&constant, 9).each_row(|_, distances| distances.to_vec()).concat(), vec![0.0; 81]);
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let rows = Centred::new(&[1.0f32, f32::NAN, 2.0], 3).each_row(|_, distances| distances.to_vec());
        assert!(rows.concat().iter().any(|distance| distance.is_nan()));
    }
}
