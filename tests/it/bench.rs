//! The common task: it is the one of the comparisons, and what is told of a measurement fits together. Never how long.

use serde_json::Value as Json;
use subevo::bench::{measure, Case, Measured, On, Span, Trained};
use subevo::engine::{MatrixPrecision, Processor};
use subevo::plan::Limits;
use subevo::record::Method;

const LIMITS: Limits = Limits { memory: 64 << 20, threads: 2 };

fn small(trained: Trained, learner: Method) -> Case {
    Case { population: 6, batch: 10, image: 8, channels: [3, 5], ..Case::new(trained, learner) }
}

fn measured(case: &Case, threads: usize) -> Measured {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let span = Span { warmup: 2, generations: 5 };
    let processor = Processor::cpu();
    let limits = Limits { threads, ..LIMITS };
    pool.install(|| measure(case, span, &On { processor: &processor, precision: MatrixPrecision::F32, limits }, true))
        .unwrap()
}

#[test]
fn the_subsets_have_the_sizes_of_the_comparisons() {
    let size = |trained| Case::new(trained, Method::Evolution).start().unwrap().subset.size;
    assert_eq!(Trained::ALL.map(size), [96, 15_690, 1_188, 11_274, 1_120, 9_456]);
    let start = Case::new(Trained::Filters, Method::Evolution).start().unwrap();
    assert_eq!(start.weights.len(), 20_538);
    // 4 of 16 filters of 9 weights and 8 of 32 filters of 144, not simply the last ones.
    let spans = &start.subset.spans;
    let of =
        |layer: &str| spans.iter().map(|span| if span.parameter == layer { span.length } else { 0 }).sum::<usize>();
    assert_eq!([of("conv1.weight"), of("conv2.weight")], [4 * 9, 8 * 144]);
    assert!(spans.iter().any(|span| span.parameter == "conv2.weight" && span.filter < 24));
    // Halves to even: 2 of 10 filters, and 4 of 14.
    let case = Case { channels: [10, 14], ..Case::new(Trained::Filters, Method::Evolution) };
    assert_eq!(case.start().unwrap().subset.size, 2 * 9 + 4 * 90);
}

#[test]
fn a_gene_is_an_offset_of_its_weight_and_batches_come_from_8192_images() {
    let case = Case { image: 4, ..Case::new(Trained::Filters, Method::Evolution) };
    let on = On { processor: &Processor::cpu(), precision: MatrixPrecision::F32, limits: LIMITS };
    let task = case.task(&on).unwrap();
    assert!(crate::networks::scale(&task.start).iter().all(|scale| *scale == 1.0));
    assert_eq!((task.order.n(), task.order.batch()), (8_192, 128));
    assert_eq!(task.batch(0).shape, [128, 1, 4, 4]);
    assert_ne!(task.order.indices(0), task.order.indices(1), "a new batch each generation");
}

#[test]
fn the_parts_of_a_measurement_fit_together() {
    for trained in Trained::ALL {
        for learner in [Method::Evolution, Method::Backprop] {
            let case = small(trained, learner);
            let found = measured(&case, 2);
            let json: Json = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
            let number = |key: &str| json[key].as_f64().unwrap_or_else(|| panic!("{key} of {json}"));
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs();
            let n = if learner == Method::Evolution { 6.0 } else { 1.0 };
            let ms = number("ms_per_generation_median");
            assert!(number("p10") <= ms && ms <= number("p90"), "{json}");
            assert!(close(number("images_per_s") * ms, n * 10.0 * 1e3), "{json}");
            assert!(close(number("gflops") * ms * 1e6, 2.0 * number("macs_per_generation")), "{json}");
            assert!(close(number("gemm_share") * number("gemm_gflops"), number("gflops")), "{json}");
            assert_eq!((number("population"), number("batch"), number("threads")), (n, 10.0, 2.0));
            assert_eq!((number("generations"), number("warmup_generations")), (5.0, 2.0));
            assert_eq!(json["channels"], serde_json::json!([3, 5]));
            assert_eq!(number("memory_limit_mib"), 64.0);
            for key in ["gather_ms", "evaluate_ms", "setup_ms", "warmup_ms", "gemm_gflops", "loss_first", "loss_last"] {
                assert!(number(key) > 0.0, "{key} of {json}");
            }
            assert!(number("tell_ms") >= 0.0);
            let evolves = learner == Method::Evolution;
            assert_eq!((json["ask_ms"].is_f64(), json["ask_tell_ns_per_gene"].is_f64()), (evolves, evolves), "{json}");
            assert_eq!(json["case"], format!("common/{}/{}", trained.name(), learner.name()));
            assert_eq!((&json["subset"], &json["learner"]), (&trained.name().into(), &learner.name().into()));
        }
    }
}

#[test]
fn multiplies_are_those_that_are_executed_not_those_that_sharing_saves() {
    // One image of 8 x 8 through 3 and 5 filters: 64 x 27 in conv1, 16 x 135 in conv2, 20 x 10 in the classifier.
    let (conv1, conv2, fc) = (64 * 27, 16 * 135, 200);
    let macs = |trained, learner| measured(&small(trained, learner), 1).macs_per_generation;
    assert_eq!(macs(Trained::BatchNorm, Method::Evolution), 10 * (conv1 + 6 * (conv2 + fc)));
    assert_eq!(macs(Trained::Classifier, Method::Evolution), 10 * (conv1 + conv2 + 6 * fc));
    assert_eq!(macs(Trained::Classifier, Method::Backprop), 10 * (conv1 + conv2 + 2 * fc));
    // One of three filters and one of five: conv1 is computed whole for the base; of conv2's 15 pairs of channels ten go
    // through the seed, and each member has 1 x 5 + 2 x 1.
    let (one, pair) = (64 * 9, 16 * 9);
    assert_eq!(
        macs(Trained::Filters, Method::Evolution),
        10 * (conv1 + 10 * pair + 6 * (one + 7 * pair + fc)),
        "of a quarter of the filters"
    );
}

#[test]
fn what_is_timed_is_learning_and_threads_do_not_change_it() {
    for learner in [Method::Evolution, Method::Backprop] {
        let case = Case { batch: 64, ..small(Trained::Classifier, learner) };
        let losses = |threads| {
            let found = measured(&case, threads);
            (found.loss_first, found.loss_last)
        };
        let (first, last) = losses(1);
        assert_eq!((first.to_bits(), last.to_bits()), (losses(2).0.to_bits(), losses(2).1.to_bits()));
        assert!(learner == Method::Evolution || last < first, "Adam goes down: {first} to {last}");
        assert_ne!(first, last);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_peak_of_memory_is_at_least_what_was_there_before() {
    let found = measured(&small(Trained::BatchNorm, Method::Evolution), 1);
    let peak = found.peak_rss_mib.unwrap();
    assert!(peak > 1.0 && found.rss_before_mib.is_none_or(|before| before <= peak), "{found:?}");
}
