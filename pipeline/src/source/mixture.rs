//! Several sources as one: the sets of a mixture, their videos numbered set after set.
//!
//! A clip is what its own source gives for it. Each thread has a reader for each set, from the first clip of it on.

use std::sync::Arc;

use super::{ClipFrames, ClipReader, ClipSource, SourceError, Truth};
use crate::{
    Slot, VideoNumber,
    draws::Draws,
    mixture::{MixtureSets, Weighted},
    profile::Profile,
};

/// The sources of a mixture's sets.
#[doc(alias = "ConcatDataset")]
#[derive(Clone)]
pub struct MixtureSource {
    sources: Arc<[Arc<dyn ClipSource>]>,
    sets: Arc<MixtureSets>,
    clips_per_video: u32,
}

impl MixtureSource {
    /// The sources of these sets, all of which count `clips_per_video` slots a video.
    pub fn new(sets: Vec<Weighted<Arc<dyn ClipSource>>>, clips_per_video: u32) -> Self {
        let videos: Vec<Weighted<u64>> = sets.iter().map(|set| set.with(set.set.videos())).collect();
        let sources = sets.into_iter().map(|set| set.set).collect();
        Self { sources, sets: Arc::new(MixtureSets::new(&videos)), clips_per_video }
    }

    /// The source of a video, and its number there.
    fn of(&self, video: VideoNumber) -> Option<(&Arc<dyn ClipSource>, VideoNumber)> {
        let (set, number) = self.sets.set_of(video)?;
        Some((self.sources.get(set)?, number))
    }
}

impl ClipSource for MixtureSource {
    fn videos(&self) -> u64 {
        self.sources.iter().map(|source| source.videos()).sum()
    }

    fn name(&self, video: VideoNumber) -> String {
        self.of(video).map_or_else(String::new, |(source, number)| source.name(number))
    }

    fn bytes(&self, video: VideoNumber, clips: u64) -> u64 {
        self.of(video).map_or(0, |(source, number)| source.bytes(number, clips))
    }

    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader> {
        let readers = self.sources.iter().map(|_| None).collect();
        Box::new(Reader { source: self.clone(), readers, profile })
    }

    fn truth(&self, video: VideoNumber) -> Truth {
        self.of(video).map_or_else(Truth::default, |(source, number)| source.truth(number))
    }

    fn mixture(&self) -> Option<Arc<MixtureSets>> {
        Some(Arc::clone(&self.sets))
    }
}

struct Reader {
    source: MixtureSource,
    readers: Vec<Option<Box<dyn ClipReader>>>,
    profile: Arc<Profile>,
}

impl ClipReader for Reader {
    fn frames_together(
        &mut self,
        video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        let Some((set, number)) = self.source.sets.set_of(video) else {
            let why = SourceError::Broken { reason: format!("video {} is of no set", video.0) };
            return slots.iter().map(|_| Err(why.clone())).collect();
        };
        let clips = self.source.clips_per_video;
        let behind = |slot: Slot| number.slot(clips, slot.place_in_video(clips));
        let slots = slots.into_iter().map(|(slot, start)| (behind(slot), start)).collect();
        let (source, profile) = (&self.source.sources[set], &self.profile);
        let reader = self.readers[set].get_or_insert_with(|| source.reader(Arc::clone(profile)));
        reader.frames_together(number, slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{draws::Purpose, source::echo::Echo};

    #[test]
    fn a_clip_is_read_from_its_own_set_by_that_set_s_numbers() {
        let set = |name: &str, videos| Weighted {
            name: name.into(),
            weight: 1.0,
            set: Arc::new(Echo { videos, name: |video, videos| format!("{video} of {videos}") })
                as Arc<dyn ClipSource>,
        };
        let source = MixtureSource::new(vec![set("films", 3), set("robots", 2)], 2);
        assert_eq!(
            (source.videos(), source.name(VideoNumber(4)), source.bytes(VideoNumber(4), 5)),
            (5, "1 of 2".to_owned(), 5)
        );
        let mut reader = source.reader(Arc::default());
        let start = || Draws::new(0, Purpose::Start, 0, 0);
        // Slot 9 is the second of video 4; 19 is the same one, gone through once more.
        for slot in [9, 19] {
            let clip = reader.frames(VideoNumber(4), Slot(slot), start()).unwrap();
            assert_eq!((&*clip.video, clip.ranks[0].0), ("1 of 2", 3));
        }
        assert!(matches!(reader.frames(VideoNumber(5), Slot(10), start()), Err(SourceError::Broken { .. })));
    }
}
