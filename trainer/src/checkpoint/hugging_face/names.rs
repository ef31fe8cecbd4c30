//! Official names and Hugging Face's, and the tensor that one has where the other has three.
//!
//! ```text
//! encoder.patch_embed.proj        videomae.embeddings.patch_embeddings.projection
//! encoder.blocks.i.               videomae.encoder.layer.i.
//! decoder.blocks.i.               decoder.decoder_layers.i.
//! …attn.qkv.weight  [3D, D]       …attention.attention.{query,key,value}.weight  [D, D] each
//! encoder.norm                    videomae.layernorm
//! fc_norm, head                   fc_norm, classifier
//! decoder.norm, decoder.head, encoder_to_decoder, mask_token: the same
//! ```
//!
//! An encoder that stands alone has no `videomae.` before its names.

use std::collections::BTreeMap;

use crate::{
    checkpoint::Kind,
    model::layout::LastNorm,
    weights::{Entry, HostTensor, Layout},
};

/// Tensors under Hugging Face's names.
type Tensors = BTreeMap<String, HostTensor>;

/// What is in the name of every model's embedding, and in no official name.
pub(super) const EMBEDDING: &str = "embeddings.patch_embeddings.projection";
/// What stands before the names of the encoder in a larger model.
pub(super) const BODY: &str = "videomae.";
/// The norm behind the encoder, in a larger model and in an encoder alone.
pub(super) const LAST_NORM: &str = "videomae.layernorm.weight";
pub(super) const LAST_NORM_ALONE: &str = "layernorm.weight";

/// Endings of names as newer versions spell them, and as they are read and written here.
const SETTLED: [(&str, &str); 2] = [
    (".attention.attention.query.bias", ".attention.attention.q_bias"),
    (".attention.attention.value.bias", ".attention.attention.v_bias"),
];

/// Parts of a block.
const PARTS: [(&str, &str); 7] = [
    ("norm1.", "layernorm_before."),
    ("norm2.", "layernorm_after."),
    ("attn.q_bias", "attention.attention.q_bias"),
    ("attn.v_bias", "attention.attention.v_bias"),
    ("attn.proj.", "attention.output.dense."),
    ("mlp.fc1.", "intermediate.dense."),
    ("mlp.fc2.", "output.dense."),
];

/// The end of the name of the weight that is three, and the ends of these in the order of its rows.
const JOINT: &str = "attn.qkv.weight";
const PROJECTIONS: [&str; 3] = [
    "attention.attention.query.weight",
    "attention.attention.key.weight",
    "attention.attention.value.weight",
];

/// The name in the one spelling of this file.
pub(super) fn settled(name: &str) -> String {
    let spelled = SETTLED.iter().find_map(|(new, old)| Some((name.strip_suffix(new)?, old)));
    match spelled {
        Some((block, old)) => format!("{block}{old}"),
        None => name.to_owned(),
    }
}

/// Hugging Face's layout of the tensors of `official`.
pub(super) fn layout(official: &Layout, kind: Kind) -> Layout {
    let entries = official.0.iter().flat_map(|entry| {
        let names = names(&entry.name, kind);
        let mut shape = entry.shape.clone();
        shape[0] /= names.len();
        names.into_iter().map(move |name| Entry { name, shape: shape.clone() })
    });
    Layout(entries.collect())
}

/// Tensors of Hugging Face's layout as those of `official`.
pub(super) fn to_official(
    official: &Layout,
    kind: Kind,
    mut tensors: Tensors,
) -> BTreeMap<String, HostTensor> {
    let joined = official.0.iter().map(|Entry { name, shape }| {
        let parts = names(name, kind)
            .into_iter()
            .map(|part| tensors.remove(&part).expect("because the tensors are those of the layout").values);
        // Rows are consecutive in memory, so joining rows is joining values.
        let values = parts.reduce(|rows, more| [rows, more].concat()).unwrap_or_default();
        (name.clone(), HostTensor { shape: shape.clone(), values })
    });
    joined.collect()
}

/// Tensors of the layout `official` as Hugging Face's.
pub(super) fn from_official(
    official: &Layout,
    kind: Kind,
    weights: &BTreeMap<String, HostTensor>,
) -> Tensors {
    let split = official.0.iter().flat_map(|Entry { name, shape }| {
        let names = names(name, kind);
        let values = &weights[name].values;
        let part = values.len() / names.len();
        let mut shape = shape.clone();
        shape[0] /= names.len();
        names.into_iter().enumerate().map(move |(number, name)| {
            let values = values[number * part..(number + 1) * part].to_vec();
            (name, HostTensor { shape: shape.clone(), values })
        })
    });
    split.collect()
}

