//! The experiment, stage by stage: what is trained on what, and what is measured of it.
//!
//! ```text
//! videos ─▶ pre-training: in order, and shuffled in time
//!        ─▶ a grid of rates and layer decays for each arm, judged on held-out training videos
//!        ─▶ fine-tuning: three arms, scratch with more steps, the controls      (tested as they learn)
//!        ─▶ tests of the controls' videos; probes
//! ```
//!
//! Everything is done by the command `tubelet`; here is only what it is asked.

use std::{ffi::OsString, fs, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use schemas::whole_file;
use serde_json::json;

use crate::{
    command::{checkpoint, drawn, last_object, lines, train, words},
    readout,
    scale::{BATCH, Scale, Setting},
    scene::DIRECTIONS,
    source::Source,
    videos::{self, Change, Labels, Part, Set},
    work::{Bench, Found, Task},
};

/// The recipe of pre-trainings.
pub const PRETRAIN: &str = include_str!("pretrain.toml");
/// The recipe of fine-tunings.
pub const FINETUNE: &str = include_str!("finetune.toml");

/// How the attentive probe is trained: longer than for its papers' large sets, by one setting.
const ATTENTIVE: &[&str] = &["--rates", "2e-3", "--decays", "0.05", "--epochs", "40"];

/// Clips of an update at which rates of a recipe are what they say; they grow with the batch.
const RATE_BATCH: f64 = 256.0;

/// What a fine-tuning begins with, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// The pre-trained encoder.
    PreTrained,
    /// Drawn weights.
    Scratch,
    /// Drawn weights, and as many more steps as pre-training took.
    ScratchLonger,
    /// An encoder that was pre-trained on frames in another order.
    ShuffledTime,
}

impl Arm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PreTrained, Self::Scratch, Self::ScratchLonger, Self::ShuffledTime];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreTrained => "pretrained",
            Self::Scratch => "scratch",
            Self::ScratchLonger => "scratch-longer",
            Self::ShuffledTime => "shuffled-time",
        }
    }

    /// The arm whose setting it takes: grids are searched once with drawn and once with pre-trained weights.
    pub fn chooser(self) -> Self {
        match self {
            Self::PreTrained | Self::ShuffledTime => Self::PreTrained,
            Self::Scratch | Self::ScratchLonger => Self::Scratch,
        }
    }
}

/// The experiment on one source of videos.
pub struct Experiment {
    /// Where work is done.
    pub bench: Bench,
    /// How large it is.
    pub scale: Scale,
    /// Where frames come from.
    pub source: Arc<Source>,
}

/// What all stages found.
pub struct Findings {
    /// Pre-trainings: `pretrain-S`, `pretrain-shuffled-S`.
    pub pretraining: Found,
    /// Tries of the grid: `grid-ARM-LABELS-NUMBER`.
    pub grid: Found,
    /// Fine-tunings: `ARM-LABELS-S`, `permuted-S`, `order-blind-S`.
    pub finetuning: Found,
    /// Tests: `test-…-S`.
    pub tests: Found,
    /// Probes: `probe-KIND-S`.
    pub probes: Found,
    /// What a linear map reads from single tokens: `readout-pretrained-S`, `readout-random-S`.
    pub readouts: Found,
}

impl Experiment {
    /// Does what is not done yet.
    ///
    /// # Errors
    /// The first task that failed.
    pub fn run(&self) -> Result<Findings> {
        let out = &self.bench.out;
        whole_file::write(&out.join("pretrain.toml"), PRETRAIN.as_bytes())?;
        whole_file::write(&out.join("finetune.toml"), FINETUNE.as_bytes())?;
        videos::classes(out)?;
        self.bench.finish("videos", self.videos())?;
        let pretraining = self.bench.finish("pre-training", self.pretrainings())?;
        let grid = self.bench.finish("rates and layer decays", self.grid()?)?;
        let (tasks, longer) = self.finetunings(&grid)?;
        let mut finetuning = self.bench.finish("fine-tuning", tasks)?;
        let tests = self.bench.finish("controls", self.tests()?)?;
        let probes = self.bench.finish("probes", self.probes()?)?;
        let readouts = self.bench.finish("what a token holds", self.readouts()?)?;
        // The longest last: everything else is there to be looked at.
        finetuning.extend(self.bench.finish("from scratch with more steps", longer)?);
        Ok(Findings { pretraining, grid, finetuning, tests, probes, readouts })
    }

