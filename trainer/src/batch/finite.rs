//! Checks the output of a model: a value that is NaN or infinite is an error that names the video.
//!
//! Nothing is greater than NaN, so a rank, a mean or a best of several would be found among such numbers as among
//! others, and look right. Behind this check every logit and every feature is finite.

use schemas::LabelledBatch;

use crate::weights::NotFinite;

/// What a model gives for a clip holds values that are no numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{video} (row {row} of the data, clip {clip}, crop {crop}): the model's {what} are not finite: {found}{}", said(.stage))]
pub struct OutputNotFinite {
    /// Path of the video.
    pub video: String,
    /// Its place in the data, from 0.
    pub row: u64,
    /// Which clip of the video.
    pub clip: u16,
    /// Which crop of the clip.
    pub crop: u16,
    /// What the model gives: logits, features.
    pub what: &'static str,
    /// Which values.
    pub found: NotFinite,
    /// The first part of the model behind which values are no numbers, where it was looked for.
    pub stage: Option<String>,
}

fn said(stage: &Option<String>) -> String {
    stage.as_ref().map(|stage| format!("; the first behind {stage}")).unwrap_or_default()
}

/// Checks what a model gives for each clip of `batch`, in which each clip has `rows` rows. `stage` looks for the
/// part of the model where it went wrong; it is only asked then.
///
/// # Errors
/// For the first clip with a value that is NaN or infinite.
pub(crate) fn check(
    outputs: &[Vec<f32>],
    what: &'static str,
    batch: &LabelledBatch,
    rows: usize,
    stage: impl FnOnce() -> Option<String>,
) -> Result<(), OutputNotFinite> {
    let found = outputs.iter().enumerate().find_map(|(clip, values)| Some((clip, NotFinite::among(values)?)));
    let Some((clip, found)) = found else { return Ok(()) };
    let (at, view) = (clip * rows, batch.view(clip * rows));
    Err(OutputNotFinite {
        video: batch.video(at).to_owned(),
        row: batch.row(at),
        clip: view.clip,
        crop: view.crop,
        what,
        found,
        stage: stage(),
    })
}
