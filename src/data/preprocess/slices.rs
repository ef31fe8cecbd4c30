//! Slices of a folder of shards: each takes whole shards, so that nothing is written twice, and every shard has the bytes
//! that one process gives it.
//!
//! ```text
//! frames-00003.parquet  frames-00019.parquet …     shards of slice 3 of 16, in their places at once
//! .slices/00003-of-00016.quarantine.jsonl          its videos that failed, until all are put together
//! ```

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pipeline::{
    dataset::Dataset,
    quarantine::Quarantine,
    shard::{ShardFacts, keys_of_shards, unfinished},
};
use schemas::{OutputLock, Slice};
use serde_json::json;

use crate::{
    data::loading::Loading,
    error::Result,
    observer::Observer,
    slices::{
        folder::{SlicesFolder, are_missing},
        receipt::{FailedVideo, Receipt, Work},
    },
};

/// The slices of a folder of shards with these facts.
pub(super) struct ShardSlices<'a, F> {
    out: &'a Path,
    facts: &'a F,
    folder: SlicesFolder,
    work: Work,
}

impl<'a, F: ShardFacts> ShardSlices<'a, F> {
    pub fn new(out: &'a Path, facts: &'a F, dataset: &Dataset, most_failed: f64) -> Result<Self> {
        let mut settings = serde_json::to_value(facts)?;
        settings["store"] = json!(facts.name());
        settings["run.max_failed_share"] = json!(most_failed.to_string());
        let work = Work::new("preprocess", dataset.videos(), dataset.digest(), settings);
        Ok(Self { out, facts, folder: SlicesFolder::of_folder(out), work })
    }

    /// Whether all shards are there, and no slice that waits to be put together with others.
    pub fn are_finished(&self) -> Result<bool> {
        Ok(!self.folder.is_there() && unfinished(self.out, self.facts)?.is_empty())
    }

    /// Begins a slice.
    pub fn begin(&self, slice: Slice, observer: &dyn Observer) -> Result<OutputLock> {
        let lock = self.folder.begin(slice, &self.work, observer)?;
        if keys_of_shards(self.facts, Some(slice)).next().is_none() {
            let shards = keys_of_shards(self.facts, None).count();
            observer.note(format_args!(
                "slice {slice} has nothing to do: there are {shards} shards (--clips-per-shard and --videos-per-shard \
                 make more of them)"
            ));
        }
        Ok(lock)
    }

    /// Where the failures of a slice go.
    pub fn quarantine(&self, slice: Slice) -> PathBuf {
        self.folder.part(slice, "quarantine.jsonl")
    }

    /// A slice is done.
    pub fn end(&self, slice: Slice, quarantine: &Quarantine, name: &dyn Fn(u64) -> String) -> Result<()> {
        let mut lines: BTreeMap<_, _> =
            quarantine.lines().into_iter().map(|line| (line.video.clone(), line)).collect();
        let mut failed = Vec::new();
        for row in keys_of_shards(self.facts, Some(slice)).flatten() {
            if lines.is_empty() {
                break;
            }
            if let Some(line) = lines.remove(&name(row)) {
                let (video, verdict, reason) = (line.video, line.verdict, line.reason);
                failed.push(FailedVideo { row, video, verdict, reason });
            }
        }
        self.folder.end(&Receipt { slice, work: self.work.clone(), failed })
    }

    /// Checks that all is there, and puts the failures of all slices into the quarantine, in the order in which one
    /// process comes upon them.
    pub fn finish(&self, begin: impl FnOnce() -> Result<Loading>) -> Result<Loading> {
        let receipts = self.folder.all()?;
        self.folder.check(&receipts, &self.work)?;
        let absent = unfinished(self.out, self.facts)?;
        let owner = |receipt: &&Receipt| {
            let mut own = keys_of_shards(self.facts, Some(receipt.slice));
            own.any(|keys| absent.contains(&keys))
        };
        let missing: Vec<Slice> = receipts.iter().filter(owner).map(|receipt| receipt.slice).collect();
        if !missing.is_empty() {
            return Err(are_missing(&pipeline::names::shown(self.out), &missing).into());
        }
        let loading = begin()?;
        let mut failed: Vec<FailedVideo> = receipts.into_iter().flat_map(|receipt| receipt.failed).collect();
        failed.sort_by_key(|video| video.row);
        for FailedVideo { video, verdict, reason, .. } in &failed {
            loading.quarantine.record(video, verdict, reason)?;
        }
        self.folder.remove()?;
        Ok(loading)
    }
}
