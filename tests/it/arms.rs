//! The arms of one experiment about noise, in one campaign: gradient descent on all images, SGD, evolution, neutral drift.

use subevo::campaign::store::read_run;
use subevo::campaign::{check_memory, run, Campaign, Options, Registry};
use subevo::data::Sampling;
use subevo::plan::Limits;

const LIMITS: Limits = Limits { memory: 1 << 30, threads: 2 };

const CAMPAIGN: &str = r#"
    campaign = { name = "arms", seeds = [3] }
    data = { name = "synthetic", image = 8, classes = 4, train = 200, test = 60 }
    model = { name = "conv2", channels = [4, 6] }
    subset = { select = [{ weights = 60 }, { classifier = true }] }
    budget = { steps = 12 }
    metrics = { every = 12 }

    [[learner]]
    name = "backprop"
    label = "descent"
    batch = "all"
    optimizer = { name = "sgd", lr = 0.01 }

    [[learner]]
    name = "backprop"
    label = "sgd"
    batch = 20
    sampling = "replacement"
    optimizer = { name = "sgd", lr = 0.01 }

    [[learner]]
    name = "backprop"
    label = "sgd-by-epochs"
    batch = 20
    optimizer = { name = "sgd", lr = 0.01 }

    [[learner]]
    name = "evolution"
    batch = 20
    strategy = { name = "snes", population = 6 }

    [[learner]]
    name = "evolution"
    label = "drift"
    batch = "all"
    strategy = { name = "neutral-drift", sigma = 0.02 }
"#;

fn campaign() -> Campaign {
    Campaign::parse("arms.toml", CAMPAIGN, &[], &Registry::builtin(), false).unwrap()
}

#[test]
fn all_arms_run_and_those_without_noise_never_rise() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { limits: LIMITS, ..Options::new(root.path()) };
    let summary = run(&campaign(), &Registry::builtin(), &options, &mut ()).unwrap();
    assert_eq!(summary.failed, []);
    let mut losses = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(summary.folder).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("config.toml").exists() {
            continue;
        }
        let records = read_run(&folder).unwrap();
        let label = records.header.learner.clone();
        let images = records.steps.last().unwrap().cost.images;
        let batch = if ["descent", "drift"].contains(&label.as_str()) { 180 } else { 20 };
        let networks = if label == "evolution" { 6 } else { 1 + u64::from(label == "drift") };
        assert_eq!(images, 12 * batch * networks, "{label}: a tenth of 200 images is held out");
        // What was written is what holds, and what was not is not there.
        let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
        assert_eq!(config.contains("batch = \"all\""), batch == 180, "{label}");
        assert_eq!(config.contains("sampling"), label == "sgd", "{label}");
        losses.insert(label, records.steps.iter().map(|step| step.best).collect::<Vec<f64>>());
    }
    assert_eq!(losses.len(), 5);
    for label in ["descent", "drift"] {
        assert!(losses[label].windows(2).all(|pair| pair[1] <= pair[0]), "{label}: {:?}", losses[label]);
        assert!(losses[label][11] < losses[label][0], "{label}");
    }
    assert!(losses["sgd"].windows(2).any(|pair| pair[1] > pair[0]), "batches are not alike: {:?}", losses["sgd"]);
    assert_ne!(losses["sgd"], losses["sgd-by-epochs"]);
}

#[test]
fn a_batch_of_all_images_is_held_against_memory() {
    let campaign = campaign();
    let learners = &campaign.cells[0].setup.learners;
    assert_eq!((learners[0].batch, learners[0].sampling), (180, Sampling::All));
    check_memory(&campaign, LIMITS).unwrap();
    let message = check_memory(&campaign, Limits { memory: 1 << 18, ..LIMITS }).unwrap_err().to_string();
    assert!(message.contains("learner `descent`") && message.contains("a batch of 180 images"), "{message}");
}
