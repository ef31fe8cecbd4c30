//! Files of weights: containers, naming schemes, and one form in memory.
//!
//! ```text
//! container               naming                                      written as
//! .pth, .bin           ─┐  official, V2's, mmaction2's ─┐            ┌─▶ official .pth
//! safetensors          ─┼▶ Hugging Face's              ─┼▶ SavedModel ┼─▶ Hugging Face folder
//! shards and an index  ─┘  tubelet's                   ─┘            └─▶ tubelet .safetensors
//! ```
//!
//! Both follow from what is in a file, never from its name. Reading is strict: a tensor that is missing, left over, of
//! another shape or type, or that holds NaN or an infinite value, is an error that names it, and nothing is loaded. A
//! key's bias alone is left out, since the softmax does not see it, and that is said. No tensor is allocated before
//! its shape is known to be that of the model. Values are moved, never computed with, so a way through all three
//! formats and back gives the same bits.
//!
//! The formats differ in what they say beside the weights:
//!
//! | | heads | frames and frame size | epsilons of the norms | classes' names | scale of pixels |
//! |---|---|---|---|---|---|
//! | official | no: from the width, or [`Hints`] | in the `args` of a whole training file | 1e-6 | no | ImageNet's |
//! | Hugging Face | config.json | config.json | blocks: config.json; `decoder.norm`, `fc_norm`: 1e-5 | config.json | preprocessor_config.json |
//! | tubelet | yes | yes | yes | yes | yes |
//!
//! What a format has no place for stands in a note of tubelet's that other programs pass over, and that is
//! gone when they write the file again. The note says what the model was made with; the code of the other
//! program computes with its own.

mod about;
mod claims;
mod container;
mod description;
mod digest;
mod error;
mod finite;
mod format;
mod heads;
mod hints;
mod hugging_face;
mod key_bias;
mod naming;
pub mod native;
mod official;
mod pixel_scale;
mod preprocessing;
mod rescale;
pub(crate) mod run_checkpoints;
mod safetensors_file;
mod saved_model;
mod tensor_table;
mod whole_file;

use std::path::Path;

use self::tensor_table::Values;

pub use self::{
    description::Description,
    error::CheckpointError,
    format::Format,
    heads::Heads,
    hints::Hints,
    pixel_scale::PixelScale,
    run_checkpoints::last_whole_beside,
    saved_model::{Kind, SavedModel},
};

/// Reads the model in `path`, whatever its format.
///
/// # Errors
/// When it is no file of weights, damaged, or not exactly a VideoMAE model; when a value is NaN or infinite; when
/// an official file's widths do not tell the number of heads.
pub fn read_any(path: &Path) -> Result<SavedModel, CheckpointError> {
    read_with(path, Hints::default())
}

/// Reads the model in `path`, whatever its format, with what the file may not say. Frames and sides in
/// `hints` go before those of the file: the weights fit any.
///
/// # Errors
/// As [`read_any`], and when the file says other heads than `hints`.
pub fn read_with(path: &Path, hints: Hints) -> Result<SavedModel, CheckpointError> {
    read(path, hints, Values::Finite)
}

/// The same of a file whose values may be NaN or infinite, for whoever looks for them: nothing can be computed with
/// such a model.
///
/// # Errors
/// As [`read_with`], but for values that are no numbers.
pub fn read_to_inspect(path: &Path, hints: Hints) -> Result<SavedModel, CheckpointError> {
    read(path, hints, Values::Any)
}

fn read(path: &Path, hints: Hints, values: Values) -> Result<SavedModel, CheckpointError> {
    let mut container = container::open(path)?;
    container.table = container.table.reading(values);
    match naming::settle(&mut container)? {
        Format::Official => official::read(container, hints),
        Format::HuggingFace => hugging_face::read(container, hints),
        Format::Tubelet => native::read_model(container, hints),
    }
}

/// Whose names the tensors in `path` have.
///
/// # Errors
/// When it cannot be read or holds no tensors.
pub fn sniff(path: &Path) -> Result<Format, CheckpointError> {
    naming::settle(&mut container::open(path)?)
}

/// The digest that the file of weights at `path` carries of its content, which is checked; none in files of other
/// programs and of older versions.
///
/// # Errors
/// When it cannot be read, or its content has another digest.
pub fn carried_digest(path: &Path) -> Result<Option<String>, CheckpointError> {
    Ok(container::open(path)?.metadata.remove(digest::KEY))
}

/// Writes `model` to `path`: a file, for Hugging Face a folder. Whole or not at all.
///
/// # Errors
/// When a value is NaN or infinite; when it cannot be written; when Hugging Face's folder is there and not empty; when the official layout,
/// which does not hold the number of heads, would give the model another one. `insisted` says that the
/// caller knows the heads and wants that all the same.
pub fn write(
    model: &SavedModel,
    format: Format,
    path: &Path,
    insisted: Option<Heads>,
) -> Result<(), CheckpointError> {
    match format {
        Format::Official => official::write(model, path, insisted),
        Format::HuggingFace => hugging_face::write(model, path),
        Format::Tubelet => native::write_model(model, path),
    }
}
