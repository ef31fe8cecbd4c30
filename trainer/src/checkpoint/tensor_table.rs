//! The tensors of a file by name, with their values still on disk or in the file's bytes.
//!
//! Names and shapes are compared with those of the model first; only then is anything allocated. Halves
//! (f16, bf16) are widened to f32, which is exact. Other types are refused: rounding f64 would change the
//! model without a word.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    io,
    path::{Path, PathBuf},
};

use burn::tensor::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use super::CheckpointError;
use crate::weights::{HostTensor, Layout};

/// Tensors that were not read yet.
pub(super) struct TensorTable<'a> {
    path: PathBuf,
    bytes: u64,
    tensors: BTreeMap<String, StoredTensor<'a>>,
}

/// A tensor that was not read yet.
pub(super) struct StoredTensor<'a> {
    pub(super) shape: Vec<usize>,
    pub(super) elements: Elements,
    /// Its bytes in row-major order, little-endian.
    pub(super) read: Box<dyn Fn() -> io::Result<Cow<'a, [u8]>> + 'a>,
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

impl<'a> TensorTable<'a> {
    /// The tensors of the file at `path`, which is `bytes` long.
    pub(super) fn new(path: &Path, bytes: u64, tensors: BTreeMap<String, StoredTensor<'a>>) -> Self {
        Self { path: path.to_owned(), bytes, tensors }
    }

    /// The tensors and the metadata of a safetensors file whose content is `bytes`.
    pub(super) fn of_safetensors(
        path: &Path,
        bytes: &'a [u8],
    ) -> Result<(Self, HashMap<String, String>), CheckpointError> {
        let damaged = |cause: safetensors::SafeTensorError| CheckpointError::Damaged {
            path: path.to_owned(),
            cause: cause.to_string(),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?.tensors().into_iter();
        let stored = tensors.map(|(name, view)| {
            let elements = match view.dtype() {
                Dtype::F32 => Elements::F32,
                Dtype::F16 => Elements::F16,
                Dtype::BF16 => Elements::Bf16,
                other => Elements::Other(format!("{other:?}").to_lowercase()),
            };
            let data = view.data();
            let read = Box::new(move || Ok(Cow::Borrowed(data)));
            (name, StoredTensor { shape: view.shape().to_vec(), elements, read })
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
    fn check_sizes<'b>(
        &self,
        tensors: impl Iterator<Item = (&'b str, &'b StoredTensor<'a>)>,
    ) -> Result<(), CheckpointError>
    where
        'a: 'b,
    {
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

    fn load(&self, name: &str, tensor: &StoredTensor<'a>) -> Result<HostTensor, CheckpointError> {
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
        Ok(HostTensor { shape: tensor.shape.clone(), values })
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

    fn table(shape: &[usize], elements: Elements, bytes: Vec<u8>, file: u64) -> TensorTable<'static> {
        let read = Box::new(move || Ok(Cow::Owned(bytes.clone())));
        let tensor = StoredTensor { shape: shape.to_vec(), elements, read };
        TensorTable::new(Path::new("file"), file, BTreeMap::from([("a".to_owned(), tensor)]))
    }

    fn layout(shape: &[usize]) -> Layout {
        Layout(vec![Entry { name: "a".to_owned(), shape: shape.to_vec() }])
    }

    #[test]
    fn halves_are_widened_exactly() {
        let bits = [0x3c01u16, 0x8001, 0x7c00]; // 1 + 2⁻¹⁰, −2⁻²⁴, ∞
        let bytes = bits.iter().flat_map(|half| half.to_le_bytes()).collect();
        let read = table(&[3], Elements::F16, bytes, 6).take(&layout(&[3])).unwrap();
        assert_eq!(read["a"].values, [1.000_976_6, -5.960_464_5e-8, f32::INFINITY]);
        let read = table(&[1], Elements::Bf16, vec![0x81, 0x3f], 2).take(&layout(&[1])).unwrap();
        assert_eq!(read["a"].values, [1.007_812_5]);
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
        assert_eq!(short.to_string(), "file is damaged or cut short: `a` has 1 of 2 elements");
    }
}
