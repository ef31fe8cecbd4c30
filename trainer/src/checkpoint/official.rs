//! The official layout: a `.pth` as `torch.save` writes it.
//!
//! ```text
//! NAME/data.pkl       a pickle: {"model": OrderedDict(name → shape, stride, offset, storage), …}
//! NAME/data/0 …       storages, raw little-endian
//! NAME/version        "3";  NAME/byteorder "little"
//! ```
//!
//! What is written has `model` with the official names in the official order, and a text under `tubelet` that says
//! what the layout does not: heads, frames, frame size, epsilons, names of classes, scale of pixels, where it comes
//! from. Others write the same names with other things beside them, or spell some of them otherwise
//! ([`dialects`]); the V2 authors' Hugging Face folders say the lengths in a config.json of their own
//! ([`v2_config`]).

mod dialects;
mod lengths;
mod pickle;
mod training_arguments;
mod v2_config;

use std::{collections::BTreeMap, io::Write as _, path::Path};

use schemas::ProblemType;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use self::{lengths::Lengths, v2_config::V2Config};
use super::{
    CheckpointError, Heads, Hints, Kind, PixelScale, SavedModel,
    about::About,
    claims::{self, Claims, PUBLISHED_CLIP},
    container::Container,
    description::{KEY, Note},
    finite::finite,
    heads, key_bias,
    whole_file::write_whole,
};
use crate::{
    model::{ModelShape, NormEpsilons, Stack},
    weights::{HostTensor, Layout},
};

/// The folder in a file that is written; torch takes any.
const FOLDER: &str = "archive";
/// Where storages begin, so that torch can map them into memory (`.storage_alignment` of newer files).
const ALIGNMENT: u16 = 64;
/// Reads the model in a container of official names.
pub(super) fn read(container: Container, hints: Hints) -> Result<SavedModel, CheckpointError> {
    let config = V2Config::beside(&container)?;
    let Container { mut table, note, beside, .. } = container;
    dialects::translate(&mut table)?;
    let mut notes: Vec<String> = key_bias::leave_out(&mut table)?.into_iter().collect();
    notes.extend(beside.choice.map(|choice| format!("{choice} are read")));
    let decoder = ["mask_token", "encoder_to_decoder.weight"].iter().any(|name| table.has(name))
        || table.names().any(|name| name.starts_with("decoder."));
    if !decoder {
        table.rename(|name| name.strip_prefix("encoder.").unwrap_or(name).to_owned())?;
    }
    let lengths = Lengths::of(&table)?;
    let path = &table.path().to_owned();
    let claims = match (note, config) {
        (Some(note), _) => of_note(path, hints, &lengths, note)?,
        (None, Some(config)) => config.claims(path, hints, &lengths)?,
        (None, None) => of_lengths(path, hints, &lengths, beside.epoch)?,
    };
    let claims = Claims { notes, ..claims };
    claims.fulfil(table, |table, layout| table.take(&layout))
}

/// What the file must hold, by its lengths and what nobody but the user knows.
fn of_lengths(
    path: &Path,
    hints: Hints,
    lengths: &Lengths,
    epoch: Option<i64>,
) -> Result<Claims, CheckpointError> {
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
    let made_by = match epoch {
        Some(epoch) => format!("the official code, epoch {epoch}"),
        None => "the official code, or another with its names".to_owned(),
    };
    let about = About { made_by, ..About::default() };
    let geometry = claims::geometry(path, hints, frames, [side; 2], lengths.tubelet, lengths.patch)?;
    Ok(Claims {
        kind: lengths.kind,
        shape: lengths.shape(geometry, heads, NormEpsilons::default()),
        labels: Vec::new(),
        stretched_from: None,
        pixels: PixelScale::IMAGENET,
        problem_type: ProblemType::default(),
        about,
        assumed,
        notes: Vec::new(),
    })
}

/// What the file must hold, by its lengths and what tubelet wrote beside them.
fn of_note(path: &Path, hints: Hints, lengths: &Lengths, note: Note) -> Result<Claims, CheckpointError> {
    let ModelShape { geometry, encoder, decoder, epsilons, .. } = note.model.shape();
    heads::agree(path, hints.heads, encoder, decoder)?;
    let (frames, sides) = (geometry.frames(), [geometry.height(), geometry.width()]);
    let geometry = claims::geometry(path, hints, frames, sides, lengths.tubelet, lengths.patch)?;
    let shape = lengths.shape(geometry, (encoder.heads, decoder.heads), epsilons);
    Ok(Claims { kind: lengths.kind, shape, ..note.model.claims(note.about) })
}

/// Writes `model` to `path`.
pub(super) fn write(model: &SavedModel, path: &Path, insisted: Option<Heads>) -> Result<(), CheckpointError> {
    keeps_heads(model, path, insisted)?;
    let tensors = model.weights.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    finite(&tensors, path, model.about.step)?;
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
    use schemas::ClipGeometry;

    use super::*;
    use crate::{checkpoint::read_with, model::layout::LastNorm, weights::Entry};

    #[test]
    fn the_same_weights_are_read_from_under_every_prefix() {
        let folder = tempfile::tempdir().unwrap();
        let shape = ModelShape {
            geometry: ClipGeometry::new(16, 224, 224, 2, 16).unwrap(),
            encoder: Stack { dim: 64, depth: 1, heads: 1, hidden: 96 },
            decoder: Stack { dim: 64, depth: 1, heads: 1, hidden: 32 },
            epsilons: NormEpsilons::default(),
            encoder_norm: true,
        };
        let encoder = Kind::Encoder { last_norm: LastNorm::Present };
        let of_pretraining =
            ["", "module.", "_orig_mod.", "backbone.", "module._orig_mod.", "model.", "net."];
        let of_encoder = [
            "",
            "encoder.",
            "backbone.",
            "module.backbone.",
            "_orig_mod.encoder.",
            "model.encoder.",
            "net.model.",
        ];
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
                let read = read_with(&path, Hints::default()).unwrap();
                assert_eq!(
                    (read.kind, read.shape),
                    (kind, ModelShape { decoder: read.shape.decoder, ..shape })
                );
                assert!(read.weights == named(""), "{kind:?} under {prefix}");
            }
        }
    }
}