    fn set(&self, part: Part, change: Change, seed: u64) -> Set {
        let videos = match part {
            Part::Unlabelled => self.scale.unlabelled,
            Part::Train => self.scale.most() * DIRECTIONS,
            Part::HeldOut => self.scale.held_out * DIRECTIONS,
            Part::Test | Part::LongTest | Part::LongestTest => self.scale.test * DIRECTIONS,
            Part::LongestUnlabelled | Part::LongestTrain => self.scale.unlabelled,
        };
        Set { part, change, seed, videos }
    }

    /// The set that everything is tested on, changed.
    fn test(&self, change: Change) -> Set {
        self.set(Part::Test, change, 0)
    }

    fn videos(&self) -> Vec<Task> {
        let mut sets = vec![self.set(Part::HeldOut, Change::Plain, 0)];
        sets.extend(
            [Change::Plain, Change::Reversed, Change::Copies, Change::Shuffled]
                .map(|change| self.test(change)),
        );
        for &seed in &self.scale.seeds {
            for change in [Change::Plain, Change::Shuffled] {
                sets.push(self.set(Part::Train, change, seed));
            }
            sets.extend(self.pretrained_on().map(|change| self.set(Part::Unlabelled, change, seed)));
        }
        let make = |set: Set| {
            let source = Arc::clone(&self.source);
            Task::new(format!("videos-{}", set.name()), move |bench: &Bench| {
                let bytes = set.make(&source, &bench.out.join("videos"))?;
                Ok(json!({ "videos": set.videos, "bytes": bytes }))
            })
        };
        sets.into_iter().map(make).collect()
    }

    /// How the videos of pre-trainings are changed: frames in another order only for the arm that asks for them.
    fn pretrained_on(&self) -> impl Iterator<Item = Change> + use<> {
        let shuffled = self.scale.arms.contains(&Arm::ShuffledTime).then_some(Change::Shuffled);
        std::iter::once(Change::Plain).chain(shuffled)
    }

    fn pretrainings(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for &seed in &self.scale.seeds {
            for change in self.pretrained_on() {
                let (videos, steps) =
                    (self.set(Part::Unlabelled, change, seed).name(), self.scale.pretraining);
                let name = pretraining(change, seed);
                let task = name.clone();
                tasks.push(Task::new(name, move |bench: &Bench| {
                    let run = bench.out.join("runs").join(&task);
                    let data = bench.out.join("videos").join(videos);
                    let arguments = [words(["pretrain", "--data"]), vec![data.into()], words(["--recipe"])];
                    let recipe = vec![bench.out.join("pretrain.toml").into()];
                    train(bench, &task, &run, steps, seed, [arguments.concat(), recipe].concat())?;
                    Ok(json!({ "loss": lines(&run.join("metrics.jsonl"), "loss")?, "steps": steps }))
                }));
            }
        }
        tasks
    }

    /// Every setting for each arm and number of labels, at the first seed.
    fn grid(&self) -> Result<Vec<Task>> {
        let held_out = self.set(Part::HeldOut, Change::Plain, 0);
        let test = videos::list(&self.bench.out, &held_out, held_out.videos, Labels::True)?;
        let seed = self.scale.seeds[0];
        let mut tasks = Vec::new();
        if self.scale.grid.len() < 2 {
            return Ok(tasks);
        }
        for arm in [Arm::PreTrained, Arm::Scratch] {
            for &labels in &self.scale.labels {
                for (number, &setting) in self.scale.grid.iter().enumerate() {
                    let name = format!("grid-{}-{labels}-{number}", arm.name());
                    let train = self.list(Change::Plain, seed, labels, Labels::True)?;
                    let every = self.scale.finetuning;
                    let finetuning =
                        FineTuning { arm, labels, seed, setting, every, train, test: test.clone() };
                    tasks.push(self.finetuning(name, finetuning));
                }
            }
        }
        Ok(tasks)
    }

