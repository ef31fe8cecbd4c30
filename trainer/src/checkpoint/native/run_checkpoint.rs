//! The checkpoint of a run: all that it needs to go on.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read as _,
    path::Path,
};

use safetensors::{Dtype, SafeTensors};
use schemas::regular_file;

use super::metadata::{AVERAGE, FIRST, MODEL, SECOND, about, description, metadata};
use crate::{
    checkpoint::{
        CheckpointError, Description, about::About, finite::finite, safetensors_file, whole_file::write_whole,
    },
    weights::HostTensor,
};

/// Longest header that is read, as safetensors itself allows.
const HEADER_LIMIT: u64 = 100_000_000;

/// A checkpoint on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What it says of itself.
    pub about: About,
    /// What the model is, where that does not follow from the recipe.
    pub model: Option<Description>,
    /// The model's tensors.
    pub weights: BTreeMap<String, HostTensor>,
    /// Mean gradients and mean squared gradients under the model's names.
    pub moments: [BTreeMap<String, HostTensor>; 2],
    /// Average of the weights under the model's names, if the run keeps one.
    pub average: Option<BTreeMap<String, HostTensor>>,
}

impl Checkpoint {
    /// Writes it to `path`, whole or not at all.
    ///
    /// # Errors
    /// When a value is no number; when the file cannot be written beside `path`, synced or renamed.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let at = |cause| CheckpointError::File { path: path.to_owned(), cause };
        let parts = [(FIRST, &self.moments[0]), (SECOND, &self.moments[1]), ("", &self.weights)];
        let average = self.average.iter().map(|average| (AVERAGE, average));
        let tensors = parts.into_iter().chain(average).flat_map(|(prefix, part)| {
            part.iter().map(move |(name, tensor)| (format!("{prefix}{name}"), tensor))
        });
        let (tensors, mut metadata) = (tensors.collect(), metadata(&self.about));
        finite(&tensors, path, self.about.step)?;
        if let Some(model) = &self.model {
            metadata.insert(MODEL.to_owned(), model.to_json());
        }
        write_whole(path, |file| safetensors_file::write(file, &tensors, &metadata)).map_err(at)
    }

    /// Reads it from `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged (its content has another digest than it says), is no checkpoint of
    /// tubelet, or a value is no number.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = regular_file::read(path)
            .map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
        let damaged = |cause: safetensors::SafeTensorError| CheckpointError::Damaged {
            path: path.to_owned(),
            cause: cause.to_string(),
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let about = about(header.metadata().as_ref(), path)?;
        safetensors_file::check(path, &bytes)?;
        let mut read = Self {
            about,
            model: description(header.metadata().as_ref(), path)?,
            weights: BTreeMap::new(),
            moments: [BTreeMap::new(), BTreeMap::new()],
            average: None,
        };
        for (name, tensor) in SafeTensors::deserialize(&bytes).map_err(damaged)?.tensors() {
            if tensor.dtype() != Dtype::F32 {
                let found = format!("{:?}", tensor.dtype());
                return Err(CheckpointError::Kind { path: path.to_owned(), name, found });
            }
            let (quads, _) = tensor.data().as_chunks::<4>();
            let values = quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect();
            let tensor = HostTensor { shape: tensor.shape().to_vec(), values };
            if let Some(found) = tensor.not_finite() {
                let (path, kind) = (path.to_owned(), "f32".to_owned());
                return Err(CheckpointError::NotFinite { path, name, kind, found });
            }
            let [first, second] = &mut read.moments;
            let (part, name) = match name.as_str() {
                full if full.starts_with(FIRST) => (first, &full[FIRST.len()..]),
                full if full.starts_with(SECOND) => (second, &full[SECOND.len()..]),
                full if full.starts_with(AVERAGE) => {
                    (read.average.get_or_insert_default(), &full[AVERAGE.len()..])
                }
                full => (&mut read.weights, full),
            };
            part.insert(name.to_owned(), tensor);
        }
        Ok(read)
    }
}

/// Reads all of the checkpoint at `path` and compares it with the digest that it carries.
///
/// # Errors
/// As [`Checkpoint::read`], but for values that are no numbers.
pub fn verify(path: &Path) -> Result<(), CheckpointError> {
    let bytes =
        regular_file::read(path).map_err(|cause| CheckpointError::File { path: path.to_owned(), cause })?;
    safetensors_file::check(path, &bytes)?;
    read_about(path).map(drop)
}

