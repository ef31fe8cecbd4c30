//! Files of weights in every layout: read to the expected outputs, and moved between layouts bit for bit.
//!
//! Folders with files of other programs are those that are given (`given/mod.rs`). Sizes, heads and the tolerance are
//! read from `meta.json`. The largest differences are printed.

mod batches;
mod given;
mod small_model;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use batches::{MadeClip, record_batch};
use burn::tensor::Tensor;
use safetensors::{Dtype, SafeTensors};
use schemas::{ClipBatch, ClipGeometry};
use serde_json::Value;
use trainer::{
    Device, Recipe, RunFolder,
    batch::masked::{self, MaskedClips},
    checkpoint::{
        self, CheckpointError, Format, Heads, Hints, Kind, PixelScale, SavedModel, read_any, read_with,
    },
    model::{Mode, VideoMae, classifier::Classifier, layout::LastNorm},
    train::state::TrainState,
    weights::{HostTensor, Weights},
};

/// Every kind of model that a file may hold.
const KINDS: [Kind; 5] = [
    Kind::Pretraining,
    Kind::Classifier { classes: 5 },
    Kind::Encoder { last_norm: LastNorm::Present },
    Kind::Encoder { last_norm: LastNorm::Absent },
    Kind::Encoder { last_norm: LastNorm::OfMean },
];

#[test]
fn a_way_through_every_layout_and_back_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (number, kind) in KINDS.into_iter().enumerate() {
        let mut model = small_model::model(kind);
        // Values that arithmetic would not keep.
        let odd = model.weights.values_mut().next().unwrap();
        odd.values[..4].copy_from_slice(&[-0.0, f32::MIN_POSITIVE / 2.0, f32::MAX, f32::MIN]);
        let wanted = bits(&model);
        let way = [
            Format::Official,
            Format::Tubelet,
            Format::HuggingFace,
            Format::Tubelet,
            Format::Official,
            Format::HuggingFace,
            Format::Official,
        ];
        for (step, format) in way.into_iter().enumerate() {
            let path = at(&format!("{number}-{step}"));
            checkpoint::write(&model, format, &path, None).unwrap();
            assert!(checkpoint::sniff(&path).is_ok_and(|found| found == format), "{kind:?} {format:?}");
            model = read_any(&path).unwrap();
            assert_eq!(bits(&model), wanted, "{kind:?} {format:?}");
        }
        let origin = small_model::model(kind);
        assert_eq!((model.kind, model.about), (kind, origin.about), "what it is and where it comes from");
        assert_eq!(model.shape, origin.shape, "heads, frames and sides are kept, and epsilons are official");
    }
}

#[test]
fn a_run_is_read_as_its_newest_checkpoint_without_the_optimiser() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe = Recipe::default();
    for setting in [
        "clip.frames=4",
        "clip.size=32",
        "model.encoder_dim=16",
        "model.encoder_depth=1",
        "model.encoder_heads=2",
        "model.decoder_dim=8",
        "model.decoder_depth=1",
        "model.decoder_heads=2",
    ] {
        recipe.set(setting).unwrap();
    }
    let shape = recipe.model_shape().unwrap();
    let training = TrainState::begin(&recipe, &shape, &Device::flex());
    let run = RunFolder::create(folder.path(), &recipe, "digest").unwrap();
    assert!(read_any(folder.path()).unwrap_err().to_string().ends_with("the run has no checkpoint yet"));
    let written = training.checkpoint(&recipe, "digest");
    run.write_checkpoint(&written).unwrap();
    let read = read_any(folder.path()).unwrap();
    assert_eq!((read.kind, read.shape), (Kind::Pretraining, shape));
    assert_eq!((read.weights, read.about), (written.weights, written.about));
}

