//! Exit codes and streams: results on stdout, talk on stderr, whatever becomes of either.

use std::fs::{self, File};
use std::process::Command;

use serde_json::Value;

use super::{ended, start, Ended, Place, TINY};

/// One line for each command that writes a result; `plot`, `compare`, `report`, `watch` and the second `run` need the first `run`.
const COMMANDS: [&[&str]; 17] = [
    &["run", "campaign.toml"],
    &["run", "campaign.toml", "--json"],
    &["plot", "runs/tiny"],
    &["compare", "runs/tiny"],
    &["compare", "runs/tiny", "--json"],
    &["report", "runs/tiny"],
    &["export", "runs/tiny", "--format", "csv"],
    &["watch", "runs/tiny", "--once"],
    &["watch", "runs/tiny"],
    &["inspect", "campaign.toml"],
    &["inspect", "campaign.toml", "--json", "--spans"],
    &["list"],
    &["list", "strategies", "--json"],
    &["check", "campaign.toml"],
    &["--help"],
    &["run", "--help"],
    &["--version"],
];

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn results_go_to_stdout_without_escape_codes_and_talk_to_stderr() {
    let place = Place::new(TINY);
    for words in COMMANDS {
        let Ended { out, err, .. } = place.subevo(words).expect(0);
        assert!(!out.is_empty(), "{words:?}");
        assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}'), "{words:?}: {out} {err}");
        assert_eq!(err.is_empty(), words[0] != "run" || words.contains(&"--help"), "{words:?}: {err}");
        let quiet = place.subevo(&[words, &["-qq"]].concat()).expect(0);
        assert_eq!((quiet.out, quiet.err.as_str()), (out, ""), "{words:?}");
    }
    let mistake = place.subevo(&["check", "campaign.toml", "--set", "budget.stps=1", "-qq"]).expect(2);
    assert!(mistake.out.is_empty() && mistake.err.starts_with("error: unknown key `stps`"), "{mistake:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new(TINY);
    for words in COMMANDS {
        let mut child = start(&mut place.command(words));
        drop(child.stdout.take());
        super::finish(child).expect(0);
    }
    // Nor is one that was never there.
    for words in COMMANDS {
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" >&-", env!("CARGO_BIN_EXE_subevo")]).args(words);
        ended(shell.current_dir(place.folder.path())).expect(0);
    }
    // Nobody needs to listen to the talk.
    for redirection in ["2>&-", "2>/dev/full"] {
        let mut shell = Command::new("sh");
        let line = format!("exec \"$0\" \"$@\" {redirection}");
        shell.args(["-c", &line, env!("CARGO_BIN_EXE_subevo"), "run", "campaign.toml", "--out", redirection]);
        let ended = ended(shell.current_dir(place.folder.path())).expect(0);
        assert!(ended.out.contains("| evolution "), "{redirection}: {ended:?}");
    }
}

#[test]
fn a_full_disk_behind_stdout_is_told_and_ends_with_1() {
    let place = Place::new(TINY);
    for words in COMMANDS {
        let child = place.command(words).stdout(full()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let ended = super::finish(child).expect(1);
        let last = ended.err.lines().last().unwrap();
        assert_eq!(last, "error: cannot write to standard output: No space left on device (os error 28)", "{words:?}");
    }
    assert_eq!(place.runs("runs/tiny").len(), 2, "the runs are kept");
    assert!(place.runs("runs/tiny").iter().all(|run| run.join("genome.safetensors").is_file()));
    // A mistake counts for more than the place it cannot be told.
    let child = place.command(&["check", "none.toml"]).stdout(full()).stderr(full()).spawn().unwrap();
    super::finish(child).expect(2);
}

#[test]
fn a_full_disk_under_the_runs_fails_them_by_name_and_later_they_go_on() {
    let place = Place::new(TINY);
    place.run(&["--out", "calm"]);
    // No file may grow beyond these bytes: the records need more.
    let line = "ulimit -f 8; trap '' XFSZ; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", line, env!("CARGO_BIN_EXE_subevo"), "run", "campaign.toml", "--no-plots"]);
    let ended = ended(shell.current_dir(place.folder.path())).expect(1);
    assert!(ended.err.contains("steps.jsonl: File too large (os error 27)"), "{}", ended.err);
    assert!(ended.err.contains("2 of 2 runs failed"), "{}", ended.err);
    place.run(&[]);
    super::assert_same(&place.bytes("runs/tiny"), &place.bytes("calm/tiny"), "after the full disk");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_insist() {
    let place = Place::new(&TINY.replace("steps", "stps"));
    let coloured = |words: &[&str], environment: &[(&str, &str)]| {
        let mut command = place.command(words);
        ended(command.envs(environment.iter().copied())).expect(2).err.contains('\u{1b}')
    };
    assert!(!coloured(&["check", "campaign.toml"], &[]));
    assert!(coloured(&["check", "campaign.toml", "--color", "always"], &[]));
    assert!(coloured(&["--color=always", "check", "campaign.toml"], &[("NO_COLOR", "1")]), "who insists, wins");
    assert!(!coloured(&["check", "campaign.toml", "--color", "never"], &[]));
    // On a terminal, which `script` makes.
    let terminal = |environment: &str| {
        let line = format!("{environment} {} check campaign.toml", env!("CARGO_BIN_EXE_subevo"));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(place.folder.path()).env("TERM", "xterm");
        script.env_remove("NO_COLOR").stdin(std::process::Stdio::null()).output()
    };
    if let Ok(output) = terminal("") {
        assert!(output.stdout.contains(&0x1b), "{output:?}");
        assert!(!terminal("NO_COLOR=1").unwrap().stdout.contains(&0x1b));
        assert!(!terminal("TERM=dumb").unwrap().stdout.contains(&0x1b));
    }
}

