//! Fastfood projection (Le, Sarlos & Smola 2013, equation 5): P is a stack of square blocks `S H G Pi H B`, of which each
//! product takes L log L additions.
//!
//! L is d rounded up to a power of two, and coordinates beyond the d-th are zero. H is the Hadamard matrix of entries +1 and
//! -1, B a diagonal of signs, Pi a permutation, G a diagonal of normals, drawn anew for each block of L weights. Every
//! column of `H G Pi H B` has the length `sqrt(L) |G|`, so with `S = 1 / (sqrt(D) |G|)` the columns of P have length one:
//! exactly where L divides D, and in expectation where the last block is cut.
//!
//! As Li et al. 2018 we leave out the random part of S, which makes the lengths of the rows vary as those of a Gaussian
//! matrix do. Their code has one block, of D rounded up; blocks of L are those of the paper on Fastfood, and the work is
//! D log d and not D log D.

use std::sync::Arc;

use rayon::prelude::*;

use super::columns::blocks;
use super::{Basis, Projection};
use crate::entry::Entry;
use crate::num::wide;
use crate::rng::Seed;

/// Members that are transformed side by side.
const LANES: usize = 16;

pub(super) struct Fastfood;

pub(super) const ENTRY: Entry<dyn Projection> = Entry {
    name: "fastfood",
    summary: "blocks of Hadamard transforms, signs, a permutation and normals; D x log d work, for large networks",
    reference: "Le, Sarlos & Smola 2013; Li, Farkhoor, Liu & Yosinski 2018",
    build: |_, ()| Ok(Box::new(Fastfood)),
};

impl Projection for Fastfood {
    fn basis(&self, weights: usize, dimension: usize, seed: Seed) -> Arc<dyn Basis> {
        Arc::new(FastfoodBasis { weights, dimension, seed })
    }
}

#[derive(Debug)]
struct FastfoodBasis {
    weights: usize,
    dimension: usize,
    seed: Seed,
}

/// What one block is made of.
struct Block {
    /// B: the sign of each coordinate (d).
    signs: Vec<f32>,
    /// Pi: output `i` reads input `order[i]` (L).
    order: Vec<u32>,
    /// G, times the number that S is (L).
    normals: Vec<f32>,
}

impl FastfoodBasis {
    /// Rows and columns of a block (L).
    fn side(&self) -> usize {
        self.dimension.next_power_of_two()
    }

    fn block(&self, block: usize) -> Block {
        let (side, seed) = (self.side(), self.seed.index(block as u64));
        let mut words = vec![0; self.dimension];
        seed.child("signs").rng().fill_word(&mut words);
        let signs = words.iter().map(|word| if word & 1 == 1 { -1.0 } else { 1.0 }).collect();
        let mut order: Vec<u32> = (0..side as u32).collect();
        seed.child("order").rng().shuffle(&mut order);
        let mut normals = vec![0.0; side];
        seed.child("normals").rng().fill_normal(&mut normals);
        let square: f64 = normals.iter().map(|normal| f64::from(*normal) * f64::from(*normal)).sum();
        let scale = (1.0 / (self.weights as f64 * square).sqrt()) as f32;
        normals.iter_mut().for_each(|normal| *normal *= scale);
        Block { signs, order, normals }
    }
}

impl Basis for FastfoodBasis {
    fn weights(&self) -> usize {
        self.weights
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn add(&self, members: &[&[f32]], rows: &mut [Vec<f32>]) {
        let side = self.side();
        blocks(rows, side).into_par_iter().enumerate().for_each_init(
            || [vec![[0.0; LANES]; side], vec![[0.0; LANES]; side]],
            |[x, y], (block, mut parts)| {
                let Block { signs, order, normals } = self.block(block);
                for (members, parts) in members.chunks(LANES).zip(parts.chunks_mut(LANES)) {
                    x.as_flattened_mut().fill(0.0);
                    for (lane, member) in members.iter().enumerate() {
                        for ((x, z), sign) in x.iter_mut().zip(*member).zip(&signs) {
                            x[lane] = z * sign;
                        }
                    }
                    hadamard(x);
                    for ((y, from), normal) in y.iter_mut().zip(&order).zip(&normals) {
                        *y = x[*from as usize].map(|x| x * normal);
                    }
                    hadamard(y);
                    for (lane, part) in parts.iter_mut().enumerate() {
                        part.iter_mut().zip(&*y).for_each(|(weight, y)| *weight += y[lane]);
                    }
                }
            },
        );
    }

    fn transpose(&self, gradient: &[f32]) -> Vec<f32> {
        let side = self.side();
        // H is its own transpose: the same steps the other way round.
        let of_block = |(block, gradient): (usize, &[f32])| {
            let Block { signs, order, normals } = self.block(block);
            let mut y: Vec<[f32; 1]> = gradient.iter().map(|slope| [*slope]).collect();
            y.resize(side, [0.0]);
            hadamard(&mut y);
            let mut x = vec![[0.0; 1]; side];
            for ((y, from), normal) in y.iter().zip(&order).zip(&normals) {
                x[*from as usize] = [y[0] * normal];
            }
            hadamard(&mut x);
            x.iter().zip(&signs).map(|(x, sign)| x[0] * sign).collect()
        };
        let mut slopes = vec![0.0f64; self.dimension];
        // A few blocks at a time, added in their order.
        let width = side * rayon::current_num_threads();
        for (i, wave) in gradient.chunks(width).enumerate() {
            let first = i * width / side;
            let parts = wave.par_chunks(side).enumerate().map(|(block, slopes)| of_block((first + block, slopes)));
            for part in parts.collect::<Vec<Vec<f32>>>() {
                slopes.iter_mut().zip(part).for_each(|(sum, slope)| *sum += f64::from(slope));
            }
        }
        slopes.into_iter().map(|slope| slope as f32).collect()
    }

    fn bytes(&self, _: usize, threads: usize) -> u64 {
        (threads * self.side() * (2 * LANES + 3) * size_of::<f32>()) as u64
    }
}

/// Multiplies by the Hadamard matrix, in place; the length is a power of two. Unscaled: twice is L times the same.
fn hadamard<const N: usize>(x: &mut [[f32; N]]) {
    let mut half = 1;
    while half < x.len() {
        wide(
            #[inline(always)]
            || {
                for pair in x.chunks_exact_mut(2 * half) {
                    let (a, b) = pair.split_at_mut(half);
                    for (a, b) in a.as_flattened_mut().iter_mut().zip(b.as_flattened_mut()) {
                        (*a, *b) = (*a + *b, *a - *b);
                    }
                }
            },
        );
        half *= 2;
    }
}
