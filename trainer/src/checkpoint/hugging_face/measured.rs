//! What config.json would say of tensors of Hugging Face's names that come without it, as Lightning saves them.
//!
//! Widths, depths and cubes are measured; heads, frames and frame size are a person's to say, or the published ones.

use std::collections::BTreeSet;

use super::{
    config::{Config, Length},
    names::{self, EMBEDDING},
};
use crate::{
    checkpoint::{CheckpointError, Hints, Kind, claims::PUBLISHED_CLIP, heads, tensor_table::TensorTable},
    model::layout::LastNorm,
};

/// The settings, and what of them was taken for granted.
pub(super) fn config(
    table: &TensorTable,
    kind: Kind,
    hints: Hints,
) -> Result<(Config, Vec<String>), CheckpointError> {
    let body = if table.names().any(|name| name.starts_with(names::BODY)) { names::BODY } else { "" };
    let embedding = format!("{body}{EMBEDDING}.weight");
    let Some(&[dim, _, tubelet, patch, _]) = table.shape(&embedding) else {
        return Err(table.no_model(format!("its `{embedding}` is not [D, 3, t, P, P]")));
    };
    let first = |name: String| table.shape(&name).and_then(|shape| shape.first()).copied().unwrap_or(0);
    let decoder = match kind {
        Kind::Pretraining => table.shape("mask_token").and_then(|shape| shape.last()).copied(),
        Kind::Classifier { .. } | Kind::Encoder { .. } => None,
    };
    let (of_encoder, of_decoder) = heads::choose(table.path(), hints.heads, dim, decoder)?;
    let mut assumed = Vec::new();
    if hints.heads.is_none() {
        let decoder = decoder.map(|_| format!(", {of_decoder} of the decoder")).unwrap_or_default();
        assumed.push(format!("{of_encoder} attention heads of the encoder{decoder}"));
    }
    let (frames, side) = PUBLISHED_CLIP;
    if hints.frames.is_none() {
        assumed.push(format!("{frames} frames"));
    }
    if hints.sides.is_none() {
        assumed.push(format!("frames of {side}×{side} pixels"));
    }
    let mut config = Config::default().with_patch(patch);
    assumed.push(format!("norms that add {:e} to the variance", config.layer_norm_eps));
    (config.image_size, config.num_frames, config.tubelet_size) = (Length::One(side), frames, tubelet);
    (config.hidden_size, config.num_attention_heads) = (dim, of_encoder);
    config.num_hidden_layers = blocks(table, &format!("{body}encoder.layer."));
    config.intermediate_size = first(format!("{body}encoder.layer.0.intermediate.dense.weight"));
    config.use_mean_pooling = match kind {
        Kind::Classifier { .. } | Kind::Encoder { last_norm: LastNorm::OfMean } => true,
        Kind::Pretraining | Kind::Encoder { .. } => {
            !table.has(names::LAST_NORM) && !table.has(names::LAST_NORM_ALONE)
        }
    };
    if let Some(decoder) = decoder {
        (config.decoder_hidden_size, config.decoder_num_attention_heads) = (decoder, of_decoder);
        config.decoder_num_hidden_layers = blocks(table, "decoder.decoder_layers.");
        config.decoder_intermediate_size =
            first("decoder.decoder_layers.0.intermediate.dense.weight".to_owned());
    }
    Ok((config, assumed))
}

/// Blocks of the stack whose names begin with `stack`.
fn blocks(table: &TensorTable, stack: &str) -> usize {
    let numbers: BTreeSet<&str> = table
        .names()
        .filter_map(|name| name.strip_prefix(stack))
        .filter_map(|rest| Some(rest.split_once('.')?.0))
        .collect();
    numbers.len()
}
