//! Dense projection: each direction is a vector of standard normals, divided by its length (Li et al. 2018, section 2, and
//! "dense" in their supplementary section S7).
//!
//! Direction `j` is the stream `<basis> / j`, one normal a weight, so any block of P is drawn by itself. The lengths are
//! those of the very vectors (d numbers, drawn through once when they are first asked for), so columns have length one to
//! rounding. A product costs D * d normals, once for all members, and D * d multiplies a member.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::columns::blocks;
use super::{Basis, Projection};
use crate::entry::Entry;
use crate::num::wide;
use crate::rng::Seed;

/// Weights of a block; a multiple of what the generator draws at once.
const WIDTH: usize = 512;

/// Directions that are drawn at a time: with [`WIDTH`] as many normals as stay in the first-level cache.
const DIRECTIONS: usize = 16;

/// Members, and directions, that one pass over a block of sums takes.
const SIDE: usize = 4;

struct Dense;

pub(super) const ENTRY: Entry<dyn Projection> = Entry {
    name: "dense",
    summary: "normals, each direction divided by its length; D x d work, for small networks",
    reference: "Li, Farkhoor, Liu & Yosinski 2018",
    build: |_, ()| Ok(Box::new(Dense)),
};

impl Projection for Dense {
    fn basis(&self, weights: usize, dimension: usize, seed: Seed) -> Arc<dyn Basis> {
        Arc::new(DenseBasis { weights, dimension, seed, factors: OnceLock::new() })
    }
}

#[derive(Debug)]
struct DenseBasis {
    weights: usize,
    dimension: usize,
    seed: Seed,
    /// One over the length of each direction as drawn (d).
    factors: OnceLock<Vec<f32>>,
}

/// Sums (WIDTH) of one member.
type Sums = [f32; WIDTH];

impl DenseBasis {
    /// Calls `take` with the normals of a direction, block by block, and sums what it gives in f64.
    fn sum(&self, direction: usize, take: impl Fn(usize, &[f32]) -> f64) -> f64 {
        let mut rng = self.seed.index(direction as u64).rng();
        let mut normals = [0.0; WIDTH];
        let mut sum = 0.0;
        for first in (0..self.weights).step_by(WIDTH) {
            let normals = &mut normals[..WIDTH.min(self.weights - first)];
            rng.fill_normal(normals);
            sum += take(first, normals);
        }
        sum
    }

    fn factors(&self) -> &[f32] {
        let factor = |direction| (1.0 / self.sum(direction, |_, normals| dot(normals, normals)).sqrt()) as f32;
        self.factors.get_or_init(|| (0..self.dimension).into_par_iter().map(factor).collect())
    }

    /// Draws the normals of some directions (DIRECTIONS, WIDTH) from the weight `first` on, `width` of each.
    fn draw(&self, directions: std::ops::Range<usize>, first: usize, width: usize, normals: &mut [Sums]) {
        for (direction, normals) in directions.zip(normals) {
            let mut rng = self.seed.index(direction as u64).rng();
            rng.skip(first as u64);
            rng.fill_normal(&mut normals[..width]);
        }
    }
}

impl Basis for DenseBasis {
    fn weights(&self) -> usize {
        self.weights
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn add(&self, members: &[&[f32]], rows: &mut [Vec<f32>]) {
        let factors = self.factors();
        // What the passes read: for SIDE members at a time and each direction a factor; members beyond the last are zero.
        let d = self.dimension.next_multiple_of(SIDE);
        let mut z = vec![[0.0; SIDE]; members.len().div_ceil(SIDE) * d];
        for (i, member) in members.iter().enumerate() {
            for (j, (coordinate, factor)) in member.iter().zip(factors).enumerate() {
                z[i / SIDE * d + j][i % SIDE] = coordinate * factor;
            }
        }
        blocks(rows, WIDTH).into_par_iter().enumerate().for_each_init(
            || (vec![[0.0; WIDTH]; DIRECTIONS], vec![[0.0; WIDTH]; members.len().next_multiple_of(SIDE)]),
            |(normals, sums), (block, parts)| {
                sums.as_flattened_mut().fill(0.0);
                let width = parts[0].len();
                for first in (0..self.dimension).step_by(DIRECTIONS) {
                    let end = (first + DIRECTIONS).min(self.dimension);
                    self.draw(first..end, block * WIDTH, width, normals);
                    let count = (end - first).next_multiple_of(SIDE);
                    for (z, sums) in z.chunks_exact(d).zip(sums.as_chunks_mut::<SIDE>().0) {
                        add_directions(&normals[..count], &z[first..first + count], sums);
                    }
                }
                for (part, sums) in parts.into_iter().zip(&*sums) {
                    part.iter_mut().zip(sums).for_each(|(weight, sum)| *weight += sum);
                }
            },
        );
    }

    fn transpose(&self, gradient: &[f32]) -> Vec<f32> {
        let along = |direction: usize| {
            self.sum(direction, |first, normals| dot(normals, &gradient[first..first + normals.len()]))
        };
        let factors = self.factors().par_iter().enumerate();
        factors.map(|(direction, factor)| (along(direction) * f64::from(*factor)) as f32).collect()
    }

    fn bytes(&self, members: usize, threads: usize) -> u64 {
        let members = members.next_multiple_of(SIDE);
        let of_thread = WIDTH * (DIRECTIONS + members);
        ((self.dimension + (self.dimension + SIDE) * members + threads * of_thread) * size_of::<f32>()) as u64
    }
}

/// Adds directions to the sums of SIDE members: each sum takes them in their order, fused multiplies and adds, which round
/// alike on any machine.
fn add_directions(normals: &[Sums], z: &[[f32; SIDE]], sums: &mut [Sums; SIDE]) {
    wide(
        #[inline(always)]
        || {
            let [s0, s1, s2, s3] = sums;
            for ([p0, p1, p2, p3], [z0, z1, z2, z3]) in
                normals.as_chunks::<SIDE>().0.iter().zip(z.as_chunks::<SIDE>().0)
            {
                for i in 0..WIDTH {
                    let p = [p0[i], p1[i], p2[i], p3[i]];
                    for (member, s) in [&mut *s0, &mut *s1, &mut *s2, &mut *s3].into_iter().enumerate() {
                        let first = z0[member].mul_add(p[0], s[i]);
                        let second = z1[member].mul_add(p[1], first);
                        let third = z2[member].mul_add(p[2], second);
                        s[i] = z3[member].mul_add(p[3], third);
                    }
                }
            }
        },
    );
}

/// Sum of products of at most [`WIDTH`] values: 16 sums in f32, joined in f64.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 16;
    let mut sums = [0.0f32; LANES];
    wide(
        #[inline(always)]
        || {
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            for (a, b) in a.iter().zip(b) {
                for i in 0..LANES {
                    sums[i] = a[i].mul_add(b[i], sums[i]);
                }
            }
            for ((a, b), sum) in a_rest.iter().zip(b_rest).zip(&mut sums) {
                *sum = a.mul_add(*b, *sum);
            }
        },
    );
    sums.iter().map(|sum| f64::from(*sum)).sum()
}
