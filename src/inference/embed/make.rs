//! Vectors of videos, one video after the other.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use pipeline::{Slot, clips::views::Fit, sampling::labelled::Pass};
use schemas::{
    LabelledBatch,
    embeddings::{Embedded, Embedding, Number},
};
use trainer::{
    Recipe,
    inference::{
        embed::{Embedder, Pixels},
        frozen_encoder::Pool,
    },
};

use super::windows::Windows;
use crate::{
    data::{
        labelled::{self, Failures, Wanted},
        labels::labelled_videos::LabelledVideos,
        narrow::narrow,
    },
    error::Result,
    inference::{
        by_video::ByVideo,
        model::LoadedModel,
        views_in_words::{pixels_in_words, views_in_words},
    },
};

/// How frames become the pixels that the model sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preprocess {
    /// As in training: short side resized, centre cropped, normalised by mean and deviation
    Normalised,
    /// As in extract_tad_feature.py: resized to the clip's size without keeping the aspect ratio, floats from
    /// 0 to 1
    Tad,
}

/// Which vectors are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Frames of a window, and from one beginning to the next; none for one vector a video.
    pub windows: Option<[u32; 2]>,
    /// What to store of a clip.
    pub pool: Pool,
    /// How frames become pixels.
    pub preprocess: Preprocess,
    /// How a number is kept.
    pub number: Number,
}

/// A model, and how it is asked for vectors.
pub struct Maker {
    /// The model.
    pub embedder: Embedder,
    /// The settings that clips are made by.
    pub recipe: Recipe,
    /// Which vectors are wanted.
    pub taking: Taking,
    /// Number of clips that the model computes at once.
    pub together: usize,
    /// Number of threads that decode.
    pub workers: usize,
}

/// Why a video has no vectors.
pub type Reasons = HashMap<u64, String>;

impl Maker {
    /// Takes vectors of a model.
    ///
    /// # Errors
    /// Never for a model that was read whole.
    pub fn new(loaded: LoadedModel, taking: Taking, together: usize, workers: usize) -> Result<Self> {
        let LoadedModel { model, recipe, device } = loaded;
        let (precision, kernels) = (recipe.model.precision, recipe.model.kernels);
        let pixels = match taking.preprocess {
            Preprocess::Normalised => Pixels::Normalised,
            Preprocess::Tad => Pixels::Unit,
        };
        let embedder = Embedder::of(model, pixels, &device, precision, kernels)?;
        Ok(Self { embedder, recipe, taking, together, workers })
    }

    /// What its vectors are.
    pub fn embedded(&self, videos: &LabelledVideos) -> Embedded {
        let Taking { windows, pool, number, .. } = self.taking;
        let views = &self.recipe.views;
        Embedded {
            model: self.embedder.digest().to_owned(),
            feature: self.embedder.what(pool).to_owned(),
            lengths: self.embedder.lengths(pool),
            number,
            windows,
            views: windows.is_none().then_some([narrow(views.clips), narrow(views.crops)]),
            preprocessing: self.preprocessing(),
            videos: videos.len(),
            data: videos.digest(),
            made_by: String::new(),
        }
    }

    /// How frames are chosen and made into pixels, in words.
    fn preprocessing(&self) -> String {
        let pixels = match self.taking.preprocess {
            Preprocess::Tad => {
                let clip = self.embedder.shape().geometry;
                format!("squashed to {}x{} as floats, bilinear, 0 to 1", clip.width(), clip.height())
            }
            Preprocess::Normalised => pixels_in_words(&self.recipe),
        };
        match self.taking.windows {
            Some([length, every]) => format!("windows of {length} frames, one begun every {every}; {pixels}"),
            None => views_in_words(&self.recipe),
        }
    }

    fn wanted(&self, pass: Pass) -> Wanted {
        let test = Wanted::test(&self.recipe);
        // A window is seen once, at its centre; squashed, it comes as levels and their 256ths.
        let (crops, fit) = match (self.taking.preprocess, self.taking.windows) {
            (Preprocess::Tad, _) => (2, Fit::Squash),
            (Preprocess::Normalised, Some(_)) => (1, Fit::Windows),
            (Preprocess::Normalised, None) => (test.crops, Fit::Windows),
        };
        Wanted { pass, crops, fit, ..test }
    }

    /// Which slots are decoded, and how many rows each video will have.
    fn plan(&self, videos: &LabelledVideos, wanted: &[bool]) -> Result<Plan> {
        let numbers = || (0u64..).zip(wanted).filter(|(_, wanted)| **wanted).map(|(video, _)| video);
        let Some([_, every]) = self.taking.windows else {
            let pass = Pass::Test { clips: narrow(self.recipe.views.clips) };
            // Every video has one slot.
            let slots = numbers().map(Slot).collect();
            return Ok(Plan { pass, slots, rows: vec![1; wanted.len()], reasons: Reasons::new() });
        };
        let windows = Windows::count(videos, wanted, every, &self.recipe, self.workers)?;
        let mut plan = Plan {
            pass: windows.pass(),
            slots: windows.wanted(),
            rows: vec![0; wanted.len()],
            reasons: Reasons::new(),
        };
        for video in numbers() {
            match &windows.counts[video as usize] {
                Some(Ok(count)) => plan.rows[video as usize] = *count,
                Some(Err(why)) => drop(plan.reasons.insert(video, why.clone())),
                None => {}
            }
        }
        Ok(plan)
    }

