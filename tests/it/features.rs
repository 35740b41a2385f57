//! Activations kept for the whole data set: which networks have any, and that they change no bit.

use serde_json::json;
use subevo::data::{Batch, Split};
use subevo::engine::{CpuEngine, Engine, Loss};
use subevo::operator::Population;
use subevo::plan::{Keep, Limits, Plan, Precision};
use subevo::record::Background;
use subevo::rng::Seed;

use super::networks::{model, start};

const LIMITS: Limits = Limits { memory: 1 << 30, threads: 2 };
const IMAGES: usize = 40;

fn keep(precision: Precision) -> Keep {
    Keep { images: IMAGES as u64, precision }
}

/// Images of a made-up set: number `i` is always the same.
fn batch(split: Split, indices: &[u32], shape: [usize; 3]) -> Batch {
    let length: usize = shape.iter().product();
    let mut images = vec![0.0; indices.len() * length];
    for (index, image) in indices.iter().zip(images.chunks_exact_mut(length)) {
        Seed::new(5).child(&format!("{split:?}")).index(u64::from(*index)).rng().fill_normal(image);
    }
    let labels = indices.iter().map(|index| index % 4).collect();
    let [c, h, w] = shape;
    Batch { images, labels, shape: [indices.len(), c, h, w], places: Some((split, indices.to_vec())), noise: None }
}

/// Two engines of one network: one that keeps, and one that does not.
fn engines(name: &str, options: serde_json::Value, select: serde_json::Value) -> (CpuEngine, CpuEngine, usize) {
    let graph = std::sync::Arc::new(subevo::model::build(&*model(name, options), [3, 32, 32], 4).unwrap());
    let start = start(&graph, select, Background::Random);
    let plan = Plan::new(&graph, &start.subset, 6, LIMITS);
    let keeping = plan.clone().keeping(&graph, &start.subset, keep(Precision::F32));
    assert!(keeping.kept_bytes > 0, "{name} has activations that depend on the single image alone");
    let k = start.subset.size;
    (CpuEngine::new(start.clone(), keeping).unwrap(), CpuEngine::new(start, plan).unwrap(), k)
}

#[test]
fn kept_activations_change_no_bit_of_losses_gradients_or_logits() {
    let cases = [
        ("lenet5", json!({}), json!([{ "classifier": true }])),
        ("lenet5", json!({}), json!([{ "weights": 30, "in": "fc3" }])),
        ("conv2", json!({}), json!([{ "classifier": true }])),
    ];
    for (name, options, select) in cases {
        let (keeping, plain, k) = engines(name, options, select);
        let mut genes = vec![0.0; 5 * k];
        Seed::new(9).rng().fill_normal(&mut genes);
        let population = Population::from_genes(genes, k);
        let trained: Vec<f32> = population.member(0).to_vec();
        for (split, indices) in [
            (Split::Train, vec![0, 1, 2, 3, 4, 5]),
            (Split::Train, vec![9, 3, 3, 11, 0, 1]),
            (Split::Test, vec![0, 1, 2, 3, 4, 5]),
            (Split::Train, vec![5, 4, 9]),
        ] {
            let batch = batch(split, &indices, [3, 32, 32]);
            let losses = [&keeping, &plain].map(|engine| engine.losses(&population, &batch, Loss::Nll).unwrap());
            assert_eq!(losses[0], losses[1], "{name}, {split:?} {indices:?}");
            let gradients = [&keeping, &plain].map(|engine| engine.gradient(&trained, &batch, Loss::Nll).unwrap());
            assert_eq!(gradients[0], gradients[1]);
            let logits = [&keeping, &plain].map(|engine| engine.recalibrate(&trained, &batch).unwrap());
            assert_eq!(logits[0], logits[1]);
        }
        assert!(keeping.cache_fill().unwrap() > std::time::Duration::ZERO);
        assert_eq!(plain.cache_fill(), None);
    }
}

#[test]
fn batch_statistics_below_the_subset_a_full_memory_or_too_little_saved_work_keep_nothing() {
    let kept = |name: &str, select: serde_json::Value, memory: u64| {
        let graph = std::sync::Arc::new(subevo::model::build(&*model(name, json!({})), [3, 32, 32], 4).unwrap());
        let start = start(&graph, select, Background::Random);
        let plan = Plan::new(&graph, &start.subset, 6, Limits { memory, ..LIMITS });
        plan.keeping(&graph, &start.subset, keep(Precision::F32)).kept_bytes
    };
    // The 84 values behind the last hidden layer of LeNet-5, of 40 images.
    assert_eq!(kept("lenet5", json!([{ "classifier": true }]), 1 << 30), 84 * 40 * 4);
    assert_eq!(kept("lenet5", json!([{ "classifier": true }]), 1 << 20), 0);
    assert_eq!(kept("lenet5", json!([{ "layers": "conv1" }]), 1 << 30), 0);
    assert_eq!(kept("conv2-bn", json!([{ "classifier": true }]), 1 << 30), 0);
}

#[test]
fn half_precision_takes_half_the_memory_and_stays_within_its_rounding() {
    let graph = std::sync::Arc::new(subevo::model::build(&*model("lenet5", json!({})), [3, 32, 32], 4).unwrap());
    let start = start(&graph, json!([{ "classifier": true }]), Background::Random);
    let plan = Plan::new(&graph, &start.subset, 6, LIMITS);
    let half = plan.clone().keeping(&graph, &start.subset, keep(Precision::F16));
    assert_eq!(half.kept_bytes, 84 * 40 * 2);
    let (half, plain) = (CpuEngine::new(start.clone(), half).unwrap(), CpuEngine::new(start.clone(), plan).unwrap());
    let batch = batch(Split::Train, &[1, 2, 3], [3, 32, 32]);
    let [(_, a), (_, b)] = [&half, &plain].map(|engine| engine.recalibrate(&start.base, &batch).unwrap());
    assert_ne!(a, b, "rounding is seen");
    let largest = b.iter().fold(0.0f32, |largest, logit| largest.max(logit.abs()));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 2e-3 * largest), "{a:?} {b:?}");
}
