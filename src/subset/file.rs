//! A subset from a file: as `subevo subset` writes it, perhaps edited since.

use super::exported::Exported;
use super::{Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::params::NamedFile;

struct FromFile {
    file: NamedFile,
    exported: Exported,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "file",
    summary: "the spans of an exported subset, edited or not: `{ file = \"subset.json\" }` (see `subevo subset`)",
    reference: "this crate",
    build: |params, _| {
        // Where the file cannot be read, that has been told; what is built then is never used.
        let file = params.file("file").unwrap_or_default();
        let exported = Exported::read(&file.bytes).unwrap_or_else(|message| {
            if !file.name.is_empty() {
                params.problem("file", format!("{}: {message}", file.name), None);
            }
            Exported::default()
        });
        Ok(Box::new(FromFile { file, exported }))
    },
};

impl Selector for FromFile {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let told = |message: String| Error::Subset(format!("`{}`: {message}", self.label()));
        self.exported.marks(request.graph).map_err(told)
    }

    fn label(&self) -> String {
        format!("file={}", self.file.stem)
    }

    fn files(&self) -> Vec<NamedFile> {
        vec![self.file.clone()]
    }
}
