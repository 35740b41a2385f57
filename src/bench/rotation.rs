//! A random orthogonal matrix, uniform over all of them: normals made orthonormal row by row (Stewart 1980).

use crate::rng::Rng;

/// An orthogonal matrix, (d, d), its rows one after another.
pub struct Rotation {
    rows: Vec<Vec<f64>>,
}

impl Rotation {
    /// Draws one of `d` rows.
    pub fn draw(d: usize, rng: &mut Rng) -> Self {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(d);
        while rows.len() < d {
            let mut row: Vec<f64> = (0..d).map(|_| f64::from(rng.normal())).collect();
            // Gram-Schmidt, twice: the second pass takes away what rounding left of the first.
            for _ in 0..2 {
                for other in &rows {
                    let along = dot(&row, other);
                    row.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
                }
                let length = dot(&row, &row).sqrt();
                row.iter_mut().for_each(|x| *x /= length);
            }
            rows.push(row);
        }
        Rotation { rows }
    }

    /// The matrix times `x`, (d).
    pub fn turn(&self, x: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|row| dot(row, x)).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn rows_are_orthonormal_and_no_axis_is_left_as_it_was() {
        for d in [1, 2, 10, 100] {
            let rotation = Rotation::draw(d, &mut Seed::new(4).rng());
            for i in 0..d {
                for j in 0..d {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    let found = dot(&rotation.rows[i], &rotation.rows[j]);
                    assert!((found - expected).abs() < 1e-14, "rows {i} and {j} of {d}: {found}");
                }
            }
            assert!(d == 1 || rotation.rows.iter().flatten().all(|x| x.abs() < 0.9999), "{d}");
        }
    }

    #[test]
    fn turning_keeps_lengths_and_is_the_product_with_the_matrix() {
        let rotation = Rotation::draw(3, &mut Seed::new(5).rng());
        let turned = rotation.turn(&[0.0, 2.0, 0.0]);
        assert!((dot(&turned, &turned) - 4.0).abs() < 1e-14);
        assert!(turned.iter().zip(&rotation.rows).all(|(x, row)| *x == 2.0 * row[1]));
    }

    #[test]
    fn every_entry_has_the_variance_of_a_uniform_rotation() {
        // Each entry of a uniform orthogonal matrix of d = 4 has mean 0, mean square 1/4, mean fourth power 3 / (d (d + 2)).
        let n = 4_000;
        let entries: Vec<f64> =
            (0..n).map(|i| Rotation::draw(4, &mut Seed::new(6).index(i).rng()).rows[3][2]).collect();
        let mean = |power: i32| entries.iter().map(|x| x.powi(power)).sum::<f64>() / n as f64;
        assert!(mean(1).abs() < 4.0 * (0.25 / n as f64).sqrt(), "{}", mean(1));
        assert!((mean(2) - 0.25).abs() < 4.0 * ((0.125 - 0.0625) / n as f64).sqrt(), "{}", mean(2));
    }
}
