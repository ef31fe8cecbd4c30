//! `tubelet inspect batches`: the clips that a training would see, a line each, or all of them in a file.

mod labelled;
mod lines;

use std::path::PathBuf;

use anyhow::Result;
use pipeline::names;
use schemas::ClipBatch;
use trainer::Recipe;

use self::lines::{Line, Output, print, say_written};

use crate::{
    command::{
        arguments::{self, ColumnArguments, LabelArguments, RecipeArguments},
        terminal::Terminal,
    },
    data::{Loading, batch_file, clip_identity::MaskedClip, masked, pretraining_videos},
    machine::default_workers,
    output_lock, recipe_choice,
};

/// Print the clips that training with the same settings uses, one per line
///
/// The columns, separated by tabs, are: epoch, clip, video, start frame, frames, crop (x,y WIDTHxHEIGHT),
/// flip, hidden tokens (a digest of their list), visible pixels and target pixels (BLAKE3, 8 bytes). The
/// lines do not depend on the number of workers. In a name, control characters are written `\t`, `\n` or
/// `\u{1b}`, and bytes that are not UTF-8 like `\xE9`.
///
/// With --out, the record batches are written to a Parquet file that pyarrow, DuckDB and polars read: one row
/// per clip with its masks and the pixels of its cubes, and one row group per batch.
///
/// With --finetune, the clips are those of `tubelet finetune` without a split. The columns are: epoch, clip,
/// video, class, frames, erased box (x,y WIDTHxHEIGHT), pixels (BLAKE3, 8 bytes). The metadata `tubelet.mix`
/// of the file says how each batch is mixed.
///
/// Example: tubelet inspect batches films --count 8 --workers 2 --recipe tiny
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, one folder of shards, or several data sets with
    /// weights as in `films=2,robots=1`
    #[arg(value_name = "VIDEOS", required = true)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    /// Number of clips to print
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u64).range(..=1 << 32))]
    count: u64,
    /// Number of threads that decode
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = arguments::workers)]
    workers: usize,
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Print the augmented clips of a fine-tuning, with their classes
    #[arg(long)]
    finetune: bool,
    #[command(flatten)]
    labels: LabelArguments,
    /// Print one JSON object per clip instead
    #[arg(long, conflicts_with = "out")]
    json: bool,
    /// Write the batches to this Parquet file instead; the number of clips is rounded up to whole batches
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut recipe = arguments.recipe.choice().resolve(|| Ok(Recipe::default()))?;
    recipe_choice::check(&recipe)?;
    let terminal = Terminal::default();
    let _lock = arguments.out.as_ref().map(|out| output_lock::file(out, &terminal)).transpose()?;
    let output = Output { count: arguments.count, json: arguments.json, file: &arguments.out };
    let data = arguments.columns.of(&arguments.data);
    if arguments.out.is_none() {
        // A clip is printed when it is there. Which ones there are does not depend on how they are put into batches, but
        // for what an epoch drops.
        recipe.optimiser.batch = recipe.clip.repeats;
        recipe.optimiser.micro_batch = 0;
    }
    if arguments.finetune {
        let labels = arguments.labels.settings();
        return labelled::run(&data, labels, &recipe, arguments.workers, &output);
    }
    let dataset = pretraining_videos::open(&data, &terminal)?;
    let loading = Loading::begin(None, dataset.videos(), recipe.run.max_failed_share)?;
    match &arguments.out {
        Some(out) => {
            let batches = masked::batches(&dataset, &recipe, 0, arguments.workers, &loading)?;
            say_written(out, batch_file::write(batches, arguments.count, out, |_| Ok(Vec::new()))?);
        }
        None => {
            let batches = masked::batches(&dataset, &recipe, 0, arguments.workers, &loading)?;
            print(batches, &output, |batch| {
                let batch = ClipBatch::try_from(batch)?;
                Ok((0..batch.len()).map(|row| MaskedClip::of(&batch, row)).collect())
            })?;
        }
    }
    loading.note_failed(dataset.videos(), &terminal);
    Ok(())
}

impl Line for MaskedClip {
    fn text(&self) -> String {
        let frames: Vec<_> = self.frames.iter().map(u32::to_string).collect();
        let [x, y, width, height] = self.crop;
        format!(
            "{}\t{}\t{}\t{}\t{}\t{x},{y} {width}x{height}\t{}\t{} hidden {}\t{}\t{}",
            self.epoch,
            self.clip,
            names::one_line(&self.video),
            self.start_frame,
            frames.join(","),
            if self.flip { "flipped" } else { "-" },
            self.hidden,
            self.mask,
            self.visible_pixels,
            self.target_pixels
        )
    }
}
