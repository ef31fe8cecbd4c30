//! Whether a model that is trained for it paints what comes after a frame better than copying that frame does.
//!
//! ```text
//! unlabelled videos ─▶ pre-training: half of it by frame masks (tube-and-frame), and by tubes alone
//! test videos       ─▶ frames 0 and 1 are given, frames 2 to 9 painted: errors at distances 1 to 8
//! ```
//!
//! Beside each model stand the copy of frame 1, and the mean of frames 0 and 1. Both models have the same videos, seeds and
//! steps. The one that was trained by tubes alone has never been asked for a whole frame.

mod page;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tubelet::{
    RecipeChoice, Reconstructing,
    inference::shown::{Given, Shown},
    trainer::{checkpoint::Hints, inference::error_by_distance::Errors},
};

use crate::{
    command::{checkpoint, train, words},
    experiment::PRETRAIN,
    scene::DIRECTIONS,
    source::Source,
    videos::{Change, Part, Set},
    work::{Bench, Found, Task},
};

/// Name of its folder on made videos, and on windows over real films.
pub const FORMS: [&str; 2] = ["before-and-after", "before-and-after-real"];

/// Frames of a clip: two that are given, and eight at distances 1 to 8.
pub const FRAMES: usize = 10;

/// Share of what is hidden: four of five time positions, and three of four tubes.
const RATIO: &str = "0.8";

/// How large it is. Both models have the same.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
    /// Name of the form.
    pub form: &'static str,
    /// Seeds: of the training videos, the order of clips, masks and first weights.
    pub seeds: Vec<u64>,
    /// Videos to train on.
    pub unlabelled: usize,
    /// Videos to test on.
    pub test: usize,
    /// Steps of a training.
    pub steps: u64,
}

impl Scale {
    /// The experiment, on made videos or on windows over real films; `quick` is over within minutes.
    pub fn new(real: bool, quick: bool) -> Self {
        let form = FORMS[usize::from(real)];
        match quick {
            false => Self { form, seeds: vec![1, 2, 3], unlabelled: 2048, test: 256, steps: 4000 },
            true => Self { form, seeds: vec![1], unlabelled: 64, test: 16, steps: 20 },
        }
    }
}

/// How a model was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Tubes in half of the clips, whole frames in the others.
    TubeAndFrame,
    /// Tubes alone.
    Tube,
}

impl Arm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::TubeAndFrame, Self::Tube];

    /// The word of its mask.
    pub fn name(self) -> &'static str {
        match self {
            Self::TubeAndFrame => "tube-and-frame",
            Self::Tube => "tube",
        }
    }
}

/// What was measured at a distance over all test videos: mean squared errors of pixels, 0 to 1.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Frames from the given one.
    pub distance: usize,
    /// The model's.
    pub model: f64,
    /// The copy's.
    pub copy: f64,
    /// The mean's.
    pub mean: f64,
    /// Share of videos in which the model is nearer than the copy.
    pub nearer: f64,
}

/// Does what is not done yet, and writes the page of both forms into `write` folders: a path and its text.
///
/// # Errors
/// The first task that failed.
pub fn run(bench: &Bench, scale: &Scale, source: &Arc<Source>) -> Result<(String, String)> {
    schemas::whole_file::write(&bench.out.join("pretrain.toml"), PRETRAIN.as_bytes())?;
    bench.finish("videos", videos(scale, source))?;
    bench.finish("pre-training", trainings(scale))?;
    bench.finish("errors", tests(scale))?;
    let parent = bench.out.parent().context("a folder without a parent")?;
    let parts: Vec<_> = FORMS.iter().map(|form| found(&parent.join(form))).collect::<Result<_>>()?;
    Ok((page::NAME.to_owned(), page::text(&parts)))
}

fn set(scale: &Scale, part: Part, seed: u64) -> Set {
    let videos = if part == Part::LongTest { scale.test } else { scale.unlabelled };
    Set { part, change: Change::Plain, seed, videos: videos.next_multiple_of(DIRECTIONS) }
}

