//! The settings of a run: what is written down, and when.
//!
//! Those that older versions do not know are written down only where they are another than they were for them
//! ([`as_ever`]): a recipe that does not name them has the text, and the digest, that it always had.

use serde::{Deserialize, Serialize};
use toml::Value;

/// `[run]`: what is written down, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Seed of every random draw.
    pub seed: u64,
    /// Steps from one line of metrics to the next.
    pub log_every: u64,
    /// Steps from one checkpoint to the next.
    pub checkpoint_every: u64,
    /// Share of videos that may fail before the run stops; a few may in any case, unless it is 0.
    pub max_failed_share: f64,
    /// Seconds that opening a video, and decoding a clip of it, may take each.
    pub seconds_per_clip: u32,
    /// MiB that clips may hold while they are made; one that takes more is made alone.
    pub loading_mib: u32,
    /// Whether videos are decoded in processes of their own (Linux), so that one that crashes a decoder costs no more
    /// than itself.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub sandbox: bool,
    /// Whether what is in the metrics is also written as events that TensorBoard reads.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub tensorboard: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            seed: 0,
            log_every: 10,
            checkpoint_every: 500,
            max_failed_share: 0.1,
            seconds_per_clip: 60,
            loading_mib: 1024,
            sandbox: true,
            tensorboard: true,
        }
    }
}

/// Keys and values that are not written down.
pub(super) fn as_ever() -> [(&'static str, Value); 2] {
    let Run { sandbox, tensorboard, .. } = Run::default();
    [("sandbox", Value::Boolean(sandbox)), ("tensorboard", Value::Boolean(tensorboard))]
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}
