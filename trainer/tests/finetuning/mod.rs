//! A folder of golden files for fine-tuning as the tests want it, the rules by which its numbers are met, and
//! the training that meets them.

mod tolerance;
pub mod training;

use std::path::{Path, PathBuf};

use schemas::ClipGeometry;
use serde_json::Value;
use trainer::{
    model::{ModelShape, NormEpsilons, Stack},
    optimiser::adamw::Betas,
};

use crate::{given, tensors::Tensors};

pub use self::tolerance::{Tolerance, shown};

/// A folder, read.
pub struct Golden {
    pub path: PathBuf,
    pub meta: Value,
    pub tensors: Tensors,
    pub shape: ModelShape,
    pub classes: usize,
    pub batch: usize,
}

/// What `meta.json` says of folders for fine-tuning.
const SCHEMA: &str = "tubelet-finetune-golden/";

/// Folders for fine-tuning: those that are given, and the project's own.
pub fn folders() -> Vec<PathBuf> {
    let mut found = given::folders(SCHEMA);
    found.extend(own_folders());
    found.sort();
    found
}

/// The project's own folders for fine-tuning.
pub fn own_folders() -> Vec<PathBuf> {
    given::own(SCHEMA)
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

pub fn real(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

impl Golden {
    pub fn read(path: &Path) -> Self {
        let meta = json(&path.join("meta.json"));
        let g = &meta["geometry"];
        let [height, width] = [0, 1].map(|side| number(&g["image"][side]));
        let geometry = ClipGeometry::new(
            number(&g["frames"]),
            height,
            width,
            number(&g["tubelet"]),
            number(&g["patch"]),
        );
        let epsilon = real(&g["layer_norm_eps"]);
        let shape = ModelShape {
            geometry: geometry.unwrap(),
            encoder: Stack {
                dim: number(&g["dim"]),
                depth: number(&g["depth"]),
                heads: number(&g["heads"]),
                hidden: number(&g["mlp_hidden"]),
            },
            decoder: Stack { dim: 0, depth: 0, heads: 0, hidden: 0 },
            epsilons: NormEpsilons { blocks: epsilon, last: epsilon },
            encoder_norm: true,
        };
        let (classes, batch) = (number(&g["classes"]), number(&g["batch"]));
        let tensors = Tensors::read(&path.join("tensors.safetensors"));
        Self { path: path.to_owned(), tensors, shape, classes, batch, meta }
    }

    pub fn betas(&self) -> Betas {
        let optimizer = &self.meta["train"]["optimizer"];
        Betas {
            beta1: real(&optimizer["betas"][0]),
            beta2: real(&optimizer["betas"][1]),
            epsilon: real(&optimizer["eps"]),
            weight_decay: real(&optimizer["weight_decay"]),
        }
    }

    /// All cubes of all clips, in token order.
    pub fn cubes(&self) -> Vec<u8> {
        let (shape, frames) = self.tensors.bytes("input.u8");
        let clip = frames.len() / shape[0];
        let geometry = self.shape.geometry;
        let cubes = |clip: &[u8]| -> Vec<u8> {
            (0..geometry.tokens()).flat_map(|token| crate::cube::cube(clip, geometry, token)).collect()
        };
        frames.chunks_exact(clip).flat_map(cubes).collect()
    }
}
