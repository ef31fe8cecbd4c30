//! The official layout: a `.pth` as `torch.save` writes it.
//!
//! ```text
//! NAME/data.pkl       a pickle: {"model": OrderedDict(name → shape, stride, offset, storage), …}
//! NAME/data/0 …       storages, raw little-endian
//! NAME/version        "3";  NAME/byteorder "little"
//! ```
//!
//! Weights stand under `model` (official), under `module` (DeepSpeed) or bare. The optimiser, the arguments
//! and whatever else lies beside them is passed over; nothing in the pickle is executed. Names may carry the
//! prefixes of wrappers. What is written has `model` with the official names in the official order, and a
//! text under `tubelet` that says what the layout does not: heads, frames, frame size, epsilons, names of
//! classes, scale of pixels, where it comes from.

mod lengths;
mod pickle;
mod training_arguments;

use std::{borrow::Cow, collections::BTreeMap, io::Write as _, path::Path};

use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader};
use schemas::{ClipGeometry, ProblemType};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use self::lengths::Lengths;
use super::{
    CheckpointError, Heads, Hints, Kind, PixelScale, SavedModel,
    description::{KEY, Note},
    heads, hugging_face,
    native::About,
    saved_model::{self, Claims},
    tensor_table::{Elements, StoredTensor, TensorTable},
    whole_file::write_whole,
};
use crate::{
    model::{ModelShape, NormEpsilons, Stack},
    weights::{HostTensor, Layout},
};

/// Keys that weights stand under, in the order in which the official loaders look.
const WEIGHTS: [&str; 2] = ["model", "module"];
/// What data-parallel, `torch.compile` and fine-tuning put before every name.
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", "backbone."];
/// The folder in a file that is written; torch takes any.
const FOLDER: &str = "archive";
/// Where storages begin, so that torch can map them into memory (`.storage_alignment` of newer files).
const ALIGNMENT: u16 = 64;
/// Frames and side where nothing says others: those of every published model (official `run_mae_pretraining.py`).
const PUBLISHED_CLIP: (usize, usize) = (16, 224);

/// Reads the model in `path`.
pub(super) fn read(path: &Path, hints: Hints) -> Result<SavedModel, CheckpointError> {
    let mut table = open(path)?;
    if hugging_face::has_its_names(&table) {
        return hugging_face::read_table(table, hints);
    }
    table.rename(|name| unwrapped(name).to_owned())?;
    let decoder = ["mask_token", "encoder_to_decoder.weight"].iter().any(|name| table.has(name))
        || table.names().any(|name| name.starts_with("decoder."));
    if !decoder {
        table.rename(|name| name.strip_prefix("encoder.").unwrap_or(name).to_owned())?;
    }
    let lengths = Lengths::of(&table)?;
    let claims = match note(path) {
        Some(note) => of_note(path, hints, &lengths, note)?,
        None => of_lengths(path, hints, &lengths)?,
    };
    claims.fulfil(table, |table, layout| table.take(&layout))
}

/// What the file must hold, by its lengths and what nobody but the user knows.
fn of_lengths(path: &Path, hints: Hints, lengths: &Lengths) -> Result<Claims, CheckpointError> {
    let decoder = lengths.decoder.map(|decoder| decoder.dim);
    let heads = heads::choose(path, hints.heads, lengths.encoder.dim, decoder)?;
    let mut assumed = Vec::new();
    if hints.heads.is_none() {
        let of_decoder = decoder.map(|_| format!(", {} of the decoder", heads.1)).unwrap_or_default();
        assumed.push(format!("{} attention heads of the encoder{of_decoder}", heads.0));
    }
    let trained = training_arguments::read(path);
    let frames = trained.frames.unwrap_or(PUBLISHED_CLIP.0);
    let side = trained.side.unwrap_or(PUBLISHED_CLIP.1);
    if hints.frames.or(trained.frames).is_none() {
        assumed.push(format!("{frames} frames"));
    }
    if hints.sides.is_none() && trained.side.is_none() {
        assumed.push(format!("frames of {side}×{side} pixels"));
    }
    let made_by = match PytorchReader::read_pickle_data(path, Some("epoch")) {
        Ok(PickleValue::Int(epoch)) => format!("the official code, epoch {epoch}"),
        _ => "the official code".to_owned(),
    };
    let about = About { made_by, ..About::default() };
    let geometry = saved_model::geometry(path, hints, frames, [side; 2], lengths.tubelet, lengths.patch)?;
    Ok(Claims {
        kind: lengths.kind,
        shape: shape(geometry, lengths, heads, NormEpsilons::default()),
        labels: Vec::new(),
        stretched_from: None,
        pixels: PixelScale::IMAGENET,
        problem_type: ProblemType::default(),
        about,
        assumed,
    })
}

