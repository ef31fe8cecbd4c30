//! A folder of golden files as the tests want it: geometry, batches, expected tensors, tolerances.

mod tolerance;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use safetensors::{Dtype, SafeTensors};
use schemas::{ClipBatch, ClipGeometry};
use serde_json::Value;
use trainer::{
    kernels::Target,
    model::{ModelShape, NormEpsilons, Stack},
    optimiser::adamw::Betas,
    weights::{HostTensor, Layout},
};

use crate::batches::{MadeClip, cube, record_batch};

pub use tolerance::Tolerance;

/// Which mask tokens count in the loss.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Those of `loss_mask`; the others are contexts.
    LossMask,
    /// All, so that everything predicted can be looked at.
    Everything,
}

/// What the classifier must say.
pub struct Classes {
    pub classes: usize,
    pub labels: Vec<usize>,
    pub loss: f64,
}

/// A folder, read.
pub struct Golden {
    pub shape: ModelShape,
    pub target: Target,
    pub betas: Betas,
    pub rates: Vec<f64>,
    pub weight_decays: Vec<f64>,
    pub clip_norm: Option<f64>,
    pub losses: Vec<f64>,
    pub gradient_norms: Vec<f64>,
    pub loss_after: f64,
    pub classifier: Option<Classes>,
    pub tolerances: BTreeMap<String, f64>,
    parameters: usize,
    undecayed: BTreeSet<String>,
    tensors: BTreeMap<String, HostTensor>,
    bytes: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

impl Golden {
    pub fn read(folder: &Path) -> Self {
        let meta: Value = serde_json::from_slice(&std::fs::read(folder.join("meta.json")).unwrap()).unwrap();
        let (clip, model, train) = (&meta["clip"], &meta["model"], &meta["train"]);
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let stack = |stack: &Value| Stack {
            dim: number(&stack["dim"]),
            depth: number(&stack["depth"]),
            heads: number(&stack["heads"]),
            hidden: number(&stack["mlp_hidden"]),
        };
        let length = |name: &str| number(&clip[name]);
        let epsilon = model["layer_norm_eps"].as_f64().unwrap();
        let floats = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let betas = floats(&train["betas"]);
        let classifier = &meta["classifier"];
        let (tensors, bytes) = read_tensors(&folder.join("tensors.safetensors"));
        Self {
            shape: ModelShape {
                geometry: ClipGeometry::new(
                    length("frames"),
                    length("height"),
                    length("width"),
                    length("tubelet"),
                    length("patch"),
                )
                .unwrap(),
                encoder: stack(&model["encoder"]),
                decoder: stack(&model["decoder"]),
                epsilons: NormEpsilons { blocks: epsilon, last: epsilon },
                encoder_norm: true,
            },
            target: match meta["target"]["kind"].as_str().unwrap() {
                "normalised" => Target::Normalised,
                "raw" => Target::Raw,
                other => panic!("unknown target {other}"),
            },
            betas: Betas {
                beta1: betas[0],
                beta2: betas[1],
                epsilon: train["eps"].as_f64().unwrap(),
                weight_decay: 0.0,
            },
            rates: floats(&train["lr"]),
            weight_decays: floats(&train["weight_decay"]),
            clip_norm: train["clip_grad"].as_f64(),
            losses: floats(&train["losses"]),
            gradient_norms: floats(&train["grad_norms"]),
            loss_after: train["loss_after"].as_f64().unwrap(),
            classifier: classifier.is_object().then(|| Classes {
                classes: number(&classifier["classes"]),
                labels: classifier["labels"].as_array().unwrap().iter().map(number).collect(),
                loss: classifier["loss"].as_f64().unwrap(),
            }),
            tolerances: meta["tolerance"]
                .as_object()
                .unwrap()
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)))
                .collect(),
            parameters: number(&model["parameters"]),
            undecayed: train["groups"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|group| group["weight_decay"].as_f64() == Some(0.0))
                .flat_map(|group| group["names"].as_array().unwrap())
                .map(|name| name.as_str().unwrap().to_owned())
                .collect(),
            tensors,
            bytes,
        }
    }

    /// The number of parameters, and which tensors do not decay.
    pub fn check_layout(&self, layout: &Layout) {
        assert_eq!(layout.parameters(), self.parameters);
        let undecayed = layout.0.iter().filter(|entry| entry.is_undecayed());
        assert_eq!(undecayed.map(|entry| entry.name.clone()).collect::<BTreeSet<_>>(), self.undecayed);
    }

    /// The pixels of each clip's first frame, `[B, 3, H, W]`, out of all cubes `[B, N, C]`.
    pub fn first_frames(&self, cubes: &HostTensor) -> HostTensor {
        let geometry = self.shape.geometry;
        let ([_, _, columns], patch) = (geometry.grid(), geometry.patch());
        let (height, width) = (geometry.height(), geometry.width());
        let mut values = Vec::with_capacity(cubes.shape[0] * 3 * height * width);
        for clip in cubes.values.chunks_exact(geometry.tokens() * geometry.cube()) {
            for (colour, y, x) in
                (0..3).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))))
            {
                let token = y / patch * columns + x / patch;
                let row = colour * geometry.tubelet() * patch + y % patch;
                values.push(clip[token * geometry.cube() + row * patch + x % patch]);
            }
        }
        HostTensor { shape: vec![cubes.shape[0], 3, height, width], values }
    }

    pub fn tensor(&self, name: &str) -> &HostTensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("the folder has no {name}"))
    }

    /// All tensors whose names begin with `prefix`, without it.
    pub fn tensors(&self, prefix: &str) -> BTreeMap<String, HostTensor> {
        let named = self.tensors.iter();
        named
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())))
            .collect()
    }

    /// The golden target, with NaN where a colour of a cube is flat: there the official value is
    /// rounding noise of up to .36, and the exact one 0.
    pub fn sharp_targets(&self) -> HostTensor {
        let mut target = self.tensor("target").clone();
        let cube = self.shape.geometry.cube();
        if self.target == Target::Normalised {
            let cubes = self
                .mask_tokens()
                .into_iter()
                .enumerate()
                .flat_map(|(clip, tokens)| tokens.into_iter().map(move |token| (clip, token)));
            for ((clip, token), values) in cubes.zip(target.values.chunks_exact_mut(cube)) {
                for (colour, levels) in self.cube(clip, token).chunks_exact(cube / 3).enumerate() {
                    if levels.iter().all(|level| *level == levels[0]) {
                        values.iter_mut().skip(colour).step_by(3).for_each(|value| *value = f32::NAN);
                    }
                }
            }
        }
        target
    }

    /// The batch as the pipeline would make it.
    pub fn batch(&self, counted: Counted) -> ClipBatch {
        let loss_mask = &self.bytes["loss_mask"].1;
        let mask_tokens = self.mask_tokens();
        let per_clip = mask_tokens[0].len();
        let visible = self.tokens_with("mask.encoder", 0);
        let clips = mask_tokens.into_iter().zip(visible).enumerate().map(|(clip, (masked, visible))| {
            let counts =
                |place: &usize| counted == Counted::Everything || loss_mask[clip * per_clip + *place] == 1;
            let split = |wanted: bool| {
                let places = (0..per_clip).filter(|place| counts(place) == wanted);
                places.map(|place| masked[place]).collect()
            };
            let frames = self.frames(clip).to_vec();
            MadeClip { number: clip as u64, frames, visible, target: split(true), context: split(false) }
        });
        ClipBatch::try_from(record_batch(self.shape.geometry, &clips.collect::<Vec<_>>())).unwrap()
    }

    /// All cubes of all clips in token order.
    pub fn all_cubes(&self) -> Vec<u8> {
        let [clips, tokens, _] = self.all_cubes_shape();
        (0..clips).flat_map(|clip| (0..tokens).flat_map(move |token| self.cube(clip, token))).collect()
    }

    pub fn all_cubes_shape(&self) -> [usize; 3] {
        let geometry = self.shape.geometry;
        [self.bytes["input.u8"].0[0], geometry.tokens(), geometry.cube()]
    }

    fn mask_tokens(&self) -> Vec<Vec<usize>> {
        self.tokens_with("mask.decoder", 0)
    }

    /// Tokens of each clip for which a mask has this value.
    fn tokens_with(&self, mask: &str, value: u8) -> Vec<Vec<usize>> {
        let tokens = self.shape.geometry.tokens();
        let clips = self.bytes[mask].1.chunks_exact(tokens);
        clips.map(|clip| (0..tokens).filter(|token| clip[*token] == value).collect()).collect()
    }

    fn cube(&self, clip: usize, token: usize) -> Vec<u8> {
        cube(self.frames(clip), self.shape.geometry, token)
    }

    fn frames(&self, clip: usize) -> &[u8] {
        let (shape, frames) = &self.bytes["input.u8"];
        let length = frames.len() / shape[0];
        &frames[clip * length..][..length]
    }
}

type Bytes = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn read_tensors(path: &Path) -> (BTreeMap<String, HostTensor>, Bytes) {
    let file = std::fs::read(path).unwrap();
    let (mut floats, mut bytes) = (BTreeMap::new(), BTreeMap::new());
    for (name, view) in SafeTensors::deserialize(&file).unwrap().tensors() {
        let shape = view.shape().to_vec();
        match view.dtype() {
            Dtype::F32 => {
                let quads = view.data().chunks_exact(4);
                let values = quads.map(|quad| f32::from_le_bytes(quad.try_into().unwrap())).collect();
                floats.insert(name, HostTensor { shape, values });
            }
            Dtype::U8 => {
                bytes.insert(name, (shape, view.data().to_vec()));
            }
            other => panic!("{name} holds {other:?}"),
        }
    }
    (floats, bytes)
}
