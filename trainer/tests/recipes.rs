//! Every recipe that comes with the command, setting by setting: the published rows as their scripts have
//! them, the unpublished ones said to be so, the single-machine ones with their update kept whole.

use std::{collections::BTreeSet, fs, path::Path};

use schemas::settings::{DecoderMask, MaskKind};
use trainer::{Recipe, kernels::Target, model::Size};

/// Training videos in the lists.
const K400: u64 = 240_436;
const SSV2: u64 = 168_913;

/// A script of VideoMAE: clips of 16 frames of 224 pixels, a tube mask, normalised targets.
struct V1 {
    name: &'static str,
    size: Size,
    ratio: f64,
    stride: usize,
    depth: usize,
    batch: usize,
    base: f64,
    peak: f64,
    floor: f64,
    epochs: u64,
    /// Videos of the list, and steps of an epoch.
    steps: Option<(u64, u64)>,
    checkpointing: bool,
    published: bool,
}

impl V1 {
    const fn new(name: &'static str, size: Size, stride: usize, batch: usize, epochs: u64) -> Self {
        let depth = if matches!(size, Size::Large | Size::Huge) { 12 } else { 4 };
        let (peak, floor) = (1.5e-4 * batch as f64 / 256.0, 1e-5 * batch as f64 / 256.0);
        let (ratio, base, steps, checkpointing, published) = (0.9, 1.5e-4, None, false, true);
        Self {
            name,
            size,
            ratio,
            stride,
            depth,
            batch,
            base,
            peak,
            floor,
            epochs,
            steps,
            checkpointing,
            published,
        }
    }
}

fn v1() -> Vec<V1> {
    let new = V1::new;
    vec![
        V1 {
            peak: 6e-4,
            floor: 4e-5,
            steps: Some((K400, 234)),
            ..new("vit-s-k400-1600", Size::Small, 4, 1024, 1601)
        },
        V1 {
            peak: 1.2e-3,
            floor: 8e-5,
            steps: Some((K400, 117)),
            ..new("vit-b-k400-800", Size::Base, 4, 2048, 801)
        },
        V1 {
            peak: 1.2e-3,
            floor: 8e-5,
            steps: Some((K400, 117)),
            ..new("vit-b-k400-1600", Size::Base, 4, 2048, 1601)
        },
        V1 {
            peak: 3e-4,
            floor: 2e-5,
            steps: Some((K400, 469)),
            ..new("vit-l-k400-1600", Size::Large, 4, 512, 1601)
        },
        V1 {
            peak: 6e-4,
            floor: 4e-5,
            steps: Some((K400, 234)),
            checkpointing: true,
            ..new("vit-h-k400-1600", Size::Huge, 4, 1024, 1601)
        },
        V1 {
            peak: 1.2e-3,
            floor: 8e-5,
            steps: Some((SSV2, 82)),
            ..new("vit-s-ssv2-2400", Size::Small, 2, 2048, 2401)
        },
        V1 {
            peak: 1.2e-3,
            floor: 8e-5,
            steps: Some((SSV2, 82)),
            ..new("vit-b-ssv2-800", Size::Base, 2, 2048, 801)
        },
        V1 {
            peak: 1.2e-3,
            floor: 8e-5,
            steps: Some((SSV2, 82)),
            ..new("vit-b-ssv2-2400", Size::Base, 2, 2048, 2401)
        },
        V1 {
            ratio: 0.75,
            base: 3e-4,
            peak: 2.25e-4,
            floor: 7.5e-6,
            ..new("vit-b-ucf101-3200", Size::Base, 4, 192, 3201)
        },
        V1 {
            ratio: 0.75,
            base: 3e-4,
            peak: 2.25e-4,
            floor: 7.5e-6,
            published: false,
            ..new("vit-b-hmdb51-4800", Size::Base, 4, 192, 4801)
        },
        V1 { published: false, ..new("vit-l-ssv2-2400", Size::Large, 2, 512, 2401) },
    ]
}

