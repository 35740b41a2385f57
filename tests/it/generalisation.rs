//! Generalisation: the golden values of `tests/reference/metrics_golden.py`, estimators by their names, noisy labels from a
//! campaign file.

use std::collections::BTreeMap;

use subevo::campaign::{Campaign, Registry};
use subevo::data::Split;
use subevo::entry::Entries;
use subevo::estimator::{Array, Arrays, Estimate, Estimator, ENTRIES};
use subevo::params::resolved::to_toml;
use subevo::params::{read_table, toml, Origin, Problems};

const ESTIMATORS: Entries<dyn Estimator> = Entries::new("estimator", ENTRIES);

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../reference/metrics_golden.json")).unwrap()
}

fn array(value: &serde_json::Value) -> Array {
    let row = |row: &serde_json::Value| match row {
        serde_json::Value::Array(values) => values.iter().map(|x| x.as_f64().unwrap()).collect(),
        value => vec![value.as_f64().unwrap()],
    };
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(row).collect();
    Array::new(rows.concat(), rows.len())
}

/// `logits`, `y` and `t` of the golden file.
fn arrays() -> Arrays {
    let golden = golden();
    let of = |name: &str| array(&golden["arrays"][name]);
    let named = [("logits", of("logits")), ("y", of("label")), ("t", of("T"))];
    Arrays { arrays: named.into_iter().map(|(name, array)| (name.to_string(), array)).collect::<BTreeMap<_, _>>() }
}

/// What the estimator of that name gives with parameters written as TOML.
fn measured(name: &str, parameters: &str, arrays: &Arrays) -> Estimate {
    let problems = Problems::default();
    let table = toml::parse(parameters, &problems);
    let (built, _) = read_table(&table, Origin::Default, "", &problems, |params| {
        ESTIMATORS.build(name, &Origin::Default, params, &())
    });
    let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    assert!(told.is_empty(), "{told:?}");
    built.unwrap().estimate(arrays).unwrap()
}

#[test]
fn golden_values_of_classifiers_are_met() {
    let golden = golden();
    let cases = [
        ("accuracy", "", "acc", "1"),
        ("nll", "", "nll_nats", "nats"),
        ("brier", "", "brier_multiclass_0_2", "1"),
        ("ece", "", "ece_l1_15bins_left_closed", "1"),
        ("ece", "bins = 10", "ece_l1_10bins_left_closed", "1"),
    ];
    for (name, parameters, key, unit) in cases {
        let found = measured(name, parameters, &arrays());
        let expected = golden[key].as_f64().unwrap();
        assert!((found.value - expected).abs() < 1e-9, "{key}: {} against {expected}", found.value);
        assert_eq!((found.unit, found.n), (unit, 64), "{key}");
        assert!(found.shuffled.is_some() && found.init.is_none(), "{key}");
    }
}

#[test]
fn margins_are_positive_where_the_label_is_predicted() {
    let arrays = arrays();
    let accuracy = measured("accuracy", "", &arrays).value;
    let right = measured("margin", "of = \"right\"\nquantile = 0.0", &arrays);
    assert_eq!(right.n as f64, accuracy * 64.0);
    assert!(right.value > 0.0 && right.unit == "logits");
    // Just as many margins are above 0 as labels are predicted.
    let [below, above] = [0.02, -0.02].map(|beside| 1.0 - accuracy - beside);
    let quantile = |share: f64| measured("margin", &format!("quantile = {share:?}"), &arrays).value;
    assert!(quantile(below) < 0.0 && quantile(above) > 0.0);
    // Labels have logits of 0.8 more than others here, and permuted ones have not.
    let median = measured("margin", "", &arrays);
    assert!(median.shuffled.unwrap() < median.value - 0.3, "{median:?}");
    let divided = measured("margin", "divide = \"length\"", &arrays);
    let lengths = arrays.get("t").unwrap().iter().map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt());
    let expected = median.value / (lengths.sum::<f64>() / 64.0);
    assert!((divided.value - expected).abs() < 1e-12 && divided.unit == "1");
}

const NOISY: &str = r#"
    campaign = { name = "noisy" }
    data = { name = "synthetic", image = 8, train = 1_000, test = 50 }
    model = { name = "conv2", channels = [4, 8] }
    subset = { select = [{ classifier = true }] }
    budget = { images = 1_000 }
    learner = { name = "backprop" }
"#;

fn campaign(text: &str) -> Campaign {
    Campaign::parse("noisy.toml", text, &[], &Registry::builtin(), false).unwrap()
}

#[test]
fn label_noise_is_of_the_data_set_and_can_be_swept() {
    let text = format!("{NOISY}\n[grid]\n\"data.label_noise\" = [0.0, 0.4]\n");
    let campaign = campaign(&text);
    let sets: Vec<_> = campaign.cells.iter().map(|cell| cell.setup.data.load(None).unwrap()).collect();
    let agree = |i: usize| {
        let pairs = sets[i].labels(Split::Train).iter().zip(sets[i].true_labels(Split::Train));
        pairs.filter(|(label, truth)| label == truth).count() as f64 / 900.0
    };
    assert_eq!(sets.len(), 2);
    assert_eq!(agree(0), 1.0);
    // 1 - 0.4 + 0.4 / 10, within five standard deviations of 900 images.
    assert!((agree(1) - 0.64).abs() < 5.0 * (0.64f64 * 0.36 / 900.0).sqrt(), "{}", agree(1));
    assert!(sets.iter().all(|set| set.has_label_noise()));
    let again = campaign.cells[1].setup.data.load(None).unwrap();
    assert_eq!(again.labels(Split::Train), sets[1].labels(Split::Train));
}

#[test]
fn label_noise_is_resolved_only_where_it_is_set() {
    let clean = campaign(NOISY);
    let setup = &clean.cells[0].setup;
    assert!(!to_toml(&setup.resolved).contains("label_noise"), "digests of runs without noise stay");
    assert!(!setup.data.load(None).unwrap().has_label_noise());
    let noisy = campaign(&NOISY.replace("image = 8", "label_noise = 0.25, image = 8"));
    let setup = &noisy.cells[0].setup;
    assert!(to_toml(&setup.resolved).contains("label_noise = 0.25"));
    assert!(setup.data.resolved.contains("label_noise = 0.25"), "another set of images");
    let text = NOISY.replace("image = 8", "label_noise = 1.5, image = 8");
    let error = Campaign::parse("noisy.toml", &text, &[], &Registry::builtin(), false).err().unwrap().to_string();
    assert!(error.contains("`data.label_noise` = 1.5: must be a number, 0 to 1"), "{error}");
}
