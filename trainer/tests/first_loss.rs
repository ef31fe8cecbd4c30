//! The loss that an untrained model begins with: `(n − 1)/n + 2D'/(D' + C)`, ±.04, for every published size.
//!
//! An output of the head has variance `2D'/(D' + C)` whatever lies before it (the decoder's norm sees to
//! that), so the encoders of the large models are cut to two blocks and their clips are smaller here. With
//! `TUBELET_WHOLE_MODELS=1` all of them are whole, at 224 pixels; that takes up to 5 GB and some minutes.

mod batches;
#[allow(dead_code)] // the tests' batches are made otherwise here
mod scenes;

use batches::{MadeClip, record_batch};
use schemas::{ClipBatch, ClipGeometry};
use trainer::{
    Device, Recipe,
    batch::masked::MaskedClips,
    kernels::Target,
    loss::reconstruction,
    model::{Mode, VideoMae, init_weights},
};

/// A published model, and the loss of its formula.
struct Published {
    name: &'static str,
    settings: &'static [&'static str],
    /// Whether it hides half of the tokens from the decoder.
    dual: bool,
    loss: f64,
}

const PUBLISHED: [Published; 9] = [
    Published { name: "tiny", settings: &["model.size=tiny"], dual: false, loss: 1.1157 },
    Published { name: "S", settings: &["model.size=small"], dual: false, loss: 1.2203 },
    Published { name: "B", settings: &["model.size=base"], dual: false, loss: 1.3980 },
    Published {
        name: "L",
        settings: &["model.size=large", "model.decoder_depth=12"],
        dual: false,
        loss: 1.4980,
    },
    Published {
        name: "H",
        settings: &["model.size=huge", "model.decoder_depth=12"],
        dual: false,
        loss: 1.5863,
    },
    Published { name: "B of V2", settings: &["model.size=base"], dual: true, loss: 1.3980 },
    Published { name: "L of V2", settings: &["model.size=large"], dual: true, loss: 1.4980 },
    Published {
        name: "H of V2",
        settings: &["model.size=huge", "model.decoder_dim=512"],
        dual: true,
        loss: 1.4980,
    },
    Published {
        name: "g of V2",
        settings: &["model.size=giant", "model.patch=14"],
        dual: true,
        loss: 1.6041,
    },
];

#[test]
fn untrained_models_begin_with_the_published_loss() {
    let whole = std::env::var_os("TUBELET_WHOLE_MODELS").is_some();
    let mut wrong = Vec::new();
    for published in PUBLISHED {
        let is_small = ["tiny", "S"].contains(&published.name);
        let cut: &[&str] = if whole || is_small { &[] } else { &["model.encoder_depth=2", "clip.size=112"] };
        let mut recipe = Recipe::default();
        for setting in published.settings.iter().chain(cut) {
            recipe.set(setting).unwrap();
        }
        let [zero, loss] = losses(&recipe, published.dual);
        println!(
            "{:8} loss {loss:.4}, formula {:.4}; zero predictor {zero:.6}",
            published.name, published.loss
        );
        let pixels = 2.0 * (recipe.model.patch as f64).powi(2);
        // The epsilon beside the deviation takes a little more off.
        let most = (pixels - 1.0) / pixels;
        assert!((most - 5e-4..most + 1e-6).contains(&zero), "{}: zero predictor {zero}", published.name);
        if (loss - published.loss).abs() > 0.04 {
            wrong.push(format!("{}: {loss}, published {}", published.name, published.loss));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The losses of a predictor of zeros and of a fresh model, on one clip of which a tenth is visible.
fn losses(recipe: &Recipe, dual: bool) -> [f64; 2] {
    let device = Device::flex();
    let model = VideoMae::new(recipe.model_shape().unwrap(), &device);
    let geometry = model.shape().geometry;
    let weights = init_weights::draw(model.shape(), 1, &device);
    let batch = ClipBatch::try_from(record_batch(geometry, &[clip(geometry, dual)])).unwrap();
    let clips = MaskedClips::upload(&batch, geometry, &device).unwrap();
    let targets = reconstruction::targets(&clips, Target::Normalised);
    let predicted = model.predict(&weights, &clips, Mode::Fixed);
    [targets.zeros_like(), predicted].map(|predicted| {
        reconstruction::mean_squared_error(predicted, targets.clone(), &clips).into_scalar::<f32>().into()
    })
}

fn clip(geometry: ClipGeometry, dual: bool) -> MadeClip {
    let [_, rows, columns] = geometry.grid();
    let is_seen = |token: usize| (token % geometry.places()).is_multiple_of(10);
    // Running cells, of four places two.
    let is_open = |token: usize| {
        let (t, y, x) = (token / (rows * columns), token / columns % rows, token % columns);
        (2 * (y % 2) + x % 2 + t + 1) % 4 >= 2
    };
    let pick = |keep: &dyn Fn(usize) -> bool| (0..geometry.tokens()).filter(|token| keep(*token)).collect();
    MadeClip {
        number: 0,
        frames: scenes::scene(geometry, 0),
        visible: pick(&is_seen),
        target: pick(&|token| !is_seen(token) && (!dual || is_open(token))),
        context: pick(&|token| dual && is_seen(token) && is_open(token)),
    }
}