/// A script of VideoMAE V2: a decoder mask of one half and four crops and masks of each video.
struct V2 {
    name: &'static str,
    size: Size,
    patch: usize,
    videos: usize,
    base: f64,
    peak: f64,
    floor: f64,
    warmup: u64,
    epochs: u64,
    clip_norm: f64,
    checkpointing: bool,
}

const V2_SCRIPTS: [V2; 4] = [
    V2 {
        name: "v2-vit-b-800",
        size: Size::Base,
        patch: 16,
        videos: 1024,
        base: 1e-3,
        peak: 4e-3,
        floor: 4e-5,
        warmup: 20,
        epochs: 200,
        clip_norm: 0.0,
        checkpointing: false,
    },
    V2 {
        name: "v2-vit-l-1200",
        size: Size::Large,
        patch: 16,
        videos: 1536,
        base: 1e-3,
        peak: 6e-3,
        floor: 6e-5,
        warmup: 30,
        epochs: 300,
        clip_norm: 0.0,
        checkpointing: false,
    },
    V2 {
        name: "v2-vit-h-1200",
        size: Size::Huge,
        patch: 16,
        videos: 2048,
        base: 1e-3,
        peak: 8e-3,
        floor: 8e-5,
        warmup: 30,
        epochs: 300,
        clip_norm: 0.0,
        checkpointing: true,
    },
    V2 {
        name: "v2-vit-g-1200",
        size: Size::Giant,
        patch: 14,
        videos: 2048,
        base: 6e-4,
        peak: 4.8e-3,
        floor: 8e-5,
        warmup: 30,
        epochs: 300,
        clip_norm: 0.02,
        checkpointing: true,
    },
];

const SINGLE_MACHINE: [&str; 4] = ["tiny", "laptop", "one-gpu", "tube-and-frame"];

