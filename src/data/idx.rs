//! The sets in the IDX format of MNIST (LeCun, Bottou, Bengio & Haffner 1998): MNIST, Fashion-MNIST and KMNIST.

use std::path::{Path, PathBuf};

use super::folder::{find, missing, set_folder};
use super::read::{hex, read, LIMIT};
use super::{DataSource, Images, Labelled};
use crate::entry::Entry;
use crate::error::{Error, Result};

/// Training images and labels, test images and labels.
pub(super) const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

const SIDE: usize = 28;
const CLASSES: u8 = 10;

/// Handwritten digits.
pub(super) const MNIST: Entry<dyn DataSource> = Entry {
    name: "mnist",
    summary: "handwritten digits: 60,000 + 10,000 grey images of 28x28, 10 classes",
    reference: "LeCun et al. 1998",
    build: |_, _| Ok(Box::new(IdxSet { name: "mnist", train: 60_000, test: 10_000 })),
};

/// Articles of clothing.
pub(super) const FASHION_MNIST: Entry<dyn DataSource> = Entry {
    name: "fashion-mnist",
    summary: "articles of clothing: 60,000 + 10,000 grey images of 28x28, 10 classes",
    reference: "Xiao, Rasul & Vollgraf 2017",
    build: |_, _| Ok(Box::new(IdxSet { name: "fashion-mnist", train: 60_000, test: 10_000 })),
};

/// Cursive Japanese characters.
pub(super) const KMNIST: Entry<dyn DataSource> = Entry {
    name: "kmnist",
    summary: "cursive Japanese characters: 60,000 + 10,000 grey images of 28x28, 10 classes",
    reference: "Clanuwat et al. 2018",
    build: |_, _| Ok(Box::new(IdxSet { name: "kmnist", train: 60_000, test: 10_000 })),
};

/// A set of 28x28 grey images of ten classes in four files.
pub(super) struct IdxSet {
    pub(super) name: &'static str,
    pub(super) train: usize,
    pub(super) test: usize,
}

impl DataSource for IdxSet {
    fn shape(&self) -> [usize; 3] {
        [1, SIDE, SIDE]
    }

    fn classes(&self) -> usize {
        usize::from(CLASSES)
    }

    fn training_images(&self) -> usize {
        self.train
    }

    fn load(&self, data_dir: Option<&Path>) -> Result<Images> {
        let folder = set_folder(self.name, data_dir)?;
        let mut paths = Vec::new();
        for name in FILES {
            let expected = || format!("{}, each plain or with .gz at the end of its name", FILES.join(", "));
            let path = find(&folder, &[name, &format!("{name}.gz")])?;
            paths.push(path.ok_or_else(|| missing(self.name, &folder, name, &expected()))?);
        }
        self.assemble(|i| Ok((paths[i].clone(), read(&paths[i], LIMIT)?)))
    }
}

impl IdxSet {
    /// The set from its four files; `file` gives path (for messages) and decompressed bytes of the i-th of [`FILES`].
    pub(super) fn assemble(&self, file: impl Fn(usize) -> Result<(PathBuf, Vec<u8>)>) -> Result<Images> {
        let part = |first: usize, count: usize| {
            let (images, labels) = (file(first)?, file(first + 1)?);
            decode((&images.0, &images.1), (&labels.0, &labels.1), count)
        };
        Ok(Images {
            train: part(0, self.train)?,
            test: part(2, self.test)?,
            shape: self.shape(),
            classes: self.classes(),
        })
    }
}

/// One part from its files of images and labels, which must hold `count` images.
fn decode(images: (&Path, &[u8]), labels: (&Path, &[u8]), count: usize) -> Result<Labelled> {
    let (found, pixels) = content(images.0, images.1, &["count", "height", "width"], "pixels")?;
    let (label_count, classes) = content(labels.0, labels.1, &["count"], "labels")?;
    let field = |path: &Path, name: &str, at: usize, expected: String, found: usize| {
        Err(Error::data(path, format!("{name} at byte {at}: expected {expected}, found {found}")))
    };
    if label_count[0] != found[0] {
        let expected = format!("{}, the number of images in {}", found[0], images.0.display());
        return field(labels.0, "count", 4, expected, label_count[0]);
    }
    for (i, (name, expected)) in [("count", count), ("height", SIDE), ("width", SIDE)].into_iter().enumerate() {
        if found[i] != expected {
            return field(images.0, name, 4 + 4 * i, expected.to_string(), found[i]);
        }
    }
    if let Some(i) = classes.iter().position(|label| *label >= CLASSES) {
        return field(labels.0, "label", 8 + i, format!("0 to {}", CLASSES - 1), usize::from(classes[i]));
    }
    Ok(Labelled { pixels: pixels.to_vec(), labels: classes.to_vec() })
}

