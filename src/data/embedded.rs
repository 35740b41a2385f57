//! The set inside the binary: the first 10,000 + 2,000 images of Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, MIT licence).

use std::path::{Path, PathBuf};

use super::idx::{IdxSet, FILES};
use super::read::{inflate, LIMIT};
use super::{DataSource, Images};
use crate::entry::Entry;
use crate::error::Result;

/// Works without any file or network.
pub(super) const ENTRY: Entry<dyn DataSource> = Entry {
    name: SET.name,
    summary: "built in: the first 10,000 + 2,000 images of Fashion-MNIST, 28x28, 10 classes",
    reference: "Xiao, Rasul & Vollgraf 2017",
    build: |_, _| Ok(Box::new(Embedded)),
};

/// In the order of [`FILES`].
const BYTES: [&[u8]; 4] = [
    include_bytes!("../../data/fashion-mnist-12k/train-images-idx3-ubyte.gz"),
    include_bytes!("../../data/fashion-mnist-12k/train-labels-idx1-ubyte.gz"),
    include_bytes!("../../data/fashion-mnist-12k/t10k-images-idx3-ubyte.gz"),
    include_bytes!("../../data/fashion-mnist-12k/t10k-labels-idx1-ubyte.gz"),
];

const SET: IdxSet = IdxSet { name: "fashion-mnist-12k", train: 10_000, test: 2_000 };

struct Embedded;

impl DataSource for Embedded {
    fn shape(&self) -> [usize; 3] {
        SET.shape()
    }

    fn classes(&self) -> usize {
        SET.classes()
    }

    fn training_images(&self) -> usize {
        SET.training_images()
    }

    fn load(&self, _data_dir: Option<&Path>) -> Result<Images> {
        SET.assemble(|i| {
            let path = PathBuf::from(format!("data/fashion-mnist-12k/{}.gz", FILES[i]));
            let bytes = inflate(&path, BYTES[i], LIMIT)?;
            Ok((path, bytes))
        })
    }
}
