//! `tubelet inspect checkpoint`: what is in a file of weights, and whether anything is odd.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use trainer::{
    checkpoint::{self, Kind, SavedModel},
    model::{ModelShape, Stack},
    weights::HostTensor,
};

use tubelet::Usage;
use tubelet::weights::{describe, explain};

use crate::arguments::LengthArguments;
use crate::report;

/// Print what a checkpoint is: sizes, tensors with statistics, anything odd
///
/// FILE is a run's folder or checkpoint, an official .pth, or a Hugging Face folder.
///
/// Example: tubelet inspect checkpoint run/checkpoint-300.safetensors
#[derive(clap::Args)]
pub struct Arguments {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    lengths: LengthArguments,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let file = &arguments.file;
    if !file.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", file.display())).into());
    }
    // Here alone NaN and infinite values are read: to be named.
    let model = checkpoint::read_to_inspect(file, arguments.lengths.hints()).map_err(explain)?;
    let about = &model.about;
    let mut rows =
        vec![["tensor", "shape", "mean", "deviation", "least", "largest", ""].map(String::from).to_vec()];
    let (mut odd, mut not_finite) = (0, Vec::new());
    for (name, tensor) in &model.weights {
        let what = oddity(tensor);
        odd += usize::from(!what.is_empty());
        if tensor.not_finite().is_some() {
            not_finite.push(name.as_str());
        }
        let [mean, deviation, least, largest] =
            statistics(&tensor.values).map(|value| format!("{value:.3e}"));
        rows.push(vec![name.clone(), format!("{:?}", tensor.shape), mean, deviation, least, largest, what]);
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", report::table(&rows).trim_end())?;
    writeln!(stdout, "\n{}; {odd} odd", describe(&model))?;
    if !not_finite.is_empty() {
        writeln!(stdout, "not finite, so that no other command reads this file: {}", not_finite.join(", "))?;
    }
    write!(stdout, "{}", lengths(&model))?;
    writeln!(stdout, "step {}, {} clips, made by {}", about.step, about.clips, about.made_by)?;
    for taken in &model.assumed {
        writeln!(stdout, "taken for granted: {taken}")?;
    }
    for note in &model.notes {
        writeln!(stdout, "note: {note}")?;
    }
    Ok(())
}

/// Stacks, clips and epsilons, a line each.
fn lengths(model: &SavedModel) -> String {
    let ModelShape { geometry, encoder, decoder, epsilons, encoder_norm } = model.shape;
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
    if !encoder_norm {
        text += "no norm behind the encoder\n";
    }
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
fn oddity(tensor: &HostTensor) -> String {
    match tensor.not_finite() {
        Some(found) => format!("not finite: {found}"),
        None if tensor.values.iter().all(|&value| value == 0.0) => "all zero".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tensor_should_not_be_is_named() {
        let oddity =
            |values: &[f32]| oddity(&HostTensor { shape: vec![values.len()], values: values.to_vec() });
        assert_eq!(oddity(&[1.0, f32::NAN]), "not finite: NaN at 1, 1 of its 2 values");
        assert_eq!(oddity(&[0.0; 4]), "all zero");
        assert_eq!(oddity(&[0.0, 1.0]), "");
    }

    #[test]
    fn statistics_are_of_the_whole_tensor() {
        assert_eq!(statistics(&[1.0, 3.0]), [2.0, 1.0, 1.0, 3.0]);
    }
}
