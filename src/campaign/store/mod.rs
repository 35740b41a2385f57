//! Run folders: what a run leaves on disk, written so that a kill or a power cut at any moment loses nothing but time.
//!
//! A run's folder holds `config.toml` (resolved), `run.json`, `steps.jsonl`, `times.jsonl`, two generations of
//! checkpoints, `genome.safetensors`, `error.txt` if it failed, and `lock`; copies of the files that `config.toml` names, and
//! `subset.safetensors` where the choice of the subset depends on the machine. Every byte goes through [`disk`].

pub mod checkpoint;
pub mod description;
pub mod disk;
pub mod event_file;
pub mod genome;
mod kept_subset;
pub mod lines;
pub mod lock;
mod measurements;
mod moments;
pub mod network;
pub mod reading;
pub mod run_dir;
mod sealed;
pub mod tail;
mod walk;

pub use checkpoint::{Checkpoint, Checkpoints};
pub use description::{check_run_name, config_digest, RunDescription};
pub use event_file::EventFile;
pub use genome::Genome;
pub use kept_subset::read as read_kept_subset;
pub use lines::{read_lines, Covered, LineWriter, Lines, TornTail};
pub use lock::{hold, is_held};
pub use measurements::{read_measured_arrays, read_measurements, MomentFile, Said};
pub use moments::{read_moments, write_moment};
pub use reading::{genome_path, read_description, read_run, read_run_if_begun, read_sessions, run_state, RunState};
pub use run_dir::{Resumed, RunDir, RunFiles};
pub use walk::{read_walk, WalkWriter, PROJECTED, WHOLE};
