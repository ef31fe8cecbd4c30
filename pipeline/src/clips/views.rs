//! Views of a video: T clips × S windows, all cut from one decode.

use std::sync::Arc;

use schemas::{
    ClipGeometry, PixelLayout,
    labelled_batch::{LabelledClip, View},
    settings::ClipOrder,
};

use super::{
    FailedSlot, RowMaker,
    whole_frames::{WholeFrames, clip_size, labels_of, numbers},
};
use crate::{
    ClipNumber, Slot,
    augment::{opencv, resize_f32},
    pixels::PixelWriter,
    profile::{Profile, Stage},
    sampling::labelled,
    schedule::{Order, Schedule},
    source::{ClipFrames, ClipSource},
    transform::{RgbFrame, crop::Window, lines::Lines},
};

/// How a frame becomes the pixels of a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Resized so that it covers the clip, then windows of it (the official test).
    #[default]
    Windows,
    /// Squashed to the clip's size, proportions lost, as floats are (`extract_tad_feature.py`). A clip has two
    /// rows: whole levels as window 0, 256ths of a level as window 1.
    Squash,
}

/// What the views of a video are; which frames they show is the source's matter.
#[doc(alias = "test_num_segment")]
#[doc(alias = "test_num_crop")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewSettings {
    /// Frames, pixels and cubes of a view.
    pub geometry: ClipGeometry,
    /// Clips along time that a slot gives at most; memory is reserved for so many.
    pub clips: u32,
    /// Windows along the longer side.
    pub crops: u32,
    /// Short side that frames are resized to; 0 is the smallest that covers the clip.
    pub short_side: u32,
    /// Slots of each video; 1 unless features are made of windows.
    pub slots_per_video: u32,
    /// How frames become pixels.
    pub fit: Fit,
}

impl ViewSettings {
    /// The resized frame, and the windows of it, of a frame of `frame` columns and rows.
    fn windows(&self, frame: (u32, u32)) -> ((u32, u32), Vec<Window>) {
        let clip = clip_size(self.geometry);
        match self.fit {
            Fit::Windows => {
                let resized = match self.short_side {
                    0 => labelled::resized_for(frame, clip),
                    short => labelled::resized(frame, short.max(clip.0).max(clip.1)),
                };
                (resized, labelled::windows(resized, clip, self.crops))
            }
            Fit::Squash => (clip, vec![Window { x: 0, y: 0, width: clip.0, height: clip.1 }; 2]),
        }
    }

    /// The resized pictures of a frame: one for all windows, or one for each.
    fn resized(&self, frame: &RgbFrame, size: (u32, u32)) -> Vec<RgbFrame> {
        match self.fit {
            Fit::Windows => vec![opencv::resize(frame, size)],
            Fit::Squash => resize_f32::resize(frame, size).into(),
        }
    }
}

/// Which views a slot gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// All of its clips, each at every window.
    All,
    /// One clip at one window ([`crate::sampling::labelled::Pass::Alone`]).
    One,
}

/// Makes views by fixed settings.
pub(crate) struct ViewMaker {
    settings: ViewSettings,
    gives: Gives,
    schedule: Schedule,
    writer: PixelWriter,
    labels: Vec<Option<Arc<[f32]>>>,
}

impl ViewMaker {
    pub(crate) fn new(settings: ViewSettings, gives: Gives, layout: PixelLayout, videos: u64) -> Self {
        // No draw depends on the seed: the frames of views follow from the video alone.
        let clips_per_video = settings.slots_per_video;
        let schedule = Schedule { seed: 0, videos, clips_per_video, order: ClipOrder::Scattered };
        let writer = PixelWriter::new(settings.geometry, layout);
        Self { settings, gives, schedule, writer, labels: Vec::new() }
    }

    /// The same, with what the source says of its videos.
    pub(crate) fn knowing(self, source: &dyn ClipSource) -> Self {
        Self { labels: labels_of(source), ..self }
    }

