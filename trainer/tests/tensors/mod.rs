//! Tensors of a safetensors file, as tests want them: floats, bytes, whole numbers.

use std::{collections::BTreeMap, path::Path};

use safetensors::{Dtype, SafeTensors};
use trainer::weights::HostTensor;

/// A file, read.
#[derive(Default)]
pub struct Tensors {
    floats: BTreeMap<String, HostTensor>,
    bytes: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
    whole: BTreeMap<String, (Vec<usize>, Vec<i64>)>,
}

impl Tensors {
    pub fn read(path: &Path) -> Self {
        let file = std::fs::read(path).unwrap();
        let mut read = Self::default();
        for (name, view) in SafeTensors::deserialize(&file).unwrap().tensors() {
            let shape = view.shape().to_vec();
            match view.dtype() {
                Dtype::F32 => {
                    let quads = view.data().chunks_exact(4);
                    let values = quads.map(|quad| f32::from_le_bytes(quad.try_into().unwrap())).collect();
                    read.floats.insert(name, HostTensor { shape, values });
                }
                Dtype::U8 => {
                    read.bytes.insert(name, (shape, view.data().to_vec()));
                }
                Dtype::I64 => {
                    let octets = view.data().chunks_exact(8);
                    let values = octets.map(|octet| i64::from_le_bytes(octet.try_into().unwrap())).collect();
                    read.whole.insert(name, (shape, values));
                }
                other => panic!("{name} holds {other:?}"),
            }
        }
        read
    }

    pub fn floats(&self, name: &str) -> &HostTensor {
        self.floats.get(name).unwrap_or_else(|| panic!("the file has no floats {name}"))
    }

    pub fn bytes(&self, name: &str) -> (&[usize], &[u8]) {
        let (shape, bytes) = self.bytes.get(name).unwrap_or_else(|| panic!("the file has no bytes {name}"));
        (shape, bytes)
    }

    pub fn whole(&self, name: &str) -> Option<&[i64]> {
        self.whole.get(name).map(|(_, values)| values.as_slice())
    }

    pub fn has(&self, name: &str) -> bool {
        self.floats.contains_key(name)
    }

    /// All floats whose names begin with `prefix`, without it.
    pub fn under(&self, prefix: &str) -> BTreeMap<String, HostTensor> {
        let named = self.floats.iter();
        named
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())))
            .collect()
    }
}
