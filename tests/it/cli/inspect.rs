//! `subevo inspect`: what it says of a plan is what the plan does.

use serde_json::Value;

use super::{Place, TINY};

fn inspect(place: &Place, words: &[&str]) -> Value {
    let ended = place.subevo(&[&["inspect", "campaign.toml", "--json"], words].concat()).expect(0);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn the_json_tells_of_each_node_how_members_share_it_and_what_it_costs() {
    let place = Place::new(TINY);
    let found = inspect(&place, &["--threads", "2"]);
    let nodes = found["nodes"].as_array().unwrap();
    let names: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["input", "conv1", "bn1", "relu1", "pool1", "conv2", "bn2", "relu2", "pool2", "flatten", "fc"]);
    // One of the two filters of conv1 is trained, and both scales: members share the other filter and its statistics.
    let of = |name: &str, key: &str| nodes[names.iter().position(|found| *found == name).unwrap()][key].clone();
    assert_eq!(of("conv1", "sharing"), "partly-shared");
    assert_eq!(of("conv1", "note"), "1 of 2 filters shared");
    assert_eq!((of("conv1", "macs_shared"), of("conv1", "macs_member")), (576.into(), 576.into()));
    assert_eq!((of("conv1", "filters"), of("conv1", "filters_trained")), (2.into(), 1.into()));
    assert_eq!((of("bn1", "sharing"), of("bn1", "fused_into")), ("per-member".into(), "conv1".into()));
    assert_eq!((of("conv2", "sharing"), of("conv2", "macs_member")), ("per-member".into(), 864.into()));
    assert_eq!((of("input", "sharing"), of("input", "fused_into")), ("shared".into(), Value::Null));
    let sum = |key: &str| nodes.iter().map(|node| node[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("macs_shared"), sum("macs_member"), sum("trained")), (576, 576 + 864 + 36, 37));
    let figure = |key: &str| found[key].as_u64().unwrap();
    assert_eq!(figure("macs_per_image_total"), 1_152 + 864 + 36);
    assert_eq!((figure("macs_per_image_shared"), figure("macs_per_image_member")), (576, 1_476));
    // Sixteen images, eight members; backprop computes the network and the way back.
    let learners = found["learners"].as_array().unwrap();
    assert_eq!(learners[0]["macs_per_step"], 16 * (576 + 8 * 1_476));
    assert_eq!((&learners[0]["members"], &learners[0]["population_bytes"]), (&8.into(), &(2 * 8 * 37 * 4).into()));
    assert_eq!(learners[1]["macs_per_step"], 16 * (2_052 + figure("macs_per_image_backward")));
    assert_eq!((&learners[0]["fits"], &found["fits"]), (&true.into(), &true.into()));
    let peaks = learners.iter().map(|learner| learner["peak_bytes"].as_u64().unwrap());
    assert_eq!(peaks.max(), found["peak_bytes"].as_u64());
    // Eight members on two threads are at least two units.
    assert!(learners[0]["unit"].as_u64().unwrap() <= 4, "{}", learners[0]);
}

