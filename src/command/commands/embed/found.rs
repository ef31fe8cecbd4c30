//! What a search found, for a person and for a program.

use std::io::Write as _;

use anyhow::Result;
use pipeline::names;

use crate::{
    command::report,
    inference::embed::search::{Hit, Neighbours},
};

/// Prints the neighbours of a video: a table, or a JSON line each.
///
/// # Errors
/// When nobody reads it.
pub fn print(Neighbours { path, hits }: &Neighbours, json: bool) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let seconds = |time: i64| time as f64 / 1e9;
    if json {
        for (rank, Hit { row, similarity }) in (1..).zip(hits) {
            let line = serde_json::json!({
                "query": names::name_of(path),
                "rank": rank,
                "similarity": similarity,
                "video": row.video,
                "label": row.label,
                "window": row.window,
                "first": row.frames.0,
                "last": row.frames.1,
                "start_seconds": seconds(row.span.0),
                "end_seconds": seconds(row.span.1),
            });
            writeln!(stdout, "{line}")?;
        }
        return Ok(());
    }
    let head = ["", "similarity", "from", "to", "video"].map(String::from).to_vec();
    let lines = (1..).zip(hits).map(|(rank, Hit { row, similarity })| {
        vec![
            rank.to_string(),
            format!("{similarity:.3}"),
            format!("{:.1} s", seconds(row.span.0)),
            format!("{:.1} s", seconds(row.span.1)),
            row.video.clone(),
        ]
    });
    let table: Vec<_> = std::iter::once(head).chain(lines).collect();
    writeln!(stdout, "nearest to {}", names::shown(path))?;
    writeln!(stdout, "{}", report::table(&table))?;
    Ok(())
}
