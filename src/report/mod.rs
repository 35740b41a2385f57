//! A campaign as one page of HTML that needs nothing else: no network, no other file, no script to be readable.
//!
//! [`Material`] is what the folders hold, [`page`] makes the page of it. It is made from records alone, so that equal records
//! are equal bytes, and every text in it that records hold stays text.
//!
//! ```no_run
//! use subevo::campaign::Registry;
//! use subevo::report::{page, Material};
//!
//! let material = Material::read(&["runs/quickstart".into()])?;
//! std::fs::write("report.html", page(&material, &Registry::builtin())?.html).unwrap();
//! # Ok::<(), subevo::error::Error>(())
//! ```

mod campaigns;
mod comparison;
mod cost;
mod date;
mod environment;
mod figures;
#[cfg(test)]
mod fixture;
mod material;
mod page;
mod runs;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod troubles;

pub use material::{FolderOfRun, Material};
pub use page::{page, Page, LARGEST};
