//! What a training thread itself spends on a micro-batch that goes to a GPU: `cargo bench --bench prefetch -- [CLIPS]`.
//!
//! 32 clips of ViT-B's size by default. A step is 30 ms of sleep, as if a GPU computed it. Takes each batch on the training
//! thread, then by a thread of its own, as a training on a GPU does; the batch is checked, copied and freed either way. The
//! copy stays in the processor's memory here.

use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use batches::{MadeClip, record_batch};
use schemas::{ClipBatch, ClipGeometry};
use trainer::{
    Device, Recipe, TrainError,
    batch::masked::MaskedClips,
    train::prefetch::{DataError, prefetch},
};

#[path = "../tests/batches/mod.rs"]
mod batches;

#[global_allocator]
static MEMORY: trainer::allocator::KeptMemory = trainer::allocator::KeptMemory;

/// Steps of each way, and what one takes the GPU.
const STEPS: u64 = 12;
const STEP: Duration = Duration::from_millis(30);

fn main() {
    let clips = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(32);
    for (ahead, by) in [(false, "the training thread"), (true, "a thread of its own")] {
        let mut milliseconds = taken(clips, ahead);
        milliseconds.sort_by(f64::total_cmp);
        let (median, most) = (milliseconds[milliseconds.len() / 2], milliseconds[milliseconds.len() - 1]);
        println!(
            "{clips} clips by {by:20}: {median:7.3} ms of the training thread a step, at most {most:.3}"
        );
    }
}

/// The milliseconds that each step but the first two spends on its batch.
fn taken(clips: u64, ahead: bool) -> Vec<f64> {
    let geometry = Recipe::default().geometry().expect("because it is the default");
    let device = Device::flex();
    let made: Vec<RecordBatch> =
        (0..STEPS).map(|step| made(geometry, step * clips..(step + 1) * clips)).collect();
    let upload = |batch: RecordBatch| -> Result<MaskedClips, TrainError> {
        Ok(MaskedClips::upload(&ClipBatch::try_from(batch)?, geometry, &device)?)
    };
    let mut milliseconds = Vec::new();
    prefetch(made.into_iter().map(Ok::<_, DataError>), upload, ahead, |batches| {
        for step in 0..STEPS {
            let begin = Instant::now();
            let clips =
                batches.next(step).expect("because clips were made").expect("because they are as many");
            milliseconds.push(begin.elapsed().as_secs_f64() * 1e3);
            std::thread::sleep(STEP);
            let begin = Instant::now();
            drop(clips);
            *milliseconds.last_mut().expect("because one was pushed") += begin.elapsed().as_secs_f64() * 1e3;
        }
    });
    milliseconds.split_off(2)
}

/// Clips of one colour each, a tenth of whose places is visible.
fn made(geometry: ClipGeometry, numbers: std::ops::Range<u64>) -> RecordBatch {
    let clip = |number: u64| {
        let frames = vec![number as u8; geometry.frames() * geometry.height() * geometry.width() * 3];
        let (visible, target) =
            (0..geometry.tokens()).partition(|token| (token % geometry.places()).is_multiple_of(10));
        MadeClip { number, frames, visible, target, context: Vec::new() }
    };
    record_batch(geometry, &numbers.map(clip).collect::<Vec<_>>())
}
