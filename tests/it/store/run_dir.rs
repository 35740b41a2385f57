//! A run's folder: made, locked, killed, resumed, read.

use std::fs::{self, File};
use std::path::Path;

use subevo::campaign::store::{
    config_digest, read_description, read_run, run_state, Checkpoint, Covered, Resumed, RunDir, RunState,
};
use subevo::learner::{Chain, Position};
use subevo::record::{Lap, Record, Session, Time};
use subevo::rng::Seed;
use subevo::state::State;

use super::{cost, description, end, evaluation, header, step, CONFIGURATION};

const NAME: &str = "background=zero-7-0123abcd";

fn open(root: &Path) -> RunDir {
    RunDir::create_or_open(root, NAME, &description()).unwrap()
}

fn refusal(root: &Path, name: &str) -> String {
    RunDir::create_or_open(root, name, &description()).unwrap_err().to_string()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn checkpoint(step: u64, state: State) -> Checkpoint {
    let position = Position {
        cost: cost(step),
        last_step: None,
        last_batches: 1,
        chain: Chain::default(),
        state,
        seconds: 1.5,
        evaluation_seconds: 0.5,
        best: None,
        best_on_test_accuracy: 0.5,
    };
    let (steps, times) = (Covered::default(), Covered::default());
    Checkpoint { position, steps, times, config: config_digest(CONFIGURATION) }
}

/// A run of ten steps with a checkpoint after each third, whose losses depend on all steps before. It is "killed" after
/// `fuel` records or checkpoints; with `flush`, what it wrote until then reaches the file.
fn work(run: &RunDir, mut fuel: u32, flush: bool) -> bool {
    let Resumed { checkpoint: found, mut files, .. } = run.resume().unwrap();
    let (first, mut sum) = match &found {
        None => (0, 1.0),
        Some(found) => (found.position.cost.step, found.position.state.f64s("sum", 1).unwrap()[0]),
    };
    let mut burn = |files: &mut subevo::campaign::store::RunFiles| {
        if fuel == 0 && flush {
            files.steps.flush().unwrap();
            files.times.flush().unwrap();
        }
        fuel = fuel.wrapping_sub(1);
        fuel == u32::MAX
    };
    let (host, device) = (String::new(), "cpu".to_string());
    files.times.append(&Time::Session(Session { step: first, host, device, threads: 2, unix_seconds: 1 })).unwrap();
    if found.is_none() {
        for record in [header(), evaluation(0, sum)] {
            if burn(&mut files) {
                return false;
            }
            files.steps.append(&record).unwrap();
        }
    }
    for t in first + 1..=10 {
        if burn(&mut files) {
            return false;
        }
        sum += f64::from(Seed::new(1).index(t).rng().uniform()) / sum;
        files.steps.append(&step(t, sum)).unwrap();
        let seconds = t as f64;
        let lap =
            Lap { step: t, seconds, evaluation_seconds: 0.0, images_per_second: f64::INFINITY, peak_rss_mib: 1.0 };
        files.times.append(&Time::Lap(lap)).unwrap();
        if t % 3 == 0 {
            if burn(&mut files) {
                return false;
            }
            let mut state = State::default();
            state.put_f64("sum", &[sum]);
            files.save_checkpoint(checkpoint(t, state)).unwrap();
        }
    }
    if burn(&mut files) {
        return false;
    }
    files.steps.append(&end(10, sum)).unwrap();
    files.sync().unwrap();
    true
}

#[test]
fn a_killed_run_ends_with_the_bytes_of_an_undisturbed_one() {
    let root = tempfile::tempdir().unwrap();
    assert!(work(&open(root.path()), u32::MAX - 1, false));
    let whole = fs::read(root.path().join(NAME).join("steps.jsonl")).unwrap();
    for fuel in 0..17 {
        for flush in [false, true] {
            for garbage in ["", "{\"n\":", "\0\0\0\n\0"] {
                let root = tempfile::tempdir().unwrap();
                let folder = root.path().join(NAME);
                let steps = folder.join("steps.jsonl");
                assert_eq!(work(&open(root.path()), fuel, flush), fuel == 16, "{fuel}");
                if fuel == 16 {
                    continue;
                }
                assert!(matches!(run_state(&folder).unwrap(), RunState::Waiting | RunState::Started { .. }));
                let torn = [fs::read(&steps).unwrap(), garbage.into()].concat();
                fs::write(&steps, torn).unwrap();
                // Killed a second time during or just after the resuming, then let go.
                work(&open(root.path()), fuel % 3, flush);
                assert!(work(&open(root.path()), u32::MAX - 1, false));
                assert_eq!(fs::read(&steps).unwrap(), whole, "killed after {fuel}, flush {flush}");
                assert_eq!(run_state(&folder).unwrap(), RunState::Done);
                let run = read_run(&folder).unwrap();
                assert_eq!(run.laps.iter().map(|lap| lap.step).collect::<Vec<_>>(), Vec::from_iter(1..=10));
            }
        }
    }
}

#[test]
fn a_new_run_is_whole_and_an_existing_one_is_opened_again() {
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("runs/quickstart");
    let run = open(&deep);
    assert_eq!(names(&deep), [NAME]);
    assert_eq!(names(run.path()), ["config.toml", "lock", "run.json"]);
    assert_eq!(fs::read_to_string(run.path().join("config.toml")).unwrap(), CONFIGURATION);
    assert_eq!(read_description(run.path()).unwrap(), description());
    assert_eq!(run.state().unwrap(), RunState::Waiting);
    drop(run);
    let json = fs::read(deep.join(NAME).join("run.json")).unwrap();
    let mut now = description();
    (now.created_unix_seconds, now.program_version, now.device) = (5, "0.2.0".to_string(), "cuda".to_string());
    let again = RunDir::create_or_open(&deep, NAME, &now).unwrap();
    assert_eq!(fs::read(again.path().join("run.json")).unwrap(), json);
    let notes = again.resume().unwrap().notes;
    let note = |what: &str, from: &str, to: &str| format!("the run was begun with {what} {from} and goes on with {to}");
    assert_eq!(notes, [note("subevo", "0.1.0", "0.2.0"), note("device", "cpu", "cuda")]);
}

#[test]
fn a_run_of_another_configuration_is_not_touched() {
    let root = tempfile::tempdir().unwrap();
    drop(open(root.path()));
    let mut other = description();
    other.configuration = "name = 2\n".to_string();
    let message = RunDir::create_or_open(root.path(), NAME, &other).unwrap_err().to_string();
    assert!(message.contains("was given to a configuration with"), "{message}");
    other.config = config_digest(&other.configuration);
    let message = RunDir::create_or_open(root.path(), NAME, &other).unwrap_err().to_string();
    let [found, asked] = [CONFIGURATION, "name = 2\n"].map(config_digest);
    assert!(message.contains("belongs to another configuration"), "{message}");
    assert!(message.contains(&found) && message.contains(&asked), "{message}");

    fs::write(root.path().join(NAME).join("config.toml"), "changed by hand").unwrap();
    assert!(read_description(&root.path().join(NAME)).unwrap_err().to_string().contains("one of them was changed"));
}

#[test]
fn only_one_holder_can_write_a_run() {
    let root = tempfile::tempdir().unwrap();
    let run = open(root.path());
    assert!(refusal(root.path(), NAME).contains("is being written by another process"));
    drop(run);
    let lock = File::open(root.path().join(NAME).join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(refusal(root.path(), NAME).contains("is being written by another process"));
    // Readers need no lock.
    assert_eq!(run_state(&root.path().join(NAME)).unwrap(), RunState::Waiting);
    drop(lock);
    open(root.path());
}

#[test]
fn names_and_folders_that_are_no_runs_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let inner = root.path().join("inner");
    for name in ["..", "../out", "/tmp/out", ".hidden", "a b", ""] {
        assert!(refusal(&inner, name).starts_with("run name "), "{name}");
    }
    assert!(!inner.exists());
    fs::create_dir_all(inner.join("foreign")).unwrap();
    fs::write(inner.join("foreign/letter"), "dear").unwrap();
    assert!(refusal(&inner, "foreign").contains("holds no config.toml, so it is no run"));
    assert_eq!(names(&inner.join("foreign")), ["letter"]);
    // Where a file stands in the way of the folder above, nothing can be made.
    let message = refusal(&inner.join("foreign/letter"), NAME);
    assert!(message.contains("cannot create the folder") && message.contains("letter"), "{message}");
}

#[test]
#[cfg(unix)]
fn a_read_only_folder_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // The permissions do not bind an administrator.
    if File::create(root.path().join("probe")).is_err() {
        let message = refusal(root.path(), NAME);
        let expected = format!("cannot create the folder {}", root.path().display());
        assert!(message.starts_with(&expected) && message.contains("denied"), "{message}");
    }
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn leftovers_of_killed_processes_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let half = [format!(".{NAME}.tmp.{}", std::process::id()), format!(".{NAME}.tmp.1")];
    for name in half.iter().chain(&[".other.tmp.1".to_string()]) {
        fs::create_dir(root.path().join(name)).unwrap();
        fs::write(root.path().join(name).join("config.toml"), "half").unwrap();
    }
    drop(open(root.path()));
    assert_eq!(names(root.path()), [".other.tmp.1", NAME]);
    let folder = root.path().join(NAME);
    fs::write(folder.join("checkpoint-a.safetensors.tmp.5.0"), "half").unwrap();
    drop(open(root.path()));
    assert_eq!(names(&folder), ["config.toml", "lock", "run.json"]);
    assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), CONFIGURATION);
}

