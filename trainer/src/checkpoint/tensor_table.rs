//! The tensors of a file by name, with their values still on disk or in the file's bytes.
//!
//! Names and shapes are compared with those of the model first; only then is anything allocated. Halves
//! (f16, bf16) are widened to f32, which is exact. Other types are refused: rounding f64 would change the
//! model without a word. So are values that are no numbers (NaN, or infinite, as a half that overflowed is):
//! whatever is computed with them is no number either. Only whoever looks for them reads them.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use burn::tensor::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use super::CheckpointError;
use crate::weights::{HostTensor, Layout};

/// Tensors that were not read yet.
pub(super) struct TensorTable {
    path: PathBuf,
    bytes: u64,
    tensors: BTreeMap<String, StoredTensor>,
    values: Values,
}

/// Which values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Finite ones; others are an error.
    Finite,
    /// Any.
    Any,
}

/// A tensor that was not read yet.
pub(super) struct StoredTensor {
    pub(super) shape: Vec<usize>,
    pub(super) elements: Elements,
    /// Its bytes in row-major order, little-endian.
    pub(super) read: Box<dyn Fn() -> io::Result<Vec<u8>>>,
}

/// What a tensor holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    F32,
    F16,
    Bf16,
    /// Something that no VideoMAE has, by name.
    Other(String),
}

impl TensorTable {
    /// The tensors of the file at `path`, which is `bytes` long.
    pub(super) fn new(path: &Path, bytes: u64, tensors: BTreeMap<String, StoredTensor>) -> Self {
        Self { path: path.to_owned(), bytes, tensors, values: Values::Finite }
    }

    /// The same table, of which such values are read.
    pub(super) fn reading(self, values: Values) -> Self {
        Self { values, ..self }
    }

    /// Adds the tensors of another table, a part of the same weights.
    pub(super) fn join(&mut self, part: Self) -> Result<(), CheckpointError> {
        self.bytes += part.bytes;
        for (name, tensor) in part.tensors {
            if self.tensors.contains_key(&name) {
                let cause = format!(
                    "`{name}` is in several files, one of them {}",
                    schemas::names::shown(&part.path)
                );
                return Err(CheckpointError::Damaged { path: self.path.clone(), cause });
            }
            self.tensors.insert(name, tensor);
        }
        Ok(())
    }

    /// The tensors and the metadata of a safetensors file whose content is `bytes`.
    pub(super) fn of_safetensors(
        path: &Path,
        bytes: Vec<u8>,
    ) -> Result<(Self, HashMap<String, String>), CheckpointError> {
        let damaged = |cause: safetensors::SafeTensorError| CheckpointError::Damaged {
            path: path.to_owned(),
            cause: cause.to_string(),
        };
        let (header_length, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let begin = size_of::<u64>() + header_length;
        let bytes = Arc::new(bytes);
        let stored = header.tensors().into_iter().map(|(name, info)| {
            let elements = match info.dtype {
                Dtype::F32 => Elements::F32,
                Dtype::F16 => Elements::F16,
                Dtype::BF16 => Elements::Bf16,
                other => Elements::Other(format!("{other:?}").to_lowercase()),
            };
            let (from, to) = info.data_offsets;
            let bytes = Arc::clone(&bytes);
            let read = Box::new(move || Ok(bytes[begin + from..begin + to].to_vec()));
            (name, StoredTensor { shape: info.shape.clone(), elements, read })
        });
        Ok((Self::new(path, bytes.len() as u64, stored.collect()), metadata))
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Names, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of a tensor.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// Leaves out the tensors whose names are not `wanted`.
    pub(super) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.tensors.retain(|name, _| wanted(name));
    }

    /// Gives every tensor the name that `rename` makes of its own.
    pub(super) fn rename(&mut self, rename: impl Fn(&str) -> String) -> Result<(), CheckpointError> {
        for (name, tensor) in std::mem::take(&mut self.tensors) {
            let renamed = rename(&name);
            if self.tensors.insert(renamed.clone(), tensor).is_some() {
                let why = format!("two of its tensors are `{renamed}`, one of them as `{name}`");
                return Err(self.no_model(why));
            }
        }
        Ok(())
    }

    /// Puts in a tensor that was read.
    pub(super) fn insert(&mut self, name: &str, tensor: HostTensor) -> Result<(), CheckpointError> {
        let HostTensor { shape, values } = tensor;
        let read = Box::new(move || Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect()));
        let stored = StoredTensor { shape, elements: Elements::F32, read };
        match self.tensors.insert(name.to_owned(), stored) {
            Some(_) => Err(self.no_model(format!("it has `{name}` twice, in one tensor and in another"))),
            None => Ok(()),
        }
    }

    /// Takes one tensor out and reads it.
    pub(super) fn remove(&mut self, name: &str) -> Result<Option<HostTensor>, CheckpointError> {
        let Some(tensor) = self.tensors.remove(name) else { return Ok(None) };
        self.check_sizes([(name, &tensor)].into_iter())?;
        self.load(name, &tensor).map(Some)
    }

