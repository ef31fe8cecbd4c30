//! What a probe found, as a table or a line of JSON.

use std::io::Write as _;

use anyhow::Result;
use pipeline::names;
use serde::Serialize;
use trainer::{
    evaluation::{Interval, rank_of, wilson},
    probe::{
        Outcome, Select,
        features::{FailedVideo, Features},
    },
};

use crate::report;

/// Failed videos that are named; the others are counted.
const NAMED: usize = 5;

/// All that a probe found.
#[derive(Serialize)]
pub struct Summary {
    /// Which probe.
    pub probe: &'static str,
    /// What settings were chosen on.
    pub select: Select,
    /// Classes.
    pub classes: usize,
    /// Videos to learn from.
    pub train: u64,
    /// Videos to be tested on.
    pub test: u64,
    /// Clips of each.
    pub clips: u32,
    /// Crops of each clip.
    pub crops: u32,
    /// A row a source of features.
    pub rows: Vec<Row>,
    /// Videos that gave no clip.
    pub failed: Vec<FailedVideo>,
}

/// What was found with one source of features.
#[derive(Serialize)]
pub struct Row {
    encoder: String,
    top1: Interval,
    top5: Interval,
    chosen: String,
    /// Each setting and the share of videos it was right on, among those it is chosen on.
    settings: Vec<(String, f64)>,
}

impl Row {
    /// That of an outcome. Test videos that failed count as wrong.
    pub fn of(encoder: &str, outcome: Outcome, test: &Features) -> Self {
        let ranks =
            outcome.scores.iter().zip(&test.videos).map(|(scores, video)| rank_of(scores, video.label));
        let ranks: Vec<usize> = ranks.collect();
        let of = (test.len() + test.failed.len()) as u64;
        let within = |places| wilson(ranks.iter().filter(|rank| **rank < places).count() as u64, of);
        let Outcome { chosen, settings, .. } = outcome;
        Self { encoder: encoder.to_owned(), top1: within(1), top5: within(5), chosen, settings }
    }
}

impl Summary {
    /// One line of JSON.
    pub fn print_json(&self) -> Result<()> {
        writeln!(std::io::stdout().lock(), "{}", serde_json::to_string(self)?)?;
        Ok(())
    }

    /// A table, and what is to be known about it.
    pub fn print_table(&self) -> Result<()> {
        let mut rows = vec![["", "top-1", "95 % interval", "top-5", "setting"].map(String::from).to_vec()];
        // Five guesses among five classes are always right.
        let five = |share| if self.classes > 5 { percent(share) } else { "–".to_owned() };
        for row in &self.rows {
            let Interval { share, low, high } = row.top1;
            rows.push(vec![
                row.encoder.clone(),
                percent(share),
                format!("{} to {}", percent(low), percent(high)),
                five(row.top5.share),
                row.chosen.clone(),
            ]);
        }
        let mut out = std::io::stdout().lock();
        let Self { probe, classes, train, test, clips, crops, .. } = self;
        let views = if clips * crops == 1 { String::new() } else { format!(", {clips}x{crops} views each") };
        writeln!(
            out,
            "{probe}: {classes} classes, {train} videos to learn from, {test} to be tested on{views}\n"
        )?;
        writeln!(out, "{}", report::table(&rows).trim_end())?;
        let guessing = percent(1.0 / (*classes).max(1) as f64);
        let chosen = match self.select {
            Select::HeldOut => "settings were chosen on held-out training videos",
            Select::Test => {
                "settings were CHOSEN ON THE TEST VIDEOS: too good, only to compare with papers that do so"
            }
        };
        writeln!(out, "\nguessing is right on {guessing}; {chosen}")?;
        if !self.failed.is_empty() {
            let (failed, videos) = (self.failed.len(), self.train + self.test);
            writeln!(out, "{failed} of {videos} videos gave no clip{}", reasons(&self.failed))?;
            writeln!(out, "those of the test count as wrong")?;
        }
        Ok(())
    }
}

/// The first failed videos with their reasons, a line each.
pub fn reasons(failed: &[FailedVideo]) -> String {
    let mut words: String = failed
        .iter()
        .take(NAMED)
        .map(|video| format!("\n  {}: {}", names::one_line(&video.video), video.reason))
        .collect();
    if failed.len() > NAMED {
        words += &format!("\n  and {} more (--json lists all)", failed.len() - NAMED);
    }
    words
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
