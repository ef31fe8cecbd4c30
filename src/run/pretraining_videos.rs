//! The videos of a pre-training: as they are named, or as the run was begun with where it goes on.
//!
//! A run keeps its mixture. Where it goes on, its sets are those that it began with, by their names and weights, and the
//! videos of each are found again as those of a run without a mixture are.

use std::path::PathBuf;

use pipeline::{
    dataset::Dataset,
    mixture::{Weighted, shares},
};
use schemas::run_state::{Part, RunData, RunSet, RunState, RunVideo};

use super::{
    begun::{self, Begun},
    videos,
};
use crate::{
    data::{
        listing::Listing,
        mixture::{self, Mixture},
        pretraining_videos::{PretrainingVideos, mixed, prefixed},
    },
    error::{Result, Usage},
    observer::Observer,
};

/// What a pre-training reads.
pub struct RunVideos {
    /// Where clips come from.
    pub dataset: Dataset,
    /// The videos, one after the other.
    pub videos: Vec<RunVideo>,
    /// The sets of a mixture.
    pub mixture: Vec<RunSet>,
}

impl RunVideos {
    /// Opens the videos that are `named`, or those of the run that goes on.
    ///
    /// # Errors
    /// Usage error: nothing is named or there, or it is not what the run was begun with.
    pub fn open(named: &[PathBuf], begun: Option<&Begun>, observer: &dyn Observer) -> Result<Self> {
        let known = begun.and_then(|begun| begun.known.as_ref());
        if named.is_empty() && known.is_none() {
            return Err(Usage::new("no videos are given").hint("--data VIDEOS").into());
        }
        let asked = match known {
            Some((state, _)) if named.is_empty() => mixture_of(&state.data),
            _ => mixture::of(named)?,
        };
        if let Some((state, _)) = known {
            check_same(state, asked.as_ref())?;
        }
        let found = match &asked {
            Some(sets) => PretrainingVideos::open_mixture(sets, observer)?,
            None => {
                let named = begun.map_or_else(|| named.to_vec(), |begun| begun.data(named));
                PretrainingVideos::open(&named, observer)?
            }
        };
        match known {
            None => Self::first(&found, asked.as_ref()),
            Some((state, known)) => Self::again(found, asked.as_ref(), state, known, observer),
        }
    }

    /// Those that a run begins with.
    fn first(found: &PretrainingVideos, asked: Option<&Mixture>) -> Result<Self> {
        let set = |(asked, found): (&Weighted<Vec<PathBuf>>, &Weighted<Listing>)| RunSet {
            videos: found.set.entries.len() as u64,
            digest: found.set.dataset.digest(),
            ..written(asked)
        };
        let mixture = asked.map_or_else(Vec::new, |sets| sets.iter().zip(&found.sets).map(set).collect());
        let video = |video| RunVideo { video, class: None, labels: None, part: Part::Train };
        let videos = found.names().into_iter().map(video).collect();
        Ok(Self { dataset: found.dataset()?, videos, mixture })
    }

    /// Those of a run, where they are now.
    fn again(
        found: PretrainingVideos,
        asked: Option<&Mixture>,
        state: &RunState,
        known: &[RunVideo],
        observer: &dyn Observer,
    ) -> Result<Self> {
        let kept = |(was, asked): (&RunSet, &Weighted<Vec<PathBuf>>)| RunSet {
            named: written(asked).named,
            ..was.clone()
        };
        let mixture = state.data.mixture.iter().zip(asked.into_iter().flatten()).map(kept).collect();
        let videos = known.to_vec();
        let dataset = found.dataset()?;
        // The same list, whatever form the videos have: shards know what they were made of.
        if dataset.digest() == state.data.digest {
            return Ok(Self { dataset, videos, mixture });
        }
        if !found.is_mixture {
            let listing = found.sets.into_iter().next().expect("because what is no mixture has one set").set;
            let again = videos::again(known, None, &listing.names())?;
            return Ok(Self { dataset: videos::in_order(listing, &again, observer)?, videos, mixture });
        }
        let (mut sets, mut rest) = (Vec::new(), known);
        for (was, set) in state.data.mixture.iter().zip(found.sets) {
            let (of_set, behind) = rest.split_at((was.videos as usize).min(rest.len()));
            rest = behind;
            let names: Vec<String> = set.set.names().iter().map(|name| prefixed(&was.name, name)).collect();
            let again = videos::again(of_set, None, &names)?;
            sets.push(set.with(videos::in_order(set.set.clone(), &again, observer)?));
        }
        Ok(Self { dataset: mixed(sets)?, videos, mixture })
    }
}

/// A set as it is written down, not opened yet.
fn written(set: &Weighted<Vec<PathBuf>>) -> RunSet {
    let named = set.set.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    RunSet { name: set.name.to_string(), named, weight: set.weight, videos: 0, digest: String::new() }
}

/// The mixture that a run was begun with.
fn mixture_of(data: &RunData) -> Option<Mixture> {
    let set = |set: &RunSet| Weighted {
        name: set.name.as_str().into(),
        weight: set.weight,
        set: set.named.iter().map(|name| begun::from(&data.folder, name)).collect(),
    };
    (!data.mixture.is_empty()).then(|| data.mixture.iter().map(set).collect())
}

/// Refuses another mixture than the run was begun with.
fn check_same(state: &RunState, asked: Option<&Mixture>) -> Result<()> {
    let was = mixture_of(&state.data);
    let known = |sets: &Mixture| -> Vec<(String, f64)> {
        sets.iter().map(|set| set.name.to_string()).zip(shares(sets)).collect()
    };
    if was.as_ref().map(known) == asked.map(known) {
        return Ok(());
    }
    let words = |sets: Option<&Mixture>| match sets {
        None => "no mixture".to_owned(),
        Some(sets) => {
            let set = |set: &Weighted<Vec<PathBuf>>| format!("{}={}", set.name, set.weight);
            let sets: Vec<String> = sets.iter().map(set).collect();
            format!("the mixture {}", pipeline::names::one_line(&sets.join(",")))
        }
    };
    let (was, asked) = (words(was.as_ref()), words(asked));
    Err(Usage::new(format!("the run was begun with {was}, and --data names {asked}"))
        .hint("a run keeps its sets and their weights; `--init RUN` begins a new one with its weights")
        .into())
}
