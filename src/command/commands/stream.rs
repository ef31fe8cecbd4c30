//! `tubelet stream`: batches of clips to stdout, for programs in every language.

use std::{
    io::{IsTerminal as _, Stdout},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use schemas::PixelLayout;

use crate::{
    ClipBatches, ClipDataset, ClipKind, ClipLoading, Event, Observer as _, Usage, Waited,
    command::{
        arguments::{self, ColumnArguments, LabelArguments, RecipeArguments},
        report,
        terminal::Terminal,
    },
    machine::default_workers,
};

/// How long a batch is waited for before Ctrl-C is looked at again.
const LOOK: Duration = Duration::from_millis(100);

/// Write batches of clips to stdout as an Arrow IPC stream, for programs in any language
///
/// The clips are those of a training with the same settings: frames, crops, masks and augmentation depend on
/// the recipe, the epoch and the number of the batch, and not on the number of workers. Each row has the pixels
/// of a whole clip (u8, in the layout of --layout), its frames and their times, its video, and for masked clips
/// the numbers of its visible and hidden tokens. The schema's metadata has the format and the layout.
///
/// Several processes share the batches of an epoch with --rank and --world-size: together they write what one
/// process writes, each batch once. To continue, give --epoch and --first. Ctrl-C ends the stream after a whole
/// batch.
///
/// Example: tubelet stream films --recipe tiny --batch 4 --layout NTHWC | python train.py
#[derive(clap::Args)]
pub struct Arguments {
    /// Files, folders, globs, list files, a manifest.parquet, one folder of shards, or, for masked and whole
    /// clips, several data sets with weights as in `films=2,robots=1`
    #[arg(value_name = "VIDEOS", required = true)]
    videos: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArguments,
    /// Which clips
    #[arg(long, value_enum, value_name = "KIND", default_value_t = KindArgument::Masked)]
    clips: KindArgument,
    /// Order of the pixels of a clip: NCTHW, NTCHW, NTHWC, or cubes (in token order, as tubelet trains)
    #[arg(long, value_name = "LAYOUT", default_value = "NCTHW", value_parser = PossibleValuesParser::new(PixelLayout::ALL.map(PixelLayout::name)).try_map(|word| word.parse::<PixelLayout>()))]
    layout: PixelLayout,
    /// Number of clips per batch of this process, instead of the recipe's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// views: clips along time x crops of each, such as 5x3, instead of the recipe's
    #[arg(long, value_name = "TxS", value_parser = arguments::views)]
    views: Option<[u32; 2]>,
    /// The epoch to start with, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    epoch: u32,
    /// Number of batches of that epoch to leave out, counting those of all ranks
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Number of batches to write at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Which of the processes that share the batches this is, from 0
    #[arg(long, value_name = "R", default_value_t = 0)]
    rank: u32,
    /// Number of processes that share the batches
    #[arg(long, value_name = "N", default_value_t = 1)]
    world_size: u32,
    /// Number of threads that decode
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = arguments::workers)]
    workers: usize,
    /// Append the videos that give no clip to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    quarantine: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeArguments,
    #[command(flatten)]
    labels: LabelArguments,
}

/// Which clips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum KindArgument {
    /// Clips as in pre-training, with their masks
    Masked,
    /// The same clips without masks
    Whole,
    /// Clips with classes, augmented as in fine-tuning
    Labelled,
    /// The views of a test: each video once, in order; classes if an option says where they come from
    Views,
}

impl Arguments {
    /// The clips that they mean.
    fn wanted(&self) -> Result<ClipLoading, Usage> {
        let labels = self.labels.settings();
        let names_labels =
            labels.classes.is_some() || labels.labels.is_some() || labels.class_level.is_some();
        if self.views.is_some() && self.clips != KindArgument::Views {
            return Err(Usage::new("--views is for the views of a test").hint("--clips views"));
        }
        let clips = match self.clips {
            KindArgument::Masked | KindArgument::Whole if names_labels || labels.only_labelled => {
                return Err(
                    Usage::new("these clips have no classes").hint("--clips labelled, or --clips views")
                );
            }
            KindArgument::Masked => ClipKind::Masked,
            KindArgument::Whole => ClipKind::Whole,
            KindArgument::Labelled => ClipKind::Labelled(labels),
            KindArgument::Views => ClipKind::Views {
                labels: (names_labels || labels.only_labelled).then_some(labels),
                clips: self.views.map(|[clips, _]| clips),
                crops: self.views.map(|[_, crops]| crops),
            },
        };
        Ok(ClipLoading {
            videos: self.columns.of(&self.videos),
            recipe: self.recipe.choice(),
            clips,
            layout: self.layout,
            batch: self.batch.map(|batch| batch as usize),
            workers: self.workers,
            rank: self.rank,
            world_size: self.world_size,
            quarantine: self.quarantine.clone(),
        })
    }
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    if std::io::stdout().is_terminal() {
        let usage = Usage::new("record batches are not for a terminal");
        return Err(usage.hint("`tubelet stream films | PROGRAM`, or `tubelet stream films > FILE`").into());
    }
    let terminal = Terminal::default();
    let dataset = ClipDataset::open(&arguments.wanted()?, &terminal)?;
    terminal.on(Event::Stoppable);
    let mut output = Output { writer: None, written: 0, most: arguments.count.unwrap_or(u64::MAX) };
    let epochs = arguments.epoch..arguments.epoch.saturating_add(arguments.epochs);
    let mut first = arguments.first;
    for epoch in epochs {
        let batches = dataset.batches(epoch, std::mem::take(&mut first))?;
        if !output.write(batches, terminal.stop())? {
            break;
        }
    }
    dataset.note_failed(&terminal);
    let written = output.finish()?;
    if terminal.stop().load(Relaxed) {
        report::say(format_args!("stopped; batches written: {written}"));
    } else if written == 0 {
        let each = dataset.batches_per_epoch();
        bail!("no batch is left: an epoch has {each} for this process, and {} are left out", arguments.first);
    }
    Ok(())
}

/// The stream; it begins with the first batch, which has its schema.
struct Output {
    writer: Option<StreamWriter<Stdout>>,
    written: u64,
    most: u64,
}

impl Output {
    /// Writes batches to the end of their epoch; false where no more are wanted.
    fn write(&mut self, mut batches: ClipBatches, stop: &AtomicBool) -> Result<bool> {
        while self.written < self.most && !stop.load(Relaxed) {
            match batches.wait(LOOK) {
                Waited::Batch(batch) => self.put(&batch?)?,
                Waited::NotYet => {}
                Waited::End => return Ok(true),
            }
        }
        Ok(false)
    }

    fn put(&mut self, batch: &RecordBatch) -> Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(
                StreamWriter::try_new(std::io::stdout(), &batch.schema())
                    .context("stdout cannot be written")?,
            ),
        };
        writer.write(batch).and_then(|()| writer.flush()).context("stdout cannot be written")?;
        self.written += 1;
        Ok(())
    }

    /// Ends the stream; how many batches it has.
    fn finish(self) -> Result<u64> {
        if let Some(mut writer) = self.writer {
            writer.finish().context("stdout cannot be written")?;
        }
        Ok(self.written)
    }
}
