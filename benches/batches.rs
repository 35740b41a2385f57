//! A training batch read out of a data set, as it is and augmented.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use subevo::campaign::Registry;
use subevo::data::{Data, Labelled, Split};
use subevo::params::{Amount, Origin, Params, Problems, Table};
use subevo::rng::Seed;

/// Images of a batch, as most published recipes have it.
const BATCH: usize = 128;

/// 5,000 images of noise of the size of CIFAR-10's.
fn data() -> Data {
    let part = |n: usize| {
        let mut words = vec![0; n * 3 * 32 * 32];
        Seed::new(1).rng().fill_word(&mut words);
        Labelled { pixels: words.into_iter().map(|word| word as u8).collect(), labels: vec![0; n] }
    };
    let images = subevo::data::Images { train: part(5_001), test: part(1), shape: [3, 32, 32], classes: 1 };
    Data::split("noise", images, Amount::Count(1), Seed::new(0)).unwrap()
}

fn batches(criterion: &mut Criterion) {
    let (data, registry) = (data(), Registry::builtin());
    let indices: Vec<usize> = (0..BATCH).map(|i| i * 37).collect();
    let mut group = criterion.benchmark_group("batch of 128 x 3 x 32 x 32");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("gather", |bencher| bencher.iter(|| data.gather(Split::Train, &indices)));
    for entry in registry.augmentations.entries().iter().filter(|entry| entry.name != "none") {
        let (table, problems) = (Table::default(), Problems::default());
        let params = Params::new(&table, Origin::Default, entry.name, &problems);
        let augmentation = (entry.build)(&params, &[3, 32, 32]).unwrap();
        let mut step = 0;
        group.bench_function(entry.name, |bencher| {
            bencher.iter(|| {
                step += 1;
                data.augmented(&indices, &*augmentation, Seed::new(1).index(step))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, batches);
criterion_main!(benches);
