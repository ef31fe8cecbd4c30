//! Whole trainings of small models: they learn, repeat themselves to the bit, and go on where they ended.

mod batches;
mod scenes;

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
};

use arrow_array::RecordBatch;
use burn::tensor::{Tensor, TensorData};
use schemas::{ClipBatch, metrics::MetricsLine};
use trainer::{
    Device, Outcome, Recipe, RunFolder, Steps, TrainError,
    batch::masked::MaskedClips,
    kernels::Target,
    model::{Mode, VideoMae, init_weights, stages::Memory},
    optimiser::adamw,
    pretrain,
    train::{forward_backward::forward_backward, state::TrainState},
};

/// A model of a few thousand weights on clips of 64 cubes.
fn recipe() -> Recipe {
    let mut recipe = Recipe::default();
    for setting in [
        "clip.frames=8",
        "clip.size=32",
        "model.patch=8",
        "model.encoder_dim=48",
        "model.encoder_depth=2",
        "model.encoder_heads=3",
        "model.decoder_dim=24",
        "model.decoder_heads=3",
        "model.decoder_depth=1",
        "optimiser.batch=4",
        "optimiser.base_lr=0.3",
        "schedule.warmup_epochs=0",
        "run.log_every=1",
        "run.checkpoint_every=3",
    ] {
        recipe.set(setting).unwrap();
    }
    recipe
}

fn with(settings: &[&str]) -> Recipe {
    let mut recipe = recipe();
    settings.iter().for_each(|setting| recipe.set(setting).unwrap());
    recipe
}

/// Micro-batch number `number` of a training.
fn batch(recipe: &Recipe, number: u64) -> RecordBatch {
    let clips = recipe.accumulation().unwrap().0 as u64;
    scenes::batch(recipe.geometry().unwrap(), clips * number..clips * (number + 1), 4)
}

/// The batches from micro-batch `from` on.
fn batches(recipe: &Recipe, from: u64) -> impl Iterator<Item = Result<RecordBatch, Infallible>> {
    (from..).map(|number| Ok(batch(recipe, number)))
}

fn steps(until: u64) -> Steps {
    Steps { per_epoch: 4, schedule: 12, until }
}

/// Trains in `folder` until step `until`, from where it ended; the lines that were reported.
fn train(recipe: &Recipe, run: &RunFolder, device: &str, until: u64) -> Vec<MetricsLine> {
    let from = run.resume_point().unwrap().map_or(0, |point| point.clips);
    let micro = recipe.accumulation().unwrap().0 as u64;
    let mut lines = Vec::new();
    let outcome = pretrain(
        recipe,
        &Device::parse(device).unwrap(),
        batches(recipe, from / micro),
        run,
        steps(until),
        &AtomicBool::new(false),
        |line| lines.push(line.clone()),
    );
    assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
    lines
}

fn run(recipe: &Recipe) -> (tempfile::TempDir, RunFolder) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::create(&folder.path().join("run"), recipe, "made scenes").unwrap();
    (folder, run)
}

#[test]
fn two_trainings_are_equal_to_the_bit() {
    let recipe = recipe();
    let [first, second] = [run(&recipe), run(&recipe)];
    let lines = train(&recipe, &first.1, "flex", 6);
    train(&recipe, &second.1, "flex", 6);
    assert_eq!(first.1.last_checkpoint().unwrap(), second.1.last_checkpoint().unwrap());
    assert_eq!(lines.len(), 6);
}

#[test]
fn the_share_of_repeated_frames_is_told() {
    let recipe = recipe();
    let (_folder, run) = run(&recipe);
    // Made clips of 8 frames name frame 0 each time.
    let shares: Vec<f64> =
        train(&recipe, &run, "flex", 2).iter().map(|line| line.repeated_frame_share).collect();
    assert_eq!(shares, [0.875; 2]);
}

#[test]
fn one_two_and_three_threads_give_the_same_bits() {
    for how in ["model.precision=f32", "model.precision=bf16", "model.gradient_checkpointing=true"] {
        let recipe = with(&["clip.size=64", "model.encoder_dim=96", how]);
        let [one, two, three] = [1, 2, 3].map(|threads| {
            let (_folder, run) = run(&recipe);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train(&recipe, &run, "flex", 3));
            run.last_checkpoint().unwrap()
        });
        assert!(one == two && one == three, "{how}");
    }
}