#[test]
fn json_has_the_keys_that_programs_rely_on() {
    let place = Place::new(TINY);
    let json = |words: &[&str]| -> Value { serde_json::from_str(&place.subevo(words).expect(0).out).unwrap() };
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();

    let inspect = json(&["inspect", "campaign.toml", "--json"]);
    assert_eq!(inspect["schema"], "subevo.inspect/1");
    // conv 1x2x9 + bn 2x2 + conv 2x3x9 + bn 2x3 + linear 12x3 + 3; trained: both bn, a filter of 9 and one of 18.
    assert_eq!((inspect["parameters_total"].as_u64(), inspect["subset_size"].as_u64()), (Some(121), Some(37)));
    let layers = inspect["layers"].as_array().unwrap();
    for layer in layers {
        for key in ["name", "kind", "shape", "parameters", "trained", "macs"] {
            assert!(keys(layer).iter().any(|found| found == key), "{key}: {layer}");
        }
    }
    let conv2 = layers.iter().find(|layer| layer["name"] == "conv2").unwrap();
    assert_eq!((&conv2["kind"], &conv2["shape"]), (&"conv2d".into(), &serde_json::json!([3, 4, 4])));
    let sum = |key: &str| layers.iter().map(|layer| layer[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("parameters"), sum("trained")), (121, 37));
    // 2x64 outputs of 9 products, 3x16 of 18, 3 of 12.
    assert_eq!(sum("macs"), 1_152 + 864 + 36);
    assert_eq!(json(&["inspect", "campaign.toml", "--json", "--spans"])["spans"].as_array().unwrap().len(), 6);

    let run = json(&["run", "campaign.toml", "--json"]);
    assert_eq!((&run["schema"], &run["folder"]), (&"subevo.run/1".into(), &"runs/tiny".into()));
    let rows = run["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["learner"].as_str().unwrap()).collect::<Vec<_>>(), ["evolution", "backprop"]);
    for row in rows {
        assert_eq!((row["n"].as_u64(), row["unfinished"].as_u64()), (Some(1), Some(0)));
        let test = row["test_accuracy"]["mean"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&test), "{row}");
        assert_eq!(row["test_accuracy"]["half_width_95"], Value::Null, "one seed has no interval");
    }
    assert_eq!(rows[0]["images"]["mean"], 40.0 * 8.0 * 16.0);

    let list = json(&["list", "--json"]);
    let entries = list["entries"].as_array().unwrap();
    assert!(entries.iter().all(|entry| keys(entry) == ["kind", "name", "reference", "summary"]), "{list}");
    assert!(entries.iter().any(|entry| (&entry["kind"], &entry["name"]) == (&"models".into(), &"conv2-bn".into())));
}

