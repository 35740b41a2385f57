//! `subevo subset`, subsets from files, and subsets that are scored on images: what is written is what is trained.

use std::fs;
use std::path::Path;

use serde_json::Value;
use subevo::campaign::store::Genome;

use super::{Place, TINY};

/// What a run trained.
fn trained(run: &Path) -> subevo::subset::Subset {
    Genome::read(&run.join("genome.safetensors")).unwrap().subset
}

fn subset(place: &Place, words: &[&str]) -> Value {
    let ended = place.subevo(&[&["subset", "campaign.toml"], words].concat()).expect(0);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn a_subset_is_written_edited_and_trained_and_the_run_holds_its_copy() {
    let place = Place::new(TINY);
    let written = place.subevo(&["subset", "campaign.toml", "--out", "mine.json"]).expect(0);
    assert_eq!((written.out.as_str(), written.err.as_str()), ("", "6 spans with 37 weights: mine.json\n"));
    let text = fs::read_to_string(place.path("mine.json")).unwrap();
    assert_eq!(place.subevo(&["subset", "campaign.toml"]).expect(0).out, text);
    let edited: Vec<&str> = text.lines().filter(|line| !line.contains("bn1.")).collect();
    fs::write(place.path("mine.json"), edited.join("\n")).unwrap();

    let from_file = ["--set", "subset.select=[{ file = \"mine.json\" }]"];
    place.run(&from_file);
    let runs = place.runs("runs/tiny");
    assert_eq!(runs.len(), 2);
    for run in &runs {
        let found = trained(run);
        assert_eq!((found.size, found.name.as_str()), (33, "file=mine"));
    }
    // The run's configuration is a campaign by itself, wherever it stands.
    let again = runs[0].join("config.toml");
    place.subevo(&["run", again.to_str().unwrap(), "--no-plots", "--out", "again"]).expect(0);
    let (first, again) = (place.bytes("runs/tiny"), place.bytes("again/tiny"));
    assert_eq!(again.len(), 3);
    again.iter().for_each(|(name, bytes)| assert!(first[name] == *bytes, "{name}"));
    // The same file continues, another content is another run.
    assert!(place.run(&from_file).err.contains("(2 had been done before)"));
    let shorter: Vec<&str> = edited.iter().copied().filter(|line| !line.contains("bn2.scale")).collect();
    fs::write(place.path("mine.json"), shorter.join("\n")).unwrap();
    place.run(&from_file);
    let mut sizes: Vec<usize> = place.runs("runs/tiny").iter().map(|run| trained(run).size).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [30, 30, 33, 33]);
}

#[test]
fn a_mistake_in_a_subset_file_is_told_at_its_line_of_the_campaign() {
    let place = Place::new(&TINY.replace("{ batchnorm = true }, { filters = 1 }", "{ file = \"mine.json\" }"));
    let missing = place.subevo(&["check", "campaign.toml"]).expect(2);
    assert!(missing.err.contains("campaign.toml:16") && missing.err.contains("cannot read mine.json"), "{missing:?}");
    fs::write(place.path("mine.json"), "{\"schema\": \"subevo.subset/1\", \"spans\": [{}]}").unwrap();
    let wrong = place.subevo(&["check", "campaign.toml"]).expect(2);
    assert!(wrong.err.contains("campaign.toml:16") && wrong.err.contains("missing field `parameter`"), "{wrong:?}");
    let cell = place.subevo(&["subset", "campaign.toml", "--set", "subset.select=[{ all = true }]", "--cell", "1"]);
    assert!(cell.expect(2).err.contains("--cell 1: there is 1 cell, numbered from 0"));
}

#[test]
fn each_cell_and_seed_has_its_own_subset() {
    let random = TINY.replace("{ batchnorm = true }, { filters = 1 }", "{ weights = 20 }");
    let place = Place::new(&format!("{random}\n[grid]\n\"subset.batchnorm\" = [true, false]\n"));
    let spans = |words: &[&str]| subset(&place, words)["spans"].clone();
    assert_eq!(spans(&[]), spans(&["--seed", "1", "--cell", "0"]));
    assert_ne!(spans(&[]), spans(&["--seed", "2"]));
    let sizes = ["0", "1"].map(|cell| subset(&place, &["--cell", cell])["size"].clone());
    assert_eq!(sizes, [Value::from(20 + 10), Value::from(20)]);
}

#[test]
fn weights_scored_on_images_are_the_same_for_both_learners_and_kept_with_the_run() {
    let scored = "{ gradient = 25, of = \"saliency\", images = 60 }";
    let place = Place::new(&TINY.replace("{ batchnorm = true }, { filters = 1 }", scored));
    let checked = place.subevo(&["check", "campaign.toml"]).expect(0);
    let note =
        "note: in 1 cell weights are scored on images, which `check` does not read: it took others, chosen at random\n";
    assert_eq!(checked.err, note);
    place.run(&[]);
    let runs = place.runs("runs/tiny");
    let expected = trained(&runs[0]);
    assert_eq!((expected.size, &trained(&runs[1])), (25, &expected));
    // Written, and read back: the same weights.
    place.subevo(&["subset", "campaign.toml", "--out", "s.json"]).expect(0);
    place.run(&["--out", "file", "--set", "subset.select=[{ file = \"s.json\" }]"]);
    assert_eq!(trained(&place.runs("file/tiny")[0]).spans, expected.spans);
    let inspected = place.subevo(&["inspect", "campaign.toml", "--json", "--spans"]).expect(0).out;
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected["spans"], serde_json::to_value(&expected.spans).unwrap());

    // A run goes on with the subset that it began with, or not at all.
    let before = place.bytes("runs/tiny");
    let restart = || {
        for file in fs::read_dir(&runs[0]).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if !["config.toml", "run.json", "subset.safetensors"].contains(&name) {
                if file.is_dir() { fs::remove_dir_all(file) } else { fs::remove_file(file) }.unwrap();
            }
        }
    };
    restart();
    place.run(&[]);
    assert!(place.bytes("runs/tiny") == before);
    restart();
    let kept = runs[0].join("subset.safetensors");
    let mut bytes = fs::read(&kept).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&kept, bytes).unwrap();
    let failed = place.subevo(&["run", "campaign.toml", "--no-plots"]).expect(1);
    assert!(failed.err.contains("subset.safetensors"), "{failed:?}");
}

#[test]
fn a_subset_that_is_scored_needs_the_data_set_and_the_memory_for_a_gradient() {
    let scored = TINY.replace("{ batchnorm = true }, { filters = 1 }", "{ gradient = 5, images = 100 }");
    let place = Place::new(&scored);
    for command in ["subset", "inspect"] {
        let file = scored
            .replace("name = \"synthetic\"\nimage = 8\nclasses = 3\ntrain = 200\ntest = 50\n", "name = \"mnist\"\n");
        let place = Place::new(&file);
        place.subevo(&["check", "campaign.toml"]).expect(0);
        let missing = place.subevo(&[command, "campaign.toml", "--data-dir", "none"]).expect(2);
        assert!(missing.err.contains("mnist"), "{missing:?}");
    }
    let little = place.subevo(&["check", "campaign.toml", "--memory", "100KiB"]).expect(2);
    let message = "the gradient that weights are scored by, on 100 images as one batch: needs at least";
    assert!(little.err.contains(message), "{little:?}");
}
