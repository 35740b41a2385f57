//! What may not change a result: threads, memory, progress, the folder.

use super::{assert_same, Place, ALL_LEARNERS, TINY};

#[test]
fn threads_and_memory_change_no_byte() {
    let place = Place::new(TINY);
    let larger = ["--set", ALL_LEARNERS, "--set", "budget.steps=15", "--set", "data.image=12"];
    let sizes: Vec<String> = (0..5)
        .flat_map(|i| ["batch=64", "strategy.population=40"].map(|key| format!("learner.{i}.{key}")))
        .filter(|set| !set.contains("learner.3.s") && !set.contains("learner.4.s"))
        .collect();
    let with_sets = |first: &[&str], words: &[&str]| -> Vec<String> {
        let sets = larger.into_iter().chain(sizes.iter().flat_map(|set| ["--set", set]));
        first.iter().copied().chain(sets).chain(words.iter().copied()).map(str::to_string).collect()
    };
    let run = |out: &str, words: &[&str]| {
        let words = with_sets(&["--out", out], words);
        place.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    };
    // The least memory in which everything fits, and the most that is of use; the last learners are backprop.
    let peak = |memory: &str| -> u64 {
        let words = with_sets(&["inspect", "campaign.toml"], &["--threads", "3", "--memory", memory, "--json"]);
        let ended = place.subevo(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
        let learners: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        learners["learners"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["peak_bytes"].as_u64().unwrap())
            .max()
            .unwrap()
    };
    let (least, most) = (peak("1"), peak("4GiB"));
    assert!(least < most, "{least} to {most}");
    let (least, between) = (least.to_string(), least.midpoint(most).to_string());
    run("one", &["--threads", "1"]);
    let expected = place.bytes("one/tiny");
    assert_eq!(expected.len(), 15);
    for (out, words) in [
        ("two", &["--threads", "2"][..]),
        ("three", &["--threads", "3"]),
        ("sixteen", &["--threads", "16", "-qq", "--json"]),
        ("small", &["--memory", &between, "--threads", "2"]),
        ("least", &["--memory", &least, "--threads", "3", "--checkpoint-every", "0s"]),
    ] {
        run(out, words);
        assert_same(&place.bytes(&format!("{out}/tiny")), &expected, out);
    }
}
