//! Data sets as a user gets them: the registry's rows, the published numbers, full-size files, split and batches together.
//! Expected numbers are from `tests/reference/data_statistics.py`.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use subevo::data::{BatchOrder, Data, DataSource, Images, Labelled, Split, ENTRIES};
use subevo::entry::Entries;
use subevo::params::{read_table, Amount, Node, Origin, Problems, Table, Value};
use subevo::rng::Seed;

const SETS: Entries<dyn DataSource> = Entries::new("data set", ENTRIES);

/// The source of that name, or what was wrong with its parameters.
fn source(name: &str, parameters: &[(&str, i64)]) -> Result<Box<dyn DataSource>, Vec<String>> {
    let mut table = Table::default();
    parameters.iter().for_each(|(key, value)| table.set(key, Node::new(Value::Integer(*value))));
    let problems = Problems::default();
    let (built, _) = read_table(&table, Origin::Default, "data", &problems, |params| {
        SETS.build(name, &Origin::Default, params, &())
    });
    let messages: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    built.filter(|_| messages.is_empty()).ok_or(messages)
}

fn embedded() -> Images {
    source("fashion-mnist-12k", &[]).unwrap().load(None).unwrap()
}

fn per_class(part: &Labelled) -> Vec<usize> {
    (0..10).map(|class| part.labels.iter().filter(|label| **label == class).count()).collect()
}

/// A file that starts with `header` and is zero up to `size`; takes no room on the disk.
fn sparse(path: &Path, header: &[u8], size: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(header).unwrap();
    file.set_len(size).unwrap();
}

fn idx_header(dimensions: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    dimensions.iter().for_each(|d| bytes.extend(d.to_be_bytes()));
    bytes
}

#[test]
fn rows_are_in_order_and_say_where_they_come_from() {
    let names: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["cifar10", "cifar100", "fashion-mnist", "fashion-mnist-12k", "kmnist", "mnist", "synthetic"]);
    assert!(ENTRIES.iter().all(|entry| !entry.summary.is_empty() && !entry.reference.is_empty()));
}

#[test]
fn the_built_in_set_is_the_start_of_fashion_mnist() {
    let images = embedded();
    assert_eq!((images.shape, images.classes), ([1, 28, 28], 10));
    assert_eq!(images.train.labels[..10], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
    assert_eq!(images.test.labels[..10], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]);
    assert_eq!(per_class(&images.train), [942, 1027, 1016, 1019, 974, 989, 1021, 1022, 990, 1000]);
    assert_eq!(per_class(&images.test), [200, 203, 214, 190, 219, 195, 197, 200, 194, 188]);
    let sum = |part: &Labelled| part.pixels[..784].iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
    assert_eq!((sum(&images.train), sum(&images.test)), (76_247, 33_456));
    assert_eq!((images.train.pixels.len(), images.test.pixels.len()), (7_840_000, 1_568_000));
}

#[test]
fn the_built_in_set_has_the_moments_that_the_reference_script_finds() {
    // One image held out must move the moments by what that image weighs, and no more.
    let data = Data::split("fashion-mnist-12k", embedded(), Amount::Count(1), Seed::new(0)).unwrap();
    assert!((data.mean()[0] - 0.286_308_917_1).abs() < 1e-4, "{:?}", data.mean());
    assert!((data.std()[0] - 0.354_017_964_1).abs() < 1e-4, "{:?}", data.std());
    // Put the image back by hand: mean and second moment of all 10,000.
    let (n, held) = (10_000.0, data.range(Split::Validation, 0..1));
    let (mean, std) = (data.mean()[0], data.std()[0]);
    let raw: Vec<f64> = held.images.iter().map(|x| f64::from(*x) * std + mean).collect();
    let average = |f: &dyn Fn(f64) -> f64| raw.iter().map(|x| f(*x)).sum::<f64>() / 784.0;
    let whole = (mean * (n - 1.0) + average(&|x| x)) / n;
    let square = ((std * std + mean * mean) * (n - 1.0) + average(&|x| x * x)) / n;
    assert!((whole - 0.286_308_917_1).abs() < 1e-9, "{whole}");
    assert!(((square - whole * whole).sqrt() - 0.354_017_964_1).abs() < 1e-9);
}

#[test]
fn an_epoch_of_batches_is_the_normalised_training_part() {
    let data = Data::split("fashion-mnist-12k", embedded(), Amount::Fraction(0.1), Seed::new(3)).unwrap();
    assert_eq!((data.len(Split::Train), data.len(Split::Validation), data.len(Split::Test)), (9_000, 1_000, 2_000));
    let order = BatchOrder::new(data.len(Split::Train), 250, Seed::new(3).child("batch")).unwrap();
    let (mut sum, mut square, mut classes) = (0.0, 0.0, [0usize; 10]);
    for step in 0..36 {
        let batch = data.gather(Split::Train, &order.indices(step));
        assert_eq!(batch.shape, [250, 1, 28, 28]);
        batch.labels.iter().for_each(|label| classes[*label as usize] += 1);
        for x in batch.images {
            sum += f64::from(x);
            square += f64::from(x) * f64::from(x);
        }
    }
    let n = 9_000.0 * 784.0;
    assert!((sum / n).abs() < 1e-6 && (square / n - 1.0).abs() < 1e-6, "{} {}", sum / n, square / n);
    let expected: Vec<usize> =
        (0..10).map(|c| data.labels(Split::Train).iter().filter(|label| **label == c).count()).collect();
    assert_eq!(classes[..], expected[..]);
}

