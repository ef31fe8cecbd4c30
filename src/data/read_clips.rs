//! A table of paths and times, read as a batch of clips: what a step of another program's pipeline takes and gives.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use arrow_array::RecordBatch;
use pipeline::{
    StreamTime,
    loader::{
        StreamError,
        single::{NamedClip, SingleClips},
    },
    names,
    sampling::interval::Interval,
    settings::SettingsError,
    source::SourceError,
    store,
    worker_pool::{Answer, Worker, WorkerPool, patience},
};
use schemas::{
    BatchBuilder as _, ClipGeometry, PixelLayout,
    labelled_batch::{LabelledClip, View},
    settings::Verify,
    whole_clips::{ClipFailure, WholeClip, WholeClipShape, WholeClipsBuilder},
};
use trainer::Recipe;

use super::{masked, source::limits};
use crate::{
    error::{Context as _, Error, Result, Usage},
    machine,
    observer::{Event, Observer},
    recipe_choice::{self, RecipeChoice},
};

/// Clips that are to be read.
#[derive(Clone, Debug)]
pub struct ClipReading {
    /// One clip each.
    pub clips: Vec<ClipSegment>,
    /// Frames of a clip, their stride or rate, and their size: `clip.frames`, `clip.stride`, `clip.target_fps`,
    /// `clip.size`, `clip.width`. Where no recipe is named, the default one without verifying whole videos
    /// (`clip.verify = clip`).
    pub recipe: RecipeChoice,
    /// The order of pixels.
    pub layout: PixelLayout,
    /// Number of threads that decode.
    pub workers: usize,
}

/// Where a clip is.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipSegment {
    /// The video's file.
    pub path: PathBuf,
    /// Seconds at which the clip begins; its first frame is the first that is shown from then on.
    pub start: Option<f64>,
    /// Seconds from which on no frame is taken. Without start and end, the clip lies in the middle of the video.
    pub end: Option<f64>,
}

impl ClipReading {
    /// These clips by the default recipe, `[N, C, T, H, W]`.
    pub fn new(clips: Vec<ClipSegment>) -> Self {
        let (recipe, layout) = (RecipeChoice::default(), PixelLayout::Ncthw);
        Self { clips, recipe, layout, workers: machine::default_workers() }
    }
}

/// Reads clips: a row for each, in their order ([`schemas::whole_clips`]). Frames are turned upright, resized so that
/// they cover the clip, and cut in the middle; a segment that is too short repeats its last frame.
///
/// A clip that cannot be read has a row of zeros with its `verdict` and `error`; so has every clip that was not read
/// yet when it was asked to stop, without a verdict. `stop` is read after each clip.
///
/// # Errors
/// Usage error: the recipe or a time does not fit. When the system cannot read a file, which says nothing of the
/// video.
pub fn read_clips(wanted: &ClipReading, stop: &AtomicBool, observer: &dyn Observer) -> Result<RecordBatch> {
    store::look_again();
    let recipe = wanted.recipe.resolve(|| {
        let mut recipe = Recipe::default();
        recipe.clip.verify = Verify::Clip;
        Ok(recipe)
    })?;
    recipe_choice::check(&recipe)?;
    let geometry = recipe.geometry()?;
    let clips: Vec<NamedClip> = wanted.clips.iter().map(named).collect::<Result<_>>()?;
    observer.on(Event::Stoppable);
    observer.on(Event::Begin { total: clips.len() as u64, what: "clips" });
    let read = read(&clips.into(), &recipe, wanted, stop, observer);
    observer.on(Event::End);
    let shape = WholeClipShape { with_failures: true, ..WholeClipShape::new(geometry, wanted.layout) };
    let mut builder = WholeClipsBuilder::new(shape);
    for (row, (clip, read)) in (0..).zip(wanted.clips.iter().zip(read?)) {
        let stopped = || {
            let error = "it was asked to stop before this clip was read".to_owned();
            Err(ClipFailure { verdict: None, error })
        };
        builder
            .push(read.unwrap_or_else(stopped).unwrap_or_else(|failure| empty(row, clip, geometry, failure)));
    }
    Ok(builder.finish()?)
}

/// A clip as the pipeline names it.
fn named(clip: &ClipSegment) -> Result<NamedClip> {
    let time = |seconds: Option<f64>| match seconds {
        Some(seconds) if !seconds.is_finite() => {
            let name = names::shown(&clip.path);
            Err(Usage::new(format!("{name}: a clip cannot begin or end at {seconds} s")))
        }
        seconds => Ok(seconds.map(|seconds| StreamTime((seconds * 1e9).round() as i64))),
    };
    let interval = Interval { begin: time(clip.start)?, end: time(clip.end)? };
    Ok(NamedClip { path: clip.path.clone(), interval })
}

/// A clip that was read, or why there is none.
type Read = Result<WholeClip, ClipFailure>;

/// Reads the clips on a pool of threads; none where it was asked to stop before.
fn read(
    clips: &Arc<[NamedClip]>,
    recipe: &Recipe,
    wanted: &ClipReading,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Vec<Option<Read>>> {
    let settings = masked::settings(recipe, 1)?;
    let single = SingleClips::new(settings, wanted.layout, clips.len() as u64);
    let single = Arc::new(single.map_err(SettingsError::from).map_err(|why| Usage::new(why.to_string()))?);
    let workers = wanted.workers.clamp(1, clips.len().max(1));
    let (limits, verify, skip) = (limits(recipe), recipe.clip.verify, recipe.clip.skip);
    let jobs = Arc::clone(clips);
    let worker = move || -> Worker<usize, Result<WholeClip, SourceError>> {
        let mut reader = Arc::clone(&single).reader(limits, verify, skip);
        let clips = Arc::clone(&jobs);
        Box::new(move |at| reader.read(at as u64, &clips[at]))
    };
    let pool = WorkerPool::start("read-clips", workers, patience(limits.seconds), worker)?;
    let mut found = vec![None; clips.len()];
    let mut done = 0;
    pool.as_they_come((0..clips.len()).map(|at| (at, at)), 2 * workers, |at, answer| {
        found[at] = Some(of_answer(answer, &clips[at])?);
        done += 1;
        observer.progress(done, "");
        Ok::<_, Error>(if stop.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// What came of a clip: a thread that panics or is stuck is the video's fault, a system that fails is not.
fn of_answer(answer: Answer<Result<WholeClip, SourceError>>, clip: &NamedClip) -> Result<Read> {
    let name = || names::shown(&clip.path);
    let failed = |verdict: &str, error: String| ClipFailure { verdict: Some(verdict.to_owned()), error };
    Ok(match answer.with_context(name)? {
        Ok(Ok(clip)) => Ok(clip),
        Ok(Err(SourceError::Failed { verdict, reason, .. })) => Err(failed(&verdict, reason)),
        Ok(Err(why)) => return Err(StreamError::Source(why).into()),
        Err(why) => Err(failed(why.verdict(), why.to_string())),
    })
}

/// The row of a clip that could not be read.
fn empty(row: u64, clip: &ClipSegment, geometry: ClipGeometry, failure: ClipFailure) -> WholeClip {
    let frames = geometry.frames();
    let clip = LabelledClip {
        clip: row,
        epoch: 0,
        row,
        video: names::name_of(&clip.path).into(),
        label: None,
        labels: None,
        view: View::default(),
        frames: vec![0; frames].into(),
        times: vec![0; frames].into(),
        crop: [0; 4],
        flip: false,
        erase: None,
        pixels: vec![0; geometry.tokens() * geometry.cube()],
    };
    WholeClip { failure: Some(failure), ..clip.into() }
}
