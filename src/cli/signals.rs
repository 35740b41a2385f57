//! Signals and the clock: the first SIGINT, SIGTERM or SIGHUP asks to stop after this step, the second stops at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};

/// What may ask a campaign to stop.
pub struct Stop {
    signal: Arc<AtomicUsize>,
    deadline: Option<Instant>,
}

impl Stop {
    /// Begins to listen; `limit` is the time from now after which to stop.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen(limit: Option<Duration>) -> Result<Self> {
        let (signal, armed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        for which in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the second signal finds the program armed by the first and ends it. Nothing is lost, for
            // files are only ever replaced whole.
            let registered = flag::register_conditional_shutdown(which, 128 + which, armed.clone())
                .and_then(|_| flag::register(which, armed.clone()))
                .and_then(|_| flag::register_usize(which, signal.clone(), which as usize));
            registered.map_err(Error::io("listen to signals of", "this process"))?;
        }
        Ok(Stop { signal, deadline: limit.map(|limit| Instant::now() + limit) })
    }

    /// A question that can be asked between steps: stop now?
    pub fn question(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let (signal, deadline) = (self.signal.clone(), self.deadline);
        Arc::new(move || {
            signal.load(Ordering::Relaxed) != 0 || deadline.is_some_and(|deadline| Instant::now() >= deadline)
        })
    }

    /// The signal that asked, if one did.
    pub fn signal(&self) -> Option<i32> {
        i32::try_from(self.signal.load(Ordering::Relaxed)).ok().filter(|signal| *signal != 0)
    }
}
