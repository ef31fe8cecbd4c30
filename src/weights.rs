//! Files of weights as several commands meet them: described in a line, refused in plain words, taken as the
//! beginning of a run.

use std::path::Path;

use anyhow::Result;
use pipeline::labels::Classes;
use schemas::ProblemType;
use trainer::{
    Device, Recipe, RunFolder,
    beginning::{self, BeginError, Beginning},
    checkpoint::{self, CheckpointError, Kind, SavedModel},
    model::layout,
    training::Training,
    weights::Weights,
};

use crate::report::{self, Usage};

/// Errors that another argument would avoid are asked wrongly; the others are the file's.
pub fn explain(why: CheckpointError) -> anyhow::Error {
    match why.hint() {
        Some(hint) => Usage::new(why.to_string()).hint(hint).into(),
        None if matches!(why, CheckpointError::Taken { .. } | CheckpointError::HeadsDiffer { .. }) => {
            Usage::new(why.to_string()).into()
        }
        None => why.into(),
    }
}

/// What a model is, in a line.
pub fn describe(model: &SavedModel) -> String {
    let what = match model.kind {
        Kind::Pretraining => "encoder and decoder".to_owned(),
        Kind::Classifier { classes } => match model.problem_type {
            ProblemType::SingleLabelClassification => format!("classifier of {classes} classes"),
            ProblemType::MultiLabelClassification => {
                format!("classifier of {classes} classes, of which a video may have several")
            }
            ProblemType::Regression => {
                format!("regression of {classes} number{}", if classes == 1 { "" } else { "s" })
            }
        },
        Kind::Encoder { .. } => "encoder".to_owned(),
    };
    let layout = model.layout();
    format!("{what}, {} tensors, {} parameters", layout.0.len(), layout.parameters())
}

/// Writes the weights of `file` as the first checkpoint of a run, that of step 0.
///
/// # Errors
/// When they cannot be read, or are not those of the recipe's model.
pub fn begin_with(file: &Path, recipe: &Recipe, device: &Device, run: &RunFolder) -> Result<()> {
    if !file.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", file.display())).into());
    }
    let model = checkpoint::read_any(file).map_err(explain)?.for_our_pixels();
    let shape = recipe.model_shape()?;
    if model.kind != Kind::Pretraining {
        return Err(Usage::new(format!(
            "{} holds a {}, not encoder and decoder",
            file.display(),
            describe(&model)
        ))
        .into());
    }
    // Tensors fit whatever the number of heads is.
    let heads = |encoder: usize, decoder: usize| format!("{encoder} and {decoder} attention heads");
    let (found, wanted) = (
        heads(model.shape.encoder.heads, model.shape.decoder.heads),
        heads(shape.encoder.heads, shape.decoder.heads),
    );
    if found != wanted {
        return Err(Usage::new(format!("{} has {found}, the recipe {wanted}", file.display()))
            .hint("--set model.encoder_heads=… --set model.decoder_heads=…")
            .into());
    }
    if model.shape.epsilons != shape.epsilons {
        report::say("note: the norms of these weights were made with another epsilon; going on with 1e-6");
    }
    report::say(format_args!("begins with {}: {}", file.display(), describe(&model)));
    let weights = Weights::fit(layout::pretraining(&shape), model.weights, device).map_err(|misfit| {
        Usage::new(format!("{} is of another model than the recipe: {misfit}", file.display()))
    })?;
    run.write_checkpoint(&Training::from_weights(recipe, weights).checkpoint(recipe, run.data()))?;
    Ok(())
}

/// What a fine-tuning begins with: `init` is a file, a run, or `scratch`. Says how many tensors came and which
/// are new.
///
/// # Errors
/// When the weights cannot be read, are of another size than the recipe's, or nothing is named.
pub fn classifier(
    init: Option<&Path>,
    recipe: &Recipe,
    classes: &Classes,
    device: &Device,
) -> Result<Beginning> {
    let labels = classes.names().to_vec();
    let Some(init) = init else {
        return Err(Usage::new("the run has no checkpoint to go on from")
            .hint("--init FILE|RUN|scratch, as at first")
            .into());
    };
    if init == Path::new("scratch") {
        let beginning = beginning::from_scratch(recipe, labels, device).map_err(|why| unfit(&why, ""))?;
        report::say(format_args!("begins from scratch: {} tensors are drawn", beginning.new.len()));
        return Ok(beginning);
    }
    if !init.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", init.display()))
            .hint("`--init scratch` begins without weights")
            .into());
    }
    let model = checkpoint::read_any(init).map_err(explain)?;
    let what = describe(&model);
    let beginning = beginning::from_model(recipe, labels, model, device)
        .map_err(|why| unfit(&why, &format!("{} does not fit: ", init.display())))?;
    let (taken, all) = (beginning.taken, beginning.taken + beginning.new.len());
    let new = if beginning.new.is_empty() { "none".to_owned() } else { beginning.new.join(", ") };
    report::say(format_args!("begins with {} ({what})", init.display()));
    report::say(format_args!(
        "{taken} of {all} tensors come from there; new: {new}; {} of its tensors have no place in a classifier",
        beginning.unused
    ));
    beginning.notes.iter().for_each(|note| report::say(format_args!("note: {note}")));
    Ok(beginning)
}

fn unfit(why: &BeginError, before: &str) -> Usage {
    let usage = Usage::new(format!("{before}{why}"));
    match why.hint() {
        Some(hint) => usage.hint(hint),
        None => usage,
    }
}
