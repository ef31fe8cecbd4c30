//! config.json of the V2 authors' Hugging Face folders: official names, and lengths under `model_config`.
//!
//! ```text
//! {"model_type": "VideoMAEv2_Base", "model_config": {"img_size": 224, "embed_dim": 768, "num_heads": 12, …}}
//! ```
//!
//! The code beside such a folder is the official classifier, as a rule without a head (`num_classes` 0): what it
//! gives is `fc_norm` of the mean token. A setting that makes another model of the weights is refused.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use schemas::{ProblemType, regular_file};
use serde::Deserialize;

use super::lengths::Lengths;
use crate::{
    checkpoint::{
        CheckpointError, Heads, Hints, Kind, SavedModel,
        about::About,
        claims::{self, Claims},
        container::Container,
        heads,
        preprocessing::pixels_of,
    },
    model::{NormEpsilons, Stack},
};

/// Longest config.json that is read.
const LIMIT: u64 = 1 << 20;
/// How the names of these models' types begin.
const MODEL_TYPE: &str = "VideoMAEv2";

/// What a config.json says, and where it is.
#[derive(Debug)]
pub(super) struct V2Config {
    path: PathBuf,
    model: Model,
}

/// The file, as far as it is looked at.
#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    model_type: String,
    model_config: Option<Model>,
}

/// `model_config`. What is left out is as the official classes have it.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Model {
    img_size: usize,
    patch_size: usize,
    in_chans: usize,
    embed_dim: usize,
    depth: usize,
    num_heads: usize,
    num_frames: usize,
    tubelet_size: usize,
    layer_norm_eps: f64,
    init_values: f64,
    qk_scale: Option<f64>,
    qkv_bias: bool,
    use_mean_pooling: bool,
    use_learnable_pos_emb: bool,
    cos_attn: bool,
}

impl Default for Model {
    /// ViT-B of the official `modeling_finetune.py`.
    fn default() -> Self {
        Self {
            img_size: 224,
            patch_size: 16,
            in_chans: 3,
            embed_dim: 768,
            depth: 12,
            num_heads: 12,
            num_frames: 16,
            tubelet_size: 2,
            layer_norm_eps: 1e-6,
            init_values: 0.0,
            qk_scale: None,
            qkv_bias: true,
            use_mean_pooling: true,
            use_learnable_pos_emb: false,
            cos_attn: false,
        }
    }
}

impl V2Config {
    /// The config.json beside tensors of official names, if it is one of these. One that is not is about other
    /// tensors, unless the folder was named.
    pub(super) fn beside(container: &Container) -> Result<Option<Self>, CheckpointError> {
        let Some(path) = container.config() else { return Ok(None) };
        let mut text = String::new();
        regular_file::open(&path)
            .and_then(|file| file.take(LIMIT).read_to_string(&mut text))
            .map_err(|cause| CheckpointError::File { path: path.clone(), cause })?;
        let damaged = |cause: String| CheckpointError::Damaged { path: path.clone(), cause };
        match serde_json::from_str::<Whole>(&text) {
            Ok(Whole { model_type, model_config: Some(model) }) if model_type.starts_with(MODEL_TYPE) => {
                Ok(Some(Self { path, model }))
            }
            Ok(Whole { model_type, .. }) if container.of_folder => Err(CheckpointError::Config {
                path,
                key: "model_type",
                found: model_type,
                why: "the tensors beside it have the official code's names, which VideoMAEv2's folders have"
                    .to_owned(),
            }),
            Err(why) if container.of_folder => Err(damaged(why.to_string())),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// What the tensors of these lengths must be.
    pub(super) fn claims(
        self,
        path: &Path,
        hints: Hints,
        lengths: &Lengths,
    ) -> Result<Claims, CheckpointError> {
        self.check(lengths)?;
        let Model { img_size, num_heads, num_frames, layer_norm_eps, .. } = self.model;
        let said = Heads { encoder: num_heads, decoder: hints.heads.and_then(|heads| heads.decoder) };
        let (dim, of_decoder) = (lengths.encoder.dim, lengths.decoder.map(|decoder| decoder.dim));
        let heads = heads::choose(path, Some(said), dim, of_decoder)?;
        let encoder = Stack { heads: num_heads, ..lengths.encoder };
        heads::agree(path, hints.heads, encoder, Stack { heads: heads.1, ..SavedModel::NO_DECODER })?;
        let geometry =
            claims::geometry(path, hints, num_frames, [img_size; 2], lengths.tubelet, lengths.patch)?;
        let epsilons = NormEpsilons { blocks: layer_norm_eps, last: layer_norm_eps };
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let (pixels, assumed) = pixels_of(folder)?;
        Ok(Claims {
            kind: lengths.kind,
            shape: lengths.shape(geometry, heads, epsilons),
            labels: Vec::new(),
            stretched_from: None,
            pixels,
            problem_type: ProblemType::default(),
            about: About { made_by: "VideoMAE V2's code on Hugging Face".to_owned(), ..About::default() },
            assumed,
            notes: Vec::new(),
        })
    }

    /// Refuses settings that are not the tensors', or that make something else of them than VideoMAE.
    fn check(&self, lengths: &Lengths) -> Result<(), CheckpointError> {
        let model = &self.model;
        let refuse = |key, found: String, why: String| {
            Err(CheckpointError::Config { path: self.path.clone(), key, found, why })
        };
        for (key, said, measured) in [
            ("embed_dim", model.embed_dim, lengths.encoder.dim),
            ("depth", model.depth, lengths.encoder.depth),
            ("patch_size", model.patch_size, lengths.patch),
            ("tubelet_size", model.tubelet_size, lengths.tubelet),
            ("in_chans", model.in_chans, 3),
        ] {
            if said != measured {
                return refuse(key, said.to_string(), format!("the tensors have {measured}"));
            }
        }
        for (key, said, wanted) in [
            ("qkv_bias", model.qkv_bias, true),
            ("use_learnable_pos_emb", model.use_learnable_pos_emb, false),
            ("cos_attn", model.cos_attn, false),
        ] {
            if said != wanted {
                return refuse(key, said.to_string(), format!("it is {wanted} in every published VideoMAE"));
            }
        }
        if model.init_values != 0.0 {
            let why = "no published VideoMAE scales its layers".to_owned();
            return refuse("init_values", model.init_values.to_string(), why);
        }
        if let Some(scale) = model.qk_scale {
            let why = "every published VideoMAE scales by the width of a head".to_owned();
            return refuse("qk_scale", scale.to_string(), why);
        }
        let pooled = matches!(lengths.kind, Kind::Classifier { .. } | Kind::Encoder { .. });
        if pooled && !model.use_mean_pooling {
            let why = "it looks at the first token alone then, which is not supported".to_owned();
            return refuse("use_mean_pooling", "false".to_owned(), why);
        }
        Ok(())
    }
}
