//! `subevo measure` on real runs: what is measured when, once, and of whom.

use std::path::PathBuf;
use std::time::Duration;

use subevo::campaign::measure::{measure, metrics_of, MeasureSummary, Measuring};
use subevo::campaign::store::{read_run, read_walk};
use subevo::campaign::{run, Campaign, Options, Place, Registry};
use subevo::plan::Limits;
use subevo::record::{landmarks, Landmark, Measurement, Reading, RunRecords};

const LIMITS: Limits = Limits { memory: 1 << 30, threads: 2 };

const TEXT: &str = r#"
    campaign = { name = "measured", seeds = 1 }
    data = { name = "synthetic", image = 8, train = 400, test = 90 }
    model = { name = "conv2-bn", channels = [3, 4] }
    subset = { select = [{ layers = "bn2" }, { classifier = true }] }
    budget = { steps = 40 }
    metrics = { names = ["gap", "zeroed", "switching", "displacement", "snr"], every = 10 }

    [[learner]]
    name = "evolution"
    batch = 20
    strategy = { name = "snes", population = 12, sigma = 0.2 }

    [[learner]]
    name = "backprop"
    batch = 20
    optimizer = { name = "adam", lr = 0.02 }
"#;

/// Folders of the two runs, trained and not measured.
fn trained(root: &std::path::Path) -> Vec<PathBuf> {
    let registry = Registry::builtin();
    let campaign = Campaign::parse("measured.toml", TEXT, &[], &registry, false).unwrap();
    let options =
        Options { limits: LIMITS, checkpoint_every: Duration::from_secs(600), ..Options::new(root.to_path_buf()) };
    let summary = run(&campaign, &registry, &options, &mut ()).unwrap();
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    summary.runs
}

fn measured(folders: &[PathBuf], names: &[&str], stop_after: usize) -> MeasureSummary {
    let registry = Registry::builtin();
    let texts: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
    let metrics = (!texts.is_empty()).then(|| metrics_of(&texts, &registry).unwrap());
    let place = Place { data_dir: None, limits: LIMITS };
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= stop_after;
    let measuring = Measuring { folders, metrics, ends_only: false, place: &place, stop: &stop };
    measure(&measuring, &registry, &mut ()).unwrap()
}

fn of<'a>(at: &'a Measurement, metric: &str) -> Vec<&'a Reading> {
    at.readings.iter().filter(|reading| reading.metric == metric).collect()
}

#[test]
fn cheap_metrics_are_measured_at_every_moment_dear_ones_at_landmarks_and_each_once() {
    let root = tempfile::tempdir().unwrap();
    let folders = trained(root.path());
    let first = measured(&folders, &[], usize::MAX);
    assert!(first.failed.is_empty() && first.known == 0, "{first:?}");
    let runs: Vec<RunRecords> = folders.iter().map(|folder| read_run(folder).unwrap()).collect();
    let all = landmarks(runs.iter());
    assert_eq!(all.len(), 6, "both learners learn");
    for run in &runs {
        let steps: Vec<u64> = run.measurements.iter().map(|at| at.cost.step).collect();
        assert_eq!(steps, [0, 10, 20, 30, 40]);
        let marked: Vec<u64> = all.iter().filter_map(|landmark| landmark.step(run)).collect();
        for (at, evaluation) in run.measurements.iter().zip(&run.evaluations) {
            assert_eq!((at.cost, at.scores), (evaluation.cost, evaluation.scores));
            let step = at.cost.step;
            assert!(!of(at, "gap").is_empty() && !of(at, "zeroed").is_empty() && !of(at, "snr").is_empty());
            let landmark = step == 0 || marked.contains(&step);
            assert_eq!(!of(at, "switching").is_empty(), landmark, "step {step}");
            assert_eq!(!of(at, "displacement").is_empty(), step == 40, "step {step}");
            assert!(at.readings.iter().all(|reading| !reading.unit.is_empty() && reading.n > 0));
        }
    }
    // Nothing is left to do, and other parameters are another measurement.
    let again = measured(&folders, &[], usize::MAX);
    assert_eq!((again.computed, again.known), (0, first.computed));
    let other = measured(&folders, &["{ name = \"snr\", redraws = 3 }"], usize::MAX);
    assert_eq!((other.computed, other.known), (10, 0));
}

