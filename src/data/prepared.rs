//! What learners get: a data set split into training, validation and test part, normalised as it is read out.

use std::ops::Range;

use super::corruption::{corrupt, Corrupted};
use super::{Augmentation, Images, Labelled};
use crate::error::{Error, Result};
use crate::params::Amount;
use crate::rng::Seed;

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// What learners see.
    Train,
    /// What models are selected on; taken from the training part of the data set.
    Validation,
    /// What is reported and never chosen by.
    Test,
}

/// Images as a network takes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// (b, c, h, w), normalised per channel.
    pub images: Vec<f32>,
    /// (b), each below the number of classes.
    pub labels: Vec<u32>,
    /// Images, channels, height, width.
    pub shape: [usize; 4],
    /// Part of the data set and indices (b) of the images; `None` for images that are not as they stand in a data set.
    pub places: Option<(Split, Vec<u32>)>,
    /// Address of the step's noise, as for dropout; `None` in evaluation.
    pub noise: Option<Seed>,
}

/// A data set in memory, as bytes. Each channel is normalised by mean and standard deviation of its pixels / 255 over the
/// training images alone, without those held out for validation.
pub struct Data {
    name: String,
    shape: [usize; 3],
    classes: usize,
    parts: [Labelled; 3],
    /// The true classes of the training images, where their labels are noisy.
    true_labels: Option<Vec<u8>>,
    mean: Vec<f64>,
    std: Vec<f64>,
    /// For each channel the normalised value of each byte.
    tables: Vec<Table>,
}

impl Data {
    /// Holds `validation` images of the training part out, drawn at random by `seed`; both parts keep their order.
    ///
    /// # Errors
    /// If nothing is held out or nothing is left to train on, or if `images` contradict themselves.
    pub fn split(name: &str, images: Images, validation: Amount, seed: Seed) -> Result<Data> {
        images.check(name)?;
        let Images { train, test, shape, classes } = images;
        let n = train.labels.len();
        let held_out = match validation {
            Amount::Count(count) => count,
            fraction => fraction.of(n),
        };
        if held_out == 0 || held_out >= n {
            let written = match validation {
                Amount::Count(count) => count.to_string(),
                Amount::Fraction(fraction) => format!("{fraction:?} (a share)"),
            };
            return Err(Error::data(
                name,
                format!("validation = {written} holds {held_out} of {n} training images out: must be 1 to {}", n - 1),
            ));
        }
        let chosen = seed.child("validation").rng().choose(n, held_out);
        let (train, validation) = train.hold_out(&chosen, shape.iter().product());
        let (mean, std) = moments(&train.pixels, shape);
        let tables = mean.iter().zip(&std).map(|(mean, std)| table(*mean, *std)).collect();
        let parts = [train, validation, test];
        Ok(Data { name: name.to_string(), shape, classes, parts, true_labels: None, mean, std, tables })
    }

    /// Replaces each training label, with probability `noise`, by one drawn uniformly from all classes, its own among them
    /// (Zhang et al. 2017): a share `1 - noise + noise / classes` stays true. Validation and test labels are left.
    ///
    /// Training image i draws at address i below `seed`, the same at any noise: what is replaced under less noise is
    /// replaced by the same class under more.
    #[must_use]
    pub fn with_label_noise(mut self, noise: f64, seed: Seed) -> Data {
        let classes = self.classes;
        let labels = &mut self.parts[Split::Train as usize].labels;
        let true_labels = labels.clone();
        for (i, label) in labels.iter_mut().enumerate() {
            let mut rng = seed.index(i as u64).rng();
            if f64::from(rng.uniform()) < noise {
                *label = rng.below(classes) as u8;
            }
        }
        self.true_labels = Some(true_labels);
        self
    }

    /// The data set's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Channels, height and width of an image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Mean of the training pixels / 255, (c).
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Standard deviation of the training pixels / 255, (c); 1 for a channel that is constant.
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// Number of images; no part is empty.
    pub fn len(&self, split: Split) -> usize {
        self.labels(split).len()
    }

    /// The classes, (n).
    pub fn labels(&self, split: Split) -> &[u8] {
        &self.part(split).labels
    }

