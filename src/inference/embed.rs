//! Vectors of videos, for searches, probes and temporal localisation.

mod array_digests;
pub mod file;
pub mod format;
pub mod make;
pub mod search;
pub mod slices;
pub mod store;
mod windows;

use std::{path::PathBuf, sync::atomic::AtomicBool};

use pipeline::names;
use schemas::{
    Slice,
    embeddings::{Embedded, Embedding, Number},
};
use trainer::inference::frozen_encoder::Pool;

use self::{
    format::Format,
    make::{Maker, Preprocess, Taker, Taking},
    store::{Sharing, Store, VideoFile},
};
use super::model::{LoadedModel, ModelSettings, note_single_views};
use crate::{
    data::labels::labelled_videos::LabelledVideos,
    error::{Error, Result, Usage},
    observer::{Event, Observer},
};

/// Windows of temporal localisation where nobody says others: 16 frames, one begun every 4 (THUMOS14).
const TAD_WINDOWS: [u32; 2] = [16, 4];

/// Failed videos that are named.
const NAMED: usize = 20;

/// Vectors that are asked for.
#[derive(Clone, Debug)]
pub struct Embeddings {
    /// Files, folders, globs, list files, a manifest, or one folder of packet shards.
    pub videos: Vec<PathBuf>,
    /// The model.
    pub model: ModelSettings,
    /// What to write: a file, or a folder for arrays.
    pub out: PathBuf,
    /// A vector for each window of L neighbouring frames, one begun every E frames; else one a video.
    pub windows: Option<[u32; 2]>,
    /// Clips and crops that a video's vector is the mean of; the recipe's where nothing is said.
    pub views: Option<[u32; 2]>,
    /// What is written.
    pub format: Format,
    /// What to store of a clip.
    pub pool: Pool,
    /// Whether numbers are kept in 16 bits.
    pub half: bool,
    /// How frames become pixels; what fits the format where nothing is said.
    pub preprocess: Option<Preprocess>,
}

impl Embeddings {
    /// A vector a video of this model in the Parquet file `out`.
    pub fn new(
        model: impl Into<PathBuf>,
        videos: impl IntoIterator<Item = impl Into<PathBuf>>,
        out: impl Into<PathBuf>,
    ) -> Self {
        Self {
            videos: videos.into_iter().map(Into::into).collect(),
            model: ModelSettings::new(model),
            out: out.into(),
            windows: None,
            views: None,
            format: Format::Parquet,
            pool: Pool::Mean,
            half: false,
            preprocess: None,
        }
    }
}

/// How vectors of videos were made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What the vectors are.
    pub embedded: Embedded,
    /// Vectors that were made, or put together from slices, now.
    pub rows: u64,
    /// All videos, of which some may have been there before.
    pub videos: u64,
    /// Videos that gave no vector, in the order of the list.
    pub failed: Vec<Failed>,
    /// How it ended.
    pub end: End,
}

/// A video that gave no vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its place in the list.
    pub row: u64,
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// How the making of vectors ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was there before.
    Before,
    /// Everything is there now.
    Done,
    /// It was asked to stop; done again, it does the rest.
    Stopped,
}

/// Makes vectors of videos, or those that are missing. `stop` is read between batches.
///
/// # Errors
/// Usage error: settings, videos or the model do not fit, or other vectors are there. When no video gives a vector.
#[doc(alias = "extract_features")]
pub fn embed(settings: &Embeddings, stop: &AtomicBool, observer: &dyn Observer) -> Result<Made> {
    let making = Making::open(settings, observer)?;
    let mut made = making.made();
    let entries = making.videos.entries();
    let store =
        Store::open(&settings.out, settings.format, &made.embedded, entries, Sharing::Alone, observer)?;
    let Some(mut store) = store else {
        return Ok(made);
    };
    making.fill(&mut store, None, &mut made, stop, observer)?;
    if made.end == End::Stopped {
        return Ok(made);
    }
    conclude(store, &made)?;
    Ok(made)
}

/// Puts all vectors together once they are made.
fn conclude(store: Store, made: &Made) -> Result<()> {
    if made.failed.len() as u64 == made.videos {
        store.give_up()?;
        return Err(Error::Nothing("no video gave a vector".to_owned()));
    }
    store.finish()
}

/// A model that is asked for vectors, and the videos.
struct Making<'a> {
    settings: &'a Embeddings,
    videos: LabelledVideos,
    maker: Maker,
}

impl<'a> Making<'a> {
    fn open(settings: &'a Embeddings, observer: &dyn Observer) -> Result<Self> {
        let taking = taking(settings)?;
        let videos = LabelledVideos::open(&settings.videos, observer)?;
        let mut loaded = settings.model.open(taking.windows.map(|[length, _]| length as usize), observer)?;
        if let Some([clips, crops]) = settings.views {
            (loaded.recipe.views.clips, loaded.recipe.views.crops) = (clips as usize, crops as usize);
        }
        check(taking, &loaded, observer)?;
        let maker = Maker::new(loaded, taking, settings.model.batch, settings.model.workers)?;
        Ok(Self { settings, videos, maker })
    }

    /// What is known before anything is made.
    fn made(&self) -> Made {
        let embedded = self.maker.embedded(&self.videos);
        Made { embedded, rows: 0, videos: self.videos.len(), failed: Vec::new(), end: End::Before }
    }

