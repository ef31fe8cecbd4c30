//! A row of pre-training as it is drawn: a window of the clip's frames, mirrored or not.

use super::upright::{Canvas, Upright};
use crate::{
    profile::{Lap, Stage},
    schedule::RowDraws,
    settings::{ClipSettings, Flip},
    transform::{
        crop::{self, Window},
        lines::Lines,
    },
};

/// What is drawn for a row.
pub(super) struct DrawnRow {
    /// The crop in the (resized, upright) frame.
    pub crop: Window,
    /// Whether the clip is mirrored left to right.
    pub flip: bool,
    /// What its masks are drawn from.
    pub draws: RowDraws,
    /// Columns and rows of the clip.
    size: (u32, u32),
}

impl DrawnRow {
    /// The crop and the mirroring of clips whose frames have `frame` columns and rows.
    pub fn of(settings: &ClipSettings, mut draws: RowDraws, frame: (u32, u32)) -> Self {
        let size = (settings.geometry.width() as u32, settings.geometry.height() as u32);
        let crop = crop::draw(settings.crop, frame, size, &mut draws.crop);
        let flip = settings.flip == Flip::Half && draws.flip.below(2) == 1;
        Self { crop, flip, draws, size }
    }

    /// Makes each distinct frame of the row once and hands it to `put`, with every place of the clip that shows it.
    pub fn each_frame(
        &self,
        pictures: &Upright,
        canvas: &mut Canvas,
        lap: &mut Lap<'_>,
        mut put: impl FnMut(&Lines, usize),
    ) {
        let mut cut = pictures.cut(self.crop, self.size);
        for distinct in 0..pictures.distinct() {
            cut.draw(distinct, canvas);
            if self.flip {
                canvas.frame.mirror();
            }
            lap.end(Stage::Transform);
            let shown = pictures.places.iter().enumerate().filter(|(_, place)| **place == distinct);
            shown.for_each(|(number, _)| put(&canvas.frame, number));
            lap.end(Stage::Cubes);
        }
    }
}
