//! `tubelet inspect run`: what a run was asked for, and how far it is.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use schemas::run_state::{Part, RunState, RunVideo};
use trainer::RunFolder;

use crate::{Usage, command::report};

/// Print what a run was asked for: steps, schedule, initial weights, data, split, classes, and every change
/// since
///
/// `tubelet pretrain --resume` and `tubelet finetune --resume` continue with exactly that. --videos lists
/// every video with its class and its part instead.
///
/// Example: tubelet inspect run classifier
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// List the run's videos: part, class and name, separated by tabs
    #[arg(long)]
    videos: bool,
    /// Print one JSON object: run.json with the step of the newest checkpoint
    #[arg(long, conflicts_with = "videos")]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let path = &arguments.run;
    if !path.join("recipe.toml").exists() {
        return Err(Usage::new(format!(
            "{} is not a run: it has no recipe.toml",
            pipeline::names::shown(path)
        ))
        .into());
    }
    let folder = RunFolder::open(path)?;
    let Some(state) = folder.state()? else {
        return Err(Usage::new(format!(
            "{} has no run.json: an older version wrote it",
            pipeline::names::shown(path)
        ))
        .hint(format!("its settings are in {}", pipeline::names::shown(&folder.recipe_path())))
        .into());
    };
    let mut stdout = std::io::stdout().lock();
    if arguments.videos {
        for RunVideo { video, class, labels, part } in folder.videos(&state)? {
            let part = if part == Part::Test { "test" } else { "train" };
            let answers =
                |labels: Vec<f32>| labels.iter().map(|label| label.to_string()).collect::<Vec<_>>().join(",");
            let what = class.or(labels.map(answers)).unwrap_or_default();
            writeln!(stdout, "{part}\t{what}\t{video}")?;
        }
        return Ok(());
    }
    let step = folder.resume_point()?.map(|point| point.step);
    if arguments.json {
        let mut line = serde_json::to_value(&state)?;
        line["step"] = step.into();
        writeln!(stdout, "{line}")?;
        return Ok(());
    }
    write!(stdout, "{}", text(&state, step))?;
    Ok(())
}

/// The tables.
fn text(state: &RunState, step: Option<u64>) -> String {
    let row = |name: &str, what: String| vec![name.to_owned(), what];
    let RunState { steps, schedule, data, .. } = state;
    let at = step.map_or("no checkpoint".to_owned(), |step| format!("step {step}"));
    let mut rows = vec![
        row("command", format!("{}, begun by {}", state.command, state.made_by)),
        row("steps", format!("{at} of {}, {} an epoch", steps.until, steps.per_epoch)),
        row(
            "schedule",
            format!(
                "to {:.3e} in {} steps, to {:.3e} at step {}; {}",
                schedule.peak,
                schedule.warmup,
                schedule.floor,
                schedule.total,
                digest(&schedule.digest)
            ),
        ),
        row(
            "--init",
            state.init.as_ref().map_or("weights were drawn".to_owned(), |init| {
                format!("{}; {}", init.path, digest(&init.digest))
            }),
        ),
        row("data", format!("{}, named in {}", named(state), data.folder)),
        row("videos", format!("{}; {}", data.videos, digest(&data.list))),
    ];
    match &state.split {
        Some(split) => rows.push(row(
            "split",
            format!(
                "{} (seed {}): {} to train on, {} to test on; {}",
                split.asked,
                split.seed,
                split.train,
                split.test,
                digest(&split.digest)
            ),
        )),
        None => rows.push(row("split", "none: nothing is held out".to_owned())),
    }
    rows.push(row("computed", format!("on {}, {} workers decode", state.device, state.workers)));
    let mut text = report::table(&rows);
    if !state.classes.is_empty() {
        let mut rows = vec![["class", "name", "train", "test"].map(String::from).to_vec()];
        rows.extend(state.classes.iter().enumerate().map(|(at, class)| {
            vec![at.to_string(), class.name.clone(), class.train.to_string(), class.test.to_string()]
        }));
        text += &format!("\n{}", report::table(&rows));
    }
    if !state.changes.is_empty() {
        let mut rows = vec![["changed at step", "what", "from", "to"].map(String::from).to_vec()];
        rows.extend(state.changes.iter().map(|change| {
            vec![change.step.to_string(), change.what.clone(), change.from.clone(), change.to.clone()]
        }));
        text += &format!("\n{}", report::table(&rows));
    }
    text
}

fn named(state: &RunState) -> String {
    let test = state.data.test.iter().map(|test| format!("test {test}"));
    state.data.named.iter().cloned().chain(test).collect::<Vec<_>>().join(", ")
}

fn digest(digest: &str) -> String {
    format!("digest {}…", digest.chars().take(12).collect::<String>())
}
