//! Progress of a campaign: bars with rate and time left on a terminal, plain lines elsewhere.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::format::{short, time};
use crate::campaign::{Observer, Run, RunEnd, Turn};
use crate::record::{Evaluation, Step};

/// Positions of a run's bar.
const PARTS: u64 = 10_000;

/// Time between two lines of one run where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// What a run's rate is measured from.
struct Clock {
    began: Instant,
    /// Images and share of the budget at the beginning of this session.
    images: Option<u64>,
    used: f64,
}

impl Clock {
    fn start(used: f64) -> Self {
        Clock { began: Instant::now(), images: None, used }
    }

    /// Images a second since the session's first step, in words; none before the second.
    fn rate(&mut self, step: &Step) -> String {
        let first = *self.images.get_or_insert(step.cost.images);
        let images = step.cost.images - first;
        match images {
            0 => String::new(),
            _ => format!(", {} images/s", short(images as f64 / self.began.elapsed().as_secs_f64())),
        }
    }

    /// Time left, if it goes on as in this session; nobody knows before anything was done.
    fn left(&self, used: f64) -> String {
        let done = used - self.used;
        if done <= 0.0 {
            return "? left".to_string();
        }
        format!("{} left", time(self.began.elapsed().as_secs_f64() * (1.0 - used) / done))
    }
}

fn title(run: &Run<'_>) -> String {
    let learner = &run.cell.setup.learners[run.learner].label;
    let cell = if run.cell.label.is_empty() { String::new() } else { format!(" {}", run.cell.label) };
    format!("{learner}{cell} seed={}", run.seed)
}

/// How many members of a generation failed, if any did.
fn failed(step: &Step) -> String {
    if step.failed > 0 {
        format!(", {} members failed", step.failed)
    } else {
        String::new()
    }
}

/// What a line of a run begins with.
fn head(turn: Turn<'_>) -> String {
    format!("[{}/{}] {}", turn.index + 1, turn.runs, title(turn.run))
}

/// What is said of a run that is passed over.
const BUSY: &str = "is being written by another process, passed over";

/// What is known of the incumbent, in a few words.
fn accuracy(evaluation: &Evaluation) -> String {
    let percent = |x: f64| 100.0 * x;
    format!("validation {:.1} %", percent(evaluation.scores.validation.accuracy))
}

/// Bars on a terminal.
pub struct Bars {
    all: MultiProgress,
    campaign: ProgressBar,
    run: ProgressBar,
    /// Of the campaign; from its first run that was not done before.
    whole: Option<Clock>,
    /// Shares of the campaign before and in the run at work.
    place: (f64, f64),
    clock: Clock,
    last: String,
}

impl Bars {
    /// What says a line above the bars, from any thread.
    pub fn voice(&self) -> impl Fn(&str) + Send + 'static {
        let all = self.all.clone();
        move |text| drop(all.println(text))
    }

    /// Two bars: the campaign's runs and the run at work.
    pub fn new() -> Self {
        let all = MultiProgress::new();
        let style = |template: &str| {
            ProgressStyle::with_template(template).expect("the template is a constant").progress_chars("━╸─")
        };
        let campaign = all.add(ProgressBar::new(PARTS));
        campaign.set_style(style("{bar:24.cyan/dim} {percent:>3}% {prefix}{elapsed} so far{msg}"));
        let run = all.add(ProgressBar::new(PARTS));
        run.set_style(style("{bar:24.green/dim} {percent:>3}% {prefix}: {msg}"));
        Bars { all, campaign, run, whole: None, place: (0.0, 0.0), clock: Clock::start(0.0), last: String::new() }
    }

    /// Moves the campaign's bar to where its run at work has used so much of its budget.
    fn show_campaign(&mut self, used: f64) {
        let share = self.place.0 + self.place.1 * used;
        self.campaign.set_position((share * PARTS as f64) as u64);
        if let Some(whole) = &self.whole {
            self.campaign.set_message(format!(", {}", whole.left(share)));
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.run.finish_and_clear();
        self.campaign.finish_and_clear();
    }
}

