//! Features of the videos of both parts: from the cache, or from one pass over the videos for all that is missing.
//!
//! What is kept is named by what decides its values: the weights, how clips are made, the videos (path, length,
//! time of the last change), and where it was computed. Classes are not among it: they are put to the videos when
//! features are taken out.

use std::{collections::BTreeSet, path::Path, time::UNIX_EPOCH};

use pipeline::{Slot, VideoNumber, file::file_of, sampling::labelled::Pass};
use trainer::{
    Device, Recipe,
    batch::labelled::BatchError,
    inference::frozen_encoder::{self, FeaturesError, Pool, Source},
    kernels,
    probe::{
        feature_cache::FeatureCache,
        features::{FailedVideo, Features},
    },
};

use crate::{
    data::{
        digest_words,
        labelled::{self, Failures, Wanted},
        labels::labelled_videos::LabelledVideos,
    },
    error::{Result, Usage},
    observer::{Event, Observer},
    run::ranks::Ranks,
};

/// Changes with whatever changes the values for the same words.
const VERSION: &str = "1";

/// Features of one source.
pub struct Both {
    /// Of the videos to learn from.
    pub train: Features,
    /// Of those to be tested on.
    pub test: Features,
}

/// What features are made of, and how.
pub struct Making<'a> {
    /// The encoders, and pixels.
    pub sources: &'a [Source<'a>],
    /// How clips are made.
    pub recipe: &'a Recipe,
    /// Number of clips along time, and of crops of each.
    pub views: [u32; 2],
    /// What to store of a clip.
    pub pool: Pool,
    /// Classes of the videos.
    pub classes: usize,
    /// Where to compute.
    pub device: &'a Device,
    /// The same as it was asked for: processes that share the work have one each.
    pub asked_device: &'a str,
    /// Clips that are looked at together.
    pub batch: usize,
    /// Number of threads that decode.
    pub workers: usize,
    /// Folder to keep features in.
    pub cache: &'a Path,
    /// The processes that share the work.
    pub ranks: &'a Ranks,
    /// Is told how far it is.
    pub observer: &'a dyn Observer,
}

