//! `--set`, and what becomes of run folders when settings change or stay.

use std::fs;

use super::{assert_same, read, Place, TINY};

const GRID: &str = "[grid]\n\"subset.background\" = [\"random\", \"zero\"]\n\"data.noise\" = [0.5, 2.0]\n";

#[test]
fn set_reaches_nested_keys_and_lists_and_takes_axes_away() {
    let place = Place::new(&format!("{TINY}\n{GRID}"));
    let words = [
        "--set",
        "learner.0.strategy.population=6",
        "--set",
        "model.channels=[3,2]",
        "--set",
        "subset.background=zero",
        "--set",
        "campaign.seeds=[7, 3]",
        "--set",
        "learner.1.schedule=cosine",
        "--set",
        "budget={ images = 960 }",
    ];
    let run = place.run(&words);
    assert!(run.err.contains("8 of 8 runs are done; records: runs/tiny\n"), "{}", run.err);
    let names: Vec<String> =
        place.runs("runs/tiny").iter().map(|run| run.file_name().unwrap().to_str().unwrap().to_string()).collect();
    let heads: Vec<&str> = names.iter().map(|name| name.rsplit_once('-').unwrap().0).collect();
    let expected = ["0.5", "2.0"]
        .into_iter()
        .flat_map(|noise| ["backprop", "evolution"].map(|learner| (noise, learner)))
        .flat_map(|(noise, learner)| [3, 7].map(|seed| format!("noise={noise}_{learner}-s{seed}")));
    assert_eq!(heads, expected.collect::<Vec<_>>());
    let evolution = read(place.runs("runs/tiny")[2].join("config.toml"));
    for line in [
        "name = \"snes\"\npopulation = 6\n",
        "channels = [3, 2]\n",
        "background = \"zero\"\n",
        "seeds = [3]\n",
        "cell = \"noise=0.5\"\n",
        "\nimages = 960\n",
        "noise = 0.5\n",
    ] {
        assert!(evolution.contains(line), "{line} is not in {evolution}");
    }
    assert!(read(place.runs("runs/tiny")[0].join("config.toml")).contains("schedule = { name = \"cosine\""));
}

#[test]
fn changed_settings_begin_new_runs_and_the_old_ones_stay() {
    let place = Place::new(TINY);
    let first = place.run(&[]);
    assert!(first.err.contains("2 of 2 runs are done; records: runs/tiny\n"), "{}", first.err);
    let before = place.bytes("runs/tiny");
    let again = place.run(&[]);
    assert!(again.err.contains("2 of 2 runs are done (2 had been done before)"), "{}", again.err);
    assert_eq!(again.out, first.out, "the same table");
    // Only the first learner's setting changes: the other's run is the same as before.
    let changed = place.run(&["--set", "learner.0.strategy.sigma=0.5"]);
    assert!(changed.err.contains("2 of 2 runs are done (1 had been done before)"), "{}", changed.err);
    let after = place.bytes("runs/tiny");
    assert_eq!((before.len(), after.len()), (6, 9));
    assert_same(&after.into_iter().filter(|(name, _)| before.contains_key(name)).collect(), &before, "the old ones");
    // A seed more runs only what is new; what does not change results is no setting.
    let more = place.run(&["--set", "campaign.seeds=2", "--threads", "1", "--memory", "32MiB"]);
    assert!(more.err.contains("4 of 4 runs are done (2 had been done before)"), "{}", more.err);
    // A default that is written out is the same setting.
    let same = place.run(&["--set", "subset.background=random", "--set", "genome.scale=init"]);
    assert!(same.err.contains("(2 had been done before)"), "{}", same.err);
}

#[test]
fn the_resolved_configuration_of_a_run_is_a_campaign_that_does_it_again() {
    let place = Place::new(&format!("{TINY}\n{GRID}"));
    place.run(&["--set", "campaign.seeds=[5]"]);
    let runs = place.runs("runs/tiny");
    assert_eq!(runs.len(), 8);
    for run in &runs {
        let config = run.join("config.toml");
        let config = config.to_str().unwrap();
        let checked = place.subevo(&["check", config]).expect(0);
        assert!(checked.out.ends_with(" is right: campaign `tiny`, 1 cell, 1 run\n"), "{}", checked.out);
        place.subevo(&["run", config, "--no-plots", "--out", "elsewhere"]).expect(0);
    }
    assert_same(&place.bytes("elsewhere/tiny"), &place.bytes("runs/tiny"), "elsewhere");
    let header = read(runs[0].join("steps.jsonl")).lines().next().unwrap().to_string();
    assert!(header.contains("\"cell\":\"background=random noise=0.5\""), "{header}");
}

#[test]
fn the_longest_names_still_make_a_folder() {
    let place = Place::new(TINY);
    let label = format!("learner.0.label={}", "l".repeat(32));
    let grid = format!("grid.\"subset.name\"=[\"{}\"]", "g".repeat(60));
    let words = ["--set", &label, "--set", "campaign.seeds=[9223372036854775807]", "--set", &grid];
    let ended = place.run(&words);
    assert!(ended.err.contains("2 of 2 runs are done"), "{}", ended.err);
}

#[test]
fn the_campaign_may_stand_anywhere_and_be_called_anything() {
    let place = Place::new("");
    fs::create_dir(place.path("a folder")).unwrap();
    fs::write(place.path("a folder/it's mine.txt"), TINY).unwrap();
    let ended = place.subevo(&["run", "a folder/it's mine.txt", "--no-plots", "--out", "deep/er/runs"]).expect(0);
    assert!(ended.err.contains("2 of 2 runs are done; records: deep/er/runs/tiny\n"), "{}", ended.err);
}
