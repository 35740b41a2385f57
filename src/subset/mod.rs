//! Which scalars are trained: an ordered, serialisable list of spans, made by selectors that compose.

mod span;

pub use span::{Span, Subset};
