//! A view of campaigns in lines.

use console::measure_text_width;

use super::curve::curve;
use super::screen::cut;
use crate::campaign::watch::{CampaignView, Counts, RunView, State};
use crate::cli::format::{counted, grouped, short, time};

/// Age of records from which it is told, in seconds: they are written every second, and after each step that takes longer.
const OLD: f64 = 5.0;

/// Columns of a curve, at least and at most.
const CURVE: (usize, usize) = (8, 48);

/// Failed runs that are shown.
const FAILED: usize = 5;

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours if `on`.
    pub fn new(on: bool) -> Self {
        Paint { on }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }

    /// Of lesser weight.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }
}

/// All lines of a view, cut to so many columns.
pub fn view(campaigns: &[CampaignView], width: usize, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for (i, campaign) in campaigns.iter().enumerate() {
        if i > 0 {
            lines.push(String::new());
        }
        lines.push(format!("{}: {}", paint.bold(&campaign.folder.display().to_string()), total(campaign)));
        for run in campaign.runs.iter().filter(|run| run.state == State::Running) {
            lines.push(format!("  {}", paint.cyan(&run.title)));
            lines.push(numbers(run, width, paint));
        }
        let failed: Vec<&RunView> = campaign.runs.iter().filter(|run| matches!(run.state, State::Failed(_))).collect();
        for run in failed.iter().take(FAILED) {
            lines.push(format!("  {}: {}", run.title, paint.red(&state(&run.state))));
        }
        if failed.len() > FAILED {
            lines.push(format!("  {} more failed", grouped((failed.len() - FAILED) as u64)));
        }
    }
    lines.iter().map(|line| cut(line, width)).collect()
}

/// How many runs are how, and how long it takes on.
pub fn total(campaign: &CampaignView) -> String {
    let counts = campaign.counts;
    let left = match campaign.left {
        _ if counts.is_over() => String::new(),
        Some(seconds) => format!("; about {} left", time(seconds)),
        None if counts.running > 0 => "; ? left".to_string(),
        None => "; no process works on it".to_string(),
    };
    format!("{}{left}", told(counts))
}

fn told(counts: Counts) -> String {
    let mut words = vec![format!("{} of {} done", grouped(counts.done as u64), counted(counts.runs(), "run"))];
    let others = [
        ("running", counts.running),
        ("failed", counts.failed),
        ("stopped", counts.stopped),
        ("waiting", counts.waiting),
    ];
    let others = others.into_iter().filter(|(_, n)| *n > 0);
    words.extend(others.map(|(word, n)| format!("{} {word}", grouped(n as u64))));
    words.join(", ")
}

/// The numbers of a run at work, with its curve in what room is left.
fn numbers(run: &RunView, width: usize, paint: Paint) -> String {
    let share = run.used.map_or("  ? %".to_string(), |used| format!("{:>3.0} %", (100.0 * used).floor()));
    let head = [Some(share), loss(run)].into_iter().flatten().collect::<Vec<_>>().join("  ");
    let mut behind: Vec<String> = [validation(run), left(run), rate(run), age(run)].into_iter().flatten().collect();
    let room = |behind: &[String]| {
        let parts = behind.iter().map(|part| "  ".len() + measure_text_width(part)).sum::<usize>();
        width.saturating_sub("    ".len() + measure_text_width(&head) + "  ".len() + parts)
    };
    // On a narrow terminal what stands last is left out first.
    while room(&behind) < CURVE.0 && behind.pop().is_some() {}
    let room = room(&behind).clamp(CURVE.0, CURVE.1);
    let behind = behind.join("  ");
    let curve = curve(&run.losses.points(room));
    let parts = [head, paint.cyan(&curve), behind];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    format!("    {}", parts.join("  "))
}

