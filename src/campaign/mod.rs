//! Campaigns: many runs of one question, kept on disk so that a killed one continues where it was.

pub mod store;
