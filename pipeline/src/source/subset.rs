//! Some videos of a source under numbers and classes of their own: one part of a split, or videos whose classes
//! a table says.
//!
//! Nothing else about a clip changes: a chosen video gives the frames that the source gives for it.

use std::sync::Arc;

use super::{ClipFrames, ClipReader, ClipSource, SourceError, Truth};
use crate::{Slot, VideoNumber, draws::Draws, profile::Profile};

/// A video of the source behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubsetVideo {
    /// Its number there.
    pub number: VideoNumber,
    /// Its class; what the source says is not asked.
    pub label: Option<i32>,
}

/// The chosen videos of a source, numbered from 0 in their order.
#[derive(Clone)]
pub struct Subset {
    source: Arc<dyn ClipSource>,
    videos: Arc<[SubsetVideo]>,
    /// Several labels or numbers of each video; empty where they have one class each or none.
    labels: Arc<[Arc<[f32]>]>,
    slots: Slots,
}

/// Slots of a video.
#[derive(Clone, Copy)]
struct Slots {
    /// As whoever reads counts them.
    here: u32,
    /// As the source counts them.
    behind: u32,
}

impl Subset {
    /// `videos` of `source`. Whoever reads counts `slots` slots a video, the source behind `behind`: frame
    /// shards may hold more clips of a video than are asked for.
    pub fn new(source: Arc<dyn ClipSource>, videos: Vec<SubsetVideo>, slots: u32, behind: u32) -> Self {
        let slots = Slots { here: slots, behind };
        Self { source, videos: videos.into(), labels: Arc::default(), slots }
    }

    /// The same with several labels, or numbers, of each video in their order.
    pub fn with_labels(self, labels: Vec<Arc<[f32]>>) -> Self {
        Self { labels: labels.into(), ..self }
    }

    fn number(&self, video: VideoNumber) -> Option<VideoNumber> {
        self.videos.get(video.index()).map(|chosen| chosen.number)
    }
}

impl ClipSource for Subset {
    fn videos(&self) -> u64 {
        self.videos.len() as u64
    }

    fn name(&self, video: VideoNumber) -> String {
        self.number(video).map_or_else(String::new, |number| self.source.name(number))
    }

    fn bytes(&self, video: VideoNumber, clips: u64) -> u64 {
        self.number(video).map_or(0, |number| self.source.bytes(number, clips))
    }

    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader> {
        let (videos, slots) = (Arc::clone(&self.videos), self.slots);
        Box::new(Reader { reader: self.source.reader(profile), videos, slots })
    }

    fn truth(&self, video: VideoNumber) -> Truth {
        let label = self.videos.get(video.index()).and_then(|chosen| chosen.label);
        Truth { label, labels: self.labels.get(video.index()).cloned() }
    }
}

struct Reader {
    reader: Box<dyn ClipReader>,
    videos: Arc<[SubsetVideo]>,
    slots: Slots,
}

impl Reader {
    fn video(&self, video: VideoNumber) -> Result<SubsetVideo, SourceError> {
        let not_chosen = || SourceError::Broken { reason: format!("video {} was not chosen", video.0) };
        self.videos.get(video.index()).copied().ok_or_else(not_chosen)
    }

    /// The slot of the source behind.
    fn behind(&self, video: SubsetVideo, slot: Slot) -> Slot {
        video.number.slot(self.slots.behind, slot.place_in_video(self.slots.here))
    }
}

impl ClipReader for Reader {
    fn frames_together(
        &mut self,
        video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        let chosen = match self.video(video) {
            Ok(chosen) => chosen,
            Err(why) => return slots.iter().map(|_| Err(why.clone())).collect(),
        };
        let slots = slots.into_iter().map(|(slot, start)| (self.behind(chosen, slot), start)).collect();
        let clips = self.reader.frames_together(chosen.number, slots);
        let labelled = |frames| ClipFrames { label: chosen.label, ..frames };
        clips.into_iter().map(|clip| clip.map(labelled)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{draws::Purpose, source::echo::Echo};

    #[test]
    fn a_chosen_video_has_its_own_number_and_class_and_the_frames_of_the_source() {
        let videos = [(7, Some(2)), (3, None)]
            .map(|(number, label)| SubsetVideo { number: VideoNumber(number), label });
        let echo = Echo { videos: 9, name: |video, _| format!("video {video}") };
        let chosen = Subset::new(Arc::new(echo), videos.to_vec(), 2, 5);
        let [first, second, third] = [0, 1, 2].map(VideoNumber);
        assert_eq!(
            (chosen.videos(), chosen.name(first), chosen.bytes(second, 2)),
            (2, "video 7".to_owned(), 6)
        );
        let mut reader = chosen.reader(Arc::default());
        let start = || Draws::new(0, Purpose::Start, 0, 0);
        let shown = |clip: Result<ClipFrames, SourceError>| {
            let clip = clip.unwrap();
            (clip.video.to_string(), clip.label, clip.ranks[0].0)
        };
        // Slots 0 and 1 are of the first video, which has slots 35 to 39 behind.
        assert_eq!(shown(reader.frames(first, Slot(1), start())), ("video 7".to_owned(), Some(2), 36));
        let together = reader.frames_together(second, vec![(Slot(2), start()), (Slot(3), start())]);
        let together: Vec<_> = together.into_iter().map(shown).collect();
        assert_eq!(together, [("video 3".to_owned(), None, 15), ("video 3".to_owned(), None, 16)]);
        assert!(matches!(reader.frames(third, Slot(4), start()), Err(SourceError::Broken { .. })));
    }
}
