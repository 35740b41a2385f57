//! Numbers that a mutation operator keeps with each member beside its genes, such as step sizes.
//!
//! They go where the genes go: from a parent to its child, with elites, into checkpoints. With an operator that keeps none
//! every row here is empty, and nothing is saved.

use crate::error::{Error, Result};
use crate::state::State;

/// What the parents and the members asked last carry, a row of `each` numbers for every one.
#[derive(Debug)]
pub struct Carried {
    each: usize,
    /// Of the parents; before the first generation, of the start alone.
    parents: Vec<f32>,
    /// Of the members asked last.
    asked: Vec<f32>,
}

impl Carried {
    /// What the start carries.
    pub fn new(start: Vec<f32>) -> Self {
        Carried { each: start.len(), parents: start, asked: Vec::new() }
    }

    /// What a parent carries.
    pub fn of(&self, parent: usize) -> &[f32] {
        row(&self.parents, self.each, parent)
    }

    /// Keeps what the members of a generation carry: first the parents that stay, in this order, then the children.
    pub fn ask(&mut self, stay: impl IntoIterator<Item = usize>, children: &[f32]) {
        self.asked.clear();
        for parent in stay {
            self.asked.extend_from_slice(row(&self.parents, self.each, parent));
        }
        self.asked.extend_from_slice(children);
    }

    /// Makes parents of those members that were asked last, in this order.
    ///
    /// # Errors
    /// If so many were not asked.
    pub fn tell(&mut self, strategy: &str, kept: impl IntoIterator<Item = usize>) -> Result<()> {
        let mut parents = Vec::with_capacity(self.parents.len());
        for member in kept {
            if (member + 1) * self.each > self.asked.len() {
                return Err(Error::Learner(format!(
                    "strategy `{strategy}`: told the loss of member {member} before it was asked for that member"
                )));
            }
            parents.extend_from_slice(row(&self.asked, self.each, member));
        }
        self.parents = parents;
        Ok(())
    }

    /// Puts the parents' numbers under a name, if there are any.
    pub fn save(&self, state: &mut State, name: &str) {
        if self.each > 0 {
            state.put_f32(name, &self.parents);
        }
    }

    /// Takes the numbers of so many parents.
    ///
    /// # Errors
    /// If they are not there.
    pub fn load(&mut self, state: &State, name: &str, parents: usize) -> Result<()> {
        if self.each > 0 {
            self.parents = state.f32s(name, parents * self.each)?.to_vec();
        }
        self.asked.clear();
        Ok(())
    }
}

fn row(rows: &[f32], each: usize, i: usize) -> &[f32] {
    &rows[i * each..(i + 1) * each]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_their_members_and_survive_a_checkpoint() {
        let mut carried = Carried::new(vec![1.0, 2.0]);
        carried.ask([0], &[3.0, 4.0, 5.0, 6.0]);
        carried.tell("it", [2, 0]).unwrap();
        assert_eq!((carried.of(0), carried.of(1)), (&[5.0, 6.0][..], &[1.0, 2.0][..]));
        assert!(carried.tell("it", [3]).unwrap_err().to_string().contains("member 3"));

        let mut state = State::default();
        carried.save(&mut state, "rows");
        let mut other = Carried::new(vec![0.0; 2]);
        assert!(other.load(&state, "rows", 3).is_err(), "as many rows as parents");
        other.load(&state, "rows", 2).unwrap();
        assert_eq!((other.of(0), other.of(1)), (&[5.0, 6.0][..], &[1.0, 2.0][..]));
    }

    #[test]
    fn an_operator_that_keeps_nothing_leaves_nothing_in_checkpoints() {
        let mut carried = Carried::new(Vec::new());
        carried.ask([0, 7], &[]);
        carried.tell("it", [5, 1]).unwrap();
        assert!(carried.of(9).is_empty());
        let mut state = State::default();
        carried.save(&mut state, "rows");
        assert!(state.arrays.is_empty());
        carried.load(&state, "rows", 4).unwrap();
    }
}
