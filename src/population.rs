//! A population: genomes of one generation in one block.

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

    /// The whole block, (n, k).
    pub fn genes(&self) -> &[f32] {
        &self.genes
    }

    /// The whole block, (n, k), as it was given to [`from_genes`](Self::from_genes): memory to be used again.
    pub fn into_genes(self) -> Vec<f32> {
        self.genes
    }
}
