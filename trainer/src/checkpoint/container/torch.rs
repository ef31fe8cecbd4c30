//! A file of `torch.save`: its weights, and the little that is looked at beside them.
//!
//! Weights stand bare or under a key. Official files have `model`, DeepSpeed's `module`, Lightning's and mmaction2's
//! `state_dict`; others are customs. Where a file has several, the first of [`WEIGHTS`] is taken and the others are
//! named. The optimiser and whatever else lies beside them is passed over; nothing in the pickle is executed.

use std::{collections::HashMap, path::Path};

use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader};

use super::contents::{Beside, Container};
use crate::checkpoint::{
    CheckpointError,
    description::{KEY, Note},
    tensor_table::{Elements, StoredTensor, TensorTable},
};

/// Keys that weights stand under, in the order in which they are looked for: first those of the official loaders.
const WEIGHTS: [&str; 8] = [
    "model",
    "module",
    "state_dict",
    "model_state",
    "model_state_dict",
    "teacher",
    "target_encoder",
    "model_ema",
];

/// Opens the file at `path`.
pub(super) fn open(path: &Path) -> Result<Container, CheckpointError> {
    let at = |cause| CheckpointError::File { path: path.to_owned(), cause };
    let bytes = std::fs::metadata(path).map_err(at)?.len();
    let reader = PytorchReader::new(path).map_err(|why| damaged(path, why))?;
    let root = match PytorchReader::read_pickle_data(path, None).map_err(|why| damaged(path, why))? {
        PickleValue::Dict(root) => root,
        _ => HashMap::new(),
    };
    let mut tensors = reader.into_tensors();
    // A bare table may have names that begin with `model.` as well: a key is one that holds a table itself.
    let inside = |key: &str, name: &str| {
        name.strip_prefix(key).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned)
    };
    let holds = |key: &&str| {
        matches!(root.get(*key), Some(PickleValue::Dict(_)))
            && tensors.keys().any(|name| inside(key, name).is_some())
    };
    let keys: Vec<&str> = WEIGHTS.into_iter().filter(holds).collect();
    let mut choice = None;
    if let Some((key, others)) = keys.split_first() {
        if !others.is_empty() {
            choice = Some(format!("the weights under `{key}` (there are others under {})", quoted(others)));
        }
        let taken = tensors.into_iter().filter_map(|(name, tensor)| Some((inside(key, &name)?, tensor)));
        tensors = taken.collect();
    }
    let stored = tensors.into_iter().map(|(name, tensor)| {
        let elements = match tensor.dtype() {
            DType::F32 => Elements::F32,
            DType::F16 => Elements::F16,
            DType::BF16 => Elements::Bf16,
            other => Elements::Other(format!("{other:?}").to_lowercase()),
        };
        let shape = tensor.shape().to_vec();
        let read = Box::new(move || tensor.read());
        (name, StoredTensor { shape, elements, read })
    });
    let table = TensorTable::new(path, bytes, stored.collect());
    let note = match root.get(KEY) {
        Some(PickleValue::String(text)) => Note::from_json(text),
        _ => None,
    };
    let epoch = match root.get("epoch") {
        Some(PickleValue::Int(epoch)) => Some(*epoch),
        _ => None,
    };
    let beside = Beside { epoch, choice };
    Ok(Container { table, metadata: HashMap::new(), note, beside, of_folder: false })
}

fn quoted(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

fn damaged(path: &Path, why: PytorchError) -> CheckpointError {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match why {
        PytorchError::Io(cause) if !matches!(cause.kind(), InvalidData | UnexpectedEof) => {
            CheckpointError::File { path: path.to_owned(), cause }
        }
        other => CheckpointError::Damaged { path: path.to_owned(), cause: other.to_string() },
    }
}