#[test]
fn what_a_layout_has_no_place_for_goes_along_beside_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = small_model::model(Kind::Classifier { classes: 2 });
    model.labels = vec!["walk".to_owned(), "run".to_owned()];
    (model.shape.epsilons.blocks, model.shape.epsilons.last) = (1e-12, 1e-7);
    model.pixels = PixelScale { mean: [0.5, 0.25, 0.0], std: [0.5, 1.0, 2.0] };
    model.stretched_from = Some([2, 2, 2]);
    let said = |model: &SavedModel| {
        let (labels, epsilons) = (model.labels.clone(), model.shape.epsilons);
        (labels, epsilons, model.pixels, model.stretched_from)
    };
    let wanted = said(&model);
    for (at, format) in
        [Format::HuggingFace, Format::Official, Format::Tubelet, Format::Official, Format::HuggingFace]
            .into_iter()
            .enumerate()
    {
        let path = folder.path().join(at.to_string());
        checkpoint::write(&model, format, &path, None).unwrap();
        model = read_any(&path).unwrap();
        assert_eq!(said(&model), wanted, "{format:?}");
        assert!(model.assumed.is_empty(), "{:?}", model.assumed);
    }
}

#[test]
fn a_folder_that_transformers_wrote_again_has_its_epsilon_and_its_scale_of_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hf");
    let model = small_model::model(Kind::Classifier { classes: 2 });
    checkpoint::write(&model, Format::HuggingFace, &path, None).unwrap();
    // Their file has no note of ours.
    let file = path.join("model.safetensors");
    let bytes = fs::read(&file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    fs::write(&file, safetensors::serialize(tensors.tensors(), None).unwrap()).unwrap();
    fs::write(path.join("preprocessor_config.json"), "{}").unwrap();
    let read = read_any(&path).unwrap();
    assert_eq!((read.shape.epsilons.blocks, read.shape.epsilons.last), (1e-6, 1e-5));
    assert_eq!(read.pixels, PixelScale { mean: [0.5; 3], std: [0.5; 3] }, "the processor's own");
    fs::remove_file(path.join("preprocessor_config.json")).unwrap();
    assert_eq!(read_any(&path).unwrap().assumed.len(), 1, "what nobody says is named");
}

#[test]
fn a_model_of_other_pixels_says_the_same_of_ours() {
    let mut model = small_model::model(Kind::Classifier { classes: 3 });
    let (geometry, device) = (model.shape.geometry, Device::flex());
    let (tokens, cube) = (geometry.tokens(), geometry.cube());
    let levels: Vec<u8> = (0..2 * tokens * cube).map(|at| (at * 37 % 256) as u8).collect();
    let ours = masked::normalise(masked::upload_cubes(&levels, [2, tokens, cube], &device));
    model.pixels = PixelScale { mean: [0.5, 0.25, 0.0], std: [0.5, 1.0, 2.0] };
    // The same pixels as the model wants them, colour by colour.
    let colours = (0..3).map(|colour| {
        let part = ours.clone().slice([0..2, 0..tokens, colour * cube / 3..(colour + 1) * cube / 3]);
        let (from, to) = (PixelScale::IMAGENET, model.pixels);
        (part * from.std[colour] + from.mean[colour] - to.mean[colour]) / to.std[colour]
    });
    let theirs = Tensor::cat(colours.collect(), 2);
    let logits = |model: SavedModel, cubes: Tensor<3>| -> Vec<f32> {
        let weights = Weights::fit(model.layout(), model.weights.clone(), &device).unwrap();
        host(Classifier::new(model.shape, &device).classify(&weights, cubes).logits)
    };
    let (wanted, found) = (logits(model.clone(), theirs), logits(model.for_our_pixels(), ours));
    for (found, wanted) in found.iter().zip(&wanted) {
        assert!((found - wanted).abs() < 1e-4 * wanted.abs().max(1.0), "{found} {wanted}");
    }
}

#[test]
fn heads_that_the_official_layout_would_lose_are_only_written_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    let mut model = small_model::model(Kind::Encoder { last_norm: LastNorm::Absent });
    // 64 wide, which the official code gives one head.
    (model.shape.encoder.dim, model.shape.encoder.heads) = (64, 4);
    let layout = model.layout();
    for entry in layout.0 {
        let tensor = model.weights.get_mut(&entry.name).unwrap();
        *tensor = HostTensor { values: vec![0.5; entry.elements()], shape: entry.shape };
    }
    let refused = checkpoint::write(&model, Format::Official, &path, None).unwrap_err();
    assert!(matches!(refused, CheckpointError::HeadsLost { heads: 4, official: 1, .. }), "{refused}");
    assert!(!path.exists());
    let insisted = Some(Heads { encoder: 4, decoder: None });
    checkpoint::write(&model, Format::Official, &path, insisted).unwrap();
    assert_eq!(read_any(&path).unwrap().shape.encoder.heads, 4, "tubelet itself wrote them beside");
}

