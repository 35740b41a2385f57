//! Augmented batches, against the same written out pixel by pixel on normalised images.

use serde_json::{json, Value as Json};
use subevo::data::augmentation::{Augmentation, ENTRIES};
use subevo::data::{self, Data, DataSource, Split};
use subevo::entry::Entries;
use subevo::params::Amount;
use subevo::rng::Seed;

use crate::tables::{build, try_build};

const REGISTRY: Entries<dyn Augmentation, [usize; 3]> = Entries::new("augmentation", ENTRIES);

/// An augmentation with its options, for images of `shape`.
pub fn augmentation(name: &str, params: Json, shape: [usize; 3]) -> Box<dyn Augmentation> {
    build(&REGISTRY, name, params, &shape)
}

/// 90 training images of 9 x 9.
fn images() -> Data {
    let params = json!({ "classes": 3, "train": 100, "test": 10, "image": 9 });
    let sources = Entries::<dyn DataSource>::new("data set", data::ENTRIES);
    let images = build::<dyn DataSource, ()>(&sources, "synthetic", params, &()).load(None).unwrap();
    Data::split("synthetic", images, Amount::Count(10), Seed::new(3)).unwrap()
}

#[test]
fn an_augmented_batch_is_cropped_from_black_frames_and_mirrored_pixel_by_pixel() {
    let data = images();
    let black = (-data.mean()[0] / data.std()[0]) as f32;
    let indices = [5, 80, 5, 17, 0, 89, 33, 41];
    let plain = data.gather(Split::Train, &indices);
    for padding in [0, 1, 4, 8] {
        let crop = augmentation("crop-flip", json!({ "padding": padding }), data.shape());
        let (mut flips, mut frames) = (0, 0);
        for step in 0..20 {
            let seed = Seed::new(6).index(step);
            let batch = data.augmented(&indices, &*crop, seed);
            assert_eq!((&batch.labels, batch.shape), (&plain.labels, plain.shape));
            assert_eq!((&batch.places, batch.noise), (&None, None), "these are not the images of the set");
            for (i, (found, image)) in batch.images.chunks_exact(81).zip(plain.images.chunks_exact(81)).enumerate() {
                let mut rng = seed.index(i as u64).rng();
                let (top, left) = (rng.below(2 * padding + 1), rng.below(2 * padding + 1));
                let flipped = rng.uniform() < 0.5;
                flips += u32::from(flipped);
                for (at, found) in found.iter().enumerate() {
                    let (y, x) = (at / 9, if flipped { 8 - at % 9 } else { at % 9 });
                    let (row, column) = ((y + top).wrapping_sub(padding), (x + left).wrapping_sub(padding));
                    let inside = row < 9 && column < 9;
                    frames += u32::from(!inside);
                    let expected = if inside { image[9 * row + column] } else { black };
                    assert_eq!(*found, expected, "padding {padding}, step {step}, image {i}, pixel {at}");
                }
            }
        }
        assert!((40..120).contains(&flips), "{flips} of 160 images are mirrored");
        assert_eq!(frames == 0, padding == 0, "{frames} pixels are of the frame");
    }
}

#[test]
fn crop_and_flip_alone_come_from_the_options_and_neither_is_no_augmentation() {
    let data = images();
    let indices: Vec<usize> = (0..90).collect();
    let plain = data.gather(Split::Train, &indices).images;
    let of = |params: Json| {
        let augmentation = augmentation("crop-flip", params, data.shape());
        (augmentation.changes(), data.augmented(&indices, &*augmentation, Seed::new(2)).images)
    };
    let mirrored: Vec<f32> = plain.chunks_exact(9).flat_map(|row| row.iter().rev()).copied().collect();
    assert_eq!(of(json!({ "padding": 0, "flip": 1.0 })), (true, mirrored));
    assert_eq!(of(json!({ "padding": 0, "flip": 0 })), (false, plain.clone()));
    let (changes, cropped) = of(json!({ "padding": 2, "flip": 0 }));
    let same = cropped.chunks_exact(81).zip(plain.chunks_exact(81)).filter(|(a, b)| a == b).count();
    // 1 of 25 shifts is none: 3.6 of 90 images.
    assert!(changes && (1..12).contains(&same), "{same} images stayed where they were");
    let none = augmentation("none", json!({}), data.shape());
    assert!(!none.changes() && data.augmented(&indices, &*none, Seed::new(2)).images == plain);
}

#[test]
fn a_frame_that_could_hide_the_whole_image_is_a_mistake() {
    let wrong = |params: Json, shape| try_build(&REGISTRY, "crop-flip", params, &shape).err().unwrap();
    let message = "`it.padding` = 8: must be an integer, 0 to 7";
    assert_eq!(wrong(json!({ "padding": 8 }), [3, 8, 12]), [message]);
    assert_eq!(wrong(json!({ "flip": 1.5 }), [3, 8, 8]).len(), 1);
    // The default is less where images are smaller than it.
    augmentation("crop-flip", json!({}), [1, 3, 3]);
}