impl Making<'_> {
    /// Features of all sources, in their order; none in a process that is not the first.
    ///
    /// # Errors
    /// When the videos cannot give such clips, or features cannot be kept.
    pub fn of(&self, train: &LabelledVideos, test: &LabelledVideos) -> Result<Option<Vec<Both>>> {
        let (train, test) = (self.of_part(train)?, self.of_part(test)?);
        let both = train.into_iter().zip(test).map(|(train, test)| Both { train, test }).collect();
        Ok(self.ranks.writes().then_some(both))
    }

    /// Features of one part of the videos. Where several processes share the work, each keeps those of its videos as a
    /// share, and the first joins the shares.
    fn of_part(&self, videos: &LabelledVideos) -> Result<Vec<Features>> {
        let [clips, crops] = self.views;
        // One clip is the middle one, as in validation.
        let pass = if clips == 1 { Pass::Validation } else { Pass::Test { clips } };
        let wanted = Wanted { pass, crops, ..Wanted::validation(self.recipe) };
        let how = self.in_words(videos, wanted)?;
        let cache = FeatureCache::new(self.cache);
        let digests: Vec<String> = self.sources.iter().map(Source::digest).collect();
        self.ranks.all_here()?;
        let mut found: Vec<Option<Features>> =
            digests.iter().map(|digest| cache.find(&[VERSION, digest, &how])).collect();
        let missing: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_none()).collect();
        // All have looked before one of them keeps what the others look for.
        self.ranks.all_here()?;
        let [rank, processes] = self.ranks.place();
        if !missing.is_empty() {
            let share = share_in_words([rank, processes]);
            for (features, at) in self.make(videos, wanted, &missing)?.into_iter().zip(&missing) {
                let mut key = vec![VERSION, digests[*at].as_str(), how.as_str()];
                if processes > 1 {
                    key.push(&share);
                }
                cache.keep(&key, &features)?;
                found[*at] = Some(features);
            }
        }
        if processes > 1 {
            self.ranks.all_here()?;
            if !self.ranks.writes() {
                return Ok(Vec::new());
            }
            for at in missing {
                let key = [VERSION, digests[at].as_str(), how.as_str()];
                found[at] = Some(self.joined(&cache, key, processes)?);
            }
        }
        let mut all: Vec<Features> = found.into_iter().flatten().collect();
        for features in &mut all {
            for video in &mut features.videos {
                let entry = usize::try_from(video.row).ok().and_then(|row| videos.entries().get(row));
                video.label =
                    entry.and_then(|entry| usize::try_from(entry.label?).ok()).unwrap_or(video.label);
            }
        }
        Ok(all)
    }

    /// The shares of so many processes in one, which is kept in their place.
    fn joined(&self, cache: &FeatureCache, key: [&str; 3], processes: usize) -> Result<Features> {
        let names: Vec<String> = (0..processes).map(|rank| share_in_words([rank, processes])).collect();
        let shares = names.iter().map(|share| {
            cache.find(&[key[0], key[1], key[2], share]).ok_or_else(|| {
                Usage::new(format!(
                    "{share} of the features is not in {}",
                    pipeline::names::shown(self.cache)
                ))
                .hint("--cache FOLDER names a folder that all processes see")
            })
        });
        let shares: Vec<Features> = shares.collect::<Result<_, _>>()?;
        let features = Features::joined(shares).map_err(FeaturesError::from)?;
        cache.keep(&key, &features)?;
        for share in &names {
            cache.forget(&[key[0], key[1], key[2], share]);
        }
        Ok(features)
    }

    /// One pass over the videos, or this process's share of them, for these of the sources.
    fn make(&self, videos: &LabelledVideos, wanted: Wanted, missing: &[usize]) -> Result<Vec<Features>> {
        let source = labelled::source(videos, self.recipe, wanted.pass)?;
        let failures = Failures::default();
        // Every video has one slot.
        let [rank, processes] = self.ranks.place().map(|number| number as u64);
        let own: Vec<u64> = (0..videos.len()).filter(|row| row % processes == rank).collect();
        let count = own.len() as u64;
        let slots = own.into_iter().map(Slot).collect();
        let batches =
            labelled::views(source.clone(), self.recipe, wanted, slots, self.batch, self.workers, &failures)?;
        let views = count * u64::from(self.views[0]) * u64::from(self.views[1]);
        self.observer.on(Event::Begin { total: views, what: "clips" });
        let mut done = 0;
        let batches = batches.map(|batch| {
            let batch = batch.map_err(|why| Box::new(why) as BatchError)?;
            done += batch.num_rows() as u64;
            self.observer.progress(done, "");
            Ok(batch)
        });
        let sources: Vec<Source> = missing.iter().map(|at| self.sources[*at]).collect();
        let (geometry, model) = (self.recipe.geometry()?, &self.recipe.model);
        let made = kernels::with_kernels(model.kernels, || {
            kernels::in_precision(model.precision, || {
                frozen_encoder::features(&sources, batches, geometry, self.classes, self.pool, self.device)
            })
        });
        self.observer.on(Event::End);
        let mut made = made?;
        let reasons = labelled::reasons(&failures);
        for features in &mut made {
            let answered: BTreeSet<u64> = features.videos.iter().map(|video| video.row).collect();
            let own = |row: &u64| row % processes == rank && !answered.contains(row);
            let failed = (0..).zip(videos.entries()).filter(|(row, _)| own(row));
            let failed = failed.map(|(row, entry)| FailedVideo {
                row,
                video: entry.name(),
                reason: reasons
                    .get(&source.name(VideoNumber(row)))
                    .cloned()
                    .unwrap_or_else(|| "it gave no clip".to_owned()),
            });
            features.failed = failed.collect();
        }
        Ok(made)
    }

    /// All that decides the values beside the source.
    fn in_words(&self, videos: &LabelledVideos, wanted: Wanted) -> Result<String> {
        let geometry = self.recipe.geometry()?;
        let clips = wanted.digest(labelled::spread(self.recipe), geometry);
        let mut of_videos = blake3::Hasher::new();
        of_videos.update(videos.dataset().digest().as_bytes());
        for entry in videos.entries() {
            let path = entry.name();
            let facts = std::fs::metadata(file_of(&entry.path)).ok().map(|facts| {
                let changed = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                (facts.len(), changed)
            });
            let file = digest_words::of_file(facts);
            of_videos.update(format!("{} {path} {file}\n", path.len()).as_bytes());
        }
        let (model, device) = (&self.recipe.model, self.asked_device);
        let (pool, batch) = (digest_words::of_pool(self.pool), self.batch);
        let kernels = digest_words::of_kernels(model.kernels);
        let precision = digest_words::of_precision(model.precision);
        let resample = digest_words::of_resample(self.recipe.clip.resample);
        let videos = of_videos.finalize().to_hex();
        Ok(format!("{clips} {videos} {pool} {batch} {device} {kernels} {precision} {resample}"))
    }
}

/// The name of a process's share of features.
fn share_in_words([rank, processes]: [usize; 2]) -> String {
    format!("share {rank} of {processes}")
}