fn text(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recipes").join(format!("{name}.toml"));
    fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

fn assert_close(name: &str, found: f64, wanted: f64) {
    assert!((found / wanted - 1.0).abs() < 1e-12, "{name}: {found}, published {wanted}");
}

/// What all scripts have in common.
fn check_common(name: &str, recipe: &Recipe) {
    let (clip, optimiser) = (&recipe.clip, &recipe.optimiser);
    assert_eq!((clip.frames, clip.size, clip.tubelet, clip.target_fps), (16, 224, 2, 0.0), "{name}");
    assert_eq!((optimiser.beta1, optimiser.beta2, optimiser.epsilon), (0.9, 0.95, 1e-8), "{name}");
    assert_eq!((optimiser.weight_decay, optimiser.floor_lr, optimiser.ema), (0.05, 1e-5, 0.0), "{name}");
    assert_eq!((recipe.mask.kind, recipe.model.target), (MaskKind::Tube, Target::Normalised), "{name}");
    assert_eq!((recipe.model.drop_path, recipe.schedule.warmup_steps), (0.0, 0), "{name}");
}

#[test]
fn each_script_of_videomae_is_as_published() {
    for script in v1() {
        let (name, recipe) = (script.name, Recipe::built_in(script.name).unwrap());
        check_common(name, &recipe);
        let (clip, model, optimiser) = (&recipe.clip, &recipe.model, &recipe.optimiser);
        assert_eq!((recipe.mask.ratio, recipe.mask.decoder), (script.ratio, DecoderMask::None), "{name}");
        assert_eq!((clip.stride, clip.repeats), (script.stride, 1), "{name}");
        assert_eq!((model.size, model.patch, model.decoder_depth), (script.size, 16, script.depth), "{name}");
        assert_eq!(recipe.model_shape().unwrap().decoder, script.size.decoder(script.depth), "{name}");
        assert_eq!((optimiser.batch, optimiser.clip_norm), (script.batch, 0.0), "{name}");
        assert_eq!((optimiser.base_lr, model.gradient_checkpointing), (script.base, script.checkpointing));
        assert_eq!((recipe.schedule.epochs, recipe.schedule.warmup_epochs), (script.epochs, 40), "{name}");
        let rate = recipe.learning_rate(100, 100 * script.epochs);
        assert_close(name, rate.peak, script.peak);
        assert_close(name, rate.floor, script.floor);
        assert_eq!(rate.warmup, 4000, "{name}");
        if let Some((videos, steps)) = script.steps {
            assert_eq!(videos / optimiser.batch as u64, steps, "{name}");
        }
        let says_so = ["No script was published", "unverified"].map(|words| text(name).contains(words));
        assert_eq!(says_so, [!script.published; 2], "{name}");
    }
}

#[test]
fn each_script_of_videomae_v2_is_as_published() {
    for script in V2_SCRIPTS {
        let (name, recipe) = (script.name, Recipe::built_in(script.name).unwrap());
        check_common(name, &recipe);
        let (model, optimiser, mask) = (&recipe.model, &recipe.optimiser, &recipe.mask);
        assert_eq!((mask.ratio, mask.decoder, mask.decoder_ratio), (0.9, DecoderMask::RunningCell, 0.5));
        assert_eq!((recipe.clip.stride, recipe.clip.repeats), (4, 4), "{name}");
        assert_eq!((model.size, model.patch), (script.size, script.patch), "{name}");
        // The huge model has the large one's decoder.
        let size = if script.size == Size::Huge { Size::Large } else { script.size };
        assert_eq!(recipe.model_shape().unwrap().decoder, size.decoder(4), "{name}");
        assert_eq!((optimiser.batch, optimiser.clip_norm), (4 * script.videos, script.clip_norm), "{name}");
        assert_eq!((optimiser.base_lr, model.gradient_checkpointing), (script.base, script.checkpointing));
        let schedule = &recipe.schedule;
        assert_eq!((schedule.epochs, schedule.warmup_epochs), (script.epochs, script.warmup), "{name}");
        // The rate counts videos, not their crops.
        let rate = recipe.learning_rate(100, 100 * script.epochs);
        assert_close(name, rate.peak, script.peak);
        assert_close(name, rate.floor, script.floor);
    }
}

#[test]
fn single_machines_make_the_whole_update_in_parts() {
    let one_gpu = Recipe::built_in("one-gpu").unwrap();
    let mut published = Recipe::built_in("vit-b-k400-800").unwrap();
    assert_eq!(one_gpu.accumulation().unwrap(), (32, 64));
    published.optimiser.micro_batch = 32;
    assert_eq!(one_gpu, published, "the published recipe but for its micro-batches");
    // Rates are published for 256 clips an update.
    let laptop = Recipe::built_in("laptop").unwrap();
    assert_eq!((laptop.optimiser.batch, laptop.accumulation().unwrap()), (256, (8, 32)));
    assert_close("laptop", laptop.learning_rate(10, 100).peak, 1.5e-4);
    assert!(text("laptop").contains("No published result"));
    // The smallest one but for what is hidden and what is painted.
    let mut mixed = Recipe::built_in("tube-and-frame").unwrap();
    assert_eq!((mixed.mask.kind, mixed.model.target), (MaskKind::TubeAndFrame, Target::Raw));
    mixed.mask = Recipe::default().mask;
    mixed.model.target = Target::Normalised;
    assert_eq!(mixed, Recipe::built_in("tiny").unwrap());
}

#[test]
fn every_recipe_is_a_file_and_checked_here() {
    let mut checked: BTreeSet<&str> = SINGLE_MACHINE.into();
    checked.extend(v1().iter().map(|script| script.name));
    checked.extend(V2_SCRIPTS.iter().map(|script| script.name));
    // Recipes of fine-tuning are checked where they are read.
    let is_pretraining =
        |name: &&str| checked.contains(name) || ["vit-", "v2-"].iter().any(|start| name.starts_with(start));
    let recipes: Vec<&str> = Recipe::built_in_names().into_iter().filter(is_pretraining).collect();
    for name in &recipes {
        assert_eq!(Recipe::from_toml(&text(name)).unwrap(), Recipe::built_in(name).unwrap(), "{name}");
    }
    assert_eq!(recipes.into_iter().collect::<BTreeSet<_>>(), checked);
}