impl Observer for Bars {
    fn begin(&mut self, turn: Turn<'_>, done: f64, notes: &[String]) {
        for note in notes {
            let _ = self.all.println(format!("note: {}: {note}", turn.run.name));
        }
        self.place = (turn.before, turn.share);
        if self.whole.is_none() {
            self.whole = Some(Clock::start(turn.before + turn.share * done));
            self.campaign.enable_steady_tick(Duration::from_millis(500));
        }
        self.campaign.set_prefix(format!("of the campaign, run {} of {}, ", turn.index + 1, turn.runs));
        self.show_campaign(done);
        self.run.set_prefix(title(turn.run));
        self.run.set_message("starting");
        self.run.set_position((done * PARTS as f64) as u64);
        self.clock = Clock::start(done);
        self.last = String::new();
    }

    fn step(&mut self, step: &Step, used: f64) {
        let rate = self.clock.rate(step);
        self.run.set_position((used * PARTS as f64) as u64);
        let (loss, failed, left) = (step.loss, failed(step), self.clock.left(used));
        self.run.set_message(format!("loss {loss:.3}{failed}{}{rate}, {left}", self.last));
        self.show_campaign(used);
    }

    fn evaluation(&mut self, evaluation: &Evaluation) {
        self.last = format!(", {}", accuracy(evaluation));
    }

    fn end(&mut self, turn: Turn<'_>, end: &RunEnd) {
        let head = head(turn);
        let _ = match end {
            RunEnd::Failed(message) => self.all.println(format!("{head}: failed: {message}")),
            RunEnd::Busy => self.all.println(format!("{head}: {BUSY}")),
            _ => Ok(()),
        };
        if self.whole.is_some() && *end != RunEnd::Stopped {
            self.place = (turn.before, turn.share);
            self.show_campaign(1.0);
        }
    }
}

/// Plain lines, for logs.
pub struct Lines {
    shown: bool,
    clock: Clock,
    said: Instant,
    head: String,
    last: Option<String>,
}

impl Lines {
    /// Lines on stderr, or nothing at all.
    pub fn new(shown: bool) -> Self {
        Lines { shown, clock: Clock::start(0.0), said: Instant::now(), head: String::new(), last: None }
    }

    fn say(&self, text: &str) {
        if self.shown {
            // If nobody can hear it, nothing is lost.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

impl Observer for Lines {
    fn begin(&mut self, turn: Turn<'_>, done: f64, notes: &[String]) {
        notes.iter().for_each(|note| self.say(&format!("note: {}: {note}", turn.run.name)));
        self.head = head(turn);
        if done > 0.0 {
            self.say(&format!("{}: continuing at {:.0} %", self.head, 100.0 * done));
        }
        (self.clock, self.said, self.last) = (Clock::start(done), Instant::now(), None);
    }

    fn step(&mut self, step: &Step, used: f64) {
        let rate = self.clock.rate(step);
        if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            let (loss, failed, left) = (step.loss, failed(step), self.clock.left(used));
            self.say(&format!("{}: {:.0} %, loss {loss:.3}{failed}{rate}, {left}", self.head, 100.0 * used));
        }
    }

    fn evaluation(&mut self, evaluation: &Evaluation) {
        self.last = Some(accuracy(evaluation));
    }

    fn end(&mut self, turn: Turn<'_>, end: &RunEnd) {
        // Also for runs that never began.
        self.head = head(turn);
        let seconds = time(self.clock.began.elapsed().as_secs_f64());
        match end {
            RunEnd::Done => {
                let accuracy = self.last.take().map(|words| format!(", {words}")).unwrap_or_default();
                self.say(&format!("{}: done in {seconds}{accuracy}", self.head));
            }
            RunEnd::Failed(message) => self.say(&format!("{}: failed: {message}", self.head)),
            RunEnd::Stopped => self.say(&format!("{}: stopped", self.head)),
            RunEnd::Busy => self.say(&format!("{}: {BUSY}", self.head)),
            RunEnd::WasDone => {}
        }
    }
}
