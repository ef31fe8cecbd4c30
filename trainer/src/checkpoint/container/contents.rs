//! What a container holds, whatever its kind.

use std::{collections::HashMap, path::PathBuf};

use crate::checkpoint::{description::Note, format::CONFIG, tensor_table::TensorTable};

/// Tensors, and what stands beside them.
pub(in crate::checkpoint) struct Container {
    /// The tensors under the names that they have there.
    pub(in crate::checkpoint) table: TensorTable,
    /// Metadata of a safetensors file.
    pub(in crate::checkpoint) metadata: HashMap<String, String>,
    /// What tubelet wrote beside the weights of another program's layout.
    pub(in crate::checkpoint) note: Option<Note>,
    /// What a file of torch says beside its weights.
    pub(in crate::checkpoint) beside: Beside,
    /// Whether a folder was named, so that its config.json is about these tensors for sure.
    pub(in crate::checkpoint) of_folder: bool,
}

/// What a file of torch says beside its weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::checkpoint) struct Beside {
    /// The epoch after which it was written.
    pub(in crate::checkpoint) epoch: Option<i64>,
    /// Which weights were taken, where there are several.
    pub(in crate::checkpoint) choice: Option<String>,
}

impl Container {
    /// The config.json that lies beside the tensors, where there is one.
    pub(in crate::checkpoint) fn config(&self) -> Option<PathBuf> {
        Some(self.table.path().with_file_name(CONFIG)).filter(|path| path.is_file())
    }
}
