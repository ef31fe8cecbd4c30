//! What augmented clips and views have in common: whole frames that are cut, and what is right of their videos.

use std::sync::Arc;

use schemas::ClipGeometry;

use crate::{
    VideoNumber,
    source::{ClipFrames, ClipSource, Pixels, places_in},
    transform::{self, RgbFrame, crop::Window, orientation},
};

/// The distinct frames of a slot as upright RGB of their stored size, one at a time: a frame is whole only
/// while it is cut.
pub(super) struct WholeFrames {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Which distinct frame each rank of the slot is.
    pub places: Vec<usize>,
    pixels: Pixels,
}

impl WholeFrames {
    pub fn of(frames: &mut ClipFrames) -> Self {
        let empty = Pixels::Rgb { width: 0, height: 0, bytes: Vec::new() };
        let pixels = std::mem::replace(&mut frames.pixels, empty);
        let (size, places) = match &pixels {
            Pixels::Pictures { pictures, orientation } => {
                let coded = pictures.first().map_or((0, 0), |(_, picture)| (picture.width, picture.height));
                (orientation::upright_size(*orientation, coded), places_in(pictures, &frames.ranks))
            }
            Pixels::Rgb { width, height, .. } => ((*width, *height), (0..frames.ranks.len()).collect()),
        };
        Self { size, places, pixels }
    }

    /// Distinct frame number `at`.
    pub fn whole(&self, at: usize) -> Option<RgbFrame> {
        match &self.pixels {
            Pixels::Pictures { pictures, orientation } => {
                pictures.get(at).map(|(_, picture)| transform::whole_frame(picture, *orientation, 0))
            }
            Pixels::Rgb { width, height, bytes } => {
                let frame = *width as usize * *height as usize * 3;
                let pixels = bytes.get(at * frame..(at + 1) * frame)?.to_vec();
                Some(RgbFrame { width: *width, height: *height, pixels })
            }
        }
    }

    /// Distinct frames.
    pub fn distinct(&self) -> usize {
        self.places.iter().max().map_or(0, |last| last + 1)
    }
}

/// Columns and rows of a clip.
pub(super) fn clip_size(geometry: ClipGeometry) -> (u32, u32) {
    (geometry.width() as u32, geometry.height() as u32)
}

/// `x`, `y`, `width`, `height`. Frames are far below 65536 pixels wide: the readers' limits stand at 8192.
pub(super) fn numbers(window: Window) -> [u16; 4] {
    [window.x, window.y, window.width, window.height].map(|side| u16::try_from(side).unwrap_or(u16::MAX))
}

/// What is right of the videos with several labels or numbers, by row; empty where none has any.
pub(super) fn labels_of(source: &dyn ClipSource) -> Vec<Option<Arc<[f32]>>> {
    let labels: Vec<_> = (0..source.videos()).map(|video| source.truth(VideoNumber(video)).labels).collect();
    if labels.iter().any(Option::is_some) { labels } else { Vec::new() }
}
