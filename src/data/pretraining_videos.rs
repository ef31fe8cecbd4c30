//! What pre-training takes for VIDEOS: one data set, or a mixture of several.
//!
//! In a mixture a video is called by its set and its name there, `films/pouring/a.mp4`. A set is opened as it would be
//! alone, so that a folder, a list and shards can be mixed.

use std::path::PathBuf;

use pipeline::{dataset::Dataset, mixture::Weighted, names};

use super::{
    listing::Listing,
    mixture::{self, Mixture},
};
use crate::{
    error::{Result, Usage},
    observer::Observer,
};

/// Most clips of an epoch of a mixture: its order counts them by 32 bits.
const MOST_CLIPS: u64 = u32::MAX as u64;

/// The videos of a pre-training.
#[derive(Clone, Debug)]
pub struct PretrainingVideos {
    /// Its sets; one where there is no mixture.
    pub sets: Vec<Weighted<Listing>>,
    /// Whether it is a mixture.
    pub is_mixture: bool,
}

impl PretrainingVideos {
    /// Opens VIDEOS or a mixture; decodes none.
    ///
    /// # Errors
    /// Usage error: nothing is there, or what is named is no mixture.
    pub fn open(given: &[PathBuf], observer: &dyn Observer) -> Result<Self> {
        match mixture::of(given)? {
            Some(sets) => Self::open_mixture(&sets, observer),
            None => {
                let set = Listing::open(given, observer)?;
                set.check_there()?;
                Ok(Self { sets: vec![Weighted { name: "".into(), weight: 1.0, set }], is_mixture: false })
            }
        }
    }

    /// Opens the sets of a mixture.
    ///
    /// # Errors
    /// Usage error: of one of them nothing is there.
    pub fn open_mixture(sets: &Mixture, observer: &dyn Observer) -> Result<Self> {
        let open = |set: &Weighted<Vec<PathBuf>>| {
            let listing = Listing::open(&set.set, observer)?;
            listing.check_there()?;
            Ok(set.with(listing))
        };
        Ok(Self { sets: sets.iter().map(open).collect::<Result<_>>()?, is_mixture: true })
    }

    /// Where clips come from.
    ///
    /// # Errors
    /// Usage error: a mixture has more videos than can be counted.
    pub fn dataset(&self) -> Result<Dataset> {
        match &*self.sets {
            [one] if !self.is_mixture => Ok(one.set.dataset.clone()),
            sets => mixed(sets.iter().map(|set| set.with(set.set.dataset.clone())).collect()),
        }
    }

    /// The name of each video: below the folder that it was found in, in a mixture behind the name of its set.
    pub fn names(&self) -> Vec<String> {
        let of_set = |set: &Weighted<Listing>| {
            let name = |video: String| if self.is_mixture { prefixed(&set.name, &video) } else { video };
            set.set.names().into_iter().map(name).collect::<Vec<_>>()
        };
        self.sets.iter().flat_map(of_set).collect()
    }

    /// The class of each, where lists say one.
    pub fn labels(&self) -> Vec<Option<i32>> {
        self.sets.iter().flat_map(|set| set.set.entries.iter().map(|video| video.label)).collect()
    }
}

/// Opens VIDEOS, a manifest, shards or a mixture of them.
///
/// # Errors
/// As [`PretrainingVideos::open`].
pub fn open(given: &[PathBuf], observer: &dyn Observer) -> Result<Dataset> {
    match mixture::of(given)? {
        Some(sets) => PretrainingVideos::open_mixture(&sets, observer)?.dataset(),
        None => super::open(given, observer),
    }
}

/// The datasets of a mixture as one.
///
/// # Errors
/// Usage error: it has more videos than can be counted.
pub fn mixed(sets: Vec<Weighted<Dataset>>) -> Result<Dataset> {
    let dataset = Dataset::Mixture(sets.into());
    match dataset.videos() {
        videos if videos > MOST_CLIPS => {
            Err(Usage::new(format!("a mixture has at most {MOST_CLIPS} videos, and these are {videos}"))
                .into())
        }
        _ => Ok(dataset),
    }
}

/// Refuses more clips of an epoch than the order of a mixture can count, and sets of different clips a video.
///
/// # Errors
/// Usage error: they are.
pub fn check_clips(sets: &[Weighted<Dataset>], clips_per_video: u32) -> Result<()> {
    let clips = sets.iter().map(|set| set.set.slots(clips_per_video)).fold(0, u64::saturating_add);
    if clips > MOST_CLIPS {
        let message =
            format!("an epoch of a mixture has at most {MOST_CLIPS} clips, and this one has {clips}");
        return Err(Usage::new(message).hint("a smaller `clip.clips_per_video` gives fewer").into());
    }
    let other = |set: &&Weighted<Dataset>| set.set.clips_per_video(clips_per_video) != clips_per_video;
    match sets.iter().find(other) {
        None => Ok(()),
        Some(set) => {
            let stored = set.set.clips_per_video(clips_per_video);
            let name = names::one_line(&set.name);
            let message = format!(
                "the shards of {name} hold {stored} clips of each video, and those of another set {clips_per_video}: the sets of \
                 a mixture have equally many"
            );
            Err(Usage::new(message).hint("`tubelet preprocess` makes shards of as many").into())
        }
    }
}

/// What a video of a set is called.
pub fn prefixed(set: &str, video: &str) -> String {
    format!("{set}/{video}")
}