fn videos(scale: &Scale, source: &Arc<Source>) -> Vec<Task> {
    let sets = scale.seeds.iter().map(|&seed| set(scale, Part::Unlabelled, seed));
    let make = |set: Set| {
        let source = Arc::clone(source);
        Task::new(format!("videos-{}", set.name()), move |bench: &Bench| {
            let bytes = set.make(&source, &bench.out.join("videos"))?;
            Ok(serde_json::json!({ "videos": set.videos, "bytes": bytes }))
        })
    };
    sets.chain([set(scale, Part::LongTest, 0)]).map(make).collect()
}

fn name(arm: Arm, seed: u64) -> String {
    format!("{}-{seed}", arm.name())
}

fn trainings(scale: &Scale) -> Vec<Task> {
    let pairs = scale.seeds.iter().flat_map(|&seed| Arm::ALL.map(|arm| (arm, seed)));
    let training = |(arm, seed): (Arm, u64)| {
        let (name, steps) = (name(arm, seed), scale.steps);
        let videos = set(scale, Part::Unlabelled, seed).name();
        Task::new(name.clone(), move |bench: &Bench| {
            let (run, data) = (bench.out.join("runs").join(&name), bench.out.join("videos").join(videos));
            let mut arguments = words(["pretrain", "--data"]);
            arguments.extend([data.into(), "--recipe".into(), bench.out.join("pretrain.toml").into()]);
            for setting in [
                format!("clip.frames={FRAMES}"),
                format!("mask.kind={}", arm.name()),
                format!("mask.ratio={RATIO}"),
            ] {
                arguments.extend(words(["--set", &setting]));
            }
            train(bench, &name, &run, steps, seed, arguments)?;
            Ok(serde_json::json!({ "steps": steps }))
        })
    };
    pairs.map(training).collect()
}

fn tests(scale: &Scale) -> Vec<Task> {
    let pairs = scale.seeds.iter().flat_map(|&seed| Arm::ALL.map(|arm| (arm, seed)));
    let test = |(arm, seed): (Arm, u64)| {
        let (model, steps, set) = (name(arm, seed), scale.steps, set(scale, Part::LongTest, 0));
        Task::new(format!("errors-{model}"), move |bench: &Bench| {
            let model = checkpoint(&bench.out.join("runs").join(&model), steps);
            let videos = (0..set.videos).map(|number| bench.out.join("videos").join(set.path_of(number)));
            Ok(serde_json::to_value(measure(&model, videos)?)?)
        })
    };
    pairs.map(test).collect()
}

/// What a model answers to the first frame of each of these videos.
fn measure(model: &Path, videos: impl Iterator<Item = std::path::PathBuf>) -> Result<Vec<Measured>> {
    let mut sums: BTreeMap<usize, Measured> = BTreeMap::new();
    let mut count = 0.0;
    for video in videos {
        let errors = errors(model, &video).with_context(|| format!("{}", video.display()))?;
        for Errors { distance, loss, .. } in errors {
            let distance = distance.context("a whole frame is given, so every place has a distance")?;
            let sum = sums.entry(distance).or_insert(Measured { distance, ..Measured::default() });
            sum.model += loss.model;
            sum.copy += loss.copy;
            sum.mean += loss.mean;
            sum.nearer += f64::from(u8::from(loss.model < loss.copy));
        }
        count += 1.0;
    }
    let mean = |sum: Measured| Measured {
        model: sum.model / count,
        copy: sum.copy / count,
        mean: sum.mean / count,
        nearer: sum.nearer / count,
        ..sum
    };
    Ok(sums.into_values().map(mean).collect())
}

fn errors(model: &Path, video: &Path) -> Result<Vec<Errors>> {
    let asked = Reconstructing {
        model: model.to_owned(),
        hints: Hints::default(),
        recipe: RecipeChoice::default(),
        video: Some(video.to_owned()),
        shown: Shown::Given(Given::First),
        honest: true,
        clip: 0,
        device: "flex".to_owned(),
    };
    tubelet::reconstruct(&asked, &())?.errors.context("the truth is known")
}

/// What was measured of each arm and seed in a folder; none where nothing is.
fn found(folder: &Path) -> Result<Found> {
    let results = folder.join("results");
    let mut found = Found::new();
    for entry in std::fs::read_dir(&results).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(name) = name.strip_prefix("errors-") {
            found.insert(name.to_owned(), serde_json::from_slice(&std::fs::read(&path)?)?);
        }
    }
    Ok(found)
}
