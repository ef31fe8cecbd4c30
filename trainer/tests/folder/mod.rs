//! A folder of golden files as the tests want it: geometry, batches, expected tensors, tolerances.

mod tolerance;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{
        ArrayRef, BooleanArray, FixedSizeListArray, Int32Array, Int64Array, ListArray, RecordBatch,
        StringArray, StructArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    },
    buffer::{OffsetBuffer, ScalarBuffer},
    datatypes::DataType,
};
use safetensors::{Dtype, SafeTensors};
use schemas::{
    ClipBatch, ClipGeometry,
    clip_batch::{crop_fields, item_field, schema},
};
use serde_json::Value;
pub use tolerance::Tolerance;
use trainer::{
    model::{ModelShape, NormEpsilons, Stack},
    objective::Target,
    optimiser::Betas,
    weights::HostTensor,
};

/// Which mask tokens count in the loss.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Those of `loss_mask`; the others are contexts.
    LossMask,
    /// All, so that everything painted can be looked at.
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
    tensors: BTreeMap<String, HostTensor>,
    bytes: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

/// A path in the folder `shared` beside the checkout, or in `TUBELET_SHARED`.
pub fn shared(part: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TUBELET_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    Some(folder.join(part)).filter(|path| path.exists())
}

impl Golden {
    /// Whether `folder` holds golden files for pre-training.
    pub fn is_here(folder: &Path) -> bool {
        let meta = std::fs::read(folder.join("meta.json")).ok();
        let meta: Option<Value> = meta.and_then(|text| serde_json::from_slice(&text).ok());
        meta.is_some_and(|meta| meta["schema"] == "tubelet-golden/1")
    }

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
            tensors,
            bytes,
        }
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
        let geometry = self.shape.geometry;
        let visible = self.tokens_with("mask.encoder", 0);
        let loss_mask = &self.bytes["loss_mask"].1;
        let mask_tokens = self.mask_tokens();
        let per_clip = mask_tokens[0].len();
        let mut targets = Vec::new();
        let mut contexts = Vec::new();
        for (clip, tokens) in mask_tokens.iter().enumerate() {
            let counts =
                |place: usize| counted == Counted::Everything || loss_mask[clip * per_clip + place] == 1;
            let split = |wanted: bool| -> Vec<u16> {
                let places = tokens.iter().enumerate();
                places.filter(|(place, _)| counts(*place) == wanted).map(|(_, token)| *token as u16).collect()
            };
            targets.push(split(true));
            contexts.push(split(false));
        }
        let cubes = |tokens: &[Vec<u16>]| -> Vec<Vec<u8>> {
            let clips = tokens.iter().enumerate();
            clips
                .map(|(clip, tokens)| {
                    tokens.iter().flat_map(|token| self.cube(clip, usize::from(*token))).collect()
                })
                .collect()
        };
        let visible: Vec<Vec<u16>> =
            visible.iter().map(|tokens| tokens.iter().map(|token| *token as u16).collect()).collect();
        let clips = visible.len();
        let frames = geometry.frames();
        let crops: Vec<ArrayRef> =
            (0..4).map(|_| Arc::new(UInt16Array::from(vec![0; clips])) as ArrayRef).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(0..clips as u64)),
            Arc::new(UInt32Array::from(vec![0; clips])),
            Arc::new(StringArray::from(vec!["golden"; clips])),
            Arc::new(Int32Array::from(vec![None; clips])),
            Arc::new(UInt32Array::from(vec![0; clips])),
            fixed(Arc::new(UInt32Array::from(vec![0; clips * frames])), frames),
            fixed(Arc::new(Int64Array::from(vec![0; clips * frames])), frames),
            Arc::new(StructArray::new(crop_fields(), crops, None)),
            Arc::new(BooleanArray::from(vec![false; clips])),
            fixed(Arc::new(UInt16Array::from(visible.concat())), visible[0].len()),
            fixed(Arc::new(UInt8Array::from(cubes(&visible).concat())), visible[0].len() * geometry.cube()),
            u16_lists(&targets),
            u8_lists(&cubes(&targets)),
            u16_lists(&contexts),
        ];
        let batch = RecordBatch::try_new(schema(geometry, visible[0].len()), columns).unwrap();
        ClipBatch::try_from(batch).unwrap()
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

    /// A cube's bytes in the order of the embedding.
    fn cube(&self, clip: usize, token: usize) -> Vec<u8> {
        let geometry = self.shape.geometry;
        let [_, rows, columns] = geometry.grid();
        let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
        let (frames, patch) = (&self.bytes["input.u8"].1, geometry.patch());
        let mut cube = Vec::with_capacity(geometry.cube());
        for colour in 0..3 {
            for time in 0..geometry.tubelet() {
                for row in 0..patch {
                    for column in 0..patch {
                        let frame = clip * geometry.frames() + t * geometry.tubelet() + time;
                        let line = frame * geometry.height() + y * patch + row;
                        cube.push(frames[(line * geometry.width() + x * patch + column) * 3 + colour]);
                    }
                }
            }
        }
        cube
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

fn fixed(values: ArrayRef, length: usize) -> ArrayRef {
    let field = item_field(values.data_type().clone());
    Arc::new(FixedSizeListArray::new(field, length as i32, values, None))
}

fn u16_lists(rows: &[Vec<u16>]) -> ArrayRef {
    list(Arc::new(UInt16Array::from(rows.concat())), rows.iter().map(Vec::len), DataType::UInt16)
}

fn u8_lists(rows: &[Vec<u8>]) -> ArrayRef {
    list(Arc::new(UInt8Array::from(rows.concat())), rows.iter().map(Vec::len), DataType::UInt8)
}

fn list(values: ArrayRef, lengths: impl Iterator<Item = usize>, item: DataType) -> ArrayRef {
    let mut offsets = vec![0i32];
    for length in lengths {
        offsets.push(offsets[offsets.len() - 1] + length as i32);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(ListArray::new(item_field(item), offsets, values, None))
}