/// What the file must hold, by its lengths and what tubelet wrote beside them.
fn of_note(path: &Path, hints: Hints, lengths: &Lengths, note: Note) -> Result<Claims, CheckpointError> {
    let ModelShape { geometry, encoder, decoder, epsilons } = note.model.shape();
    heads::agree(path, hints.heads, encoder, decoder)?;
    let (frames, sides) = (geometry.frames(), [geometry.height(), geometry.width()]);
    let geometry = saved_model::geometry(path, hints, frames, sides, lengths.tubelet, lengths.patch)?;
    let shape = shape(geometry, lengths, (encoder.heads, decoder.heads), epsilons);
    Ok(Claims { kind: lengths.kind, shape, ..note.model.claims(note.about) })
}

fn shape(
    geometry: ClipGeometry,
    lengths: &Lengths,
    (of_encoder, of_decoder): (usize, usize),
    epsilons: NormEpsilons,
) -> ModelShape {
    ModelShape {
        geometry,
        encoder: Stack { heads: of_encoder, ..lengths.encoder },
        decoder: lengths
            .decoder
            .map_or(SavedModel::NO_DECODER, |decoder| Stack { heads: of_decoder, ..decoder }),
        epsilons,
    }
}

/// The weights of a file under the names that they have there.
fn open(path: &Path) -> Result<TensorTable<'static>, CheckpointError> {
    let at = |cause| CheckpointError::File { path: path.to_owned(), cause };
    let bytes = std::fs::metadata(path).map_err(at)?.len();
    let mut reader = None;
    for key in WEIGHTS {
        match PytorchReader::with_top_level_key(path, key) {
            Ok(found) if !found.is_empty() => {
                reader = Some(found);
                break;
            }
            Ok(_) | Err(PytorchError::KeyNotFound(_)) => {}
            Err(why) => return Err(damaged(path, why)),
        }
    }
    let reader = match reader {
        Some(reader) => reader,
        None => PytorchReader::new(path).map_err(|why| damaged(path, why))?,
    };
    let stored = reader.into_tensors().into_iter().map(|(name, tensor)| {
        let elements = match tensor.dtype() {
            DType::F32 => Elements::F32,
            DType::F16 => Elements::F16,
            DType::BF16 => Elements::Bf16,
            other => Elements::Other(format!("{other:?}").to_lowercase()),
        };
        let shape = tensor.shape().to_vec();
        let read = Box::new(move || tensor.read().map(Cow::Owned));
        (name, StoredTensor { shape, elements, read })
    });
    Ok(TensorTable::new(path, bytes, stored.collect()))
}

fn damaged(path: &Path, why: PytorchError) -> CheckpointError {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match why {
        PytorchError::Io(cause) if !matches!(cause.kind(), InvalidData | UnexpectedEof) => {
            CheckpointError::File { path: path.to_owned(), cause }
        }
        other => CheckpointError::Damaged { path: path.to_owned(), cause: other.to_string() },
    }
}

/// What tubelet wrote beside the weights.
fn note(path: &Path) -> Option<Note> {
    match PytorchReader::read_pickle_data(path, Some(KEY)) {
        Ok(PickleValue::String(text)) => Note::from_json(&text),
        _ => None,
    }
}

/// The name without the wrappers' prefixes.
fn unwrapped(name: &str) -> &str {
    match WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        Some(inner) => unwrapped(inner),
        None => name,
    }
}

/// Writes `model` to `path`.
pub(super) fn write(model: &SavedModel, path: &Path, insisted: Option<Heads>) -> Result<(), CheckpointError> {
    keeps_heads(model, path, insisted)?;
    write_table(path, &model.layout(), &model.weights, &[(KEY, &Note::json_of(model))])
}

