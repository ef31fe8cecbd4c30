//! What a run is asked for, all together: written down when it begins, compared with what was written when it goes
//! on.
//!
//! ```text
//! begins    everything is checked ─▶ run.json, videos.jsonl, classes.txt, checkpoint-0, recipe.toml ─▶ step 0
//! goes on   asked and written are compared ─▶ refused with the difference (exit code 2), nothing is changed
//!                                          └▶ what may differ is said, and written into run.json with its step
//! ```

use std::path::{Path, PathBuf};

use pipeline::dataset::labels::Split;
use schemas::{
    MADE_BY,
    run_state::{
        self, Change, ClassCount, DataPlace, InitialWeights, Part, PlannedSteps, RateSchedule, RunData,
        RunSet, RunSplit, RunState, RunVideo,
    },
};
use trainer::{
    Device, Recipe, RunFolder, Steps,
    kernels::Precision,
    train::{
        run_folder::{RunFiles, RunFolderError},
        state::TrainState,
    },
};

use super::{
    begun::{Begun, taken},
    changes,
    data_place::{self, Epoch},
    settings::RunSettings,
};
use crate::{
    data::labels::parts::SplitAsked,
    error::{Context as _, Result, Usage},
    machine,
    observer::Observer,
};

/// What a run is asked for.
pub struct Plan<'a> {
    /// `pretrain` or `finetune`.
    pub command: &'static str,
    /// Every setting.
    pub recipe: &'a Recipe,
    /// How many steps.
    pub steps: Steps,
    /// The weights it begins with; none where they are drawn.
    pub init: Option<InitialWeights>,
    /// What it trains on.
    pub data: Data,
}

/// What a run trains on.
pub struct Data {
    /// As it was named.
    pub named: Vec<PathBuf>,
    /// Whether this command named it: a run that goes on knows its data.
    pub is_named_here: bool,
    /// The list of the test, where the split names one.
    pub test: Option<PathBuf>,
    /// Digest of the training videos.
    pub digest: String,
    /// The videos, one after the other.
    pub videos: Vec<RunVideo>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The split, where there is one.
    pub split: Option<SplitAsked>,
    /// The sets of a mixture.
    pub mixture: Vec<RunSet>,
}

impl Data {
    /// The same with the two lists that a split names, if it names two.
    ///
    /// # Errors
    /// Usage error: it is no split.
    pub fn with_lists(self, split: Option<&str>) -> Result<Self> {
        let split = split.map(|text| text.parse::<Split>().map_err(|why| Usage::new(why.to_string())));
        match split.transpose()? {
            Some(Split::Named { train, test }) => {
                Ok(Self { named: vec![train], test: Some(test), is_named_here: true, ..self })
            }
            Some(Split::Drawn { .. }) | None => Ok(self),
        }
    }
}

/// A run that is ready for its next step.
pub struct Ready {
    /// Its folder.
    pub folder: RunFolder,
    /// The first micro-batch.
    pub first: u64,
    /// Whether it begins here.
    pub begins: bool,
}

impl Ready {
    /// The run that the first process of several has made ready, in another one. The first micro-batch is `first`.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn of_first(out: &Path, first: u64) -> Result<Self> {
        Ok(Self { folder: RunFolder::open(out)?, first, begins: false })
    }

    /// Takes the folder away again where a run failed before its first step: the corrected command finds none.
    pub fn failed(&self, has_stepped: bool) {
        if self.begins && !has_stepped {
            self.folder.leave_nothing();
        }
    }
}

impl RunSettings {
    /// Steps of an epoch and of the run: as asked for now, else as the run was, else the recipe's epochs.
    ///
    /// # Errors
    /// Usage error: the run has made more steps.
    pub fn steps(&self, begun: Option<&Begun>, recipe: &Recipe, per_epoch: u64) -> Result<Steps> {
        let known = begun.and_then(|begun| Some((begun.state()?, &begun.recipe)));
        let until = match (self.steps, known) {
            (Some(steps), _) => steps,
            // The run's own number, unless more epochs are asked for.
            (None, Some((state, was))) if was.schedule.epochs == recipe.schedule.epochs => state.steps.until,
            _ => recipe.schedule.epochs * per_epoch,
        };
        if let Some(made) = begun.map(|begun| begun.point.step).filter(|made| *made > until) {
            return Err(
                Usage::new(format!("the run already has {made} steps, and --steps says {until}")).into()
            );
        }
        Ok(Steps { per_epoch, schedule: until, until })
    }

    /// Makes the run's folder, or goes on with the one that is there; `first` gives what a run begins with.
    ///
    /// # Errors
    /// Usage error: another run is there, or it contradicts what is asked; failed: the folder cannot be used.
    pub fn ready(
        &self,
        begun: Option<Begun>,
        plan: &Plan<'_>,
        first: impl FnOnce() -> Result<TrainState>,
        observer: &dyn Observer,
    ) -> Result<Ready> {
        let precision = plan.recipe.model.precision;
        if precision == Precision::Bf16 {
            observer
                .note(format_args!("products are computed in {}", Device::products(&self.device, precision)));
        }
        match begun {
            None => self.begin(plan, first),
            Some(begun) => self.go_on(begun, plan, observer),
        }
    }

