//! What tubelet writes down of a model beside its tensors, as JSON.
//!
//! In tubelet's own file it stands in the metadata key `model`. A file in another format carries it, with
//! what the model comes from, under the one key `tubelet`, where other programs pass over it.

use schemas::{ClipGeometry, MADE_BY};
use serde::{Deserialize, Serialize};

use super::{
    native::About,
    saved_model::{Claims, Kind, SavedModel},
};
use crate::model::{ModelShape, NormEpsilons, Stack};

/// The key in files of other formats.
pub(super) const KEY: &str = "tubelet";

/// What a model is and how long its lengths are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Description {
    kind: Kind,
    geometry: ClipGeometry,
    encoder: Stack,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decoder: Option<Stack>,
    epsilons: NormEpsilons,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
}

/// What stands under [`KEY`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Where the model comes from.
    pub(super) about: About,
    /// What it is.
    pub(super) model: Description,
    converted_by: String,
}

impl Description {
    pub(super) fn of(model: &SavedModel) -> Self {
        let ModelShape { geometry, encoder, decoder, epsilons } = model.shape;
        let decoder = (model.kind == Kind::Pretraining).then_some(decoder);
        Self { kind: model.kind, geometry, encoder, decoder, epsilons, labels: model.labels.clone() }
    }

    pub(super) fn shape(&self) -> ModelShape {
        let decoder = self.decoder.unwrap_or(SavedModel::NO_DECODER);
        ModelShape { geometry: self.geometry, encoder: self.encoder, decoder, epsilons: self.epsilons }
    }

    pub(super) fn claims(self, about: About) -> Claims {
        let shape = self.shape();
        Claims { kind: self.kind, shape, labels: self.labels, about, assumed: Vec::new() }
    }

    pub(super) fn to_json(&self) -> String {
        json(self)
    }
}

impl Note {
    /// What to write beside `model`.
    pub(super) fn json_of(model: &SavedModel) -> String {
        let (about, description) = (model.about.clone(), Description::of(model));
        json(&Self { about, model: description, converted_by: MADE_BY.to_owned() })
    }

    /// A note that was read; none if it is of some other making.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("because its maps have names for keys")
}
