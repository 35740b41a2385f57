//! Augmentation, epochs and recipes from outside: what `inspect` says of them, and that runs keep their bytes.

use serde_json::Value;

use super::{assert_same, read, Place, ALL_LEARNERS, TINY};

#[test]
fn augmented_runs_are_the_same_on_any_number_of_threads_and_other_than_plain_ones() {
    let place = Place::new(TINY);
    let run = |out: &str, words: &[&str]| {
        let sets = ["--out", out, "--set", ALL_LEARNERS, "--set", "budget={ epochs = 1 }"];
        place.run(&[&sets, words].concat());
        place.bytes(&format!("{out}/tiny"))
    };
    let crop = "data.augment={ name = \"crop-flip\", padding = 2 }";
    let expected = run("one", &["--set", crop, "--threads", "1"]);
    assert_same(&run("three", &["--set", crop, "--threads", "3", "--checkpoint-every", "0s"]), &expected, "three");
    run("plain", &[]);
    let runs = place.runs("one/tiny").into_iter().zip(place.runs("plain/tiny"));
    for (augmented, plain) in runs {
        let [augmented, plain] = [augmented, plain].map(|run| read(run.join("steps.jsonl")));
        let lines = |text: &str, kind: &str| -> Vec<Value> {
            let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            all.filter(|line| line["record"] == kind).collect()
        };
        // 180 images in batches of 16 are 11.25: the twelfth step ends the epoch.
        let steps = lines(&augmented, "step");
        assert_eq!((steps.len(), lines(&plain, "step").len()), (12, 12));
        assert_eq!(lines(&augmented, "end")[0]["reason"], "epochs");
        assert_ne!(steps[0]["loss"], lines(&plain, "step")[0]["loss"]);
        // The untrained network is evaluated on images as they are.
        assert_eq!(lines(&augmented, "evaluation")[0], lines(&plain, "evaluation")[0]);
    }
}

#[test]
fn inspect_tells_of_augmentation_and_epochs_and_keeps_nothing_that_changes() {
    let place = Place::new(TINY);
    let sets =
        ["model=conv2", "subset.select=[{ classifier = true }]", "learner.1.recipe=rosenfeld-alexnet", "data.image=16"];
    let sets = sets.iter().flat_map(|set| ["--set", set]).collect::<Vec<_>>();
    let inspect = |words: &[&str]| place.subevo(&[&["inspect", "campaign.toml"], &sets[..], words].concat()).expect(0);
    let json =
        |words: &[&str]| -> Value { serde_json::from_str(&inspect(&[words, &["--json"]].concat()).out).unwrap() };
    let sharing = |found: &Value| -> Vec<String> {
        let nodes = found["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["sharing"].as_str().unwrap().to_string()).collect()
    };
    let plain = json(&[]);
    assert!(sharing(&plain).contains(&"cached".to_string()), "{plain}");
    assert_eq!(plain["augmentation"], "none");
    let learners = plain["learners"].as_array().unwrap();
    // The section's own batch of 16: 164 x 180 / 16 = 1845.
    assert_eq!((&learners[1]["epochs"], &learners[1]["steps_of_epochs"]), (&164.into(), &1_845.into()));
    assert_eq!((&learners[0]["epochs"], &learners[1]["algorithm"]), (&Value::Null, &"adam".into()));
    let crop = ["--set", "data.augment=crop-flip"];
    let augmented = json(&crop);
    assert!(!sharing(&augmented).contains(&"cached".to_string()), "{augmented}");
    assert_eq!(augmented["augmentation"], "crop-flip");
    // An augmentation that does nothing is none.
    let idle = json(&["--set", "data.augment={ name = \"crop-flip\", padding = 0, flip = 0 }"]);
    assert_eq!(sharing(&idle), sharing(&plain));
    let told = inspect(&crop).out;
    assert!(told.contains("model conv2 on synthetic, augmented by crop-flip: "), "{told}");
    assert!(told.contains("164 epochs (1,845 steps)"), "{told}");
}
