//! Random projections: the bases of low-dimensional subspaces of weights (Li, Farkhoor, Liu & Yosinski 2018).
//!
//! In a campaign: `subspace = { dimension = 750, projection = "dense" }`. The D weights of a subset are `base + P z` with z
//! of d coordinates (equation 2 of the paper); P is D x d, its columns are the directions and have length one. A basis keeps
//! the address that P is drawn from, and draws each piece again where it is used: P itself is never stored.
//!
//! Sums are taken in an order that neither threads nor the members computed together change.

mod columns;
mod dense;
mod fastfood;
mod sparse;

use std::fmt::Debug;
use std::sync::Arc;

use crate::entry::Entry;
use crate::rng::Seed;

/// A rule for drawing bases.
pub trait Projection: Send + Sync {
    /// The basis of `dimension` directions (d) in the space of `weights` weights (D) that is drawn from `seed`.
    fn basis(&self, weights: usize, dimension: usize, seed: Seed) -> Arc<dyn Basis>;
}

/// A matrix P (D, d) that is drawn piece by piece.
pub trait Basis: Debug + Send + Sync {
    /// Weights that it spans (D).
    fn weights(&self) -> usize;

    /// Its directions (d).
    fn dimension(&self) -> usize;

    /// Adds `P z` to the row (D) of each member, `members` being their coordinates z (d). Each piece of P is drawn once
    /// for all of them.
    fn add(&self, members: &[&[f32]], rows: &mut [Vec<f32>]);

    /// `P^T g`: the slope (d) along each direction where the weights have the gradient `g` (D).
    fn transpose(&self, gradient: &[f32]) -> Vec<f32>;

    /// Bytes that it keeps, and holds while it adds to so many members at a time.
    fn bytes(&self, members: usize, threads: usize) -> u64;
}

/// The projection of least work for many weights, whatever a campaign names.
pub fn fastfood() -> Box<dyn Projection> {
    Box::new(fastfood::Fastfood)
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Projection>] = &[dense::ENTRY, fastfood::ENTRY, sparse::ENTRY];
