//! Every optimizer and schedule of the registries: the numbers of the reference scripts, exact resume, a descent.

use subevo::entry::Entries;
use subevo::optimizer::{schedule, Optimizer, Schedule, ENTRIES};
use subevo::progress::Progress;

use crate::tables::{build, try_build};

fn registry() -> Entries<dyn Optimizer, usize> {
    Entries::new("optimizer", ENTRIES)
}

fn schedules() -> Entries<dyn Schedule> {
    Entries::new("schedule", schedule::ENTRIES)
}

fn numbers(json: &serde_json::Value) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn f32s(json: &serde_json::Value) -> Vec<f32> {
    numbers(json).into_iter().map(|x| x as f32).collect()
}

#[test]
fn every_optimizer_takes_the_steps_of_pytorch_and_of_its_paper() {
    let reference: serde_json::Value = serde_json::from_str(include_str!("../reference/optimizer_steps.json")).unwrap();
    let cases = reference["cases"].as_array().unwrap();
    for entry in ENTRIES {
        let of_entry: Vec<_> = cases.iter().filter(|case| case["name"] == entry.name).collect();
        assert!(!of_entry.is_empty(), "no reference numbers for `{}`", entry.name);
        for case in of_entry {
            let mut weights = f32s(&reference["start"]);
            let mut optimizer = build(&registry(), entry.name, case["params"].clone(), &weights.len());
            let steps = case["weights"].as_array().unwrap().iter().zip(reference["gradients"].as_array().unwrap());
            for (t, ((expected, gradient), factor)) in steps.zip(numbers(&reference["factors"])).enumerate() {
                let learning_rate = optimizer.learning_rate() * factor;
                optimizer.step(&mut weights, &f32s(gradient), learning_rate);
                for (found, expected) in weights.iter().zip(numbers(expected)) {
                    let off = (f64::from(*found) - expected).abs();
                    assert!(off < 1e-6, "{} {}, step {t}: {found} against {expected}", entry.name, case["params"]);
                }
            }
        }
    }
}

/// Goes down `sum (w - i)^2` for some steps.
fn descend(optimizer: &mut dyn Optimizer, weights: &mut [f32], steps: usize) {
    for _ in 0..steps {
        let gradient: Vec<f32> = weights.iter().enumerate().map(|(i, w)| 2.0 * (w - i as f32)).collect();
        optimizer.step(weights, &gradient, optimizer.learning_rate());
    }
}

#[test]
fn a_loaded_optimizer_continues_bit_for_bit() {
    for entry in ENTRIES {
        for params in [serde_json::json!({}), serde_json::json!({ "weight_decay": 0.25, "lr": 0.01 })] {
            let mut weights = vec![0.5; 5];
            let mut optimizer = build(&registry(), entry.name, params.clone(), &5);
            descend(&mut *optimizer, &mut weights, 7);
            let mut copy = build(&registry(), entry.name, params, &5);
            copy.load(&optimizer.save()).unwrap();
            let mut resumed = weights.clone();
            descend(&mut *optimizer, &mut weights, 5);
            descend(&mut *copy, &mut resumed, 5);
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&weights), bits(&resumed), "{}", entry.name);
            assert_eq!(optimizer.save(), copy.save(), "{}", entry.name);
        }
    }
}

#[test]
fn a_momentum_survives_a_resume() {
    let params = serde_json::json!({ "momentum": 0.9 });
    let (mut weights, k) = (vec![0.5; 3], 3);
    let mut sgd = build(&registry(), "sgd", params.clone(), &k);
    descend(&mut *sgd, &mut weights, 3);
    let (mut copy, mut resumed) = (build(&registry(), "sgd", params, &k), weights.clone());
    copy.load(&sgd.save()).unwrap();
    descend(&mut *sgd, &mut weights, 3);
    descend(&mut *copy, &mut resumed, 3);
    assert_eq!(weights, resumed);
}

#[test]
fn a_state_of_another_optimizer_or_size_is_refused_and_changes_nothing() {
    for entry in ENTRIES {
        let mut optimizer = build(&registry(), entry.name, serde_json::json!({}), &4);
        descend(&mut *optimizer, &mut [0.0; 4], 2);
        let before = optimizer.save();
        let larger = build(&registry(), entry.name, serde_json::json!({}), &5);
        assert!(optimizer.load(&larger.save()).is_err(), "{}", entry.name);
        assert!(optimizer.load(&subevo::state::State::default()).is_err(), "{}", entry.name);
        assert_eq!(optimizer.save(), before, "{}", entry.name);
    }
}

#[test]
fn every_optimizer_goes_down_a_bowl_with_its_defaults() {
    for entry in ENTRIES {
        let mut optimizer = build(&registry(), entry.name, serde_json::json!({}), &3);
        let mut weights = vec![5.0, 5.0, 5.0];
        // Adam moves by at most its learning rate of 0.001 a step.
        descend(&mut *optimizer, &mut weights, 10_000);
        // AdamW's default decay shrinks the optimum by a share far below this bound.
        assert!(weights.iter().enumerate().all(|(i, w)| (w - i as f32).abs() < 0.05), "{}: {weights:?}", entry.name);
    }
}

#[test]
fn bad_parameters_are_told_with_their_key() {
    for (name, params, key) in [
        ("sgd", serde_json::json!({ "nesterov": true }), "nesterov"),
        ("sgd", serde_json::json!({ "momentum": 1.0 }), "momentum"),
        ("adam", serde_json::json!({ "beta2": 1.0 }), "beta2"),
        ("adam", serde_json::json!({ "lr": 0 }), "lr"),
        ("adamw", serde_json::json!({ "weight_decay": -0.1 }), "weight_decay"),
        ("adamw", serde_json::json!({ "momentum": 0.9 }), "momentum"),
        ("clipup", serde_json::json!({ "max_speed": 0 }), "max_speed"),
    ] {
        let messages = try_build(&registry(), name, params, &3).err().unwrap();
        assert!(messages.len() == 1 && messages[0].contains(&format!("{key}`")), "{name}: {messages:?}");
    }
    for milestones in [serde_json::json!([0.5, 1.5]), serde_json::json!(0.5), serde_json::json!(["half"])] {
        let params = serde_json::json!({ "milestones": milestones });
        let messages = try_build(&schedules(), "step", params, &()).err().unwrap();
        assert!(messages.len() == 1 && messages[0].contains("list of numbers, each 0 to 1"), "{messages:?}");
    }
}

#[test]
fn every_schedule_stays_between_zero_and_one_and_never_rises_without_a_warmup() {
    for entry in schedule::ENTRIES {
        let built = build(&schedules(), entry.name, serde_json::json!({}), &());
        let factor = |step: u64| built.factor(Progress { step, used: step as f64 / 100.0 });
        let factors: Vec<f64> = (0..=100).map(factor).collect();
        assert_eq!(factors[0], 1.0, "{}", entry.name);
        assert!(factors.windows(2).all(|w| w[1] <= w[0] && w[1] >= 0.0), "{}: {factors:?}", entry.name);
    }
    let given = serde_json::json!({ "milestones": [0.25], "gamma": 0.5 });
    let step = build(&schedules(), "step", given, &());
    assert_eq!(step.factor(Progress { step: 0, used: 0.3 }), 0.5);
}
