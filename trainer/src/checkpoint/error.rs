//! Why a file of weights could not be read or written.

use std::path::PathBuf;

use schemas::{GeometryError, names::shown};

use crate::weights::{Misfit, NotFinite};

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file could not be opened, read, written or renamed.
    #[error("{path}: {cause}", path = shown(path))]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It is of none of the formats.
    #[error("{path} is not a file of weights: {why}", path = shown(path))]
    Unknown {
        /// Which file or folder.
        path: PathBuf,
        /// What was looked for.
        why: String,
    },
    /// Its format is clear, but it is cut short or wrong inside.
    #[error("{path} is damaged or truncated: {cause}", path = shown(path))]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// It is a safetensors file without the metadata of a tubelet checkpoint.
    #[error("{path} is no {format}: its `{key}` is {found:?}", path = shown(path), format = super::format::FORMAT)]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Which entry of the metadata.
        key: &'static str,
        /// What stands there.
        found: Option<String>,
    },
    /// What is in it is no VideoMAE model that can be used.
    #[error("{path} does not contain a VideoMAE model: {why}", path = shown(path))]
    NoModel {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A tensor holds something else than f32, f16 or bf16.
    #[error("{path}: `{name}` holds {found}; f32, f16 and bf16 are read", path = shown(path))]
    Kind {
        /// Which file.
        path: PathBuf,
        /// Which tensor.
        name: String,
        /// What it holds.
        found: String,
    },
    /// Its tensors claim more elements than the file has bytes.
    #[error("{path}: up to `{name}` its tensors claim {elements} elements, the file has {bytes} bytes", path = shown(path))]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The tensor with which it became too much.
        name: String,
        /// Elements of the tensors so far, or the largest number there is.
        elements: u64,
        /// Length of the file.
        bytes: u64,
    },
    /// Its tensors are not those of the model.
    #[error("{path}: {misfit}", path = shown(path))]
    Misfit {
        /// Which file.
        path: PathBuf,
        /// What differs.
        misfit: Misfit,
    },
    /// Nothing says how many attention heads the model has.
    #[error("{path} does not say how many attention heads there are, and no published {stack} is {dim} wide", path = shown(path))]
    HeadsUnknown {
        /// Which file.
        path: PathBuf,
        /// Which stack of blocks.
        stack: &'static str,
        /// Its width.
        dim: usize,
    },
    /// The file says another number of heads than the caller.
    #[error("the {stack} in {path} has {found} heads, not {given}", path = shown(path))]
    HeadsDiffer {
        /// Which file.
        path: PathBuf,
        /// Which stack of blocks.
        stack: &'static str,
        /// Heads that the file says.
        found: usize,
        /// Heads that the caller says.
        given: usize,
    },
    /// The official layout would give the model another number of heads.
    #[error(
        "the {stack} has {heads} heads, but the official layout does not say so, and the official code gives a width of {dim} {official}"
    )]
    HeadsLost {
        /// Which stack of blocks.
        stack: &'static str,
        /// Its width.
        dim: usize,
        /// Its heads.
        heads: usize,
        /// Heads that the official code gives this width.
        official: usize,
    },
    /// A tensor that was read holds values that are no numbers.
    #[error(
        "{path}: `{name}` ({kind}) is not finite: {found}; `tubelet inspect checkpoint` names all such tensors",
        path = shown(path)
    )]
    NotFinite {
        /// Which file.
        path: PathBuf,
        /// Which tensor.
        name: String,
        /// What it holds there: f32, f16 or bf16.
        kind: String,
        /// Which values.
        found: NotFinite,
    },
    /// A tensor that is to be written holds values that are no numbers.
    #[error("{path} is not written: `{name}` is not finite after step {step}: {found}", path = shown(path))]
    NotFiniteToWrite {
        /// Which file.
        path: PathBuf,
        /// Which tensor.
        name: String,
        /// Updates of the weights so far.
        step: u64,
        /// Which values.
        found: NotFinite,
    },
    /// A setting of config.json makes another model than VideoMAE of the weights.
    #[error("{path}: `{key}` is {found}: {why}", path = shown(path))]
    Config {
        /// Which file.
        path: PathBuf,
        /// Which setting.
        key: &'static str,
        /// Its value.
        found: String,
        /// Why that does not do.
        why: String,
    },
    /// Frames, sides and cubes do not go together.
    #[error("{path}: {cause}", path = shown(path))]
    Geometry {
        /// Which file.
        path: PathBuf,
        /// What does not divide.
        cause: GeometryError,
    },
    /// The folder to be written is there already.
    #[error("{path} already exists and is not empty", path = shown(path))]
    Taken {
        /// Which folder.
        path: PathBuf,
    },
}

impl CheckpointError {
    /// What would do, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::HeadsUnknown { .. } => {
                Some("`--heads N`, or `--heads N,M` if the decoder has M".to_owned())
            }
            Self::HeadsLost { heads, .. } => Some(format!("`--heads {heads}` writes it all the same")),
            Self::Geometry { .. } => {
                Some("`--frames N` and `--size S` say what the model is to look at".to_owned())
            }
            _ => None,
        }
    }
}
