//! `tubelet inspect checkpoint`: what is in a file of weights, and whether anything is odd.

use std::{io::Write as _, path::PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use trainer::{
    checkpoint::{self, Kind, SavedModel},
    model::{ModelShape, Stack},
};

use crate::{
    command::{arguments::LengthArguments, report},
    tensor_statistics::{self, Inspected, TensorLine},
    weights::describe,
};

/// Print what is in a checkpoint: sizes, tensors with statistics, anything unusual
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
    /// Print one JSON object: the model, and its tensors with their statistics
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Inspected { model, tensors } =
        tensor_statistics::inspect(&arguments.file, arguments.lengths.hints())?;
    if arguments.json {
        let digest = checkpoint::carried_digest(&arguments.file)?;
        println!("{}", json(&model, &tensors, digest.map(|digest| digest.to_string())));
        return Ok(());
    }
    let about = &model.about;
    let head = ["tensor", "shape", "mean", "deviation", "least", "largest", ""].map(String::from).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(tensors.iter().map(row)).collect();
    let odd = tensors.iter().filter(|tensor| tensor.oddity.is_some()).count();
    let not_finite: Vec<&str> =
        tensors.iter().filter(|tensor| !tensor.is_finite).map(|tensor| tensor.name.as_str()).collect();
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", report::table(&rows).trim_end())?;
    writeln!(stdout, "\n{}; {odd} odd", describe(&model))?;
    if !not_finite.is_empty() {
        writeln!(stdout, "not finite, so that no other command reads this file: {}", not_finite.join(", "))?;
    }
    write!(stdout, "{}", lengths(&model))?;
    writeln!(stdout, "step {}, {} clips, made by {}", about.step, about.clips, about.made_by)?;
    match checkpoint::carried_digest(&arguments.file)? {
        Some(digest) => writeln!(stdout, "digest {digest} (its content has it)")?,
        None => writeln!(stdout, "no digest: another program or an older version wrote it")?,
    }
    for taken in &model.assumed {
        writeln!(stdout, "taken for granted: {taken}")?;
    }
    for note in &model.notes {
        writeln!(stdout, "note: {note}")?;
    }
    Ok(())
}

/// The same for programs.
fn json(model: &SavedModel, tensors: &[TensorLine], digest: Option<String>) -> Value {
    let ModelShape { geometry, encoder, decoder, epsilons, encoder_norm } = model.shape;
    let stack = |of: Stack| json!({ "dim": of.dim, "depth": of.depth, "heads": of.heads, "mlp": of.hidden });
    let tensor = |line: &TensorLine| {
        let [mean, deviation, least, largest] = line.statistics;
        json!({
            "name": line.name, "shape": line.shape, "mean": mean, "deviation": deviation, "least": least,
            "largest": largest, "odd": line.oddity, "finite": line.is_finite,
        })
    };
    json!({
        "model": describe(model),
        "encoder": stack(encoder),
        "decoder": (model.kind == Kind::Pretraining).then(|| stack(decoder)),
        "encoder_norm": encoder_norm,
        "epsilons": [epsilons.blocks, epsilons.last],
        "clip": {
            "frames": geometry.frames(), "height": geometry.height(), "width": geometry.width(),
            "tubelet": geometry.tubelet(), "patch": geometry.patch(),
        },
        "classes": model.labels,
        "step": model.about.step,
        "clips": model.about.clips,
        "made_by": model.about.made_by,
        "digest": digest,
        "assumed": model.assumed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "notes": model.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tensors": tensors.iter().map(tensor).collect::<Vec<_>>(),
    })
}

/// A tensor's row.
fn row(tensor: &TensorLine) -> Vec<String> {
    let TensorLine { name, shape, statistics, oddity, .. } = tensor;
    let [mean, deviation, least, largest] = statistics.map(|value| format!("{value:.3e}"));
    vec![
        name.clone(),
        format!("{shape:?}"),
        mean,
        deviation,
        least,
        largest,
        oddity.clone().unwrap_or_default(),
    ]
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
