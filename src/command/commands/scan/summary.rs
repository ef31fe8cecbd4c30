//! What a scan found, in tables on stderr: what can be used by container and codec, what cannot by kind.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use pipeline::{dataset::manifest::ManifestRow, names};
use schemas::{
    Kind,
    manifest::{COUNTED_PACKETS, DECODED, GOOD},
};

use crate::command::report;

/// Says what was found.
pub fn say(rows: &[ManifestRow], out: &Path, only_good: bool) {
    let good: Vec<_> = rows.iter().filter(|row| row.verdict == GOOD).collect();
    if !good.is_empty() {
        report::say(report::table(&formats(&good)).trim_end());
        report::say(origin(&good));
    }
    if good.len() < rows.len() {
        report::say(report::table(&kinds(rows)).trim_end());
    }
    report::say(format_args!(
        "{} of {} videos can be used; written to {}",
        good.len(),
        rows.len(),
        names::shown(out)
    ));
    if good.len() < rows.len() {
        let where_else = if only_good { "gives" } else { "and the manifest give" };
        let bad = rows.len() - good.len();
        report::say(format_args!("{bad} cannot; `tubelet scan --json` {where_else} the reasons"));
    }
}

/// A line a container and codec.
fn formats(good: &[&ManifestRow]) -> Vec<Vec<String>> {
    let mut formats: BTreeMap<(&str, &str), (u64, u64, u64)> = BTreeMap::new();
    let mut files = HashSet::new();
    for row in good {
        let format = (row.container.as_deref().unwrap_or_default(), row.codec.as_deref().unwrap_or_default());
        let (videos, frames, bytes) = formats.entry(format).or_default();
        *videos += 1;
        *frames += u64::from(row.frames.unwrap_or(0));
        // Parts of one file have its bytes once.
        if row.segment().is_whole() || files.insert(&row.path) {
            *bytes += row.bytes;
        }
    }
    let head = ["container", "codec", "videos", "frames", "MB"].map(String::from).to_vec();
    let body = formats.into_iter().map(|((container, codec), (videos, frames, bytes))| {
        let megabytes = format!("{:.1}", bytes as f64 / 1e6);
        vec![container.to_owned(), codec.to_owned(), videos.to_string(), frames.to_string(), megabytes]
    });
    std::iter::once(head).chain(body).collect()
}

/// Where the numbers come from.
fn origin(good: &[&ManifestRow]) -> String {
    let with = |word: &str| good.iter().filter(|row| row.numbers.as_deref() == Some(word)).count();
    let (decoded, counted) = (with(DECODED), with(COUNTED_PACKETS));
    if decoded == good.len() {
        return "frames, times, rates and sizes are those of the full decode".to_owned();
    }
    let words = "frames and times are those of the packets, sizes and rotation those of container and headers; \
                 --verify takes all from the full decode";
    match counted {
        0 => words.to_owned(),
        _ => format!(
            "{words}\nof {counted} of {} videos only a decode tells the frames: their packets are counted instead",
            good.len()
        ),
    }
}

/// A line a kind, with its verdicts, and what is unsupported by name.
fn kinds(rows: &[ManifestRow]) -> Vec<Vec<String>> {
    let mut kinds: BTreeMap<Kind, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
    for row in rows {
        let kind = Kind::of_verdict(&row.verdict);
        let (videos, verdicts) = kinds.entry(kind).or_default();
        *videos += 1;
        if kind != Kind::Good {
            *verdicts.entry(what(row)).or_default() += 1;
        }
    }
    let head = ["kind", "videos", "what"].map(String::from).to_vec();
    let body = kinds.into_iter().map(|(kind, (videos, verdicts))| {
        let mut verdicts: Vec<_> = verdicts.into_iter().collect();
        verdicts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let what: Vec<_> = verdicts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        vec![kind.name().to_owned(), videos.to_string(), what.join(", ")]
    });
    std::iter::once(head).chain(body).collect()
}

/// The verdict's word, with the name of what is not read here.
fn what(row: &ManifestRow) -> String {
    match row.codec.as_ref().or(row.container.as_ref()) {
        Some(name) => format!("{} ({name})", row.verdict),
        None => row.verdict.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(verdict: &str) -> ManifestRow {
        ManifestRow { verdict: verdict.to_owned(), ..ManifestRow::unopened("a.mp4", None) }
    }

    fn good(numbers: &str) -> ManifestRow {
        ManifestRow { numbers: Some(numbers.to_owned()), ..row("good") }
    }

    #[test]
    fn a_table_of_kinds_names_what_is_unsupported() {
        let flv = ManifestRow { container: Some("FLV".to_owned()), ..row("unsupported") };
        let huffyuv = ManifestRow { codec: Some("HuffYUV".to_owned()), ..row("unknown-codec") };
        let rows = [row("good"), row("truncated"), flv.clone(), flv, huffyuv, row("not-a-video")];
        let table = report::table(&kinds(&rows));
        let lines: Vec<_> =
            table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "kind videos what",
                "good 1",
                "damaged 1 1 truncated",
                "unsupported 3 2 unsupported (FLV), 1 unknown-codec (HuffYUV)",
                "not a video 1 1 not-a-video",
            ]
        );
    }

    #[test]
    fn numbers_that_only_a_decode_tells_are_said_to_be_counted_packets() {
        let rows = [good("of packets"), good("counted packets")];
        let words = origin(&rows.iter().collect::<Vec<_>>());
        assert!(words.contains("of 1 of 2 videos only a decode tells the frames"), "{words}");
        let rows = [good("decoded")];
        assert!(origin(&rows.iter().collect::<Vec<_>>()).contains("full decode"));
    }
}
