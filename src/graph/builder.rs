//! The builder.
pub struct GraphBuilder;
pub struct Conv;
pub struct Pool;
