//! Writes this project's own golden folders, by this model.
//!
//! ```console
//! $ cargo run -p tubelet-trainer --example golden -- trainer/tests/golden
//! ```
//!
//! They pin the numbers where the official ones are not at hand. They are written once, after the model has
//! met the official code's folders; a change that moves a number beyond the tolerances is then either a
//! mistake or a reason to compare with the official code again. Everything in a folder follows from a seed.

#[path = "../tests/batches/mod.rs"]
mod batches;
#[path = "../tests/scenes/mod.rs"]
#[allow(dead_code)] // the tests' batches are made otherwise here
mod scenes;

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use batches::{MadeClip, cube, record_batch};
use burn::tensor::{Tensor, activation::log_softmax};
use safetensors::{Dtype, tensor::TensorView};
use schemas::{ClipBatch, ClipGeometry, MADE_BY};
use serde_json::{Value, json};
use trainer::{
    Device,
    batch::masked::{self, MaskedClips, PIXEL_MEAN, PIXEL_STD},
    kernels::Target,
    loss::reconstruction,
    model::{
        Mode, ModelShape, NormEpsilons, Stack, VideoMae, classifier::Classifier, init_weights, layout,
        stages::Memory,
    },
    optimiser::adamw::{self, AdamW, Betas},
    random::Draws,
    train::forward_backward::forward_backward,
    weights::{HostTensor, Weights},
};

/// What a folder is made of.
struct Plan {
    name: &'static str,
    shape: ModelShape,
    batch: usize,
    /// Places of a frame hidden from the encoder.
    hidden: usize,
    /// Of four places, those hidden from the decoder by V2's running cells.
    cells: Option<usize>,
    target: Target,
    clip_norm: Option<f64>,
}

const RATES: [f64; 5] = [0.0, 5e-4, 5e-4, 3.775e-4, 1.325e-4];
const DECAY: f64 = 0.05;
const CLASSES: usize = 4;
const BETAS: Betas = Betas { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: DECAY };

