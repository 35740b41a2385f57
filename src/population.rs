//! A population: genomes of one generation in one block.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use rayon::prelude::*;

/// `n` genomes of `k` genes, row-major (n, k).
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    genes: Vec<f32>,
    size: usize,
}

impl Population {
    /// All zeros: `n` copies of the untouched network.
    pub fn zeros(n: usize, size: usize) -> Self {
        Population { genes: vec![0.0; n * size], size }
    }

    /// From a block of n * `size` genes.
    ///
    /// # Panics
    /// If the block is not a whole number of genomes.
    pub fn from_genes(genes: Vec<f32>, size: usize) -> Self {
        assert!(
            size > 0 && genes.len().is_multiple_of(size),
            "{} genes are no whole number of genomes of {size}",
            genes.len()
        );
        Population { genes, size }
    }

    /// Number of members (n).
    pub fn len(&self) -> usize {
        self.genes.len() / self.size
    }

    /// Whether it has no member.
    pub fn is_empty(&self) -> bool {
        self.genes.is_empty()
    }

    /// Genes of one member (k).
    pub fn size(&self) -> usize {
        self.size
    }

    /// One genome, (k).
    pub fn member(&self, i: usize) -> &[f32] {
        &self.genes[i * self.size..(i + 1) * self.size]
    }

    /// One genome, to be changed.
    pub fn member_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.genes[i * self.size..(i + 1) * self.size]
    }

    /// All genomes in order.
    pub fn members(&self) -> std::slice::ChunksExact<'_, f32> {
        self.genes.chunks_exact(self.size)
    }

    /// All genomes in order, to be changed.
    pub fn members_mut(&mut self) -> std::slice::ChunksExactMut<'_, f32> {
        self.genes.chunks_exact_mut(self.size)
    }

    /// The first of each group of members that are equal bit for bit, ascending, and of each member (n) its group.
    pub fn groups(&self) -> (Vec<usize>, Vec<usize>) {
        let bits = |member: usize| self.member(member).iter().map(|gene| gene.to_bits());
        let hashes: Vec<u64> = (0..self.len()).into_par_iter().map(|member| hash(bits(member))).collect();
        let mut alike: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut first: Vec<usize> = Vec::new();
        let mut group_of = Vec::with_capacity(self.len());
        for (member, hash) in hashes.into_iter().enumerate() {
            let alike = alike.entry(hash).or_default();
            let found = alike.iter().copied().find(|group: &usize| bits(first[*group]).eq(bits(member)));
            group_of.push(found.unwrap_or(first.len()));
            if found.is_none() {
                alike.push(first.len());
                first.push(member);
            }
        }
        (first, group_of)
    }

    /// The whole block, (n, k).
    pub fn genes(&self) -> &[f32] {
        &self.genes
    }

    /// The whole block, (n, k), as it was given to [`from_genes`](Self::from_genes): memory to be used again.
    pub fn into_genes(self) -> Vec<f32> {
        self.genes
    }
}

fn hash(bits: impl Iterator<Item = u32>) -> u64 {
    let mut hasher = DefaultHasher::new();
    bits.for_each(|word| hasher.write_u32(word));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_group_are_equal_in_every_bit() {
        let genes = vec![1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 1.0, -0.0, 2.0, 0.0];
        assert_eq!(Population::from_genes(genes, 2).groups(), (vec![0, 1, 3], vec![0, 1, 0, 2, 1]));
        assert_eq!(Population::zeros(0, 3).groups(), (vec![], vec![]));
    }
}