    /// Whether videos have several labels, or numbers.
    pub(crate) fn has_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The pixels of all views, clip by clip, each at every window of its frames once they have this size.
    fn pixels(
        &self,
        whole: &WholeFrames,
        size: (u32, u32),
        windows: &[Window],
        clips: usize,
        profile: &Profile,
    ) -> Vec<Vec<u8>> {
        let length = self.settings.geometry.frames();
        let mut pixels = vec![self.writer.room(); clips * windows.len()];
        let mut cut = Lines::default();
        for distinct in 0..whole.distinct() {
            let pictures = profile.time(Stage::Transform, || {
                whole.whole(distinct).map(|frame| self.settings.resized(&frame, size))
            });
            let Some(pictures) = pictures else { continue };
            for (at, window) in windows.iter().enumerate() {
                let frame = &pictures[at % pictures.len()];
                profile.time(Stage::Transform, || cut.cut_from(&frame.pixels, frame.width, *window));
                profile.time(Stage::Cubes, || {
                    for clip in 0..clips {
                        let places = &whole.places[clip * length..][..length];
                        let shown = (0..length).filter(|&number| places[number] == distinct);
                        let pixels = &mut pixels[clip * windows.len() + at];
                        shown.for_each(|number| self.writer.put(&cut, number, pixels));
                    }
                });
            }
        }
        pixels
    }

    /// The windows that a slot is cut at, and the numbers of its first clip and first window.
    fn cut_at(&self, windows: Vec<Window>, slot: Slot) -> (Vec<Window>, u64, usize) {
        let place = slot.place_in_video(self.settings.slots_per_video);
        match self.gives {
            Gives::All => (windows, place * u64::from(self.settings.clips), 0),
            Gives::One => {
                let (clip, crop) = (place / windows.len() as u64, (place % windows.len() as u64) as usize);
                (vec![windows[crop]], clip, crop)
            }
        }
    }
}

impl RowMaker for ViewMaker {
    type Row = LabelledClip;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn order(&self, epoch: u32) -> Order {
        self.schedule.in_sequence(epoch)
    }

    fn on_failed_slot(&self) -> FailedSlot {
        FailedSlot::LeaveEmpty
    }

    /// All views in the order (clip, window).
    fn rows(
        &self,
        mut frames: ClipFrames,
        epoch: u32,
        slot: Slot,
        clip: ClipNumber,
        profile: &Profile,
    ) -> Vec<LabelledClip> {
        let geometry = self.settings.geometry;
        let length = geometry.frames();
        let whole = WholeFrames::of(&mut frames);
        let (resized, windows) = self.settings.windows(whole.size);
        let (windows, first_clip, first_crop) = self.cut_at(windows, slot);
        let clips = frames.ranks.len() / length;
        profile.count_clip(frames.ranks.len(), 0);
        let pixels = self.pixels(&whole, resized, &windows, clips, profile);
        let video = self.schedule.video_of(slot);
        let labels = self.labels.get(video.index()).cloned().flatten();
        let row = |(at, pixels): (usize, Vec<u8>)| {
            let (view, crop) = (at / windows.len(), at % windows.len());
            let shown = view * length..(view + 1) * length;
            let place = first_clip + view as u64;
            LabelledClip {
                clip: clip.0,
                epoch,
                row: video.0,
                video: frames.video.clone(),
                label: frames.label,
                labels: labels.clone(),
                view: View {
                    clip: u16::try_from(place).unwrap_or(u16::MAX),
                    crop: u16::try_from(first_crop + crop).unwrap_or(u16::MAX),
                },
                frames: frames.ranks[shown.clone()].iter().map(|rank| rank.0).collect::<Arc<[u32]>>(),
                times: frames.times[shown].iter().map(|time| time.0).collect::<Arc<[i64]>>(),
                crop: numbers(windows[crop]),
                flip: false,
                erase: None,
                pixels,
            }
        };
        pixels.into_iter().enumerate().map(row).collect()
    }

    fn bytes(row: &LabelledClip) -> u64 {
        row.pixels.len() as u64
    }
}