#[test]
fn every_golden_layout_gives_the_expected_outputs() {
    for folder in golden_folders() {
        let golden = Golden::read(&folder);
        for path in golden.files() {
            golden.check(&path, &read_with(&path, golden.hints(&path)).unwrap());
        }
    }
}

#[test]
fn golden_files_survive_every_layout() {
    for folder in golden_folders() {
        let golden = Golden::read(&folder);
        let temporary = tempfile::tempdir().unwrap();
        let mut first: BTreeMap<String, _> = BTreeMap::new();
        for (number, path) in golden.files().into_iter().enumerate() {
            let mut model = read_with(&path, golden.hints(&path)).unwrap();
            let wanted = bits(&model);
            let same = first.entry(format!("{:?}", model.kind)).or_insert_with(|| wanted.clone());
            assert_eq!(*same, wanted, "{} holds what the others hold", path.display());
            let insisted = golden.hints(&path).heads;
            for (step, format) in [Format::Tubelet, Format::HuggingFace, Format::Tubelet, Format::Official]
                .into_iter()
                .enumerate()
            {
                let moved = temporary.path().join(format!("{number}-{step}"));
                checkpoint::write(&model, format, &moved, insisted).unwrap();
                model = read_any(&moved).unwrap();
                assert_eq!(bits(&model), wanted, "{} as {format:?}", path.display());
                golden.check(&moved, &model);
            }
        }
    }
}

/// The bits of all values: `-0.0` and `0.0` are two, and a NaN is itself.
fn bits(model: &SavedModel) -> BTreeMap<String, (Vec<usize>, Vec<u32>)> {
    let of = |tensor: &HostTensor| {
        (tensor.shape.clone(), tensor.values.iter().map(|value| value.to_bits()).collect())
    };
    model.weights.iter().map(|(name, tensor)| (name.clone(), of(tensor))).collect()
}

/// A folder of files by other programs, and what their weights must give.
struct Golden {
    folder: PathBuf,
    meta: Value,
    geometry: ClipGeometry,
    expected: BTreeMap<String, Vec<f32>>,
    frames: Vec<u8>,
    mask: Vec<u8>,
}

fn golden_folders() -> Vec<PathBuf> {
    given::folders("tubelet-checkpoints/1")
}

impl Golden {
    fn read(folder: &Path) -> Self {
        let meta: Value = serde_json::from_slice(&fs::read(folder.join("meta.json")).unwrap()).unwrap();
        let length = |name: &str| meta["clip"][name].as_u64().unwrap() as usize;
        let [frames, height, width] = ["frames", "height", "width"].map(length);
        let geometry = ClipGeometry::new(frames, height, width, length("tubelet"), length("patch")).unwrap();
        let file = fs::read(folder.join(meta["expected"]["file"].as_str().unwrap())).unwrap();
        let (mut expected, mut bytes) = (BTreeMap::new(), BTreeMap::new());
        for (name, view) in SafeTensors::deserialize(&file).unwrap().tensors() {
            if view.dtype() == Dtype::F32 {
                let (quads, _) = view.data().as_chunks::<4>();
                expected.insert(name, quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect());
            } else {
                bytes.insert(name, view.data().to_vec());
            }
        }
        let mut take = |name: &str| bytes.remove(name).unwrap();
        let (frames, mask) = (take("input.u8"), take("mask"));
        Self { folder: folder.to_owned(), meta, geometry, expected, frames, mask }
    }

