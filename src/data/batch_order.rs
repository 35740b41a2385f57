//! Which images make the batch of a step: epochs of shuffled images, draws with replacement, or all; addressed by step.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::rng::Seed;

/// How the images of batches are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// All images are shuffled anew each epoch and dealt out in batches without repetition; the batch that reaches over the
    /// end of an epoch takes the rest of one and the start of the next.
    #[default]
    Epochs,
    /// Each image by itself, with replacement: the noise of one batch knows nothing of the batch before. (Without it, noise
    /// adds up to nothing over an epoch, so that gradients that follow one another are anticorrelated, -1 / (batches - 1).)
    Replacement,
    /// Every batch is all images in their order: there is no noise of sampling.
    All,
}

impl Sampling {
    /// What a campaign can ask for by name.
    pub const NAMES: [&str; 2] = ["epochs", "replacement"];
}

/// The order of batches, drawn by epochs unless told otherwise.
///
/// The batch of a step follows from seed and step alone, so both learners see the same and a resumed run goes on with it.
#[derive(Clone, Debug)]
pub struct BatchOrder {
    n: usize,
    batch: usize,
    sampling: Sampling,
    seed: Seed,
    /// The epoch asked for last, of all copies. It saves time and changes no result.
    last: Arc<Mutex<Option<Epoch>>>,
}

/// The number of an epoch, and its images in their order.
type Epoch = (u64, Arc<Vec<usize>>);

impl BatchOrder {
    /// Batches of `batch` of `n` images; `seed` is the address of the order.
    ///
    /// # Errors
    /// If `batch` is 0 or larger than `n`.
    pub fn new(n: usize, batch: usize, seed: Seed) -> Result<Self> {
        if batch == 0 || batch > n {
            return Err(Error::Config(format!(
                "a batch of {batch} images: must be 1 to {n}, the number of training images"
            )));
        }
        Ok(BatchOrder { n, batch, sampling: Sampling::Epochs, seed, last: Arc::default() })
    }

    /// The same with images drawn otherwise; a batch of [`Sampling::All`] is of all images.
    #[must_use]
    pub fn sampled(self, sampling: Sampling) -> Self {
        let batch = if sampling == Sampling::All { self.n } else { self.batch };
        BatchOrder { batch, sampling, ..self }
    }

    /// Number of images in an epoch.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of images in a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The images of step `step` (from 0), (batch).
    pub fn indices(&self, step: u64) -> Vec<usize> {
        match self.sampling {
            Sampling::Epochs => self.dealt(step),
            Sampling::Replacement => self.drawn(self.seed.child("replacement").index(step)),
            Sampling::All => (0..self.n).collect(),
        }
    }

    /// Images by themselves, with replacement, (batch).
    fn drawn(&self, address: Seed) -> Vec<usize> {
        let mut rng = address.rng();
        (0..self.batch).map(|_| rng.below(self.n)).collect()
    }

    fn dealt(&self, step: u64) -> Vec<usize> {
        let position = u128::from(step) * self.batch as u128;
        // At most `step`, because a batch is at most an epoch.
        let epoch = (position / self.n as u128) as u64;
        let start = (position % self.n as u128) as usize;
        let mut indices = Vec::with_capacity(self.batch);
        let end = self.n.min(start + self.batch);
        indices.extend_from_slice(&self.permutation(epoch)[start..end]);
        let rest = self.batch - indices.len();
        if rest > 0 {
            indices.extend_from_slice(&self.permutation(epoch + 1)[..rest]);
        }
        indices
    }

    /// The images that are not in the batch of step `step`, in a random order: what is evaluated beside it takes these first.
    pub fn others(&self, step: u64) -> Vec<usize> {
        let mut own = vec![false; self.n];
        self.indices(step).into_iter().for_each(|image| own[image] = true);
        let mut others: Vec<usize> = (0..self.n).filter(|image| !own[*image]).collect();
        self.seed.child("beside").index(step).rng().shuffle(&mut others);
        others
    }

    /// The images of batch `number` (from 0) beside that of step `step`, (batch); `others` are those of
    /// [`BatchOrder::others`]. By epochs they are all different, and as many batches as the others fill have no image in
    /// common; the next are drawn from all images, each by itself. With replacement each image is drawn by itself.
    pub fn beside(&self, step: u64, others: &[usize], number: usize) -> Vec<usize> {
        match self.sampling {
            Sampling::Epochs => {}
            Sampling::Replacement => {
                let step = self.seed.child("replacement").index(step);
                return self.drawn(step.child("beside").index(number as u64));
            }
            Sampling::All => return self.indices(step),
        }
        if let Some(batch) = others.chunks_exact(self.batch).nth(number) {
            return batch.to_vec();
        }
        let mut rng = self.seed.child("beside").index(step).index(number as u64).rng();
        let mut images = rng.choose(self.n, self.batch);
        rng.shuffle(&mut images);
        images
    }

