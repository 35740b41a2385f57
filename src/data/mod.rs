//! Data sets: where images come from, how they are split and normalised, which of them make the batch of a step, how they
//! are augmented, and how test images are corrupted.

pub mod augmentation;
mod batch_order;
mod cifar;
pub mod corruption;
mod embedded;
mod folder;
mod idx;
mod images;
mod prepared;
mod read;
mod synthetic;

use std::path::Path;

pub use augmentation::Augmentation;
pub use batch_order::{BatchOrder, Sampling};
pub use corruption::Corruption;
pub use folder::set_folder;
pub use images::{Images, Labelled};
pub use prepared::{Batch, Data, Split};

use crate::entry::Entry;
use crate::error::Result;

/// Where a data set comes from.
pub trait DataSource: Send + Sync {
    /// Channels, height and width of an image; known without reading anything.
    fn shape(&self) -> [usize; 3];

    /// Number of classes; known without reading anything.
    fn classes(&self) -> usize;

    /// Number of training images, validation included; known without reading anything.
    fn training_images(&self) -> usize;

    /// Reads the whole set into memory. `data_dir` is the folder that holds one folder per set; without it,
    /// [`set_folder`] says where sets are looked for. Sources that need no files ignore it.
    ///
    /// # Errors
    /// If files are missing, damaged or not those of this set.
    fn load(&self, data_dir: Option<&Path>) -> Result<Images>;
}

/// Alphabetical. One row a set; the sets of one format share a file.
pub const ENTRIES: &[Entry<dyn DataSource>] =
    &[cifar::CIFAR10, cifar::CIFAR100, idx::FASHION_MNIST, embedded::ENTRY, idx::KMNIST, idx::MNIST, synthetic::ENTRY];
