//! Subsets that are written, edited and read back, and masks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use safetensors::tensor::TensorView;
use safetensors::Dtype;
use serde_json::{json, Value as Json};
use subevo::graph::Graph;
use subevo::subset::Subset;

use crate::networks::{network, select, small_network, try_select};

/// A folder with one file.
struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn written(name: &str, bytes: &[u8]) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Written { _folder: folder, path }
}

fn read(text: &str, graph: &Graph) -> Result<Subset, String> {
    let file = written("mine.json", text.as_bytes());
    let found = try_select(json!([{ "file": file.path }]), graph, 1);
    found.map_err(|mut messages| messages.remove(0).replace(&file.path.display().to_string(), "PATH"))
}

/// An exported file with these spans.
fn of_spans(spans: &Json) -> String {
    json!({ "schema": "subevo.subset/1", "spans": spans }).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_exported_subset_comes_back(marks in prop::collection::vec(prop::bool::weighted(0.4), 372)) {
        prop_assume!(marks.contains(&true));
        let graph = small_network();
        let subset = Subset::from_marks("some \"quoted\"", &graph, &marks).unwrap();
        let text = subset.to_json("conv2-bn");
        let back = read(&text, &graph).unwrap();
        prop_assert_eq!((&back.spans, back.size), (&subset.spans, subset.size));
        prop_assert_eq!(back.name.as_str(), "file=mine");
        // Spans may stand in any order, and only say where they are.
        let mut json: Json = serde_json::from_str(&text).unwrap();
        let spans = json["spans"].as_array_mut().unwrap();
        spans.reverse();
        for span in spans.iter_mut() {
            span.as_object_mut().unwrap().retain(|key, _| ["parameter", "offset", "length"].contains(&key.as_str()));
        }
        prop_assert_eq!(read(&json.to_string(), &graph).unwrap().spans, subset.spans);
    }
}

#[test]
fn an_export_is_a_line_for_each_span_and_what_is_deleted_is_frozen() {
    let graph = small_network();
    let subset = select(json!([{ "filters": 1 }, { "layers": "bn1" }]), &graph, 1);
    let text = subset.to_json("conv2-bn");
    let lines: Vec<&str> = text.lines().collect();
    // One filter of each of two convolutions; scale and shift of bn1.
    assert_eq!(lines.len(), 6 + 4 + 2);
    assert_eq!(
        lines[..6],
        [
            "{",
            "  \"schema\": \"subevo.subset/1\",",
            "  \"name\": \"filters=1+layers=bn1\",",
            "  \"model\": \"conv2-bn\",",
            "  \"size\": 53,",
            "  \"spans\": [",
        ]
    );
    assert_eq!(
        lines[6],
        r#"    {"parameter":"conv1.weight","layer":"conv1","kind":"conv-weight","filter":3,"fan_in":9,"offset":27,"length":9},"#
    );
    let kept: Vec<&str> = lines.iter().copied().filter(|line| !line.contains("bn1.")).collect();
    assert_eq!(read(&kept.join("\n"), &graph).unwrap().spans, select(json!([{ "filters": 1 }]), &graph, 1).spans);
    // The whole layer as one span is cut at its filters.
    let whole = of_spans(&json!([{ "parameter": "conv1.weight", "offset": 0, "length": 36 }]));
    assert_eq!(read(&whole, &graph).unwrap().spans, select(json!([{ "layers": "conv1" }]), &graph, 1).spans);
    // It composes as any other.
    let file = written("mine.json", whole.as_bytes());
    let both = json!([{ "minus": [{ "all": true }, { "file": file.path }] }]);
    assert_eq!(select(both, &graph, 1).size, 372 - 36);
}

#[test]
fn every_mistake_in_a_file_is_told_with_its_span() {
    let graph = small_network();
    let good = json!({ "parameter": "conv1.weight", "offset": 9, "length": 9 });
    let with = |changes: Json| {
        let mut span = good.clone();
        span.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        of_spans(&json!([good, span]))
    };
    let cases = [
        (
            with(json!({ "parameter": "conv1.wieght" })),
            "span 2, `conv1.wieght`: the network has no parameter of that name; did you mean `conv1.weight`?".to_string(),
        ),
        (
            with(json!({ "parameter": "x" })),
            "span 2, `x`: the network has no parameter of that name; its parameters are conv1.weight, bn1.scale, bn1.shift, \
             conv2.weight, bn2.scale, bn2.shift, fc.weight, fc.bias"
                .to_string(),
        ),
        (
            with(json!({ "offset": 28 })),
            "span 2, `conv1.weight`: 9 scalars from 28 on: the parameter has 36, numbered from 0".to_string(),
        ),
        (
            with(json!({ "length": 0 })),
            "span 2, `conv1.weight`: 0 scalars from 9 on: the parameter has 36, numbered from 0".to_string(),
        ),
        (
            with(json!({ "offset": u64::MAX })),
            format!("span 2, `conv1.weight`: 9 scalars from {} on: the parameter has 36, numbered from 0", u64::MAX),
        ),
        (
            with(json!({ "offset": 17 })),
            "span 2, `conv1.weight`: scalar 17 is in span 1 too: take it out of one of them".to_string(),
        ),
        (
            with(json!({ "offset": 0, "layer": "conv2" })),
            "span 2, `conv1.weight`: its layer is conv2, in this network conv1: correct it or leave it out".to_string(),
        ),
        (
            with(json!({ "offset": 0, "kind": "linear-weight" })),
            "span 2, `conv1.weight`: its kind is linear-weight, in this network conv-weight: correct it or leave it out"
                .to_string(),
        ),
        (
            with(json!({ "offset": 18, "filter": 3 })),
            "span 2, `conv1.weight`: its filter is 3, in this network 2: correct it or leave it out".to_string(),
        ),
        (
            with(json!({ "offset": 18, "fan_in": 8 })),
            "span 2, `conv1.weight`: its fan-in is 8, in this network 9: correct it or leave it out".to_string(),
        ),
    ];
    for (text, message) in cases {
        assert_eq!(read(&text, &graph).unwrap_err(), format!("subset: `file=mine`: {message}"), "{text}");
    }
    assert_eq!(read(&of_spans(&json!([])), &graph).unwrap_err(), "subset: `file=mine` selects no weight at all");
    for (text, message) in [
        ("{\n\"schema\": \"subevo.subset/1\",\n}", "it is no exported subset: trailing comma at line 3 column 1"),
        (
            "{\"schema\": \"subevo.subset/2\", \"spans\": []}",
            "its schema is `subevo.subset/2`, expected `subevo.subset/1`",
        ),
        ("{\"schema\": \"subevo.subset/1\"}", "it is no exported subset: missing field `spans` at line 1 column 29"),
        ("\u{0}", "it is no exported subset: expected value at line 1 column 1"),
    ] {
        let found = read(text, &graph).unwrap_err();
        assert!(found.starts_with("mine-") && found.ends_with(&format!(".json: {message}")), "{found}");
    }
    let unknown = read(&with(json!({ "size": 3 })), &graph).unwrap_err();
    assert!(unknown.contains("unknown field `size`, expected one of `parameter`"), "{unknown}");
    let missing = try_select(json!([{ "file": "/none/mine.json" }]), &graph, 1).unwrap_err();
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0].starts_with("`select.0.file` = \"/none/mine.json\": cannot read /none/mine.json: "),
        "{missing:?}"
    );
    assert!(try_select(json!([{ "file": "/" }]), &graph, 1).unwrap_err()[0].contains("it is no file"));
}

