//! `metrics.jsonl`: one JSON object a line, one line every so many steps. `validation.jsonl`: one a validation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is known after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsLine {
    /// Updates of the weights so far: 1 after the first.
    pub step: u64,
    /// Epoch of the step's clips, counted from 0.
    pub epoch: u64,
    /// Mean loss of the step's clips, before the update.
    pub loss: f64,
    /// Learning rate of the step.
    pub lr: f64,
    /// Global norm of the gradients, before clipping.
    pub gradient_norm: f64,
    /// Clips per second of wall time since the last line.
    pub clips_per_second: f64,
    /// Share of that time spent waiting for data, 0 to 1.
    pub waiting_share: f64,
    /// Share of that time in which the first of several processes waited for the others and summed gradients with them, 0
    /// to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summing_share: Option<f64>,
    /// Share of the clips' frames since the last line that repeat the frame before them, 0 to 1: what videos
    /// shorter than a clip give.
    #[serde(default)]
    pub repeated_frame_share: f64,
    /// Seconds of wall time since this process began to train.
    pub seconds: f64,
    /// Seconds since 1970 at the time of the line; older versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    /// What the loader did since the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loader: Option<LoaderLine>,
    /// Each set of a mixture, by its name: what its clips had of the training since the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sets: Option<BTreeMap<String, SetLine>>,
    /// What a probe of the step's weights found, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeLine>,
}

/// A set of a mixture. The mean loss of all steps since the last line is the sum of share × loss over the sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetLine {
    /// Its share of what was predicted, 0 to 1: that of its clips, where masks hide equally much of all.
    pub share: f64,
    /// Mean loss of its clips; none where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

/// What a frozen encoder knows of the classes of videos: shares of the test videos whose class is the first answer,
/// 0 to 1. Videos that gave no clip count as wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeLine {
    /// By the k nearest neighbours.
    pub knn: f64,
    /// By a linear map.
    pub linear: f64,
    /// Test videos.
    pub videos: u64,
    /// Those of them that gave no clip.
    pub failed: u64,
    /// Seconds of wall time that the probe took; they do not count in the line's `clips_per_second`.
    pub seconds: f64,
}

impl ProbeLine {
    /// What the best weights are chosen by, higher is better: nearest neighbours, for which nothing is fitted.
    pub fn score(&self) -> f64 {
        self.knn
    }
}

/// Where a loader's time went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoaderLine {
    /// What keeps the others waiting: `consumer` (loading is fast enough), `decoder`, `transform`, `cubes`,
    /// `disk`, `demuxer`, `budget` or `batches`.
    pub binding: String,
    /// Clips made.
    pub clips: u64,
    /// Bytes read from files or shards.
    pub bytes_read: u64,
    /// Packets sent to decoders.
    pub packets_sent: u64,
    /// Packets among them that were left out, since no clip needs them.
    pub packets_left_out: u64,
    /// Pictures that came out of decoders.
    pub pictures_decoded: u64,
    /// Of these, pictures that were wanted.
    pub pictures_kept: u64,
    /// Seconds of wall time by stage, all threads together: `read`, `decode`, `transform` and `cubes` on the
    /// workers, `batch` on one thread; then waits: `wait` of the trainer for batches, `idle` of workers for
    /// clips to make, `full` of batches for room in the channel.
    pub seconds: BTreeMap<String, f64>,
    /// Seconds of processor time by stage.
    pub cpu_seconds: BTreeMap<String, f64>,
    /// Jobs in flight, on the average.
    pub jobs_in_flight: f64,
    /// Batches that lay ready when the trainer asked for one, on the average.
    pub batches_ready: f64,
}

/// How well the weights of a step did in a validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationLine {
    /// Updates of the weights so far.
    pub step: u64,
    /// Epoch of the step's clips, counted from 0.
    pub epoch: u64,
    /// Share of videos whose class has the highest logit, 0 to 1; where a video has one class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
    /// Share of videos whose class is among the five highest; where a video has one class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<f64>,
    /// Mean cross entropy of the videos that gave a clip, without smoothing and weights; binary cross entropy
    /// where a video has several labels; mean squared error where the answer is numbers.
    pub loss: f64,
    /// Videos of the validation set.
    pub videos: u64,
    /// Videos that gave no clip; they count as wrong.
    pub failed: u64,
    /// Mean over the classes of their average precision, 0 to 1; where a video has several labels.
    #[serde(default, rename = "map", skip_serializing_if = "Option::is_none")]
    pub mean_average_precision: Option<f64>,
    /// Mean squared error of all videos, a failed one answered by the mean; where the answer is numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mse: Option<f64>,
    /// 1 − squared error over variance; none where the numbers do not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// Pearson's correlation; none where one side does not vary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
}

impl ValidationLine {
    /// What the best weights are chosen by, higher is better: top-1, the mean average precision, or the mean
    /// squared error below 0.
    pub fn score(&self) -> Option<f64> {
        self.top1.or(self.mean_average_precision).or(self.mse.map(|error| -error))
    }
}
