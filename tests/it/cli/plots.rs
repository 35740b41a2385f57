//! `subevo plot`: figures from records alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{assert_same, Place, TINY};

fn pictures(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn figures_from_records_alone_are_those_of_the_run() {
    let place = Place::new(TINY);
    place.subevo(&["run", "campaign.toml", "--set", "campaign.seeds=2"]).expect(0);
    let made = pictures(&place.path("runs/tiny/plots"));
    let names: Vec<&str> = made.keys().map(String::as_str).collect();
    let figures =
        ["accuracy-by-subset", "generalisation", "learners-ranked", "learning-curves-seconds", "learning-curves"];
    assert_eq!(
        names,
        figures.iter().flat_map(|name| [format!("{name}.png"), format!("{name}.svg")]).collect::<Vec<_>>()
    );
    assert!(made.values().all(|bytes| bytes.len() > 1_000));

    let again = place.subevo(&["plot", "runs/tiny", "--out", "again"]).expect(0);
    assert_eq!(again.out.lines().count(), 10, "{}", again.out);
    assert!(again.out.lines().all(|line| place.path(line).is_file()), "{}", again.out);
    assert_same(&pictures(&place.path("again")), &made, "again");

    place.subevo(&["plot", "runs/tiny/", "--out", "one", "--only", "learning-curves"]).expect(0);
    let one = pictures(&place.path("one"));
    assert_eq!(one.keys().collect::<Vec<_>>(), ["learning-curves.png", "learning-curves.svg"]);
    assert_eq!(one["learning-curves.svg"], made["learning-curves.svg"]);

    place.subevo(&["plot", "runs/tiny", "--out", "dark", "--dark"]).expect(0);
    let dark = pictures(&place.path("dark"));
    assert!(dark.keys().eq(made.keys()) && dark.iter().all(|(name, bytes)| *bytes != made[name]));

    // Single runs, and two campaigns beside each other, can be drawn too.
    place.subevo(&["run", "campaign.toml", "--no-plots", "--set", "campaign.name=other"]).expect(0);
    place.subevo(&["plot", "runs/tiny", "runs/other", "--out", "both"]).expect(0);
    let run = place.runs("runs/tiny").remove(0);
    place.subevo(&["plot", run.to_str().unwrap(), "--out", "single"]).expect(0);
    assert_eq!(pictures(&place.path("single")).len(), 10);
    assert!(!run.join("plots").exists());
}

#[test]
fn figures_of_single_cells_are_drawn_unasked_for_up_to_twelve() {
    let place = Place::new(TINY);
    let grid = |cells: u32| {
        let values: Vec<String> = (1..=cells).map(|i| format!("{}", 0.1 * f64::from(i))).collect();
        format!("grid={{ \"learner.0.strategy.sigma\" = [{}] }}", values.join(", "))
    };
    for (cells, drawn) in [(12, 12), (13, 0)] {
        let grid = grid(cells);
        let ended = place.subevo(&["run", "campaign.toml", "--set", "budget.steps=2", "--set", &grid]).expect(0);
        let made = pictures(&place.path("runs/tiny/plots"));
        let of_cells = made.keys().filter(|name| name.starts_with("generalisation-") && name.ends_with(".svg"));
        assert_eq!(of_cells.count(), drawn, "{:?}", made.keys());
        let words = "figure generalisation is left out, for 13 cells have one each; `subevo plot FOLDER --only";
        assert_eq!(ended.err.contains(words), drawn == 0, "{}", ended.err);
        fs::remove_dir_all(place.path("runs/tiny/plots")).unwrap();
    }
    let asked = place.subevo(&["plot", "runs/tiny", "--only", "generalisation"]).expect(0);
    assert_eq!((asked.out.lines().count(), asked.err.as_str()), (26, ""));
}

#[test]
fn runs_without_an_end_are_drawn_as_far_as_they_are() {
    let place = Place::new(TINY);
    place.run(&[]);
    let steps = place.runs("runs/tiny").remove(0).join("steps.jsonl");
    let text = fs::read(&steps).unwrap();
    fs::write(&steps, &text[..text.len() / 2]).unwrap();
    place.subevo(&["plot", "runs/tiny"]).expect(0);
    // Nothing on record at all is nothing to draw.
    for run in place.runs("runs/tiny") {
        fs::write(run.join("steps.jsonl"), "").unwrap();
    }
    let ended = place.subevo(&["plot", "runs/tiny", "--out", "none"]).expect(2);
    assert_eq!(ended.err, "error: runs/tiny has nothing to draw yet: run the campaign first\n");
    assert!(!place.path("none").exists());
}

#[test]
fn what_cannot_be_drawn_is_a_usage_error_that_says_what_to_do() {
    let place = Place::new(TINY);
    place.run(&[]);
    fs::create_dir(place.path("empty")).unwrap();
    for (words, expected) in [
        (
            &["runs/tiny", "--only", "lerning-curves"][..],
            "or `throughput-by-population`; did you mean `learning-curves`?\n",
        ),
        (&["runs/tinny"], "runs/tinny does not exist: give a folder that `subevo run` wrote, as in runs/quickstart\n"),
        (&["campaign.toml"], "campaign.toml is no folder: give a folder that `subevo run` wrote"),
        (&["empty"], "empty is neither a run (no config.toml) nor a campaign (no campaign.json): give a folder"),
        (&["runs/tiny", "runs/tiny"], "holds the same campaign, learner, cell and seed as runs/tiny/evolution-s1-"),
    ] {
        let ended = place.subevo(&[&["plot", "--out", "none"], words].concat()).expect(2);
        assert!(ended.err.contains(expected), "{words:?}: {}", ended.err);
        assert!(!place.path("none").exists());
    }
}

#[test]
fn the_same_run_in_two_campaign_folders_is_refused() {
    let place = Place::new(TINY);
    place.run(&["--out", "a"]);
    place.run(&["--out", "b", "--set", "learner.0.strategy.sigma=0.5"]);
    let ended = place.subevo(&["plot", "a/tiny", "b/tiny", "--out", "none"]).expect(2);
    let words = "holds the same campaign, learner, cell and seed as a/tiny/evolution-s1-";
    assert!(ended.err.contains(words) && ended.err.contains("name the runs that belong together"), "{}", ended.err);
    // Named one by one they can be drawn.
    let (a, b) = (place.runs("a/tiny").remove(0), place.runs("b/tiny").remove(1));
    place.subevo(&["plot", a.to_str().unwrap(), b.to_str().unwrap(), "--out", "both"]).expect(0);
}

#[test]
fn a_list_of_runs_cannot_lead_out_of_its_folder() {
    let place = Place::new(TINY);
    place.run(&[]);
    let list = place.path("runs/tiny/campaign.json");
    let name = place.runs("runs/tiny")[0].file_name().unwrap().to_str().unwrap().to_string();
    let text = fs::read_to_string(&list).unwrap().replace(&name, "../../elsewhere");
    fs::write(&list, text).unwrap();
    let ended = place.subevo(&["plot", "runs/tiny"]).expect(1);
    assert!(ended.err.contains("campaign.json: run name \"../../elsewhere\""), "{}", ended.err);
}