#[test]
fn injections_of_the_images_are_in_no_file() {
    let graph = network("conv2", json!({ "inject": 1 }), [1, 28, 28]);
    let injected = graph.parameters.iter().find(|parameter| !parameter.trainable()).unwrap();
    let text = of_spans(&json!([{ "parameter": injected.name, "offset": 0, "length": 1 }]));
    let message = read(&text, &graph).unwrap_err();
    assert!(message.ends_with("it is a random projection of the images, which is never trained"), "{message}");
    let file =
        written("m.safetensors", &mask(&[(&injected.name, Dtype::U8, &injected.shape, vec![1; injected.len()])]));
    let message = &try_select(json!([{ "mask": file.path }]), &graph, 1).unwrap_err()[0];
    assert!(message.ends_with("it is a random projection of the images, which is never trained"), "{message}");
    // Scores and numbers per channel pass them by too.
    for item in [json!({ "magnitude": 1.0 }), json!({ "gradient": 1.0 }), json!({ "per-channel": 1.0 })] {
        let subset = select(json!([item]), &graph, 1);
        assert!(subset.spans.iter().all(|span| span.parameter != injected.name));
    }
}

/// A safetensors file of tensors with name, type, shape and bytes.
fn mask(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> Vec<u8> {
    let views: BTreeMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap()))
        .collect();
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn a_mask_trains_where_it_is_not_zero_and_freezes_what_it_does_not_name() {
    let graph = network("mlp", json!({ "hidden": [3] }), [1, 1, 2]);
    // fc1 3x2 and 3, fc2 10x3 and 10.
    let f32s = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let file = written(
        "mask.safetensors",
        &mask(&[
            ("fc1.weight", Dtype::U8, &[3, 2], vec![0, 1, 2, 0, 0, 255]),
            ("fc1.bias", Dtype::F32, &[3], f32s(&[0.0, -0.5, -0.0])),
            ("fc2.bias", Dtype::BOOL, &[10], vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ]),
    );
    let subset = select(json!([{ "mask": file.path }]), &graph, 1);
    let marks = subset.marks(graph.parameter_count());
    let trained: Vec<usize> = (0..marks.len()).filter(|i| marks[*i]).collect();
    assert_eq!(trained, [1, 2, 5, 7, 39, 48]);
    assert_eq!(subset.name, "mask=mask");

    let refusal = |bytes: &[u8]| {
        let file = written("m.safetensors", bytes);
        try_select(json!([{ "mask": file.path }]), &graph, 1).unwrap_err().remove(0)
    };
    for (tensor, message) in [
        (
            ("fc1.wieght", Dtype::U8, &[1][..], vec![1]),
            "tensor `fc1.wieght`: the network has no parameter of that name",
        ),
        (("fc1.bias", Dtype::U8, &[2], vec![1, 1]), "tensor `fc1.bias`: its shape is [2], that of the parameter [3]"),
        (("fc1.weight", Dtype::U8, &[2, 3], vec![1; 6]), "its shape is [2, 3], that of the parameter [3, 2]"),
        (("fc1.bias", Dtype::F64, &[3], vec![0; 24]), "tensor `fc1.bias`: its type is F64: must be BOOL, U8 or F32"),
        (("fc1.bias", Dtype::F32, &[3], f32s(&[1.0, f32::NAN, 0.0])), "tensor `fc1.bias`: it holds NaN"),
        (("fc1.bias", Dtype::U8, &[3], vec![0; 3]), "`mask=m` selects no weight at all"),
    ] {
        let found = refusal(&mask(&[tensor]));
        assert!(found.contains(message), "{found}");
    }
    assert!(refusal(b"torn").contains("it is no safetensors file"));
}
