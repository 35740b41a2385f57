//! No crossover: the child stays a copy of its first parent, as in Such et al. 2017.

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::operator::OperatorContext;
use crate::rng::Rng;

struct None;

pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "none",
    summary: "the child stays a copy of its first parent",
    reference: "Such et al. 2017",
    build: |_, ()| Ok(Box::new(None)),
};

impl CrossoverOperator for None {
    fn cross(&self, _: &mut [f32], _: &[f32], _: &OperatorContext<'_>, _: &mut Rng) {}

    fn mixes(&self) -> bool {
        false
    }
}
