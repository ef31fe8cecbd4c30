//! Files of weights as several commands meet them: described in a line, refused in plain words, taken as the
//! beginning of a run.

use std::path::Path;

use pipeline::{dataset::labels::Classes, names::shown, store};
use schemas::{ProblemType, run_state::InitialWeights};
use trainer::{
    Device, Recipe,
    checkpoint::{self, CheckpointError, Heads, Hints, Kind, SavedModel},
    model::layout::LastNorm,
    train::{
        initial_pretraining,
        initial_weights::{self, InitialClassifier, InitialWeightsError},
        state::TrainState,
    },
};

use crate::{
    error::{Error, Result, Usage},
    input_file,
    observer::Observer,
};

/// Errors that another argument would avoid are usage errors; the others are the file's.
pub fn explain(why: CheckpointError) -> Error {
    let whole = match &why {
        CheckpointError::Damaged { path, .. } => checkpoint::last_whole_beside(path),
        _ => None,
    };
    let whole = whole.map(|path| format!("{} is the run's newest checkpoint that is whole", shown(&path)));
    match why.hint().or(whole) {
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
        Kind::Encoder { last_norm: LastNorm::OfMean } => "encoder for features".to_owned(),
        Kind::Encoder { .. } => "encoder".to_owned(),
    };
    let layout = model.layout();
    format!("{what}, {} tensors, {} parameters", layout.0.len(), layout.parameters())
}

/// Says what a person should know of how a model was read from `file`.
pub fn note_assumed(model: &SavedModel, file: &str, observer: &dyn Observer) {
    if !model.assumed.is_empty() {
        let assumed = model.assumed.join(", ");
        observer.note(format_args!("note: {file} does not say, so this is assumed: {assumed}"));
    }
    model.notes.iter().for_each(|note| observer.note(format_args!("note: {note}")));
}