    /// Whether every setting was tried.
    fn tried(&self, grid: &Found) -> bool {
        grid.len() == 2 * self.scale.labels.len() * self.scale.grid.len()
    }

    /// The setting with the best accuracy on held-out videos; of equal ones that of the smallest loss there.
    pub fn chosen(&self, grid: &Found, arm: Arm, labels: usize) -> Result<Setting> {
        if let [only] = self.scale.grid[..] {
            return Ok(only);
        }
        let tried = |number: usize| -> Option<(f64, f64)> {
            let curve =
                grid.get(&format!("grid-{}-{labels}-{number}", arm.chooser().name()))?["curve"].as_array()?;
            let last = curve.last()?;
            Some((last[1].as_f64()?, last[2].as_f64()?))
        };
        let tried: Option<Vec<_>> = (0..self.scale.grid.len()).map(tried).collect();
        let tried = tried.context("a try of the grid has no validation")?;
        let better = |a: &usize, b: &usize| {
            let ((top, loss), (other, other_loss)) = (tried[*a], tried[*b]);
            top.total_cmp(&other).then(other_loss.total_cmp(&loss))
        };
        let best = (0..tried.len()).max_by(better).context("an empty grid")?;
        Ok(self.scale.grid[best])
    }

    /// Fine-tunings of every arm and control; those with more steps by themselves.
    fn finetunings(&self, grid: &Found) -> Result<(Vec<Task>, Vec<Task>)> {
        if self.scale.grid.len() > 1 && !self.tried(grid) {
            return Ok((Vec::new(), Vec::new()));
        }
        let plain = self.list_of_tests(Change::Plain, Labels::True)?;
        let shuffled = self.list_of_tests(Change::Shuffled, Labels::True)?;
        let most = self.scale.most();
        let (mut tasks, mut longer) = (Vec::new(), Vec::new());
        for &seed in &self.scale.seeds {
            for &labels in &self.scale.labels {
                let train = self.list(Change::Plain, seed, labels, Labels::True)?;
                for &arm in &self.scale.arms {
                    let setting = self.chosen(grid, arm, labels)?;
                    let every = self.every(arm);
                    let (train, test) = (train.clone(), plain.clone());
                    let finetuning = FineTuning { arm, labels, seed, setting, every, train, test };
                    let task = self.finetuning(finetuned(arm, labels, seed), finetuning);
                    match arm {
                        Arm::ScratchLonger => longer.push((labels, task)),
                        _ => tasks.push(task),
                    }
                }
            }
            let controls = [
                ("permuted", self.list(Change::Plain, seed, most, Labels::Permuted)?, plain.clone()),
                ("order-blind", self.list(Change::Shuffled, seed, most, Labels::True)?, shuffled.clone()),
            ];
            for (name, train, test) in controls {
                let (arm, every) = (Arm::PreTrained, self.scale.finetuning);
                let setting = self.chosen(grid, arm, most)?;
                let finetuning = FineTuning { arm, labels: most, seed, setting, every, train, test };
                tasks.push(self.finetuning(format!("{name}-{seed}"), finetuning));
            }
        }
        longer.sort_by_key(|(labels, _)| std::cmp::Reverse(*labels));
        Ok((tasks, longer.into_iter().map(|(_, task)| task).collect()))
    }

    /// Steps of an arm.
    pub fn steps(&self, arm: Arm) -> u64 {
        match arm {
            Arm::ScratchLonger => self.scale.finetuning + self.scale.pretraining,
            _ => self.scale.finetuning,
        }
    }

