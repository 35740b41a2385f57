//! A data set as its source gives it: raw bytes, a training and a test part.

use crate::error::{Error, Result};

/// Images with their classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labelled {
    /// (n, c, h, w), 0 to 255.
    pub pixels: Vec<u8>,
    /// (n), each below the number of classes.
    pub labels: Vec<u8>,
}

/// A whole data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The training part.
    pub train: Labelled,
    /// The test part.
    pub test: Labelled,
    /// Channels, height and width of each image.
    pub shape: [usize; 3],
    /// Number of classes, at most 256.
    pub classes: usize,
}

impl Labelled {
    /// Takes the images at `chosen` (ascending), of `image` bytes each, out: what remains, and what was taken.
    pub(super) fn hold_out(mut self, chosen: &[usize], image: usize) -> (Labelled, Labelled) {
        let mut taken = Labelled::default();
        taken.pixels.reserve_exact(chosen.len() * image);
        let mut next = chosen.iter().peekable();
        let mut kept = 0;
        for i in 0..self.labels.len() {
            let pixels = i * image..(i + 1) * image;
            if next.next_if_eq(&&i).is_some() {
                taken.pixels.extend_from_slice(&self.pixels[pixels]);
                taken.labels.push(self.labels[i]);
            } else {
                self.pixels.copy_within(pixels, kept * image);
                self.labels[kept] = self.labels[i];
                kept += 1;
            }
        }
        self.pixels.truncate(kept * image);
        self.labels.truncate(kept);
        (self, taken)
    }
}

impl Images {
    /// Sources can be anybody's, so what learners rely on is checked once, in whatever way the images came.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        let [c, h, w] = self.shape;
        let image = c.checked_mul(h).and_then(|x| x.checked_mul(w)).filter(|x| *x > 0).ok_or_else(|| {
            Error::data(name, format!("image shape {c}x{h}x{w}: expected channels, height and width of at least 1"))
        })?;
        for (part, images) in [("training", &self.train), ("test", &self.test)] {
            let n = images.labels.len();
            if n == 0 {
                return Err(Error::data(name, format!("the {part} part has no images")));
            }
            if n.checked_mul(image) != Some(images.pixels.len()) {
                let found = images.pixels.len();
                return Err(Error::data(
                    name,
                    format!("{part} pixels: expected {n} labels x {c}x{h}x{w} bytes, found {found} bytes"),
                ));
            }
            if let Some(i) = images.labels.iter().position(|label| usize::from(*label) >= self.classes) {
                let (label, classes) = (images.labels[i], self.classes);
                return Err(Error::data(
                    name,
                    format!("label of {part} image {i}: expected a class below {classes}, found {label}"),
                ));
            }
        }
        Ok(())
    }
}