#[test]
fn states_are_what_files_tell() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(run_state(&root.path().join("none")).unwrap(), RunState::Waiting);
    let run = open(root.path());
    let mut files = run.resume().unwrap().files;
    let mut state_after = |record: &Record| {
        files.steps.append(record).unwrap();
        files.steps.flush().unwrap();
        run.state().unwrap()
    };
    assert_eq!(state_after(&header()), RunState::Started { step: 0 });
    assert_eq!(state_after(&step(4, 1.0)), RunState::Started { step: 4 });
    assert_eq!(state_after(&evaluation(5, 1.0)), RunState::Started { step: 5 });
    assert!(read_run(run.path()).unwrap().end.is_none());
    run.fail("layer `conv1`: no memory").unwrap();
    assert_eq!(run.state().unwrap(), RunState::Failed("layer `conv1`: no memory".to_string()));
    assert_eq!(state_after(&end(5, 1.0)), RunState::Failed("layer `conv1`: no memory".to_string()));
    let read = read_run(run.path()).unwrap();
    assert_eq!((read.steps.len(), read.evaluations.len(), read.laps.len()), (1, 1, 0));
    assert_eq!(read.end.unwrap().cost, cost(5));
    // There is no checkpoint, so the next try starts afresh.
    let files = run.resume().unwrap().files;
    assert_eq!(files.steps.covered(), Covered::default());
    assert_eq!(run.state().unwrap(), RunState::Waiting);
    assert!(!run.path().join("error.txt").exists());
    assert!(read_run(run.path()).unwrap_err().to_string().contains("holds no record yet"));
}

