//! What a comparison is asked.

use super::asked::Asked;
use super::moment::At;
use crate::error::{Error, Result};

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// At which moments.
    pub at: Vec<At>,
    /// Levels of the one moment that is asked for (nats, multiply-accumulates or seconds) in the place of the five.
    pub levels: Vec<f64>,
    /// In which numbers; those of [`super::DEFAULTS`] and, where they were measured, [`super::HEADLINES`] if none is given.
    pub asked: Vec<Asked>,
    /// The learner that all others are compared with. Without one each evolution learner is compared with each backprop
    /// learner.
    pub baseline: Option<String>,
    /// Refuse where seeds or runs are left out, in the place of a note.
    pub strict: bool,
}

impl Default for Question {
    fn default() -> Self {
        Question { at: At::ALL.to_vec(), levels: Vec::new(), asked: Vec::new(), baseline: None, strict: false }
    }
}

impl Question {
    /// Refuses what has no meaning.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::Config(message));
        if self.at.is_empty() {
            return wrong("no moment is asked for: expected `loss`, `macs`, `seconds` or `end`".to_string());
        }
        if self.levels.is_empty() {
            return Ok(());
        }
        if self.at.len() != 1 || self.at[0] == At::End {
            return wrong("levels need one moment that they belong to: `loss`, `macs` or `seconds`".to_string());
        }
        match self.levels.iter().find(|level| !(level.is_finite() && **level > 0.0)) {
            Some(level) => wrong(format!("level {level}: must be a number above 0")),
            None => Ok(()),
        }
    }
}
