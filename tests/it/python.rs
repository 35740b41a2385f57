//! Python for tests that hold a file against the programs that read it. Where it has not what a test needs, the test is left
//! out, and says so.

use std::io::Write;
use std::process::Command;

/// What a script printed; nothing where python3 or a module of `modules` (as in `pandas, polars`) is missing.
#[track_caller]
pub fn run(modules: &str, script: &str, words: &[&str]) -> Option<String> {
    let there = Command::new("python3").args(["-c", &format!("import {modules}")]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        // Not `eprintln!`, which the harness keeps to itself where a test passes.
        let _ = writeln!(std::io::stderr(), "LEFT OUT, for python3 has not all of {modules}: a test at {}", place());
        return None;
    }
    let output = Command::new("python3").args(["-c", script]).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    Some(text(&output.stdout))
}

#[track_caller]
fn place() -> &'static std::panic::Location<'static> {
    std::panic::Location::caller()
}