/// A run in one line, without a curve.
pub fn line(run: &RunView) -> String {
    let words = match &run.state {
        State::Running => {
            let share = run.used.filter(|_| run.step > 0).map(|used| format!("{:.0} %", (100.0 * used).floor()));
            let words = [share, loss(run), validation(run), rate(run), left(run), age(run)];
            words.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        State::Done => [Some("done".to_string()), validation(run)].into_iter().flatten().collect::<Vec<_>>().join(", "),
        other => state(other),
    };
    format!("{}: {}", run.title, if words.is_empty() { "starting" } else { &words })
}

fn state(state: &State) -> String {
    match state {
        State::Waiting => "waiting".to_string(),
        State::Running => "running".to_string(),
        State::Stopped => "stopped: no process works on it".to_string(),
        State::Done => "done".to_string(),
        State::Failed(message) => format!("failed: {}", message.lines().next().unwrap_or_default()),
    }
}

/// Mean and best where they differ, as those of a generation do.
fn loss(run: &RunView) -> Option<String> {
    let (loss, best) = (run.loss?, run.best?);
    Some(if loss == best { format!("loss {loss:.3}") } else { format!("loss {loss:.3} best {best:.3}") })
}

fn validation(run: &RunView) -> Option<String> {
    Some(format!("validation {:.1} %", 100.0 * run.validation?))
}

fn rate(run: &RunView) -> Option<String> {
    Some(format!("{} images/s", short(run.images_per_second?)))
}

fn left(run: &RunView) -> Option<String> {
    Some(format!("{} left", time(run.left?)))
}

fn age(run: &RunView) -> Option<String> {
    let age = run.age.filter(|age| *age >= OLD)?;
    Some(format!("as of {} ago", time(age)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::watch::Series;

    fn run() -> RunView {
        let mut losses = Series::default();
        (0..100).for_each(|i| losses.push(f64::from(200 - i)));
        RunView {
            name: "evolution-s1-0123abcd".into(),
            title: "evolution seed=1".into(),
            state: State::Running,
            step: 100,
            used: Some(0.509),
            loss: Some(1.5),
            best: Some(1.25),
            losses,
            validation: Some(0.8125),
            images_per_second: Some(12_345.0),
            left: Some(130.0),
            age: Some(7.0),
        }
    }

    fn campaign(run: RunView) -> CampaignView {
        let counts = Counts { running: 1, done: 1_200, waiting: 2, ..Counts::default() };
        CampaignView { folder: "runs/a".into(), runs: vec![run], counts, left: Some(3_720.0) }
    }

    #[test]
    fn lines_fit_and_what_is_less_needed_goes_first() {
        let plain = |width| view(&[campaign(run())], width, Paint::new(false));
        let wide = plain(200);
        assert_eq!(wide[0], "runs/a: 1,200 of 1,203 runs done, 1 running, 2 waiting; about 1h02m left");
        assert!(wide[2].starts_with("     50 %  loss 1.500 best 1.250  █"), "{}", wide[2]);
        assert!(wide[2].ends_with("▁  validation 81.2 %  2m10s left  12.3k images/s  as of 7s ago"), "{}", wide[2]);
        for width in [1, 20, 40, 60, 80, 100, 120] {
            let lines = plain(width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
        }
        assert!(plain(70)[2].ends_with("▁  validation 81.2 %"), "{}", plain(70)[2]);
        let coloured = view(&[campaign(run())], 40, Paint::new(true));
        assert!(coloured.iter().all(|line| measure_text_width(line) <= 40 && line.contains('\u{1b}')), "{coloured:?}");
    }

    #[test]
    fn a_line_tells_what_is_known() {
        let words = "evolution seed=1: 50 %, loss 1.500 best 1.250, validation 81.2 %, 12.3k images/s, 2m10s left, as of 7s ago";
        assert_eq!(line(&run()), words);
        let gradient = RunView { best: Some(1.5), left: None, images_per_second: None, age: Some(1.0), ..run() };
        assert_eq!(line(&gradient), "evolution seed=1: 50 %, loss 1.500, validation 81.2 %");
        let begun = RunView { step: 0, loss: None, validation: None, ..gradient };
        assert_eq!(line(&begun), "evolution seed=1: starting");
        let failed = RunView { state: State::Failed("no\nluck".into()), ..begun };
        assert_eq!(line(&failed), "evolution seed=1: failed: no");
    }
}