#[test]
fn a_training_that_was_cut_ends_with_the_same_bits() {
    let recipe = with(&["optimiser.ema=0.9", "optimiser.micro_batch=2", "model.drop_path=0.2"]);
    let [whole, cut] = [run(&recipe), run(&recipe)];
    train(&recipe, &whole.1, "flex", 7);
    train(&recipe, &cut.1, "flex", 4);
    train(&recipe, &RunFolder::open(cut.1.path()).unwrap(), "flex", 7);
    assert_eq!(whole.1.last_checkpoint().unwrap(), cut.1.last_checkpoint().unwrap());
    let steps = |run: &RunFolder| -> Vec<u64> {
        let text = std::fs::read_to_string(run.metrics_path()).unwrap();
        text.lines().map(|line| serde_json::from_str::<MetricsLine>(line).unwrap().step).collect()
    };
    assert_eq!(steps(&cut.1), steps(&whole.1));
}

#[test]
fn a_request_to_stop_leaves_a_checkpoint_to_go_on_from() {
    let recipe = recipe();
    let (_folder, run) = run(&recipe);
    let stop = AtomicBool::new(false);
    let report = |line: &mut MetricsLine| stop.store(line.step == 2, Ordering::Relaxed);
    let outcome =
        pretrain(&recipe, &Device::flex(), batches(&recipe, 0), &run, steps(9), &stop, report).unwrap();
    assert!(matches!(outcome, Outcome::Stopped { step: 2, .. }), "{outcome:?}");
    let point = run.resume_point().unwrap().unwrap();
    assert_eq!((point.step, point.clips), (2, 8));
}

#[test]
fn a_step_that_is_not_finite_is_not_made_and_the_last_checkpoint_stays() {
    let recipe = with(&["optimiser.base_lr=1e30", "run.checkpoint_every=1"]);
    let (_folder, run) = run(&recipe);
    let never = AtomicBool::new(false);
    let failed = pretrain(&recipe, &Device::flex(), batches(&recipe, 0), &run, steps(9), &never, |_| {});
    let Err(TrainError::NotFinite { step, .. }) = failed else { panic!("{failed:?}") };
    let checkpoint = run.last_checkpoint().unwrap();
    assert_eq!(checkpoint.about.step, step);
}

#[test]
fn batches_of_another_size_or_shape_are_refused() {
    let (_folder, run) = run(&recipe());
    let never = AtomicBool::new(false);
    for (other, wanted) in
        [("optimiser.batch=3", "a batch of 3 clips came"), ("model.patch=4", "the model takes")]
    {
        let other = with(&[other]);
        let other = batches(&other, 0);
        let failed = pretrain(&recipe(), &Device::flex(), other, &run, steps(1), &never, |_| {}).unwrap_err();
        assert!(failed.to_string().contains(wanted), "{failed}");
    }
}

#[test]
fn one_batch_seen_again_and_again_is_learnt() {
    let recipe = with(&["optimiser.base_lr=0.2"]);
    let (_folder, run) = run(&recipe);
    let mut losses = Vec::new();
    let same = std::iter::repeat_with(|| Ok::<_, Infallible>(batch(&recipe, 0)));
    let steps = Steps { per_epoch: 1, schedule: 400, until: 400 };
    let never = AtomicBool::new(false);
    pretrain(&recipe, &Device::flex(), same, &run, steps, &never, |line| losses.push(line.loss)).unwrap();
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(last < 0.5 * first, "first {first}, last {last}");
}

#[test]
#[cfg(feature = "tch")]
fn flex_and_libtorch_agree_over_five_steps() {
    let recipe = recipe();
    let losses = ["flex", "tch"].map(|device| {
        let (_folder, run) = run(&recipe);
        train(&recipe, &run, device, 5).into_iter().map(|line| line.loss).collect::<Vec<_>>()
    });
    for (flex, tch) in losses[0].iter().zip(&losses[1]) {
        assert!((flex / tch - 1.0).abs() < 1e-4, "flex {flex}, tch {tch}");
    }
}