/// What the checkpoint at `path` says of itself, without reading its tensors.
///
/// # Errors
/// As [`Checkpoint::read`], but damage behind the header is not seen.
pub fn read_about(path: &Path) -> Result<About, CheckpointError> {
    let at = |cause| CheckpointError::File { path: path.to_owned(), cause };
    let damaged = |cause: String| CheckpointError::Damaged { path: path.to_owned(), cause };
    let mut file = regular_file::open(path).map_err(at)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|cause| damaged(cause.to_string()))?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_LIMIT {
        return Err(damaged(format!("its header would be {length} bytes long")));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(at)?;
    if header.len() as u64 != length {
        return Err(damaged(format!("its header has {} of {length} bytes", header.len())));
    }
    #[derive(serde::Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__")]
        metadata: Option<HashMap<String, String>>,
    }
    let header: Header = serde_json::from_slice(&header).map_err(|cause| damaged(cause.to_string()))?;
    about(header.metadata.as_ref(), path)
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |values: [f32; 2]| HostTensor { shape: vec![2, 1], values: values.to_vec() };
        let table = |values| BTreeMap::from([("encoder.norm".to_owned(), tensor(values))]);
        Checkpoint {
            about: About {
                recipe: "[clip]\nframes = 16\n".to_owned(),
                step: 7,
                clips: 56,
                data: "digest".to_owned(),
                made_by: "a test".to_owned(),
            },
            model: None,
            weights: table([1.0, -0.0]),
            moments: [table([f32::MIN_POSITIVE, 3.0]), table([4.0, 5.0])],
            average: Some(table([6.0, f32::MAX])),
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        checkpoint().write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint());
        assert_eq!(read_about(&path).unwrap(), checkpoint().about);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_number_is_neither_written_nor_read_and_what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        checkpoint().write(&path).unwrap();
        for prefix in ["", FIRST, SECOND, AVERAGE] {
            let mut broken = checkpoint();
            let [first, second] = &mut broken.moments;
            let part = match prefix {
                FIRST => first,
                SECOND => second,
                AVERAGE => broken.average.as_mut().unwrap(),
                _ => &mut broken.weights,
            };
            part.values_mut().for_each(|tensor| tensor.values[1] = f32::NAN);
            let refused = broken.write(&path).unwrap_err().to_string();
            let says =
                format!("`{prefix}encoder.norm` is not finite after step 7: NaN at 1, 1 of its 2 values");
            assert!(refused.contains(&says), "{refused}");
            assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint());
        }
        let bytes = std::fs::read(&path).unwrap();
        let largest = f32::MAX.to_le_bytes();
        let at = bytes.windows(4).position(|window| window == largest).unwrap();
        let broken = [&bytes[..at], &f32::INFINITY.to_le_bytes(), &bytes[at + 4..]].concat();
        std::fs::write(&path, &broken).unwrap();
        let refused = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(refused.contains("damaged") && refused.contains("digest"), "{refused}");
        // As an older version wrote it, without a digest.
        let at = broken.windows(7).position(|window| window == b"blake3:").unwrap();
        std::fs::write(&path, [&broken[..at], b"nothing", &broken[at + 7..]].concat()).unwrap();
        let broken = std::fs::read(&path).unwrap();
        let at = broken.windows(14).position(|window| window == b"tubelet.digest").unwrap();
        std::fs::write(&path, [&broken[..at], b"another.digest", &broken[at + 14..]].concat()).unwrap();
        let refused = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(refused.contains("`ema.encoder.norm` (f32) is not finite: inf at 1"), "{refused}");
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        checkpoint().write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in [0, 7, 8, 100, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(matches!(Checkpoint::read(&path), Err(CheckpointError::Damaged { .. })), "{length}");
        }
    }

    #[test]
    fn a_file_of_another_program_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.safetensors");
        let tensor = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
        std::fs::write(&path, safetensors::serialize([("a", tensor)], None).unwrap()).unwrap();
        let refused = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(refused.ends_with("is no tubelet-checkpoint/1: its `format` is None"), "{refused}");
        assert!(matches!(read_about(&path), Err(CheckpointError::Foreign { .. })));
    }
}
