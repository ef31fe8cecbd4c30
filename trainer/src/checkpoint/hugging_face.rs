//! Hugging Face's names and its config.json, which says what the names do not.
//!
//! The joint weight of queries, keys and values is three tensors here. Their biases have been spelled in
//! three ways over the versions of `transformers`; all are read:
//!
//! ```text
//! to 5.3, on disk from 5.18        attention.attention.q_bias, .v_bias          this one is written
//! 5.6 to 5.14                      attention.attention.query.bias, .key.bias (left out), .value.bias
//! in memory from 5.18              attention.attention.query.bias, .value.bias
//! ```
//!
//! Hugging Face's code takes `layer_norm_eps` in the blocks and behind the encoder, and 1e-5 in `decoder.norm`
//! and `fc_norm`, whatever config.json says. So does tubelet with a folder of its; what tubelet wrote itself says
//! the last epsilon beside the weights.

mod config;
mod measured;
mod names;

use std::{io::Write as _, path::Path};

use self::config::Config;
use super::{
    CheckpointError, Hints, Kind, SavedModel,
    about::About,
    claims::{self, Claims},
    container::Container,
    description::{KEY, Note},
    finite::finite,
    format::CONFIG,
    heads, key_bias,
    preprocessing::{self, pixels_of},
    safetensors_file,
    tensor_table::TensorTable,
    whole_file::{write_whole, write_whole_folder},
};
use crate::model::{ModelShape, NormEpsilons, Stack, layout::LastNorm};

const WEIGHTS: &str = "model.safetensors";
/// PyTorch's default epsilon, which Hugging Face's `decoder.norm` and `fc_norm` are left at.
const LAST_EPSILON: f64 = 1e-5;

/// Whether a table's names are Hugging Face's.
pub(super) fn has_its_names(table: &TensorTable) -> bool {
    table.names().any(|name| name.contains(names::EMBEDDING))
}

/// Reads the model in a container of Hugging Face's names. What its config.json would say is measured and taken for
/// granted where there is none.
pub(super) fn read(container: Container, hints: Hints) -> Result<SavedModel, CheckpointError> {
    let config_path = container.config();
    let Container { mut table, note, beside, .. } = container;
    table.rename(names::settled)?;
    let mut notes: Vec<String> = key_bias::leave_out(&mut table)?.into_iter().collect();
    notes.extend(beside.choice.map(|choice| format!("{choice} are read")));
    let kind = kind(&table);
    let path = &config_path.clone().unwrap_or_else(|| table.path().to_owned());
    let (config, mut assumed) = match &config_path {
        Some(path) => (Config::read(path)?, Vec::new()),
        None => measured::config(&table, kind, hints)?,
    };
    config.check(path, kind, table.has(names::LAST_NORM) || table.has(names::LAST_NORM_ALONE))?;
    let kind = config.completed(kind);
    if matches!(kind, Kind::Encoder { last_norm: LastNorm::Present | LastNorm::Absent }) {
        table.rename(|name| name.strip_prefix(names::BODY).unwrap_or(name).to_owned())?;
    }
    let mut shape = shape(path, &config, kind, hints)?;
    heads::agree(path, hints.heads, shape.encoder, shape.decoder)?;
    let labels = config.labels(path, kind)?;
    let (pixels, of_pixels) = pixels_of(path.parent().unwrap_or(Path::new("")))?;
    assumed.extend(of_pixels);
    let (about, stretched_from) = match note {
        None => (About { made_by: config.made_by(), recipe: config.recipe(), ..About::default() }, None),
        Some(note) => {
            shape.epsilons.last = note.model.shape().epsilons.last;
            (note.about, note.model.stretched_from())
        }
    };
    let problem_type = config.problem_type(path, kind, &mut assumed)?;
    let claims = Claims { kind, shape, labels, stretched_from, pixels, problem_type, about, assumed, notes };
    claims.fulfil(table, |table, layout| {
        let tensors = table.take(&names::layout(&layout, kind))?;
        Ok(names::to_official(&layout, kind, tensors))
    })
}

/// What the tensors are; whether an encoder alone has its last norm is the config's to say.
fn kind(table: &TensorTable) -> Kind {
    if table.has("mask_token") {
        return Kind::Pretraining;
    }
    match table.shape("classifier.weight") {
        Some(shape) => Kind::Classifier { classes: shape.first().copied().unwrap_or(0) },
        None if table.has("fc_norm.weight") => Kind::Encoder { last_norm: LastNorm::OfMean },
        None => Kind::Encoder { last_norm: LastNorm::Present },
    }
}

fn shape(path: &Path, config: &Config, kind: Kind, hints: Hints) -> Result<ModelShape, CheckpointError> {
    let patch = config.patch(path)?;
    let sides = config.image_size.sides();
    let geometry = claims::geometry(path, hints, config.num_frames, sides, config.tubelet_size, patch)?;
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
        encoder_norm: kind != Kind::Pretraining || !config.use_mean_pooling,
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
    finite(&tensors, path, model.about.step)?;
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
