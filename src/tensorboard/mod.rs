//! A run's records as event files of TensorBoard, which draws their curves.
//!
//! An event file is a row of framed protobuf messages ([`Event`]); which numbers of a record go in under which tags stands in
//! `scalars`, and when they were, in [`Clock`].

mod clock;
mod event;
mod scalars;

pub use clock::Clock;
pub use event::{Event, What};
pub use scalars::{evaluation, lap, step, Scalar};

use crate::record::{RunRecords, Session};

/// What a file begins with: its version, and that a session starts here, so that a TensorBoard that showed the file before
/// forgets its points.
pub fn head(wall_time: f64) -> [Event; 2] {
    [What::Version, What::Start].map(|what| Event { wall_time, step: 0, what })
}

/// All that is recorded of a run as a whole file, each record with the time at which it was, as far as that is known.
pub fn whole(run: &RunRecords, sessions: &[Session]) -> Vec<u8> {
    let clock = Clock::new(sessions, &run.laps);
    let event = |step, scalars| Event { wall_time: clock.at(step), step, what: What::Scalars(scalars) };
    let mut events: Vec<Event> = head(clock.at(0)).into();
    events.extend(run.steps.iter().map(|taken| event(taken.cost.step, step(run.header.method, taken))));
    events.extend(run.evaluations.iter().map(|seen| event(seen.cost.step, evaluation(seen))));
    events.extend(run.laps.iter().map(|read| event(read.step, lap(read))));
    // In the order of time; what belongs to one step keeps its order.
    events.sort_by_key(|event| event.step);
    events.iter().flat_map(Event::framed).collect()
}
