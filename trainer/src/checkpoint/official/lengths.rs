//! The lengths of a model, as far as names and shapes tell them.
//!
//! Nothing is believed here: a layout is made of these lengths, and every tensor must then be in it.

use std::collections::BTreeSet;

use schemas::{ClipGeometry, geometry::CHANNELS};

use crate::{
    checkpoint::{CheckpointError, Kind, SavedModel, tensor_table::TensorTable},
    model::{ModelShape, NormEpsilons, Stack, layout::LastNorm},
};

/// What is in a table of official names without wrappers.
pub(super) struct Lengths {
    pub(super) kind: Kind,
    /// Frames of a cube.
    pub(super) tubelet: usize,
    /// Side of a cube in pixels.
    pub(super) patch: usize,
    /// The encoder; its heads stay 0.
    pub(super) encoder: Stack,
    /// The decoder, where there is one; its heads stay 0.
    pub(super) decoder: Option<Stack>,
    /// Whether a model in pre-training has the norm behind its encoder.
    pub(super) encoder_norm: bool,
}

impl Lengths {
    /// Measures the tensors of `table`.
    pub(super) fn of(table: &TensorTable) -> Result<Self, CheckpointError> {
        let pretraining = table.has("mask_token");
        let prefix = if pretraining { "encoder." } else { "" };
        let embedding = format!("{prefix}patch_embed.proj.weight");
        let (dim, tubelet, patch) = match table.shape(&embedding) {
            Some(&[dim, CHANNELS, tubelet, rows, columns]) if rows == columns => (dim, tubelet, rows),
            Some(shape) => {
                return Err(table.no_model(format!("its `{embedding}` is {shape:?}, not [D, 3, t, P, P]")));
            }
            None => return Err(table.no_model(stranger(table, &embedding))),
        };
        let decoder = match table.shape("mask_token") {
            Some(&[1, 1, dim]) => Some(stack(table, "decoder.", dim)),
            Some(shape) => {
                return Err(table.no_model(format!("its `mask_token` is {shape:?}, not [1, 1, D]")));
            }
            None => None,
        };
        let kind = match table.shape("head.weight") {
            _ if pretraining => Kind::Pretraining,
            Some(shape) => Kind::Classifier { classes: first(Some(shape)) },
            None if table.has("fc_norm.weight") => Kind::Encoder { last_norm: LastNorm::OfMean },
            None if table.has("norm.weight") => Kind::Encoder { last_norm: LastNorm::Present },
            None => Kind::Encoder { last_norm: LastNorm::Absent },
        };
        let encoder_norm = !pretraining || table.names().any(|name| name.starts_with("encoder.norm."));
        Ok(Self { kind, tubelet, patch, encoder: stack(table, prefix, dim), decoder, encoder_norm })
    }

    /// The model of these lengths, with what they do not tell: the clips, the heads of encoder and decoder, the
    /// epsilons.
    pub(super) fn shape(
        &self,
        geometry: ClipGeometry,
        (of_encoder, of_decoder): (usize, usize),
        epsilons: NormEpsilons,
    ) -> ModelShape {
        let decoder = self.decoder.map(|decoder| Stack { heads: of_decoder, ..decoder });
        ModelShape {
            geometry,
            encoder: Stack { heads: of_encoder, ..self.encoder },
            decoder: decoder.unwrap_or(SavedModel::NO_DECODER),
            epsilons,
            encoder_norm: self.encoder_norm,
        }
    }
}

fn stack(table: &TensorTable, prefix: &str, dim: usize) -> Stack {
    let blocks = format!("{prefix}blocks.");
    let numbers: BTreeSet<&str> = table
        .names()
        .filter_map(|name| name.strip_prefix(&blocks))
        .filter_map(|rest| Some(rest.split_once('.')?.0))
        .collect();
    let hidden = first(table.shape(&format!("{blocks}0.mlp.fc1.weight")));
    Stack { dim, depth: numbers.len(), hidden, ..SavedModel::NO_DECODER }
}

fn first(shape: Option<&[usize]>) -> usize {
    shape.and_then(|shape| shape.first()).copied().unwrap_or(0)
}

fn stranger(table: &TensorTable, wanted: &str) -> String {
    match table.names().count() {
        0 => "it has no tensors".to_owned(),
        number => {
            let some: Vec<&str> = table.names().take(3).collect();
            format!("none of its {number} tensors is `{wanted}`; there is {}", some.join(", "))
        }
    }
}