fn plans() -> [Plan; 2] {
    let shape = |frames, height, width, encoder, decoder| ModelShape {
        geometry: ClipGeometry::new(frames, height, width, 2, 4).expect("because the lengths divide"),
        encoder,
        decoder,
        epsilons: NormEpsilons::default(),
        encoder_norm: true,
    };
    [
        Plan {
            name: "own_tube",
            shape: shape(
                6,
                12,
                20,
                Stack { dim: 24, depth: 2, heads: 3, hidden: 96 },
                Stack { dim: 14, depth: 1, heads: 2, hidden: 31 },
            ),
            batch: 2,
            hidden: 11,
            cells: None,
            target: Target::Raw,
            clip_norm: None,
        },
        // Three time positions: clips count different numbers of targets.
        Plan {
            name: "own_running_cell",
            shape: shape(
                6,
                8,
                16,
                Stack { dim: 20, depth: 2, heads: 4, hidden: 53 },
                Stack { dim: 12, depth: 2, heads: 3, hidden: 48 },
            ),
            batch: 3,
            hidden: 5,
            cells: Some(2),
            target: Target::Normalised,
            clip_norm: Some(0.02),
        },
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args().nth(1).ok_or("say where to: trainer/tests/golden")?;
    for plan in plans() {
        let folder = Path::new(&out).join(plan.name);
        fs::create_dir_all(&folder)?;
        let mut tensors = Tensors::default();
        let meta = plan.compute(&mut tensors)?;
        fs::write(folder.join("meta.json"), format!("{meta:#}\n"))?;
        fs::write(folder.join("tensors.safetensors"), tensors.to_bytes()?)?;
        println!("{}", folder.display());
    }
    Ok(())
}

impl Plan {
    fn compute(&self, tensors: &mut Tensors) -> Result<Value, Box<dyn Error>> {
        let (device, geometry) = (Device::flex(), self.shape.geometry);
        let clips: Vec<MadeClip> = (0..self.batch).map(|number| self.clip(number)).collect();
        self.put_clips(&clips, tensors);
        let model = VideoMae::new(self.shape, &device);
        let mut weights = Weights::fit(layout::pretraining(&self.shape), self.weights(&device), &device)?;
        tensors.put_all("init.", weights.download());

        let batch = upload(geometry, &clips, &device)?;
        let everything: Vec<MadeClip> = clips.iter().map(with_all_counted).collect();
        let everything = upload(geometry, &everything, &device)?;
        tensors.put("target", host(reconstruction::targets(&everything, self.target)));
        tensors.put("out.encoder", host(model.encode(&weights, &everything, Mode::Fixed)));
        tensors.put("out.prediction", host(model.predict(&weights, &everything, Mode::Fixed)));
        let classifier = self.classify(&clips, &weights, tensors, &device)?;

        let mut adamw = AdamW::new(BETAS, &weights);
        let (mut losses, mut norms) = (Vec::new(), Vec::new());
        for (step, rate) in RATES.into_iter().enumerate() {
            let gradients =
                forward_backward(&model, &weights, &batch, self.target, Mode::Fixed, Memory::Everything);
            let norm = adamw::global_norm(&gradients.tensors);
            if step == 0 {
                tensors.put_all("grad.", weights.with_values(gradients.tensors.clone()).download());
            }
            losses.push(gradients.loss());
            norms.push(norm);
            let gradients = match self.clip_norm {
                Some(limit) => adamw::clip(gradients.tensors, norm, limit),
                None => gradients.tensors,
            };
            weights = adamw.update(weights, gradients, rate);
        }
        tensors.put_all("step5.", weights.download());
        let after =
            forward_backward(&model, &weights, &batch, self.target, Mode::Fixed, Memory::Everything).loss();
        Ok(self.meta(&weights, &clips, [losses, norms], after, classifier))
    }

    /// Clip `number`: its running-cell map is its number.
    fn clip(&self, number: usize) -> MadeClip {
        let geometry = self.shape.geometry;
        let [_, rows, columns] = geometry.grid();
        let mut draws = Draws::keyed(11, "golden mask", &[number as u64]);
        let mut order: Vec<(u64, usize)> =
            (0..geometry.places()).map(|place| ((draws.unit() * 1e9) as u64, place)).collect();
        order.sort_unstable();
        let hidden: Vec<usize> = order.iter().take(self.hidden).map(|(_, place)| *place).collect();
        let is_hidden = |token: usize| hidden.contains(&(token % geometry.places()));
        let is_open = |token: usize| {
            let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
            let place = 2 * (y % 2) + x % 2;
            self.cells.is_none_or(|hidden| (place + number + t + 1) % 4 >= hidden)
        };
        let pick =
            |keep: &dyn Fn(usize) -> bool| (0..geometry.tokens()).filter(|token| keep(*token)).collect();
        MadeClip {
            number: number as u64,
            frames: scenes::scene(geometry, number as u64),
            visible: pick(&|token| !is_hidden(token)),
            target: pick(&|token| is_hidden(token) && is_open(token)),
            context: pick(&|token| self.cells.is_some() && !is_hidden(token) && is_open(token)),
        }
    }

    /// The initial weights, every vector shaken so that a forgotten bias or norm shows.
    fn weights(&self, device: &Device) -> BTreeMap<String, HostTensor> {
        let mut tensors = init_weights::draw(&self.shape, 12, device).download();
        tensors.iter_mut().for_each(|(name, tensor)| {
            if tensor.shape.len() == 1 || name == "mask_token" {
                shake(name, tensor);
            }
        });
        tensors
    }

    fn put_clips(&self, clips: &[MadeClip], tensors: &mut Tensors) {
        let geometry = self.shape.geometry;
        let [frames, height, width] = [geometry.frames(), geometry.height(), geometry.width()];
        let bytes: Vec<u8> = clips.iter().flat_map(|clip| clip.frames.clone()).collect();
        let first: Vec<f32> = clips
            .iter()
            .flat_map(|clip| (0..3).map(move |colour| (clip, colour)))
            .flat_map(|(clip, colour)| {
                let levels = clip.frames[..height * width * 3].iter().skip(colour).step_by(3);
                let pixel =
                    move |level: &u8| (f32::from(*level) / 255.0 - PIXEL_MEAN[colour]) / PIXEL_STD[colour];
                levels.map(pixel)
            })
            .collect();
        tensors.put_bytes("input.u8", &[clips.len(), frames, height, width, 3], bytes);
        let shape = vec![clips.len(), 3, height, width];
        tensors.put("input.pixels_first_frame", HostTensor { shape, values: first });
        let mask = |is_one: &dyn Fn(&MadeClip, usize) -> bool| -> Vec<u8> {
            let tokens = |clip| (0..geometry.tokens()).map(move |token| (clip, token));
            clips.iter().flat_map(tokens).map(|(clip, token)| is_one(clip, token).into()).collect()
        };
        let shape = [clips.len(), geometry.tokens()];
        tensors.put_bytes("mask.encoder", &shape, mask(&|clip, token| !clip.visible.contains(&token)));
        let is_predicted =
            |clip: &MadeClip, token| clip.target.contains(&token) || clip.context.contains(&token);
        tensors.put_bytes("mask.decoder", &shape, mask(&|clip, token| !is_predicted(clip, token)));
        let counted: Vec<u8> = clips
            .iter()
            .flat_map(|clip| {
                let predicted = (0..geometry.tokens()).filter(move |token| is_predicted(clip, *token));
                predicted.map(move |token| clip.target.contains(&token).into())
            })
            .collect();
        tensors.put_bytes("loss_mask", &[clips.len(), counted.len() / clips.len()], counted);
    }

    fn classify(
        &self,
        clips: &[MadeClip],
        weights: &Weights,
        tensors: &mut Tensors,
        device: &Device,
    ) -> Result<Value, Box<dyn Error>> {
        let (geometry, width) = (self.shape.geometry, self.shape.encoder.dim);
        let mut table: BTreeMap<String, HostTensor> = weights
            .download()
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix("encoder.")?.to_owned(), tensor)))
            .filter(|(name, _)| !name.starts_with("norm."))
            .collect();
        for (name, shape, value) in [
            ("fc_norm.weight", vec![width], 1.0),
            ("fc_norm.bias", vec![width], 0.0),
            ("head.weight", vec![CLASSES, width], 0.0),
            ("head.bias", vec![CLASSES], 0.0),
        ] {
            let mut tensor = HostTensor { values: vec![value; shape.iter().product()], shape };
            shake(name, &mut tensor);
            tensors.put(&format!("cls.init.{name}"), tensor.clone());
            table.insert(name.to_owned(), tensor);
        }
        let layout = layout::classifier(&self.shape, CLASSES);
        let weights = Weights::fit(layout, table, device)?.tracked();
        let cubes = clips
            .iter()
            .flat_map(|clip| (0..geometry.tokens()).flat_map(|token| cube(&clip.frames, geometry, token)));
        let cubes: Vec<u8> = cubes.collect();
        let cubes = masked::upload_cubes(&cubes, [clips.len(), geometry.tokens(), geometry.cube()], device);
        let classified = Classifier::new(self.shape, device).classify(&weights, masked::normalise(cubes));
        let scores = log_softmax(classified.logits.clone(), 1); // B K
        let labels: Vec<usize> = (0..clips.len()).map(|clip| (clip + 1) % CLASSES).collect();
        let picked = labels
            .iter()
            .enumerate()
            .map(|(clip, label)| scores.clone().slice([clip..clip + 1, *label..label + 1]).reshape([1]));
        let loss = -Tensor::<1>::cat(picked.collect(), 0).mean();
        let gradients = weights.or_zeros(weights.take_gradients(&mut loss.backward()));
        tensors.put("cls.features", host(classified.features.inner()));
        tensors.put("cls.logits", host(classified.logits.inner()));
        tensors.put_all("cls.grad.", weights.with_values(gradients).download());
        let loss = f64::from(host(loss.inner()).values[0]);
        Ok(json!({ "classes": CLASSES, "labels": labels, "loss": loss }))
    }

    fn meta(
        &self,
        weights: &Weights,
        clips: &[MadeClip],
        [losses, norms]: [Vec<f64>; 2],
        after: f64,
        classifier: Value,
    ) -> Value {
        let geometry = self.shape.geometry;
        let stack = |stack: Stack| json!({ "dim": stack.dim, "depth": stack.depth, "heads": stack.heads, "mlp_hidden": stack.hidden });
        let entries = &weights.layout().0;
        let group = |decay: f64, undecayed: bool| {
            let names = entries.iter().filter(|entry| entry.is_undecayed() == undecayed);
            json!({ "weight_decay": decay, "names": names.map(|entry| &entry.name).collect::<Vec<_>>() })
        };
        json!({
            "schema": "tubelet-golden/1",
            "name": self.name,
            "variant": if self.cells.is_some() { "v2" } else { "v1" },
            "made_by": { "generator": "trainer/examples/golden.rs", "version": MADE_BY, "device": "flex" },
            "clip": {
                "frames": geometry.frames(), "height": geometry.height(), "width": geometry.width(),
                "channels": 3, "patch": geometry.patch(), "tubelet": geometry.tubelet(),
                "grid": geometry.grid(), "tokens": geometry.tokens(), "cube": geometry.cube(),
                "mean": PIXEL_MEAN, "std": PIXEL_STD,
            },
            "batch": clips.len(),
            "mask": {
                "encoder": { "kind": "tube", "masked_per_frame": self.hidden },
                "decoder": self.cells.map(|cells| json!({
                    "kind": "running-cell", "ratio": cells as f64 / 4.0,
                    "map_index": (0..clips.len()).collect::<Vec<_>>(),
                })),
                "loss_tokens": clips.iter().map(|clip| clip.target.len()).collect::<Vec<_>>(),
            },
            "model": {
                "encoder": stack(self.shape.encoder), "decoder": stack(self.shape.decoder),
                "layer_norm_eps": self.shape.epsilons.blocks,
                "parameters": weights.layout().parameters(), "tensors": entries.len(),
            },
            "target": { "kind": match self.target { Target::Normalised => "normalised", Target::Raw => "raw" } },
            "loss": losses[0],
            "grad_norm": norms[0],
            "train": {
                "steps": RATES.len(), "optimizer": "adamw", "betas": [BETAS.beta1, BETAS.beta2],
                "eps": BETAS.epsilon, "weight_decay": RATES.map(|_| DECAY), "lr": RATES,
                "clip_grad": self.clip_norm, "losses": losses, "grad_norms": norms, "loss_after": after,
                "groups": [group(0.0, true), group(DECAY, false)],
            },
            "classifier": classifier,
            "tolerance": { "abs": 1e-5, "rel": 1e-4, "grad_per_tensor": 1e-4, "step5_p95": 1e-6 },
        })
    }
}

