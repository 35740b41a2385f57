//! The images that regions are measured at, and which of them belong together: drawn from the seed alone, so that all
//! learners and moments are measured at the same.

use crate::estimator::regions::{predicted, Classifier};
use crate::rng::Seed;

/// Test images, normalised.
#[derive(Clone, Copy)]
pub(super) struct Images<'a> {
    /// (n, D).
    pub values: &'a [f32],
    /// (n).
    pub labels: &'a [u32],
}

impl<'a> Images<'a> {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Values of one image.
    pub fn dimension(&self) -> usize {
        self.values.len() / self.len()
    }

    /// One image.
    pub fn row(&self, i: usize) -> &'a [f32] {
        &self.values[i * self.dimension()..(i + 1) * self.dimension()]
    }

    /// Some images, one behind the other.
    pub fn rows(&self, places: impl IntoIterator<Item = usize>) -> Vec<f32> {
        places.into_iter().flat_map(|i| self.row(i).iter().copied()).collect()
    }

    /// The first `most` images.
    pub fn first(&self, most: usize) -> Images<'a> {
        let n = self.len().min(most);
        Images { values: &self.values[..n * self.dimension()], labels: &self.labels[..n] }
    }

    /// Those that a classifier gives their own class.
    pub fn correct(&self, classifier: &dyn Classifier) -> Vec<usize> {
        let classes = predicted(&classifier.logits(self.values), classifier.classes());
        (0..self.len()).filter(|i| classes[*i] == self.labels[*i]).collect()
    }

    /// One of the images of the class of image `i`, but not `i`, or of the other classes; `None` where there is none.
    pub fn partner(&self, i: usize, same: bool, seed: Seed) -> Option<usize> {
        let others: Vec<usize> =
            (0..self.len()).filter(|j| *j != i && (self.labels[*j] == self.labels[i]) == same).collect();
        (!others.is_empty()).then(|| others[seed.rng().below(others.len())])
    }

    /// So many pairs of one class or of two, as far as there are any.
    pub fn pairs(&self, same: bool, count: usize, seed: Seed) -> Vec<[usize; 2]> {
        let seed = seed.child(if same { "same" } else { "other" });
        let pair = |k: u64| {
            let i = seed.index(k).child("first").rng().below(self.len());
            Some([i, self.partner(i, same, seed.index(k).child("second"))?])
        };
        (0..count as u64).filter_map(pair).collect()
    }

    /// So many times two images of one class and one of another.
    pub fn triplets(&self, count: usize, seed: Seed) -> Vec<[usize; 3]> {
        let triplet = |k: u64| {
            let i = seed.index(k).child("first").rng().below(self.len());
            let second = self.partner(i, true, seed.index(k).child("second"))?;
            Some([i, second, self.partner(i, false, seed.index(k).child("third"))?])
        };
        (0..count as u64).filter_map(triplet).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_triplets_have_the_classes_asked_for_and_depend_on_the_seed_alone() {
        let labels: Vec<u32> = (0..60).map(|i| i * i % 5).collect();
        let values: Vec<f32> = (0..120).map(|i| i as f32).collect();
        let images = Images { values: &values, labels: &labels };
        assert_eq!(images.rows([2, 0]), [4.0, 5.0, 0.0, 1.0]);
        for same in [true, false] {
            let pairs = images.pairs(same, 40, Seed::new(1));
            assert!(pairs.iter().all(|[a, b]| a != b && (labels[*a] == labels[*b]) == same));
            assert_eq!((pairs.len(), &pairs[..10]), (40, &images.pairs(same, 10, Seed::new(1))[..]));
        }
        let triplets = images.triplets(40, Seed::new(2));
        assert!(triplets.iter().all(|[a, b, c]| a != b && labels[*a] == labels[*b] && labels[*a] != labels[*c]));
        let one = Images { values: &values[..4], labels: &[3, 3] };
        assert!(one.pairs(false, 5, Seed::new(1)).is_empty() && one.triplets(5, Seed::new(1)).is_empty());
    }
}
