//! Campaigns: a TOML file, the cells of its grid, and the runs that it asks for.

pub mod grid;