#[test]
fn both_learners_begin_alike_and_what_is_upstream_stays_what_it_was() {
    let root = tempfile::tempdir().unwrap();
    let folders = trained(root.path());
    measured(&folders, &["zeroed", "gap"], usize::MAX);
    let runs: Vec<RunRecords> = folders.iter().map(|folder| read_run(folder).unwrap()).collect();
    assert_eq!(runs[0].measurements[0].readings, runs[1].measurements[0].readings);
    assert!(matches!(landmarks(runs.iter()).last(), Some(Landmark::End)));
    for run in &runs {
        let (first, last) = (&run.measurements[0], &run.measurements[4]);
        let layer = |at: &Measurement, layer: &str| -> Vec<f64> {
            at.readings.iter().filter(|r| r.layer.as_deref() == Some(layer)).map(|r| r.value).collect()
        };
        let layers: Vec<String> = first.readings.iter().filter_map(|r| r.layer.clone()).collect();
        let (upstream, downstream) = (&layers[0], layers.last().unwrap());
        assert_ne!(upstream, downstream);
        assert_eq!(layer(first, upstream), layer(last, upstream), "bn1 and conv1 are frozen");
        assert_ne!(layer(first, downstream), layer(last, downstream));
        // A comparison with the other learner begins only when the two differ.
        let lone = |reading: &&Reading| reading.of.is_none() && reading.init.is_none();
        let without: Vec<&Reading> = last.readings.iter().filter(lone).collect();
        assert!(without.is_empty(), "without its value before training: {without:?}");
        assert!(last.readings.iter().any(|reading| reading.of.is_some()));
    }
}

#[test]
fn measuring_that_is_stopped_goes_on_and_ends_with_the_same_files() {
    let root = tempfile::tempdir().unwrap();
    let folders = trained(root.path());
    let files = |folders: &[PathBuf]| -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<(String, Vec<u8>)> = folders
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder.join("measurements")).unwrap())
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let names = ["gap", "zeroed", "snr"];
    let whole = measured(&folders, &names, usize::MAX);
    let expected = files(&folders);
    folders.iter().for_each(|folder| std::fs::remove_dir_all(folder.join("measurements")).unwrap());
    let some = measured(&folders, &names, 7);
    assert!(some.stopped && some.computed == 7);
    let rest = measured(&folders, &names, usize::MAX);
    assert_eq!((rest.known, rest.computed + 7), (7, whole.computed));
    assert_eq!(files(&folders), expected);
}

#[test]
fn the_walk_goes_from_the_start_through_every_moment() {
    let root = tempfile::tempdir().unwrap();
    for folder in trained(root.path()) {
        let run = read_run(&folder).unwrap();
        let k = run.header.subset_size as usize;
        let walk = read_walk(&folder, k).unwrap().unwrap();
        assert_eq!((walk.len(), walk.is_whole()), (41, true));
        let moments = subevo::campaign::store::read_moments(&folder).unwrap();
        assert_eq!(moments.len(), 5);
        for moment in moments {
            assert_eq!(walk.place(moment.cost.step as usize), moment.trained);
            assert!(moment.state.is_some());
        }
    }
}

#[test]
fn what_is_wrong_with_a_metric_is_told_before_anything_is_measured() {
    let registry = Registry::builtin();
    let told = |text: &str| metrics_of(&[text.to_string()], &registry).err().map(|error| error.to_string()).unwrap();
    assert!(told("radi").contains("unknown metric `radi`") && told("radi").contains("did you mean `radii`"));
    assert!(told("{ name = \"radii\", pints = 3 }").contains("unknown key `pints`"));
    assert!(told("{ name = \"regions\", points = 3 }").contains("`regions` is a family and has no parameters"));
    let family =
        metrics_of(&["regions".to_string(), "{ name = \"radii\", points = 7 }".to_string()], &registry).unwrap();
    let radii: Vec<_> = family.iter().filter(|metric| metric.name == "radii").collect();
    assert!(family.len() >= 4 && radii.len() == 1 && radii[0].parameters.contains("points = 7"));
}
