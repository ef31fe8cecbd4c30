//! What a probe found, as a table or a line of JSON.

use std::io::Write as _;

use anyhow::Result;
use trainer::{evaluation::Interval, probe::Select};

use crate::{
    command::report,
    inference::probe::{Probed, reasons},
};

/// One line of JSON.
pub fn print_json(found: &Probed) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{}", serde_json::to_string(found)?)?;
    Ok(())
}

/// A table, and what is to be known about it.
pub fn print_table(found: &Probed) -> Result<()> {
    let mut rows = vec![["", "top-1", "95 % interval", "top-5", "setting"].map(String::from).to_vec()];
    // Five guesses among five classes are always right.
    let five = |share| if found.classes > 5 { percent(share) } else { "–".to_owned() };
    for row in &found.rows {
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
    let Probed { probe, classes, train, test, clips, crops, .. } = found;
    let views = if clips * crops == 1 { String::new() } else { format!(", {clips}x{crops} views each") };
    writeln!(
        out,
        "{probe}: {classes} classes, {train} videos to learn from, {test} to be tested on{views}\n"
    )?;
    writeln!(out, "{}", report::table(&rows).trim_end())?;
    let guessing = percent(1.0 / (*classes).max(1) as f64);
    let chosen = match found.select {
        Select::HeldOut => "settings were chosen on held-out training videos",
        Select::Test => {
            "settings were CHOSEN ON THE TEST VIDEOS: too good, only to compare with papers that do so"
        }
    };
    writeln!(out, "\nguessing is right on {guessing}; {chosen}")?;
    if !found.failed.is_empty() {
        let (failed, videos) = (found.failed.len(), found.train + found.test);
        writeln!(out, "{failed} of {videos} videos gave no clip{}", reasons(&found.failed))?;
        writeln!(out, "those of the test count as wrong")?;
    }
    Ok(())
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
