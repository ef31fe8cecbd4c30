//! Files of weights as several commands meet them: described in a line, refused in plain words, taken as the
//! beginning of a run.

use std::path::Path;

use anyhow::Result;
use pipeline::labels::Classes;
use trainer::{
    Device, Recipe, RunFolder,
    beginning::{self, BeginError, Beginning},
    checkpoint::{self, CheckpointError, Heads, Hints, Kind, SavedModel},
    finite::OutputNotFinite,
    frozen::FeaturesError,
    initial_pretraining::{self, InitialPretraining},
    labelled_clips::LabelledClipsError,
    model::layout::LastNorm,
    training::Training,
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
        Kind::Classifier { classes } => format!("classifier of {classes} classes"),
        Kind::Encoder { last_norm: LastNorm::OfMean } => "encoder for features".to_owned(),
        Kind::Encoder { .. } => "encoder".to_owned(),
    };
    let layout = model.layout();
    format!("{what}, {} tensors, {} parameters", layout.0.len(), layout.parameters())
}

/// Says what a person should know of how a model was read from `file`.
pub fn say_notes(model: &SavedModel, file: &str) {
    if !model.assumed.is_empty() {
        let assumed = model.assumed.join(", ");
        report::say(format_args!("note: not said in {file} and taken for granted: {assumed}"));
    }
    model.notes.iter().for_each(|note| report::say(format_args!("note: {note}")));
}

/// Whether an error says that a model gives what is no number.
pub fn is_not_finite(why: &anyhow::Error) -> bool {
    why.chain().any(|cause| {
        cause.downcast_ref::<OutputNotFinite>().is_some()
            || matches!(cause.downcast_ref(), Some(LabelledClipsError::NotFinite(_)))
            || matches!(cause.downcast_ref(), Some(FeaturesError::Clips(LabelledClipsError::NotFinite(_))))
    })
}

/// Reads weights to begin with. Frames and frame size are the recipe's there, so they need not be said.
fn read(file: &Path, heads: Option<Heads>, recipe: &Recipe) -> Result<SavedModel> {
    let hints = Hints { heads, ..Hints::default() };
    let model = match checkpoint::read_with(file, hints) {
        Err(CheckpointError::Geometry { .. }) => {
            let clip = recipe.geometry().map_err(crate::arguments::wrong)?;
            let (frames, sides) = (Some(clip.frames()), Some([clip.height(), clip.width()]));
            checkpoint::read_with(file, Hints { frames, sides, ..hints })
        }
        read => read,
    };
    let model = model.map_err(|why| match why {
        // The recipe says the clips here, not `--frames` and `--size`.
        CheckpointError::Geometry { .. } => Usage::new(why.to_string())
            .hint("`--set clip.frames=…` and `--set clip.size=…` make clips that its cubes divide")
            .into(),
        why => explain(why),
    })?;
    model.notes.iter().for_each(|note| report::say(format_args!("note: {note}")));
    Ok(model)
}

/// What a pre-training begins with: the weights of `file`, and what they lack, drawn. Says how many tensors came and
/// which are new.
///
/// # Errors
/// When they cannot be read, or are of another size than the recipe's model.
pub fn pretraining(
    file: &Path,
    heads: Option<Heads>,
    recipe: &Recipe,
    device: &Device,
) -> Result<InitialPretraining> {
    if !file.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", file.display())).into());
    }
    let model = read(file, heads, recipe)?;
    let what = describe(&model);
    let initial = initial_pretraining::from_model(recipe, model, device)
        .map_err(|why| unfit(&why, &format!("{} does not fit: ", file.display())))?;
    report::say(format_args!("begins with {}: {what}", file.display()));
    let (taken, all) = (initial.taken, initial.taken + initial.new.len());
    let decoder = initial.new.iter().filter(|name| !name.starts_with("encoder.")).count();
    let others = initial.new.iter().filter(|name| name.starts_with("encoder.")).cloned();
    let drawn: Vec<String> =
        others.chain((decoder > 0).then(|| format!("a fresh decoder of {decoder} tensors"))).collect();
    if !drawn.is_empty() || initial.unused > 0 {
        let drawn = if drawn.is_empty() { "nothing".to_owned() } else { drawn.join(", ") };
        report::say(format_args!(
            "{taken} of {all} tensors come from there; drawn: {drawn}; {} of its tensors have no place in a \
             pre-training",
            initial.unused
        ));
    }
    initial.notes.iter().for_each(|note| report::say(format_args!("note: {note}")));
    Ok(initial)
}

/// Writes what a pre-training begins with as the first checkpoint of a run, that of step 0.
///
/// # Errors
/// When it cannot be written.
pub fn begin(initial: InitialPretraining, recipe: &Recipe, run: &RunFolder) -> Result<()> {
    let training = Training::from_weights(recipe, initial.weights);
    run.write_checkpoint(&training.checkpoint(recipe, run.data()))?;
    Ok(())
}

/// What a fine-tuning begins with: `init` is a file, a run, or `scratch`. Says how many tensors came and which
/// are new.
///
/// # Errors
/// When the weights cannot be read, are of another size than the recipe's, or nothing is named.
pub fn classifier(
    init: Option<&Path>,
    heads: Option<Heads>,
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
    let model = read(init, heads, recipe)?;
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
