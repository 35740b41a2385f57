//! Ask and tell of each strategy, with 64 members, for 96 genes (batch-norm of the common task) and 15,690 (its classifier).

use std::time::{Duration, Instant};

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use subevo::bench::{strategy, Case, Trained};
use subevo::progress::Progress;
use subevo::record::Method;
use subevo::rng::Seed;
use subevo::strategy::Generation;

const MEMBERS: usize = 64;

/// Those whose state grows as k does.
const NAMES: [&str; 7] = ["cr-fm-nes", "genetic", "lm-ma-es", "openai-es", "sep-cma-es", "snes", "vd-cma"];

/// Losses that no strategy can learn from, so that none converges while it is timed.
fn losses(step: u64) -> Vec<f32> {
    let mut rng = Seed::new(2).index(step).rng();
    (0..MEMBERS).map(|_| rng.uniform()).collect()
}

fn strategies(criterion: &mut Criterion) {
    for trained in [Trained::BatchNorm, Trained::Classifier] {
        let start = Case::new(trained, Method::Evolution).start().expect("the case is within its ranges");
        for part in ["ask", "tell"] {
            let mut group = criterion.benchmark_group(part);
            group.throughput(Throughput::Elements((MEMBERS * start.subset.size) as u64));
            for name in NAMES {
                group.bench_function(BenchmarkId::new(name, start.subset.size), |bencher| {
                    bencher.iter_custom(|generations| {
                        let options = format!("population = {MEMBERS}");
                        let mut strategy = strategy(name, &options, &start.subset).expect("a strategy of that name");
                        let (mut asking, mut telling) = (Duration::ZERO, Duration::ZERO);
                        for step in 0..generations {
                            let losses = losses(step);
                            let began = Instant::now();
                            let asked = strategy
                                .ask(&Generation::blind(Progress { step, used: 0.0 }, Seed::new(1).index(step)));
                            asking += began.elapsed();
                            let asked = asked.expect("the built-in operators keep their contract");
                            let began = Instant::now();
                            let told = strategy.tell(asked, &losses);
                            telling += began.elapsed();
                            told.expect("every member has a loss");
                        }
                        if part == "ask" {
                            asking
                        } else {
                            telling
                        }
                    });
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, strategies);
criterion_main!(benches);
