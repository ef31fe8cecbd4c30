//! `run.json` and `videos.jsonl`: what a run was asked for, in its folder.
//!
//! ```text
//! run.json       steps, schedule, --init, data, split, classes, and every change since, in one JSON object
//! videos.jsonl   one JSON object a line, one line a video: its name, its class, its part
//! ```
//!
//! Both are written before the first step. A run goes on from what they say, so what a command is given later
//! can be compared with it.

use serde::{Deserialize, Serialize};

/// The version, in the key `format`.
pub const VERSION: &str = "tubelet-run/1";

/// What a run was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// [`VERSION`].
    pub format: String,
    /// `pretrain` or `finetune`.
    pub command: String,
    /// What wrote it.
    pub made_by: String,
    /// How many steps.
    pub steps: PlannedSteps,
    /// How the learning rate goes over them.
    pub schedule: RateSchedule,
    /// The weights it began with; none where they were drawn.
    pub init: Option<InitialWeights>,
    /// What it trains on.
    pub data: RunData,
    /// How videos were divided, where some were held out.
    pub split: Option<RunSplit>,
    /// The classes, in the order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassCount>,
    /// Where it is computed.
    pub device: String,
    /// Number of threads that decode.
    pub workers: usize,
    /// The machine, in words; older versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// How products are computed there: `bf16 by AMX-BF16`. A run that goes on where this is another thing does not go on
    /// to the bit. Older versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<String>,
    /// Where the data goes on.
    pub place: DataPlace,
    /// What was changed since it began, in order.
    pub changes: Vec<Change>,
}

/// How many steps there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSteps {
    /// The training ends when this many have been made.
    pub until: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
}

/// How the learning rate goes: a straight rise, then half a cosine down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateSchedule {
    /// Largest rate.
    pub peak: f64,
    /// What it falls towards.
    pub floor: f64,
    /// Steps of the rise.
    pub warmup: u64,
    /// Steps that it is laid out over.
    pub total: u64,
    /// BLAKE3 of these four numbers.
    pub digest: String,
}

/// The weights that a run began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialWeights {
    /// The file or folder, as it was named.
    pub path: String,
    /// Digest of the weights in it.
    pub digest: String,
}

/// What a run trains on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunData {
    /// Files, folders, globs and lists as they were named.
    pub named: Vec<String>,
    /// The list or folder of the test, where the split names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// The folder that relative names are meant from.
    pub folder: String,
    /// Digest of the training videos' paths and labels, as in the checkpoints.
    pub digest: String,
    /// Videos in all.
    pub videos: u64,
    /// BLAKE3 of `videos.jsonl`.
    pub list: String,
    /// The sets of a mixture; empty where there is none. Their videos stand one set after the other in `videos.jsonl`,
    /// each behind the name of its set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mixture: Vec<RunSet>,
}

/// A set of a mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSet {
    /// What it is called.
    pub name: String,
    /// Its files, folders, globs and lists.
    pub named: Vec<String>,
    /// Its weight.
    pub weight: f64,
    /// Its videos.
    pub videos: u64,
    /// Digest of its videos' paths and labels.
    pub digest: String,
}

/// How videos were divided into those to train on and those to test on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSplit {
    /// As it was asked for.
    pub asked: String,
    /// What a drawn split was drawn from.
    pub seed: u64,
    /// Videos to train on.
    pub train: u64,
    /// Videos to test on.
    pub test: u64,
    /// BLAKE3 of the names and parts of all videos.
    pub digest: String,
}

/// A class, and how many videos it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// Its name.
    pub name: String,
    /// Videos to train on.
    pub train: u64,
    /// Videos to test on.
    pub test: u64,
}

/// Where the data goes on: behind step `step` comes update `update` of the endless order of clips. The two differ
/// once a change of the batch has changed how many updates an epoch has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPlace {
    /// Steps made.
    pub step: u64,
    /// Updates of the order of clips that lie behind.
    pub update: u64,
}

/// Something that was changed when a run went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Steps that had been made.
    pub step: u64,
    /// What was changed: a setting, or `steps`, `workers`, `device`, `data`, `schedule`.
    pub what: String,
    /// What it was.
    pub from: String,
    /// What it is from then on.
    pub to: String,
}

/// A video of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunVideo {
    /// Its path below the folder or list that named it.
    pub video: String,
    /// The name of its class, where there are classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Where a video has several labels, or numbers: what is right for each answer of the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<f32>>,
    /// Whether it is trained on or held out.
    pub part: Part,
}

/// What a video is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Trained on.
    Train,
    /// Held out, and tested on.
    Test,
}

/// `videos.jsonl` as text.
pub fn videos_to_text(videos: &[RunVideo]) -> serde_json::Result<String> {
    let mut text = String::new();
    for video in videos {
        text += &serde_json::to_string(video)?;
        text.push('\n');
    }
    Ok(text)
}

/// The videos in the text of a `videos.jsonl`; an error comes with its line, from 1.
///
/// # Errors
/// The first line that is none.
pub fn videos_of_text(text: &str) -> Result<Vec<RunVideo>, (usize, serde_json::Error)> {
    let lines = text.lines().enumerate();
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|cause| (at + 1, cause))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn videos_survive_their_file_whatever_their_names_hold() {
        let video = |video: &str, class: Option<&str>, part| RunVideo {
            video: video.to_owned(),
            class: class.map(str::to_owned),
            labels: None,
            part,
        };
        let videos = [
            video("a/one film.mp4", Some("a, b"), Part::Train),
            video("a/\"two\"\nlines.mp4", None, Part::Test),
        ];
        let text = videos_to_text(&videos).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(videos_of_text(&text).unwrap(), videos);
        let (line, _) = videos_of_text(&format!("{text}no line\n")).unwrap_err();
        assert_eq!(line, 3);
    }
}
