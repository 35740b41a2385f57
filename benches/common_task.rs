//! The common task through the engine's trait: losses of a population of 64, and a gradient, on batches of 128 images.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use rayon::{ThreadPool, ThreadPoolBuilder};
use subevo::bench::{Case, On, Trained};
use subevo::engine::{MatrixPrecision, Processor};
use subevo::learner::Task;
use subevo::plan::Limits;
use subevo::progress::Progress;
use subevo::record::Method;
use subevo::rng::Seed;
use subevo::strategy::Generation;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn task(trained: Trained) -> (Case, Task) {
    let case = Case::new(trained, Method::Evolution);
    let limits = Limits { memory: 1 << 30, threads: threads() };
    let task = case.task(&On { processor: &Processor::cpu(), precision: MatrixPrecision::F32, limits });
    let task = task.expect("the case is within its ranges");
    (case, task)
}

/// A pool as the program has it.
fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads()).build().expect("threads can be started")
}

fn losses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("losses");
    group.sample_size(10);
    let pool = pool();
    for trained in Trained::ALL {
        let (case, task) = task(trained);
        let mut strategy = case.strategy(&task.start.subset).expect("the case is within its ranges");
        let at = Progress { step: 0, used: 0.0 };
        let population =
            strategy.ask(&Generation::blind(at, Seed::new(1))).expect("snes has no operator that could fail");
        let batch = task.batch(0);
        group.throughput(Throughput::Elements((case.population * case.batch) as u64));
        group.bench_function(trained.name(), |bencher| {
            pool.install(|| bencher.iter(|| task.engine.losses(&population, &batch, task.loss)));
        });
    }
    group.finish();
}

fn gradient(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gradient");
    group.sample_size(20);
    let pool = pool();
    for trained in Trained::ALL {
        let (case, task) = task(trained);
        let batch = task.batch(0);
        group.throughput(Throughput::Elements(case.batch as u64));
        group.bench_function(trained.name(), |bencher| {
            pool.install(|| bencher.iter(|| task.engine.gradient(&task.start.base, &batch, task.loss)));
        });
    }
    group.finish();
}

criterion_group!(benches, losses, gradient);
criterion_main!(benches);