#[test]
fn help_is_at_most_100_columns_wide_and_begins_with_an_example() {
    let place = Place::new(TINY);
    for command in
        ["", "run", "plot", "compare", "export", "report", "watch", "inspect", "list", "check", "bench", "bench common"]
    {
        for flag in ["-h", "--help"] {
            let words: Vec<&str> = command.split(' ').chain([flag]).filter(|word| !word.is_empty()).collect();
            let help = place.subevo(&words).expect(0).out;
            assert!(help.starts_with("Example"), "{words:?}: {help}");
            assert!(help.lines().nth(1).unwrap().starts_with(format!("  subevo {command}").trim_end()), "{help}");
            for line in help.lines() {
                assert!(line.chars().count() <= 100, "{words:?}: {line}");
                assert_eq!(line, line.trim_end(), "{words:?}");
            }
        }
    }
    // Without a command the help is the answer, but nothing was done.
    let bare = place.subevo(&[]).expect(2);
    assert!(bare.out.is_empty() && bare.err.starts_with("Examples:\n  subevo run "), "{bare:?}");
}

#[test]
fn mistyped_words_get_a_suggestion_and_exit_2() {
    let place = Place::new(TINY);
    for (words, expected) in [
        (&["runn", "campaign.toml"][..], "tip: a similar subcommand exists: 'run'"),
        (&["run", "campaign.toml", "--chekpoint-every", "1s"], "tip: a similar argument exists: '--checkpoint-every'"),
        (&["list", "modls"], "tip: a similar value exists: 'models'"),
        (&["run"], "<CAMPAIGN>"),
        (&["plot"], "<FOLDERS>"),
        (&["run", "campaign.toml", "--threads", "0"], "0 is not in 1..=1024"),
        (&["run", "campaign.toml", "--memory", "much"], "\"much\" is no size: write it as 512MiB or 4GiB"),
        (&["run", "campaign.toml", "--time-limit", "soon"], "\"soon\" is no time: write it as 10s, 5m or 3h55m"),
        (&["inspect", "campaign.toml", "--cell", "1"], "--cell 1: there is 1 cell, numbered from 0"),
    ] {
        let ended = place.subevo(words).expect(2);
        assert!(ended.out.is_empty() && ended.err.contains(expected), "{words:?}: {}", ended.err);
        assert!(ended.err.starts_with("error: "), "{words:?}: {}", ended.err);
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn campaign_files_that_are_none_are_told_and_nothing_is_written() {
    let place = Place::new(TINY);
    fs::create_dir(place.path("folder")).unwrap();
    fs::write(place.path("empty.toml"), "").unwrap();
    fs::write(place.path("binary.toml"), [b'[', 0xff, 0, 1]).unwrap();
    fs::write(place.path("zeros.toml"), [0; 100]).unwrap();
    fs::write(place.path("huge.toml"), vec![b'#'; 5 << 20]).unwrap();
    for (file, expected) in [
        ("none.toml", "error: cannot read none.toml: No such file or directory"),
        ("folder", "error: cannot read folder: Is a directory"),
        ("empty.toml", "error: `campaign.name` is missing: a string is needed\n--> empty.toml\n"),
        ("binary.toml", "error: binary.toml: byte 1 is not UTF-8: a campaign file is text\n"),
        ("zeros.toml", " --> zeros.toml:1:"),
        ("huge.toml", "error: huge.toml: more than 4 MiB are no campaign file\n"),
    ] {
        for command in ["run", "check", "inspect"] {
            let ended = place.subevo(&[command, file]).expect(2);
            assert!(ended.out.is_empty() && ended.err.contains(expected), "{command} {file}: {}", ended.err);
        }
    }
    assert!(!place.path("runs").exists());
}

#[test]
fn a_missing_data_set_ends_with_2_says_where_it_was_sought_and_writes_nothing() {
    let place = Place::new(&TINY.replace("\"synthetic\"\nimage = 8\nclasses = 3\ntrain = 200\ntest = 50", "\"mnist\""));
    place.subevo(&["check", "campaign.toml"]).expect(0);
    let ended = place.subevo(&["run", "campaign.toml", "--data-dir", "sets"]).expect(2);
    assert!(ended.err.starts_with("error: sets/mnist: data set `mnist` is not complete"), "{}", ended.err);
    assert!(ended.err.contains("--data-dir") && ended.err.contains("SUBEVO_DATA"), "{}", ended.err);
    let mut command = place.command(&["run", "campaign.toml"]);
    let ended = ended_with(&mut command, "SUBEVO_DATA", "by-environment");
    assert!(ended.err.starts_with("error: by-environment/mnist: "), "{}", ended.err);
    let home = place.subevo(&["run", "campaign.toml"]).expect(2);
    assert!(home.err.contains(".local/share/subevo/mnist: "), "{}", home.err);
    assert!(!place.path("runs").exists());
}

fn ended_with(command: &mut Command, name: &str, value: &str) -> Ended {
    ended(command.env(name, value)).expect(2)
}