    /// The true classes, (n): [`Data::labels`], but for training images with noisy labels.
    pub fn true_labels(&self, split: Split) -> &[u8] {
        match (&self.true_labels, split) {
            (Some(labels), Split::Train) => labels,
            _ => self.labels(split),
        }
    }

    /// Whether labels of training images were drawn ([`Data::with_label_noise`]).
    pub fn has_label_noise(&self) -> bool {
        self.true_labels.is_some()
    }

    /// The images at `indices`, in that order.
    ///
    /// # Panics
    /// If an index is not below `len(split)`.
    pub fn gather(&self, split: Split, indices: &[usize]) -> Batch {
        self.batch(split, indices.len(), indices.iter().copied())
    }

    /// The training images at `indices`, in that order, each augmented by the stream at its own place below `seed`.
    ///
    /// # Panics
    /// If an index is not below `len(Split::Train)`.
    pub fn augmented(&self, indices: &[usize], augmentation: &dyn Augmentation, seed: Seed) -> Batch {
        let mut changed = vec![0; self.shape.iter().product()];
        let batch = self.collect(Split::Train, indices.len(), indices.iter().copied(), |i, pixels, tables, out| {
            augmentation.apply(pixels, self.shape, &mut seed.index(i as u64).rng(), &mut changed);
            normalise(&changed, tables, out);
        });
        Batch { places: None, ..batch }
    }

    /// The test images of a range of indices, each corrupted by the stream at its own index below `seed`, whatever the
    /// range is.
    ///
    /// # Panics
    /// If the range ends beyond `len(Split::Test)`.
    pub fn corrupted(&self, range: Range<usize>, corrupted: &Corrupted, seed: Seed) -> Batch {
        let first = range.start;
        let plane = self.shape[1] * self.shape[2];
        let mut changed = vec![0.0; self.shape.iter().product()];
        let batch = self.collect(Split::Test, range.len(), range, |i, pixels, _, out| {
            let mut rng = seed.index((first + i) as u64).rng();
            corrupt(corrupted, pixels, self.shape, &mut rng, &mut changed);
            let channels = out.chunks_exact_mut(plane).zip(changed.chunks_exact(plane));
            for ((out, changed), (mean, std)) in channels.zip(self.mean.iter().zip(&self.std)) {
                out.iter_mut().zip(changed).for_each(|(x, pixel)| *x = normalised(*pixel, *mean, *std));
            }
        });
        Batch { places: None, ..batch }
    }

    /// The images of a range of indices.
    ///
    /// # Panics
    /// If the range ends beyond `len(split)`.
    pub fn range(&self, split: Split, range: Range<usize>) -> Batch {
        self.batch(split, range.len(), range)
    }

    fn part(&self, split: Split) -> &Labelled {
        &self.parts[split as usize]
    }

    fn batch(&self, split: Split, b: usize, indices: impl Iterator<Item = usize>) -> Batch {
        self.collect(split, b, indices, |_, pixels, tables, out| normalise(pixels, tables, out))
    }

    /// A batch of `b` images; `write` gets place, bytes and tables of each, and where its values go.
    fn collect(
        &self,
        split: Split,
        b: usize,
        indices: impl Iterator<Item = usize>,
        mut write: impl FnMut(usize, &[u8], &[Table], &mut [f32]),
    ) -> Batch {
        let part = self.part(split);
        let [c, h, w] = self.shape;
        let length = c * h * w;
        let mut images = vec![0.0; b * length];
        let mut labels = Vec::with_capacity(b);
        let mut places = Vec::with_capacity(b);
        for ((i, out), index) in images.chunks_exact_mut(length).enumerate().zip(indices) {
            labels.push(u32::from(part.labels[index]));
            places.push(index as u32);
            write(i, &part.pixels[index * length..][..length], &self.tables, out);
        }
        Batch { images, labels, shape: [b, c, h, w], places: Some((split, places)), noise: None }
    }
}

