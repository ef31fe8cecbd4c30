//! What a pre-training begins with: weights that are there, and what they lack, drawn.
//!
//! ```text
//! encoder and decoder          all tensors
//! encoder alone, classifier    the encoder's; encoder.norm where there is none, and the decoder, are drawn
//! ```
//!
//! Several published models come without a decoder (ViT-H on Kinetics-400, all of VideoMAE V2's that are fine-tuned):
//! a fresh one learns to predict again. The head and `fc_norm` of a classifier have no place in a pre-training.

use std::collections::BTreeMap;

use super::initial_weights::{InitialWeightsError, check_size};
use crate::{
    checkpoint::{Kind, SavedModel},
    device::Device,
    model::{init_weights, layout},
    recipe::Recipe,
    weights::{HostTensor, Weights},
};

/// Weights of a pre-training before its first step.
pub struct InitialPretraining {
    /// The weights.
    pub weights: Weights,
    /// How many of the tensors came from the checkpoint.
    pub taken: usize,
    /// Names of those that were drawn.
    pub new: Vec<String>,
    /// How many of the checkpoint's tensors have no place in a pre-training.
    pub unused: usize,
    /// What a person should know about how the two fit, a sentence each.
    pub notes: Vec<String>,
}

/// Takes what fits of `model`, and draws the rest.
///
/// # Errors
/// When it is of another size than the recipe's model.
pub fn from_model(
    recipe: &Recipe,
    model: SavedModel,
    device: &Device,
) -> Result<InitialPretraining, InitialWeightsError> {
    let model = model.for_our_pixels();
    let shape = recipe.model_shape()?;
    check_size(&shape, &model.shape, model.kind == Kind::Pretraining)?;
    let notes = notes(&shape, &model);
    let (kind, given) = (model.kind, model.weights.len());
    let named = model.weights.into_iter().map(|(name, tensor)| (pretraining_name(kind, name), tensor));
    let mut there: BTreeMap<String, HostTensor> = named.collect();
    let layout = layout::pretraining(&shape);
    let (mut tensors, mut new) = (BTreeMap::new(), Vec::new());
    for entry in &layout.0 {
        let tensor = there.remove(&entry.name).unwrap_or_else(|| {
            new.push(entry.name.clone());
            init_weights::pretraining_tensor(entry, shape.geometry.cube(), recipe.run.seed)
        });
        tensors.insert(entry.name.clone(), tensor);
    }
    let taken = given - there.len();
    let weights = Weights::fit(layout, tensors, device)?;
    Ok(InitialPretraining { weights, taken, new, unused: given - taken, notes })
}

/// A tensor's name in a pre-training.
fn pretraining_name(kind: Kind, name: String) -> String {
    match kind {
        Kind::Pretraining => name,
        Kind::Classifier { .. } | Kind::Encoder { .. } => format!("encoder.{name}"),
    }
}

fn notes(shape: &crate::model::ModelShape, model: &SavedModel) -> Vec<String> {
    let mut notes = Vec::new();
    let found = &model.shape;
    let (ours, theirs) = (shape.epsilons, found.epsilons);
    if ours.blocks != theirs.blocks || (model.kind == Kind::Pretraining && ours.last != theirs.last) {
        notes
            .push("the norms of these weights were made with another epsilon; going on with 1e-6".to_owned());
    }
    match (model.kind, shape.encoder_norm, found.encoder_norm) {
        (Kind::Pretraining, true, false) => notes.push(
            "these weights have no norm behind the encoder, and one is drawn; `--set model.encoder_norm=false` goes on \
             without"
                .to_owned(),
        ),
        (Kind::Pretraining, false, true) => notes
            .push("the norm behind the encoder of these weights is left: `model.encoder_norm` is false".to_owned()),
        _ => {}
    }
    let (here, there) = (shape.geometry.grid(), model.stretched_from.unwrap_or(found.geometry.grid()));
    if here != there {
        let [time, height, width] = there;
        notes.push(format!(
            "they saw clips of {time}×{height}×{width} cubes; positions are those of a table for this recipe's"
        ));
    }
    notes
}
