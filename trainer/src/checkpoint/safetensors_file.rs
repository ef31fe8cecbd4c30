//! Writes a safetensors file of f32: the length of a header, the header (JSON), the values.
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
    io::{BufWriter, Result, Write},
};

use serde_json::{Map, Value, json};

use crate::weights::HostTensor;

/// Values begin at a multiple of this, as the format asks.
const ALIGNMENT: usize = 8;

/// Writes `tensors` and `metadata` to `out`.
pub(super) fn write(
    out: impl Write,
    tensors: &BTreeMap<String, &HostTensor>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
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
    for value in tensors.values().flat_map(|tensor| &tensor.values) {
        out.write_all(&value.to_le_bytes())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use safetensors::{Dtype, SafeTensors};

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
