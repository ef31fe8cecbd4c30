//! What a linear map reads from a token by itself: where its cube is, and what colour it has.
//!
//! A probe with attention can only compare cubes whose place and colour it finds in their tokens. So this is
//! measured: ridge regression from all tokens of half of the videos, and the share of variance that it explains
//! on the other half, 1 is all.

use std::{fs::File, path::Path};

use anyhow::{Context as _, Result, ensure};
use arrow_array::{Array as _, cast::AsArray as _, types::Float32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::{
    scene::{Frame, SIDE},
    videos::CLIP,
};

/// Frames and pixels of a cube, in `pretrain.toml`.
const DEEP: usize = 2;
const PATCH: usize = 8;

/// Cubes along a side.
const ACROSS: usize = SIDE / PATCH;

/// Cubes of a clip.
const TOKENS: usize = CLIP / DEEP * ACROSS * ACROSS;

/// What is read: time, row and column of a cube, and its mean red, green and blue.
const READ: usize = 6;

/// Added to the diagonal, as a share of its mean: keeps the regression from falling over where tokens have
/// fewer free directions than values.
const RIDGE: f64 = 1e-6;

/// What is read from the tokens in a file of `tubelet embed --pool tokens` of videos with these frames.
///
/// # Errors
/// When the file holds other vectors than one of all tokens a video.
pub fn measure(file: &Path, videos: &[Vec<Frame>]) -> Result<Value> {
    let vectors = vectors(file)?;
    ensure!(vectors.len() == videos.len(), "{} vectors of {} videos", vectors.len(), videos.len());
    let width = vectors.first().map_or(0, Vec::len) / TOKENS;
    ensure!(
        width > 0 && vectors.iter().all(|vector| vector.len() == width * TOKENS),
        "vectors of other lengths"
    );
    let half = videos.len() / 2;
    let mut sums = Sums::new(width + 1);
    each(&vectors[..half], &videos[..half], width, |token, wanted| sums.add(token, wanted));
    let map = sums.solve()?;
    let (mut errors, mut totals, mut means, mut count) = ([0.0; READ], [0.0; READ], [0.0; READ], 0.0);
    each(&vectors[half..], &videos[half..], width, |token, wanted| {
        count += 1.0;
        for (at, value) in wanted.iter().enumerate() {
            let read: f64 = token.iter().zip(&map[at]).map(|(token, share)| token * share).sum();
            errors[at] += (read - value).powi(2);
            totals[at] += value * value;
            means[at] += value;
        }
    });
    let explained = |from: usize| {
        let parts = from..from + READ / 2;
        let error: f64 = errors[parts.clone()].iter().sum();
        let total: f64 = parts.map(|at| totals[at] - means[at] * means[at] / count).sum();
        1.0 - error / total
    };
    Ok(json!({ "place": explained(0), "colour": explained(READ / 2) }))
}

/// The vectors of a file, in the order of its rows.
fn vectors(path: &Path) -> Result<Vec<Vec<f32>>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut vectors = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
        let batch = batch?;
        let column = batch.column_by_name("vector").context("a file without vectors")?;
        let lists = column.as_fixed_size_list_opt().context("vectors of differing lengths")?;
        for row in 0..lists.len() {
            let values = lists.value(row);
            let values = values.as_primitive_opt::<Float32Type>().context("vectors of 16 bits")?;
            vectors.push(values.values().to_vec());
        }
    }
    Ok(vectors)
}

/// Calls `take` with each token, a 1 behind it, and what should be read from it.
fn each(
    vectors: &[Vec<f32>],
    videos: &[Vec<Frame>],
    width: usize,
    mut take: impl FnMut(&[f64], &[f64; READ]),
) {
    let mut token = vec![1.0; width + 1];
    for (vector, frames) in vectors.iter().zip(videos) {
        for (number, values) in vector.chunks_exact(width).enumerate() {
            token.iter_mut().zip(values).for_each(|(to, from)| *to = f64::from(*from));
            take(&token, &wanted(frames, number));
        }
    }
}

