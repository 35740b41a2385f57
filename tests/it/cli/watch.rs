//! `subevo watch`: what it says of made records, and beside a process at work.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use subevo::campaign::store::hold;

use super::{finish, read, send, signal_of, start, wait_for, Place, TINY};

/// Words for runs of a second or two.
const LONG: [&str; 4] = ["--set", "budget.steps=8000", "--set", "metrics.every=1000"];

/// Cuts a run's records behind the step, in the middle of the next line, as a process at work may have left them.
fn cut_back(run: &Path, step: u64) {
    let text = read(run.join("steps.jsonl"));
    let next = text.find(&format!("\"step\":{},", step + 1)).unwrap();
    let end = text[..next].rfind('\n').unwrap() + 1;
    fs::write(run.join("steps.jsonl"), &text[..end + 20]).unwrap();
}

/// The records of a run's last step and last evaluation up to a step.
fn told(run: &Path, step: u64) -> (serde_json::Value, serde_json::Value) {
    let text = read(run.join("steps.jsonl"));
    let lines: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let last = |kind: &str| {
        let mut of_kind = lines.iter().rev().filter(|line| line["record"] == kind);
        of_kind.find(|line| line["step"].as_u64().unwrap() <= step).unwrap().clone()
    };
    (last("step"), last("evaluation"))
}

#[test]
fn a_view_tells_of_each_run_at_work_and_counts_the_others() {
    let place = Place::new(TINY);
    place.run(&["--set", "campaign.seeds=2"]);
    let runs = place.runs("runs/tiny");
    let run = runs.iter().find(|run| run.to_str().unwrap().contains("evolution-s1")).unwrap();
    let all_done = place.subevo(&["watch", "runs/tiny"]).expect(0);
    assert_eq!(all_done.out, "runs/tiny: 4 of 4 runs done\n");

    cut_back(run, 20);
    let view = place.subevo(&["watch", "runs/tiny", "--once"]).expect(0).out;
    assert_eq!(view, "runs/tiny: 3 of 4 runs done, 1 stopped; no process works on it\n");

    // This process holds it from here on.
    let held = hold(run).unwrap();
    let view = place.subevo(&["watch", "runs/tiny", "--once"]).expect(0).out;
    let lines: Vec<&str> = view.lines().collect();
    assert!(lines[0].starts_with("runs/tiny: 3 of 4 runs done, 1 running; about "), "{view}");
    assert_eq!(lines[1], "  evolution seed=1");
    let (step, evaluation) = told(run, 20);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let head = format!("     50 %  loss {:.3} best {:.3}  ", number(&step["loss"]), number(&step["best"]));
    assert!(lines[2].starts_with(&head), "{view}\n{head}");
    let curve: Vec<char> = lines[2].chars().filter(|c| "▁▂▃▄▅▆▇█".contains(*c)).collect();
    assert!(curve.len() == 20 && curve.contains(&'█') && curve.contains(&'▁'), "{view}");
    let validation = format!("  validation {:.1} %", 100.0 * number(&evaluation["validation"]["accuracy"]));
    assert!(lines[2].contains(&validation), "{view}\n{validation}");
    assert!(lines[2].contains(" images/s"), "{view}");
    assert_eq!(lines.len(), 3, "{view}");

    // A run alone, two folders, and what failed.
    let alone = place.subevo(&["watch", run.to_str().unwrap(), "--once"]).expect(0).out;
    assert!(alone.contains(": 0 of 1 run done, 1 running"), "{alone}");
    let both = place.subevo(&["watch", "runs/tiny", runs[0].to_str().unwrap(), "--once"]).expect(0).out;
    assert!(both.contains("\n\n") && both.contains("1 of 1 run done"), "{both}");
    drop(held);
    fs::write(run.join("error.txt"), "out of luck\nand more\n").unwrap();
    let view = place.subevo(&["watch", "runs/tiny", "--once"]).expect(0).out;
    assert_eq!(view, "runs/tiny: 3 of 4 runs done, 1 failed\n  evolution seed=1: failed: out of luck\n");
    // Nothing is left to wait for, but not all is well.
    let ended = place.subevo(&["watch", "runs/tiny"]).expect(1);
    assert_eq!(ended.out, "evolution seed=1: failed: out of luck\nruns/tiny: 3 of 4 runs done, 1 failed\n");
}

