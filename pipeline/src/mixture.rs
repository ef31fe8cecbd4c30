//! Several data sets mixed by weights: how many clips of an epoch each gives, and which of its videos they are of.
//!
//! ```text
//! films = 2, robots = 1      N clips an epoch, as many as both sets have together
//!   clips 0 to 63            42 or 43 of films, 21 or 22 of robots, in an order that is drawn
//!   clips 64 to 127          as many, in another order
//! ```
//!
//! A set whose share is larger than its videos gives them again, each as often as any other, with other first frames. Of
//! one whose share is smaller, other videos are drawn in each epoch. Videos are numbered set after set.

use std::sync::Arc;

use crate::{
    VideoNumber,
    schedule::{Order, Schedule, mixed_runs::SetShare},
};

/// One of the sets of a mixture: what is known of it is `T`.
#[doc(alias = "WeightedRandomSampler")]
#[doc(alias = "RandomMix")]
#[doc(alias = "datasets_weights")]
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted<T> {
    /// What it is called.
    pub name: Arc<str>,
    /// Its weight, above 0; only the ratio of weights counts.
    pub weight: f64,
    /// The set.
    pub set: T,
}

impl<T> Weighted<T> {
    /// The same with another knowledge of the set.
    pub fn with<U>(&self, set: U) -> Weighted<U> {
        Weighted { name: Arc::clone(&self.name), weight: self.weight, set }
    }
}

/// The share of each set: its weight over the sum of all.
pub fn shares<T>(sets: &[Weighted<T>]) -> Vec<f64> {
    let sum: f64 = sets.iter().map(|set| set.weight).sum();
    sets.iter().map(|set| set.weight / sum).collect()
}

/// What a schedule must know of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct MixtureSets {
    names: Vec<Arc<str>>,
    sets: Vec<SetShare>,
}

impl MixtureSets {
    /// Sets of so many videos.
    pub fn new(videos: &[Weighted<u64>]) -> Self {
        let share = |(set, share): (&Weighted<u64>, f64)| SetShare { videos: set.set, share };
        let names = videos.iter().map(|set| Arc::clone(&set.name)).collect();
        Self { names, sets: videos.iter().zip(shares(videos)).map(share).collect() }
    }

    /// The sets' names.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The set that a video is of, and its number there.
    pub fn set_of(&self, video: VideoNumber) -> Option<(usize, VideoNumber)> {
        let mut number = video.0;
        for (at, set) in self.sets.iter().enumerate() {
            match number.checked_sub(set.videos) {
                None => return Some((at, VideoNumber(number))),
                Some(behind) => number = behind,
            }
        }
        None
    }

    /// The name of the set that a video is of.
    pub fn name_of(&self, video: VideoNumber) -> Option<Arc<str>> {
        self.set_of(video).and_then(|(at, _)| self.names.get(at).cloned())
    }

    /// The order of an epoch's clips.
    pub fn order(&self, schedule: &Schedule, epoch: u32) -> Order {
        schedule.mixed_order(epoch, &self.sets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn videos_are_numbered_set_after_set() {
        let set = |name: &str, weight, set| Weighted { name: name.into(), weight, set };
        let sets = MixtureSets::new(&[set("films", 2.0, 3), set("robots", 6.0, 2)]);
        let found = [0, 2, 3, 4, 5].map(|video| sets.set_of(VideoNumber(video)));
        let of = |at, video| Some((at, VideoNumber(video)));
        assert_eq!(found, [of(0, 0), of(0, 2), of(1, 0), of(1, 1), None]);
        assert_eq!(sets.name_of(VideoNumber(4)).as_deref(), Some("robots"));
        assert_eq!(sets.sets.iter().map(|set| set.share).collect::<Vec<_>>(), [0.25, 0.75]);
    }
}
