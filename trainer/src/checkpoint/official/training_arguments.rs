//! Frames and frame size of a model, from the `args` that the official code saves beside its weights.
//!
//! They stand in an `argparse.Namespace`, a Python object that is not built here (and that the pickle
//! reader keeps as an opaque value). Two of its numbers are wanted, so they are looked up where they are
//! written: in a dictionary the opcode of a key's text is followed by the one of its value.
//!
//! ```text
//! X 10 0 0 0 "input_size"   r 1566 0 0 (memo)   K 224
//! ```

use std::{io::Read as _, path::Path};

use schemas::regular_file;

/// How a pickle names the class of the arguments.
const NAMESPACE: &[u8] = b"argparse\nNamespace\n";
/// Longest pickle that is searched; a whole training file of the giant model has 1 MB.
const LIMIT: u64 = 1 << 26;

/// What the file says, if it says so.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TrainingArguments {
    /// Frames of a clip.
    pub(super) frames: Option<usize>,
    /// Side of a frame in pixels.
    pub(super) side: Option<usize>,
}

/// What the file at `path` says. A file without arguments, or one that cannot be read, says nothing: what is
/// wrong with a file shows when its tensors are read.
pub(super) fn read(path: &Path) -> TrainingArguments {
    pickle(path).map(|pickle| search(&pickle)).unwrap_or_default()
}

fn pickle(path: &Path) -> Option<Vec<u8>> {
    let mut zip = zip::ZipArchive::new(regular_file::open(path).ok()?).ok()?;
    let name = zip.file_names().flatten().find(|name| name.ends_with("/data.pkl"))?.into_owned();
    let mut pickle = Vec::new();
    zip.by_name(&name).ok()?.take(LIMIT).read_to_end(&mut pickle).ok()?;
    Some(pickle)
}

fn search(pickle: &[u8]) -> TrainingArguments {
    let Some(start) = find(pickle, NAMESPACE) else { return TrainingArguments::default() };
    let arguments = &pickle[start..];
    TrainingArguments { frames: number_of(arguments, "num_frames"), side: number_of(arguments, "input_size") }
}

/// The whole number that follows the text `key`.
fn number_of(pickle: &[u8], key: &str) -> Option<usize> {
    let text = [b"X", &(key.len() as u32).to_le_bytes()[..], key.as_bytes()].concat();
    let value = match &pickle[find(pickle, &text)? + text.len()..] {
        [b'q', _, value @ ..] | [b'r', _, _, _, _, value @ ..] => value,
        value => value,
    };
    match *value {
        [b'K', number, ..] => Some(number.into()),
        [b'M', low, high, ..] => Some(u16::from_le_bytes([low, high]).into()),
        _ => None,
    }
}

/// Where `part` begins in `whole`.
fn find(whole: &[u8], part: &[u8]) -> Option<usize> {
    whole.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_with_and_without_memo() {
        let pickle =
            b"cargparse\nNamespace\n)\x81}(X\x0a\0\0\0num_framesr\0\x01\0\0K\x20X\x0a\0\0\0input_sizeM\x40\x01ub.";
        assert_eq!(search(pickle), TrainingArguments { frames: Some(32), side: Some(320) });
    }

    #[test]
    fn without_arguments_nothing_is_said() {
        assert_eq!(search(b"}(X\x0a\0\0\0num_framesK\x20u."), TrainingArguments::default());
        assert_eq!(search(b""), TrainingArguments::default());
        let cut = b"cargparse\nNamespace\n)\x81}(X\x0a\0\0\0num_framesM\x20";
        assert_eq!(search(cut), TrainingArguments::default());
    }
}
