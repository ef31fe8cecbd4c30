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
    /// The newest checkpoints that are kept.
    #[serde(default = "two", skip_serializing_if = "is_two")]
    #[doc(alias = "save_total_limit")]
    pub keep_last: u64,
    /// Steps from one checkpoint that is kept for good to the next; 0 keeps none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub keep_every: u64,
    /// Steps from one probe of the encoder to the next, in pre-training; 0 makes none.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[doc(alias = "eval_steps")]
    pub probe_every: u64,
    /// Labelled videos that the encoder is probed on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub probe_data: String,
    /// How these are divided into those to learn from and those to be tested on.
    #[serde(default = "a_fifth", skip_serializing_if = "is_a_fifth")]
    pub probe_split: String,
    /// Steps from one picture of what is predicted to the next, in pre-training; 0 draws none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reconstruct_every: u64,
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
            keep_last: two(),
            keep_every: 0,
            probe_every: 0,
            probe_data: String::new(),
            probe_split: a_fifth(),
            reconstruct_every: 0,
        }
    }
}

impl Run {
    /// Whether the checkpoint of step `step`, of which there are `newer` newer ones, stays.
    pub fn keeps(&self, step: u64, newer: u64) -> bool {
        newer < self.keep_last.max(1) || self.keeps_for_good(step)
    }

    /// Whether step `step` has a checkpoint.
    pub fn has_checkpoint(&self, step: u64) -> bool {
        step.is_multiple_of(self.checkpoint_every) || self.keeps_for_good(step)
    }

    /// Steps of which nothing is learnt are the beginning of every run of this recipe.
    fn keeps_for_good(&self, step: u64) -> bool {
        self.keep_every > 0 && step > 0 && step.is_multiple_of(self.keep_every)
    }
}

/// Keys and values that are not written down.
pub(super) fn as_ever() -> [(&'static str, Value); 8] {
    let number = |value: u64| Value::Integer(value.try_into().unwrap_or_default());
    let run = Run::default();
    [
        ("sandbox", Value::Boolean(run.sandbox)),
        ("tensorboard", Value::Boolean(run.tensorboard)),
        ("keep_last", number(run.keep_last)),
        ("keep_every", number(run.keep_every)),
        ("probe_every", number(run.probe_every)),
        ("probe_data", Value::String(run.probe_data)),
        ("probe_split", Value::String(run.probe_split)),
        ("reconstruct_every", number(run.reconstruct_every)),
    ]
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}

/// So that one is whole whatever happens while the other is written.
fn two() -> u64 {
    2
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_two(value: &u64) -> bool {
    *value == two()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn a_fifth() -> String {
    "test=0.2".to_owned()
}

fn is_a_fifth(value: &str) -> bool {
    value == "test=0.2"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_every_so_many_for_good() {
        let run = Run { keep_last: 2, keep_every: 100, checkpoint_every: 30, ..Run::default() };
        let steps = [0, 30, 60, 90, 100, 120, 150];
        let kept = (0..).zip(steps.iter().rev()).filter(|(newer, step)| run.keeps(**step, *newer));
        assert_eq!(kept.map(|(_, step)| *step).collect::<Vec<_>>(), [150, 120, 100]);
        assert!([90, 100].into_iter().all(|step| run.has_checkpoint(step)) && !run.has_checkpoint(101));
        assert!(Run { keep_last: 0, ..Run::default() }.keeps(7, 0), "the newest is where a run goes on");
    }
}
