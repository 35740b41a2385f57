//! Signals and the clock: the first SIGINT, SIGTERM or SIGHUP asks to stop after this step, the next one stops at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::campaign::machine;
use crate::error::{Error, Result};

/// Signals this close to the first one belong to it: `timeout` and terminals send one to the process and one to its group.
const SAME: Duration = Duration::from_millis(300);

/// What may ask a campaign to stop.
pub struct Stop {
    signal: Arc<AtomicUsize>,
    deadline: Option<Instant>,
}

impl Stop {
    /// Begins to listen; `limit` is the time from now after which to stop. `answer` is called at once when the first
    /// signal comes, from a thread of its own, for the step at work may take long.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen(limit: Option<Duration>, answer: impl FnOnce() + Send + 'static) -> Result<Self> {
        // What the parent had this process ignore stays ignored: `nohup` and shells that put it behind rely on it.
        let ignored = machine::ignored_signals();
        let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let mut signals = Signals::new(heard).map_err(Error::io("listen to signals of", "this process"))?;
        let signal = Arc::new(AtomicUsize::new(0));
        let seen = signal.clone();
        std::thread::spawn(move || {
            let mut signals = signals.forever();
            let Some(first) = signals.next() else { return };
            let began = Instant::now();
            seen.store(first as usize, Ordering::Relaxed);
            answer();
            for again in signals {
                if began.elapsed() > SAME {
                    // Nothing is lost, for files are only ever replaced whole.
                    let _ = emulate_default_handler(again);
                }
            }
        });
        // A limit beyond what the clock can say is no limit.
        Ok(Stop { signal, deadline: limit.and_then(|limit| Instant::now().checked_add(limit)) })
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
