//! When a step was: records of steps hold no time, those of sessions and evaluations do.

use crate::record::{Lap, Session};

/// The times of a run's steps.
pub struct Clock {
    /// First step and start of each session.
    sessions: Vec<(u64, f64)>,
    /// Step and seconds of work so far, at each evaluation.
    laps: Vec<(u64, f64)>,
}

impl Clock {
    /// Of these sessions and readings, both in order.
    pub fn new(sessions: &[Session], laps: &[Lap]) -> Self {
        Clock {
            sessions: sessions.iter().map(|session| (session.step, session.unix_seconds as f64)).collect(),
            laps: laps.iter().map(|lap| (lap.step, lap.seconds + lap.evaluation_seconds)).collect(),
        }
    }

    /// When so many steps were done, in seconds since 1970: the start of the session that took the step, and the work since,
    /// as if all steps between two evaluations took equally long. 0 where no session is known.
    pub fn at(&self, step: u64) -> f64 {
        if self.sessions.is_empty() {
            return 0.0;
        }
        let index = self.sessions.iter().rposition(|(first, _)| *first < step).unwrap_or(0);
        let (first, start) = self.sessions[index];
        // A run begins before its first evaluation, which is at step 0 too.
        let before = if first == 0 { 0.0 } else { self.worked(first) };
        let time = start + (self.worked(step) - before).max(0.0);
        // What was estimated must not reach into the next session.
        self.sessions.get(index + 1).map_or(time, |(_, next)| time.min(next.max(start)))
    }

    /// Seconds of work until a step.
    fn worked(&self, step: u64) -> f64 {
        let behind = self.laps.partition_point(|(lap, _)| *lap < step);
        let (a, b) = match (behind.checked_sub(1), self.laps.get(behind)) {
            (Some(before), Some(after)) => (self.laps[before], *after),
            (None, Some(first)) => ((0, 0.0), *first),
            // Behind the last one it goes on as before it.
            (Some(last), None) if last > 0 => (self.laps[last - 1], self.laps[last]),
            (Some(last), None) => return self.laps[last].1,
            (None, None) => return 0.0,
        };
        match b.0 - a.0 {
            0 => b.1,
            steps => a.1 + (b.1 - a.1) * (step - a.0) as f64 / steps as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(step: u64, unix_seconds: u64) -> Session {
        Session { step, host: String::new(), device: "cpu".into(), threads: 1, unix_seconds }
    }

    fn lap(step: u64, seconds: f64) -> Lap {
        Lap { step, seconds, evaluation_seconds: 1.0, images_per_second: 0.0, peak_rss_mib: 0.0 }
    }

    #[test]
    fn steps_lie_between_the_readings_of_their_session() {
        let clock = Clock::new(&[session(0, 1_000), session(20, 5_000)], &[lap(0, 0.0), lap(10, 10.0), lap(30, 40.0)]);
        let times: Vec<f64> = [0, 5, 10, 20, 22, 30, 32].map(|step| clock.at(step)).to_vec();
        // Work until step 0 is 1 s, until 10 it is 11 s, until 20 about 26 s, until 30 it is 41 s.
        assert_eq!(times, [1_001.0, 1_006.0, 1_011.0, 1_026.0, 5_003.0, 5_015.0, 5_018.0]);
    }

    #[test]
    fn little_is_known_of_runs_that_have_just_begun() {
        assert_eq!(Clock::new(&[], &[]).at(7), 0.0);
        assert_eq!(Clock::new(&[session(0, 9)], &[]).at(7), 9.0);
        assert_eq!(Clock::new(&[session(0, 9)], &[lap(0, 0.0)]).at(7), 10.0);
    }
}
