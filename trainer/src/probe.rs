//! Probes of a frozen encoder: k nearest neighbours, a linear map, or an attentive probe on its features.
//!
//! ```text
//! clips ─▶ frozen encoder, random encoder, raw pixels ─▶ features, kept in a cache
//!       ─▶ [`knn`] · [`linear`] · [`attentive`], several settings at once
//!       ─▶ the setting that does best on held-out training videos ─▶ its accuracy on the test videos
//! ```
//!
//! A number without that of random weights beside it says little: on some tasks a probe reads random tokens
//! well. Settings are chosen on test videos only where somebody asks for it, to compare with papers that do.

pub mod attentive;
pub mod feature_cache;
pub mod features;
pub mod grid;
pub mod knn;
pub mod linear;

use serde::Serialize;

use self::features::Features;
use crate::{
    random::{Draws, purpose},
    weights::NotFinite,
};

/// Which videos the setting of a probe is chosen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// Held-out training videos.
    HeldOut,
    /// The test videos themselves: too good, and marked as such.
    Test,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The setting that was chosen, in words.
    pub chosen: String,
    /// What it was chosen on.
    pub select: Select,
    /// Each setting and the share of videos it was right on, among those it is chosen on.
    pub settings: Vec<(String, f64)>,
    /// Scores of the classes for each test video, in the order of the features.
    #[serde(skip)]
    pub scores: Vec<Vec<f32>>,
}

/// Splits features by video: about a fifth of each class is held out, drawn from the seed. A class of one
/// video keeps it for training.
pub fn hold_out(features: &Features, seed: u64) -> (Features, Features) {
    let mut order: Vec<(usize, u64, usize)> = (0..features.len())
        .map(|at| {
            let draw = Draws::keyed(seed, purpose::HELD_OUT_VIDEOS, &[features.videos[at].row]).unit();
            (features.videos[at].label, draw.to_bits(), at)
        })
        .collect();
    order.sort_unstable();
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for class in order.chunk_by(|a, b| a.0 == b.0) {
        let out = if class.len() < 2 { 0 } else { class.len().div_ceil(5) };
        held.extend(class[..out].iter().map(|it| it.2));
        kept.extend(class[out..].iter().map(|it| it.2));
    }
    kept.sort_unstable();
    held.sort_unstable();
    (features.of(&kept), features.of(&held))
}

/// A probe gives scores that are no numbers: its training went out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the probe with {setting} diverged: its scores for {video} (row {row}) are not finite: {found}")]
pub struct ScoresNotFinite {
    /// Which setting, in words.
    pub setting: String,
    /// Path of the video.
    pub video: String,
    /// Its place in its list, from 0.
    pub row: u64,
    /// Which scores.
    pub found: NotFinite,
}

/// The scores, if all are finite.
pub(crate) fn finite(
    scores: Vec<Vec<f32>>,
    features: &Features,
    setting: impl FnOnce() -> String,
) -> Result<Vec<Vec<f32>>, ScoresNotFinite> {
    let pairs = scores.iter().zip(&features.videos);
    let found = pairs.filter_map(|(scores, video)| Some((video, NotFinite::among(scores)?))).next();
    match found {
        Some((video, found)) => {
            Err(ScoresNotFinite { setting: setting(), video: video.video.clone(), row: video.row, found })
        }
        None => Ok(scores),
    }
}

/// The share of videos whose class has the highest score.
pub fn accuracy(scores: &[Vec<f32>], features: &Features) -> f64 {
    let pairs = scores.iter().zip(&features.videos);
    let right = pairs.filter(|(scores, video)| crate::evaluation::rank_of(scores, video.label) == 0).count();
    right as f64 / features.len().max(1) as f64
}

/// The place of the best share; of equal ones the first.
pub(crate) fn best(shares: impl Iterator<Item = f64>) -> usize {
    let better = |best: Option<(usize, f64)>, (at, share): (usize, f64)| match best {
        Some((_, so_far)) if share <= so_far => best,
        _ => Some((at, share)),
    };
    shares.enumerate().fold(None, better).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::{features::tests::made, *};

    #[test]
    fn a_fifth_of_each_class_is_held_out_and_always_the_same() {
        let features = made(50, 5, 1, 4);
        let (kept, held) = hold_out(&features, 3);
        assert_eq!((kept.len(), held.len()), (40, 10));
        for class in 0..5 {
            assert_eq!(held.videos.iter().filter(|video| video.label == class).count(), 2);
        }
        assert_eq!(hold_out(&features, 3).1, held);
        assert_ne!(hold_out(&features, 4).1, held);
        let single = made(1, 1, 1, 4);
        assert_eq!(hold_out(&single, 0).0.len(), 1);
    }

    #[test]
    fn of_equal_settings_the_first_is_chosen() {
        assert_eq!(best([0.5, 0.7, 0.7, 0.1].into_iter()), 1);
        assert_eq!(best([].into_iter()), 0);
    }
}
