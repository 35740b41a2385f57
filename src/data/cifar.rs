//! CIFAR-10 and CIFAR-100 in their binary version (Krizhevsky 2009): records of labels and 3 x 32 x 32 bytes, no header.

use std::path::{Path, PathBuf};

use super::folder::{find, missing, set_folder};
use super::read::{read, LIMIT};
use super::{DataSource, Images, Labelled};
use crate::entry::Entry;
use crate::error::{Error, Result};

const SHAPE: [usize; 3] = [3, 32, 32];
const IMAGE: usize = 3 * 32 * 32;

/// Ten classes.
pub(super) const CIFAR10: Entry<dyn DataSource> = Entry {
    name: "cifar10",
    summary: "photographs: 50,000 + 10,000 colour images of 32x32, 10 classes",
    reference: "Krizhevsky 2009",
    build: |_, _| Ok(Box::new(TEN)),
};

/// A hundred classes; the fine labels.
pub(super) const CIFAR100: Entry<dyn DataSource> = Entry {
    name: "cifar100",
    summary: "photographs: 50,000 + 10,000 colour images of 32x32, 100 classes (fine labels)",
    reference: "Krizhevsky 2009",
    build: |_, _| Ok(Box::new(HUNDRED)),
};

const TEN: Cifar = Cifar {
    name: "cifar10",
    subfolder: "cifar-10-batches-bin",
    train: &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    test: "test_batch.bin",
    train_records: 10_000,
    test_records: 10_000,
    labels: &[("label", 10)],
};

const HUNDRED: Cifar = Cifar {
    name: "cifar100",
    subfolder: "cifar-100-binary",
    train: &["train.bin"],
    test: "test.bin",
    train_records: 50_000,
    test_records: 10_000,
    labels: &[("coarse label", 20), ("fine label", 100)],
};

struct Cifar {
    name: &'static str,
    /// The folder inside the official archive.
    subfolder: &'static str,
    train: &'static [&'static str],
    test: &'static str,
    /// Records in each training file. Without a header only the official number can tell a truncated file.
    train_records: usize,
    test_records: usize,
    /// Names and numbers of classes of a record's labels; the last one is the class.
    labels: &'static [(&'static str, u8)],
}

impl DataSource for Cifar {
    fn shape(&self) -> [usize; 3] {
        SHAPE
    }

    fn classes(&self) -> usize {
        // The last label is the class.
        self.labels.last().map_or(0, |(_, classes)| usize::from(*classes))
    }

    fn training_images(&self) -> usize {
        self.train.len() * self.train_records
    }

    fn load(&self, data_dir: Option<&Path>) -> Result<Images> {
        let folder = set_folder(self.name, data_dir)?;
        let paths = self.paths(&folder)?;
        let (test, train) = paths.split_last().expect("a set has a test file");
        let mut images =
            Images { train: Labelled::default(), test: Labelled::default(), shape: SHAPE, classes: self.classes() };
        images.train.pixels.reserve_exact(self.train_records * train.len() * IMAGE);
        for path in train {
            self.decode(path, &read(path, LIMIT)?, self.train_records, &mut images.train)?;
        }
        self.decode(test, &read(test, LIMIT)?, self.test_records, &mut images.test)?;
        Ok(images)
    }
}

impl Cifar {
    fn classes(&self) -> usize {
        self.labels.last().map_or(0, |(_, classes)| usize::from(*classes))
    }

    /// The training files and, last, the test file; all in the set's folder, or all in the archive's folder inside it.
    fn paths(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let names = || self.train.iter().copied().chain([self.test]);
        let inner = folder.join(self.subfolder);
        let home = if find(&inner, &[self.train[0]])?.is_some() { &inner } else { folder };
        names()
            .map(|name| {
                find(home, &[name])?.ok_or_else(|| {
                    let all = names().collect::<Vec<_>>().join(", ");
                    missing(self.name, home, name, &format!("{all}, there or in {}", inner.display()))
                })
            })
            .collect()
    }

