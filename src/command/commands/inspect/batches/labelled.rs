//! The clips that a fine-tuning would see.

use std::path::PathBuf;

use anyhow::Result;
use pipeline::{names, sampling::labelled::Pass};
use schemas::LabelledBatch;
use trainer::Recipe;

use super::lines::{Line, Output, print, say_written};

use crate::{
    command::terminal::Terminal,
    data::{
        Loading, batch_file,
        clip_identity::{LabelledClip, MIX_KEY, Mixed},
        labelled,
        labels::settings::LabelSettings,
    },
};

/// Prints or writes the clips of a fine-tuning.
pub fn run(
    data: &[PathBuf],
    mut labels: LabelSettings,
    recipe: &Recipe,
    workers: usize,
    output: &Output<'_>,
) -> Result<()> {
    let terminal = Terminal::default();
    labels.problem_type = recipe.classifier.problem_type;
    let (videos, _) = labels.videos(data, None, &terminal)?;
    let loading = Loading::begin(None, videos.len(), recipe.run.max_failed_share)?;
    let source = labelled::source(&videos, recipe, Pass::Train)?;
    let batches = labelled::training(source, recipe, 0, workers, &loading)?;
    match output.file {
        None => print(batches, output, |batch| {
            let batch = LabelledBatch::try_from(batch)?;
            Ok((0..batch.len()).map(|row| LabelledClip::of(&batch, row)).collect())
        })?,
        Some(out) => {
            let mixes = |batches| {
                let mixed: crate::Result<Vec<Mixed>> =
                    (0..batches).map(|number| Mixed::of(recipe, number)).collect();
                Ok(vec![(MIX_KEY.to_owned(), serde_json::to_string(&mixed?)?)])
            };
            say_written(out, batch_file::write(batches, output.count, out, mixes)?);
        }
    }
    loading.note_failed(videos.len(), &terminal);
    Ok(())
}

impl Line for LabelledClip {
    fn text(&self) -> String {
        let frames: Vec<_> = self.frames.iter().map(u32::to_string).collect();
        let erased = match self.erased {
            None => "-".to_owned(),
            Some([x, y, width, height]) => format!("{x},{y} {width}x{height}"),
        };
        format!(
            "{}\t{}\t{}\t{}\t{}\t{erased}\t{}",
            self.epoch,
            self.clip,
            names::one_line(&self.video),
            shown(self.label, self.labels.as_deref()),
            frames.join(","),
            self.pixels
        )
    }
}

/// A class, or labels and numbers with `,` between them.
fn shown(label: Option<i32>, labels: Option<&[f32]>) -> String {
    match (label, labels) {
        (_, Some(labels)) => labels.iter().map(f32::to_string).collect::<Vec<_>>().join(","),
        (Some(label), None) => label.to_string(),
        (None, None) => "-".to_owned(),
    }
}
