//! Hugging Face's layout: a folder with config.json and model.safetensors (or an older pytorch_model.bin).
//!
//! The joint weight of queries, keys and values is three tensors here. Their biases have been spelled in
//! three ways over the versions of `transformers`; all are read:
//!
//! ```text
//! to 5.3, on disk from 5.18        attention.attention.q_bias, .v_bias          this one is written
//! 5.6 to 5.14                      attention.attention.query.bias, .key.bias (all zero), .value.bias
//! in memory from 5.18              attention.attention.query.bias, .value.bias
//! ```
//!
//! Hugging Face's code takes `layer_norm_eps` in the blocks and behind the encoder, and 1e-5 in `decoder.norm`
//! and `fc_norm`, whatever config.json says. So does tubelet with a folder of its; what tubelet wrote itself says
//! the last epsilon beside the weights.

mod config;
mod names;
mod preprocessing;

use std::{collections::BTreeMap, io::Write as _, path::Path};

use self::config::Config;
use super::{
    CheckpointError, Hints, Kind, PixelScale, SavedModel,
    description::{KEY, Note},
    heads,
    native::About,
    official, safetensors_file,
    saved_model::{self, Claims},
    sniff::CONFIG,
    tensor_table::TensorTable,
    whole_file::{write_whole, write_whole_folder},
};
use crate::{
    model::{ModelShape, NormEpsilons, Stack, layout::LastNorm},
    weights::HostTensor,
};

const WEIGHTS: &str = "model.safetensors";
const OLD_WEIGHTS: &str = "pytorch_model.bin";
/// PyTorch's default epsilon, which Hugging Face's `decoder.norm` and `fc_norm` are left at.
const LAST_EPSILON: f64 = 1e-5;

/// Reads the model in the folder `path`, or in one of its files of weights.
pub(super) fn read(path: &Path, hints: Hints) -> Result<SavedModel, CheckpointError> {
    let weights = if path.is_dir() { path.join(WEIGHTS) } else { path.to_owned() };
    if path.is_dir() && !weights.exists() && path.join(OLD_WEIGHTS).is_file() {
        return official::read(&path.join(OLD_WEIGHTS), hints);
    }
    let bytes =
        std::fs::read(&weights).map_err(|cause| CheckpointError::File { path: weights.clone(), cause })?;
    let (table, metadata) = TensorTable::of_safetensors(&weights, &bytes)?;
    read_noted(table, hints, metadata.get(KEY).and_then(|text| Note::from_json(text)))
}

/// Whether a table's names are Hugging Face's.
pub(super) fn has_its_names(table: &TensorTable<'_>) -> bool {
    table.names().any(|name| name.contains(names::EMBEDDING))
}

/// Reads the model in `table`, whose file lies beside a config.json.
pub(super) fn read_table(table: TensorTable<'_>, hints: Hints) -> Result<SavedModel, CheckpointError> {
    read_noted(table, hints, None)
}

fn read_noted(
    mut table: TensorTable<'_>,
    hints: Hints,
    note: Option<Note>,
) -> Result<SavedModel, CheckpointError> {
    let path = &table.path().with_file_name(CONFIG);
    let config = Config::read(path)?;
    table.rename(names::settled)?;
    drop_key_biases(&mut table)?;
    let kind = kind(&table, &config);
    if matches!(kind, Kind::Encoder { .. }) {
        table.rename(|name| name.strip_prefix(names::BODY).unwrap_or(name).to_owned())?;
    }
    config.check(path, kind)?;
    let mut shape = shape(path, &config, kind, hints)?;
    heads::agree(path, hints.heads, shape.encoder, shape.decoder)?;
    let labels = config.labels(path, kind)?;
    let scale = preprocessing::read(path.parent().unwrap_or(Path::new("")))?;
    let mut assumed = match scale {
        None => vec![format!(
            "pixels scaled by ImageNet's mean and deviation ({} is not there)",
            preprocessing::FILE
        )],
        Some(_) => Vec::new(),
    };
    let pixels = scale.unwrap_or(PixelScale::IMAGENET);
    let (about, stretched_from) = match note {
        None => (About { made_by: config.made_by(), recipe: config.recipe(), ..About::default() }, None),
        Some(note) => {
            shape.epsilons.last = note.model.shape().epsilons.last;
            (note.about, note.model.stretched_from())
        }
    };
    let problem_type = config.problem_type(path, kind, &mut assumed)?;
    let claims = Claims { kind, shape, labels, stretched_from, pixels, problem_type, about, assumed };
    claims.fulfil(table, |table, layout| {
        let tensors = table.take(&names::layout(&layout, kind))?;
        Ok(names::to_official(&layout, kind, tensors))
    })
}

