//! Frames of videos with the answers to them: a row a clip.

use std::path::Path;

use crate::{
    Usage,
    sheet::{self, Row},
};
use anyhow::Result;
use image::RgbImage;
use schemas::{LabelledBatch, ProblemType, predictions::Predictions};
use trainer::{evaluation, recipe::By};

/// Frames of a clip that a still picture shows.
const COLUMNS: usize = 4;
/// Rows of a picture.
const MOST_ROWS: usize = 60;
/// Classes that stand beside a row.
const NAMED: usize = 3;

/// Frames of the clips that were seen, at their middle crop.
#[derive(Default)]
pub struct Strips {
    strips: Vec<Strip>,
}

struct Strip {
    row: u64,
    clip: u16,
    frames: Vec<RgbImage>,
}

/// Refuses a picture of another kind than can be drawn.
///
/// # Errors
/// Usage error: another ending.
pub fn check(out: &Path) -> Result<()> {
    let ending = out.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("png" | "gif") => Ok(()),
        _ => Err(Usage::new(format!("{} must end in .png or .gif", pipeline::names::shown(out))).into()),
    }
}

impl Strips {
    /// Keeps the frames of a batch that are shown: of so many crops of a clip the middle one.
    pub fn note(&mut self, batch: &LabelledBatch, crops: usize) {
        let crop = (crops.saturating_sub(1) / 2) as u16;
        let geometry = batch.geometry();
        let (width, height) = (geometry.width(), geometry.height());
        for clip in (0..batch.len()).filter(|&clip| batch.view(clip).crop == crop) {
            if self.strips.len() == MOST_ROWS {
                return;
            }
            let pixels = batch.pictures(clip);
            let frames = pixels.chunks_exact(width * height * 3).map(|frame| {
                RgbImage::from_raw(width as u32, height as u32, frame.to_vec())
                    .expect("because a frame has three bytes a pixel")
            });
            let strip = Strip { row: batch.row(clip), clip: batch.view(clip).clip, frames: frames.collect() };
            self.strips.push(strip);
        }
    }

    /// Draws them with what was said of each clip.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(self, out: &Path, predictions: &Predictions, by: By) -> Result<()> {
        let length = self.strips.first().map_or(0, |strip| strip.frames.len());
        let columns: Vec<usize> = match length {
            0..=COLUMNS => (0..length).collect(),
            _ => (0..COLUMNS).map(|column| column * (length - 1) / (COLUMNS - 1)).collect(),
        };
        let shown = self.strips.len();
        let rows: Vec<Row> = self
            .strips
            .into_iter()
            .map(|strip| Row { caption: caption(&strip, predictions, by), frames: strip.frames })
            .collect();
        let views = predictions.tested.crops.max(1);
        let all = predictions.predictions.len() / usize::from(views);
        let title = if shown < all {
            format!("the first {shown} of {all} clips, each with what its crops say together")
        } else {
            "each clip with what its crops say together".to_owned()
        };
        Ok(sheet::save(out, &title, &rows, &columns)?)
    }
}

/// `film.mp4  0.0 to 2.4 s  archery 62 %, bowling 10 %`.
fn caption(strip: &Strip, predictions: &Predictions, by: By) -> String {
    let views = predictions.predictions.iter();
    let views: Vec<_> =
        views.filter(|view| view.row == strip.row && view.view.clip == strip.clip).cloned().collect();
    let Some(first) = views.first() else { return String::new() };
    let file = Path::new(&first.video).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let seconds = |time: i64| time as f64 / 1e9;
    let (start, end) = (seconds(first.span.0), seconds(first.span.1));
    let tested = predictions.tested.clone();
    let clip = Predictions { tested, predictions: views, ..Predictions::default() };
    let Some(answer) = evaluation::answers(&clip, by).pop() else { return String::new() };
    let says = answer.ranked().into_iter().take(NAMED).map(|class| {
        let name = super::class_name::shown(&predictions.tested.classes, class);
        format!("{name} {:.0} %", 100.0 * answer.probabilities[class])
    });
    let says: Vec<String> = match clip.tested.problem_type {
        ProblemType::Regression => super::numbers::words(&clip.tested.classes, &answer, NAMED),
        _ => says.collect(),
    };
    format!("{file}  {start:.1} to {end:.1} s  {}", says.join(", "))
}
