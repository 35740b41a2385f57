//! Keys as they are pressed: the terminal's line editing is off as long as this lives.

use std::time::Duration;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::stdio::stdin;
use rustix::termios::{isatty, tcgetattr, tcgetpgrp, tcsetattr, LocalModes, OptionalActions, Termios};

/// What listens to keys, where standard input is a terminal.
pub struct Keys {
    /// The terminal's modes before.
    before: Option<Termios>,
}

impl Keys {
    /// Begins to listen. Nothing is heard where input is no terminal, or belongs to a process in the foreground.
    pub fn listen() -> Self {
        // To change a terminal from the background would stop the process.
        let ours = isatty(stdin()) && tcgetpgrp(stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
        let before = if ours { tcgetattr(stdin()).ok() } else { None };
        let before = before.filter(|before| {
            let mut modes = before.clone();
            // Signals stay: Ctrl-C is one.
            modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            tcsetattr(stdin(), OptionalActions::Now, &modes).is_ok()
        });
        Keys { before }
    }

    /// Whether keys are heard.
    pub fn are_heard(&self) -> bool {
        self.before.is_some()
    }

    /// Waits so long; whether q was pressed.
    pub fn quit_within(&self, time: Duration) -> bool {
        if self.before.is_none() {
            std::thread::sleep(time);
            return false;
        }
        let mut input = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
        // A signal ends the wait; who asks looks for signals.
        let ready = poll(&mut input, Some(&time)).unwrap_or(0) > 0;
        let mut pressed = [0; 64];
        let length = if ready { rustix::io::read(stdin(), &mut pressed).unwrap_or(0) } else { 0 };
        pressed[..length].iter().any(|key| key.eq_ignore_ascii_case(&b'q'))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}
