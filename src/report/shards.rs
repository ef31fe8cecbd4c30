//! What a preprocess wrote: shards, the videos in them, and those that gave nothing.

use std::{fs, io, path::Path};

use pipeline::{dataset::Dataset, names};
use schemas::quarantine::QuarantineLine;
use serde::Serialize;
use serde_json::Value;

use super::{
    failures::{self, Failed},
    html::{Cell, table},
    numbers::{count, size},
    page::Page,
};
use crate::error::{Context as _, Result};

/// Videos that are named.
const NAMED: usize = 200;

/// Writes the sections of a folder of shards.
///
/// # Errors
/// When a shard cannot be read.
pub fn write(page: &mut Page, folder: &Path) -> Result<()> {
    let dataset = Dataset::open_parquet(folder)?;
    let (what, facts) = match &dataset {
        Dataset::FrameShards(shards) => ("decoded frames", object(shards.facts())?),
        Dataset::PacketShards(shards) => match &shards.facts().transcode {
            Some(_) => ("videos encoded again", object(shards.facts())?),
            None => ("the videos' own packets", object(shards.facts())?),
        },
        Dataset::Videos(_) | Dataset::Mixture(_) => return Ok(()),
    };
    let stored = dataset.listing()?;
    page.heading(1, &format!("Shards: {}", names::shown(folder)));
    let files = shards(folder).with_context(|| format!("{} cannot be read", names::shown(folder)))?;
    let mut rows = vec![
        vec![Cell::text("what they hold"), Cell::number(what)],
        vec![Cell::text("shards"), Cell::number(count(files.len() as u64))],
        vec![Cell::text("size of the files"), Cell::number(size(files.iter().map(|(_, bytes)| bytes).sum()))],
        vec![Cell::text("videos in them"), Cell::number(count(stored.len() as u64))],
    ];
    rows.extend(facts.into_iter().map(|(key, value)| vec![Cell::text(key), Cell::number(value)]));
    page.html(&table(&["", ""], &rows));
    let row = |(name, bytes): &(String, u64)| vec![Cell::text(name), Cell::number(size(*bytes))];
    page.folded("Files", &table(&["file", "size"], &files.iter().map(row).collect::<Vec<_>>()));
    let named = stored.iter().take(NAMED).map(|(_, entry)| vec![Cell::text(entry.name().to_string())]);
    let more = if stored.len() > NAMED { format!(", the first {NAMED}") } else { String::new() };
    page.folded(&format!("Videos{more}"), &table(&["video"], &named.collect::<Vec<_>>()));
    let failed: Vec<QuarantineLine> = super::run::lines(&folder.join("quarantine.jsonl"))?;
    if !failed.is_empty() {
        page.heading(2, "Videos that gave nothing");
        let of = |line| {
            let QuarantineLine { video, verdict, reason, .. }: &_ = line;
            Failed { video, verdict, reason }
        };
        failures::write(page, &failed.iter().map(of).collect::<Vec<_>>());
    }
    Ok(())
}

/// What shards say of themselves, a word and a value each.
fn object(facts: &impl Serialize) -> Result<Vec<(String, String)>> {
    let Value::Object(facts) = serde_json::to_value(facts)? else { return Ok(Vec::new()) };
    let mut words = Vec::new();
    for (key, value) in facts {
        match value {
            Value::Null => {}
            Value::Object(inner) => {
                words.extend(inner.into_iter().map(|(key, value)| (called(&key), word(&value))));
            }
            value => words.push((called(&key), word(&value))),
        }
    }
    Ok(words)
}

/// A fact's name in the page.
fn called(key: &str) -> String {
    match key {
        "videos" => "videos that were named".to_owned(),
        "source" => "digest of their list".to_owned(),
        key => key.replace('_', " "),
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Names and sizes of the shards, by name.
fn shards(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".parquet") {
            files.push((name, entry.metadata()?.len()));
        }
    }
    files.sort();
    Ok(files)
}