    /// Steps from one test to the next. A longer run is tested as often within the steps of the others' end.
    fn every(&self, arm: Arm) -> u64 {
        if arm == Arm::ScratchLonger { 2 * self.scale.every } else { self.scale.every }
    }

    fn finetuning(&self, name: String, asked: FineTuning) -> Task {
        let steps = self.steps(asked.arm);
        let epochs = self.scale.epochs(asked.labels, asked.every);
        let task = name.clone();
        Task::new(name, move |bench: &Bench| {
            let runs = bench.out.join("runs");
            let run = runs.join(&task);
            let beginning = match asked.arm {
                Arm::PreTrained => runs.join(pretraining(Change::Plain, asked.seed)),
                Arm::ShuffledTime => runs.join(pretraining(Change::Shuffled, asked.seed)),
                Arm::Scratch | Arm::ScratchLonger => "scratch".into(),
            };
            let split = format!("train={},test={}", asked.train.display(), asked.test.display());
            let base = asked.setting.rate * RATE_BATCH / BATCH as f64;
            let mut arguments = words(["finetune", "--split", &split, "--classes"]);
            arguments.push(bench.out.join("classes.txt").into());
            arguments.extend(words(["--init"]));
            arguments.push(beginning.into());
            arguments.extend(words(["--recipe"]));
            arguments.push(bench.out.join("finetune.toml").into());
            for setting in [
                format!("optimiser.base_lr={base}"),
                format!("optimiser.layer_decay={}", asked.setting.decay),
                format!("views.every={epochs}"),
            ] {
                arguments.extend(words(["--set", &setting]));
            }
            train(bench, &task, &run, steps, asked.seed, arguments)?;
            let curve = lines(&run.join("validation.jsonl"), "top1")?;
            Ok(json!({ "curve": curve, "steps": steps, "setting": asked.setting }))
        })
    }

    fn list(&self, change: Change, seed: u64, labels: usize, which: Labels) -> Result<PathBuf> {
        videos::list(&self.bench.out, &self.set(Part::Train, change, seed), labels * DIRECTIONS, which)
    }

    fn list_of_tests(&self, change: Change, which: Labels) -> Result<PathBuf> {
        let set = self.test(change);
        videos::list(&self.bench.out, &set, set.videos, which)
    }

    /// The fine-tuned models of the most labels on the test videos and their controls.
    fn tests(&self) -> Result<Vec<Task>> {
        let tests = [
            ("plain", "pretrained", Change::Plain, Labels::True),
            ("reversed", "pretrained", Change::Reversed, Labels::True),
            ("opposite", "pretrained", Change::Reversed, Labels::Opposite),
            ("copies", "pretrained", Change::Copies, Labels::True),
            ("permuted", "permuted", Change::Plain, Labels::True),
            ("order-blind", "order-blind", Change::Shuffled, Labels::True),
        ];
        let most = self.scale.most();
        let mut tasks = Vec::new();
        for &seed in &self.scale.seeds {
            for (name, run, change, labels) in tests {
                let list = self.list_of_tests(change, labels)?;
                let run = if run == "pretrained" {
                    finetuned(Arm::PreTrained, most, seed)
                } else {
                    format!("{run}-{seed}")
                };
                let name = format!("test-{name}-{seed}");
                let task = name.clone();
                tasks.push(Task::new(name, move |bench: &Bench| {
                    let model = bench.out.join("runs").join(run);
                    let mut arguments = words(["evaluate", "--views", "1x1", "--json", "--model"]);
                    arguments.extend([model.into(), "--data".into(), list.into()]);
                    arguments.extend(words(["--workers", "1", "--out"]));
                    arguments.push(bench.out.join("results").join(format!("{task}.parquet")).into());
                    last_object(&bench.tubelet(&task, arguments)?)
                }));
            }
        }
        Ok(tasks)
    }

