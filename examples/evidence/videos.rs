//! Which videos there are, and the lists that name them: a folder a set, made once.
//!
//! ```text
//! videos/unlabelled-S/            to pre-train on: longer than a clip, so that windows of them are drawn
//! videos/unlabelled-shuffled-S/   the same, each with its frames in another order
//! videos/train-S/                 labelled; a list takes the first 8, 32 or 128 of each class
//! videos/held-out/                of the training kind; what chooses among rates and layer decays
//! videos/test/                    what everything is tested on
//! videos/test-reversed/           the test videos backwards
//! videos/test-copies/             as many copies of one frame of each
//! videos/*-shuffled/              frames in another order: nothing is left but the set of them
//! lists/NAME.txt                  `path class` lines; classes.txt the names
//! ```
//!
//! Scenes of different sets, seeds and numbers are drawn apart, so no scene is in two sets; a control shows the
//! scenes of its set again.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use pipeline::draws::{Draws, Purpose};
use schemas::whole_file;

use crate::{
    film,
    scene::{DIRECTIONS, Frame, NAMES, opposite},
    source::Source,
};

/// Frames of a clip; a labelled video is one clip.
pub const CLIP: usize = 8;

/// Frames of a video without a label.
pub const LONG: usize = 16;

/// Frames of a video of which the longest clips are taken. A clip of 64 frames needs one more: the last is never reached.
pub const LONGEST: usize = 68;

/// What scenes are drawn for; part of their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Pre-training.
    Unlabelled = 0,
    /// Labelled training.
    Train = 1,
    /// Choosing a rate and a layer decay.
    HeldOut = 2,
    /// Test.
    Test = 3,
    /// Test by clips that are longer than a labelled video.
    LongTest = 4,
    /// Pre-training on the longest clips.
    LongestUnlabelled = 5,
    /// Labelled training on them.
    LongestTrain = 6,
    /// Test on them.
    LongestTest = 7,
}

/// What is done to the frames of a scene before they are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Plain,
    /// Last frame first.
    Reversed,
    /// One frame, as often as there were frames.
    Copies,
    /// Another order, drawn for each video.
    Shuffled,
}

/// A set of videos.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// What its scenes are for.
    pub part: Part,
    /// What is done to them.
    pub change: Change,
    /// Seed of the scenes.
    pub seed: u64,
    /// Videos in all, a multiple of the classes; the class of video `n` is `n` modulo 8.
    pub videos: usize,
}

impl Set {
    /// Name of its folder.
    pub fn name(&self) -> String {
        let part = match self.part {
            Part::Unlabelled => format!("unlabelled-{}", self.seed),
            Part::Train => format!("train-{}", self.seed),
            Part::HeldOut => "held-out".to_owned(),
            Part::Test => "test".to_owned(),
            Part::LongTest => "long-test".to_owned(),
            Part::LongestUnlabelled => format!("longest-unlabelled-{}", self.seed),
            Part::LongestTrain => format!("longest-train-{}", self.seed),
            Part::LongestTest => "longest-test".to_owned(),
        };
        match self.change {
            Change::Plain => part,
            Change::Reversed => part + "-reversed",
            Change::Copies => part + "-copies",
            Change::Shuffled => part + "-shuffled",
        }
    }

    fn frames(&self) -> usize {
        match self.part {
            Part::Unlabelled | Part::LongTest => LONG,
            Part::LongestUnlabelled | Part::LongestTrain | Part::LongestTest => LONGEST,
            Part::Train | Part::HeldOut | Part::Test => CLIP,
        }
    }

    /// Where a video is, below the folder of all videos.
    pub fn path_of(&self, number: usize) -> PathBuf {
        Path::new(&self.name()).join(file_name(number))
    }

    /// The frames of video `number`, as they are given to the encoder.
    pub fn render(&self, source: &Source, number: usize) -> Result<Vec<Frame>> {
        let count = self.frames();
        let mut frames = source.frames(self.seed, self.part, number as u64, number % DIRECTIONS, count)?;
        match self.change {
            Change::Plain => {}
            Change::Reversed => frames.reverse(),
            Change::Copies => frames = vec![frames.swap_remove(count / 2); count],
            Change::Shuffled => {
                Draws::new(self.seed, Purpose::Scene, SHUFFLE + self.part as u32, number as u64)
                    .shuffle(&mut frames);
            }
        }
        Ok(frames)
    }

    /// Makes its videos in `videos`, whole or not at all, and says how many bytes they have.
    ///
    /// # Errors
    /// When a video cannot be rendered, encoded or written.
    pub fn make(&self, source: &Source, videos: &Path) -> Result<u64> {
        let folder = videos.join(self.name());
        let part = videos.join(format!("{}.part", self.name()));
        if part.exists() {
            fs::remove_dir_all(&part).with_context(|| format!("cannot empty {}", part.display()))?;
        }
        fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        let mut bytes = 0;
        for number in 0..self.videos {
            let path = part.join(file_name(number));
            film::write(&path, &self.render(source, number)?)?;
            bytes += fs::metadata(&path)?.len();
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::rename(&part, &folder).with_context(|| format!("cannot name {}", folder.display()))?;
        Ok(bytes)
    }
}

/// Added to a part's number where an order of frames is drawn and not a scene.
const SHUFFLE: u32 = 1 << 16;

fn file_name(number: usize) -> String {
    format!("{number:05}.mp4")
}

/// Which class a list gives to a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// That of its scene.
    True,
    /// The opposite direction.
    Opposite,
    /// Any, drawn from the classes as often as they occur.
    Permuted,
}

/// Writes a list of the first `videos` videos of a set, and gives its path.
///
/// # Errors
/// When it cannot be written.
pub fn list(out: &Path, set: &Set, videos: usize, labels: Labels) -> Result<PathBuf> {
    let mut classes: Vec<usize> = (0..videos).map(|number| number % DIRECTIONS).collect();
    let ending = match labels {
        Labels::True => "",
        Labels::Opposite => {
            classes.iter_mut().for_each(|class| *class = opposite(*class));
            "-opposite"
        }
        Labels::Permuted => {
            Draws::new(set.seed, Purpose::Split, 0, 0).shuffle(&mut classes);
            "-permuted"
        }
    };
    let folder = out.join("lists");
    let path = folder.join(format!("{}-{}{ending}.txt", set.name(), videos / DIRECTIONS));
    let mut text = String::new();
    for (number, class) in classes.iter().enumerate() {
        writeln!(text, "../videos/{}/{} {class}", set.name(), file_name(number))?;
    }
    fs::create_dir_all(&folder)?;
    whole_file::write(&path, text.as_bytes())?;
    Ok(path)
}

/// Writes the names of the classes, and gives the path.
///
/// # Errors
/// When they cannot be written.
pub fn classes(out: &Path) -> Result<PathBuf> {
    let path = out.join("classes.txt");
    whole_file::write(&path, (NAMES.join("\n") + "\n").as_bytes())?;
    Ok(path)
}
