//! No augmentation: every image stays as it is.

use super::Augmentation;
use crate::entry::Entry;
use crate::rng::Rng;

/// Leaves every image as it is.
pub struct Unchanged;

pub(super) const ENTRY: Entry<dyn Augmentation, [usize; 3]> = Entry {
    name: "none",
    summary: "training images as they are",
    reference: "this crate",
    build: |_, _| Ok(Box::new(Unchanged)),
};

impl Augmentation for Unchanged {
    fn changes(&self) -> bool {
        false
    }

    fn apply(&self, image: &[u8], _: [usize; 3], _: &mut Rng, out: &mut [u8]) {
        out.copy_from_slice(image);
    }
}