/// Mean and standard deviation of each channel's pixels / 255, from exact counts of the 256 values.
fn moments(pixels: &[u8], [c, h, w]: [usize; 3]) -> (Vec<f64>, Vec<f64>) {
    let mut counts = vec![[0u64; 256]; c];
    for (i, plane) in pixels.chunks_exact(h * w).enumerate() {
        plane.iter().for_each(|pixel| counts[i % c][usize::from(*pixel)] += 1);
    }
    let moments = |counts: &[u64; 256]| {
        let n = counts.iter().sum::<u64>() as f64;
        let average = |f: &dyn Fn(f64) -> f64| {
            counts.iter().enumerate().map(|(value, count)| *count as f64 * f(value as f64 / 255.0)).sum::<f64>() / n
        };
        let mean = average(&|x| x);
        let std = average(&|x| (x - mean).powi(2)).sqrt();
        // A channel whose pixels are all equal leaves rounding errors only; it is centred and not scaled.
        (mean, if std < 1e-9 { 1.0 } else { std })
    };
    counts.iter().map(moments).unzip()
}

/// The normalised value of each byte.
type Table = [f32; 256];

/// The values of an image (c, h, w) of bytes, with one table for each channel.
fn normalise(pixels: &[u8], tables: &[Table], out: &mut [f32]) {
    let plane = pixels.len() / tables.len();
    let channels = out.chunks_exact_mut(plane).zip(pixels.chunks_exact(plane)).zip(tables);
    for ((out, pixels), table) in channels {
        out.iter_mut().zip(pixels).for_each(|(x, pixel)| *x = table[usize::from(*pixel)]);
    }
}

fn table(mean: f64, std: f64) -> Table {
    std::array::from_fn(|value| normalised(value as f64 / 255.0, mean, std))
}

