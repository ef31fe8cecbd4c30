//! `tubelet inspect recipe`: what a recipe means in tokens, parameters, work, memory, steps and time.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use schemas::settings::DecoderMask;
use trainer::{
    Device, Recipe,
    model::{layout, macs::Macs},
};

use crate::{
    RecipeChoice,
    command::{arguments, report, terminal::Terminal},
    data::{self, masked::token_counts},
    device,
    machine::{self, default_workers},
    memory, recipe_choice,
    run::forecast::Forecast,
    words::bytes,
};

/// Print every setting of a recipe, and the tokens, parameters and memory that follow
///
/// With --data, a training step and the loading of clips are timed for some seconds on this machine, and the
/// time to the last epoch is estimated.
///
/// Example: tubelet inspect recipe vit-b-k400-800 --set optimiser.micro_batch=8 --data films
#[derive(clap::Args)]
pub struct Arguments {
    /// A built-in recipe's name, or a TOML file
    #[arg(value_name = "NAME|FILE", default_value = "tiny")]
    recipe: String,
    /// Change a setting, such as `model.size=small`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Count the steps for these videos, and time them
    #[arg(long, value_name = "VIDEOS", num_args = 1..)]
    data: Vec<PathBuf>,
    /// Device to compute on: flex (the CPU, in pure Rust), or another device of this build
    #[arg(long, default_value = "flex")]
    device: String,
    /// Number of threads that decode
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = arguments::workers)]
    workers: usize,
    /// Print one JSON object: the settings, and the rows of what follows from them
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let choice = RecipeChoice { set: arguments.set.clone(), ..RecipeChoice::named(&arguments.recipe) };
    let recipe = choice.resolve(|| Ok(Recipe::default()))?;
    recipe_choice::check(&recipe)?;
    let device = device::named(&arguments.device)?;
    let rows = || -> Result<Vec<Vec<String>>> {
        let mut rows = meaning(&recipe)?;
        if !arguments.data.is_empty() {
            rows.extend(duration(&recipe, &arguments.data, &device, arguments.workers)?);
        }
        Ok(rows)
    };
    let mut stdout = std::io::stdout().lock();
    if arguments.json {
        let row = |row: Vec<String>| serde_json::json!({ "name": row[0], "value": row[1], "what": row[2] });
        let rows: Vec<_> = rows()?.into_iter().map(row).collect();
        let settings: serde_json::Map<String, serde_json::Value> =
            recipe.settings().into_iter().map(|(key, value)| (key, value.into())).collect();
        writeln!(stdout, "{}", serde_json::json!({ "settings": settings, "meaning": rows }))?;
        return Ok(());
    }
    writeln!(stdout, "{}", recipe.to_toml().trim_end())?;
    for (key, value) in recipe.left_out() {
        writeln!(stdout, "# {key} = {value}")?;
    }
    let rows = rows()?;
    writeln!(stdout, "\n{}", report::table(&rows).trim_end())?;
    Ok(())
}

/// Rows of a name, a number and what it is.
fn meaning(recipe: &Recipe) -> Result<Vec<Vec<String>>> {
    let shape = recipe.model_shape()?;
    let geometry = shape.geometry;
    let tokens = token_counts(recipe)?;
    let official = Macs::of_pretraining(&shape, geometry.tokens(), tokens.visible, tokens.predicted);
    let ours = Macs::of_pretraining(&shape, tokens.visible, tokens.visible, tokens.predicted);
    let [time, height, width] = geometry.grid();
    let (micro_batch, parts) = recipe.accumulation()?;
    let parameters = layout::pretraining(&shape).parameters();
    let mut rows = vec![
        row("tokens", geometry.tokens(), format!("cubes of a clip, {time}×{height}×{width}")),
        row("visible", tokens.visible, "tokens that the encoder sees"),
        row(
            "painted",
            tokens.predicted,
            match recipe.mask.decoder {
                DecoderMask::None => "tokens that the decoder paints, all counted in the loss".to_owned(),
                DecoderMask::RunningCell => {
                    format!("tokens that the decoder paints, {} counted in the loss", tokens.counted)
                }
            },
        ),
        row("parameters", grouped(parameters), "of encoder and decoder together"),
        row(
            "GMACs",
            format!("{:.3}", official.total() as f64 / 1e9),
            "of one clip forward as papers count, all cubes embedded",
        ),
        row("", format!("{:.3}", ours.total() as f64 / 1e9), "as computed here, only visible cubes embedded"),
        row("update", recipe.optimiser.batch, format!("clips, in {parts} × {micro_batch}")),
    ];
    rows.extend(memory_by_part(recipe)?);
    Ok(rows)
}