/// Writes the tensors of `layout` under `model`, and texts beside it.
fn write_table(
    path: &Path,
    layout: &Layout,
    weights: &BTreeMap<String, HostTensor>,
    texts: &[(&str, &str)],
) -> Result<(), CheckpointError> {
    write_whole(path, |file| {
        let mut zip = ZipWriter::new(std::io::BufWriter::new(file));
        let mut part = |name: &str, content: &[u8]| -> std::io::Result<()> {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .with_alignment(ALIGNMENT)
                .large_file(u32::try_from(content.len()).is_err());
            zip.start_file(format!("{FOLDER}/{name}"), options)?;
            zip.write_all(content)
        };
        part("data.pkl", &pickle::of(layout, texts))?;
        part("byteorder", b"little")?;
        for (number, entry) in layout.0.iter().enumerate() {
            let values = &weights[&entry.name].values;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            part(&format!("data/{number}"), &bytes)?;
        }
        part("version", b"3\n")?;
        zip.finish()?.flush()
    })
    .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })
}

/// Refuses a model whose heads another reader of the official layout would take to be others.
fn keeps_heads(model: &SavedModel, path: &Path, insisted: Option<Heads>) -> Result<(), CheckpointError> {
    let ModelShape { encoder, decoder, .. } = model.shape;
    heads::agree(path, insisted, encoder, decoder)?;
    let stacks = [("encoder", encoder), ("decoder", decoder)];
    let present = if model.kind == Kind::Pretraining { 2 } else { 1 };
    for (stack, Stack { dim, heads, .. }) in &stacks[..present] {
        match heads::official(*dim) {
            Some(official) if official != *heads && insisted.is_none() => {
                return Err(CheckpointError::HeadsLost { stack, dim: *dim, heads: *heads, official });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::layout::LastNorm, weights::Entry};

    #[test]
    fn the_same_weights_are_read_from_under_every_prefix() {
        let folder = tempfile::tempdir().unwrap();
        let shape = ModelShape {
            geometry: ClipGeometry::new(16, 224, 224, 2, 16).unwrap(),
            encoder: Stack { dim: 64, depth: 1, heads: 1, hidden: 96 },
            decoder: Stack { dim: 64, depth: 1, heads: 1, hidden: 32 },
            epsilons: NormEpsilons::default(),
        };
        let encoder = Kind::Encoder { last_norm: LastNorm::Present };
        let of_pretraining = ["", "module.", "_orig_mod.", "backbone.", "module._orig_mod."];
        let of_encoder = ["", "encoder.", "backbone.", "module.backbone.", "_orig_mod.encoder."];
        for (kind, prefixes) in [(Kind::Pretraining, of_pretraining), (encoder, of_encoder)] {
            let layout = kind.layout(&shape);
            let tensor = |at: usize, entry: &Entry| HostTensor {
                shape: entry.shape.clone(),
                values: vec![at as f32; entry.elements()],
            };
            let tensors: Vec<_> = layout.0.iter().enumerate().map(|(at, entry)| tensor(at, entry)).collect();
            let named = |prefix: &str| -> BTreeMap<String, HostTensor> {
                let names = layout.0.iter().map(|entry| format!("{prefix}{}", entry.name));
                names.zip(tensors.iter().cloned()).collect()
            };
            for (number, prefix) in prefixes.into_iter().enumerate() {
                let path = folder.path().join(format!("{number}.pth"));
                let prefixed = layout.0.iter().map(|entry| {
                    let Entry { name, shape } = entry.clone();
                    Entry { name: format!("{prefix}{name}"), shape }
                });
                write_table(&path, &Layout(prefixed.collect()), &named(prefix), &[]).unwrap();
                let read = read(&path, Hints::default()).unwrap();
                assert_eq!(
                    (read.kind, read.shape),
                    (kind, ModelShape { decoder: read.shape.decoder, ..shape })
                );
                assert!(read.weights == named(""), "{kind:?} under {prefix}");
            }
        }
    }

    #[test]
    fn wrappers_are_taken_off_in_any_order_and_the_model_s_own_names_are_left() {
        for (name, bare) in [
            ("_orig_mod.encoder.norm.weight", "encoder.norm.weight"),
            ("module._orig_mod.mask_token", "mask_token"),
            ("backbone.blocks.0.norm1.bias", "blocks.0.norm1.bias"),
            ("encoder_to_decoder.weight", "encoder_to_decoder.weight"),
        ] {
            assert_eq!(unwrapped(name), bare);
        }
    }
}
