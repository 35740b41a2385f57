//! The same learning rate all along.

use super::Schedule;
use crate::entry::Entry;
use crate::progress::Progress;

struct Constant;

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "constant",
    summary: "the same learning rate all along",
    reference: "common practice",
    build: |_, ()| Ok(Box::new(Constant)),
};

impl Schedule for Constant {
    fn factor(&self, _: Progress) -> f64 {
        1.0
    }
}