#[test]
fn folders_that_are_none_are_told_with_2() {
    let place = Place::new(TINY);
    for (folder, expected) in [
        ("runs/none", "error: runs/none does not exist: give a folder that `subevo run` wrote"),
        (".", "error: . is neither a run (no config.toml) nor a campaign (no campaign.json)"),
        ("campaign.toml", "error: campaign.toml is no folder"),
    ] {
        let ended = place.subevo(&["watch", folder]).expect(2);
        assert!(ended.out.is_empty() && ended.err.starts_with(expected), "{folder}: {}", ended.err);
    }
    fs::create_dir(place.path("damaged")).unwrap();
    fs::write(place.path("damaged/campaign.json"), "{\"format\":1,\"camp").unwrap();
    let ended = place.subevo(&["watch", "damaged", "--once"]).expect(1);
    assert!(ended.err.starts_with("error: damaged/campaign.json: "), "{}", ended.err);
}

#[test]
fn a_campaign_is_followed_from_its_first_run_to_its_end() {
    let place = Place::new(TINY);
    let words = [&["run", "campaign.toml", "--no-plots"], &LONG[..]].concat();
    let mut job = start(&mut place.command(&words));
    wait_for("the campaign", || place.path("runs/tiny/campaign.json").is_file());
    let watching = start(&mut place.command(&["watch", "runs/tiny", "--every", "0.1s"]));
    let watched = finish(watching).expect(0);
    assert!(job.wait().unwrap().success());
    let lines: Vec<&str> = watched.out.lines().collect();
    assert!(!watched.out.contains('\u{1b}') && watched.err.is_empty(), "{watched:?}");
    assert_eq!(*lines.last().unwrap(), "runs/tiny: 2 of 2 runs done", "{}", watched.out);
    for learner in ["evolution", "backprop"] {
        let at_work = lines.iter().filter(|line| line.starts_with(&format!("{learner} seed=1: ")));
        let at_work: Vec<_> = at_work.filter(|line| line.contains(" %, loss ")).collect();
        assert!(!at_work.is_empty(), "{learner}: {}", watched.out);
        let done = lines.iter().filter(|line| line.starts_with(&format!("{learner} seed=1: done")));
        assert_eq!(done.count(), 1, "{}", watched.out);
    }
    assert!(lines.iter().any(|line| line.contains(" left") && line.contains("1 running")), "{}", watched.out);
    // The job did as it does alone.
    place.run(&[&LONG[..], &["--out", "calm"]].concat());
    super::assert_same(&place.bytes("runs/tiny"), &place.bytes("calm/tiny"), "watched");
}

#[test]
fn a_signal_or_q_ends_the_view_and_nothing_else() {
    let place = Place::new(TINY);
    place.run(&[]);
    let run = place.runs("runs/tiny").remove(0);
    cut_back(&run, 20);
    let before = read(run.join("steps.jsonl"));
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let mut env = std::process::Command::new("env");
        env.args(["--default-signal=INT,TERM", env!("CARGO_BIN_EXE_subevo"), "watch", "runs/tiny"]);
        let watching = start(env.current_dir(place.folder.path()).stdin(Stdio::null()));
        std::thread::sleep(Duration::from_millis(300));
        send(&watching, signal);
        assert_eq!(signal_of(&finish(watching)), Some(number), "{signal}");
    }
    // On a terminal, which `script` makes.
    let line = format!("{} watch runs/tiny", env!("CARGO_BIN_EXE_subevo"));
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(place.folder.path()).env("TERM", "xterm");
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Ok(mut child) = script.spawn() {
        std::thread::sleep(Duration::from_millis(500));
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"q").unwrap();
        let ended = finish(child).expect(0);
        assert!(ended.out.contains("1 stopped; no process works on it") && ended.out.contains('\u{1b}'), "{ended:?}");
        assert!(ended.out.contains("\u{1b}[?25h"), "the cursor is back: {ended:?}");
    }
    assert_eq!(read(run.join("steps.jsonl")), before);
}