/// Reads weights to begin with. Frames and frame size are the recipe's there, so they need not be said.
fn read(file: &Path, heads: Option<Heads>, recipe: &Recipe, observer: &dyn Observer) -> Result<SavedModel> {
    let hints = Hints { heads, ..Hints::default() };
    let model = match checkpoint::read_with(file, hints) {
        Err(CheckpointError::Geometry { .. }) => {
            let clip = recipe.geometry().map_err(crate::recipe_choice::wrong)?;
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
    model.notes.iter().for_each(|note| observer.note(format_args!("note: {note}")));
    Ok(model)
}

/// What a pre-training begins with: the weights of `file`, and what they lack, drawn; and the digest of the file's
/// weights. Says how many tensors came and which are new.
///
/// # Errors
/// When they cannot be read, or are of another size than the recipe's model.
pub fn pretraining(
    file: &Path,
    heads: Option<Heads>,
    recipe: &Recipe,
    device: &Device,
    observer: &dyn Observer,
) -> Result<(TrainState, String)> {
    input_file::check_file_or_folder(file)?;
    let model = read(file, heads, recipe, observer)?;
    let (what, digest) = (describe(&model), model.digest());
    let initial = initial_pretraining::from_model(recipe, model, device)
        .map_err(|why| unfit(&why, &format!("{} does not fit: ", shown(file))))?;
    observer.note(format_args!("initial weights: {}: {what}", shown(file)));
    let (taken, all) = (initial.taken, initial.taken + initial.new.len());
    let decoder = initial.new.iter().filter(|name| !name.starts_with("encoder.")).count();
    let others = initial.new.iter().filter(|name| name.starts_with("encoder.")).cloned();
    let drawn: Vec<String> =
        others.chain((decoder > 0).then(|| format!("a fresh decoder of {decoder} tensors"))).collect();
    if !drawn.is_empty() || initial.unused > 0 {
        let drawn = if drawn.is_empty() { "nothing".to_owned() } else { drawn.join(", ") };
        observer.note(format_args!(
            "{taken} of {all} tensors come from there; drawn: {drawn}; {} of its tensors have no place in a \
             pre-training",
            initial.unused
        ));
    }
    initial.notes.iter().for_each(|note| observer.note(format_args!("note: {note}")));
    Ok((TrainState::from_weights(recipe, initial.weights), digest))
}

/// What a fine-tuning begins with: `init` is a file, a run, or `scratch`; and the digest of the file's weights.
/// Says how many tensors came and which are new.
///
/// # Errors
/// When the weights cannot be read, are of another size than the recipe's, or nothing is named.
pub fn classifier(
    init: Option<&Path>,
    heads: Option<Heads>,
    recipe: &Recipe,
    classes: &Classes,
    device: &Device,
    observer: &dyn Observer,
) -> Result<(InitialClassifier, Option<String>)> {
    let labels = classes.names().to_vec();
    let Some(init) = init else {
        return Err(Usage::new("no initial weights are given").hint("--init FILE|RUN|scratch").into());
    };
    if init == Path::new("scratch") {
        let beginning =
            initial_weights::from_scratch(recipe, labels, device).map_err(|why| unfit(&why, ""))?;
        observer.note(format_args!("initial weights: from scratch, {} random tensors", beginning.new.len()));
        return Ok((beginning, None));
    }
    if !store::is_address(init) && !init.exists() {
        return Err(Usage::new(format!("{}: no such file or folder", shown(init)))
            .hint("`--init scratch` starts from random weights")
            .into());
    }
    input_file::check_file_or_folder(init)?;
    let model = read(init, heads, recipe, observer)?;
    let (what, digest) = (describe(&model), model.digest());
    let beginning = initial_weights::from_model(recipe, labels, model, device)
        .map_err(|why| unfit(&why, &format!("{} does not fit: ", shown(init))))?;
    let (taken, all) = (beginning.taken, beginning.taken + beginning.new.len());
    let new = if beginning.new.is_empty() { "none".to_owned() } else { beginning.new.join(", ") };
    observer.note(format_args!("initial weights: {} ({what})", shown(init)));
    observer.note(format_args!(
        "{taken} of {all} tensors come from there; new: {new}; {} of its tensors have no place in a classifier",
        beginning.unused
    ));
    beginning.notes.iter().for_each(|note| observer.note(format_args!("note: {note}")));
    Ok((beginning, Some(digest)))
}

/// Refuses weights that are not those that a run was begun with. The same name is taken for the same weights: what
/// came of them is in the run's checkpoints, whatever the file is now.
///
/// # Errors
/// Usage error: they are others; when they cannot be read.
pub fn check_same(
    asked: &Path,
    heads: Option<Heads>,
    recipe: &Recipe,
    begun: Option<&InitialWeights>,
    observer: &dyn Observer,
) -> Result<()> {
    let scratch = asked == Path::new("scratch");
    let differs = |begun: &str, asked: &str| {
        Usage::new(format!("the run began with {begun}, but --init says {asked}"))
            .hint("leave out --init, or start a new run with another --out")
    };
    let shown = asked.display().to_string();
    match begun {
        None if scratch => Ok(()),
        None => Err(differs("weights that were drawn", &shown).into()),
        Some(begun) if scratch => Err(differs(&begun.path, "scratch").into()),
        Some(begun) if begun.path == shown => Ok(()),
        Some(begun) => {
            if !asked.exists() {
                return Err(differs(&begun.path, &format!("{shown}, which is not there")).into());
            }
            let digest = read(asked, heads, recipe, observer)?.digest();
            if digest == begun.digest {
                return Ok(());
            }
            let first = |digest: &str| digest.chars().take(12).collect::<String>();
            let was = format!("{} (digest {}…)", begun.path, first(&begun.digest));
            Err(differs(&was, &format!("{shown} (digest {}…)", first(&digest))).into())
        }
    }
}

fn unfit(why: &InitialWeightsError, before: &str) -> Usage {
    let usage = Usage::new(format!("{before}{why}"));
    match why.hint() {
        Some(hint) => usage.hint(hint),
        None => usage,
    }
}
