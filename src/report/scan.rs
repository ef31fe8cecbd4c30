//! What is in a collection of videos: formats, lengths, sizes, rates, some of the videos, what is wrong with others.

use std::{collections::BTreeMap, path::Path};

use pipeline::{dataset::manifest::ManifestRow, names};
use schemas::manifest::GOOD;

use super::{
    failures::{self, Failed},
    histogram,
    html::{Cell, table},
    numbers::{count, duration, short, size},
    page::Page,
    thumbnail,
};

/// Videos that are drawn to be shown.
const DRAWN: usize = 12;
/// Columns and rows of a thumbnail at most.
const SIZE: [u32; 2] = [220, 160];

/// Writes the sections of a manifest.
pub fn write(page: &mut Page, path: &Path, rows: &[ManifestRow]) {
    let good: Vec<&ManifestRow> = rows.iter().filter(|row| row.verdict == GOOD).collect();
    page.heading(1, &format!("Videos: {}", names::shown(path)));
    page.html(&totals(rows, &good));
    page.heading(2, "Formats");
    page.html(&formats(&good));
    page.heading(2, "Lengths, sizes, rates");
    page.html(&format!(r#"<div class="beside">{}{}{}</div>"#, lengths(&good), sizes(&good), rates(&good)));
    page.heading(2, "The extremes");
    page.pictures("thumbnails", &extremes(&good));
    page.heading(2, "Some of them, drawn");
    page.pictures("thumbnails", &drawn(&good));
    if good.len() < rows.len() {
        page.heading(2, "Videos that cannot be used");
        let failed = rows.iter().filter(|row| row.verdict != GOOD).map(|row| Failed {
            video: &row.path,
            verdict: &row.verdict,
            reason: row.reason.as_deref().unwrap_or_default(),
        });
        failures::write(page, &failed.collect::<Vec<_>>());
    }
}

fn seconds(row: &ManifestRow) -> Option<f64> {
    Some(row.duration_ns? as f64 / 1e9)
}

fn pixels(row: &ManifestRow) -> Option<u64> {
    Some(u64::from(row.width?) * u64::from(row.height?))
}

fn totals(rows: &[ManifestRow], good: &[&ManifestRow]) -> String {
    let time: f64 = good.iter().filter_map(|row| seconds(row)).sum();
    let frames: u64 = good.iter().filter_map(|row| row.frames).map(u64::from).sum();
    let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
    let facts = [
        ("videos", count(rows.len() as u64)),
        ("that can be used", count(good.len() as u64)),
        ("length together", duration(time)),
        ("frames", count(frames)),
        ("size of the files", size(bytes)),
        (
            "with a rate that varies",
            count(good.iter().filter(|row| row.variable_rate == Some(true)).count() as u64),
        ),
        (
            "to be turned",
            count(good.iter().filter(|row| row.rotation.is_some_and(|turn| turn > 0)).count() as u64),
        ),
    ];
    table(&["", ""], &facts.map(|(what, value)| vec![Cell::text(what), Cell::number(value)]))
}

fn formats(good: &[&ManifestRow]) -> String {
    let mut formats: BTreeMap<(&str, &str), (u64, f64, u64)> = BTreeMap::new();
    for row in good {
        let key = (row.container.as_deref().unwrap_or("?"), row.codec.as_deref().unwrap_or("?"));
        let (videos, time, bytes) = formats.entry(key).or_default();
        *videos += 1;
        *time += seconds(row).unwrap_or_default();
        *bytes += row.bytes;
    }
    let mut formats: Vec<_> = formats.into_iter().collect();
    formats.sort_by_key(|(_, (videos, ..))| std::cmp::Reverse(*videos));
    let row = |((container, codec), (videos, time, bytes)): &((&str, &str), (u64, f64, u64))| {
        let bar = Cell::bar(*videos as f64 / good.len().max(1) as f64);
        let numbers = [count(*videos), duration(*time), size(*bytes)].map(Cell::Number);
        [Cell::text(*container), Cell::text(*codec)].into_iter().chain(numbers).chain([bar]).collect()
    };
    let rows: Vec<Vec<Cell>> = formats.iter().map(row).collect();
    table(&["container", "codec", "videos", "length", "size", ""], &rows)
}

fn lengths(good: &[&ManifestRow]) -> String {
    let edges = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0];
    let words = |edge: f64| match edge {
        edge if edge < 60.0 => format!("{edge} s"),
        edge if edge < 3600.0 => format!("{} min", edge / 60.0),
        edge => format!("{} h", edge / 3600.0),
    };
    histogram::of_bins(
        "length",
        &histogram::between(good.iter().filter_map(|row| seconds(row)), &edges, words),
    )
}

fn rates(good: &[&ManifestRow]) -> String {
    let edges = [10.0, 15.0, 20.0, 23.9, 24.5, 25.5, 29.9, 30.5, 49.5, 59.9, 60.5];
    let rates = good.iter().filter_map(|row| row.frames_per_second);
    histogram::of_bins("frames per second", &histogram::between(rates, &edges, |edge| edge.to_string()))
}

/// The sizes of pictures that occur most often.
fn sizes(good: &[&ManifestRow]) -> String {
    const SHOWN: usize = 10;
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for (width, height) in good.iter().filter_map(|row| row.width.zip(row.height)) {
        *sizes.entry(format!("{width}×{height}")).or_default() += 1;
    }
    let mut sizes: Vec<(String, u64)> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, videos)| std::cmp::Reverse(*videos));
    let others: u64 = sizes.iter().skip(SHOWN).map(|(_, videos)| videos).sum();
    let kinds = sizes.len().saturating_sub(SHOWN);
    sizes.truncate(SHOWN);
    if others > 0 {
        sizes.push((format!("{kinds} other sizes"), others));
    }
    histogram::of_bins("size", &sizes)
}

