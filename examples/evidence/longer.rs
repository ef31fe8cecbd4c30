//! What longer clips give and cost: 16, 32 and 64 frames, at equal span and at equal stride.
//!
//! ```text
//! equal span     16 × 4, 32 × 2, 64 × 1 frames: the same seconds of the video, looked at more closely
//! equal stride   16 × 1, 32 × 1, 64 × 1 frames: more of the video
//! ```
//!
//! Each is pre-trained, fine-tuned and tested by itself, with the same videos, seeds and steps. Time and memory of a step are
//! measured alone, by `tubelet bench train`.

mod page;

use std::{ffi::OsString, sync::Arc};

use anyhow::Result;
use serde::Serialize;

use crate::{
    command::{checkpoint, last_object, lines, train, words},
    experiment::{FINETUNE, PRETRAIN},
    scene::DIRECTIONS,
    source::Source,
    videos::{self, Change, Labels, Part, Set},
    work::{Bench, Task},
};

/// Name of its folder.
pub const FORM: &str = "longer";

/// How large it is. All arms have the same.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
    /// Name of the form.
    pub form: &'static str,
    /// Seeds: of the training videos, the order of clips, masks and first weights.
    pub seeds: Vec<u64>,
    /// Videos without a label.
    pub unlabelled: usize,
    /// Labelled videos a class.
    pub labels: usize,
    /// Videos a class of the test.
    pub test: usize,
    /// Steps of pre-training.
    pub pretraining: u64,
    /// Steps of fine-tuning.
    pub finetuning: u64,
    /// Steps that are timed.
    pub timed: u64,
}

impl Scale {
    /// The experiment; `quick` is over within minutes.
    pub fn new(quick: bool) -> Self {
        let form = FORM;
        match quick {
            false => Self {
                form,
                seeds: vec![1, 2, 3],
                unlabelled: 1024,
                labels: 64,
                test: 32,
                pretraining: 1000,
                finetuning: 300,
                timed: 10,
            },
            true => Self {
                form,
                seeds: vec![1],
                unlabelled: 32,
                labels: 4,
                test: 4,
                pretraining: 4,
                finetuning: 4,
                timed: 1,
            },
        }
    }
}

/// Frames of a clip, and their distance in the video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Frames.
    pub frames: usize,
    /// Distance of two.
    pub stride: usize,
}

/// Those of equal span, then those of equal stride; the last is the same in both.
pub const ARMS: [[Arm; 3]; 2] = [
    [Arm { frames: 16, stride: 4 }, Arm { frames: 32, stride: 2 }, Arm { frames: 64, stride: 1 }],
    [Arm { frames: 16, stride: 1 }, Arm { frames: 32, stride: 1 }, Arm { frames: 64, stride: 1 }],
];

impl Arm {
    /// Its name in files.
    pub fn name(self) -> String {
        format!("{}x{}", self.frames, self.stride)
    }

    /// What a recipe is told of it.
    fn settings(self) -> Vec<OsString> {
        let (frames, stride) =
            (format!("clip.frames={}", self.frames), format!("clip.stride={}", self.stride));
        words(["--set", &frames, "--set", &stride])
    }

    fn all() -> Vec<Self> {
        let [mut arms, strides] = ARMS.map(Vec::from);
        arms.extend(strides.into_iter().filter(|arm| !ARMS[0].contains(arm)));
        arms
    }
}

/// Does what is not done yet, and gives the path and the text of its page.
///
/// # Errors
/// The first task that failed.
pub fn run(bench: &Bench, alone: &Bench, scale: &Scale, source: &Arc<Source>) -> Result<(String, String)> {
    schemas::whole_file::write(&bench.out.join("pretrain.toml"), PRETRAIN.as_bytes())?;
    schemas::whole_file::write(&bench.out.join("finetune.toml"), FINETUNE.as_bytes())?;
    videos::classes(&bench.out)?;
    let costs = alone.finish("time and memory", costs(scale))?;
    bench.finish("videos", videos(scale, source))?;
    bench.finish("pre-training", pretrainings(scale))?;
    let finetunings = finetunings(bench, scale)?;
    let accuracies = bench.finish("fine-tuning", finetunings)?;
    Ok((page::NAME.to_owned(), page::text(scale, &accuracies, &costs)))
}

fn set(scale: &Scale, part: Part, seed: u64) -> Set {
    let videos = match part {
        Part::LongestUnlabelled => scale.unlabelled,
        Part::LongestTrain => scale.labels * DIRECTIONS,
        _ => scale.test * DIRECTIONS,
    };
    Set { part, change: Change::Plain, seed, videos }
}

