//! The program from outside: real processes of the built binary in folders of their own, with campaigns that take a second.

mod bench;
mod bench_functions;
mod compare;
mod device;
mod export;
mod failures;
mod inspect;
mod kills;
mod measure_arrays;
mod memory;
mod mistakes;
mod noise;
mod plots;
mod published_counts;
mod recipes;
mod report;
mod report_in_browser;
mod same_bytes;
mod settings;
mod signals;
mod streams;
mod subset;
mod tables;
mod tensorboard;
mod user_crates;
mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A campaign of an evolution and a backprop run; a fifth of a second.
const TINY: &str = r#"[campaign]
name = "tiny"

[data]
name = "synthetic"
image = 8
classes = 3
train = 200
test = 50

[model]
name = "conv2-bn"
channels = [2, 3]

[subset]
select = [{ batchnorm = true }, { filters = 1 }]

[[learner]]
name = "evolution"
batch = 16
strategy = { name = "snes", population = 8 }

[[learner]]
name = "backprop"
batch = 16
optimizer = { name = "adam", lr = 0.01 }

[budget]
steps = 40
"#;

/// Every strategy, and backprop with each kind of moments.
const ALL_LEARNERS: &str = r#"learner = [
    { name = "evolution", label = "snes", batch = 16, strategy = { name = "snes", population = 8 } },
    { name = "evolution", label = "openai-es", batch = 16, strategy = { name = "openai-es", population = 8 } },
    { name = "evolution", label = "genetic", batch = 16, strategy = { name = "genetic", population = 8 } },
    { name = "backprop", label = "sgd", batch = 16, optimizer = { name = "sgd", lr = 0.05, momentum = 0.9 } },
    { name = "backprop", label = "adam", batch = 16, optimizer = { name = "adam", lr = 0.01 }, schedule = "cosine" },
]"#;

/// A folder to work in, with `campaign.toml`.
struct Place {
    folder: tempfile::TempDir,
}

/// How a process ended, and what it said.
#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Ended {
    /// The exit code; a signal is none.
    fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts the exit code, and that no panic was seen.
    #[track_caller]
    fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code(), Some(code), "{self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }
}

impl Place {
    fn new(campaign: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("campaign.toml"), campaign).unwrap();
        Place { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these words, not started; what the caller's environment says of it is taken away.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_subevo"));
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        // Bits are those of the CPU, whatever this build could drive.
        command.env("SUBEVO_DEVICE", "cpu");
        for name in ["SUBEVO_DATA", "SUBEVO_THREADS", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path()).env_remove("XDG_DATA_HOME");
        command
    }

    fn subevo(&self, words: &[&str]) -> Ended {
        ended(&mut self.command(words))
    }

    /// Runs the campaign with more words, and expects it to be done.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Ended {
        self.subevo(&[&["run", "campaign.toml", "--no-plots"], words].concat()).expect(0)
    }

    /// The run folders below `folder`, in alphabetical order.
    fn runs(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        // One with a dot in front is still being built.
        let built = |path: &PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with('.');
        let mut runs: Vec<PathBuf> = entries.filter(|path| built(path) && path.join("config.toml").is_file()).collect();
        runs.sort();
        runs
    }

    /// The bytes that must not depend on how a campaign was run: records and genome of each run.
    fn bytes(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for run in self.runs(folder) {
            for file in ["config.toml", "steps.jsonl", "genome.safetensors"] {
                let name = format!("{}/{file}", run.file_name().unwrap().to_str().unwrap());
                all.insert(name, fs::read(run.join(file)).unwrap());
            }
        }
        all
    }
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

/// Starts a process whose words are kept.
fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for a process, at most a minute, and takes what it said, which must be less than a pipe holds.
#[track_caller]
fn finish(mut child: Child) -> Ended {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it does not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

/// Sends a signal, as in `INT`.
fn send(child: &Child, signal: &str) {
    let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success(), "{signal}");
}

/// Waits until something holds, and fails after half a minute.
#[track_caller]
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Asserts that both hold the same files with the same bytes, and names the first that differs.
#[track_caller]
fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, when: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{when}");
    for (name, bytes) in expected {
        assert!(found[name] == *bytes, "{when}: {name} differs");
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap()
}

/// The number of the signal that ended a process.
fn signal_of(ended: &Ended) -> Option<i32> {
    ended.status.signal()
}