/// What a step takes, by part.
fn memory_by_part(recipe: &Recipe) -> Result<Vec<Vec<String>>> {
    let (micro_batch, _) = recipe.accumulation()?;
    let again = recipe.model.gradient_checkpointing;
    let estimate = memory::of_step(recipe)?;
    let free =
        machine::free_memory().map_or(String::new(), |free| format!("; {} are free here", bytes(free)));
    Ok(vec![
        row("memory", bytes(estimate.total()), format!("about, for a step at its fullest{free}")),
        row("", bytes(estimate.weights), "weights"),
        row("", bytes(estimate.gradients + estimate.gradient_sum), "gradients"),
        row("", bytes(estimate.moments), "AdamW's moments"),
        row(
            "",
            bytes(estimate.activations),
            format!(
                "activations of {micro_batch} clips, {}",
                if again { "blocks computed again" } else { "all kept for the backward pass" }
            ),
        ),
        row("", bytes(estimate.batch), format!("batch of {micro_batch} clips")),
    ])
}

/// Steps of the data, and how long they take here.
fn duration(recipe: &Recipe, given: &[PathBuf], device: &Device, workers: usize) -> Result<Vec<Vec<String>>> {
    let dataset = data::open(given, &Terminal::default())?;
    let (batch, epochs) = (recipe.optimiser.batch as u64, recipe.schedule.epochs);
    let clips = dataset.slots(recipe.clip.clips_per_video as u32) * recipe.clip.repeats as u64;
    let per_epoch = clips / batch;
    let mut rows = vec![
        row("videos", dataset.videos(), "of the data"),
        row("steps", per_epoch, "an epoch"),
        row("", per_epoch * epochs, format!("in {epochs} epochs")),
    ];
    if per_epoch == 0 {
        rows.push(row("time", "none", format!("an epoch has {clips} clips, and one update takes {batch}")));
        return Ok(rows);
    }
    report::say("timing a training step and the loading of clips …");
    let forecast = Forecast::measure(recipe, &dataset, device, workers)?;
    let here = if forecast.cut { "of a few of the blocks, the rest by work" } else { "of the whole model" };
    let timed = format!("computing a clip on {}: {} clips {here}", device.name(), forecast.clips);
    rows.extend([
        row("time", seconds(forecast.computing), timed),
        row("", seconds(forecast.loading), format!("loading a clip with {workers} workers")),
        row("", report::duration(forecast.seconds(batch)), "a step"),
        row("", report::duration(forecast.seconds(batch * per_epoch)), "an epoch"),
        row("", report::duration(forecast.seconds(batch * per_epoch * epochs)), "to the end"),
    ]);
    Ok(rows)
}

/// A clip's time, which may be short.
fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", 1e3 * seconds) } else { format!("{seconds:.2} s") }
}

fn row(name: &str, number: impl ToString, what: impl Into<String>) -> Vec<String> {
    vec![name.to_owned(), number.to_string(), what.into()]
}

/// `94210944` as `94,210,944`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let places = digits.chars().enumerate();
    places.fold(String::new(), |mut text, (place, digit)| {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_model_is_what_was_published() {
        let recipe = Recipe::built_in("vit-b-k400-800").unwrap();
        let text = report::table(&meaning(&recipe).unwrap());
        for number in ["1568 ", "160 ", "1408 ", "94,210,944", "35.440", "377 MB", "754 MB"] {
            assert!(text.contains(number), "{number} is missing in\n{text}");
        }
        let mut dual = recipe;
        dual.set("mask.decoder=running-cell").unwrap();
        let text = report::table(&meaning(&dual).unwrap());
        assert!(text.contains("25.840") && text.contains("704 counted"), "{text}");
    }

    #[test]
    fn times_are_said_in_fitting_units() {
        assert_eq!([seconds(0.0123), seconds(2.345)], ["12.3 ms", "2.35 s"]);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([7, 1000, 94_210_944].map(grouped), ["7", "1,000", "94,210,944"]);
    }
}
