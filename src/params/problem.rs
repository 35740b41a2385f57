//! What is wrong with a campaign: collected while reading, told all at once.

use std::cell::RefCell;

use super::Origin;

/// One thing that is wrong, with its place.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Where the offending words stand.
    pub origin: Origin,
    /// Dotted path of the key, as in `learner.0.strategy.population`; empty where there is none.
    pub path: String,
    /// What was found and what is allowed.
    pub message: String,
    /// What to do, as in "did you mean `images`?".
    pub help: Option<String>,
}

/// A list that can be added to while readers borrow it.
#[derive(Debug, Default)]
pub struct Problems {
    list: RefCell<Vec<Problem>>,
}

impl Problems {
    /// Adds one.
    pub fn push(&self, problem: Problem) {
        self.list.borrow_mut().push(problem);
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    /// How many were found so far.
    pub fn len(&self) -> usize {
        self.list.borrow().len()
    }

    /// Takes the list, in the order found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.list.into_inner()
    }
}

/// `did you mean ...?` where one of `known` is close to `found`.
pub fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(found.len()) / 4)
        .min()?;
    Some(format!("did you mean `{}`?", near.1))
}

/// Names as `a`, `b` or `c`.
pub fn list_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_string(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
