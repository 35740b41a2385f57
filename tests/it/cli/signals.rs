//! Signals, the time limit, and two processes at the same runs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{assert_same, ended, finish, send, signal_of, start, wait_for, Place, TINY};

/// Words for runs of a second or two, so that a signal finds them at work.
const LONG: [&str; 4] = ["--set", "budget.steps=4000", "--set", "metrics.every=1000"];

/// The same command, with signals that whoever runs the tests may have it ignore (as `nohup` does) as they are by default.
fn listening(command: &Command) -> Command {
    let mut env = Command::new("env");
    env.arg("--default-signal=INT,TERM,HUP").arg(command.get_program()).args(command.get_args());
    env.current_dir(command.get_current_dir().expect("the place's folder")).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => env.env(name, value),
            None => env.env_remove(name),
        };
    }
    env
}

/// Begins a campaign in `out` and waits until its first run is at work.
fn at_work(place: &Place, words: &[&str], out: &str) -> std::process::Child {
    let words = [&["run", "campaign.toml", "--no-plots", "--out", out], words].concat();
    let child = start(&mut listening(&place.command(&words)));
    wait_for("the first run", || {
        place.path(out).join("tiny").is_dir() && !place.runs(&format!("{out}/tiny")).is_empty()
    });
    let run = place.runs(&format!("{out}/tiny")).remove(0);
    wait_for("its records", || run.join("times.jsonl").exists());
    std::thread::sleep(Duration::from_millis(100));
    child
}

#[test]
fn a_signal_is_answered_saves_ends_the_process_and_the_told_command_continues() {
    let place = Place::new(TINY);
    place.run(&[&LONG[..], &["--out", "calm"]].concat());
    let expected = place.bytes("calm/tiny");
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let child = at_work(&place, &LONG, signal);
        let began = Instant::now();
        send(&child, signal);
        let stopped = finish(child);
        assert!(began.elapsed() < Duration::from_secs(5), "{signal}");
        assert_eq!(signal_of(&stopped), Some(number), "{stopped:#?}");
        let words = "stopping after this step, nothing is lost; the same signal again stops at once\n";
        assert!(stopped.err.contains(words), "{}", stopped.err);
        assert!(
            stopped.err.contains("stopped: 0 of 2 runs are done, nothing is lost; continue with: "),
            "{}",
            stopped.err
        );
        let saved =
            place.runs(&format!("{signal}/tiny")).iter().any(|run| run.join("checkpoint-a.safetensors").exists());
        assert!(saved, "{signal}: no checkpoint");
        // The told command is the same one, also with what was set.
        let again = stopped.err.lines().last().unwrap().split_once("continue with: ").unwrap().1.to_string();
        let mut shell = Command::new("sh");
        let again = ended(shell.args(["-c", &again]).current_dir(place.folder.path())).expect(0);
        assert!(again.err.contains(": continuing at "), "{}", again.err);
        assert_same(&place.bytes(&format!("{signal}/tiny")), &expected, signal);
    }
}

#[test]
fn the_second_signal_does_not_wait_for_the_step() {
    // A generation of this takes minutes.
    let sets =
        ["--set", "data.image=28", "--set", "model.channels=[32,64]", "--set", "learner.0.strategy.population=20000"];
    let place = Place::new(TINY);
    let mut child = at_work(&place, &sets, "runs");
    // Past the evaluation before the first step.
    std::thread::sleep(Duration::from_secs(1));
    send(&child, "INT");
    let mut talk = BufReader::new(child.stderr.take().unwrap()).lines();
    let told = talk.by_ref().map(Result::unwrap).find(|line| line.starts_with("stopping after this step"));
    assert!(told.is_some(), "it ended without a word");
    // One that comes with the first, as `timeout` sends it, is no second signal.
    send(&child, "INT");
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "the step was not long enough");
    let began = Instant::now();
    send(&child, "INT");
    let stopped = finish(child);
    assert_eq!(signal_of(&stopped), Some(2), "{stopped:#?}");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_signal_that_the_parent_had_ignored_stays_ignored() {
    let place = Place::new(TINY);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_subevo")]);
    command.args(["run", "campaign.toml", "--no-plots"]).args(LONG).current_dir(place.folder.path());
    let child = start(&mut command);
    wait_for("the first run", || place.path("runs/tiny").is_dir() && !place.runs("runs/tiny").is_empty());
    send(&child, "HUP");
    let ended = finish(child).expect(0);
    assert!(ended.err.contains("2 of 2 runs are done; records: "), "{}", ended.err);
}

#[test]
fn a_time_limit_ends_with_75_and_the_same_command_goes_on_until_all_is_done() {
    let place = Place::new(TINY);
    place.run(&[&LONG[..], &["--out", "calm"]].concat());
    let words =
        [&["run", "campaign.toml", "--no-plots", "--out", "limited", "--time-limit", "0.2s"], &LONG[..]].concat();
    let mut stops = 0;
    loop {
        let ended = place.subevo(&words);
        if ended.code() == Some(0) {
            break;
        }
        let ended = ended.expect(75);
        assert!(ended.err.contains("nothing is lost; continue with: "), "{}", ended.err);
        stops += 1;
        assert!(stops < 500, "it does not get on: {}", ended.err);
    }
    assert!(stops >= 2, "{stops} stops");
    assert_same(&place.bytes("limited/tiny"), &place.bytes("calm/tiny"), "after the limits");
    // More than a clock can count is no limit.
    place.run(&["--time-limit", "18000000000000000000s"]);
    assert_eq!(
        place.subevo(&["run", "campaign.toml", "--out", "none", "--time-limit", "0s"]).expect(75).code(),
        Some(75)
    );
}

#[test]
fn a_second_process_is_told_of_the_first_and_does_no_harm() {
    let place = Place::new(TINY);
    let one = ["--set", "learner=[{ name = \"backprop\", batch = 16 }]", "--set", "budget.steps=1000000000"];
    let first = at_work(&place, &one, "runs");
    let words = [&["run", "campaign.toml", "--no-plots"], &one[..]].concat();
    let second = place.subevo(&words).expect(1);
    assert!(second.err.contains("[1/1] backprop seed=1: is being written by another process, passed over\n"));
    assert!(
        second.err.contains("error: 1 of 1 runs are being written by another process, 0 are done;"),
        "{}",
        second.err
    );
    assert!(!place.runs("runs/tiny")[0].join("error.txt").exists());
    send(&first, "TERM");
    assert_eq!(signal_of(&finish(first)), Some(15));
    let words = [&words[..], &["--set", "budget.steps=40"]].concat();
    place.subevo(&words).expect(0);
}

#[test]
fn beside_a_running_campaign_its_records_can_be_drawn() {
    let place = Place::new(TINY);
    let words = ["--checkpoint-every", "0s", "--set", "budget.steps=1000000000"];
    let mut first = at_work(&place, &words, "runs");
    let written = place.subevo(&["plot", "runs/tiny", "--only", "learning-curves"]).expect(0);
    assert!(written.out.contains("runs/tiny/plots/learning-curves.svg\n"), "{written:?}");
    first.kill().unwrap();
    first.wait().unwrap();
}