    /// Makes the vectors that the store has not, of all videos or of a slice of them.
    fn fill(
        &self,
        store: &mut Store,
        slice: Option<Slice>,
        made: &mut Made,
        stop: &AtomicBool,
        observer: &dyn Observer,
    ) -> Result<()> {
        let Self { settings, videos, maker } = self;
        let is_own = |video: &u64| slice.is_none_or(|slice| slice.has(*video));
        let own = (0..videos.len()).filter(is_own).count() as u64;
        let is_wanted = |video| Ok(is_own(&video) && !store.has(video)?);
        let wanted = (0..videos.len()).map(is_wanted).collect::<Result<Vec<bool>>>()?;
        let missing = wanted.iter().filter(|wanted| **wanted).count() as u64;
        observer.on(Event::Stoppable);
        observer.on(Event::Begin { total: own, what: "videos" });
        let before = own - missing;
        let mut keeper = Keeper { store, file: None, rows: 0, videos: 0, before, observer };
        let found = maker.make(videos, &wanted, stop, &mut keeper);
        let Keeper { rows, videos: finished, .. } = keeper;
        observer.on(Event::End);
        let (reasons, stopped) = found.map_err(|why| settings.model.named_in(why))?;
        let what = maker.embedder.what(maker.taking.pool);
        observer.note(format_args!("{rows} vectors of {finished} videos: {what}"));
        let path = |row: u64| videos.entries()[row as usize].path.to_path_buf();
        let failed = reasons.into_iter().map(|(row, reason)| Failed { row, path: path(row), reason });
        made.failed = failed.collect();
        made.failed.sort_by_key(|failed| failed.row);
        made.rows = rows;
        made.end = if stopped { End::Stopped } else { End::Done };
        note_failures(made, observer);
        Ok(())
    }
}

/// Which vectors are asked for.
fn taking(settings: &Embeddings) -> Result<Taking> {
    let tad = settings.format == Format::TadNpy;
    if tad && settings.half {
        return Err(Usage::new("tad-npy stores 32-bit numbers, so --half cannot be used").into());
    }
    if tad && settings.views.is_some() {
        return Err(Usage::new("tad-npy stores windows, so --views cannot be used").into());
    }
    if tad && settings.pool == Pool::Tokens {
        return Err(
            Usage::new("tad-npy stores one vector per window, so --pool tokens cannot be used").into()
        );
    }
    Ok(Taking {
        windows: settings.windows.or(tad.then_some(TAD_WINDOWS)),
        pool: settings.pool,
        preprocess: settings.preprocess.unwrap_or(if tad { Preprocess::Tad } else { Preprocess::Normalised }),
        number: if settings.half { Number::F16 } else { Number::F32 },
    })
}

/// Refuses what has no meaning for this model.
fn check(taking: Taking, loaded: &LoadedModel, observer: &dyn Observer) -> Result<()> {
    let frames = loaded.model.shape.geometry.frames();
    match taking.windows {
        Some([length, _]) if length as usize != frames => {
            return Err(
                Usage::new(format!("a window has {length} frames, but --frames says {frames}")).into()
            );
        }
        Some(_) => {}
        None if taking.preprocess == Preprocess::Tad => {
            return Err(Usage::new("--preprocess tad needs --windows")
                .hint("--windows 16:4 as for THUMOS14, 16:16 as for FineAction")
                .into());
        }
        None => {
            let views = &loaded.recipe.views;
            if taking.pool == Pool::Tokens && (views.clips, views.crops) != (1, 1) {
                let (clips, crops) = (views.clips, views.crops);
                return Err(Usage::new(format!(
                    "tokens of {clips}x{crops} views show different places and have no mean"
                ))
                .hint("--views 1x1, or --windows 16:16")
                .into());
            }
            note_single_views(&loaded.recipe, observer);
        }
    }
    Ok(())
}

/// Keeps vectors in a store and counts them.
struct Keeper<'a> {
    store: &'a mut Store,
    file: Option<VideoFile>,
    rows: u64,
    videos: u64,
    /// Videos that were there before.
    before: u64,
    observer: &'a dyn Observer,
}

impl Taker for Keeper<'_> {
    fn begin(&mut self, video: u64, rows: u32) -> Result<()> {
        self.file = Some(self.store.create(video, rows as usize)?);
        Ok(())
    }

    fn push(&mut self, rows: &[Embedding]) -> Result<()> {
        self.rows += rows.len() as u64;
        self.file.as_mut().map_or(Ok(()), |file| file.push(rows))
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        if let Some(file) = self.file.take().filter(|_| whole) {
            self.store.keep(file)?;
            self.videos += 1;
        }
        self.observer.progress(self.before + self.videos, format_args!("{} vectors", self.rows));
        Ok(())
    }
}

/// Tells which videos gave no vector.
fn note_failures(made: &Made, observer: &dyn Observer) {
    let failed = &made.failed;
    if failed.is_empty() {
        return;
    }
    observer.note(format_args!("{} of {} videos gave no vector:", failed.len(), made.videos));
    for Failed { path, reason, .. } in failed.iter().take(NAMED) {
        observer.note(format_args!("  {}: {reason}", names::shown(path)));
    }
    if failed.len() > NAMED {
        observer.note(format_args!("  and {} more; --json lists all", failed.len() - NAMED));
    }
}