#[test]
fn mnist_and_its_family_are_read_at_full_size() {
    for name in ["mnist", "fashion-mnist", "kmnist"] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        for (part, n) in [("train", 60_000u32), ("t10k", 10_000)] {
            let size = u64::from(n) * 784 + 16;
            sparse(&folder.join(format!("{part}-images-idx3-ubyte")), &idx_header(&[n, 28, 28]), size);
            sparse(&folder.join(format!("{part}-labels-idx1-ubyte")), &idx_header(&[n]), u64::from(n) + 8);
        }
        // The last label of the training part, and its last pixel.
        for (file, end) in [("train-labels-idx1-ubyte", 60_007), ("train-images-idx3-ubyte", 47_040_015)] {
            let mut file = File::options().write(true).open(folder.join(file)).unwrap();
            file.seek(SeekFrom::Start(end)).unwrap();
            file.write_all(&[7]).unwrap();
        }
        let images = source(name, &[]).unwrap().load(Some(dir.path())).unwrap();
        assert_eq!((images.train.labels.len(), images.test.labels.len()), (60_000, 10_000));
        assert_eq!((images.train.labels[59_999], images.train.pixels[47_039_999]), (7, 7));
        assert_eq!((images.shape, images.classes), ([1, 28, 28], 10));
        // Another number of images under this name is not this set.
        sparse(&folder.join("t10k-images-idx3-ubyte"), &idx_header(&[9_999, 28, 28]), 9_999 * 784 + 16);
        sparse(&folder.join("t10k-labels-idx1-ubyte"), &idx_header(&[9_999]), 9_999 + 8);
        let message = source(name, &[]).unwrap().load(Some(dir.path())).unwrap_err().to_string();
        assert!(message.ends_with("t10k-images-idx3-ubyte: count at byte 4: expected 10000, found 9999"), "{message}");
    }
}

#[test]
fn cifar_is_read_at_full_size() {
    let dir = tempfile::tempdir().unwrap();
    let (ten, hundred) = (dir.path().join("cifar10"), dir.path().join("cifar100/cifar-100-binary"));
    fs::create_dir_all(&ten).unwrap();
    fs::create_dir_all(&hundred).unwrap();
    for i in 1..=5 {
        sparse(&ten.join(format!("data_batch_{i}.bin")), &[i, 100 + i], 30_730_000);
    }
    sparse(&ten.join("test_batch.bin"), &[9], 30_730_000);
    sparse(&hundred.join("train.bin"), &[19, 99], 50_000 * 3_074);
    sparse(&hundred.join("test.bin"), &[0, 42], 10_000 * 3_074);
    let images = source("cifar10", &[]).unwrap().load(Some(dir.path())).unwrap();
    assert_eq!((images.shape, images.classes), ([3, 32, 32], 10));
    assert_eq!((images.train.labels.len(), images.test.labels.len()), (50_000, 10_000));
    for i in 0..5 {
        assert_eq!(images.train.labels[i * 10_000], i as u8 + 1);
        assert_eq!(images.train.pixels[i * 10_000 * 3_072], i as u8 + 101);
    }
    let images = source("cifar100", &[]).unwrap().load(Some(dir.path())).unwrap();
    assert_eq!((images.train.labels.len(), images.test.labels.len(), images.classes), (50_000, 10_000, 100));
    assert_eq!((images.train.labels[0], images.test.labels[0]), (99, 42));
}

#[test]
fn a_missing_set_says_where_it_was_looked_for_and_how_to_change_that() {
    let dir = tempfile::tempdir().unwrap();
    for (name, file) in
        [("mnist", "train-images-idx3-ubyte"), ("cifar10", "data_batch_1.bin"), ("cifar100", "train.bin")]
    {
        let message = source(name, &[]).unwrap().load(Some(dir.path())).unwrap_err().to_string();
        let folder = dir.path().join(name);
        let head = format!("{}: data set `{name}` is not complete: {file} is missing; ", folder.display());
        assert!(message.starts_with(&head), "{message}");
        let tail = format!("or name the folder that holds `{name}/` with --data-dir or SUBEVO_DATA");
        assert!(message.ends_with(&tail) && message.contains("found no such folder"), "{message}");
    }
}

#[test]
fn synthetic_data_has_the_sizes_asked_for() {
    let parameters = [("classes", 3), ("train", 60), ("test", 20), ("channels", 2), ("image", 5), ("seed", 9)];
    let images = source("synthetic", &parameters).unwrap().load(None).unwrap();
    assert_eq!((images.shape, images.classes), ([2, 5, 5], 3));
    assert_eq!((images.train.pixels.len(), images.train.labels.len()), (60 * 50, 60));
    assert_eq!((images.test.pixels.len(), images.test.labels.len()), (20 * 50, 20));
    assert_eq!(images.train.labels.iter().max(), Some(&2));
}

#[test]
fn synthetic_data_of_absurd_size_is_a_problem_of_the_file() {
    let problems = |parameters: &[(&str, i64)]| source("synthetic", parameters).err().unwrap();
    assert_eq!(
        problems(&[("train", 2_000_000)]),
        ["synthetic data of 1568164640 bytes ((train + test + classes) x channels x image x image): must be at most \
          1073741824"]
    );
    let largest = [("train", 10_000_000), ("test", 10_000_000), ("channels", 1_024), ("image", 4_096)];
    assert_eq!(problems(&largest).len(), 1);
    assert_eq!(problems(&[("image", 0)]), ["`data.image` = 0: must be an integer, 1 to 4096"]);
    assert_eq!(problems(&[("classes", 257)]), ["`data.classes` = 257: must be an integer, 2 to 256"]);
}