    /// Appends a file's images to `out`.
    fn decode(&self, path: &Path, bytes: &[u8], records: usize, out: &mut Labelled) -> Result<()> {
        let width = self.labels.len() + IMAGE;
        if bytes.len() != records * width {
            let message = format!(
                "size: expected {records} records of {width} = {} bytes, found {} ({})",
                records * width,
                bytes.len(),
                if bytes.len() < records * width { "truncated" } else { "trailing bytes" }
            );
            return Err(Error::data(path, message));
        }
        out.pixels.reserve_exact(records * IMAGE);
        out.labels.reserve_exact(records);
        for (i, record) in bytes.chunks_exact(width).enumerate() {
            let (labels, pixels) = record.split_at(self.labels.len());
            for (j, ((name, classes), label)) in self.labels.iter().zip(labels).enumerate() {
                if label >= classes {
                    let (at, last) = (i * width + j, classes - 1);
                    return Err(Error::data(path, format!("{name} at byte {at}: expected 0 to {last}, found {label}")));
                }
            }
            out.labels.extend(labels.last());
            out.pixels.extend_from_slice(pixels);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TINY_TEN: Cifar = Cifar { train_records: 2, test_records: 3, ..TEN };
    const TINY_HUNDRED: Cifar = Cifar { train_records: 2, test_records: 1, ..HUNDRED };

    /// Records with these labels; pixel p of record i is (7 i + p) mod 256.
    fn file(labels: &[&[u8]]) -> Vec<u8> {
        let record = |(i, labels): (usize, &&[u8])| {
            labels.iter().copied().chain((0..IMAGE).map(move |p| (7 * i + p) as u8)).collect::<Vec<u8>>()
        };
        labels.iter().enumerate().flat_map(record).collect()
    }

    fn write_ten(folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for (i, name) in TEN.train.iter().enumerate() {
            std::fs::write(folder.join(name), file(&[&[i as u8], &[9 - i as u8]])).unwrap();
        }
        std::fs::write(folder.join(TEN.test), file(&[&[3], &[8], &[8]])).unwrap();
    }

    fn message(set: &Cifar, bytes: &[u8], records: usize) -> String {
        set.decode(Path::new("f.bin"), bytes, records, &mut Labelled::default()).unwrap_err().to_string()
    }

    #[test]
    fn cifar10_is_read_from_its_folder_or_the_archives() {
        for inner in ["", "cifar-10-batches-bin"] {
            let dir = tempfile::tempdir().unwrap();
            write_ten(&dir.path().join("cifar10").join(inner));
            let set = TINY_TEN.load(Some(dir.path())).unwrap();
            assert_eq!((set.shape, set.classes), ([3, 32, 32], 10));
            assert_eq!(set.train.labels, [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]);
            assert_eq!(set.test.labels, [3, 8, 8]);
            assert_eq!((set.train.pixels.len(), set.test.pixels.len()), (10 * IMAGE, 3 * IMAGE));
            // Image 3 is the second record of the second file.
            assert_eq!(set.train.pixels[3 * IMAGE + 5], 12);
        }
    }

    #[test]
    fn cifar100_takes_the_fine_label() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cifar100/cifar-100-binary");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("train.bin"), file(&[&[19, 99], &[0, 4]])).unwrap();
        std::fs::write(folder.join("test.bin"), file(&[&[5, 20]])).unwrap();
        let set = TINY_HUNDRED.load(Some(dir.path())).unwrap();
        assert_eq!((set.train.labels, set.test.labels, set.classes), (vec![99, 4], vec![20], 100));
        assert_eq!(set.train.pixels[..3], [0, 1, 2]);
    }

    #[test]
    fn a_set_without_one_file_names_it_and_both_folders() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cifar10");
        write_ten(&folder);
        std::fs::remove_file(folder.join("data_batch_4.bin")).unwrap();
        assert_eq!(
            TINY_TEN.load(Some(dir.path())).unwrap_err().to_string(),
            format!(
                "{0}: data set `cifar10` is not complete: data_batch_4.bin is missing; expected data_batch_1.bin, \
                 data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, test_batch.bin, there or in \
                 {0}/cifar-10-batches-bin; found data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, \
                 data_batch_5.bin, test_batch.bin. Put the files there, or name the folder that holds `cifar10/` with \
                 --data-dir or SUBEVO_DATA",
                folder.display()
            )
        );
    }

    #[test]
    fn damage_is_told_with_file_place_expected_and_found() {
        let good = file(&[&[0], &[9]]);
        let check = |bytes: &[u8], expected: &str| assert_eq!(message(&TEN, bytes, 2), format!("f.bin: {expected}"));
        check(&good[..6145], "size: expected 2 records of 3073 = 6146 bytes, found 6145 (truncated)");
        // A cut between two records leaves a well-formed file that only its size betrays.
        check(&good[..3073], "size: expected 2 records of 3073 = 6146 bytes, found 3073 (truncated)");
        check(
            &[good.as_slice(), &[0]].concat(),
            "size: expected 2 records of 3073 = 6146 bytes, found 6147 (trailing bytes)",
        );
        check(&file(&[&[0], &[10]]), "label at byte 3073: expected 0 to 9, found 10");
        assert_eq!(
            message(&HUNDRED, &file(&[&[0, 0], &[20, 0]]), 2),
            "f.bin: coarse label at byte 3074: expected 0 to 19, found 20"
        );
        assert_eq!(
            message(&HUNDRED, &file(&[&[0, 0], &[19, 100]]), 2),
            "f.bin: fine label at byte 3075: expected 0 to 99, found 100"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3080)) {
            let mut out = Labelled::default();
            let result = TEN.decode(Path::new("f"), &bytes, 1, &mut out);
            prop_assert_eq!(result.is_ok(), bytes.len() == 3073 && bytes[0] < 10);
        }
    }
}