    /// Reads all tensors, which must be exactly those of `layout`.
    pub(super) fn take(self, layout: &Layout) -> Result<BTreeMap<String, HostTensor>, CheckpointError> {
        let shapes = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape.as_slice()));
        layout.check(shapes).map_err(|misfit| CheckpointError::Misfit { path: self.path.clone(), misfit })?;
        self.check_sizes(self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)))?;
        let load = |(name, tensor): (&String, _)| Ok((name.clone(), self.load(name, tensor)?));
        self.tensors.iter().map(load).collect()
    }

    /// Why this is no model.
    pub(super) fn no_model(&self, why: impl Into<String>) -> CheckpointError {
        CheckpointError::NoModel { path: self.path.clone(), why: why.into() }
    }

    /// A view into a small storage may claim any size, so the file's own length is the limit.
    fn check_sizes<'a>(
        &self,
        tensors: impl Iterator<Item = (&'a str, &'a StoredTensor)>,
    ) -> Result<(), CheckpointError> {
        let mut elements = 0u64;
        for (name, tensor) in tensors {
            let product = tensor.shape.iter().try_fold(1u64, |all, &length| all.checked_mul(length as u64));
            elements = elements.saturating_add(product.unwrap_or(u64::MAX));
            if elements > self.bytes {
                let (path, name) = (self.path.clone(), name.to_owned());
                return Err(CheckpointError::TooLarge { path, name, elements, bytes: self.bytes });
            }
        }
        Ok(())
    }

    fn load(&self, name: &str, tensor: &StoredTensor) -> Result<HostTensor, CheckpointError> {
        if let Elements::Other(found) = &tensor.elements {
            let (path, name, found) = (self.path.clone(), name.to_owned(), found.clone());
            return Err(CheckpointError::Kind { path, name, found });
        }
        let bytes = (tensor.read)().map_err(|cause| match cause.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                CheckpointError::Damaged { path: self.path.clone(), cause: cause.to_string() }
            }
            _ => CheckpointError::File { path: self.path.clone(), cause },
        })?;
        let values = widen(&bytes, &tensor.elements);
        let wanted: usize = tensor.shape.iter().product();
        if values.len() != wanted {
            let cause = format!("`{name}` has {} of {wanted} elements", values.len());
            return Err(CheckpointError::Damaged { path: self.path.clone(), cause });
        }
        let read = HostTensor { shape: tensor.shape.clone(), values };
        if self.values == Values::Finite
            && let Some(found) = read.not_finite()
        {
            let (path, name, kind) = (self.path.clone(), name.to_owned(), tensor.elements.name().to_owned());
            return Err(CheckpointError::NotFinite { path, name, kind, found });
        }
        Ok(read)
    }
}

impl Elements {
    fn name(&self) -> &str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Other(name) => name,
        }
    }
}

/// Little-endian bytes to numbers.
fn widen(bytes: &[u8], elements: &Elements) -> Vec<f32> {
    let halves = || bytes.as_chunks::<2>().0.iter();
    match elements {
        Elements::F32 => bytes.as_chunks::<4>().0.iter().map(|quad| f32::from_le_bytes(*quad)).collect(),
        Elements::F16 => halves().map(|pair| f16::from_le_bytes(*pair).to_f32()).collect(),
        Elements::Bf16 => halves().map(|pair| bf16::from_le_bytes(*pair).to_f32()).collect(),
        Elements::Other(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Entry;

    fn table(shape: &[usize], elements: Elements, bytes: Vec<u8>, file: u64) -> TensorTable {
        let read = Box::new(move || Ok(bytes.clone()));
        let tensor = StoredTensor { shape: shape.to_vec(), elements, read };
        TensorTable::new(Path::new("file"), file, BTreeMap::from([("a".to_owned(), tensor)]))
    }

    fn layout(shape: &[usize]) -> Layout {
        Layout(vec![Entry { name: "a".to_owned(), shape: shape.to_vec() }])
    }

    #[test]
    fn halves_are_widened_exactly() {
        let bits = [0x3c01u16, 0x8001, 0x7bff]; // 1 + 2⁻¹⁰, −2⁻²⁴, the largest
        let bytes = bits.iter().flat_map(|half| half.to_le_bytes()).collect();
        let read = table(&[3], Elements::F16, bytes, 6).take(&layout(&[3])).unwrap();
        assert_eq!(read["a"].values, [1.000_976_6, -5.960_464_5e-8, 65504.0]);
        let read = table(&[1], Elements::Bf16, vec![0x81, 0x3f], 2).take(&layout(&[1])).unwrap();
        assert_eq!(read["a"].values, [1.007_812_5]);
    }

    #[test]
    fn a_half_that_overflowed_is_refused_by_name_unless_it_is_looked_for() {
        let half = || table(&[2], Elements::F16, vec![0, 0, 0, 0x7c], 4); // 0, ∞
        let refused = half().take(&layout(&[2])).unwrap_err();
        let words = "file: `a` (f16) is not finite: inf at 1, 1 of its 2 values; ";
        assert!(refused.to_string().starts_with(words), "{refused}");
        let read = half().reading(Values::Any).take(&layout(&[2])).unwrap();
        assert_eq!(read["a"].values, [0.0, f32::INFINITY]);
    }

    #[test]
    fn doubles_are_refused_by_name() {
        let doubles = table(&[1], Elements::Other("f64".to_owned()), vec![0; 8], 8);
        let refused = doubles.take(&layout(&[1])).unwrap_err();
        assert_eq!(refused.to_string(), "file: `a` holds f64; f32, f16 and bf16 are read");
    }

    #[test]
    fn a_tensor_larger_than_its_file_is_refused_before_it_is_read() {
        let huge = table(&[1 << 40, 1 << 40], Elements::F32, vec![], 4096);
        let refused = huge.take(&layout(&[1 << 40, 1 << 40])).unwrap_err();
        assert!(matches!(refused, CheckpointError::TooLarge { bytes: 4096, .. }), "{refused}");
    }

    #[test]
    fn bytes_that_are_too_few_are_damage() {
        let short = table(&[2], Elements::F32, vec![0; 7], 7).take(&layout(&[2])).unwrap_err();
        assert_eq!(short.to_string(), "file is damaged or truncated: `a` has 1 of 2 elements");
    }
}
