//! What a fine-tuning begins with: a classifier's weights, taken from a checkpoint or drawn.
//!
//! ```text
//! encoder of a pre-training, or alone ─▶ the same tensors without `encoder.`;  fc_norm and head are drawn
//! another classifier                  ─▶ all tensors; the head only where it has these classes
//! ```
//!
//! Exactly `encoder.norm`, the decoder and what belongs to it may be left over, and exactly `fc_norm` and
//! `head` may be new. A head of more classes serves one of fewer if both have names: its rows are picked by
//! name, as VideoMAE V2 does it from Kinetics-710 to its parts.

use std::collections::BTreeMap;

use crate::{
    checkpoint::{Description, Kind, SavedModel},
    device::Device,
    model::{
        ModelShape, NormEpsilons, Size, Stack, init_weights,
        layout::{self, LastNorm},
    },
    recipe::{Position, Recipe, RecipeError},
    weights::{HostTensor, Misfit, Weights},
};

/// Weights of a classifier before its first step.
pub struct InitialClassifier {
    /// The weights.
    pub weights: Weights,
    /// What the classifier is.
    pub description: Description,
    /// How many of its tensors came from the checkpoint.
    pub taken: usize,
    /// Names of those that were drawn.
    pub new: Vec<String>,
    /// How many of the checkpoint's tensors have no place in a classifier.
    pub unused: usize,
    /// What a person should know about how the two fit, a sentence each.
    pub notes: Vec<String>,
}

/// Why a training cannot begin with these weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitialWeightsError {
    /// The recipe makes no model.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// It is of another size.
    #[error("its model has another size than the recipe: {differences}")]
    OtherSize {
        /// What differs, in words.
        differences: String,
        /// Settings that would fit.
        settings: String,
    },
    /// The recipe's head has another number of classes than the data's list.
    #[error("the list has {listed} classes, `classifier.classes` is {head}")]
    Classes {
        /// Classes of the list.
        listed: usize,
        /// Classes of the head.
        head: usize,
    },
    /// Tensors do not fit together.
    #[error(transparent)]
    Misfit(#[from] Misfit),
}

impl InitialWeightsError {
    /// What would do, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Recipe(why) => why.hint(),
            Self::OtherSize { settings, .. } => Some(settings.clone()),
            Self::Classes { listed, .. } => {
                Some(format!("`--set classifier.classes={listed}`, or leave it out"))
            }
            Self::Misfit(_) => None,
        }
    }
}

/// Draws all weights of a classifier of these classes.
///
/// # Errors
/// When the recipe makes no model, or asks for another number of classes.
pub fn from_scratch(
    recipe: &Recipe,
    labels: Vec<String>,
    device: &Device,
) -> Result<InitialClassifier, InitialWeightsError> {
    check_classes(recipe, &labels)?;
    let description = Description::of_classifier(&recipe.model_shape()?, labels, None)
        .answering(recipe.classifier.problem_type);
    finish(recipe, description, BTreeMap::new(), 0, Vec::new(), device)
}

