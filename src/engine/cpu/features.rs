//! Activations kept for the whole data set: computed when an image is first seen, read from then on.

use std::collections::hash_map::Entry;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::data::{Batch, Split};
use crate::plan::Precision;

/// What is kept of the images of a data set.
#[derive(Debug)]
pub struct Features {
    /// Values of one image for each of the kept nodes.
    lengths: Vec<usize>,
    store: Mutex<Store>,
}

#[derive(Debug)]
struct Store {
    /// Where an image stands.
    places: HashMap<(Split, u32), usize>,
    /// For each kept node the values of all images seen.
    nodes: Vec<Values>,
    /// Time spent on computing them.
    filling: Duration,
}

#[derive(Debug)]
enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
}

impl Values {
    fn new(precision: Precision, capacity: usize) -> Self {
        match precision {
            Precision::F32 => Values::F32(Vec::with_capacity(capacity)),
            Precision::F16 => Values::F16(Vec::with_capacity(capacity)),
        }
    }

    fn push(&mut self, values: &[f32]) {
        match self {
            Values::F32(all) => all.extend_from_slice(values),
            Values::F16(all) => {
                let start = all.len();
                all.resize(start + values.len(), f16::ZERO);
                all[start..].convert_from_f32_slice(values);
            }
        }
    }

    fn read(&self, place: usize, out: &mut [f32]) {
        let range = place * out.len()..(place + 1) * out.len();
        match self {
            Values::F32(all) => out.copy_from_slice(&all[range]),
            Values::F16(all) => all[range].convert_to_f32_slice(out),
        }
    }
}

impl Features {
    /// Room for nodes of `lengths` values an image, of `images` images.
    pub fn new(lengths: Vec<usize>, images: usize, precision: Precision) -> Self {
        let nodes = lengths.iter().map(|length| Values::new(precision, length * images)).collect();
        let store = Store { places: HashMap::new(), nodes, filling: Duration::ZERO };
        Features { lengths, store: Mutex::new(store) }
    }

    /// For each kept node the values (batch, length) of a batch. `compute` gives them for the images at some places of it.
    pub fn gather(&self, batch: &Batch, compute: impl Fn(&[usize]) -> Vec<Vec<f32>>) -> Vec<Vec<f32>> {
        let all: Vec<usize> = (0..batch.labels.len()).collect();
        let kept = batch.places.as_ref().filter(|(split, _)| *split != Split::Test);
        let Some((split, indices)) = kept else {
            // Test images are seen too rarely to be worth their memory; they are rounded as those that are kept.
            return compute(&all).into_iter().map(|values| self.rounded(values)).collect();
        };
        let is_missing = |store: &Store, i: &usize| !store.places.contains_key(&(*split, indices[*i]));
        let missing: Vec<usize> = {
            let store = self.locked();
            all.into_iter().filter(|i| is_missing(&store, i)).collect()
        };
        let began = Instant::now();
        // Not under the lock: a thread that waits for others here may be given work that asks for the lock itself.
        let computed = if missing.is_empty() { Vec::new() } else { compute(&missing) };
        let mut store = self.locked();
        if !missing.is_empty() {
            let Store { places, nodes, .. } = &mut *store;
            for (row, i) in missing.iter().enumerate() {
                let next = places.len();
                // An image may stand twice in a batch, or have been computed by another thread.
                let Entry::Vacant(place) = places.entry((*split, indices[*i])) else { continue };
                place.insert(next);
                for ((values, computed), length) in nodes.iter_mut().zip(&computed).zip(&self.lengths) {
                    values.push(&computed[row * length..(row + 1) * length]);
                }
            }
            store.filling += began.elapsed();
        }
        let gathered = |(values, length): (&Values, &usize)| {
            let mut out = vec![0.0; indices.len() * length];
            for (index, out) in indices.iter().zip(out.chunks_exact_mut((*length).max(1))) {
                values.read(store.places[&(*split, *index)], out);
            }
            out
        };
        store.nodes.iter().zip(&self.lengths).map(gathered).collect()
    }

    /// Time spent on computing what is kept.
    pub fn filling(&self) -> Duration {
        self.locked().filling
    }

    fn locked(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rounded(&self, mut values: Vec<f32>) -> Vec<f32> {
        let store = self.locked();
        if matches!(store.nodes.first(), Some(Values::F16(_))) {
            values.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32());
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(indices: &[u32]) -> Batch {
        let images = indices.iter().map(|index| *index as f32 + 0.1).collect();
        let labels = vec![0; indices.len()];
        Batch {
            images,
            shape: [indices.len(), 1, 1, 1],
            labels,
            places: Some((Split::Train, indices.to_vec())),
            noise: None,
        }
    }

    /// Twice the image, and thrice and four times.
    fn compute(batch: &Batch, asked: &Mutex<Vec<usize>>, places: &[usize]) -> Vec<Vec<f32>> {
        asked.lock().unwrap().push(places.len());
        let image = |i: &usize| batch.images[*i];
        let both = |i: &usize| [3.0 * image(i), 4.0 * image(i)];
        vec![places.iter().map(|i| 2.0 * image(i)).collect(), places.iter().flat_map(both).collect()]
    }

    #[test]
    fn an_image_is_computed_once_and_stands_where_it_is_asked_for() {
        let features = Features::new(vec![1, 2], 10, Precision::F32);
        let asked = Mutex::new(Vec::new());
        for indices in [&[3u32, 1, 3][..], &[1, 7], &[7, 3]] {
            let batch = batch(indices);
            let found = features.gather(&batch, |places| compute(&batch, &asked, places));
            let all: Vec<usize> = (0..indices.len()).collect();
            assert_eq!(found, compute(&batch, &Mutex::new(Vec::new()), &all));
        }
        assert_eq!(*asked.lock().unwrap(), [3, 1], "images that were not seen before");
    }

    #[test]
    fn half_precision_rounds_what_is_kept_and_what_is_not() {
        let features = Features::new(vec![1], 10, Precision::F16);
        let mut of_set = batch(&[5]);
        let kept = features.gather(&of_set, |_| vec![vec![0.1]]);
        of_set.places = None;
        let fresh = features.gather(&of_set, |_| vec![vec![0.1]]);
        assert_eq!((kept[0][0], fresh[0][0]), (0.099_975_586, 0.099_975_586));
    }
}
