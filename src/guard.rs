//! Calls into code that users write: a panic there becomes an error that names who panicked.

use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::error::{Error, Result};

/// Does `work`. What it was changing when it panicked must not be used again.
///
/// # Errors
/// If it panics, with `who` and the panic's message.
pub fn guarded<T>(who: impl Fn() -> String, work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        Error::Learner(format!("{} panicked: {}", who(), text.unwrap_or("without a message")))
    })
}
