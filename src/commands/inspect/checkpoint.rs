//! `tubelet inspect checkpoint`: what is in a file of weights, and whether anything is odd.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use trainer::{
    checkpoint::{self, Kind, SavedModel},
    model::{ModelShape, Stack},
};

use crate::{
    report::{self, Usage},
    weights::{describe, explain},
};

/// Print what a checkpoint is: sizes, tensors with statistics, anything odd
///
/// FILE is a run's folder or checkpoint, an official .pth, or a Hugging Face folder.
///
/// Example: tubelet inspect checkpoint run/checkpoint-300.safetensors
#[derive(clap::Args)]
pub struct Arguments {
    /// The file
    file: PathBuf,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let file = &arguments.file;
    if !file.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", file.display())).into());
    }
    let model = checkpoint::read_any(file).map_err(explain)?;
    let about = &model.about;
    let mut rows =
        vec![["tensor", "shape", "mean", "deviation", "least", "largest", ""].map(String::from).to_vec()];
    let mut odd = 0;
    for (name, tensor) in &model.weights {
        let what = oddity(&tensor.values);
        odd += usize::from(!what.is_empty());
        let [mean, deviation, least, largest] =
            statistics(&tensor.values).map(|value| format!("{value:.3e}"));
        rows.push(vec![
            name.clone(),
            format!("{:?}", tensor.shape),
            mean,
            deviation,
            least,
            largest,
            what.to_owned(),
        ]);
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", report::table(&rows).trim_end())?;
    writeln!(stdout, "\n{}; {odd} odd", describe(&model))?;
    write!(stdout, "{}", lengths(&model))?;
    writeln!(stdout, "step {}, {} clips, made by {}", about.step, about.clips, about.made_by)?;
    for taken in &model.assumed {
        writeln!(stdout, "taken for granted: {taken}")?;
    }
    Ok(())
}

/// Stacks, clips and epsilons, a line each.
fn lengths(model: &SavedModel) -> String {
    let ModelShape { geometry, encoder, decoder, epsilons } = model.shape;
    let stack = |name: &str, Stack { dim, depth, heads, hidden }: Stack| {
        format!("{name} {dim} wide, {depth} blocks, {heads} heads, MLP {hidden} wide\n")
    };
    let mut text = stack("encoder", encoder);
    if model.kind == Kind::Pretraining {
        text += &stack("decoder", decoder);
    }
    text += &format!(
        "clips of {} frames, {}×{} pixels, in cubes of {}×{patch}×{patch}\n",
        geometry.frames(),
        geometry.height(),
        geometry.width(),
        geometry.tubelet(),
        patch = geometry.patch(),
    );
    text + &format!("epsilon {:e} in the blocks, {:e} in the last norm\n", epsilons.blocks, epsilons.last)
}

/// Mean, standard deviation, least and largest value.
fn statistics(values: &[f32]) -> [f64; 4] {
    let count = values.len().max(1) as f64;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
    let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    [mean, variance.sqrt(), least.into(), largest.into()]
}

/// What a trained tensor should not be.
fn oddity(values: &[f32]) -> &'static str {
    if values.iter().any(|value| !value.is_finite()) {
        "not finite"
    } else if values.iter().all(|&value| value == 0.0) {
        "all zero"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tensor_should_not_be_is_named() {
        assert_eq!(oddity(&[1.0, f32::NAN]), "not finite");
        assert_eq!(oddity(&[0.0; 4]), "all zero");
        assert_eq!(oddity(&[0.0, 1.0]), "");
    }

    #[test]
    fn statistics_are_of_the_whole_tensor() {
        assert_eq!(statistics(&[1.0, 3.0]), [2.0, 1.0, 1.0, 3.0]);
    }
}
