//! The option `batchnorm` that every init has.

use serde_json::{json, Value as Json};
use subevo::entry::Entries;
use subevo::graph::init::{draw, Init, ENTRIES};
use subevo::graph::ParameterKind;
use subevo::rng::Seed;

use crate::networks::network;
use crate::tables::{build, try_build};

fn init(name: &str, params: Json) -> Box<dyn Init> {
    build::<dyn Init, ()>(&Entries::new("init", ENTRIES), name, params, &())
}

#[test]
fn batch_norm_scales_can_be_uniform_under_every_init_and_nothing_else_changes() {
    let graph = network("conv2-bn", json!({ "channels": [400, 600] }), [1, 8, 8]);
    for entry in ENTRIES {
        let rule = init(entry.name, json!({ "batchnorm": "uniform" }));
        let uniform = draw(&graph, &*rule, Seed::new(3));
        let plain = draw(&graph, &*init(entry.name, json!({})), Seed::new(3));
        let mut scales = Vec::new();
        for parameter in &graph.parameters {
            let (found, before) = (&uniform[parameter.range()], &plain[parameter.range()]);
            if parameter.kind == ParameterKind::BatchNormScale {
                scales.extend_from_slice(found);
                assert!(before.iter().all(|scale| *scale == 1.0));
                let unit = rule.distribution(parameter).scale();
                assert!((unit * unit - 1.0 / 12.0).abs() < 1e-6, "{}: a gene is worth {unit}", entry.name);
            } else {
                assert_eq!(found, before, "{} {}", entry.name, parameter.name);
            }
        }
        // U[0, 1): mean 1/2, mean square 1/3; four standard deviations of 1,000 draws.
        assert!(scales.len() == 1_000 && scales.iter().all(|scale| (0.0..1.0).contains(scale)));
        let mean = |f: &dyn Fn(f64) -> f64| scales.iter().map(|scale| f(f64::from(*scale))).sum::<f64>() / 1_000.0;
        let (first, second) = (mean(&|x| x), mean(&|x| x * x));
        assert!((first - 0.5).abs() < 4.0 * (1.0f64 / 12.0 / 1_000.0).sqrt(), "{}: {first}", entry.name);
        assert!((second - 1.0 / 3.0).abs() < 4.0 * (4.0f64 / 45.0 / 1_000.0).sqrt(), "{}: {second}", entry.name);
    }
}

#[test]
fn another_word_for_batch_norm_is_a_mistake() {
    let registry = Entries::<dyn Init>::new("init", ENTRIES);
    let messages = try_build(&registry, "he-normal", json!({ "batchnorm": "ones" }), &()).err().unwrap();
    assert_eq!(messages, ["`it.batchnorm` = \"ones\": must be `one` or `uniform`"]);
}
