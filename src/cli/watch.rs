//! `subevo watch`: how the runs of campaigns are, from their records, while others work on them.

mod changes;
mod curve;
mod keys;
mod screen;
mod words;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use console::Term;

use super::output::Output;
use super::signals::Stop;
use super::watch_args::WatchArguments;
use super::Exit;
use crate::campaign::watch::{CampaignView, Watch};
use crate::campaign::Registry;
use crate::error::Result;
use changes::Changes;
use keys::Keys;
use screen::Screen;
use words::Paint;

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(100);

/// How long a key or a signal may go unheard.
const HEARING: Duration = Duration::from_millis(100);

/// Columns where there is no terminal that has some.
const WIDE: usize = 200;

/// Watches until all runs are done, or somebody has seen enough.
pub fn watch(arguments: &WatchArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let mut watch = Watch::new(&arguments.folders, registry)?;
    let terminal = std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let paint = Paint::new(output.colour_stdout());
    if arguments.once {
        let width = if terminal { size().1 } else { WIDE };
        let lines = words::view(&watch.look()?, width, paint);
        output.result(&format!("{}\n", lines.join("\n")));
        return Ok(Exit::Done);
    }
    let stop = Stop::listen(None, || {})?;
    let every = arguments.every.max(SHORTEST);
    match terminal {
        true => on_terminal(&mut watch, every, &stop, paint, output),
        false => in_lines(&mut watch, every, &stop, output),
    }
}

fn on_terminal(watch: &mut Watch<'_>, every: Duration, stop: &Stop, paint: Paint, output: &mut Output) -> Result<Exit> {
    let keys = Keys::listen();
    let mut screen = Screen::new();
    output.result(screen::HIDE_CURSOR);
    let ended = loop {
        let campaigns = match watch.look() {
            Ok(campaigns) => campaigns,
            Err(error) => break Err(error),
        };
        let (height, width) = size();
        let lines = words::view(&campaigns, width, paint);
        if is_over(&campaigns) {
            output.result(&screen.frame(&lines, height, width));
            break Ok(exit(&campaigns));
        }
        let hint = keys.are_heard().then(|| paint.dim("q ends this view, not the runs"));
        output.result(&screen.frame(&[&lines[..], hint.as_slice()].concat(), height, width));
        if let Some(exit) = wait(every, stop, output, |time| keys.quit_within(time)) {
            // The hint goes, the rest stays.
            output.result(&screen.frame(&lines, height, width));
            break Ok(exit);
        }
    };
    output.result(screen::SHOW_CURSOR);
    ended
}

fn in_lines(watch: &mut Watch<'_>, every: Duration, stop: &Stop, output: &mut Output) -> Result<Exit> {
    let mut changes = Changes::default();
    loop {
        let campaigns = watch.look()?;
        for line in changes.since(&campaigns, Instant::now()) {
            output.result(&format!("{line}\n"));
        }
        if is_over(&campaigns) {
            return Ok(exit(&campaigns));
        }
        let sleep = |time| {
            std::thread::sleep(time);
            false
        };
        if let Some(exit) = wait(every, stop, output, sleep) {
            return Ok(exit);
        }
    }
}

/// Waits for the next look; how to end, if one is to.
fn wait(every: Duration, stop: &Stop, output: &Output, mut quit_within: impl FnMut(Duration) -> bool) -> Option<Exit> {
    let began = Instant::now();
    loop {
        if let Some(signal) = stop.signal() {
            return Some(Exit::Signal(signal));
        }
        // Nobody looks at it any more.
        if output.failed() {
            return Some(Exit::Done);
        }
        let left = every.saturating_sub(began.elapsed());
        if left.is_zero() {
            return None;
        }
        if quit_within(left.min(HEARING)) {
            return Some(Exit::Done);
        }
    }
}

fn is_over(campaigns: &[CampaignView]) -> bool {
    campaigns.iter().all(|campaign| campaign.counts.is_over())
}

fn exit(campaigns: &[CampaignView]) -> Exit {
    match campaigns.iter().any(|campaign| campaign.counts.failed > 0) {
        true => Exit::Failed,
        false => Exit::Done,
    }
}

/// Lines and columns of the terminal.
fn size() -> (usize, usize) {
    let (height, width) = Term::stdout().size_checked().unwrap_or((24, 80));
    (usize::from(height.max(2)), usize::from(width.max(1)))
}
