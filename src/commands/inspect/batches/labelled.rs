//! The clips that a fine-tuning would see.

use anyhow::Result;
use pipeline::{names, sampling::labelled::Pass};
use schemas::LabelledBatch;
use trainer::{Recipe, batch::mixup::Mix};

use super::{Arguments, Line, digest, parquet_file, print};
use tubelet::data::Loading;
use tubelet::data::labelled;

use crate::terminal::Terminal;

/// Metadata key of how each batch is mixed, a JSON list of [`Mixed`].
const MIX_KEY: &str = "tubelet.mix";

/// Prints or writes the clips of a fine-tuning.
pub(super) fn run(arguments: &Arguments, recipe: &Recipe) -> Result<()> {
    let (mut labels, terminal) = (arguments.labels.settings(), Terminal::default());
    labels.problem_type = recipe.classifier.problem_type;
    let (videos, _) = labels.videos(&arguments.data, None, &terminal)?;
    let loading = Loading::begin(None, videos.len(), recipe.run.max_failed_share)?;
    let source = labelled::source(&videos, recipe, Pass::Train)?;
    let batches = labelled::training(source, recipe, 0, arguments.workers, &loading)?;
    match &arguments.out {
        None => print(batches, arguments.count, arguments.json, |batch| {
            let batch = LabelledBatch::try_from(batch)?;
            Ok((0..batch.len()).map(|row| FinetuneLine::of(&batch, row)).collect())
        })?,
        Some(out) => parquet_file::write(batches, arguments.count, out, |batches| {
            let mixed: Result<Vec<Mixed>> = (0..batches).map(|number| Mixed::of(recipe, number)).collect();
            Ok(vec![(MIX_KEY.to_owned(), serde_json::to_string(&mixed?)?)])
        })?,
    }
    loading.note_failed(videos.len(), &terminal);
    Ok(())
}

/// How a batch is mixed with itself turned round.
#[derive(serde::Serialize)]
struct Mixed {
    /// Weight of a clip's own target; 1 where nothing is mixed.
    lambda: f64,
    /// Top, bottom, left and right of the pixels that come from the other clip; without it all are mixed.
    #[serde(rename = "box")]
    region: Option<[usize; 4]>,
}

impl Mixed {
    /// Of micro-batch `number` of a training.
    fn of(recipe: &Recipe, number: u64) -> Result<Self> {
        let (_, parts) = recipe.accumulation()?;
        let (step, part) = (number / parts as u64, number % parts as u64);
        Ok(match Mix::draw(recipe.augment.mixing(), recipe.geometry()?, recipe.run.seed, step, part) {
            Mix::Nothing => Self { lambda: 1.0, region: None },
            Mix::Mixup { lambda } => Self { lambda, region: None },
            Mix::Cutmix { region, lambda } => {
                Self { lambda, region: Some([region.top, region.bottom, region.left, region.right]) }
            }
        })
    }
}

/// A labelled clip.
#[derive(serde::Serialize)]
struct FinetuneLine {
    epoch: u32,
    clip: u64,
    video: String,
    label: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<f32>>,
    frames: Vec<u32>,
    erased: Option<[u16; 4]>,
    pixels: String,
}

impl FinetuneLine {
    fn of(batch: &LabelledBatch, row: usize) -> Self {
        let (epoch, clip) = batch.identity(row);
        let bytes = batch.geometry().tokens() * batch.geometry().cube();
        Self {
            epoch,
            clip,
            video: batch.video(row).to_owned(),
            label: batch.label(row),
            labels: batch.labels(row),
            frames: batch.frames(row).to_vec(),
            erased: batch.erase(row).map(|erased| [erased.left, erased.top, erased.width, erased.height]),
            pixels: digest(&batch.cubes()[row * bytes..][..bytes]),
        }
    }
}

impl Line for FinetuneLine {
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