/// The dimensions in an IDX header of bytes, and the body, whose size is checked against them.
fn content<'b>(path: &Path, bytes: &'b [u8], fields: &[&str], body_name: &str) -> Result<(Vec<usize>, &'b [u8])> {
    let (rank, start) = (fields.len(), 4 + 4 * fields.len());
    let fail = |message: String| Err(Error::data(path, message));
    // Two zeros, the element type (08 is unsigned bytes) and the number of dimensions.
    let magic = [0, 0, 8, rank as u8];
    if !bytes.starts_with(&magic) {
        let hint = if bytes.starts_with(&[0x1f, 0x8b]) { "; a gzip file needs .gz at the end of its name" } else { "" };
        return fail(format!("magic at byte 0: expected {}, found {}{hint}", hex(&magic, 4), hex(bytes, 4)));
    }
    let Some((header, body)) = bytes.split_at_checked(start) else {
        return fail(format!("header: expected {start} bytes, found {}", bytes.len()));
    };
    let dimensions: Vec<usize> =
        header[4..].chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    if let Some(i) = dimensions.iter().position(|d| *d == 0) {
        return fail(format!("{} at byte {}: expected at least 1, found 0", fields[i], 4 + 4 * i));
    }
    let product = dimensions.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    match dimensions.iter().try_fold(1usize, |size, d| size.checked_mul(*d)) {
        None => fail(format!("{} at byte 4: {product} is more than any file holds", fields.join(" x "))),
        Some(size) if size == body.len() => Ok((dimensions, body)),
        Some(size) => {
            let found = body.len();
            let what = if found < size { "truncated" } else { "trailing bytes" };
            fail(format!("{body_name} at byte {start}: expected {product} = {size} bytes, found {found} ({what})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read::tests::gzip;
    use super::*;

    const TINY: IdxSet = IdxSet { name: "tiny", train: 3, test: 2 };

    fn images(n: u32, height: u32, width: u32) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, 3];
        [n, height, width].iter().for_each(|d| bytes.extend(d.to_be_bytes()));
        bytes.extend((0..n * height * width).map(|i| (i % 251) as u8));
        bytes
    }

    fn labels(values: &[u8]) -> Vec<u8> {
        [&[0, 0, 8, 1], (values.len() as u32).to_be_bytes().as_slice(), values].concat()
    }

    fn tiny() -> [Vec<u8>; 4] {
        [images(3, 28, 28), labels(&[9, 0, 4]), images(2, 28, 28), labels(&[7, 1])]
    }

    fn assemble(files: &[Vec<u8>; 4]) -> Result<Images> {
        TINY.assemble(|i| Ok((PathBuf::from(FILES[i]), files[i].clone())))
    }

    /// The message for the tiny set with file `i` put in place of its own.
    fn message(i: usize, bytes: Vec<u8>) -> String {
        let mut files = tiny();
        files[i] = bytes;
        assemble(&files).unwrap_err().to_string()
    }

    fn with(mut bytes: Vec<u8>, at: usize, value: &[u8]) -> Vec<u8> {
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    }

    #[test]
    fn a_folder_is_read_plain_or_compressed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("tiny");
        std::fs::create_dir(&folder).unwrap();
        for (i, (name, bytes)) in FILES.iter().zip(tiny()).enumerate() {
            // Two plain, two compressed.
            match i % 2 {
                0 => std::fs::write(folder.join(name), bytes).unwrap(),
                _ => std::fs::write(folder.join(format!("{name}.gz")), gzip(&bytes)).unwrap(),
            }
        }
        let set = TINY.load(Some(dir.path())).unwrap();
        assert_eq!((set.shape, set.classes), ([1, 28, 28], 10));
        assert_eq!((set.train.labels, set.test.labels), (vec![9, 0, 4], vec![7, 1]));
        assert_eq!((set.train.pixels.len(), set.test.pixels.len()), (3 * 784, 2 * 784));
        assert_eq!(set.train.pixels[784], (784 % 251) as u8);
    }

    #[test]
    fn a_set_without_one_file_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("tiny");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(FILES[0]), &tiny()[0]).unwrap();
        assert_eq!(
            TINY.load(Some(dir.path())).unwrap_err().to_string(),
            format!(
                "{}: data set `tiny` is not complete: train-labels-idx1-ubyte is missing; expected \
                 train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, \
                 each plain or with .gz at the end of its name; found train-images-idx3-ubyte. Put the files there, \
                 or name the folder that holds `tiny/` with --data-dir or SUBEVO_DATA",
                folder.display()
            )
        );
    }

    #[test]
    fn damage_is_told_with_file_place_expected_and_found() {
        let [train, classes, ..] = tiny();
        let check = |i: usize, bytes: Vec<u8>, expected: &str| {
            assert_eq!(message(i, bytes), format!("{}: {expected}", FILES[i]));
        };
        check(0, vec![], "magic at byte 0: expected 00 00 08 03, found nothing");
        check(0, classes.clone(), "magic at byte 0: expected 00 00 08 03, found 00 00 08 01");
        check(1, train.clone(), "magic at byte 0: expected 00 00 08 01, found 00 00 08 03");
        check(0, with(train.clone(), 2, &[0x0d]), "magic at byte 0: expected 00 00 08 03, found 00 00 0d 03");
        check(
            2,
            gzip(&train)[..9].to_vec(),
            "magic at byte 0: expected 00 00 08 03, found 1f 8b 08 00; a gzip file needs .gz at the end of its name",
        );
        check(0, train[..15].to_vec(), "header: expected 16 bytes, found 15");
        check(1, classes[..7].to_vec(), "header: expected 8 bytes, found 7");
        check(0, with(train.clone(), 8, &[0; 4]), "height at byte 8: expected at least 1, found 0");
        let short = train[..train.len() - 1].to_vec();
        check(0, short, "pixels at byte 16: expected 3 x 28 x 28 = 2352 bytes, found 2351 (truncated)");
        let long = [train.as_slice(), &[0]].concat();
        check(0, long, "pixels at byte 16: expected 3 x 28 x 28 = 2352 bytes, found 2353 (trailing bytes)");
        check(1, classes[..10].to_vec(), "labels at byte 8: expected 3 = 3 bytes, found 2 (truncated)");
        check(
            0,
            with(train.clone(), 4, &[0xff; 12]),
            "count x height x width at byte 4: 4294967295 x 4294967295 x 4294967295 is more than any file holds",
        );
        check(
            1,
            labels(&[1, 2]),
            "count at byte 4: expected 3, the number of images in train-images-idx3-ubyte, found 2",
        );
        check(2, images(2, 28, 27), "width at byte 12: expected 28, found 27");
        check(2, images(2, 56, 14), "height at byte 8: expected 28, found 56");
        check(1, labels(&[1, 9, 10]), "label at byte 10: expected 0 to 9, found 10");
    }

    #[test]
    fn a_part_with_another_number_of_images_is_not_this_set() {
        let mut files = tiny();
        (files[2], files[3]) = (images(3, 28, 28), labels(&[0; 3]));
        assert_eq!(
            assemble(&files).unwrap_err().to_string(),
            "t10k-images-idx3-ubyte: count at byte 4: expected 2, found 3"
        );
    }

    #[test]
    fn every_truncation_is_an_error() {
        for (i, whole) in tiny().iter().enumerate() {
            for end in 0..whole.len() {
                let found = message(i, whole[..end].to_vec());
                assert!(found.starts_with(FILES[i]), "{end}: {found}");
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(i in 0..4usize, bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut files = tiny();
            files[i] = bytes;
            prop_assert!(assemble(&files).is_err());
        }

        #[test]
        fn arbitrary_dimensions_never_panic(i in 0..2usize, header in any::<[u8; 12]>()) {
            let mut files = tiny();
            let end = if i == 0 { 12 } else { 4 };
            prop_assume!(files[i][4..4 + end] != header[..end]);
            files[i][4..4 + end].copy_from_slice(&header[..end]);
            prop_assert!(assemble(&files).is_err());
        }
    }
}
