//! Which device is asked for, and what is said where it is not to be had.

use super::{read, Place, TINY};

#[test]
fn the_cpu_is_written_into_the_records_and_is_what_auto_means_without_a_gpu() {
    let place = Place::new(TINY);
    place.run(&["--device", "cpu"]);
    for run in place.runs("runs/tiny") {
        assert!(read(run.join("times.jsonl")).contains("\"device\":\"cpu\""));
    }
    if cfg!(not(any(feature = "cuda", feature = "metal"))) {
        let again = place.run(&["--device", "auto"]);
        assert!(again.err.contains("2 had been done before"), "the same runs on the same device: {}", again.err);
    }
}

#[test]
fn a_device_that_is_no_word_or_that_this_build_does_not_drive_is_a_mistake_that_says_what_to_do() {
    let place = Place::new(TINY);
    let words = |device| ["run", "campaign.toml", "--device", device];
    let ended = place.subevo(&words("gpu")).expect(2);
    assert!(ended.err.contains("write auto, cpu, cuda, cuda:N with the number of a GPU, or metal"), "{}", ended.err);
    if cfg!(not(feature = "cuda")) {
        for words in [&words("cuda:3")[..], &["bench", "common", "--device", "cuda:3"]] {
            let ended = place.subevo(words).expect(2);
            assert!(ended.err.contains("cuda:3: this build drives no NVIDIA GPU"), "{}", ended.err);
            assert!(ended.err.contains("--features cuda"), "{}", ended.err);
        }
    }
    if cfg!(not(feature = "metal")) {
        let ended = place.subevo(&words("metal")).expect(2);
        assert!(ended.err.contains("--features metal"), "{}", ended.err);
    }
    assert!(!place.path("runs").exists(), "nothing was started");
}

#[test]
fn another_precision_is_asked_of_a_gpu_alone() {
    let place = Place::new(TINY);
    let ended = place.subevo(&["run", "campaign.toml", "--device", "cpu", "--set", "engine.precision=tf32"]).expect(2);
    assert!(ended.err.contains("precision tf32: the CPU multiplies in f32 alone"), "{}", ended.err);
    let ended = place.subevo(&["check", "campaign.toml", "--set", "engine.precision=f8"]).expect(2);
    assert!(ended.err.contains("`engine.precision`") && ended.err.contains("bf16"), "{}", ended.err);
    let ended = place.subevo(&["bench", "common", "--device", "cpu", "--precision", "bf16"]).expect(2);
    assert!(ended.err.contains("precision bf16"), "{}", ended.err);
    assert!(!place.path("runs").exists());
}
