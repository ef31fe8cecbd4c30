//! Files of weights in which something is changed.

#![allow(dead_code)] // no test changes everything

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read as _, Write as _},
    path::Path,
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// A tensor as a file has it.
#[derive(Clone)]
pub struct Stored {
    pub kind: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// Changes the tensors of a safetensors file.
pub fn change_tensors(path: &Path, change: impl FnOnce(&mut BTreeMap<String, Stored>)) {
    let file = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&file).unwrap();
    let mut metadata = header.metadata().clone();
    // A digest of other tensors would refuse the file before anything else is looked at.
    metadata.iter_mut().for_each(|entries| drop(entries.remove("tubelet.digest")));
    let tensors = SafeTensors::deserialize(&file).unwrap().tensors().into_iter();
    let stored = tensors.map(|(name, view)| {
        (name, Stored { kind: view.dtype(), shape: view.shape().to_vec(), bytes: view.data().to_vec() })
    });
    let mut stored: BTreeMap<String, Stored> = stored.collect();
    change(&mut stored);
    let views = stored.iter().map(|(name, Stored { kind, shape, bytes })| {
        (name.clone(), TensorView::new(*kind, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, metadata).unwrap()).unwrap();
}

/// Puts other bytes in place of some in the pickle of a `.pth`, behind the first `after`.
pub fn change_pickle(path: &Path, after: &[u8], from: &[u8], to: &[u8]) {
    change_parts(path, |name, content| {
        if name.ends_with("data.pkl") {
            let find =
                |whole: &[u8], part: &[u8]| whole.windows(part.len()).position(|window| window == part);
            let start = find(content, after).unwrap() + after.len();
            let place = start + find(&content[start..], from).unwrap();
            content.splice(place..place + from.len(), to.iter().copied());
        }
    });
}

/// Changes the parts of a `.pth`, each by its name.
pub fn change_parts(path: &Path, mut change: impl FnMut(&str, &mut Vec<u8>)) {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut parts = Vec::new();
    for number in 0..archive.len() {
        let mut part = archive.by_index(number).unwrap();
        let mut content = Vec::new();
        part.read_to_end(&mut content).unwrap();
        parts.push((part.name().unwrap().into_owned(), content));
    }
    let mut changed = ZipWriter::new(File::create(path).unwrap());
    for (name, mut content) in parts {
        change(&name, &mut content);
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        changed.start_file(name, stored).unwrap();
        changed.write_all(&content).unwrap();
    }
    changed.finish().unwrap();
}

/// The tensors of a safetensors file.
pub fn read_tensors(path: &Path) -> BTreeMap<String, Stored> {
    let file = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap().tensors().into_iter();
    let stored = tensors.map(|(name, view)| {
        (name, Stored { kind: view.dtype(), shape: view.shape().to_vec(), bytes: view.data().to_vec() })
    });
    stored.collect()
}

/// Writes a safetensors file.
pub fn write_tensors(path: &Path, tensors: &BTreeMap<String, Stored>, metadata: &[(&str, &str)]) {
    let views = tensors.iter().map(|(name, Stored { kind, shape, bytes })| {
        (name.clone(), TensorView::new(*kind, shape.clone(), bytes).unwrap())
    });
    let metadata = metadata.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}
