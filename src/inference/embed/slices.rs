//! Vectors by many processes: the files of a slice's videos beside those of the others, joined in the end.

use std::sync::atomic::AtomicBool;

use pipeline::names;
use schemas::Slice;

use super::{
    Embeddings, End, Failed, Made, Making, conclude,
    file::{facts_of, rows_in},
    format::Format,
    note_failures,
    store::{Sharing, Store},
};
use crate::{
    data::labels::labelled_videos::LabelledVideos,
    error::Result,
    observer::Observer,
    slices::{
        folder::{SlicesFolder, are_missing},
        receipt::{FailedVideo, Receipt, Work},
    },
};

/// Makes the vectors of a slice's videos, or those that are missing. `stop` is read between batches.
///
/// # Errors
/// Usage error: settings, videos or the model do not fit, or other vectors or slices are there.
pub fn embed_slice(
    settings: &Embeddings,
    slice: Slice,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Made> {
    let making = Making::open(settings, observer)?;
    let mut made = making.made();
    let entries = making.videos.entries();
    let (out, format) = (&settings.out, settings.format);
    let slices = folder_of(settings);
    if format != Format::Parquet && !slices.is_there() && Store::has_all(out, format, entries, Some(slice))? {
        return Ok(made);
    }
    let store = Store::open(out, format, &made.embedded, entries, Sharing::WithSlices, observer)?;
    let Some(mut store) = store else {
        return Ok(made);
    };
    let facts = serde_json::to_value(&made.embedded)?;
    let work = Work::new("embed", made.videos, making.videos.digest(), facts);
    let _own = slices.begin(slice, &work, observer)?;
    making.fill(&mut store, Some(slice), &mut made, stop, observer)?;
    if made.end == End::Done {
        let failed = |Failed { row, path, reason }: &Failed| FailedVideo {
            row: *row,
            video: names::name_of(path),
            verdict: String::new(),
            reason: reason.clone(),
        };
        slices.end(&Receipt { slice, work, failed: made.failed.iter().map(failed).collect() })?;
    }
    Ok(made)
}

/// Puts all slices together, without the model.
///
/// # Errors
/// Usage error: slices are missing, or were made from another list of videos or with other settings. When no video
/// gave a vector.
pub fn finish(settings: &Embeddings, observer: &dyn Observer) -> Result<Made> {
    let (out, slices) = (&settings.out, folder_of(settings));
    let videos = LabelledVideos::open(&settings.videos, observer)?;
    let made = |embedded, end| Made { embedded, rows: 0, videos: videos.len(), failed: Vec::new(), end };
    if settings.format == Format::Parquet && out.exists() {
        // Whoever wrote it was ended before the slices were gone.
        slices.remove()?;
        return Ok(made(facts_of(out)?, End::Before));
    }
    let receipts = slices.all()?;
    let store = Store::of_slices(out, settings.format, videos.entries(), observer)?;
    if let Some(first) = receipts.first() {
        let work = Work { videos: videos.len(), list: videos.digest(), ..first.work.clone() };
        slices.check(&receipts, &work)?;
    }
    let mut made = made(store.embedded().clone(), End::Done);
    let failed = receipts.iter().flat_map(|receipt| &receipt.failed).filter_map(|failed| {
        let path = videos.entries().get(usize::try_from(failed.row).ok()?)?.path.to_path_buf();
        Some(Failed { row: failed.row, path, reason: failed.reason.clone() })
    });
    made.failed = failed.collect();
    made.failed.sort_by_key(|failed| failed.row);
    let has_failed = |video: &u64| made.failed.binary_search_by_key(video, |failed| failed.row).is_ok();
    let mut absent = Vec::new();
    for video in (0..videos.len()).filter(|video| !has_failed(video)) {
        if !store.has(video)? {
            absent.push(video);
        }
    }
    let is_without = |slice: &Slice| absent.iter().any(|video| slice.has(*video));
    let missing: Vec<Slice> = receipts.iter().map(|receipt| receipt.slice).filter(is_without).collect();
    if !missing.is_empty() {
        return Err(are_missing(&names::shown(out), &missing).into());
    }
    note_failures(&made, observer);
    conclude(store, &made)?;
    slices.remove()?;
    if settings.format == Format::Parquet {
        made.rows = rows_in(out)?;
    }
    Ok(made)
}

fn folder_of(settings: &Embeddings) -> SlicesFolder {
    match settings.format {
        Format::Parquet => SlicesFolder::of_file(&settings.out),
        Format::Npy | Format::TadNpy => SlicesFolder::of_folder(&settings.out),
    }
}
