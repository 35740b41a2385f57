//! Standard normals: a block at once, and one by one.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use subevo::rng::Seed;

/// As many as the classifier of the common task has genes.
const COUNT: usize = 15_690;

fn normals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normals");
    group.throughput(Throughput::Elements(COUNT as u64));
    let mut out = vec![0.0; COUNT];
    let mut rng = Seed::new(1).rng();
    group.bench_function("fill", |bencher| bencher.iter(|| rng.fill_normal(&mut out)));
    group.bench_function("one by one", |bencher| {
        bencher.iter(|| out.iter_mut().for_each(|x| *x = rng.normal()));
    });
    group.finish();
}

criterion_group!(benches, normals);
criterion_main!(benches);
