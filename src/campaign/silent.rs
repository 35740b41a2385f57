//! Campaigns run from code: options that need no command line, and an observer that says nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{machine, Observer, Options, RunEnd, Turn};
use crate::engine::Processor;
use crate::plan::Limits;
use crate::record::{Evaluation, Step};

impl Options {
    /// Runs in `root/<campaign>`, with all cores, no GPU, a quarter of the machine's memory and a checkpoint every ten seconds,
    /// until the end.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Options {
            root: root.into(),
            data_dir: None,
            limits: Limits {
                memory: machine::memory() / 4,
                threads: std::thread::available_parallelism().map_or(1, usize::from),
            },
            processor: Processor::cpu(),
            device_memory: None,
            checkpoint_every: Duration::from_secs(10),
            stop: Arc::new(|| false),
            fail_fast: false,
            tensorboard: false,
            command_line: Vec::new(),
        }
    }
}

/// Is told what happens and says nothing.
impl Observer for () {
    fn begin(&mut self, _: Turn<'_>, _: f64, _: &[String]) {}
    fn step(&mut self, _: &Step, _: f64) {}
    fn evaluation(&mut self, _: &Evaluation) {}
    fn end(&mut self, _: Turn<'_>, _: &RunEnd) {}
}