/// A key's bias of zeros says nothing; any other has no place in VideoMAE. Softmax would not see it, but
/// the file is then not what it says.
fn drop_key_biases(table: &mut TensorTable<'_>) -> Result<(), CheckpointError> {
    let keys: Vec<String> =
        table.names().filter(|name| name.ends_with(names::KEY_BIAS)).map(str::to_owned).collect();
    for name in keys {
        let bias = table.remove(&name)?.map(|tensor| tensor.values).unwrap_or_default();
        if let Some(&value) = bias.iter().find(|value| **value != 0.0) {
            return Err(CheckpointError::KeyBias { path: table.path().to_owned(), name, value });
        }
    }
    Ok(())
}

fn kind(table: &TensorTable<'_>, config: &Config) -> Kind {
    if table.has("mask_token") {
        return Kind::Pretraining;
    }
    match table.shape("classifier.weight") {
        Some(shape) => Kind::Classifier { classes: shape.first().copied().unwrap_or(0) },
        None if config.use_mean_pooling => Kind::Encoder { last_norm: LastNorm::Absent },
        None => Kind::Encoder { last_norm: LastNorm::Present },
    }
}

fn shape(path: &Path, config: &Config, kind: Kind, hints: Hints) -> Result<ModelShape, CheckpointError> {
    let patch = config.patch(path)?;
    let sides = config.image_size.sides();
    let geometry = saved_model::geometry(path, hints, config.num_frames, sides, config.tubelet_size, patch)?;
    let decoder = match kind {
        Kind::Pretraining => Stack {
            dim: config.decoder_hidden_size,
            depth: config.decoder_num_hidden_layers,
            heads: config.decoder_num_attention_heads,
            hidden: config.decoder_intermediate_size,
        },
        Kind::Classifier { .. } | Kind::Encoder { .. } => SavedModel::NO_DECODER,
    };
    Ok(ModelShape {
        geometry,
        encoder: Stack {
            dim: config.hidden_size,
            depth: config.num_hidden_layers,
            heads: config.num_attention_heads,
            hidden: config.intermediate_size,
        },
        decoder,
        epsilons: NormEpsilons { blocks: config.layer_norm_eps, last: LAST_EPSILON },
    })
}

/// Writes `model` to the folder `path`.
pub(super) fn write(model: &SavedModel, path: &Path) -> Result<(), CheckpointError> {
    let at = |cause| CheckpointError::File { path: path.to_owned(), cause };
    let is_empty = |path: &Path| Ok::<_, std::io::Error>(std::fs::read_dir(path)?.next().is_none());
    if path.exists() && !is_empty(path).map_err(at)? {
        return Err(CheckpointError::Taken { path: path.to_owned() });
    }
    let layout = model.layout();
    let tensors = names::from_official(&layout, model.kind, &model.weights);
    let tensors = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    // `transformers` refuses a file whose format is not said.
    let metadata = [("format", "pt".to_owned()), (KEY, Note::json_of(model))];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    write_whole_folder(path, |folder| {
        let file =
            |name: &str, content: &[u8]| write_whole(&folder.join(name), |file| file.write_all(content));
        write_whole(&folder.join(WEIGHTS), |file| safetensors_file::write(file, &tensors, &metadata))?;
        file(CONFIG, Config::of(model).to_json().as_bytes())?;
        file(preprocessing::FILE, preprocessing::written(model.shape.geometry, model.pixels).as_bytes())
    })
    .map_err(at)
}

/// Tensors under Hugging Face's names.
type Tensors = BTreeMap<String, HostTensor>;
