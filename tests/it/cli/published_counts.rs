//! Parameter counts of the literature: each row is read as a campaign file and counted as `subevo inspect --json` counts it.

use subevo::campaign::{Campaign, Registry};

use super::Place;

/// Images of CIFAR and MNIST: channels and side.
const CIFAR: [usize; 2] = [3, 32];
const MNIST: [usize; 2] = [1, 28];

const WRN: &str = r#"name = "wrn", depth = 28, widen = 10"#;
const WRN4: &str = r#"name = "wrn", depth = 28, widen = 4"#;
const DENSENET: &str = r#"name = "densenet-bc", depth = 100, growth = 12"#;
const VGG: &str = r#"name = "vgg19-bn""#;
const ALEXNET: &str = r#"name = "alexnet-cifar""#;

const ALL: &str = "{ all = true }";
const BATCHNORM: &str = "{ batchnorm = true }";
const BATCHNORM_AND_CLASSIFIER: &str = "{ batchnorm = true }, { classifier = true }";

/// A campaign file with this network on images of this shape, and this subset.
fn file(model: &str, select: &str, [channels, side]: [usize; 2], classes: usize) -> String {
    format!(
        r#"
        campaign = {{ name = "counts" }}
        data = {{ name = "synthetic", channels = {channels}, image = {side}, classes = {classes}, train = 300, test = 100 }}
        model = {{ {model} }}
        subset = {{ select = [{select}] }}
        budget = {{ steps = 1 }}
        learner = [{{ name = "backprop" }}]
        "#
    )
}

/// `parameters_total` and `subset_size`.
fn counts(model: &str, select: &str, image: [usize; 2], classes: usize) -> [usize; 2] {
    let text = file(model, select, image, classes);
    let campaign = Campaign::parse("counts.toml", &text, &[], &Registry::builtin(), false)
        .unwrap_or_else(|error| panic!("{model} {select}: {error}"));
    let setup = &campaign.cells[0].setup;
    [setup.graph.parameter_count(), setup.select(0, 0, None).unwrap().size]
}

fn total(model: &str, image: [usize; 2], classes: usize) -> usize {
    let [total, trained] = counts(model, ALL, image, classes);
    assert_eq!(total, trained, "{model}: all are trained");
    total
}

/// Rosenfeld's subset: the last `part` of the filters (a share or a count) of each convolution, batch-norm, classifier.
fn rosenfeld(model: &str, part: &str) -> String {
    let batchnorm = if model == ALEXNET { "" } else { "{ batchnorm = true }, " };
    format!("{{ filters = {part} }}, {batchnorm}{{ classifier = true }}")
}

#[test]
fn rosenfeld_and_tsotsos_on_cifar10() {
    for (model, all, parts) in [
        (WRN, 36_479_194, &[("0.7", 25_542_739), ("0.4", 14_606_284), ("0.1", 3_669_829), ("1", 99_909)][..]),
        (DENSENET, 769_162, &[("0.7", 532_894), ("5", 177_973), ("0.1", 90_196), ("0.07", 58_453), ("1", 57_529)][..]),
        (
            VGG,
            20_040_522,
            &[("0.7", 14_016_244), ("0.4", 7_994_301), ("0.07", 1_379_434), ("5", 240_993), ("1", 61_109)][..],
        ),
        (
            ALEXNET,
            2_472_266,
            &[("0.7", 1_727_890), ("0.4", 985_607), ("0.07", 167_747), ("5", 49_850), ("1", 12_026)][..],
        ),
    ] {
        assert_eq!(total(model, CIFAR, 10), all, "{model}");
        for (part, trained) in parts {
            assert_eq!(counts(model, &rosenfeld(model, part), CIFAR, 10), [all, *trained], "{model}, part {part}");
        }
    }
}

#[test]
fn rosenfeld_and_tsotsos_on_cifar100() {
    for (model, all) in [(DENSENET, 800_032), (WRN, 36_536_884), (VGG, 20_086_692)] {
        assert_eq!(total(model, CIFAR, 100), all, "{model}");
    }
}

#[test]
fn rosenfeld_and_tsotsos_batch_norm_with_and_without_the_classifier() {
    assert_eq!(counts(DENSENET, BATCHNORM, CIFAR, 10)[1], 23_988);
    assert_eq!(counts(DENSENET, BATCHNORM_AND_CLASSIFIER, CIFAR, 10)[1], 27_418);
    assert_eq!(counts(WRN4, BATCHNORM, CIFAR, 100)[1], 7_200);
    assert_eq!(counts(WRN4, BATCHNORM_AND_CLASSIFIER, CIFAR, 100)[1], 32_900);
}

#[test]
fn frankle_schwab_and_morcos() {
    let resnet =
        |depth: u32, shortcut: &str| format!(r#"name = "resnet-cifar", depth = {depth}, shortcut = "{shortcut}""#);
    for (depth, batchnorm) in
        [(14, 1_120), (32, 2_464), (56, 4_256), (110, 8_288), (218, 16_352), (434, 32_480), (866, 64_736)]
    {
        assert_eq!(counts(&resnet(depth, "projection"), BATCHNORM, CIFAR, 10)[1], batchnorm, "depth {depth}");
    }
    for shortcut in ["projection-no-bn", "pad"] {
        assert_eq!(counts(&resnet(32, shortcut), BATCHNORM, CIFAR, 10)[1], 2_272, "{shortcut}");
    }
    // Shortcuts without weights, He et al. 2016, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million.
    for (depth, all) in [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)] {
        assert_eq!(total(&resnet(depth, "pad"), CIFAR, 10), all, "depth {depth}");
    }
}

#[test]
fn li_and_others() {
    for (image, lenet, fc) in [(MNIST, 44_426, 199_210), (CIFAR, 62_006, 656_810)] {
        assert_eq!(total(r#"name = "lenet""#, image, 10), lenet);
        assert_eq!(total(r#"name = "mlp", hidden = [200, 200]"#, image, 10), fc);
    }
}

#[test]
fn networks_of_evolved_weights() {
    for (model, image, all) in [
        (r#"name = "conv2""#, MNIST, 11_274),
        (r#"name = "neuroevobench""#, CIFAR, 3_994),
        (r#"name = "mlp", hidden = [128]"#, MNIST, 101_770),
        (r#"name = "mlp", hidden = [128]"#, CIFAR, 394_634),
        (r#"name = "gressmann""#, MNIST, 93_322),
        (r#"name = "gressmann""#, CIFAR, 122_570),
    ] {
        assert_eq!(total(model, image, 10), all, "{model} on {image:?}");
    }
}

#[test]
fn inspect_prints_these_counts() {
    for (model, part, expected) in [(ALEXNET, "1", [2_472_266, 12_026]), (DENSENET, "5", [769_162, 177_973])] {
        let place = Place::new(&file(model, &rosenfeld(model, part), CIFAR, 10));
        let ended = place.subevo(&["inspect", "campaign.toml", "--json"]).expect(0);
        let found: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(
            [&found["parameters_total"], &found["subset_size"]].map(|n| n.as_u64().unwrap()),
            expected,
            "{model}"
        );
    }
}
