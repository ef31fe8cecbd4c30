//! Where the frames of videos come from: rendered scenes, or windows that pan over real films.
//!
//! ```text
//! ┌───────────────┐   A window of a clip's size moves over a film in one of eight directions while the film
//! │ ┌──┐→┌──┐     │   plays. The middle of its way is drawn from the places where a way in any direction
//! │ └──┘ └──┘     │   fits, so where it is tells nothing. Films are divided first: those of the test are in
//! └───────────────┘   no other part.
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use pipeline::{
    FrameRank,
    draws::{Draws, Purpose},
    transform::{self, RgbFrame},
    video::{Limits, VideoReader},
};

use crate::{
    scene::{Frame, SIDE, SPEEDS, STEPS, Scene},
    videos::{LONG, Part},
};

/// Shorter side of a film's frames in pixels: the longest way, 45 pixels, and the window fit in it.
const SHORT_SIDE: u32 = 96;

/// Frames of a film that are used.
const FRAMES: u32 = 240;

/// Added to a part's number where a window over a film is drawn and not a scene.
const PAN: u32 = 1 << 17;

/// Where frames come from.
pub enum Source {
    /// Rendered: a thing that drifts over a texture.
    Drift,
    /// Windows that pan over films.
    Pan(Films),
}

/// Films in memory, by what they are for.
pub struct Films {
    train: Vec<Vec<RgbFrame>>,
    held_out: Vec<Vec<RgbFrame>>,
    test: Vec<Vec<RgbFrame>>,
}

impl Source {
    /// Windows over the films of a folder.
    ///
    /// # Errors
    /// When there are too few films, or one cannot be read.
    pub fn films(folder: &Path) -> Result<Self> {
        let listed = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> = listed.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "mp4" || ending == "webm"));
        paths.sort();
        ensure!(paths.len() >= 6, "{} films in {}: six are the least", paths.len(), folder.display());
        let mut films = Films { train: Vec::new(), held_out: Vec::new(), test: Vec::new() };
        for (number, path) in paths.iter().enumerate() {
            let film = read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            // Of six, two are for the test and one for choosing settings.
            match number % 6 {
                1 | 4 => films.test.push(film),
                5 => films.held_out.push(film),
                _ => films.train.push(film),
            }
        }
        Ok(Self::Pan(films))
    }

    /// The first `count` frames of a scene in which something moves in `direction`.
    ///
    /// # Errors
    /// When no film is long and large enough.
    pub fn frames(
        &self,
        seed: u64,
        part: Part,
        number: u64,
        direction: usize,
        count: usize,
    ) -> Result<Vec<Frame>> {
        match self {
            Self::Drift => Ok(Scene::draw(seed, part as u32, number, direction).frames(count)),
            Self::Pan(films) => {
                let draws = Draws::new(seed, Purpose::Scene, PAN + part as u32, number);
                let films = match part {
                    Part::Unlabelled | Part::Train | Part::LongestUnlabelled | Part::LongestTrain => {
                        &films.train
                    }
                    Part::HeldOut => &films.held_out,
                    Part::Test | Part::LongTest | Part::LongestTest => &films.test,
                };
                pan(films, draws, direction, count)
            }
        }
    }
}

/// The frames of a film.
fn read(path: &Path) -> Result<Vec<RgbFrame>> {
    let mut reader = VideoReader::new(Limits::default());
    let video = reader.open(path)?;
    ensure!(video.facts.frames as usize >= LONG, "it has {} frames", video.facts.frames);
    let ranks: Vec<_> = (0..video.facts.frames.min(FRAMES)).map(FrameRank).collect();
    let pictures = reader.decode(&video, &ranks)?;
    let small = |(_, picture)| transform::whole_frame(&picture, video.facts.orientation, SHORT_SIDE);
    Ok(pictures.into_iter().map(small).collect())
}

/// A window's frames.
fn pan(films: &[Vec<RgbFrame>], mut draws: Draws, direction: usize, count: usize) -> Result<Vec<Frame>> {
    let film = &films[draws.place(films.len())];
    let speed = SPEEDS[draws.place(SPEEDS.len())];
    let first = draws.place(film.len() - count + 1);
    let way = speed * (count as i32 - 1);
    // Half of the way is left free on every side.
    let margin = (way + 1) / 2;
    let (width, height) = (film[first].width as i32, film[first].height as i32);
    let free = |side: i32| u64::try_from(side - SIDE as i32 - 2 * margin + 1).unwrap_or(0);
    ensure!(free(width) > 0 && free(height) > 0, "a film of {width}×{height} has no room for a way of {way}");
    let (right, down) = STEPS[direction];
    let x = margin + draws.below(free(width)) as i32 - right * (way / 2);
    let y = margin + draws.below(free(height)) as i32 - down * (way / 2);
    let shown = film[first..first + count].iter().zip(0i32..);
    Ok(shown.map(|(frame, time)| cut(frame, x + right * speed * time, y + down * speed * time)).collect())
}

/// A clip's frame from a place of a larger one.
fn cut(frame: &RgbFrame, x: i32, y: i32) -> Frame {
    let (x, y, width) = (x as usize, y as usize, frame.width as usize);
    let rows = (y..y + SIDE).map(|row| (row * width + x) * 3);
    rows.flat_map(|start| frame.pixels[start..start + SIDE * 3].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A film in which every pixel tells its place.
    fn film() -> Vec<RgbFrame> {
        let pixels: Vec<u8> = (0..96u8).flat_map(|y| (0..128u8).flat_map(move |x| [x, y, 0])).collect();
        vec![RgbFrame { width: 128, height: 96, pixels }; 20]
    }

    #[test]
    fn a_window_moves_in_its_direction_and_stays_inside() {
        for (direction, &(right, down)) in STEPS.iter().enumerate() {
            for number in 0..20 {
                let draws = Draws::new(1, Purpose::Scene, PAN, number);
                let frames = pan(&[film()], draws, direction, LONG).unwrap();
                let at = |frame: &Frame| (i32::from(frame[0]), i32::from(frame[1]));
                for pair in frames.windows(2) {
                    let moved = (at(&pair[1]).0 - at(&pair[0]).0, at(&pair[1]).1 - at(&pair[0]).1);
                    let by = moved.0.abs().max(moved.1.abs());
                    assert!(SPEEDS.contains(&by) && moved == (right * by, down * by), "{moved:?}");
                }
            }
        }
    }
}
