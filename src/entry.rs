//! Registries as data: an [`Entry`] is one named thing that a campaign file can ask for, [`Entries`] are all of one kind.

use std::borrow::Cow;

use crate::error::Result;
use crate::params::{did_you_mean, list_names, Origin, Params, Problem};

/// One row: a name, what it is, where it comes from, and how it is built from its parameters.
///
/// `C` is what the builder needs besides its parameters. Builders read *all* their parameters through [`Params`], which
/// collects bad values by itself; they return an error only for what no single key explains.
pub struct Entry<T: ?Sized, C: ?Sized = ()> {
    /// Kebab-case; the file's name with `_` as `-`.
    pub name: &'static str,
    /// One line for `subevo list`.
    pub summary: &'static str,
    /// Paper or origin, as in "Schaul et al. 2011".
    pub reference: &'static str,
    /// Builds the thing.
    pub build: fn(&Params<'_>, &C) -> Result<Box<T>>,
}

impl<T: ?Sized, C: ?Sized> Clone for Entry<T, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, C: ?Sized> Copy for Entry<T, C> {}

/// The entries of one kind.
pub struct Entries<T: ?Sized + 'static, C: ?Sized + 'static = ()> {
    kind: &'static str,
    entries: Cow<'static, [Entry<T, C>]>,
}

impl<T: ?Sized, C: ?Sized> Clone for Entries<T, C> {
    fn clone(&self) -> Self {
        Entries { kind: self.kind, entries: self.entries.clone() }
    }
}

impl<T: ?Sized, C: ?Sized> Entries<T, C> {
    /// The built-in rows of a kind; `kind` is the word for messages, as in "strategy".
    pub const fn new(kind: &'static str, entries: &'static [Entry<T, C>]) -> Self {
        Entries { kind, entries: Cow::Borrowed(entries) }
    }

    /// The built-in rows of a kind that lie in several slices.
    pub fn of(kind: &'static str, entries: Vec<Entry<T, C>>) -> Self {
        Entries { kind, entries: Cow::Owned(entries) }
    }

    /// Adds a row; one of the same name is replaced.
    pub fn add(&mut self, entry: Entry<T, C>) {
        let entries = self.entries.to_mut();
        entries.retain(|old| old.name != entry.name);
        entries.push(entry);
    }

    /// All rows.
    pub fn entries(&self) -> &[Entry<T, C>] {
        &self.entries
    }

    /// The word for this kind.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The row of that name.
    pub fn get(&self, name: &str) -> Option<&Entry<T, C>> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Builds the thing called `name` from `params`; an unknown name or a builder's error becomes a problem of the file.
    pub fn build(&self, name: &str, name_origin: &Origin, params: &Params<'_>, context: &C) -> Option<Box<T>> {
        let Some(entry) = self.get(name) else {
            let names = || self.entries.iter().map(|entry| entry.name);
            params.problems().push(Problem {
                origin: name_origin.clone(),
                path: params.path().to_string(),
                message: format!("unknown {} `{name}`: expected {}", self.kind, list_names(names())),
                help: did_you_mean(name, names()),
            });
            params.ignore_rest();
            return None;
        };
        let before = params.problems().len();
        match (entry.build)(params, context) {
            // A builder that could not build a part of its own has told why; its error would only say it again.
            _ if params.problems().len() > before => None,
            Ok(built) => Some(built),
            Err(error) => {
                params.problems().push(Problem {
                    origin: params.origin().clone(),
                    path: params.path().to_string(),
                    message: format!("{} `{name}`: {error}", self.kind),
                    help: None,
                });
                None
            }
        }
    }
}
