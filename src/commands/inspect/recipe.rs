//! `tubelet inspect recipe`: what a recipe means in tokens, parameters, work and steps.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use trainer::{
    Recipe,
    model::{layout, macs::Macs},
    recipe::DecoderMask,
};

use crate::{arguments, data, report};

/// Print every setting of a recipe, and what it means
///
/// Example: tubelet inspect recipe vit-b-k400-800 --set optimiser.micro_batch=8 --data films
#[derive(clap::Args)]
pub struct Arguments {
    /// A built-in recipe's name, or a TOML file
    #[arg(value_name = "NAME|FILE", default_value = "tiny")]
    recipe: String,
    /// Change a setting, such as `model.size=small`; may be given often
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Count steps for this data
    #[arg(long, value_name = "VIDEOS", num_args = 1..)]
    data: Vec<PathBuf>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let named =
        arguments::RecipeArguments { recipe: Some(arguments.recipe.clone()), set: arguments.set.clone() };
    let recipe = named.resolve("tiny")?;
    arguments::check(&recipe)?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", recipe.to_toml().trim_end())?;
    writeln!(stdout, "\n{}", report::table(&meaning(&recipe, &arguments.data)?).trim_end())?;
    Ok(())
}

/// Rows of a name, a number and what it is.
fn meaning(recipe: &Recipe, given: &[PathBuf]) -> Result<Vec<Vec<String>>> {
    let shape = recipe.model_shape()?;
    let geometry = shape.geometry;
    let tokens = data::token_counts(recipe)?;
    let official = Macs::of_pretraining(&shape, geometry.tokens(), tokens.visible, tokens.painted);
    let ours = Macs::of_pretraining(&shape, tokens.visible, tokens.visible, tokens.painted);
    let [time, height, width] = geometry.grid();
    let (micro_batch, parts) = recipe.accumulation()?;
    let parameters = layout::pretraining(&shape).parameters();
    let mut rows = vec![
        row("tokens", geometry.tokens(), format!("cubes of a clip, {time}×{height}×{width}")),
        row("visible", tokens.visible, "tokens that the encoder sees"),
        row(
            "painted",
            tokens.painted,
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
    if !given.is_empty() {
        let dataset = data::open(given)?;
        let clips = dataset.slots(recipe.clip.clips_per_video as u32) * recipe.clip.repeats as u64;
        let per_epoch = clips / recipe.optimiser.batch as u64;
        rows.push(row("videos", dataset.videos(), "of the data"));
        rows.push(row("steps", per_epoch, "an epoch"));
        rows.push(row(
            "",
            per_epoch * recipe.schedule.epochs,
            format!("in {} epochs", recipe.schedule.epochs),
        ));
    }
    Ok(rows)
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
        let text = report::table(&meaning(&recipe, &[]).unwrap());
        for number in ["1568 ", "160 ", "1408 ", "94,210,944", "35.440"] {
            assert!(text.contains(number), "{number} is missing in\n{text}");
        }
        let mut dual = recipe;
        dual.set("mask.decoder=running-cell").unwrap();
        let text = report::table(&meaning(&dual, &[]).unwrap());
        assert!(text.contains("25.840") && text.contains("704 counted"), "{text}");
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([7, 1000, 94_210_944].map(grouped), ["7", "1,000", "94,210,944"]);
    }
}
