//! Campaigns: the file, its grid, its runs on disk.

pub mod grid;
pub mod store;