    fn permutation(&self, epoch: u64) -> Arc<Vec<usize>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, order)) = last.as_ref().filter(|(cached, _)| *cached == epoch) {
            return Arc::clone(order);
        }
        let mut order: Vec<usize> = (0..self.n).collect();
        self.seed.index(epoch).rng().shuffle(&mut order);
        let order = Arc::new(order);
        *last = Some((epoch, Arc::clone(&order)));
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(n: usize, batch: usize, seed: u64) -> BatchOrder {
        BatchOrder::new(n, batch, Seed::new(seed)).unwrap()
    }

    #[test]
    fn each_image_comes_once_an_epoch_also_where_batches_straddle() {
        for (n, batch) in [(12, 4), (10, 4), (7, 7), (7, 6), (5, 1)] {
            let order = order(n, batch, 3);
            let dealt: Vec<usize> = (0..n as u64).flat_map(|step| order.indices(step)).collect();
            // n steps of `batch` are `batch` whole epochs.
            assert_eq!(dealt.len(), n * batch);
            let epochs: Vec<&[usize]> = dealt.chunks_exact(n).collect();
            for epoch in &epochs {
                let mut sorted = epoch.to_vec();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>(), "n {n}, batch {batch}");
            }
            assert!(batch == 1 || epochs.windows(2).any(|w| w[0] != w[1]), "each epoch has an order of its own");
        }
    }

    #[test]
    fn a_step_has_the_same_batch_whatever_was_asked_before() {
        let forward = order(10, 4, 3);
        let batches: Vec<Vec<usize>> = (0..20).map(|step| forward.indices(step)).collect();
        let backward = order(10, 4, 3);
        (0..20).rev().for_each(|step| assert_eq!(backward.indices(step), batches[step as usize]));
        (0..20).for_each(|step| assert_eq!(order(10, 4, 3).indices(step), batches[step as usize]));
        assert_ne!(order(10, 4, 4).indices(0), batches[0]);
    }

    #[test]
    fn the_order_of_an_epoch_is_the_shuffle_at_its_address() {
        let mut expected: Vec<usize> = (0..10).collect();
        Seed::new(3).index(1).rng().shuffle(&mut expected);
        assert_eq!(order(10, 5, 3).indices(2), expected[..5]);
        // The golden value: a change is a change of every result.
        assert_eq!(order(10, 4, 3).indices(0), GOLDEN);
    }
    const GOLDEN: [usize; 4] = [1, 2, 3, 8];

    #[test]
    fn the_last_step_there_is_still_has_its_batch() {
        assert_eq!(order(1, 1, 1).indices(u64::MAX), [0]);
        // 2^64 - 1 is a multiple of 15, so the last step starts an epoch.
        let mut expected: Vec<usize> = (0..15).collect();
        Seed::new(1).index(u64::MAX / 15 * 14).rng().shuffle(&mut expected);
        assert_eq!(order(15, 14, 1).indices(u64::MAX), expected[..14]);
    }

    #[test]
    fn a_batch_of_nothing_or_of_more_than_there_is_is_an_error() {
        for (n, batch) in [(10, 0), (10, 11), (0, 1)] {
            let message = BatchOrder::new(n, batch, Seed::new(1)).unwrap_err().to_string();
            assert_eq!(message, format!("a batch of {batch} images: must be 1 to {n}, the number of training images"));
        }
    }

    #[test]
    fn batches_beside_one_another_share_no_image_while_images_last() {
        // 23 images: the step's own 5, and three batches of 5 of the other 18.
        let order = order(23, 5, 3);
        let mut orders = Vec::new();
        for step in [0, 1, 7] {
            let others = order.others(step);
            assert_eq!(others, order.others(step));
            let mut seen = order.indices(step);
            (0..3).for_each(|number| seen.extend(order.beside(step, &others, number)));
            assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 20, "step {step}: {seen:?}");
            let more: Vec<Vec<usize>> = (3..6).map(|number| order.beside(step, &others, number)).collect();
            for batch in &more {
                assert_eq!(batch.iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "{batch:?}");
            }
            assert!(more[0] != more[1] && more[1] != more[2] && more[0] != order.beside(step + 1, &others, 3));
            orders.push(others);
        }
        assert!(orders[0] != orders[1] && orders[1] != orders[2]);
        // A batch of all images leaves none.
        let whole = BatchOrder::new(5, 5, Seed::new(1)).unwrap();
        assert!(whole.others(0).is_empty());
        let mut all = whole.beside(0, &[], 0);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn with_replacement_each_image_is_drawn_by_itself() {
        let (n, batch, steps) = (50, 20, 4_000);
        let order = order(n, batch, 3).sampled(Sampling::Replacement);
        let (mut counts, mut repeated) = (vec![0usize; n], 0);
        for step in 0..steps {
            let indices = order.indices(step);
            assert_eq!((indices.len(), &indices), (batch, &order.clone().indices(step)));
            indices.iter().for_each(|image| counts[*image] += 1);
            repeated += batch - indices.iter().collect::<std::collections::BTreeSet<_>>().len();
        }
        // Binomial(80,000, 1/50): standard deviation 40.
        assert!(counts.iter().all(|count| count.abs_diff(1_600) < 170), "{counts:?}");
        // 20 - 50 (1 - 0.98^20) = 3.38 repeated images a batch, where by epochs there are none.
        assert!((repeated as f64 / steps as f64 - 3.38).abs() < 0.1, "{repeated}");
        let others = order.others(5);
        assert!(order.beside(5, &others, 0) != order.beside(5, &others, 1));
        assert_ne!(order.beside(5, &others, 0), order.indices(5));
        assert_ne!(order.indices(1), order.indices(2));
        // Other batch sizes and epochs do not move with it.
        assert_eq!(super::BatchOrder::new(10, 4, Seed::new(3)).unwrap().indices(0), GOLDEN);
    }

    #[test]
    fn a_batch_of_all_is_the_same_in_every_step() {
        let order = order(7, 3, 1).sampled(Sampling::All);
        assert_eq!((order.batch(), order.indices(0)), (7, vec![0, 1, 2, 3, 4, 5, 6]));
        assert_eq!(order.indices(u64::MAX), order.indices(0));
        assert!(order.others(4).is_empty());
        assert_eq!(order.beside(4, &[], 2), order.indices(0));
    }
}
