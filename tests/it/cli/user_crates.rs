//! Crates of users: the one under `experiments/`, and those that `subevo new` writes, built and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{ended, Place, TINY};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder that the tests themselves were built in, so that what is built there already serves.
fn target() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(3).unwrap().to_path_buf()
}

/// Builds a package as the tests were built, and gives its program.
fn build(folder: &Path, name: &str, words: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--quiet", "--target-dir"]).arg(target()).args(words).current_dir(folder);
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    if profile == "release" {
        // The profile of this repository: what it has built is not built again.
        cargo.args(["--release", "--config", "profile.release.debug='line-tables-only'"]);
    }
    let built = ended(&mut cargo);
    assert!(built.status.success(), "{}", built.err);
    target().join(profile).join(name)
}

/// Runs a user's program in a folder.
fn program(path: &Path, folder: &Path, words: &[&str]) -> super::Ended {
    ended(Command::new(path).args(words).current_dir(folder))
}

#[test]
fn the_crate_under_experiments_has_every_command_with_its_own_mutation_and_strategy() {
    let folder = root().join("experiments/custom_mutation");
    let mine = build(&folder, "custom-mutation", &["--locked"]);
    let mutations = program(&mine, &folder, &["list", "mutations"]).expect(0).out;
    assert!(mutations.contains("by-depth") && mutations.contains("gaussian"), "{mutations}");
    assert!(program(&mine, &folder, &["list", "strategies"]).expect(0).out.contains("annealing"));

    let out = tempfile::tempdir().unwrap();
    let to = out.path().to_str().unwrap();
    let words = ["run", "campaign.toml", "--set", "campaign.seeds=1", "--set", "budget.images=41_000", "--out", to];
    let ran = program(&mine, &folder, &words).expect(0);
    for label in ["by-depth", "gaussian", "annealing"] {
        assert!(ran.out.contains(label), "{}", ran.out);
    }
    assert!(out.path().join("custom-mutation/plots/learning-curves.png").exists());
    // What a run wrote about a number of its own, step by step.
    let told = |label: &str, name: &str| -> Vec<f64> {
        let runs = fs::read_dir(out.path().join("custom-mutation")).unwrap().map(|entry| entry.unwrap().path());
        let run = runs.into_iter().find(|path| path.to_str().unwrap().contains(&format!("{label}-s"))).unwrap();
        let lines = fs::read_to_string(run.join("steps.jsonl")).unwrap();
        let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["diagnostics"][name].as_f64();
        lines.lines().filter_map(number).collect()
    };
    // A tenth in the last of the trained layers, half of that in each before it: conv1, bn1, conv2, bn2.
    let sigma = told("by-depth", "by_depth.sigma_of_the_first_layer");
    assert!(sigma.len() == 10 && sigma.iter().all(|sigma| (sigma - 0.0125).abs() < 1e-6), "{sigma:?}");
    // Linear in the share of 41,000 images that ten generations of 64 x 64 have used.
    let temperature = told("annealing", "temperature");
    let expected = |step: usize| 0.01 * (1.0 - 4_096.0 * step as f64 / 41_000.0);
    assert!(temperature.len() == 10, "{temperature:?}");
    assert!(temperature.iter().enumerate().all(|(step, t)| (t - expected(step)).abs() < 1e-12), "{temperature:?}");

    // In a subspace genes belong to no layer, and the mistake is told with its place.
    let subspace = ["check", "campaign.toml", "--set", "subset.subspace={ dimension = 20 }"];
    let refused = program(&mine, &folder, &subspace).expect(2);
    assert!(refused.err.contains("mutation `by-depth` works on layers and filters"), "{}", refused.err);
}

#[test]
fn what_new_writes_compiles_and_runs_as_it_is_for_every_kind() {
    let place = Place::new(TINY);
    for (kind, key, name) in [
        ("mutation", "mutations", "two-words"),
        ("crossover", "crossovers", "mix"),
        ("selection", "selections", "walk2"),
    ] {
        let told = place.subevo(&["new", "operator", name, "--kind", kind]).expect(0);
        assert!(told.err.contains(&format!("{name}: a {kind} operator, to be changed in src/")), "{}", told.err);
        let folder = place.path(name);
        let mine = build(&folder, name, &[]);
        assert!(program(&mine, &folder, &["list", key]).expect(0).out.contains(name));
        let words =
            ["run", "campaign.toml", "--set", "campaign.seeds=1", "--set", "budget.images=17_000", "--no-plots"];
        let ran = program(&mine, &folder, &words).expect(0);
        assert!(ran.out.contains(&format!("| {name}")) && ran.out.contains("| default"), "{}", ran.out);
    }
}

#[test]
fn new_refuses_what_cannot_be_a_name_what_is_there_and_a_folder_without_sources() {
    let place = Place::new(TINY);
    for (words, message) in [
        (&["gaussian"][..], "there is a mutation of this name (`subevo list mutations`)"),
        (&["uniform", "--kind", "crossover"], "there is a crossover of this name"),
        (&["My_Mutation"], "`My_Mutation`: the name of an operator must be lower-case words"),
        (&["2nd"], "must be lower-case words"),
        (&["a--b"], "must be lower-case words"),
        (&["../up"], "must be lower-case words"),
        (&["match"], "cannot name a crate, module or type of Rust"),
        (&["use"], "cannot name a crate, module or type of Rust"),
        (&["operator-context"], "cannot name a crate, module or type of Rust"),
        (&["mine", "--folder", "campaign.toml"], "campaign.toml: there is something already; nothing was written"),
        (&["mine", "--subevo", "."], "no sources of subevo are there: give the folder of its clone by `--subevo DIR`"),
    ] {
        let refused = place.subevo(&[&["new", "operator"], words].concat()).expect(2);
        assert!(refused.err.contains(message), "{words:?}: {}", refused.err);
    }
    let left: Vec<_> = fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["campaign.toml"], "nothing is written");
}
