//! A run as the commands that train meet it: its arguments, its steps, its end in words. What it was asked for,
//! and what going on with it may change, stands in `run/`.

mod begun;
mod changes;
mod labelled;
mod plan;
pub mod videos;

use std::{fmt::Display, path::PathBuf, sync::Arc};

use anyhow::Result;
use pipeline::profile::Profile;
use schemas::metrics::MetricsLine;
use trainer::{
    Device, Outcome, Recipe,
    train::{
        loss_trend::{LossEnds, LossTrend},
        run_folder::RunFolderError,
    },
};

pub use self::{
    begun::Begun,
    labelled::{held_out, parts_again},
    plan::{Data, Plan, Ready},
};
use crate::{
    arguments::{self, RecipeArguments},
    loading::{self, Watch},
    report::{self, Progress, Usage},
};

/// Arguments that every training takes.
#[derive(clap::Args)]
pub struct RunArguments {
    /// The run's folder
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,
    #[command(flatten)]
    pub recipe: RecipeArguments,
    /// Where to compute: flex (this processor), or another that this build has
    #[arg(long, default_value = "flex")]
    pub device: String,
    /// Steps to train in all, instead of the recipe's epochs. The run remembers them; with --resume, another
    /// number is another length, and the learning rate is laid out over it
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Go on from the newest checkpoint in RUN, with what it was asked for (RUN/run.json; `tubelet inspect run
    /// RUN` shows it). What contradicts that is refused, what may change is written down
    #[arg(long)]
    pub resume: bool,
    /// Threads that decode
    #[arg(long, value_name = "N", default_value_t = arguments::default_workers())]
    pub workers: usize,
}

impl RunArguments {
    /// Where to compute.
    ///
    /// # Errors
    /// Asked wrongly: this build has no such device.
    pub fn device(&self) -> Result<Device> {
        Ok(Device::parse(&self.device).map_err(|why| Usage::new(why.to_string()))?)
    }

    /// The recipe, not checked yet: of the run where one goes on and no other is named, else as asked for, or
    /// `default`.
    ///
    /// # Errors
    /// Asked wrongly: also where the run cannot go on with it.
    pub fn recipe(&self, begun: Option<&Begun>, default: impl FnOnce() -> Result<Recipe>) -> Result<Recipe> {
        let recipe = self.recipe.resolve_from(|| match begun {
            Some(begun) => Ok(begun.recipe.clone()),
            None => default(),
        })?;
        begun.map_or(Ok(()), |begun| changes::check(begun, &recipe))?;
        Ok(recipe)
    }

    /// The run of `command` that is to go on; none where one is to begin.
    ///
    /// # Errors
    /// Asked wrongly: there is nothing to go on from, or a run where one is to begin. When what is there cannot be
    /// read.
    pub fn begun(&self, command: &str) -> Result<Option<Begun>> {
        if !self.resume && self.out.join("recipe.toml").exists() {
            let taken = RunFolderError::Taken { path: self.out.clone() };
            return Err(plan::taken(&taken).into());
        }
        self.resume.then(|| Begun::open(&self.out, command)).transpose()
    }
}

/// What a person sees of a training while it goes on.
pub struct Live {
    progress: Progress,
    watch: Watch,
    losses: LossTrend,
}

impl Live {
    /// Begins, with `until` steps in all.
    pub fn begin(until: u64, profile: &Arc<Profile>, workers: usize) -> Self {
        let (progress, watch) = (Progress::new(until, "steps"), Watch::begin(profile, workers));
        Self { progress, watch, losses: LossTrend::default() }
    }

    /// Shows a step; the line gets what the loader did, where it is one that is written.
    pub fn step(&mut self, line: &mut MetricsLine, recipe: &Recipe) {
        let interval = self.watch.interval();
        self.progress.at(line.step, summary(line, loading::waited_for(&interval)));
        if line.step.is_multiple_of(recipe.run.log_every) {
            line.loader = Some(loading::line(&interval));
            self.watch.next();
        }
        self.losses.add(line.step, line.loss);
    }

    /// A line that stays.
    pub fn say(&self, line: impl Display) {
        self.progress.say(line);
    }

    /// Ends, with the mean losses of the first and of the last steps, if any was made.
    pub fn end(self) -> Option<LossEnds> {
        self.progress.end();
        self.losses.ends()
    }
}

/// The live line of a step; it names what is waited for.
fn summary(line: &MetricsLine, waited_for: Option<&str>) -> String {
    let waited_for = waited_for.map(|stage| format!(" for {stage}")).unwrap_or_default();
    let mut words = format!(
        "loss {:.4}  rate {:.2e}  gradient {:.3}  {:.1} clips/s  waiting {:.0} %{waited_for}",
        line.loss,
        line.lr,
        line.gradient_norm,
        line.clips_per_second,
        100.0 * line.waiting_share,
    );
    if line.repeated_frame_share > 0.0 {
        words += &format!("  repeated frames {:.0} %", 100.0 * line.repeated_frame_share);
    }
    words
}

/// Says how a training ended; `guessing` is the loss of a model that knows nothing, in words.
pub fn conclude(outcome: &Outcome, losses: Option<LossEnds>, guessing: &str) {
    if let Some(losses) = losses {
        report::say(format_args!("{losses} ({guessing})"));
    }
    match outcome {
        Outcome::Done { checkpoint } => report::say(format_args!("done: {}", checkpoint.display())),
        Outcome::Stopped { checkpoint, step } => report::say(format_args!(
            "stopped after step {step}; --resume goes on from {}",
            checkpoint.display()
        )),
        Outcome::OutOfData { checkpoint, step } => {
            report::say(format_args!("the data ended after step {step}: {}", checkpoint.display()));
        }
    }
}
