//! The making of shards, whatever their rows are.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use pipeline::{
    dataset::Dataset,
    preprocess::{Filled, KeyMaker, Making, fill},
    shard::ShardFacts,
    worker_pool::patience,
};
use trainer::Recipe;

use super::settings::{Preprocessed, Preprocessing};
use crate::{
    data::loading::Loading,
    error::{Context as _, Result},
    observer::{Event, Observer},
};

/// Shards that are to be made: what their rows are, and how they come about.
pub(super) struct Shards<'a> {
    pub what: &'static str,
    pub name: &'a dyn Fn(u64) -> String,
    pub maker: Arc<dyn Fn() -> KeyMaker + Send + Sync>,
}

impl Shards<'_> {
    /// Makes those that are missing.
    pub fn make<F: ShardFacts>(
        self,
        settings: &Preprocessing,
        dataset: &Dataset,
        recipe: &Recipe,
        facts: &F,
        stop: &AtomicBool,
        observer: &dyn Observer,
    ) -> Result<Preprocessed> {
        std::fs::create_dir_all(&settings.out)
            .with_context(|| format!("{} cannot be created", pipeline::names::shown(&settings.out)))?;
        let list = settings.out.join("quarantine.jsonl");
        let loading = Loading::begin(Some(&list), dataset.videos(), recipe.run.max_failed_share)?;
        let making = Making {
            workers: settings.workers.max(1),
            patience: patience(recipe.run.seconds_per_clip),
            name: self.name,
            maker: self.maker,
        };
        observer.on(Event::Stoppable);
        let start = Instant::now();
        observer.on(Event::Begin { total: facts.keys(), what: self.what });
        let progress = |done| observer.progress(done, "");
        let filled = fill(&settings.out, facts, &making, &loading.quarantine, stop, progress);
        observer.on(Event::End);
        let Filled { written, stopped, .. } = filled?;
        loading.note_failures(dataset.videos(), &list, observer);
        let nothing = loading.quarantine.failed() == dataset.videos();
        Ok(Preprocessed { what: self.what, written, stopped, nothing, took: start.elapsed() })
    }
}
