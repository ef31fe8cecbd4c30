//! What tubelet writes down of a model beside its tensors, as JSON.
//!
//! In tubelet's own file it stands in the metadata key `model`. A file in another format carries it, with
//! what the model comes from, under the one key `tubelet`, where other programs pass over it.

use schemas::{ClipGeometry, MADE_BY, ProblemType};
use serde::{Deserialize, Serialize};

use super::{
    PixelScale,
    about::About,
    claims::Claims,
    saved_model::{Kind, SavedModel},
};
use crate::model::{ModelShape, NormEpsilons, Stack};

/// The key in files of other formats.
pub(super) const KEY: &str = "tubelet";

/// What a model is and how long its lengths are: all that is known of it but its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    kind: Kind,
    geometry: ClipGeometry,
    encoder: Stack,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decoder: Option<Stack>,
    epsilons: NormEpsilons,
    #[serde(default = "published", skip_serializing_if = "Clone::clone")]
    encoder_norm: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stretched_from: Option<[usize; 3]>,
    #[serde(default, skip_serializing_if = "PixelScale::is_imagenet")]
    pixels: PixelScale,
    #[serde(default, skip_serializing_if = "ProblemType::is_single_label")]
    problem_type: ProblemType,
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
    /// That of a classifier whose encoder has this shape. `labels` are the names of its classes;
    /// `stretched_from` is the grid of tokens that its positions are stretched from.
    pub fn of_classifier(
        shape: &ModelShape,
        labels: Vec<String>,
        stretched_from: Option<[usize; 3]>,
    ) -> Self {
        let ModelShape { geometry, encoder, epsilons, .. } = *shape;
        let kind = Kind::Classifier { classes: labels.len() };
        let (encoder_norm, pixels) = (published(), PixelScale::IMAGENET);
        let problem_type = ProblemType::default();
        Self {
            kind,
            geometry,
            encoder,
            decoder: None,
            epsilons,
            encoder_norm,
            labels,
            stretched_from,
            pixels,
            problem_type,
        }
    }

    /// The same with another kind of answer.
    pub fn answering(self, problem_type: ProblemType) -> Self {
        Self { problem_type, ..self }
    }

    /// Lengths, heads and epsilons.
    pub fn shape(&self) -> ModelShape {
        let decoder = self.decoder.unwrap_or(SavedModel::NO_DECODER);
        let Self { geometry, encoder, epsilons, encoder_norm, .. } = *self;
        ModelShape { geometry, encoder, decoder, epsilons, encoder_norm }
    }

    /// Which part of VideoMAE it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Names of a classifier's classes.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The grid of tokens that its positions are stretched from.
    pub fn stretched_from(&self) -> Option<[usize; 3]> {
        self.stretched_from
    }

    /// How pixels are scaled for it.
    pub fn pixels(&self) -> PixelScale {
        self.pixels
    }

    /// What kind of answer a classifier gives.
    pub fn problem_type(&self) -> ProblemType {
        self.problem_type
    }

    pub(super) fn of(model: &SavedModel) -> Self {
        let ModelShape { geometry, encoder, decoder, epsilons, encoder_norm } = model.shape;
        let SavedModel { kind, stretched_from, pixels, problem_type, .. } = *model;
        let decoder = (kind == Kind::Pretraining).then_some(decoder);
        let labels = model.labels.clone();
        Self {
            kind,
            geometry,
            encoder,
            decoder,
            epsilons,
            encoder_norm,
            labels,
            stretched_from,
            pixels,
            problem_type,
        }
    }

    pub(super) fn claims(self, about: About) -> Claims {
        let shape = self.shape();
        let Self { kind, labels, stretched_from, pixels, problem_type, .. } = self;
        let (assumed, notes) = (Vec::new(), Vec::new());
        Claims { kind, shape, labels, stretched_from, pixels, problem_type, about, assumed, notes }
    }

    pub(super) fn to_json(&self) -> String {
        json(self)
    }
}

impl SavedModel {
    /// What it is, without its weights.
    pub fn description(&self) -> Description {
        Description::of(self)
    }

    /// BLAKE3 of what it is and of its weights: two models with the same digest say the same.
    pub fn digest(&self) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(self.description().to_json().as_bytes());
        for (name, tensor) in &self.weights {
            hash.update(name.as_bytes());
            tensor.values.chunks(1 << 14).for_each(|values| {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                hash.update(&bytes);
            });
        }
        hash.finalize().to_hex().to_string()
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

/// Whether there is a norm behind the encoder where nothing says it.
fn published() -> bool {
    true
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("because its maps have names for keys")
}
