//! What a model is shown of a clip before it is asked for the rest.
//!
//! A model takes cubes of several frames, two in the published ones: whole cubes are given, so a frame comes with those of
//! its cube.

use std::{convert::Infallible, path::PathBuf, str::FromStr};

use pipeline::{RowNumber, mask::MaskRule, schedule::Schedule};
use schemas::{
    ClipGeometry,
    settings::{ClipOrder, MaskKind},
};

use crate::error::{Result, Usage};

/// What a model is shown of a clip.
#[derive(Clone, Debug, Default, PartialEq)]
#[doc(alias = "mask")]
pub enum Shown {
    /// What the recipe's masks leave.
    #[default]
    AsTrained,
    /// Whole frames.
    Given(Given),
    /// What a mask leaves.
    Masked(Masked),
}

/// A mask to be drawn; what is not named is the recipe's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Masked {
    /// How hidden tokens lie.
    pub kind: Option<MaskKind>,
    /// Share of what is hidden.
    pub ratio: Option<f64>,
    /// Another number draws another mask of the same clip.
    pub seed: Option<u64>,
}

/// Frames that a model is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// The first of the clip: what comes next?
    First,
    /// The one in the middle: what came before, and what comes next?
    Middle,
    /// The last one: what came before?
    Last,
    /// These, counted from 0.
    Frames(Vec<usize>),
    /// A picture in place of a video's first frame.
    Picture(PathBuf),
}

impl FromStr for Given {
    type Err = Infallible;

    /// `first`, `middle`, `last`, frames such as `0,8`; anything else is a picture's path.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let frames: Option<Vec<usize>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
        Ok(match (text, frames) {
            ("first", _) => Self::First,
            ("middle", _) => Self::Middle,
            ("last", _) => Self::Last,
            (_, Some(frames)) => Self::Frames(frames),
            (path, None) => Self::Picture(path.into()),
        })
    }
}

impl Given {
    /// The tokens of the frames, ascending.
    ///
    /// # Errors
    /// Usage error: a frame that the clip has not, or nothing is left to be predicted.
    pub fn tokens(&self, geometry: ClipGeometry) -> Result<Vec<u16>> {
        let (frames, tubelet) = (geometry.frames(), geometry.tubelet());
        let times = geometry.grid()[0];
        let mut given = match self {
            Self::First | Self::Picture(_) => vec![0],
            Self::Middle => vec![times / 2],
            Self::Last => vec![times - 1],
            Self::Frames(named) => {
                if let Some(frame) = named.iter().find(|frame| **frame >= frames) {
                    let message = format!("the clip has no frame {frame}: it has frames 0 to {}", frames - 1);
                    return Err(Usage::new(message).into());
                }
                named.iter().map(|frame| frame / tubelet).collect()
            }
        };
        given.sort_unstable();
        given.dedup();
        if given.len() == times {
            return Err(Usage::new("every frame is given, and none is left to be predicted").into());
        }
        let places = geometry.places();
        Ok(given
            .into_iter()
            .flat_map(|time| time * places..(time + 1) * places)
            .map(|token| token as u16)
            .collect())
    }
}

impl Masked {
    /// The tokens that a mask of clip `clip` leaves, ascending.
    ///
    /// # Errors
    /// Usage error: the ratio leaves nothing, or hides nothing.
    pub fn tokens(&self, geometry: ClipGeometry, recipe: &trainer::Recipe, clip: u64) -> Result<Vec<u16>> {
        let kind = self.kind.unwrap_or(recipe.mask.kind);
        let ratio = self.ratio.unwrap_or(recipe.mask.ratio);
        let rule = MaskRule::new(geometry, kind, ratio).map_err(|why| Usage::new(why.to_string()))?;
        let seed = self.seed.unwrap_or(recipe.run.seed);
        let schedule = Schedule { seed, videos: 1, clips_per_video: 1, order: ClipOrder::Together };
        Ok(rule.draw(&mut schedule.row(0, RowNumber(clip))).visible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry() -> ClipGeometry {
        ClipGeometry::new(16, 32, 32, 2, 16).unwrap()
    }

    fn given(text: &str) -> Given {
        text.parse().unwrap()
    }

    #[test]
    fn words_numbers_and_paths_are_told_apart() {
        assert_eq!(given("first"), Given::First);
        assert_eq!(given("0, 8"), Given::Frames(vec![0, 8]));
        assert_eq!(given("jump.jpg"), Given::Picture("jump.jpg".into()));
        assert_eq!(given("0,8.png"), Given::Picture("0,8.png".into()));
    }

    #[test]
    fn a_frame_comes_with_the_others_of_its_cube() {
        let tokens = |text| given(text).tokens(geometry()).unwrap();
        assert_eq!(tokens("first"), [0, 1, 2, 3]);
        assert_eq!(tokens("last"), [28, 29, 30, 31]);
        assert_eq!(tokens("8,9,0"), [0, 1, 2, 3, 16, 17, 18, 19]);
        assert_eq!(tokens("middle"), tokens("9"));
    }

    #[test]
    fn frames_that_are_not_there_or_all_of_them_are_refused() {
        assert!(given("3,16").tokens(geometry()).unwrap_err().usage().is_some());
        assert!(given("0,2,4,6,8,10,12,14").tokens(geometry()).unwrap_err().usage().is_some());
    }

    #[test]
    fn another_seed_draws_another_mask_and_the_same_seed_the_same() {
        let recipe = trainer::Recipe::default();
        let tokens = |seed| {
            let masked = Masked { kind: Some(MaskKind::Random), ratio: Some(0.5), seed: Some(seed) };
            masked.tokens(geometry(), &recipe, 0).unwrap()
        };
        assert_eq!((tokens(1).len(), tokens(1)), (16, tokens(1)));
        assert_ne!(tokens(1), tokens(2));
    }
}
