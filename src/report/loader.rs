//! Where the loader's time went: the seconds of all lines by stage.

use std::collections::BTreeMap;

use super::{
    html::{Cell, table},
    numbers::{duration, percent},
    run::RunFacts,
};

/// Stages of work, in the order in which a clip goes through them, and what they are.
const STAGES: [(&str, &str); 5] = [
    ("read", "reading files"),
    ("decode", "decoding"),
    ("transform", "crop, resize, colour"),
    ("cubes", "masks and cubes"),
    ("batch", "putting batches together"),
];
/// Waits, and whose they are.
const WAITS: [(&str, &str); 3] = [
    ("wait", "training waited for batches"),
    ("idle", "threads waited for clips to make"),
    ("full", "batches waited to be taken"),
];

/// Tables of work and of waits; empty where no line has them.
pub fn tables(run: &RunFacts) -> String {
    let mut seconds: BTreeMap<&str, f64> = BTreeMap::new();
    let mut binding: BTreeMap<&str, usize> = BTreeMap::new();
    let lines: Vec<_> = run.metrics.iter().filter_map(|line| line.loader.as_ref()).collect();
    for line in &lines {
        line.seconds.iter().for_each(|(stage, time)| *seconds.entry(stage).or_default() += time);
        *binding.entry(&line.binding).or_default() += 1;
    }
    if lines.is_empty() {
        return String::new();
    }
    let of = |stages: &[(&str, &str)]| {
        let time = |stage: &str| seconds.get(stage).copied().unwrap_or_default();
        let whole: f64 = stages.iter().map(|(stage, _)| time(stage)).sum();
        let row = |(stage, words): &(&str, &str)| {
            let share = if whole > 0.0 { time(stage) / whole } else { 0.0 };
            let (time, part) = (Cell::number(duration(time(stage))), Cell::number(percent(share)));
            vec![Cell::text(*words), time, part, Cell::bar(share)]
        };
        stages.iter().map(row).collect::<Vec<_>>()
    };
    let mut html = table(&["work, all threads together", "time", "share", ""], &of(&STAGES));
    html += &table(&["waits", "time", "share", ""], &of(&WAITS));
    let mut binding: Vec<(&str, usize)> = binding.into_iter().collect();
    binding.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let row = |(stage, count): &(&str, usize)| {
        let share = *count as f64 / lines.len() as f64;
        vec![Cell::text(limit(stage)), Cell::number(percent(share)), Cell::bar(share)]
    };
    html + &table(&["what was the limit", "of the time", ""], &binding.iter().map(row).collect::<Vec<_>>())
}

/// A limit in words.
fn limit(stage: &str) -> &str {
    match stage {
        "consumer" => "training itself: loading was fast enough",
        "decoder" => "decoding",
        "transform" => "crop and resize",
        "cubes" => "masks and cubes",
        "disk" => "the disk",
        "demuxer" => "demuxing",
        "budget" => "memory for clips in flight",
        "batches" => "the order of clips",
        other => other,
    }
}