/// Takes what fits of `model`, and draws the rest.
///
/// # Errors
/// When it is of another size than the recipe's model, or the recipe asks for another number of classes.
pub fn from_model(
    recipe: &Recipe,
    labels: Vec<String>,
    model: SavedModel,
    device: &Device,
) -> Result<InitialClassifier, InitialWeightsError> {
    check_classes(recipe, &labels)?;
    let model = model.for_our_pixels();
    let mut shape = recipe.model_shape()?;
    check_size(&shape, &model.shape, false)?;
    let mut notes = Vec::new();
    let (here, there) = (shape.geometry.grid(), model.stretched_from.unwrap_or(model.shape.geometry.grid()));
    let stretched_from =
        (recipe.classifier.position == Position::Interpolate && here != there).then_some(there);
    if here != model.shape.geometry.grid() {
        let way =
            if stretched_from.is_some() { "stretched from there" } else { "those of a table for this one" };
        notes.push(format!("it saw clips of {} cubes; positions are {way}", grid(there)));
    }

    let given = model.weights.len();
    let head = match (model.problem_type, recipe.classifier.problem_type) {
        (there, here) if there == here || !matches!(model.kind, Kind::Classifier { .. }) => {
            head_rows(&model, &labels, &mut notes)
        }
        (there, _) => {
            notes.push(format!("its head answers by {there} and is left"));
            None
        }
    };
    // A classifier's own norm goes with its head's feature, so it stays even where the head does not.
    let norm =
        if matches!(model.kind, Kind::Classifier { .. } | Kind::Encoder { last_norm: LastNorm::OfMean }) {
            model.shape.epsilons.last
        } else {
            NormEpsilons::default().last
        };
    shape.epsilons = NormEpsilons { blocks: model.shape.epsilons.blocks, last: norm };
    let kind = model.kind;
    let taken: BTreeMap<String, HostTensor> = model
        .weights
        .into_iter()
        .filter_map(|(name, tensor)| {
            let name = own_name(kind, &name)?.to_owned();
            match (name.starts_with("head."), &head) {
                (true, None) => None,
                (true, Some(rows)) => Some((name, pick(&tensor, rows))),
                (false, _) => Some((name, tensor)),
            }
        })
        .collect();
    let unused = given - taken.len();
    let description =
        Description::of_classifier(&shape, labels, stretched_from).answering(recipe.classifier.problem_type);
    finish(recipe, description, taken, unused, notes, device)
}

fn finish(
    recipe: &Recipe,
    description: Description,
    mut tensors: BTreeMap<String, HostTensor>,
    unused: usize,
    notes: Vec<String>,
    device: &Device,
) -> Result<InitialClassifier, InitialWeightsError> {
    let shape = description.shape();
    let layout = layout::classifier(&shape, description.labels().len());
    let taken = tensors.len();
    let mut new = Vec::new();
    for entry in &layout.0 {
        if !tensors.contains_key(&entry.name) {
            let (cube, scale) = (shape.geometry.cube(), recipe.classifier.init_scale);
            let drawn = init_weights::classifier_tensor(entry, cube, scale, recipe.run.seed);
            tensors.insert(entry.name.clone(), drawn);
            new.push(entry.name.clone());
        }
    }
    let weights = Weights::fit(layout, tensors, device)?;
    Ok(InitialClassifier { weights, description, taken, new, unused, notes })
}

fn check_classes(recipe: &Recipe, labels: &[String]) -> Result<(), InitialWeightsError> {
    match (recipe.classifier.classes, labels.len()) {
        (0, listed) if listed > 0 => Ok(()),
        (head, listed) if head == listed && listed > 0 => Ok(()),
        (head, listed) => Err(InitialWeightsError::Classes { listed, head }),
    }
}

/// Names of the classifier's tensor that a tensor of `kind` is; none where it has no place there.
fn own_name(kind: Kind, name: &str) -> Option<&str> {
    match kind {
        Kind::Pretraining => name.strip_prefix("encoder.").filter(|name| !name.starts_with("norm.")),
        Kind::Encoder { .. } => Some(name).filter(|name| !name.starts_with("norm.")),
        Kind::Classifier { .. } => Some(name),
    }
}

/// The rows of the model's head that are these classes; none where it has no head, or not these classes.
fn head_rows(model: &SavedModel, labels: &[String], notes: &mut Vec<String>) -> Option<Vec<usize>> {
    let Kind::Classifier { classes } = model.kind else { return None };
    if model.labels.is_empty() {
        if classes == labels.len() {
            notes.push(format!("its {classes} classes have no names and are taken by their numbers"));
            return Some((0..classes).collect());
        }
        notes.push(format!("its head has {classes} classes, not {}, and is left", labels.len()));
        return None;
    }
    let row = |label: &String| model.labels.iter().position(|known| known == label);
    let rows: Option<Vec<usize>> = labels.iter().map(row).collect();
    match &rows {
        None => notes.push("its head has other classes and is left".to_owned()),
        Some(rows) if rows.len() < classes => {
            notes.push(format!("{} of its head's {classes} rows are picked by name", rows.len()));
        }
        Some(_) => {}
    }
    rows
}