#[test]
fn a_convolution_under_trained_filters_says_how_many_filters_and_input_channels_are_shared() {
    let place = Place::new(TINY);
    let quarter = ["--set", "model.channels=[16,32]", "--set", "subset.select=[{ filters = 0.25 }]"];
    let found = inspect(&place, &quarter);
    let conv2 = found["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "conv2").unwrap().clone();
    assert_eq!(conv2["note"], "24 of 32 filters shared; 4 of 16 input channels per member");
    // Nine taps at 4 x 4 positions, 224 of 512 pairs of channels.
    assert_eq!((&conv2["macs_member"], &conv2["macs_shared"]), (&(224 * 144).into(), &(288 * 144).into()));
    let text = place.subevo(&[&["inspect", "campaign.toml"][..], &quarter].concat()).expect(0).out;
    let line = text.lines().find(|line| line.starts_with("| conv2 ")).unwrap();
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let note = "24 of 32 filters shared; 4 of 16 input channels per member";
    assert_eq!(&cells[3..6], ["32 x 4 x 4", "partly-shared", note]);
    assert_eq!(&cells[8..10], ["41,472", "32,256"]);
}

#[test]
fn what_depends_on_the_single_image_is_cached_unless_told_otherwise() {
    let place = Place::new(TINY);
    // Too few filters save too little for what they leave to keep; these save 72 x 16 x 9 / 4 multiplies a value and more.
    let plain =
        ["--set", "model={ name = \"conv2\", channels = [16, 32] }", "--set", "subset.select=[{ classifier = true }]"];
    let sharing = |words: &[&str]| {
        let found = inspect(&place, &[&plain, words].concat());
        let node =
            |name: &str| found["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap().clone();
        (node("conv2")["sharing"].as_str().unwrap().to_string(), node("conv2")["macs_member"].clone())
    };
    assert_eq!(sharing(&[]), ("cached".to_string(), 0.into()));
    assert_eq!(sharing(&["--set", "engine.cache=f16"]).0, "cached");
    assert_eq!(sharing(&["--set", "engine.cache=off"]).0, "shared");
    let wrong = place.subevo(&["inspect", "campaign.toml", "--set", "engine.cache=f64"]).expect(2);
    assert!(wrong.err.contains("engine.cache") && wrong.err.contains("`f16`"), "{}", wrong.err);
}

#[test]
fn a_subset_that_is_drawn_again_says_how_often_and_what_is_kept() {
    let place = Place::new(&TINY.replace("{ filters = 1 }", "{ weights = 4 }"));
    let found = inspect(&place, &["--set", "subset.redraw=6"]);
    assert_eq!((&found["redraw"], &found["subset_size"]), (&6.into(), &14.into()));
    // Forty steps in stages of six: seven, of which the first six are kept.
    for learner in found["learners"].as_array().unwrap() {
        assert_eq!((&learner["stages"], &learner["chain_values"]), (&7.into(), &(6 * 14).into()));
    }
    let text = place.subevo(&["inspect", "campaign.toml", "--set", "subset.redraw=6"]).expect(0).out;
    assert!(text.contains("background random, drawn again after every 6 steps\n"), "{text}");
    let line = "learner `backprop`: at most 7 stages, whose chain of offsets has 84 values (336 B)";
    assert!(text.contains(line), "{text}");
    let fixed = inspect(&place, &[]);
    assert_eq!((&fixed["redraw"], &fixed["learners"][0]["stages"]), (&0.into(), &Value::Null));
}

#[test]
fn of_a_subspace_it_tells_the_numbers_that_are_trained_and_the_weights_that_they_move() {
    let place = Place::new(TINY);
    let set = ["--set", "subset.subspace={ dimension = 20, projection = \"sparse\" }"];
    let (found, plain) = (inspect(&place, &set), inspect(&place, &[]));
    assert_eq!((&found["subset_size"], &found["subset_weights"]), (&20.into(), &37.into()));
    assert_eq!(found["subspace"], serde_json::json!({ "dimension": 20, "projection": "sparse" }));
    assert_eq!(found["subset"], "subspace=20-sparse(batchnorm+filters=1)");
    assert_eq!(
        (&plain["subset_size"], &plain["subset_weights"], &plain["subspace"]),
        (&37.into(), &37.into(), &Value::Null)
    );
    // The network pays for what the weights change; the population is coordinates.
    assert_eq!(found["macs_per_image_member"], plain["macs_per_image_member"]);
    assert_eq!(found["learners"][0]["population_bytes"], 2 * 8 * 20 * 4);
    let text = place.subevo(&[&["inspect", "campaign.toml"][..], &set].concat()).expect(0).out;
    let line =
        "subset subspace=20-sparse(batchnorm+filters=1): 20 trained, coordinates of a sparse basis over 37 weights";
    assert!(text.contains(line), "{text}");
    let listed = place.subevo(&["list", "projections"]).expect(0).out;
    assert!(["dense", "fastfood", "sparse"].iter().all(|name| listed.contains(&format!("| {name} "))), "{listed}");
}
