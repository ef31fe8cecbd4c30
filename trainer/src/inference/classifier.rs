//! Makes a classifier from its description, or from a model that was read.

use crate::{
    checkpoint::{Description, SavedModel},
    device::Device,
    model::classifier::Classifier,
    weights::{Misfit, Weights},
};

/// The classifier that is described.
pub fn classifier(description: &Description, device: &Device) -> Classifier {
    match description.stretched_from() {
        None => Classifier::new(description.shape(), device),
        Some(from) => Classifier::stretched(description.shape(), from, device),
    }
}

/// The classifier of a model, with its weights.
///
/// # Errors
/// Never for a classifier that was read whole; the tensors are compared once more.
pub fn classifier_of(model: SavedModel, device: &Device) -> Result<(Classifier, Weights), Misfit> {
    let model = model.for_our_pixels();
    let description = model.description();
    let weights = Weights::fit(model.layout(), model.weights, device)?;
    Ok((classifier(&description, device), weights))
}