/// These rows of a tensor.
fn pick(tensor: &HostTensor, rows: &[usize]) -> HostTensor {
    let length = tensor.values.len() / tensor.shape[0].max(1);
    let values = rows.iter().flat_map(|row| &tensor.values[row * length..][..length]).copied().collect();
    let mut shape = tensor.shape.clone();
    shape[0] = rows.len();
    HostTensor { shape, values }
}

/// Refuses a model whose tensors are others, or would be used otherwise, than the recipe's; `decoder` says whether
/// its decoder is looked at too.
pub(crate) fn check_size(
    wanted: &ModelShape,
    found: &ModelShape,
    decoder: bool,
) -> Result<(), InitialWeightsError> {
    let (clip, other) = (found.geometry, wanted.geometry);
    let mut pairs = vec![
        ("pixels of a cube's side", clip.patch(), other.patch()),
        ("frames of a cube", clip.tubelet(), other.tubelet()),
    ];
    let stack = |of: &str, found: Stack, wanted: Stack| {
        [
            ("width", found.dim, wanted.dim),
            ("blocks", found.depth, wanted.depth),
            ("heads", found.heads, wanted.heads),
            ("hidden values", found.hidden, wanted.hidden),
        ]
        .map(|(what, found, wanted)| (format!("{what}{of}"), found, wanted))
    };
    let mut lengths: Vec<(String, usize, usize)> = stack("", found.encoder, wanted.encoder).into();
    if decoder {
        lengths.extend(stack(" of the decoder", found.decoder, wanted.decoder));
    }
    lengths.extend(pairs.drain(..).map(|(what, found, wanted)| (what.to_owned(), found, wanted)));
    let differences: Vec<String> = lengths
        .iter()
        .filter(|(_, found, wanted)| found != wanted)
        .map(|(what, found, wanted)| format!("{what} {found}, wanted {wanted}"))
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    let settings = settings(wanted, found, decoder);
    Err(InitialWeightsError::OtherSize { differences: differences.join("; "), settings })
}

/// Settings that make the recipe's model one of these lengths.
fn settings(wanted: &ModelShape, found: &ModelShape, decoder: bool) -> String {
    let mut settings = Vec::new();
    let mut set = |key: &str, value: String| settings.push(format!("--set {key}={value}"));
    let named = Size::ALL.iter().find(|(_, size)| size.encoder() == found.encoder);
    if found.encoder != wanted.encoder {
        let Stack { dim, depth, heads, hidden } = found.encoder;
        match named {
            Some((name, _)) => set("model.size", (*name).to_owned()),
            None => {
                for (key, value) in [("dim", dim), ("depth", depth), ("heads", heads), ("mlp", hidden)] {
                    set(&format!("model.encoder_{key}"), value.to_string());
                }
            }
        }
    }
    let follows = found.encoder != wanted.encoder
        && named.is_some_and(|(_, size)| size.decoder(found.decoder.depth) == found.decoder);
    if decoder && found.decoder != wanted.decoder {
        let Stack { dim, depth, heads, hidden } = found.decoder;
        if !follows {
            for (key, value) in [("dim", dim), ("heads", heads), ("mlp", hidden)] {
                set(&format!("model.decoder_{key}"), value.to_string());
            }
        }
        set("model.decoder_depth", depth.to_string());
    }
    let (clip, other) = (found.geometry, wanted.geometry);
    for (key, found, wanted) in
        [("model.patch", clip.patch(), other.patch()), ("clip.tubelet", clip.tubelet(), other.tubelet())]
    {
        if found != wanted {
            set(key, found.to_string());
        }
    }
    settings.join(" ")
}

fn grid([time, height, width]: [usize; 3]) -> String {
    format!("{time}×{height}×{width}")
}
