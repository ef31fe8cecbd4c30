//! Writes a safetensors file of f32, with a digest of its content: the length of a header, the header (JSON), the
//! values.
//!
//! ```text
//! u64  {"__metadata__": {key: text …}, name: {"dtype": "F32", "shape": […], "data_offsets": [from, to]} … }
//! values of all tensors in the order of their names, little-endian
//! ```
//!
//! The writer of the crate keeps metadata in a hash map, whose order differs from one process to the next.
//! Here the same model is always the same bytes, so that a run that was cut and resumed can be compared with
//! one that was not. Values go out tensor by tensor, without a second copy of the model in memory.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    path::Path,
};

use safetensors::SafeTensors;
use serde_json::{Map, Value, json};

use super::{CheckpointError, digest};
use crate::weights::HostTensor;

/// Values begin at a multiple of this, as the format asks.
const ALIGNMENT: usize = 8;

/// Writes `tensors` and `metadata` to `out`.
pub(super) fn write(
    out: impl Write,
    tensors: &BTreeMap<String, &HostTensor>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let mut metadata = metadata.clone();
    metadata.insert(digest::KEY.to_owned(), digest_of(tensors, &metadata));
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!(metadata));
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += tensor.values.len() * size_of::<f32>();
        let entry = json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');

    let mut out = BufWriter::new(out);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for tensor in tensors.values() {
        let mut written = Ok(());
        digest::Values::Floats(&tensor.values).for_each_piece(|bytes| {
            if written.is_ok() {
                written = out.write_all(bytes);
            }
        });
        written?;
    }
    out.flush()
}

/// The digest of this content.
fn digest_of(tensors: &BTreeMap<String, &HostTensor>, metadata: &BTreeMap<String, String>) -> String {
    let parts = tensors.iter().map(|(name, tensor)| digest::Part {
        name,
        kind: "F32",
        shape: &tensor.shape,
        values: digest::Values::Floats(&tensor.values),
    });
    digest::of(metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())), parts.collect())
}

/// Refuses a file whose content has another digest than its metadata say.
pub(super) fn check(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let damaged = |cause: safetensors::SafeTensorError| CheckpointError::Damaged {
        path: path.to_owned(),
        cause: cause.to_string(),
    };
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let Some(metadata) = header.metadata() else { return Ok(()) };
    let data = bytes.get(size_of::<u64>() + length..).unwrap_or_default();
    let tensors = header.tensors();
    let kinds: Vec<String> = tensors.values().map(|info| format!("{:?}", info.dtype)).collect();
    let parts = tensors.iter().zip(&kinds).map(|((name, info), kind)| {
        let (from, to) = info.data_offsets;
        let values = digest::Values::Bytes(data.get(from..to).unwrap_or_default());
        digest::Part { name, kind, shape: &info.shape, values }
    });
    digest::check(path, metadata, parts.collect())
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;

    use super::*;

    #[test]
    fn the_crate_reads_what_is_written() {
        let (a, b) = (
            HostTensor { shape: vec![1, 2], values: vec![1.5, -0.0] },
            HostTensor { shape: vec![], values: vec![f32::MIN_POSITIVE] },
        );
        let tensors = BTreeMap::from([("b.weight".to_owned(), &a), ("a \"quoted\"".to_owned(), &b)]);
        let metadata = BTreeMap::from([("recipe".to_owned(), "line\nline".to_owned())]);
        let mut bytes = Vec::new();
        write(&mut bytes, &tensors, &metadata).unwrap();
        let read = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(read.len(), 2);
        for (name, tensor) in tensors {
            let view = read.tensor(&name).unwrap();
            let values: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(
                (view.dtype(), view.shape(), view.data()),
                (Dtype::F32, &tensor.shape[..], &values[..])
            );
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["recipe"], "line\nline");
    }
}
