//! A scan by many processes: slices of the manifest, and the manifest that one process would have written of them.
//!
//! ```text
//! 00003-of-00016.parquet     the rows of videos 3, 19, 35 …      a manifest of its own
//! 00003-of-00016.index/      where their packets are             numbered as in the whole list
//! ```

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use pipeline::{
    dataset::{
        digest,
        manifest::{
            self, ManifestRow, ManifestWriter,
            index::{self, IndexWriter},
        },
    },
    names,
};
use schemas::{Slice, manifest::GOOD};
use serde_json::json;

use super::{Scanned, Scanning, indexed};
use crate::{
    data::videos::find_videos,
    error::{Context as _, Result, Usage},
    observer::Observer,
    output_lock,
    slices::{
        folder::SlicesFolder,
        receipt::{Receipt, Work},
    },
};

/// The command's name in receipts.
const COMMAND: &str = "scan";

/// Opens the videos of a slice; nothing where the manifest is there already. `stop` is read after each video.
///
/// # Errors
/// Usage error: nothing is there, no manifest is named, or other slices are being made. When the system cannot read or
/// write a file.
pub fn scan_slice(
    settings: &Scanning,
    slice: Slice,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Option<Scanned>> {
    let out = out_of(settings)?;
    if out.exists() {
        return Ok(None);
    }
    let _shared = output_lock::shared_file(out, observer)?;
    let videos = find_videos(&settings.videos, observer)?;
    let (count, list) = (videos.len() as u64, digest(&videos));
    let work = Work::new(COMMAND, count, list.clone(), json!({ "verify": settings.verify }));
    let slices = SlicesFolder::of_file(out);
    let _own = slices.begin(slice, &work, observer)?;
    let part = slices.part(slice, "parquet");
    let index = IndexWriter::create(&part, count, list)?.of_slice(slice)?;
    let chosen: Vec<usize> = (0..videos.len()).filter(|&at| slice.has(at as u64)).collect();
    let rows = indexed(videos, &chosen, Some(index), settings, stop, observer)?;
    let stopped_of = (rows.len() < chosen.len()).then_some(chosen.len());
    if stopped_of.is_none() {
        manifest::write(&part, &rows)?;
        slices.end(&Receipt { slice, work, failed: Vec::new() })?;
    }
    Ok(Some(Scanned { rows, stopped_of }))
}

/// Puts all slices together; nothing where that was done before. Each row is shown to `each`; the rows that are given
/// back are without times and key frames.
///
/// # Errors
/// Usage error: slices are missing, or were made from another list of videos or with other settings. When the system
/// cannot read or write a file.
pub fn finish(
    settings: &Scanning,
    observer: &dyn Observer,
    mut each: impl FnMut(&ManifestRow) -> Result<()>,
) -> Result<Option<Vec<ManifestRow>>> {
    let out = out_of(settings)?;
    let _lock = output_lock::file(out, observer)?;
    let slices = SlicesFolder::of_file(out);
    if out.exists() && !slices.is_there() {
        return Ok(None);
    }
    let receipts = slices.all()?;
    let videos = find_videos(&settings.videos, observer)?;
    let (count, list) = (videos.len() as u64, digest(&videos));
    let wanted = Work::new(COMMAND, count, list.clone(), json!({ "verify": settings.verify }));
    slices.check(&receipts, &wanted)?;
    let parts: Vec<PathBuf> = receipts.iter().map(|receipt| slices.part(receipt.slice, "parquet")).collect();
    if settings.only_good {
        // Also that of an earlier scan.
        IndexWriter::create(out, count, list)?.discard()?;
    } else {
        index::join(&parts, out, count, list)?;
    }
    let rows = joined(&parts, count, settings, out, &mut each)?;
    slices.remove()?;
    Ok(Some(rows))
}

/// The manifest at `out`: row i is the next of slice i mod N.
fn joined(
    parts: &[PathBuf],
    videos: u64,
    settings: &Scanning,
    out: &Path,
    each: &mut dyn FnMut(&ManifestRow) -> Result<()>,
) -> Result<Vec<ManifestRow>> {
    let mut readers = parts.iter().map(|part| manifest::rows(part)).collect::<Result<Vec<_>, _>>()?;
    let (mut writer, mut kept) = (ManifestWriter::create(out)?, Vec::new());
    for (_, part) in (0..videos).zip((0..parts.len()).cycle()) {
        let row = readers[part]
            .next()
            .with_context(|| format!("{} is too short", names::shown(&parts[part])))??;
        each(&row)?;
        kept.push(ManifestRow { times: None, key_frames: None, ..row.clone() });
        if !settings.only_good || row.verdict == GOOD {
            writer.push(row)?;
        }
    }
    writer.finish()?;
    Ok(kept)
}

/// The manifest, which slices cannot do without.
fn out_of(settings: &Scanning) -> Result<&PathBuf> {
    settings
        .out
        .as_ref()
        .ok_or_else(|| Usage::new("slices are put together in a file, and none is named").into())
}
