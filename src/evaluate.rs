//! How often a classifier is right: its answers to several views of each video.

pub mod slices;

use std::{path::PathBuf, sync::atomic::AtomicBool};

use pipeline::dataset::labels::Classes;
use schemas::{predictions::Predictions, run_state::Part};
use trainer::recipe::By;

use crate::{
    data::labels::{labelled_videos::LabelledVideos, settings::LabelSettings},
    error::{Result, Usage},
    inference::{
        classify_videos::Tester,
        model::{LoadedModel, ModelSettings, note_single_views},
    },
    observer::{Event, Observer},
    run::{begun::Begun, labelled::held_out},
};

/// A test that is asked for.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The classifier; where it names none, that of `run`.
    pub model: ModelSettings,
    /// A fine-tuning's run.
    pub run: Option<PathBuf>,
    /// Test on these of the run's videos, wherever they are now, and on no others.
    pub part_of_run: Option<Part>,
    /// Files, folders, globs, list files, a manifest, or one folder of shards.
    pub data: Vec<PathBuf>,
    /// Where their classes come from; the kind of answer is the model's.
    pub labels: LabelSettings,
    /// Clips along time and crops of each; the recipe's where nothing is said.
    pub views: Option<[u32; 2]>,
    /// What is averaged over the views; the recipe's where nothing is said.
    pub by: Option<By>,
    /// Test only part K of N of the videos, counted from 1.
    pub part: Option<(u64, u64)>,
}

impl Evaluation {
    /// A test of this model on these videos, by the views of its recipe.
    pub fn new(model: impl Into<PathBuf>, data: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            model: ModelSettings::new(model),
            run: None,
            part_of_run: None,
            data: data.into_iter().map(Into::into).collect(),
            labels: LabelSettings::default(),
            views: None,
            by: None,
            part: None,
        }
    }
}

/// What a test found.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// What the model said of each view.
    pub predictions: Predictions,
    /// What is averaged over the views.
    pub by: By,
    /// Videos that were to be tested.
    pub wanted: u64,
    /// Videos that were tested where it was asked to stop; none where it went to its end.
    pub stopped_after: Option<u64>,
}

/// Tests a classifier. `stop` is read between batches; the video in hand is left out then.
///
/// # Errors
/// Usage error: videos, classes or the model do not fit. When the data cannot be read.
pub fn evaluate(settings: &Evaluation, stop: &AtomicBool, observer: &dyn Observer) -> Result<Evaluated> {
    let testing = Testing::open(settings, observer)?;
    let videos = testing.videos.len();
    let rows: Vec<u64> = match settings.part {
        None => (0..videos).collect(),
        Some((part, parts)) => (0..videos).filter(|row| row % parts == part - 1).collect(),
    };
    if rows.is_empty() {
        return Err(Usage::new(format!("this part has none of the {videos} videos")).into());
    }
    testing.test(&rows, stop, observer)
}

/// A classifier that is to be tested, and the videos.
struct Testing {
    model: ModelSettings,
    tester: Tester,
    videos: LabelledVideos,
    by: By,
}

impl Testing {
    fn open(settings: &Evaluation, observer: &dyn Observer) -> Result<Self> {
        let mut model = settings.model.clone();
        model.model = model.model.or_else(|| settings.run.clone());
        let mut loaded = model.open(None, observer)?;
        if let Some([clips, crops]) = settings.views {
            (loaded.recipe.views.clips, loaded.recipe.views.crops) = (clips as usize, crops as usize);
        }
        let by = settings.by.unwrap_or(loaded.recipe.views.by);
        let (videos, classes) = labelled(settings, &loaded, observer)?;
        note_single_views(&loaded.recipe, observer);
        let tester = Tester::new(loaded, classes, model.batch, model.workers)?;
        Ok(Self { model, tester, videos, by })
    }

    /// What is said of these rows.
    fn test(&self, rows: &[u64], stop: &AtomicBool, observer: &dyn Observer) -> Result<Evaluated> {
        let wanted = rows.len() as u64;
        observer.on(Event::Stoppable);
        observer.on(Event::Begin { total: wanted, what: "videos" });
        let (mut last, mut done) = (None, 0u64);
        let answered = self.tester.test(&self.videos, rows, stop, |batch, _| {
            if last != Some(batch.row(0)) {
                observer.progress(done, "");
                last = Some(batch.row(0));
                done += 1;
            }
            Ok(())
        });
        observer.on(Event::End);
        let answered = answered.map_err(|why| self.model.named_in(why))?;
        let stopped_after = answered.stopped.then(|| done.saturating_sub(1));
        Ok(Evaluated { predictions: answered.predictions, by: self.by, wanted, stopped_after })
    }
}

/// The videos with their classes, which are the model's.
fn labelled(
    settings: &Evaluation,
    loaded: &LoadedModel,
    observer: &dyn Observer,
) -> Result<(LabelledVideos, Classes)> {
    let own = loaded.classes()?;
    if let (Some(part), Some(run)) = (settings.part_of_run, &settings.run) {
        let begun = Begun::open(run, "finetune", observer)?;
        let (videos, classes) = held_out(&begun, part, &settings.data, observer)?;
        if classes.len() != own.len() {
            let (found, own) = (classes.len(), own.len());
            return Err(Usage::new(format!("the run has {found} classes, but the model has {own}")).into());
        }
        return Ok((videos, classes));
    }
    if !loaded.model.problem_type.is_single_label() {
        return answered(settings, loaded, own, observer);
    }
    let named = !loaded.model.labels.is_empty();
    let (videos, labelled) = settings.labels.videos(&settings.data, named.then(|| own.clone()), observer)?;
    labelled.notes.iter().for_each(|note| observer.note(format_args!("note: {note}")));
    let found = labelled.classes;
    if named && settings.labels.classes.is_none() {
        return Ok((videos, found));
    }
    // Numbers of a list: a test set may lack the last classes.
    let numbers = found == Classes::numbered(found.len()) && found.len() <= own.len();
    if numbers && settings.labels.classes.is_none() {
        return Ok((videos, own));
    }
    if found.len() != own.len() {
        let (found, own) = (found.len(), own.len());
        let what = if settings.labels.classes.is_some() { "the list names" } else { "the videos have" };
        return Err(Usage::new(format!("{what} {found} classes, but the model has {own}"))
            .hint("--classes CLASSES.TXT names the model's classes, one per line")
            .into());
    }
    let differing = own.names().iter().zip(found.names()).position(|(own, found)| own != found);
    if let Some(at) = differing.filter(|_| named && own != Classes::numbered(own.len())) {
        let (own, found) = (own.name(at), found.name(at));
        return Err(
            Usage::new(format!("class {at} is `{own}` in the model, but `{found}` in the list")).into()
        );
    }
    Ok((videos, found))
}

/// The videos with several labels, or numbers, in the order of the model's answers, which have the names `own`.
fn answered(
    settings: &Evaluation,
    loaded: &LoadedModel,
    own: Classes,
    observer: &dyn Observer,
) -> Result<(LabelledVideos, Classes)> {
    let (mut labels, head) = (settings.labels.clone(), own.len());
    labels.problem_type = loaded.model.problem_type;
    let (videos, labelled) = labels.videos(&settings.data, Some(own), observer)?;
    let found = labelled.classes;
    if found.len() != head {
        let found = found.len();
        return Err(Usage::new(format!("the list names {found} classes, but the model has {head}"))
            .hint("--classes CLASSES.TXT names the model's classes, one per line")
            .into());
    }
    Ok((videos, found))
}