/// The value of a pixel of 0 to 1.
fn normalised(pixel: f64, mean: f64, std: f64) -> f32 {
    ((pixel - mean) / std) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` images of 2 channels of 1x2; image i has the bytes 4 i .. 4 i + 4 and the label i mod 3.
    fn counted(n: usize) -> Labelled {
        Labelled { pixels: (0..4 * n).map(|i| i as u8).collect(), labels: (0..n).map(|i| (i % 3) as u8).collect() }
    }

    fn images() -> Images {
        Images { train: counted(20), test: counted(2), shape: [2, 1, 2], classes: 3 }
    }

    fn split(images: Images, validation: Amount) -> Result<Data> {
        Data::split("set", images, validation, Seed::new(1))
    }

    #[test]
    fn validation_and_training_images_together_are_the_training_part() {
        let data = split(images(), Amount::Fraction(0.39)).unwrap();
        assert_eq!((data.len(Split::Train), data.len(Split::Validation), data.len(Split::Test)), (13, 7, 2));
        assert_eq!((data.name(), data.shape(), data.classes()), ("set", [2, 1, 2], 3));
        let first = |part: &Labelled| part.pixels.chunks_exact(4).map(|p| p[0] / 4).collect::<Vec<u8>>();
        let [train, validation, _] = &data.parts;
        for part in [train, validation] {
            let numbers = first(part);
            assert!(numbers.windows(2).all(|w| w[0] < w[1]), "each part keeps its order: {numbers:?}");
            for (image, number) in part.pixels.chunks_exact(4).zip(&numbers) {
                assert_eq!(image, [4 * number, 4 * number + 1, 4 * number + 2, 4 * number + 3]);
            }
            assert_eq!(part.labels, numbers.iter().map(|i| i % 3).collect::<Vec<u8>>());
        }
        let mut all = [first(train), first(validation)].concat();
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<u8>>());
    }

    #[test]
    fn the_seed_draws_the_validation_images() {
        let held_out = |seed| {
            let data = Data::split("set", images(), Amount::Count(7), Seed::new(seed)).unwrap();
            data.parts[1].pixels.clone()
        };
        assert_eq!(held_out(1), held_out(1));
        assert_ne!(held_out(1), held_out(2));
    }

    #[test]
    fn each_channel_of_the_training_images_has_mean_zero_and_deviation_one() {
        let data = split(images(), Amount::Count(7)).unwrap();
        let batch = data.range(Split::Train, 0..13);
        assert_eq!(batch.shape, [13, 2, 1, 2]);
        for channel in 0..2 {
            let values: Vec<f64> =
                batch.images.chunks_exact(2).skip(channel).step_by(2).flatten().map(|x| f64::from(*x)).collect();
            assert_eq!(values.len(), 26);
            let mean = values.iter().sum::<f64>() / 26.0;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 26.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
        }
    }

    #[test]
    fn gather_takes_images_in_the_order_asked_for_from_the_part_asked_for() {
        let data = split(images(), Amount::Count(7)).unwrap();
        let (mean, std) = (data.mean(), data.std());
        assert!((mean[1] - mean[0] - 2.0 / 255.0).abs() < 1e-12 && (std[0] - std[1]).abs() < 1e-12);
        let batch = data.gather(Split::Test, &[1, 0, 1]);
        assert_eq!((batch.shape, batch.labels), ([3, 2, 1, 2], vec![1, 0, 1]));
        let bytes = [4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7];
        for (i, (x, byte)) in batch.images.iter().zip(bytes).enumerate() {
            let channel = i / 2 % 2;
            let expected = (f64::from(byte) / 255.0 - mean[channel]) / std[channel];
            assert!((f64::from(*x) - expected).abs() < 1e-6, "{i}");
        }
        assert_eq!(data.range(Split::Validation, 2..5), data.gather(Split::Validation, &[2, 3, 4]));
        assert_eq!(data.range(Split::Validation, 2..2).shape, [0, 2, 1, 2]);
    }

    #[test]
    fn a_constant_channel_becomes_zero() {
        let part = |n: usize| Labelled { pixels: vec![77; n], labels: vec![0; n] };
        let data = split(Images { train: part(9), test: part(1), shape: [1, 1, 1], classes: 1 }, Amount::Count(1));
        let data = data.unwrap();
        assert_eq!(data.std(), [1.0]);
        assert!(data.range(Split::Train, 0..8).images.iter().all(|x| x.abs() < 1e-6));
    }

    #[test]
    fn corrupted_images_are_those_of_the_test_part_normalised_afterwards() {
        let data = split(images(), Amount::Count(7)).unwrap();
        let halved = |image: &[u8], _: [usize; 3], _: &mut crate::rng::Rng, out: &mut [f64]| {
            out.iter_mut().zip(image).for_each(|(out, byte)| *out = 0.5 * f64::from(*byte) / 255.0);
        };
        let batch = data.corrupted(1..2, &halved, Seed::new(1));
        assert_eq!((batch.shape, &batch.labels[..], batch.places), ([1, 2, 1, 2], &[1][..], None));
        // Test image 1 has the bytes 4 to 7, two in each channel.
        for (i, (x, byte)) in batch.images.iter().zip([4.0, 5.0, 6.0, 7.0]).enumerate() {
            let expected = (byte / 510.0 - data.mean()[i / 2]) / data.std()[i / 2];
            assert!((f64::from(*x) - expected).abs() < 1e-6, "{i}");
        }
        let nothing = |image: &[u8], _: [usize; 3], _: &mut crate::rng::Rng, out: &mut [f64]| {
            out.iter_mut().zip(image).for_each(|(out, byte)| *out = f64::from(*byte) / 255.0);
        };
        let clean = data.range(Split::Test, 0..2);
        assert_eq!(data.corrupted(0..2, &nothing, Seed::new(1)).images, clean.images, "to the bit");
    }

    #[test]
    fn an_image_is_corrupted_alike_whatever_is_read_beside_it() {
        let data = split(images(), Amount::Count(7)).unwrap();
        let noise = |_: &[u8], _: [usize; 3], rng: &mut crate::rng::Rng, out: &mut [f64]| {
            out.iter_mut().for_each(|x| *x = f64::from(rng.uniform()));
        };
        let both = data.corrupted(0..2, &noise, Seed::new(1)).images;
        assert_eq!(both[4..], data.corrupted(1..2, &noise, Seed::new(1)).images);
        assert_ne!(both[4..], data.corrupted(1..2, &noise, Seed::new(2)).images);
        assert_ne!(both[..4], both[4..]);
    }

    /// 20,000 training images of one pixel in 10 classes, in turn.
    fn ten_classes() -> Data {
        let part = |n: usize| Labelled {
            pixels: (0..n).map(|i| i as u8).collect(),
            labels: (0..n).map(|i| (i % 10) as u8).collect(),
        };
        let images = Images { train: part(20_100), test: part(10), shape: [1, 1, 1], classes: 10 };
        split(images, Amount::Count(100)).unwrap()
    }

    #[test]
    fn noisy_labels_are_uniform_over_all_classes_and_the_true_ones_are_kept() {
        let clean = ten_classes();
        assert!(!clean.has_label_noise() && clean.true_labels(Split::Train) == clean.labels(Split::Train));
        for noise in [0.4, 1.0] {
            let noisy = ten_classes().with_label_noise(noise, Seed::new(0));
            assert!(noisy.has_label_noise());
            assert_eq!(noisy.true_labels(Split::Train), clean.labels(Split::Train));
            for split in [Split::Validation, Split::Test] {
                assert_eq!(noisy.labels(split), clean.labels(split));
                assert_eq!(noisy.true_labels(split), clean.labels(split));
            }
            let pairs = || noisy.labels(Split::Train).iter().zip(clean.labels(Split::Train));
            // Agreement is 1 - p + p / 10; five standard deviations of a share of 20,000.
            let within = |share: f64, p: f64| (share - p).abs() < 5.0 * (p * (1.0 - p) / 20_000.0).sqrt();
            let agree = pairs().filter(|(noisy, clean)| noisy == clean).count() as f64 / 20_000.0;
            assert!(within(agree, 1.0 - 0.9 * noise), "{noise}: {agree}");
            for step in 1..10 {
                let moved = pairs().filter(|(noisy, clean)| **noisy == (**clean + step) % 10).count() as f64;
                assert!(within(moved / 20_000.0, 0.1 * noise), "{noise}: {moved} by {step}");
            }
            assert_eq!(noisy.range(Split::Train, 3..4).labels, [u32::from(noisy.labels(Split::Train)[3])]);
        }
    }

    #[test]
    fn more_noise_leaves_what_less_has_replaced() {
        let labels = |noise| ten_classes().with_label_noise(noise, Seed::new(0)).labels(Split::Train).to_vec();
        let (clean, some, more) = (labels(0.0), labels(0.2), labels(0.6));
        assert_eq!(clean, ten_classes().labels(Split::Train));
        let replaced = some.iter().zip(&clean).filter(|(a, b)| a != b).count();
        assert!(replaced > 3_000);
        assert!(some.iter().zip(&clean).zip(&more).all(|((some, clean), more)| some == clean || some == more));
    }

    #[test]
    fn a_validation_part_of_nothing_or_everything_is_an_error() {
        let check = |validation, words: &str| {
            let message = split(images(), validation).err().map(|error| error.to_string());
            assert_eq!(message.unwrap(), format!("set: validation = {words}: must be 1 to 19"));
        };
        check(Amount::Count(0), "0 holds 0 of 20 training images out");
        check(Amount::Count(20), "20 holds 20 of 20 training images out");
        check(Amount::Count(5000), "5000 holds 5000 of 20 training images out");
        check(Amount::Fraction(0.04), "0.04 (a share) holds 0 of 20 training images out");
        check(Amount::Fraction(1.0), "1.0 (a share) holds 20 of 20 training images out");
        assert!(split(images(), Amount::Count(19)).is_ok());
    }

    #[test]
    fn images_that_contradict_themselves_are_errors() {
        let check = |change: &dyn Fn(&mut Images), words: &str| {
            let mut images = images();
            change(&mut images);
            let message = split(images, Amount::Count(1)).err().map(|error| error.to_string());
            assert_eq!(message.unwrap(), format!("set: {words}"));
        };
        check(&|x| x.test.labels[1] = 3, "label of test image 1: expected a class below 3, found 3");
        check(&|x| x.train.pixels.truncate(79), "training pixels: expected 20 labels x 2x1x2 bytes, found 79 bytes");
        check(&|x| x.test = Labelled::default(), "the test part has no images");
        check(&|x| x.shape = [2, 0, 2], "image shape 2x0x2: expected channels, height and width of at least 1");
        check(
            &|x| x.shape = [usize::MAX, 2, 1],
            "image shape 18446744073709551615x2x1: expected channels, height and width of at least 1",
        );
    }
}