    /// Probes of the pre-trained encoder, with the rows of drawn weights and of pixels beside it.
    fn probes(&self) -> Result<Vec<Task>> {
        let most = self.scale.most();
        let mut tasks = Vec::new();
        for &seed in &self.scale.seeds {
            let plain = (
                self.list(Change::Plain, seed, most, Labels::True)?,
                self.list_of_tests(Change::Plain, Labels::True)?,
            );
            let shuffled = (
                self.list(Change::Shuffled, seed, most, Labels::True)?,
                self.list_of_tests(Change::Shuffled, Labels::True)?,
            );
            let asked = [
                ("knn", "knn", &plain, &["--baseline"][..]),
                ("linear", "linear", &plain, &["--baseline"]),
                ("attentive", "attentive", &plain, &[ATTENTIVE, &["--baseline"]].concat()),
                ("order-blind", "attentive", &shuffled, ATTENTIVE),
            ];
            for (name, kind, (train, test), more) in asked {
                let split = format!("train={},test={}", train.display(), test.display());
                let name = format!("probe-{name}-{seed}");
                let (task, more) = (name.clone(), more.to_vec());
                tasks.push(Task::new(name, move |bench: &Bench| {
                    let run = bench.out.join("runs").join(pretraining(Change::Plain, seed));
                    let mut arguments = words(["probe", kind, "--split", &split, "--json", "--workers", "1"]);
                    arguments.extend(more.into_iter().map(OsString::from));
                    for (word, path) in
                        [("--classes", bench.out.join("classes.txt")), ("--cache", bench.out.join("cache"))]
                    {
                        arguments.extend([word.into(), path.into()]);
                    }
                    arguments.extend(["--model".into(), run.into()]);
                    Ok(last_object(&bench.tubelet(&task, arguments)?)?["rows"].take())
                }));
            }
        }
        Ok(tasks)
    }
}

impl Experiment {
    /// What a linear map reads from single tokens of the pre-trained encoder, and of one with drawn weights.
    fn readouts(&self) -> Result<Vec<Task>> {
        let set = self.test(Change::Plain);
        let list = self.list_of_tests(Change::Plain, Labels::True)?;
        let mut tasks = Vec::new();
        for &seed in &self.scale.seeds {
            for which in ["pretrained", "random"] {
                let (source, list, steps) = (Arc::clone(&self.source), list.clone(), self.scale.pretraining);
                let name = format!("readout-{which}-{seed}");
                let task = name.clone();
                tasks.push(Task::new(name, move |bench: &Bench| {
                    let runs = bench.out.join("runs");
                    let model = if which == "random" {
                        drawn(bench, &list, seed)?
                    } else {
                        checkpoint(&runs.join(pretraining(Change::Plain, seed)), steps)
                    };
                    let tokens = bench.out.join("results").join(format!("{task}.parquet"));
                    let mut arguments = words(["embed"]);
                    arguments.extend([list.into(), "--model".into(), model.into()]);
                    arguments.extend(words([
                        "--pool",
                        "tokens",
                        "--views",
                        "1x1",
                        "--workers",
                        "1",
                        "--out",
                    ]));
                    arguments.push(tokens.clone().into());
                    bench.tubelet(&task, arguments)?;
                    let frames: Result<Vec<_>> =
                        (0..set.videos).map(|number| set.render(&source, number)).collect();
                    let found = readout::measure(&tokens, &frames?)?;
                    fs::remove_file(&tokens)?;
                    Ok(found)
                }));
            }
        }
        Ok(tasks)
    }
}

/// What a fine-tuning is asked.
struct FineTuning {
    arm: Arm,
    labels: usize,
    seed: u64,
    setting: Setting,
    every: u64,
    train: PathBuf,
    test: PathBuf,
}

/// Name of a pre-training.
pub fn pretraining(change: Change, seed: u64) -> String {
    match change {
        Change::Shuffled => format!("pretrain-shuffled-{seed}"),
        _ => format!("pretrain-{seed}"),
    }
}

/// Name of a fine-tuning.
pub fn finetuned(arm: Arm, labels: usize, seed: u64) -> String {
    format!("{}-{labels}-{seed}", arm.name())
}
