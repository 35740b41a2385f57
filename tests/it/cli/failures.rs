//! Runs that fail: kept, told, passed over, tried again.

use std::fs;

use super::{read, Place, ALL_LEARNERS, TINY};

/// Backprop fails in its second step, evolution in its first: all members' logits overflow.
pub(super) const DIVERGES: [&str; 2] = ["--set", "learner.1.optimizer.lr=1e30"];

/// A network in which steps of a thousand overflow, as one learner more.
const ALL_FAIL: [&str; 6] = [
    "--set",
    "model={ name = \"mlp\", hidden = [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4] }",
    "--set",
    "subset.select=[{ all = true }]",
    "--set",
    "learner.0.strategy={ name = \"snes\", population = 4, sigma = 1000.0 }",
];

#[test]
fn a_failed_run_is_kept_and_told_the_others_go_on_and_the_same_command_tries_again() {
    let place = Place::new(TINY);
    let words = [&["run", "campaign.toml", "--set", "campaign.seeds=2"], &DIVERGES[..]].concat();
    let message = "backprop diverged at step 1: loss NaN, gradient norm NaN; lower the learning rate\n";
    for done_before in [0, 2] {
        let ended = place.subevo(&words).expect(1);
        assert!(ended.err.contains(&format!("[2/4] backprop seed=1: failed: {message}")), "{}", ended.err);
        let last = "error: 2 of 4 runs failed, 2 are done; the same command tries the failed ones again\n";
        assert!(ended.err.ends_with(last), "{}", ended.err);
        assert_eq!(ended.err.matches(": done in").count(), 2 - done_before, "{}", ended.err);
        let row = |learner: &str| ended.out.lines().find(|line| line.contains(learner)).unwrap().to_string();
        assert!(row("| backprop").contains("| 0 of 2 |"), "{}", ended.out);
        assert!(row("| evolution").contains("|      2 |"), "{}", ended.out);
        let failed = &place.runs("runs/tiny")[0];
        assert_eq!(read(failed.join("error.txt")), message);
        // The way to the failure is on record: header, the start, a step and its evaluation.
        assert_eq!(read(failed.join("steps.jsonl")).lines().count(), 4);
        assert!(!failed.join("genome.safetensors").exists());
        assert!(place.path("runs/tiny/plots/learning-curves.svg").exists());
    }
    // The mark goes when the run succeeds.
    let place = Place::new(TINY);
    place.run(&[]);
    let run = place.runs("runs/tiny").remove(0);
    fs::write(run.join("error.txt"), "the disk was full\n").unwrap();
    let before = place.bytes("runs/tiny");
    let ended = place.run(&[]);
    assert!(ended.err.contains("2 of 2 runs are done (1 had been done before)"), "{}", ended.err);
    assert!(!run.join("error.txt").exists() && place.bytes("runs/tiny") == before);
}

#[test]
fn fail_fast_stops_at_the_first_failure() {
    let place = Place::new(TINY);
    let words = [&["run", "campaign.toml", "--fail-fast", "--set", "campaign.seeds=2"], &DIVERGES[..]].concat();
    let ended = place.subevo(&words).expect(1);
    assert!(ended.err.contains("error: 1 of 4 runs failed, 1 are done, 2 were not started;"), "{}", ended.err);
    assert_eq!(place.runs("runs/tiny").len(), 2);
}

#[test]
fn a_population_without_a_single_loss_fails_its_run() {
    let place = Place::new(TINY);
    let ended = place.subevo(&[&["run", "campaign.toml"], &ALL_FAIL[..]].concat()).expect(1);
    assert!(ended.err.contains("failed: strategy `snes`: all 4 members failed: "), "{}", ended.err);
    assert!(ended.err.contains("error: 1 of 2 runs failed, 1 are done"), "{}", ended.err);
}

#[test]
fn damaged_records_fail_their_run_by_file_and_line_and_not_the_campaign() {
    let place = Place::new(TINY);
    place.run(&["--set", ALL_LEARNERS]);
    let steps = place.runs("runs/tiny").remove(0).join("steps.jsonl");
    let mut bytes = fs::read(&steps).unwrap();
    let third = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(2).unwrap().0;
    bytes[third - 30] ^= 1;
    fs::write(&steps, &bytes).unwrap();
    let ended = place.subevo(&["run", "campaign.toml", "--set", ALL_LEARNERS]).expect(1);
    assert!(ended.err.contains("[5/5] adam seed=1: failed: "), "{}", ended.err);
    let told = "steps.jsonl: line 3: its checksum is ";
    assert!(ended.err.contains(told) && ended.err.contains("so this is damage and no torn tail"), "{}", ended.err);
    assert!(ended.err.contains("error: 1 of 5 runs failed, 4 are done"), "{}", ended.err);
    assert!(ended.out.contains("| genetic ") && !ended.out.contains("| adam "), "{}", ended.out);
    assert_eq!(fs::read(&steps).unwrap(), bytes, "the evidence is left alone");
    let plot = place.subevo(&["plot", "runs/tiny"]).expect(1);
    assert!(plot.err.contains(told), "{}", plot.err);
}

#[test]
fn what_stands_in_the_way_is_named() {
    let place = Place::new(TINY);
    fs::write(place.path("file"), "").unwrap();
    let ended = place.subevo(&["run", "campaign.toml", "--out", "file"]).expect(1);
    assert_eq!(ended.err, "error: cannot create the folder file: a file of that name stands there\n");
    fs::create_dir_all(place.path("runs")).unwrap();
    fs::write(place.path("runs/tiny"), "").unwrap();
    let ended = place.subevo(&["run", "campaign.toml"]).expect(1);
    assert_eq!(ended.err, "error: cannot create the folder runs/tiny: a file of that name stands there\n");
    fs::remove_file(place.path("runs/tiny")).unwrap();
    // A file in the place of one run is that run's failure alone, told under its own name.
    place.run(&[]);
    let run = place.runs("runs/tiny").remove(0);
    fs::remove_dir_all(&run).unwrap();
    fs::write(&run, "").unwrap();
    let ended = place.subevo(&["run", "campaign.toml"]).expect(1);
    assert!(ended.err.contains("[2/2] backprop seed=1: failed: cannot read runs/tiny/backprop-s1-"), "{}", ended.err);
    assert!(ended.err.contains("1 of 2 runs failed, 1 are done"), "{}", ended.err);
    fs::remove_file(&run).unwrap();
    // Pictures that cannot be written lose no table.
    fs::remove_dir_all(place.path("runs/tiny/plots")).unwrap_or_default();
    fs::write(place.path("runs/tiny/plots"), "").unwrap();
    let ended = place.subevo(&["run", "campaign.toml"]).expect(1);
    assert!(ended.out.contains("| backprop "), "{}", ended.out);
    assert!(ended.err.contains("error: cannot create the folder runs/tiny/plots: a file"), "{}", ended.err);
    assert_eq!(place.runs("runs/tiny").len(), 2);
}