    fn begin(&self, plan: &Plan<'_>, first: impl FnOnce() -> Result<TrainState>) -> Result<Ready> {
        let videos = run_state::videos_to_text(&plan.data.videos)?;
        let state = self.state(plan, &videos)?;
        let checkpoint = first()?.checkpoint(plan.recipe, &plan.data.digest);
        let classes = (!plan.data.classes.is_empty()).then(|| plan.data.classes.join("\n") + "\n");
        let beginnings =
            RunFiles { state: &state, videos: &videos, classes: classes.as_deref(), checkpoint: &checkpoint };
        match RunFolder::begin(&self.out, plan.recipe, &plan.data.digest, beginnings) {
            Ok(folder) => Ok(Ready { folder, first: 0, begins: true }),
            Err(error @ RunFolderError::Taken { .. }) => Err(taken(&error).into()),
            Err(error) => Err(error).context("the run's folder cannot be created"),
        }
    }

    fn go_on(&self, begun: Begun, plan: &Plan<'_>, observer: &dyn Observer) -> Result<Ready> {
        let (micro_batch, parts) = plan.recipe.accumulation()?;
        let Begun { folder, point, recipe: was, known } = begun;
        let Some((state, videos)) = known else {
            let folder = folder.on_data(&plan.data.digest);
            if point.data != plan.data.digest {
                observer
                    .note("note: the run's checkpoint was trained on other data; continuing with this data");
            }
            return Ok(Ready { folder, first: point.clips / micro_batch as u64, begins: false });
        };
        let text = run_state::videos_to_text(&videos)?;
        let mut asked = RunState { place: place(&state, &was, point.step, plan), ..self.state(plan, &text)? };
        asked.data = match plan.data.is_named_here {
            true => RunData { digest: state.data.digest.clone(), ..asked.data },
            false => state.data.clone(),
        };
        let (settings, _) = changes::between(&was, plan.recipe);
        let mut found = differences(&state, &asked, point.step);
        found.extend(settings.into_iter().map(|it| Change {
            step: point.step,
            what: it.key,
            from: it.from,
            to: it.to,
        }));
        observer.note(format_args!(
            "continues after step {} of {}: {}",
            point.step,
            asked.steps.until,
            in_words(&asked.schedule)
        ));
        for Change { step, what, from, to } in &found {
            observer.note(format_args!("changed at step {step}: {what} {from} → {to}"));
        }
        let update = asked.place.update + (point.step - asked.place.step);
        if !found.is_empty() {
            let changes = [state.changes, found].concat();
            let next = RunState { init: state.init, split: state.split, changes, ..asked };
            folder.change(&next, plan.recipe)?;
        }
        Ok(Ready { folder, first: update * parts as u64, begins: false })
    }

    /// The plan as it is written down, with the text of its videos.
    fn state(&self, plan: &Plan<'_>, videos: &str) -> Result<RunState> {
        let Data { named, test, digest, classes, split, videos: all, mixture, .. } = &plan.data;
        let folder = std::env::current_dir().context("the working directory cannot be read")?;
        let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
        let count = |part: Part| all.iter().filter(|video| video.part == part).count() as u64;
        Ok(RunState {
            format: run_state::VERSION.to_owned(),
            command: plan.command.to_owned(),
            made_by: MADE_BY.to_owned(),
            steps: PlannedSteps { until: plan.steps.until, per_epoch: plan.steps.per_epoch },
            schedule: schedule(plan.recipe, plan.steps),
            init: plan.init.clone(),
            data: RunData {
                named: named.iter().map(shown).collect(),
                test: test.as_ref().map(shown),
                folder: shown(&folder),
                digest: digest.clone(),
                videos: all.len() as u64,
                list: blake3::hash(videos.as_bytes()).to_hex().to_string(),
                mixture: mixture.clone(),
            },
            split: split.as_ref().map(|split| RunSplit {
                asked: split.text.clone(),
                seed: split.seed,
                train: count(Part::Train),
                test: count(Part::Test),
                digest: split_digest(all),
            }),
            classes: counted(classes, all),
            device: self.device.clone(),
            workers: self.workers,
            machine: machine::in_words(),
            products: Some(Device::products(&self.device, plan.recipe.model.precision)),
            place: DataPlace::default(),
            changes: Vec::new(),
        })
    }
}

/// How the learning rate goes.
fn schedule(recipe: &Recipe, steps: Steps) -> RateSchedule {
    let rate = recipe.learning_rate(steps.per_epoch, steps.schedule);
    let mut hasher = blake3::Hasher::new();
    for number in [rate.peak.to_bits(), rate.floor.to_bits(), rate.warmup, rate.total] {
        hasher.update(&number.to_le_bytes());
    }
    let digest = hasher.finalize().to_hex().to_string();
    RateSchedule { peak: rate.peak, floor: rate.floor, warmup: rate.warmup, total: rate.total, digest }
}

