//! config.json: the settings that decide what is computed. What is left out is as `VideoMAEConfig` has it.
//!
//! Both names of the biases' switch are written, `qkv_bias` and `qv_bias`: versions differ in which they
//! read, and none minds the other.

mod checks;
mod written;

use std::{collections::BTreeMap, io::Read as _, path::Path};

use schemas::{geometry::CHANNELS, regular_file};
use serde::{Deserialize, Serialize};

use crate::checkpoint::CheckpointError;

/// Longest config.json that is read; a thousand named classes take 60 kB.
const LIMIT: u64 = 1 << 24;

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    model_type: String,
    architectures: Vec<String>,
    pub(super) image_size: Length,
    patch_size: Length,
    num_channels: usize,
    pub(super) num_frames: usize,
    pub(super) tubelet_size: usize,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    hidden_act: String,
    hidden_dropout_prob: f64,
    attention_probs_dropout_prob: f64,
    initializer_range: f64,
    pub(super) layer_norm_eps: f64,
    /// What `fc_norm` was made with. `transformers` keeps it and computes with 1e-5; a person may set
    /// `model.fc_norm.eps` to it.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    fc_norm_eps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qkv_bias: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qv_bias: Option<bool>,
    pub(super) use_mean_pooling: bool,
    pub(super) decoder_hidden_size: usize,
    pub(super) decoder_num_hidden_layers: usize,
    pub(super) decoder_num_attention_heads: usize,
    pub(super) decoder_intermediate_size: usize,
    norm_pix_loss: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id2label: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label2id: Option<BTreeMap<String, usize>>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    num_labels: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem_type: Option<String>,
    dtype: String,
    #[serde(skip_serializing)]
    transformers_version: Option<String>,
}

/// A length, or a height and a width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Length {
    One(usize),
    Two([usize; 2]),
}

impl Length {
    /// Height and width.
    pub(super) fn sides(self) -> [usize; 2] {
        match self {
            Self::One(side) => [side, side],
            Self::Two(sides) => sides,
        }
    }
}

impl Default for Config {
    /// `VideoMAEConfig`'s own.
    fn default() -> Self {
        Self {
            model_type: "videomae".to_owned(),
            architectures: Vec::new(),
            image_size: Length::One(224),
            patch_size: Length::One(16),
            num_channels: CHANNELS,
            num_frames: 16,
            tubelet_size: 2,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".to_owned(),
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            fc_norm_eps: None,
            qkv_bias: None,
            qv_bias: None,
            use_mean_pooling: true,
            decoder_hidden_size: 384,
            decoder_num_hidden_layers: 4,
            decoder_num_attention_heads: 6,
            decoder_intermediate_size: 1536,
            norm_pix_loss: true,
            id2label: None,
            label2id: None,
            num_labels: None,
            problem_type: None,
            dtype: "float32".to_owned(),
            transformers_version: None,
        }
    }
}

impl Config {
    /// Reads it from `path`.
    pub(super) fn read(path: &Path) -> Result<Self, CheckpointError> {
        let mut text = String::new();
        regular_file::open(path)
            .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
            .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
        serde_json::from_str(&text)
            .map_err(|why| CheckpointError::Damaged { path: path.to_owned(), cause: why.to_string() })
    }

    /// The same with cubes of this side.
    pub(super) fn with_patch(self, patch: usize) -> Self {
        Self { patch_size: Length::One(patch), ..self }
    }

    /// What wrote the folder.
    pub(super) fn made_by(&self) -> String {
        match &self.transformers_version {
            Some(version) => format!("transformers {version}"),
            None => "transformers".to_owned(),
        }
    }

    /// What config.json says of a training, as a recipe: whether targets are raw pixels.
    pub(super) fn recipe(&self) -> String {
        if self.norm_pix_loss { String::new() } else { "[model]\ntarget = \"raw\"\n".to_owned() }
    }

    pub(super) fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("because its maps have names for keys");
        format!("{text}\n")
    }
}

/// What `transformers` calls a class that has no name.
fn numbered(class: usize) -> String {
    format!("LABEL_{class}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::Target, recipe::Recipe};

    fn parse(text: &str) -> Config {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_left_out_is_as_transformers_has_it() {
        let config = parse("{}");
        assert_eq!(config, Config::default());
        assert_eq!((config.layer_norm_eps, config.use_mean_pooling), (1e-12, true));
    }

    #[test]
    fn raw_targets_are_a_recipe_s() {
        let target = |text: &str| Recipe::from_toml(&parse(text).recipe()).unwrap().model.target;
        assert_eq!(target(r#"{"norm_pix_loss": false}"#), Target::Raw);
        assert_eq!(target("{}"), Target::Normalised);
    }
}
