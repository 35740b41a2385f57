//! The engine's kernels on one thread, and the large matrix product on one and on all: elements are floating-point operations
//! of products, and values of what is not a product.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use rayon::ThreadPoolBuilder;
use subevo::engine::cpu::bank::Bank;
use subevo::engine::cpu::lanes::{normalise, Affine, Pixels};
use subevo::engine::cpu::moments::moments;
use subevo::engine::cpu::pooling::{extremes, Choice};
use subevo::engine::cpu::tile::{product, First, Output, Rows, Source};
use subevo::graph::Activation;
use subevo::num::Matrix;
use subevo::plan::Window;
use subevo::rng::Seed;

/// Images of one call.
const IMAGES: usize = 32;

fn numbers(n: usize) -> Vec<f32> {
    let mut values = vec![0.0; n];
    Seed::new(1).rng().fill_normal(&mut values);
    values
}

fn bank(rows: usize, columns: usize) -> Bank {
    let (mut bank, values) = (Bank::zeros(rows, columns), numbers(rows * columns));
    (0..values.len()).for_each(|at| bank.set(at / columns, at % columns, values[at]));
    bank
}

fn operations(multiplies: usize) -> Throughput {
    Throughput::Elements(2 * multiplies as u64)
}

/// Convolutions 3 x 3 on images with a border of one: channels, filters, side.
const CONVOLUTIONS: [[usize; 3]; 5] = [[1, 16, 28], [8, 16, 28], [8, 16, 14], [16, 32, 14], [64, 64, 16]];

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    for [channels, filters, side] in CONVOLUTIONS {
        let line = (side + 2) * channels;
        let length = (side + 2) * line;
        let images = numbers(IMAGES * length);
        let taps = (0..9).flat_map(|tap| (0..channels).map(move |c| (tap / 3 * line + tap % 3 * channels + c) as u32));
        let (rows, bank) = (Rows::new(taps.collect()), bank(9 * channels, filters));
        let mut out = vec![0.0; side * side * filters];
        group.throughput(operations(IMAGES * side * side * 9 * channels * filters));
        group.bench_function(format!("conv 3x3 {channels}->{filters} {side}x{side}"), |bencher| {
            bencher.iter(|| {
                for image in images.chunks_exact(length) {
                    let source = Source { values: image, base: 0, line, step: channels, rows: &rows, bank: &bank };
                    let values = &mut out[..];
                    let to = Output { values, pitch: filters, columns: filters, lines: side, length: side };
                    product(&[source], First::Zero, to);
                }
            });
        });
    }
    let (inputs, outputs) = (1568, 10);
    let (features, bank) = (numbers(IMAGES * inputs), bank(inputs, outputs));
    let (rows, mut out) = (Rows::new((0..inputs as u32).collect()), vec![0.0; IMAGES * outputs]);
    group.throughput(operations(IMAGES * inputs * outputs));
    group.bench_function(format!("linear {inputs}->{outputs}"), |bencher| {
        bencher.iter(|| {
            let source = Source { values: &features, base: 0, line: 0, step: inputs, rows: &rows, bank: &bank };
            let values = &mut out[..];
            product(
                &[source],
                First::Zero,
                Output { values, pitch: outputs, columns: outputs, lines: 1, length: IMAGES },
            );
        });
    });
    group.finish();
}

fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer");
    for (channels, side) in [(16, 28), (32, 14)] {
        let (x, size) = (numbers(side * side * channels), [side, side]);
        let name = |layer: &str| format!("{layer} {channels} of {side}x{side}");
        group.throughput(Throughput::Elements(x.len() as u64));
        let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
        group.bench_function(name("moments"), |bencher| {
            bencher.iter(|| moments(&x, channels, &mut mean, &mut squares));
        });
        let window = Window { size: 2, stride: 2 };
        let (factors, mut pooled) = (numbers(channels), vec![0.0; x.len() / 4]);
        group.bench_function(name("pool 2x2"), |bencher| {
            bencher.iter(|| extremes(&x, size, channels, window, Choice::BySign(&factors), &mut pooled));
        });
        let [mean, factor, shift] = [0; 3].map(|_| factors.clone());
        let (affine, dense) = (Affine { mean, factor, shift }, Pixels::dense(side, channels));
        let mut normalised = vec![0.0; x.len()];
        group.bench_function(name("normalise and rectify"), |bencher| {
            bencher.iter(|| normalise(&x, dense, &mut normalised, dense, size, affine.all(), Some(Activation::Relu)));
        });
    }
    group.finish();
}

/// What the machine can do at most.
fn gemm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    group.sample_size(20);
    let n = 1024;
    let (a, b, mut out) = (numbers(n * n), numbers(n * n), vec![0.0; n * n]);
    group.throughput(operations(n * n * n));
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, threads) in [("one thread", 1), ("all threads", all)] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
        group.bench_function(format!("{n}x{n}x{n} {name}"), |bencher| {
            pool.install(|| bencher.iter(|| Matrix::new(&a, n).times_into(Matrix::new(&b, n), &mut out)));
        });
    }
    group.finish();
}

criterion_group!(benches, products, layers, gemm);
criterion_main!(benches);
