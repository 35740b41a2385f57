//! Very sparse projection (Li, Hastie & Church 2006; "sparse" in Li et al. 2018, supplementary section S7).
//!
//! Each entry is 0 with probability 1 - 1/sqrt(D), and else +1 or -1 alike; then each direction is divided by its length,
//! the root of the number of its entries. About d * sqrt(D) entries are all that is drawn, added and multiplied. Their
//! places are found by the gaps between them, which are geometric; a direction without any entry is drawn again.
//!
//! The code of Li et al. 2018 takes the density of each tensor by itself from the size of that tensor; here D is the number
//! of weights that the subspace spans, as in the text.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Basis, Projection};
use crate::entry::Entry;
use crate::rng::Seed;

/// Directions whose entries are held at a time.
const DIRECTIONS: usize = 64;

/// Words that are drawn at once: the gap and the sign of half as many entries.
const WORDS: usize = 512;

struct Sparse;

pub(super) const ENTRY: Entry<dyn Projection> = Entry {
    name: "sparse",
    summary: "one entry in sqrt(D) is + or -, each direction divided by its length; sqrt(D) x d work",
    reference: "Li, Hastie & Church 2006; Li, Farkhoor, Liu & Yosinski 2018",
    build: |_, ()| Ok(Box::new(Sparse)),
};

impl Projection for Sparse {
    fn basis(&self, weights: usize, dimension: usize, seed: Seed) -> Arc<dyn Basis> {
        // Products alone, so that the bits are the same on any machine. Twice the mean gap holds 86 % of all gaps.
        let stay = 1.0 - 1.0 / (weights as f64).sqrt();
        let mut survival = vec![];
        let mut left = 1.0;
        for _ in 0..2 * weights.isqrt() + 1 {
            left *= stay;
            survival.push((left * 2f64.powi(32)) as u32);
        }
        Arc::new(SparseBasis { weights, dimension, seed, survival })
    }
}

#[derive(Debug)]
struct SparseBasis {
    weights: usize,
    dimension: usize,
    seed: Seed,
    /// At `g` the probability that a gap is longer than `g`, in units of 2^-32.
    survival: Vec<u32>,
}

/// The entries of one direction.
struct Direction {
    /// Twice the place of each entry in ascending order, one more where it is negative.
    entries: Vec<u64>,
    /// What an entry is worth: one over the length.
    value: f32,
}

impl SparseBasis {
    fn direction(&self, direction: usize) -> Direction {
        let seed = self.seed.index(direction as u64);
        let entries = (0..).map(|again| self.entries(seed.index(again))).find(|entries| !entries.is_empty());
        let entries = entries.expect("some try has an entry");
        Direction { value: (1.0 / (entries.len() as f64).sqrt()) as f32, entries }
    }

    fn entries(&self, seed: Seed) -> Vec<u64> {
        let mut entries = Vec::with_capacity(2 * self.weights.isqrt());
        let mut rng = seed.rng();
        let mut words = [0; WORDS];
        let mut place = 0;
        loop {
            rng.fill_word(&mut words);
            for [gap, sign] in words.as_chunks::<2>().0 {
                let passed = self.survival.partition_point(|survival| gap < survival);
                place += passed;
                // Longer than the table: gaps have no memory, so another is drawn from there.
                if passed == self.survival.len() {
                    continue;
                }
                if place >= self.weights {
                    return entries;
                }
                entries.push((place as u64) << 1 | u64::from(sign & 1));
                place += 1;
            }
        }
    }
}

/// The place of an entry, and `value` with its sign.
fn entry(entry: u64, value: f32) -> (usize, f32) {
    ((entry >> 1) as usize, if entry & 1 == 1 { -value } else { value })
}

impl Basis for SparseBasis {
    fn weights(&self) -> usize {
        self.weights
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn add(&self, members: &[&[f32]], rows: &mut [Vec<f32>]) {
        for first in (0..self.dimension).step_by(DIRECTIONS) {
            let range = first..(first + DIRECTIONS).min(self.dimension);
            let directions: Vec<Direction> = range.into_par_iter().map(|direction| self.direction(direction)).collect();
            members.par_iter().zip(&mut *rows).for_each(|(z, row)| {
                for (direction, coordinate) in directions.iter().zip(&z[first..]) {
                    for packed in &direction.entries {
                        let (place, value) = entry(*packed, direction.value * coordinate);
                        row[place] += value;
                    }
                }
            });
        }
    }

    fn transpose(&self, gradient: &[f32]) -> Vec<f32> {
        let slope = |direction| {
            let Direction { entries, value } = self.direction(direction);
            let term = |packed: &u64| {
                let (place, sign) = entry(*packed, 1.0);
                f64::from(sign * gradient[place])
            };
            (entries.iter().map(term).sum::<f64>() * f64::from(value)) as f32
        };
        (0..self.dimension).into_par_iter().map(slope).collect()
    }

    fn bytes(&self, _: usize, _: usize) -> u64 {
        let entries = 2 * self.weights.isqrt() * self.dimension.min(DIRECTIONS);
        (self.survival.len() * size_of::<u32>() + entries * size_of::<u64>()) as u64
    }
}