fn videos(scale: &Scale, source: &Arc<Source>) -> Vec<Task> {
    let of_seed =
        |&seed: &u64| [Part::LongestUnlabelled, Part::LongestTrain].map(|part| set(scale, part, seed));
    let sets = scale.seeds.iter().flat_map(of_seed).chain([set(scale, Part::LongestTest, 0)]);
    let make = |set: Set| {
        let source = Arc::clone(source);
        Task::new(format!("videos-{}", set.name()), move |bench: &Bench| {
            let bytes = set.make(&source, &bench.out.join("videos"))?;
            Ok(serde_json::json!({ "videos": set.videos, "bytes": bytes }))
        })
    };
    sets.map(make).collect()
}

/// Seconds and memory of a step of pre-training, each by itself.
fn costs(scale: &Scale) -> Vec<Task> {
    let cost = |arm: Arm| {
        let (name, steps) = (format!("cost-{}", arm.name()), scale.timed.to_string());
        Task::new(name.clone(), move |bench: &Bench| {
            let mut arguments = words(["bench", "train", "--batch", "32", "--steps", &steps, "--recipe"]);
            arguments.push(bench.out.join("pretrain.toml").into());
            arguments.extend(arm.settings());
            last_object(&bench.tubelet(&name, arguments)?)
        })
    };
    Arm::all().into_iter().map(cost).collect()
}

fn pretrainings(scale: &Scale) -> Vec<Task> {
    let training = |(arm, seed): (Arm, u64)| {
        let (name, steps) = (format!("pretrain-{}-{seed}", arm.name()), scale.pretraining);
        let videos = set(scale, Part::LongestUnlabelled, seed).name();
        Task::new(name.clone(), move |bench: &Bench| {
            let (run, data) = (bench.out.join("runs").join(&name), bench.out.join("videos").join(videos));
            let mut arguments = words(["pretrain", "--data"]);
            arguments.extend([data.into(), "--recipe".into(), bench.out.join("pretrain.toml").into()]);
            arguments.extend(arm.settings());
            train(bench, &name, &run, steps, seed, arguments)?;
            Ok(serde_json::json!({ "loss": lines(&run.join("metrics.jsonl"), "loss")?, "steps": steps }))
        })
    };
    pairs(scale).map(training).collect()
}

fn finetunings(bench: &Bench, scale: &Scale) -> Result<Vec<Task>> {
    let test = set(scale, Part::LongestTest, 0);
    let test = videos::list(&bench.out, &test, test.videos, Labels::True)?;
    let finetuning = |(arm, seed): (Arm, u64)| {
        let set = set(scale, Part::LongestTrain, seed);
        let train_list = videos::list(&bench.out, &set, set.videos, Labels::True)?;
        let (name, steps) = (format!("finetune-{}-{seed}", arm.name()), scale.finetuning);
        let test = test.clone();
        Ok(Task::new(name.clone(), move |bench: &Bench| {
            let runs = bench.out.join("runs");
            let mut arguments = words(["finetune", "--data"]);
            arguments.extend([train_list.into(), "--classes".into()]);
            arguments.extend([bench.out.join("classes.txt").into(), "--init".into()]);
            arguments.push(runs.join(format!("pretrain-{}-{seed}", arm.name())).into());
            arguments.extend(["--recipe".into(), bench.out.join("finetune.toml").into()]);
            // 2e-3 at 32 clips an update, no decay from layer to layer, a warm-up that a few steps have room for.
            let warmup = format!("schedule.warmup_steps={}", steps / 6);
            for setting in ["optimiser.base_lr=1.6e-2", "optimiser.layer_decay=1", &warmup] {
                arguments.extend(words(["--set", setting]));
            }
            arguments.extend(arm.settings());
            let run = runs.join(&name);
            train(bench, &name, &run, steps, seed, arguments)?;
            let mut arguments = words(["evaluate", "--views", "1x1", "--json", "--workers", "1", "--model"]);
            arguments.extend([checkpoint(&run, steps).into(), "--data".into(), test.into(), "--out".into()]);
            arguments.push(bench.out.join("results").join(format!("{name}.parquet")).into());
            last_object(&bench.tubelet(&name, arguments)?)
        }))
    };
    pairs(scale).map(finetuning).collect()
}

fn pairs(scale: &Scale) -> impl Iterator<Item = (Arm, u64)> + '_ {
    scale.seeds.iter().flat_map(|&seed| Arm::all().into_iter().map(move |arm| (arm, seed)))
}
