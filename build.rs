//! Notes which commit and which versions of the crates that compute a build is made of, for the records.

use std::path::Path;
use std::process::Command;

/// Crates whose version can change a result.
const CRATES: [&str; 4] = ["candle-core", "gemm", "pulp", "rayon"];

fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    for path in [".git/HEAD", ".git/logs/HEAD"] {
        if Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo:rustc-env=SUBEVO_GIT_COMMIT={}", commit.trim());

    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let value = |line: &str| line.split('"').nth(1).unwrap_or_default().to_string();
    let mut versions = Vec::new();
    let mut name = String::new();
    for line in lock.lines() {
        if line.starts_with("name = ") {
            name = value(line);
        } else if line.starts_with("version = ") && CRATES.contains(&name.as_str()) {
            versions.push(format!("{name}={}", value(line)));
        }
    }
    println!("cargo:rustc-env=SUBEVO_CRATES={}", versions.join(","));
}