/// The longest, the shortest, and so on, each video once.
fn extremes(good: &[&ManifestRow]) -> Vec<(String, Option<String>)> {
    type Number = fn(&ManifestRow) -> Option<f64>;
    let (length, area): (Number, Number) = (seconds, |row| Some(pixels(row)? as f64));
    let (rate, size): (Number, Number) = (|row| row.frames_per_second, |row| Some(row.bytes as f64));
    let kinds: [(&str, Number, bool); 8] = [
        ("the longest", length, true),
        ("the shortest", length, false),
        ("the largest pictures", area, true),
        ("the smallest pictures", area, false),
        ("the highest rate", rate, true),
        ("the lowest rate", rate, false),
        ("the largest file", size, true),
        ("the smallest file", size, false),
    ];
    let mut found: Vec<(String, &ManifestRow)> = Vec::new();
    for (kind, number, largest) in kinds {
        let rows = good.iter().filter_map(|row| Some((*row, number(row)?)));
        let by = |a: &(&ManifestRow, f64), b: &(&ManifestRow, f64)| a.1.total_cmp(&b.1);
        let Some((row, _)) = (if largest { rows.max_by(by) } else { rows.min_by(by) }) else { continue };
        match found.iter_mut().find(|(_, known)| std::ptr::eq(*known, row)) {
            Some((kinds, _)) => *kinds += &format!(", {kind}"),
            None => found.push((kind.to_owned(), row)),
        }
    }
    found.into_iter().map(|(kinds, row)| picture(row, Some(&kinds))).collect()
}

/// Some videos: those whose names have the lowest digests, so that a report of the same videos shows the same.
fn drawn(good: &[&ManifestRow]) -> Vec<(String, Option<String>)> {
    let mut drawn: Vec<_> =
        good.iter().map(|row| (*blake3::hash(row.path.as_bytes()).as_bytes(), *row)).collect();
    drawn.sort_by_key(|(digest, _)| *digest);
    drawn.into_iter().take(DRAWN).map(|(_, row)| picture(row, None)).collect()
}

/// A caption, and a thumbnail where the video can be decoded.
fn picture(row: &ManifestRow, what: Option<&str>) -> (String, Option<String>) {
    let what = what.map(|what| format!("{what}: ")).unwrap_or_default();
    let sides = row.width.zip(row.height).map(|(width, height)| format!("{width}×{height}"));
    let rate = row.frames_per_second.map(|rate| format!("{} frames/s", short(rate)));
    let facts: Vec<String> = [sides, seconds(row).map(duration), rate].into_iter().flatten().collect();
    let name =
        row.file().file_name().map_or_else(|| row.path.clone(), |name| name.to_string_lossy().into_owned());
    (format!("{what}{name} · {}", facts.join(" · ")), thumbnail::of_video(&row.file(), SIZE))
}