/// A schedule in words.
fn in_words(schedule: &RateSchedule) -> String {
    let RateSchedule { peak, floor, warmup, total, .. } = schedule;
    format!("the rate rises to {peak:.3e} in {warmup} steps and falls to {floor:.3e} at {total}")
}

/// Digest of the names and parts of videos.
fn split_digest(videos: &[RunVideo]) -> String {
    let mut hasher = blake3::Hasher::new();
    for RunVideo { video, part, .. } in videos {
        hasher.update(&(video.len() as u64).to_le_bytes());
        hasher.update(video.as_bytes());
        hasher.update(&[u8::from(*part == Part::Test)]);
    }
    hasher.finalize().to_hex().to_string()
}

/// Videos of each class.
fn counted(classes: &[String], videos: &[RunVideo]) -> Vec<ClassCount> {
    let mut counts: Vec<ClassCount> =
        classes.iter().map(|name| ClassCount { name: name.clone(), train: 0, test: 0 }).collect();
    let places: std::collections::HashMap<&str, usize> =
        classes.iter().enumerate().rev().map(|(at, name)| (name.as_str(), at)).collect();
    for video in videos {
        let place = video.class.as_deref().and_then(|class| places.get(class)).copied();
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            match video.part {
                Part::Train => count.train += 1,
                Part::Test => count.test += 1,
            }
        }
    }
    counts
}

/// Where the data goes on.
fn place(state: &RunState, was: &Recipe, step: u64, plan: &Plan<'_>) -> DataPlace {
    let before = Epoch::of(state.steps.per_epoch, was);
    let after = Epoch::of(plan.steps.per_epoch, plan.recipe);
    data_place::moved(state.place, step, before, after)
}

/// What differs beside the settings.
fn differences(was: &RunState, asked: &RunState, step: u64) -> Vec<Change> {
    let data = |data: &RunData| {
        let place = |name: &String| Path::new(&data.folder).join(name).display().to_string();
        data.named.iter().chain(&data.test).map(place).collect::<Vec<_>>().join(" ")
    };
    // Where one of the two does not say, nothing is known to differ.
    let products = |state: &RunState| match (&was.products, &asked.products) {
        (Some(_), Some(_)) => state.products.clone().unwrap_or_default(),
        _ => String::new(),
    };
    let pairs = [
        ("steps", was.steps.until.to_string(), asked.steps.until.to_string()),
        (data_place::UPDATES, was.steps.per_epoch.to_string(), asked.steps.per_epoch.to_string()),
        ("schedule", in_words(&was.schedule), in_words(&asked.schedule)),
        ("device", was.device.clone(), asked.device.clone()),
        ("products", products(was), products(asked)),
        ("workers", was.workers.to_string(), asked.workers.to_string()),
        ("data", data(&was.data), data(&asked.data)),
    ];
    pairs
        .into_iter()
        .filter(|(_, from, to)| from != to)
        .map(|(what, from, to)| Change { step, what: what.to_owned(), from, to })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::data_place::tests::state;

    fn plan(recipe: &Recipe, per_epoch: u64) -> Plan<'_> {
        let steps = Steps { per_epoch, schedule: 60, until: 60 };
        let (digest, videos, classes) = (String::new(), Vec::new(), Vec::new());
        let (named, mixture) = Default::default();
        let (test, split) = (None, None);
        let data = Data { named, is_named_here: true, test, digest, videos, classes, split, mixture };
        Plan { command: "pretrain", recipe, steps, init: None, data }
    }

    #[test]
    fn with_another_batch_a_run_goes_on_in_its_epoch_and_leaves_no_clip_out() {
        let (mut was, mut asked) = (Recipe::default(), Recipe::default());
        (was.optimiser.batch, asked.optimiser.batch) = (4, 3);
        let state = state(3, DataPlace::default());
        // Step 7 of 3 an epoch: two epochs, and 4 clips of the third. The second update of three begins at clip 3.
        let wanted = DataPlace { step: 7, update: 2 * 4 + 1 };
        assert_eq!(place(&state, &was, 7, &plan(&asked, 4)), wanted);
        // With the same batch it stays where it was.
        assert_eq!(place(&state, &was, 7, &plan(&was, 3)), DataPlace::default());
    }

    #[test]
    fn data_in_another_place_is_a_change() {
        let (was, mut asked) = (state(3, DataPlace::default()), state(3, DataPlace::default()));
        assert_eq!(differences(&was, &asked, 5), []);
        asked.data.named = vec!["moved".into()];
        asked.workers = 2;
        let found: Vec<String> = differences(&was, &asked, 5).into_iter().map(|it| it.what).collect();
        assert_eq!(found, ["workers", "data"]);
    }
}
