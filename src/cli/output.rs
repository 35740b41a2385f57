//! Where words go. A closed pipe ends the program quietly; a disk that is full is an error that is told.

use std::io::{self, IsTerminal, Write};

use super::args::Colour;
use super::Exit;

/// The program's two streams.
pub struct Output {
    colour: Colour,
    quiet: u8,
    /// The first failure to write a result.
    failure: Option<io::Error>,
}

impl Output {
    /// Colours as the terminal allows, nothing silenced.
    pub fn new() -> Self {
        Output { colour: Colour::Auto, quiet: 0, failure: None }
    }

    /// Takes over what the arguments say.
    pub fn configure(&mut self, colour: Colour, quiet: u8) {
        (self.colour, self.quiet) = (colour, quiet);
    }

    /// Whether progress is shown.
    pub fn shows_progress(&self) -> bool {
        self.quiet == 0
    }

    /// Writes a result to stdout.
    pub fn result(&mut self, text: &str) {
        if self.failure.is_none() {
            let mut stdout = io::stdout().lock();
            self.failure = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).err();
        }
    }

    /// Whether a result could not be written: nobody reads on, or there is no room.
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Says something that is no result, on stderr. If nobody can hear it, nothing is lost.
    pub fn talk(&self, text: &str) {
        self.voice()(text);
    }

    /// What says something as [`Output::talk`] does, from any thread.
    pub fn voice(&self) -> impl Fn(&str) + Send + 'static {
        let heard = self.quiet < 2;
        move |text| {
            if heard {
                let _ = io::stderr().lock().write_all(text.as_bytes());
            }
        }
    }

    /// Tells an error, on stderr.
    pub fn error(&self, text: &str) {
        // Reports of a campaign file bring their own heads.
        let head = if text.starts_with("error") || text.contains("\u{1b}[") { "" } else { "error: " };
        let _ = io::stderr().lock().write_all(format!("{head}{}\n", text.trim_end()).as_bytes());
    }

    /// Text of clap, with colours where stderr takes them.
    pub fn styled(&self, text: &clap::builder::StyledStr) -> String {
        if self.colour_stderr() {
            text.ansi().to_string()
        } else {
            text.to_string()
        }
    }

    /// Whether to colour stdout.
    pub fn colour_stdout(&self) -> bool {
        self.colours(io::stdout().is_terminal())
    }

    /// Whether to colour stderr.
    pub fn colour_stderr(&self) -> bool {
        self.colours(io::stderr().is_terminal())
    }

    fn colours(&self, terminal: bool) -> bool {
        let plain = || {
            let set = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            set || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
        };
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !plain(),
        }
    }

    /// The exit that holds once everything was written: results that could not be written are a failure, but a reader
    /// that went away has what it wanted.
    pub fn finish(self, exit: Exit) -> Exit {
        match &self.failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.error(&format!("cannot write to standard output: {error}"));
                if exit == Exit::Done {
                    Exit::Failed
                } else {
                    exit
                }
            }
            _ => exit,
        }
    }
}
