//! The settings that are written for a model.

use std::collections::BTreeMap;

use super::{Config, Length, numbered};
use crate::{
    checkpoint::{Kind, SavedModel},
    kernels::Target,
    model::layout::LastNorm,
    recipe::Recipe,
};

impl Config {
    /// The settings of `model`.
    pub(in super::super) fn of(model: &SavedModel) -> Self {
        let (geometry, encoder, decoder) = (model.shape.geometry, model.shape.encoder, model.shape.decoder);
        let (architecture, use_mean_pooling) = match model.kind {
            Kind::Pretraining => ("VideoMAEForPreTraining", !model.shape.encoder_norm),
            Kind::Classifier { .. } | Kind::Encoder { last_norm: LastNorm::OfMean } => {
                ("VideoMAEForVideoClassification", true)
            }
            Kind::Encoder { last_norm } => ("VideoMAEModel", last_norm == LastNorm::Absent),
        };
        let mut config = Self {
            architectures: vec![architecture.to_owned()],
            image_size: match [geometry.height(), geometry.width()] {
                [height, width] if height == width => Length::One(height),
                sides => Length::Two(sides),
            },
            patch_size: Length::One(geometry.patch()),
            num_frames: geometry.frames(),
            tubelet_size: geometry.tubelet(),
            hidden_size: encoder.dim,
            num_hidden_layers: encoder.depth,
            num_attention_heads: encoder.heads,
            intermediate_size: encoder.hidden,
            layer_norm_eps: model.shape.epsilons.blocks,
            qkv_bias: Some(true),
            qv_bias: Some(true),
            use_mean_pooling,
            ..Self::default()
        };
        match model.kind {
            Kind::Pretraining => {
                config.decoder_hidden_size = decoder.dim;
                config.decoder_num_hidden_layers = decoder.depth;
                config.decoder_num_attention_heads = decoder.heads;
                config.decoder_intermediate_size = decoder.hidden;
                let recipe = Recipe::from_toml(&model.about.recipe);
                config.norm_pix_loss = !recipe.is_ok_and(|recipe| recipe.model.target == Target::Raw);
            }
            Kind::Classifier { classes } => {
                let name = |class: usize| model.labels.get(class).cloned().unwrap_or_else(|| numbered(class));
                let labels = (0..classes).map(|class| (class, name(class)));
                config.id2label =
                    Some(labels.clone().map(|(class, name)| (class.to_string(), name)).collect());
                config.label2id = Some(labels.map(|(class, name)| (name, class)).collect());
                config.num_labels = Some(classes);
                config.problem_type = Some(model.problem_type.word().to_owned());
                config.fc_norm_eps = Some(model.shape.epsilons.last);
            }
            Kind::Encoder { last_norm: LastNorm::OfMean } => {
                config.id2label = Some(BTreeMap::new());
                config.label2id = Some(BTreeMap::new());
                config.num_labels = Some(0);
                config.fc_norm_eps = Some(model.shape.epsilons.last);
            }
            Kind::Encoder { .. } => {}
        }
        config
    }
}
