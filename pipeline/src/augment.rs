//! Changes to training clips as VideoMAE fine-tunes with them, in its order (`kinetics.py` `_aug_frame`):
//!
//! ```text
//! whole frames, u8 ─▶ [`rand_augment`] ─▶ [`resized_crop`] ─▶ flip ─▶ (erased box)
//! ```
//!
//! Everything is drawn once a row, from the row's identity, and is the same for all its frames. Only the box
//! of random erasing is drawn here: its noise is made on the device, for u8 cannot hold normal(0, 1) in
//! normalised space. The official code normalises before the crop; the crop is linear, so here it is done on
//! values of 0 to 255, and its result rounded to u8 once.

mod affine;
mod bilinear;
mod blend;
pub mod erase;

mod lookup;
pub mod opencv;
pub mod operation;
pub mod rand_augment;
pub mod resize_f32;
pub mod resized_crop;

use operation::Operation;
use rand_augment::RandAugment;
use resized_crop::CropRange;

use crate::{
    RowNumber,
    draws::{Draws, Purpose},
    transform::crop::Window,
};

/// What is done to training clips.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// Changes of colour and shape; none leaves them out.
    pub operations: Option<RandAugment>,
    /// Sizes of the crop.
    pub crop: CropRange,
    /// Probability that a clip is mirrored.
    pub flip: f64,
    /// Probability that a box is erased.
    pub erase: f64,
}

impl Default for Augment {
    /// Every script of VideoMAE but those for SSV2, which never flip.
    fn default() -> Self {
        Self {
            operations: Some(RandAugment::default()),
            crop: CropRange::default(),
            flip: 0.5,
            erase: 0.25, // --reprob
        }
    }
}

/// What was drawn for one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Operations on whole frames, in order.
    pub operations: Vec<Operation>,
    /// The window of the frame that becomes the clip.
    pub crop: Window,
    /// Whether it is mirrored.
    pub flip: bool,
    /// The box of the finished clip that is erased.
    pub erase: Option<Window>,
}

impl Augment {
    /// The draws of row `row` of `epoch`, for frames and clips of these columns and rows.
    pub fn draw(&self, seed: u64, epoch: u32, row: RowNumber, frame: (u32, u32), clip: (u32, u32)) -> Drawn {
        let draws = |purpose| Draws::new(seed, purpose, epoch, row.0);
        let operations = self.operations.map(|rule| rule.draw(&mut draws(Purpose::Operations)));
        Drawn {
            operations: operations.unwrap_or_default(),
            crop: self.crop.draw(frame, &mut draws(Purpose::Crop)),
            flip: draws(Purpose::Flip).unit() < self.flip,
            erase: erase::draw(clip, self.erase, &mut draws(Purpose::Erase)),
        }
    }
}

/// Two classes that a mirrored clip would take for each other, if any: names that differ only in `left` and
/// `right`, such as SSV2's "pushing something from left to right".
pub fn mirrored_classes(names: &[String]) -> Option<(&str, &str)> {
    let says = |name: &str, word: &str| {
        name.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).any(|part| part == word)
    };
    let left = names.iter().find(|name| says(name, "left"))?;
    let right = names.iter().find(|name| says(name, "right"))?;
    Some((left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_depends_on_the_row_and_nothing_else() {
        let draw = |epoch, row| Augment::default().draw(3, epoch, RowNumber(row), (340, 256), (224, 224));
        assert_eq!(draw(1, 5), draw(1, 5));
        assert_ne!(draw(1, 5), draw(1, 6));
        assert_ne!(draw(1, 5), draw(2, 5));
    }

    #[test]
    fn a_quarter_of_the_rows_is_erased_and_half_mirrored() {
        let rows = (0..4000).map(|row| Augment::default().draw(0, 0, RowNumber(row), (340, 256), (224, 224)));
        let (erased, mirrored) = rows
            .fold((0, 0), |(e, m), drawn| (e + u32::from(drawn.erase.is_some()), m + u32::from(drawn.flip)));
        // within four standard deviations
        assert!((890..1110).contains(&erased) && (1873..2127).contains(&mirrored), "{erased} {mirrored}");
    }

    #[test]
    fn classes_named_left_and_right_are_found() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let both = names(&["Turning Left", "jumping", "pull_right"]);
        assert_eq!(mirrored_classes(&both), Some(("Turning Left", "pull_right")));
        assert_eq!(
            mirrored_classes(&names(&["turning left", "brightening", "leftover right-over"])).is_some(),
            true
        );
        assert_eq!(mirrored_classes(&names(&["cleft", "bright"])), None);
        let one = names(&["pushing something from left to right", "falling"]);
        assert!(mirrored_classes(&one).is_some());
    }
}
