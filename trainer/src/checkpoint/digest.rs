//! The digest that a safetensors file carries of its own content, so that a bit that rotted on the disk is no weight.
//!
//! ```text
//! "tubelet.digest": "blake3:<64 hexadecimal digits>"        in the metadata
//!
//! BLAKE3 of   all other metadata, by key: key, value
//!             all tensors, by name: name, type, shape, BLAKE3 of the bytes        each text behind its length
//! ```
//!
//! It is of the content and not of the file: whoever writes the same tensors again may order them otherwise. A file
//! without the key is one of an older version or of another program and is read as ever. Tensors are hashed in
//! parallel.

use std::{collections::HashMap, path::Path};

use rayon::prelude::*;

use super::CheckpointError;

/// Entry of the metadata that the digest stands in.
pub(super) const KEY: &str = "tubelet.digest";
/// What the digest begins with: it is known by that too, should the key have changed.
const BEGINNING: &str = "blake3:";
/// Letters of a digest in a message.
const SHOWN: usize = 19;

/// A tensor to be hashed.
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    /// Type of its elements as the header has it, such as `F32`.
    pub(super) kind: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) values: Values<'a>,
}

/// What a tensor holds.
#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    /// The bytes of a file.
    Bytes(&'a [u8]),
    /// Numbers that become little-endian bytes.
    Floats(&'a [f32]),
}

/// The digest of this content.
pub(super) fn of<'a>(metadata: impl Iterator<Item = (&'a str, &'a str)>, mut parts: Vec<Part<'a>>) -> String {
    let mut metadata: Vec<_> = metadata.filter(|(key, _)| *key != KEY).collect();
    metadata.sort_unstable();
    parts.sort_unstable_by_key(|part| part.name);
    let digests: Vec<blake3::Hash> = parts.par_iter().map(|part| part.values.digest()).collect();
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &[u8]| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    add(&(metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        add(key.as_bytes());
        add(value.as_bytes());
    }
    for (Part { name, kind, shape, .. }, digest) in parts.iter().zip(digests) {
        let shape: Vec<u8> = shape.iter().flat_map(|length| (*length as u64).to_le_bytes()).collect();
        add(name.as_bytes());
        add(kind.as_bytes());
        add(&shape);
        add(digest.as_bytes());
    }
    format!("{BEGINNING}{}", hasher.finalize().to_hex())
}

/// Refuses content that has another digest than the metadata say.
pub(super) fn check(
    path: &Path,
    metadata: &HashMap<String, String>,
    parts: Vec<Part<'_>>,
) -> Result<(), CheckpointError> {
    let damaged = |cause: String| Err(CheckpointError::Damaged { path: path.to_owned(), cause });
    let Some(written) = metadata.get(KEY) else {
        return match metadata.iter().find(|(_, value)| value.starts_with(BEGINNING)) {
            Some((key, _)) => damaged(format!("its digest stands under `{}`", key.escape_debug())),
            None => Ok(()),
        };
    };
    let found = of(metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())), parts);
    if *written == found {
        return Ok(());
    }
    let short = |digest: &str| digest.chars().take(SHOWN).flat_map(char::escape_debug).collect::<String>();
    damaged(format!(
        "its content has the digest {}…, not {}… as it was written (a program that changes tensors leaves `{KEY}` out \
         of the metadata)",
        short(&found),
        short(written)
    ))
}

impl Values<'_> {
    fn digest(self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        self.for_each_piece(|bytes| {
            hasher.update(bytes);
        });
        hasher.finalize()
    }

    /// Its bytes, little-endian, piece by piece.
    pub(super) fn for_each_piece(self, mut take: impl FnMut(&[u8])) {
        match self {
            Self::Bytes(bytes) => take(bytes),
            Self::Floats(values) => {
                let mut piece: Vec<[u8; 4]> = Vec::with_capacity(values.len().min(PIECE));
                for some in values.chunks(PIECE) {
                    piece.clear();
                    piece.extend(some.iter().map(|value| value.to_le_bytes()));
                    take(piece.as_flattened());
                }
            }
        }
    }
}

/// Numbers that are made bytes at once.
const PIECE: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(metadata: &[(&str, &str)], name: &str, shape: &[usize], values: &[f32]) -> String {
        let part = Part { name, kind: "F32", shape, values: Values::Floats(values) };
        of(metadata.iter().copied(), vec![part])
    }

    #[test]
    fn names_shapes_values_and_metadata_all_count_and_the_digest_itself_does_not() {
        let (metadata, values) = ([("step", "7")], [1.0, -0.0]);
        let whole = digest(&metadata, "a", &[2, 1], &values);
        assert_eq!(digest(&[("step", "7"), (KEY, "any")], "a", &[2, 1], &values), whole);
        for other in [
            digest(&[("step", "8")], "a", &[2, 1], &values),
            digest(&[("step", "7"), ("more", "")], "a", &[2, 1], &values),
            digest(&metadata, "b", &[2, 1], &values),
            digest(&metadata, "a", &[1, 2], &values),
            digest(&metadata, "a", &[2, 1], &[1.0, 0.0]),
        ] {
            assert_ne!(other, whole);
        }
    }

    #[test]
    fn numbers_and_their_bytes_have_one_digest() {
        let values: Vec<f32> = (0..PIECE + 3).map(|at| at as f32 / 7.0).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let part = |values| vec![Part { name: "a", kind: "F32", shape: &[PIECE + 3], values }];
        let of = |values| of(std::iter::empty(), part(values));
        assert_eq!(of(Values::Floats(&values)), of(Values::Bytes(&bytes)));
    }

    #[test]
    fn a_digest_under_another_key_is_damage_and_none_is_none() {
        let check = |key: &str, value: &str| {
            check(Path::new("file"), &[(key.to_owned(), value.to_owned())].into(), Vec::new())
        };
        check("format", "pt").unwrap();
        assert!(check("tubelet.dicest", "blake3:12").is_err());
        assert!(check(KEY, "blake3:12").is_err());
        check(KEY, &of(std::iter::empty(), Vec::new())).unwrap();
    }
}
