//! Clips with something to learn in them: textured shapes that move, drawn from a number.

use arrow_array::RecordBatch;
use schemas::ClipGeometry;
use trainer::random::Draws;

use crate::batches::{MadeClip, record_batch};

/// A textured scene, `[frames, height, width, 3]`, that moves evenly.
pub fn scene(geometry: ClipGeometry, number: u64) -> Vec<u8> {
    let mut draws = Draws::keyed(0, "scene", &[number]);
    let waves: Vec<[f64; 6]> = (0..6).map(|_| std::array::from_fn(|_| draws.within(1.0))).collect();
    let mut frames = Vec::new();
    for frame in 0..geometry.frames() {
        for y in 0..geometry.height() {
            for x in 0..geometry.width() {
                for colour in 0..3 {
                    let wave = |[a, b, c, d, e, f]: &[f64; 6]| {
                        let phase = a * x as f64 + b * y as f64 + 2.0 * c * frame as f64 + d;
                        (phase.sin() + e) * (f * (colour as f64 + 1.0)).cos()
                    };
                    let level = 128.0 + 25.0 * waves.iter().map(wave).sum::<f64>();
                    frames.push(level.clamp(0.0, 255.0) as u8);
                }
            }
        }
    }
    frames
}

/// Scenes `numbers` with every `every`-th place visible at all times, turned by the scene's number: all clips
/// show the same number of places.
pub fn batch(geometry: ClipGeometry, numbers: std::ops::Range<u64>, every: usize) -> RecordBatch {
    let clips: Vec<MadeClip> = numbers
        .map(|number| {
            let turned = |place: usize| (place + number as usize) % geometry.places();
            let seen = |token: &usize| turned(token % geometry.places()).is_multiple_of(every);
            let (visible, target) = (0..geometry.tokens()).partition(seen);
            MadeClip { number, frames: scene(geometry, number), visible, target, context: Vec::new() }
        })
        .collect();
    record_batch(geometry, &clips)
}