#[test]
fn records_out_of_place_are_errors() {
    let root = tempfile::tempdir().unwrap();
    let run = open(root.path());
    let message = |records: &[Record]| {
        let mut files = run.resume().unwrap().files;
        records.iter().for_each(|record| files.steps.append(record).unwrap());
        files.sync().unwrap();
        read_run(run.path()).unwrap_err().to_string()
    };
    assert!(message(&[step(1, 1.0)]).contains("line 1: it is no header"));
    assert!(message(&[header(), header()]).contains("line 2: it is a second header"));
    assert!(message(&[header(), end(1, 1.0), step(2, 1.0)]).contains("line 3: it follows the end"));
    let Record::Header(mut future) = header() else { unreachable!() };
    future.format = 2;
    assert!(message(&[Record::Header(future)]).contains("line 1: its format is 2, this version of subevo reads 1"));
}

#[test]
fn records_that_the_checkpoint_covers_must_be_there_and_nothing_is_cut_otherwise() {
    let root = tempfile::tempdir().unwrap();
    let run = open(root.path());
    assert!(!work(&run, 9, true));
    let [steps, times] = ["steps.jsonl", "times.jsonl"].map(|name| run.path().join(name));
    let (whole, clock) = (fs::read(&steps).unwrap(), fs::read(&times).unwrap());
    let covered = run.resume().unwrap().files.steps.covered().bytes as usize;
    assert!(covered < whole.len());
    let refused = |bytes: &[u8], clock: &[u8]| {
        fs::write(&steps, bytes).unwrap();
        fs::write(&times, clock).unwrap();
        let message = run.resume().unwrap_err().to_string();
        assert_eq!((fs::read(&steps).unwrap(), fs::read(&times).unwrap()), (bytes.to_vec(), clock.to_vec()));
        message
    };
    assert!(refused(&whole[..covered - 1], &clock).contains("steps.jsonl: holds"));
    assert!(refused(&whole, &clock[..20]).contains("times.jsonl: holds 20 bytes"));
    let mut damaged = whole.clone();
    damaged[covered - 5] ^= 1;
    assert!(refused(&damaged, &clock).contains("the checkpoint covers it, so it was damaged later"));
    fs::write(&steps, &whole).unwrap();
    let mut files = run.resume().unwrap().files;
    let foreign = Checkpoint { config: "00000000".to_string(), ..checkpoint(6, State::default()) };
    files.save_checkpoint(foreign).unwrap();
    assert!(run.resume().unwrap_err().to_string().contains("is of the configuration 00000000"));
}
