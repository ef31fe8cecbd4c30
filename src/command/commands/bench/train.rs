//! `tubelet bench train`: seconds of a training step on random clips.

use anyhow::Result;
use pipeline::{
    FrameRank, RowNumber, StreamTime,
    clips::{batch::MaskedBatchBuilder, masked::ClipRow},
    transform::crop::Window,
};
use schemas::BatchBuilder as _;
use trainer::Device;

use crate::{
    Usage,
    command::{
        arguments::{self, RecipeArguments},
        report,
        terminal::Terminal,
    },
    data::masked::settings,
    device, machine, memory, recipe_choice,
};

/// Steps that are made before the clock counts: memory is new, and some devices compile.
const WARM_UP: usize = 2;

/// Time complete training steps (forward, backward, update) on random clips
///
/// `step_seconds` is the median step, after two steps of warm-up; `step_cpu_seconds` is its CPU time on all
/// cores, and `peak_rss_mb` the largest memory of the process.
///
/// Example: tubelet bench train --model base --batch 2 --steps 5
#[derive(clap::Args)]
pub struct Arguments {
    /// Size of the model, the same as `--set model.size=M`
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// Number of clips per step
    #[arg(long, value_name = "B", default_value_t = 8)]
    batch: usize,
    /// Where to compute
    #[arg(long, default_value = "flex")]
    device: String,
    /// Number of steps to time
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = arguments::clips)]
    steps: usize,
    #[command(flatten)]
    recipe: RecipeArguments,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let device = device::named(&arguments.device)?;
    let mut choice = arguments.recipe.choice();
    choice.set.extend(arguments.model.iter().map(|size| format!("model.size={size}")));
    let mut recipe = choice.resolve(|| Ok(trainer::Recipe::default()))?;
    recipe.optimiser.batch = arguments.batch;
    recipe.optimiser.micro_batch = 0;
    recipe_choice::check(&recipe)?;
    memory::note_when_short(&recipe, &device, &Terminal::default())?;
    let batch = random_batch(&recipe)?;
    let steps = WARM_UP + arguments.steps.max(1);
    say_where_bf16_is_f32(&recipe, &device);
    let mut seconds = Vec::with_capacity(steps);
    let mut used = Vec::with_capacity(steps);
    let mut before = machine::cpu_seconds();
    trainer::time_steps(&recipe, &device, batch, steps, |step| {
        let after = machine::cpu_seconds();
        seconds.push(step);
        used.extend(before.zip(after).map(|(before, after)| after - before));
        before = after;
    })?;
    let median = median(&seconds).expect("because at least one step counts");
    let peak = machine::peak_memory();
    println!(
        "{}",
        serde_json::json!({
            "step_seconds": median,
            "clips_per_second": arguments.batch as f64 / median,
            "step_cpu_seconds": self::median(&used),
            "peak_rss_mb": peak.map(|bytes| bytes / 1_000_000),
            "peak_rss_mb_per_clip": peak.map(|bytes| bytes / 1_000_000 / arguments.batch.max(1) as u64),
            "estimated_mb": memory::of_step(&recipe)?.total() / 1_000_000,
            "device": device.name(),
            "precision": recipe.model.precision.to_string(),
            "steps": seconds,
        })
    );
    Ok(())
}

/// The middle one of those that count; none where the system told none.
fn median(steps: &[f64]) -> Option<f64> {
    let mut counted = steps.get(WARM_UP..)?.to_vec();
    counted.sort_by(f64::total_cmp);
    counted.get(counted.len() / 2).copied()
}

/// A precision that this processor does not gain from is computed in f32.
fn say_where_bf16_is_f32(recipe: &trainer::Recipe, device: &Device) {
    let asked = recipe.model.precision == trainer::kernels::Precision::Bf16;
    if asked && !device.multiplies_bf16() {
        let products = Device::products(device.name(), recipe.model.precision);
        report::say(format_args!("note: products are computed in {products}"));
    }
}

/// Clips of random pixels with masks as the recipe draws them.
fn random_batch(recipe: &trainer::Recipe) -> Result<arrow_array::RecordBatch> {
    let settings = settings(recipe, 1)?;
    let geometry = settings.geometry;
    let rule = settings.mask_rule().map_err(|why| Usage::new(why.to_string()))?;
    let schedule = settings.schedule(recipe.optimiser.batch as u64);
    let mut builder = MaskedBatchBuilder::new(geometry, rule.visible_tokens());
    let mut noise = blake3::Hasher::new().update(&recipe.run.seed.to_le_bytes()).finalize_xof();
    for clip in (0..recipe.optimiser.batch as u64).map(RowNumber) {
        let mask = rule.draw(&mut schedule.row(0, clip));
        let mut cubes = |tokens: &[u16]| -> Vec<u8> {
            let mut bytes = vec![0; tokens.len() * geometry.cube()];
            noise.fill(&mut bytes);
            bytes
        };
        builder.push(ClipRow {
            clip,
            epoch: 0,
            video: "noise".into(),
            label: None,
            set: None,
            frames: vec![FrameRank(0); geometry.frames()].into(),
            times: vec![StreamTime(0); geometry.frames()].into(),
            crop: Window { x: 0, y: 0, width: geometry.width() as u32, height: geometry.height() as u32 },
            flip: false,
            visible_cubes: cubes(&mask.visible),
            target_cubes: cubes(&mask.target),
            mask,
        });
    }
    Ok(builder.finish()?)
}