    /// All files and folders of weights in it.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        let is_weights =
            |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|ending| ending == "pth");
        let mut files: Vec<_> = entries.filter(is_weights).collect();
        files.sort();
        files
    }

    /// What an official file does not say; nothing for the others, which do.
    fn hints(&self, path: &Path) -> Hints {
        if path.is_dir() {
            return Hints::default();
        }
        let heads = |stack: &str| self.meta["pretrain"][stack]["heads"].as_u64().unwrap() as usize;
        let heads = Heads { encoder: heads("encoder"), decoder: Some(heads("decoder")) };
        let sides = [self.geometry.height(), self.geometry.width()];
        Hints { heads: Some(heads), frames: Some(self.geometry.frames()), sides: Some(sides) }
    }

    /// Compares what `model` computes with what the layout at `path` must give.
    fn check(&self, path: &Path, model: &SavedModel) {
        assert_eq!(model.shape.geometry, self.geometry, "{}", path.display());
        // Outputs differ between layouts by the epsilon of the last norm alone.
        let layout = if model.shape.epsilons.last == 1e-6 { "" } else { "hf." };
        for device in devices() {
            match model.kind {
                Kind::Pretraining => {
                    let [encoded, predicted] = self.pretrain(model, &device);
                    if layout.is_empty() {
                        self.compare(path, "pretrain.encoder", encoded);
                    }
                    self.compare(path, &format!("{layout}pretrain.prediction"), predicted);
                }
                Kind::Classifier { .. } => {
                    self.compare(path, &format!("{layout}finetune.logits"), self.classify(model, &device));
                }
                // Nothing is expected of an encoder alone; its bits are compared with the others'.
                Kind::Encoder { .. } => {}
            }
        }
    }

    fn pretrain(&self, model: &SavedModel, device: &Device) -> [Vec<f32>; 2] {
        let tokens = self.geometry.tokens();
        let of_clip = self.frames.len() * tokens / self.mask.len();
        let clips = self.frames.chunks_exact(of_clip).zip(self.mask.chunks_exact(tokens)).enumerate();
        let clips: Vec<MadeClip> = clips
            .map(|(number, (frames, mask))| {
                let with = |value: u8| (0..tokens).filter(|token| mask[*token] == value).collect();
                let (visible, target) = (with(0), with(1));
                MadeClip { number: number as u64, frames: frames.to_vec(), visible, target, context: vec![] }
            })
            .collect();
        let batch = ClipBatch::try_from(record_batch(self.geometry, &clips)).unwrap();
        let batch = MaskedClips::upload(&batch, self.geometry, device).unwrap();
        let weights = Weights::fit(model.layout(), model.weights.clone(), device).unwrap();
        let network = VideoMae::new(model.shape, device);
        [
            host(network.encode(&weights, &batch, Mode::Fixed)),
            host(network.predict(&weights, &batch, Mode::Fixed)),
        ]
    }

    fn classify(&self, model: &SavedModel, device: &Device) -> Vec<f32> {
        let (tokens, cube) = (self.geometry.tokens(), self.geometry.cube());
        let clips = self.mask.len() / tokens;
        let cubes: Vec<u8> = self
            .frames
            .chunks_exact(self.frames.len() / clips)
            .flat_map(|frames| (0..tokens).flat_map(|token| batches::cube(frames, self.geometry, token)))
            .collect();
        let cubes = masked::normalise(masked::upload_cubes(&cubes, [clips, tokens, cube], device));
        let weights = Weights::fit(model.layout(), model.weights.clone(), device).unwrap();
        host(Classifier::new(model.shape, device).classify(&weights, cubes).logits)
    }

    fn compare(&self, path: &Path, name: &str, found: Vec<f32>) {
        let wanted = &self.expected[name];
        assert_eq!(found.len(), wanted.len(), "{} {name}", path.display());
        let apart = found.iter().zip(wanted).map(|(found, wanted)| (found - wanted).abs());
        let largest = apart
            .fold(0.0f32, |largest, apart| if apart > largest || apart.is_nan() { apart } else { largest });
        let name_of_file = path.file_name().unwrap().to_string_lossy();
        println!("{name_of_file:32} {name:24} {largest:.1e}");
        let tolerance = self.meta["tolerance"]["abs"].as_f64().unwrap();
        assert!(f64::from(largest) <= tolerance, "{} {name}: {largest} apart", path.display());
    }
}

fn devices() -> Vec<Device> {
    let mut devices = vec![Device::flex()];
    if cfg!(feature = "tch") {
        devices.push(Device::parse("tch").unwrap());
    }
    devices
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}
