//! `subevo export`: the file holds the network that the run's records speak of, under PyTorch's names.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::{read, Place, TINY};

/// The tensor of that name, F32.
fn values(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
    tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn export(place: &Place, run: &Path, words: &[&str]) -> (Vec<u8>, String) {
    let out = place.path("out.safetensors");
    let words = [&["export", run.to_str().unwrap(), "--out", out.to_str().unwrap()], words].concat();
    let ended = place.subevo(&words).expect(0);
    assert_eq!(ended.out.trim_end(), out.to_str().unwrap());
    (std::fs::read(out).unwrap(), ended.err)
}

#[test]
fn the_file_has_the_names_of_a_state_dict_and_only_trained_weights_differ_from_the_start() {
    let place = Place::new(TINY);
    place.run(&[]);
    for run in place.runs("runs/tiny") {
        let [(start, _), (last, said)] = ["start", "last"].map(|which| export(&place, &run, &["--incumbent", which]));
        assert!(last == export(&place, &run, &[]).0, "the last one is the default, and equal bytes each time");
        let (start, last) = (SafeTensors::deserialize(&start).unwrap(), SafeTensors::deserialize(&last).unwrap());
        let mut names: Vec<&str> = last.names().into_iter().collect();
        names.sort_unstable();
        let norm =
            |i| ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"].map(|x| format!("bn{i}.{x}"));
        let mut expected: Vec<String> = norm(1).into_iter().chain(norm(2)).collect();
        expected.extend(["conv1.weight", "conv2.weight", "fc.bias", "fc.weight"].map(str::to_string));
        assert_eq!(names, expected);
        assert_eq!(last.tensor("conv2.weight").unwrap().shape(), [3, 2, 3, 3]);
        assert_eq!(last.tensor("bn1.num_batches_tracked").unwrap().shape(), [0; 0]);
        for name in ["bn1.weight", "bn1.bias", "bn2.weight", "bn2.bias"] {
            let (before, after) = (values(&start, name), values(&last, name));
            assert!(
                before.iter().all(|x| *x == if name.ends_with("weight") { 1.0 } else { 0.0 }),
                "{name}: {before:?}"
            );
            assert!(before.iter().zip(&after).all(|(a, b)| a != b), "{name}: {after:?}");
        }
        for name in ["fc.weight", "fc.bias"] {
            assert_eq!(values(&start, name), values(&last, name), "{name} is frozen");
        }
        // One filter of each convolution is trained, the last.
        for (name, filters, length) in [("conv1.weight", 2, 9), ("conv2.weight", 3, 18)] {
            let (before, after) = (values(&start, name), values(&last, name));
            let frozen = (filters - 1) * length;
            assert_eq!(before[..frozen], after[..frozen], "{name}");
            assert!(before[frozen..].iter().zip(&after[frozen..]).all(|(a, b)| a != b), "{name}");
        }
        assert!(values(&last, "bn2.running_var").iter().all(|variance| *variance > 0.0));

        let records = read(run.join("steps.jsonl"));
        let end: Value = serde_json::from_str(records.lines().last().unwrap()).unwrap();
        let accuracy = 100.0 * end["last"]["test"]["accuracy"].as_f64().unwrap();
        assert!(said.contains(&format!("test accuracy {accuracy:.2} %")), "{said} against {accuracy}");
    }
}

#[test]
fn a_run_that_is_not_finished_has_only_its_start_and_says_so() {
    let place = Place::new(TINY);
    let sets = ["--set", "budget.steps=1_000_000", "--set", "learner=[{ name = \"backprop\", batch = 16 }]"];
    place.subevo(&[&["run", "campaign.toml", "--time-limit", "0.2s"], &sets[..]].concat()).expect(75);
    let run = place.runs("runs/tiny").remove(0);
    let ended = place.subevo(&["export", run.to_str().unwrap()]).expect(2);
    assert!(ended.err.contains("is not finished: it was left at step"), "{}", ended.err);
    assert!(ended.err.contains("--incumbent start"), "{}", ended.err);
    export(&place, &run, &["--incumbent", "start"]);
    let ended = place.subevo(&["export", place.path("nowhere").to_str().unwrap()]).expect(2);
    assert!(ended.err.contains("nowhere"), "{}", ended.err);
}