/// Moves every value by up to .2, keyed by the tensor's name.
fn shake(name: &str, tensor: &mut HostTensor) {
    let mut draws = Draws::keyed(13, name, &[]);
    tensor.values.iter_mut().for_each(|value| *value += draws.within(0.2) as f32);
}

/// The clip with every predicted token counted in the loss, so that all of them come out.
fn with_all_counted(clip: &MadeClip) -> MadeClip {
    let mut target = [clip.target.clone(), clip.context.clone()].concat();
    target.sort_unstable();
    MadeClip {
        number: clip.number,
        frames: clip.frames.clone(),
        visible: clip.visible.clone(),
        target,
        context: Vec::new(),
    }
}

fn upload(
    geometry: ClipGeometry,
    clips: &[MadeClip],
    device: &Device,
) -> Result<MaskedClips, Box<dyn Error>> {
    Ok(MaskedClips::upload(&ClipBatch::try_from(record_batch(geometry, clips))?, geometry, device)?)
}

fn host<const D: usize>(tensor: Tensor<D>) -> HostTensor {
    let shape = tensor.dims().to_vec();
    HostTensor { shape, values: tensor.try_into_vec_as().expect("because the tensor holds f32") }
}

/// Tensors as a safetensors file has them.
#[derive(Default)]
struct Tensors(BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn put(&mut self, name: &str, tensor: HostTensor) {
        let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.insert(name.to_owned(), (Dtype::F32, tensor.shape, bytes));
    }

    fn put_all(&mut self, prefix: &str, tensors: BTreeMap<String, HostTensor>) {
        tensors.into_iter().for_each(|(name, tensor)| self.put(&format!("{prefix}{name}"), tensor));
    }

    fn put_bytes(&mut self, name: &str, shape: &[usize], bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), (Dtype::U8, shape.to_vec(), bytes));
    }

    fn to_bytes(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let views: Result<Vec<_>, _> = self
            .0
            .iter()
            .map(|(name, (kind, shape, bytes))| {
                Ok::<_, safetensors::SafeTensorError>((name, TensorView::new(*kind, shape.clone(), bytes)?))
            })
            .collect();
        Ok(safetensors::serialize(views?, None)?)
    }
}
