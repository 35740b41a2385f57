//! CPU kernels: pure functions on f32 slices. Each result is a function of one (member, image) or one channel, computed
//! in a fixed order, so that threads and chunks never change a bit.

pub mod batch_norm;
pub mod conv;
pub mod gemm;
pub mod linear;
pub mod max_pool;
pub mod norm_relu_pool;
pub mod relu;

use rayon::prelude::*;

/// Whether a kernel may spread over the thread pool, or runs on the thread that calls it (as when members already do).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All threads of the pool.
    Pool,
    /// The calling thread.
    Here,
}

impl Spread {
    /// Calls `work(index, chunk, scratch)` for each chunk of `out`; `scratch` keeps its memory between calls.
    pub fn chunks(self, out: &mut [f32], size: usize, work: impl Fn(usize, &mut [f32], &mut Vec<f32>) + Sync + Send) {
        match self {
            Spread::Pool => {
                out.par_chunks_mut(size)
                    .enumerate()
                    .for_each_init(Vec::new, |scratch, (i, chunk)| work(i, chunk, scratch));
            }
            Spread::Here => {
                let mut scratch = Vec::new();
                out.chunks_mut(size).enumerate().for_each(|(i, chunk)| work(i, chunk, &mut scratch));
            }
        }
    }

    /// `work(i)` for `0..n`, in order of `i`.
    pub fn map<T: Send>(self, n: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        match self {
            Spread::Pool => (0..n).into_par_iter().map(work).collect(),
            Spread::Here => (0..n).map(work).collect(),
        }
    }
}
