//! What is wrong with a campaign: collected while reading, told all at once.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

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

/// A list that can be added to while readers borrow it, and the folder of the campaign file that it is about.
#[derive(Debug, Default)]
pub struct Problems {
    list: RefCell<Vec<Problem>>,
    folder: PathBuf,
}

impl Problems {
    /// Of a campaign file at this path; [`Problems::default`] is of a text in the current folder.
    pub fn of_file(path: &Path) -> Self {
        Problems { folder: path.parent().unwrap_or(Path::new("")).to_path_buf(), ..Problems::default() }
    }

    /// Where relative paths in the campaign file start.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

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

/// `did you mean ...?` where one of `known` is close to `found`: few letters differ (fewer than half of them), or it begins
/// like `found`. Capitals and small letters, `_` and `-` count as the same.
pub fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let found = plain(found);
    let length = found.chars().count();
    // Nothing that long is a slip of the fingers, and the comparison takes time and memory with its square.
    if length > 64 {
        return None;
    }
    let distance = |name: &str| {
        let wanted = plain(name);
        let longer = length.max(wanted.chars().count());
        if length >= 3 && wanted.starts_with(&found) {
            return Some(usize::from(wanted != found));
        }
        let distance = strsim::damerau_levenshtein(&found, &wanted);
        (distance <= 1 + longer / 4 && 2 * distance <= longer).then_some(distance)
    };
    let near = known.into_iter().filter_map(|name| Some((distance(name)?, name))).min()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_neither_shy_nor_eager() {
        let known = ["population", "images", "snes", "lr", "batch-norm", "k"];
        for (found, expected) in [
            ("populaton", Some("population")),
            ("pop", Some("population")),
            ("image", Some("images")),
            ("SNES", Some("snes")),
            ("batch_norm", Some("batch-norm")),
            ("rl", Some("lr")),
            ("a", None),
            ("po", None),
            ("x1", None),
            ("seconds", None),
        ] {
            let expected = expected.map(|name| format!("did you mean `{name}`?"));
            assert_eq!(did_you_mean(found, known), expected, "{found}");
        }
        assert_eq!(did_you_mean(&"k".repeat(1 << 20), known), None);
    }
}