#[test]
fn micro_batches_are_equal_to_the_whole_batch() {
    let whole = with(&["model.drop_path=0.3"]);
    let parts = with(&["model.drop_path=0.3", "optimiser.micro_batch=1"]);
    let device = Device::flex();
    let model = VideoMae::new(whole.model_shape().unwrap(), &device);
    let weights = init_weights::draw(model.shape(), 3, &device);
    let mode = Mode::Training { seed: 5, drop_path: 0.3, dropout: 0.0 };
    let gradients_of = |recipe: &Recipe, number| {
        let batch = ClipBatch::try_from(batch(recipe, number)).unwrap();
        let clips = MaskedClips::upload(&batch, model.shape().geometry, &device).unwrap();
        forward_backward(&model, &weights, &clips, Target::Normalised, mode, Memory::Everything)
    };
    let once = gradients_of(&whole, 0);
    let joined =
        (0..4).map(|number| gradients_of(&parts, number)).reduce(|sum, part| sum.join(part)).unwrap();
    assert!((once.loss() / joined.loss() - 1.0).abs() < 1e-6, "{} {}", once.loss(), joined.loss());
    let difference: Vec<_> =
        once.tensors.iter().zip(joined.tensors).map(|(once, joined)| once.clone() - joined).collect();
    let share = adamw::global_norm(&difference) / adamw::global_norm(&once.tensors);
    assert!(share < 1e-5, "the gradients differ by {share:e} of their norm");
}

#[test]
fn blocks_computed_again_give_the_same_gradients() {
    // 4 clips of 64 tokens go through a block at once, 75 in three parts, 43 of 96 tokens in two or three.
    for (clips, frames) in [(4, 8), (75, 8), (43, 12)] {
        let recipe = with(&[&format!("optimiser.batch={clips}"), &format!("clip.frames={frames}")]);
        let device = Device::flex();
        let model = VideoMae::new(recipe.model_shape().unwrap(), &device);
        let weights = init_weights::draw(model.shape(), 3, &device);
        let mode = Mode::Training { seed: 5, drop_path: 0.3, dropout: 0.0 };
        let batch = ClipBatch::try_from(batch(&recipe, 0)).unwrap();
        let mut clips = MaskedClips::upload(&batch, model.shape().geometry, &device).unwrap();
        if frames == 12 {
            // Every third target counts for nothing.
            let values: Vec<f32> = (0..clips.counted).map(|at| f32::from(at % 3 != 0)).collect();
            let shape = [clips.len(), clips.targets, 1];
            clips.counted = values.iter().filter(|value| **value == 1.0).count();
            clips.weights = Some(Tensor::from_data(TensorData::new(values, shape), &clips.visible.device()));
        }
        let [kept, again] = [Memory::Everything, Memory::BlockInputs]
            .map(|memory| forward_backward(&model, &weights, &clips, Target::Normalised, mode, memory));
        assert!((kept.loss() / again.loss() - 1.0).abs() < 1e-6, "{} {}", kept.loss(), again.loss());
        let pairs = kept.tensors.iter().zip(again.tensors);
        let difference: Vec<_> = pairs.map(|(kept, again)| kept.clone() - again).collect();
        let share = adamw::global_norm(&difference) / adamw::global_norm(&kept.tensors);
        assert!(share < 1e-6, "{} clips: the gradients differ by {share:e} of their norm", clips.len());
    }
}

#[test]
fn the_average_of_the_weights_follows_them() {
    let recipe = with(&["optimiser.ema=0.75"]);
    let training = TrainState::begin(&recipe, &recipe.model_shape().unwrap(), &Device::flex());
    let name = "decoder.head.weight";
    let before = training.weights.download()[name].values.clone();
    let gradients = training.weights.values().iter().map(|values| values.ones_like()).collect();
    let training = training.step(gradients, 1e-3, 0.75);
    let (after, average) = (training.weights.download(), training.average.unwrap().download());
    let expected = before.iter().zip(&after[name].values).map(|(before, after)| 0.75 * before + 0.25 * after);
    for (found, expected) in average[name].values.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-7);
    }
    assert_ne!(before, after[name].values);
}
