//! A folder of golden files for fine-tuning as the tests want it, the rules by which its numbers are met, and
//! the training that meets them.

mod tolerance;
pub mod training;
mod undetermined;

use std::path::{Path, PathBuf};

use schemas::ClipGeometry;
use serde_json::Value;
use trainer::{
    model::{ModelShape, NormEpsilons, Stack},
    optimiser::Betas,
};

pub use self::tolerance::{Tolerance, shown};
use crate::tensors::Tensors;

/// A folder, read.
pub struct Golden {
    pub path: PathBuf,
    pub meta: Value,
    pub tensors: Tensors,
    pub shape: ModelShape,
    pub classes: usize,
    pub batch: usize,
}

/// Folders for fine-tuning: those of `GOLDEN_DIRS` or else of `shared/golden`, and the project's own.
pub fn folders() -> Vec<PathBuf> {
    let shared = std::env::var_os("TUBELET_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let others: Vec<PathBuf> = match std::env::var("GOLDEN_DIRS") {
        Ok(named) => named.split(':').map(PathBuf::from).collect(),
        Err(_) => inside(&shared.join("golden")),
    };
    let mut found: Vec<PathBuf> = others.into_iter().filter(|path| is_finetune(path)).collect();
    if found.is_empty() {
        println!("no golden folder for fine-tuning is given (GOLDEN_DIRS, TUBELET_SHARED): only the own one");
    }
    found.extend(own_folders());
    found.sort();
    found
}

/// The project's own folders for fine-tuning.
pub fn own_folders() -> Vec<PathBuf> {
    inside(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"))
        .into_iter()
        .filter(|path| is_finetune(path))
        .collect()
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn is_finetune(folder: &Path) -> bool {
    let meta = std::fs::read(folder.join("meta.json")).ok();
    let meta: Option<Value> = meta.and_then(|text| serde_json::from_slice(&text).ok());
    let schema = meta.as_ref().and_then(|meta| meta["schema"].as_str());
    schema.is_some_and(|schema| schema.starts_with("tubelet-finetune-golden/"))
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
