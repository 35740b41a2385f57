//! Projections: the weights of a population from its coordinates, and the slopes of one gradient, at the sizes of the network
//! of 199,210 weights and 750 dimensions of Li et al. 2018.

use std::hint::black_box;

use criterion::{criterion_group, criterion_main, Criterion};
use subevo::campaign::Registry;
use subevo::params::{read_table, Origin, Problems, Table};
use subevo::projection::Basis;
use subevo::rng::Seed;

const WEIGHTS: usize = 199_210;
const DIMENSION: usize = 750;

fn projections(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("projections");
    group.sample_size(10);
    for entry in Registry::builtin().projections.entries() {
        let (table, problems) = (Table::default(), Problems::default());
        let build = |params: &subevo::params::Params<'_>| (entry.build)(params, &()).expect("it has no options");
        let (projection, _) = read_table(&table, Origin::Default, "", &problems, build);
        let basis: &dyn Basis = &*projection.basis(WEIGHTS, DIMENSION, Seed::new(1));
        for members in [1, 64] {
            let mut genes = vec![0.0; members * DIMENSION];
            Seed::new(2).rng().fill_normal(&mut genes);
            let z: Vec<&[f32]> = genes.chunks_exact(DIMENSION).collect();
            let mut rows = vec![vec![0.0; WEIGHTS]; members];
            // The lengths of dense directions are taken once.
            basis.add(&z, &mut rows);
            group.bench_function(format!("{} {members}", entry.name), |bencher| {
                bencher.iter(|| basis.add(black_box(&z), &mut rows));
            });
        }
        let gradient = vec![1.0; WEIGHTS];
        group.bench_function(format!("{} transpose", entry.name), |bencher| {
            bencher.iter(|| basis.transpose(black_box(&gradient)));
        });
    }
    group.finish();
}

criterion_group!(benches, projections);
criterion_main!(benches);
