//! What may not change a result: threads, memory, progress, the folder.

use super::{assert_same, Place, ALL_LEARNERS, TINY};

#[test]
fn threads_and_memory_change_no_byte() {
    let place = Place::new(TINY);
    // A generation of 40 members and 64 images needs more than a MiB.
    let larger = ["--set", ALL_LEARNERS, "--set", "budget.steps=15", "--set", "data.image=12"];
    let sizes: Vec<String> = (0..5)
        .flat_map(|i| ["batch=64", "strategy.population=40"].map(|key| format!("learner.{i}.{key}")))
        .filter(|set| !set.contains("learner.3.s") && !set.contains("learner.4.s"))
        .collect();
    let run = |out: &str, words: &[&str]| {
        let sets = sizes.iter().flat_map(|set| ["--set", set]);
        place.run(
            &larger.into_iter().chain(sets).chain(["--out", out]).chain(words.iter().copied()).collect::<Vec<_>>(),
        );
    };
    run("one", &["--threads", "1"]);
    let expected = place.bytes("one/tiny");
    assert_eq!(expected.len(), 15);
    for (out, words) in [
        ("two", &["--threads", "2"][..]),
        ("three", &["--threads", "3"]),
        ("sixteen", &["--threads", "16", "-qq", "--json"]),
        ("small", &["--memory", "1MiB", "--threads", "2"]),
        ("least", &["--memory", "1", "--threads", "3", "--checkpoint-every", "0s"]),
    ] {
        run(out, words);
        assert_same(&place.bytes(&format!("{out}/tiny")), &expected, out);
    }
}
