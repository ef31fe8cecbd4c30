//! The formats of files of weights, and the words by which they are known.

/// A format of files of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Official names; written as `torch.save` writes them in the official code.
    Official,
    /// Hugging Face's names; written as a folder with config.json and model.safetensors.
    HuggingFace,
    /// tubelet's own safetensors file.
    Tubelet,
}

/// Format version, in the metadata key `format`.
pub const FORMAT: &str = "tubelet-checkpoint/1";
/// Metadata key of the format version.
pub(super) const FORMAT_KEY: &str = "format";

/// What makes a folder one of Hugging Face's.
pub(super) const CONFIG: &str = "config.json";
