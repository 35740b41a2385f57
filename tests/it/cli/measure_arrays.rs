//! `subevo measure-arrays`: numbers of a file that a user made, and what is said where they cannot be made.

use std::fs;

use safetensors::tensor::TensorView;
use safetensors::Dtype;
use serde_json::Value;

use super::Place;

/// A safetensors file with a layer of two far clusters, the same before training without any, and labels.
fn layer(place: &Place) {
    let row = |i: usize, far: f32| [if i.is_multiple_of(2) { far } else { 0.0 }, 1.0];
    let bytes = |far: f32| -> Vec<u8> { (0..40).flat_map(|i| row(i, far)).flat_map(f32::to_le_bytes).collect() };
    let (t, before) = (bytes(1e3), bytes(0.0));
    let y: Vec<u8> = (0..40i64).flat_map(|i| (i % 2).to_le_bytes()).collect();
    let tensors = [
        ("t", TensorView::new(Dtype::F32, vec![40, 2], &t).unwrap()),
        ("t_init", TensorView::new(Dtype::F32, vec![40, 2], &before).unwrap()),
        ("y", TensorView::new(Dtype::I64, vec![40], &y).unwrap()),
    ];
    fs::write(place.path("layer.safetensors"), safetensors::serialize(tensors, None).unwrap()).unwrap();
}

#[test]
fn a_layer_is_measured_with_all_companions_on_one_line() {
    let place = Place::new("");
    layer(&place);
    let words = ["measure-arrays", "layer.safetensors", "--metric", "kolchinsky-tracey", "--param", "sigma=1"];
    let ended = place.subevo(&[&words[..], &["--param", "of=ty", "--json"]].concat()).expect(0);
    assert_eq!((ended.out.lines().count(), ended.err.as_str()), (1, ""));
    assert!(ended.out.starts_with("{\"metric\":\"kolchinsky-tracey\",\"value\":0.6931471805599"), "{}", ended.out);
    let line: Value = serde_json::from_str(&ended.out).unwrap();
    let number = |key: &str| line[key].as_f64().unwrap();
    assert!((number("cap") - 2f64.ln()).abs() < 1e-12 && number("init").abs() < 1e-12);
    assert!(number("shuffled") < 0.2 && number("n") == 40.0);
    assert!(line["se"].is_null() && line["unit"] == "nats" && line.as_object().unwrap().len() == 8, "{line}");
    // In words; and the same whatever the threads.
    let ended = place.subevo(&words).expect(0);
    assert_eq!(ended.out, "kolchinsky-tracey: 0.693147 nats (se -, n 40, cap 3.688879, init 0.000000, shuffled -)\n");
    let one = place.subevo(&[&words[..], &["--threads", "1", "--json"]].concat()).expect(0);
    assert_eq!(one.out, place.subevo(&[&words[..], &["--threads", "3", "--json"]].concat()).expect(0).out);
}

#[test]
fn what_cannot_be_measured_is_told_with_what_is_allowed() {
    let place = Place::new("");
    layer(&place);
    fs::write(place.path("text.safetensors"), "not tensors").unwrap();
    for (words, told) in [
        (&["layer.safetensors", "--metric", "prob"][..], "--metric: unknown estimator `prob`: expected `"),
        (&["layer.safetensors", "--metric", "prob"], "did you mean `probe`?"),
        (
            &["layer.safetensors", "--metric", "binned", "--param", "bin=3"],
            "unknown key `bin` in `binned`: expected `bins`",
        ),
        (
            &["layer.safetensors", "--metric", "binned", "--param", "bins=0"],
            "`binned.bins` = 0: must be an integer, 1 to",
        ),
        (&["layer.safetensors", "--metric", "ksg"], "layer.safetensors: ksg: there is no array `x`: found `t` or `y`"),
        (&["layer.safetensors"], "--metric <NAME>"),
        (&["none.safetensors", "--metric", "probe"], "cannot read none.safetensors"),
        (&["text.safetensors", "--metric", "probe"], "text.safetensors: it is no safetensors file"),
    ] {
        let ended = place.subevo(&[&["measure-arrays"], words].concat()).expect(2);
        assert!(ended.err.contains(told) && ended.out.is_empty(), "{words:?}: {ended:?}");
    }
    assert!(place.subevo(&["list", "estimators"]).expect(0).out.contains("Kolchinsky & Tracey 2017"));
}