    /// Makes the vectors of the `wanted` videos and hands them over, one video after the other; stops between two
    /// batches once `stop` is raised. Tells why videos had none, and whether it was stopped.
    ///
    /// # Errors
    /// When the data cannot be read, or whoever takes the rows fails.
    pub fn make(
        &self,
        videos: &LabelledVideos,
        wanted: &[bool],
        stop: &AtomicBool,
        taker: &mut dyn Taker,
    ) -> Result<(Reasons, bool)> {
        let Plan { pass, slots, rows: expected, mut reasons } = self.plan(videos, wanted)?;
        let failures = Failures::default();
        let source = labelled::source(videos, &self.recipe, pass)?;
        let views = self.wanted(pass);
        let rows = labelled::views(source, &self.recipe, views, slots, 1, self.workers, &failures)?;
        let rows_a_clip = match self.taking.preprocess {
            Preprocess::Normalised => 1,
            Preprocess::Tad => 2,
        };
        let mut current: Option<Video> = None;
        let mut close = |video: Video, taker: &mut dyn Taker| {
            let failed = labelled::reasons(&failures).remove(&name_of(videos, video.row));
            let expected = expected[video.row as usize];
            video.close(failed, expected, &mut reasons, taker)
        };
        for batch in ByVideo::new(rows, self.together * rows_a_clip) {
            let batch = batch?;
            let row = batch.row(0);
            if let Some(video) = current.take_if(|video| video.row != row) {
                close(video, taker)?;
            }
            if stop.load(Relaxed) {
                if current.is_some() {
                    taker.end(false)?;
                }
                return Ok((reasons, true));
            }
            if current.is_none() {
                taker.begin(row, expected[row as usize])?;
            }
            let video = current.get_or_insert_with(|| Video { row, rows: 0, mean: None });
            let vectors = self.embedder.vectors(&batch, self.taking.pool)?;
            let rows = rows_of(&batch, rows_a_clip, vectors);
            if self.taking.windows.is_some() {
                video.rows += rows.len() as u32;
                taker.push(&rows)?;
            } else {
                video.add(rows);
            }
        }
        if let Some(video) = current {
            close(video, taker)?;
        }
        let failed = labelled::reasons(&failures);
        for video in (0..).zip(wanted).filter(|(_, wanted)| **wanted).map(|(video, _)| video) {
            if let Some(why) = failed.get(&name_of(videos, video)) {
                reasons.entry(video).or_insert_with(|| why.clone());
            }
        }
        Ok((reasons, false))
    }
}

/// What is decoded.
struct Plan {
    pass: Pass,
    slots: Vec<Slot>,
    /// Rows of each video.
    rows: Vec<u32>,
    /// Why videos have none, as far as that is known before they are decoded.
    reasons: Reasons,
}

/// Takes vectors as they are made, one video after the other.
pub trait Taker {
    /// A video begins that will have so many rows.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn begin(&mut self, video: u64, rows: u32) -> Result<()>;

    /// Some of its rows.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn push(&mut self, rows: &[Embedding]) -> Result<()>;

    /// It has ended; what is not whole is thrown away.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn end(&mut self, whole: bool) -> Result<()>;
}

/// A video whose vectors are being made.
struct Video {
    row: u64,
    /// Rows that were handed over.
    rows: u32,
    /// Sums over the views, and their number, where a row is the mean of all views.
    mean: Option<(Embedding, Vec<f64>, u32)>,
}

impl Video {
    fn add(&mut self, views: Vec<Embedding>) {
        for view in views {
            let (row, sums, count) =
                self.mean.get_or_insert_with(|| (view.clone(), vec![0.0; view.vector.len()], 0));
            sums.iter_mut().zip(&view.vector).for_each(|(sum, value)| *sum += f64::from(*value));
            *count += 1;
            row.frames = (row.frames.0.min(view.frames.0), row.frames.1.max(view.frames.1));
            row.span = (row.span.0.min(view.span.0), row.span.1.max(view.span.1));
        }
    }

    /// Hands over what is left of it; where it failed, or has not the rows that were expected, why goes into
    /// `reasons`.
    fn close(
        self,
        failed: Option<String>,
        expected: u32,
        reasons: &mut Reasons,
        taker: &mut dyn Taker,
    ) -> Result<()> {
        let (row, made, mean) = self.finish();
        let short = || format!("{made} of its {expected} windows came out of the decoder");
        match failed.or((made != expected).then(short)) {
            Some(why) => {
                reasons.insert(row, why);
                taker.end(false)
            }
            None => {
                mean.map_or(Ok(()), |mean| taker.push(&[mean]))?;
                taker.end(true)
            }
        }
    }

    /// Its place, its rows, and the mean that is still to be handed over.
    fn finish(self) -> (u64, u32, Option<Embedding>) {
        let mean = self.mean.map(|(row, sums, count)| {
            let vector = sums.into_iter().map(|sum| (sum / f64::from(count.max(1))) as f32).collect();
            Embedding { window: 0, vector, ..row }
        });
        (self.row, self.rows + u32::from(mean.is_some()), mean)
    }
}

/// The name of a video.
fn name_of(videos: &LabelledVideos, video: u64) -> String {
    videos.entries()[video as usize].name()
}

/// A batch's clips with their vectors.
fn rows_of(batch: &LabelledBatch, rows_a_clip: usize, vectors: Vec<Vec<f32>>) -> Vec<Embedding> {
    let row = |(clip, vector): (usize, Vec<f32>)| {
        let at = clip * rows_a_clip;
        let ends = |values: &[i64]| values.first().copied().zip(values.last().copied()).unwrap_or((0, 0));
        let frames = batch.frames(at);
        Embedding {
            row: batch.row(at),
            video: batch.video(at).to_owned(),
            label: batch.label(at),
            window: u32::from(batch.view(at).clip),
            frames: frames.first().copied().zip(frames.last().copied()).unwrap_or((0, 0)),
            span: ends(batch.times(at)),
            vector,
        }
    };
    vectors.into_iter().enumerate().map(row).collect()
}