/// Hugging Face's name of an official tensor, or the three that it is there.
fn names(official: &str, kind: Kind) -> Vec<String> {
    // An encoder with the norm of its mean is written as a classifier of no class.
    let alone = matches!(kind, Kind::Encoder { last_norm: LastNorm::Present | LastNorm::Absent });
    let body = if alone { "" } else { BODY };
    if let Some(block) = official.strip_prefix("decoder.blocks.") {
        return in_block("decoder.decoder_layers.", block);
    }
    let of_encoder = match kind {
        Kind::Pretraining => official.strip_prefix("encoder."),
        Kind::Classifier { .. } | Kind::Encoder { .. } => Some(official),
    };
    let Some(name) = of_encoder else { return vec![official.to_owned()] };
    let renamed = |old: &str, new: String| Some(format!("{new}.{}", name.strip_prefix(old)?));
    if let Some(block) = name.strip_prefix("blocks.") {
        return in_block(&format!("{body}encoder.layer."), block);
    }
    let name = renamed("patch_embed.proj.", format!("{body}{EMBEDDING}"))
        .or_else(|| renamed("norm.", format!("{body}layernorm")))
        .or_else(|| renamed("head.", "classifier".to_owned()));
    vec![name.unwrap_or_else(|| official.to_owned())]
}

/// `3.norm1.bias` in the stack `stack`.
fn in_block(stack: &str, rest: &str) -> Vec<String> {
    let (number, part) = rest.split_once('.').expect("because a layout's blocks are numbered");
    if part == JOINT {
        return PROJECTIONS.map(|part| format!("{stack}{number}.{part}")).to_vec();
    }
    let renamed = PARTS.iter().find_map(|(old, new)| Some(format!("{new}{}", part.strip_prefix(old)?)));
    vec![format!("{stack}{number}.{}", renamed.expect("because every part of a block is listed"))]
}

#[cfg(test)]
mod tests {
    use schemas::ClipGeometry;

    use super::*;
    use crate::model::{ModelShape, NormEpsilons, Size};

    fn base() -> ModelShape {
        ModelShape {
            geometry: ClipGeometry::new(16, 224, 224, 2, 16).unwrap(),
            encoder: Size::Base.encoder(),
            decoder: Size::Base.decoder(4),
            epsilons: NormEpsilons::default(),
            encoder_norm: true,
        }
    }

    fn of(kind: Kind) -> Vec<String> {
        layout(&kind.layout(&base()), kind).0.into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn the_base_model_has_250_tensors_of_the_same_parameters() {
        let official = Kind::Pretraining.layout(&base());
        let theirs = layout(&official, Kind::Pretraining);
        assert_eq!((official.0.len(), theirs.0.len()), (218, 250));
        assert_eq!(official.parameters(), theirs.parameters());
    }

    #[test]
    fn names_are_those_of_the_table() {
        let pretraining = of(Kind::Pretraining);
        for name in [
            "mask_token",
            "videomae.embeddings.patch_embeddings.projection.weight",
            "videomae.encoder.layer.11.attention.attention.key.weight",
            "videomae.encoder.layer.0.attention.attention.q_bias",
            "videomae.encoder.layer.0.output.dense.bias",
            "videomae.layernorm.weight",
            "decoder.decoder_layers.3.layernorm_after.weight",
            "decoder.norm.bias",
            "decoder.head.weight",
            "encoder_to_decoder.weight",
        ] {
            assert!(pretraining.iter().any(|found| found == name), "{name}");
        }
        let classifier = of(Kind::Classifier { classes: 5 });
        assert!(classifier.contains(&"classifier.bias".to_owned()));
        assert!(classifier.contains(&"fc_norm.weight".to_owned()));
        let encoder = of(Kind::Encoder { last_norm: LastNorm::Present });
        assert!(encoder.contains(&"encoder.layer.0.attention.output.dense.weight".to_owned()));
        assert!(encoder.contains(&"layernorm.bias".to_owned()));
        let features = of(Kind::Encoder { last_norm: LastNorm::OfMean });
        assert!(
            features.contains(&"fc_norm.bias".to_owned())
                && !features.contains(&"classifier.bias".to_owned())
        );
        assert!(features.contains(&"videomae.encoder.layer.0.attention.output.dense.weight".to_owned()));
    }

    #[test]
    fn queries_keys_and_values_are_the_joint_weight_s_rows_in_this_order() {
        let name = "blocks.0.attn.qkv.weight".to_owned();
        let official = Layout(vec![Entry { name: name.clone(), shape: vec![3, 1] }]);
        let weights = BTreeMap::from([(name, HostTensor { shape: vec![3, 1], values: vec![1., 2., 3.] })]);
        let kind = Kind::Encoder { last_norm: LastNorm::Absent };
        let split = from_official(&official, kind, &weights);
        let value = |part: &str| split[&format!("encoder.layer.0.{part}")].values[0];
        assert_eq!(PROJECTIONS.map(value), [1., 2., 3.]);
        assert_eq!(to_official(&official, kind, split), weights);
    }

    #[test]
    fn every_spelling_of_the_biases_is_settled() {
        let block = "videomae.encoder.layer.0.attention.attention";
        assert_eq!(settled(&format!("{block}.query.bias")), format!("{block}.q_bias"));
        assert_eq!(settled(&format!("{block}.v_bias")), format!("{block}.v_bias"));
        assert_eq!(settled(&format!("{block}.query.weight")), format!("{block}.query.weight"));
    }
}