/// Place and mean colour of cube `number`, in the order (time, row, column); each about 1 in size.
fn wanted(frames: &[Frame], number: usize) -> [f64; READ] {
    let (time, row, column) = (number / (ACROSS * ACROSS), number / ACROSS % ACROSS, number % ACROSS);
    let mut sums = [0.0; 3];
    for frame in &frames[time * DEEP..(time + 1) * DEEP] {
        for y in row * PATCH..(row + 1) * PATCH {
            for x in column * PATCH..(column + 1) * PATCH {
                let pixel = &frame[(y * SIDE + x) * 3..][..3];
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(*value) / 255.0);
            }
        }
    }
    let [red, green, blue] = sums.map(|sum| sum / (DEEP * PATCH * PATCH) as f64);
    [time as f64, row as f64, column as f64, red, green, blue]
}

/// Sums of products: of tokens with themselves, and with what is wanted.
struct Sums {
    squares: Vec<Vec<f64>>,
    products: [Vec<f64>; READ],
}

impl Sums {
    fn new(width: usize) -> Self {
        Self { squares: vec![vec![0.0; width]; width], products: [0; READ].map(|_| vec![0.0; width]) }
    }

    fn add(&mut self, token: &[f64], wanted: &[f64; READ]) {
        for (at, &value) in token.iter().enumerate() {
            self.squares[at][..=at].iter_mut().zip(token).for_each(|(sum, other)| *sum += value * other);
            self.products.iter_mut().zip(wanted).for_each(|(sums, wanted)| sums[at] += value * wanted);
        }
    }

    /// The map of least squares, by Cholesky's decomposition: a share of each value of a token, for each number.
    fn solve(mut self) -> Result<[Vec<f64>; READ]> {
        let width = self.squares.len();
        let trace: f64 = (0..width).map(|at| self.squares[at][at]).sum();
        for at in 0..width {
            self.squares[at][at] += RIDGE * trace / width as f64;
        }
        let lower = &mut self.squares;
        for row in 0..width {
            for column in 0..=row {
                let before: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
                let rest = lower[row][column] - before;
                lower[row][column] = if row == column {
                    ensure!(rest > 0.0, "tokens that say less than they have values");
                    rest.sqrt()
                } else {
                    rest / lower[column][column]
                };
            }
        }
        let mut map = self.products;
        for shares in &mut map {
            for row in 0..width {
                let before: f64 = (0..row).map(|k| lower[row][k] * shares[k]).sum();
                shares[row] = (shares[row] - before) / lower[row][row];
            }
            for row in (0..width).rev() {
                let after: f64 = (row + 1..width).map(|k| lower[k][row] * shares[k]).sum();
                shares[row] = (shares[row] - after) / lower[row][row];
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_find_the_map_that_made_the_numbers() {
        let mut sums = Sums::new(3);
        for number in 0..50 {
            let (a, b) = (f64::from(number).sin(), f64::from(number * number).cos());
            let made = |k: usize| 2.0 * a - b * k as f64 + 0.5;
            sums.add(&[a, b, 1.0], &std::array::from_fn(made));
        }
        let map = sums.solve().unwrap();
        for (at, shares) in map.iter().enumerate() {
            let wanted = [2.0, -(at as f64), 0.5];
            assert!(
                shares.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-3),
                "{map:?}"
            );
        }
    }

    #[test]
    fn a_cube_s_place_and_colour_are_its_own() {
        let frames: Vec<Frame> = (0..CLIP)
            .map(|time| {
                let pixel = |at: usize| [(at % SIDE) as u8, (at / SIDE) as u8, time as u8];
                (0..SIDE * SIDE).flat_map(pixel).collect()
            })
            .collect();
        // Cube 22: second time, second row, third column.
        let [time, row, column, red, green, blue] = wanted(&frames, 22);
        assert_eq!([time, row, column], [1.0, 1.0, 2.0]);
        let near = |found: f64, level: f64| (found * 255.0 - level).abs() < 1e-9;
        assert!(near(red, 19.5) && near(green, 11.5) && near(blue, 2.5), "{red} {green} {blue}");
    }
}
