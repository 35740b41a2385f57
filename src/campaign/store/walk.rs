//! The way of the incumbent, `walk.f32`: for each step from the start on a row of f32, little-endian. Where more numbers are
//! trained than a row holds, it is a random projection of what was added to them.

use std::path::Path;
use std::sync::Arc;

use super::disk::{self, Appender};
use crate::error::{Error, Result};
use crate::metric::Walk;
use crate::projection::Basis;

const FILE: &str = "walk.f32";

/// The most numbers that are kept as they are: so many that exact Hessians are computed of.
pub const WHOLE: usize = 512;

/// Dimensions of the projection of more numbers than [`WHOLE`].
pub const PROJECTED: usize = 256;

/// Writes a walk.
pub struct WalkWriter {
    file: Appender,
    start: Vec<f32>,
    basis: Option<Arc<dyn Basis>>,
}

impl WalkWriter {
    /// Opens the walk of a run that has done so many steps, or begins it. `start` are the untrained values; `basis` is what
    /// they are projected on, if there are more than [`WHOLE`].
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if steps are missing.
    pub fn open(folder: &Path, start: Vec<f32>, basis: Option<Arc<dyn Basis>>, steps: Option<u64>) -> Result<Self> {
        let path = folder.join(FILE);
        let width = basis.as_ref().map_or(start.len(), |basis| basis.dimension());
        let rows = steps.map_or(0, |steps| steps + 1);
        let (file, length) = Appender::open(&path)?;
        let expected = rows * (width * size_of::<f32>()) as u64;
        if length < expected {
            let message = format!("it holds {length} bytes where {rows} steps have {expected}: its end was lost");
            return Err(Error::record(path, message));
        }
        disk::truncate(&path, expected)?;
        Ok(WalkWriter { file, start, basis })
    }

    /// The next step's incumbent.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, trained: &[f32]) -> Result<()> {
        let row = match &self.basis {
            None => trained.to_vec(),
            Some(basis) => project(&**basis, &self.start, trained),
        };
        let bytes: Vec<u8> = row.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.file.append(&bytes)
    }

    /// Gives all rows to the disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync()
    }
}

/// `sqrt(D / d) P^T (trained - start)`: the columns of P have length one, so squared lengths are kept in the mean.
fn project(basis: &dyn Basis, start: &[f32], trained: &[f32]) -> Vec<f32> {
    let moved: Vec<f32> = trained.iter().zip(start).map(|(x, start)| x - start).collect();
    let scale = (basis.weights() as f64 / basis.dimension() as f64).sqrt() as f32;
    basis.transpose(&moved).into_iter().map(|x| scale * x).collect()
}

/// The walk of a run that trains so many numbers, if it kept one.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if it does not consist of whole rows.
pub fn read_walk(folder: &Path, trained: usize) -> Result<Option<Walk>> {
    let path = folder.join(FILE);
    let Some(bytes) = disk::read_if_there(&path)? else { return Ok(None) };
    let width = if trained > WHOLE { PROJECTED } else { trained };
    if bytes.len() % (width * size_of::<f32>()) != 0 {
        let message = format!("its {} bytes are no whole rows of {width} values", bytes.len());
        return Err(Error::record(path, message));
    }
    let places = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok(Some(Walk { places, width, trained }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn a_walk_that_is_continued_is_the_walk_that_was_not_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let place = |step: u64| vec![step as f32, 0.5 - step as f32];
        let write = |from: Option<u64>, steps: std::ops::Range<u64>| -> Result<()> {
            let mut writer = WalkWriter::open(folder.path(), vec![0.0; 2], None, from)?;
            steps.into_iter().try_for_each(|step| writer.append(&place(step)))?;
            writer.sync()
        };
        assert_eq!(read_walk(folder.path(), 2).unwrap(), None);
        write(None, 0..6).unwrap();
        write(Some(3), 4..9).unwrap();
        let walk = read_walk(folder.path(), 2).unwrap().unwrap();
        assert_eq!((walk.len(), walk.is_whole()), (9, true));
        assert!((0..9).all(|step| walk.place(step) == place(step as u64)));
        let message = write(Some(20), 21..22).unwrap_err().to_string();
        assert!(message.contains("it holds 72 bytes where 21 steps have 168"), "{message}");
    }

    #[test]
    fn projected_steps_are_as_long_as_the_steps_in_the_mean() {
        let fastfood = crate::projection::fastfood();
        let d = 3_000;
        let (mut start, mut end) = (vec![0.0; d], vec![0.0; d]);
        Seed::new(1).rng().fill_normal(&mut start);
        Seed::new(2).rng().fill_normal(&mut end);
        let length: f32 = start.iter().zip(&end).map(|(a, b)| (a - b) * (a - b)).sum();
        let ratios: Vec<f64> = (0..40)
            .map(|i| {
                let basis = fastfood.basis(d, PROJECTED, Seed::new(7).index(i));
                f64::from(project(&*basis, &start, &end).iter().map(|x| x * x).sum::<f32>() / length)
            })
            .collect();
        // Each has a deviation of sqrt(2 / 256) = 0.088.
        let (mean, sd) = (crate::num::mean(&ratios), crate::num::sd(&ratios));
        assert!((mean - 1.0).abs() < 4.0 * 0.088 / 40f64.sqrt() && sd < 0.15, "{mean} +- {sd}");
    }
}
