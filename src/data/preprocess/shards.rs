//! The making of shards, whatever their rows are: all of them, or those of a slice.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use pipeline::{
    dataset::Dataset,
    preprocess::{Filled, KeyMaker, Making, fill},
    shard::{ShardFacts, keys_of_shards},
    store,
    worker_pool::patience,
};
use schemas::Slice;
use trainer::Recipe;

use super::{
    settings::{Preprocessed, Preprocessing},
    slices::ShardSlices,
};
use crate::{
    data::loading::Loading,
    error::{Context as _, Result},
    observer::{Event, Observer},
    output_lock,
    slices::Share,
};

/// Shards that are to be made: what their rows are, and how they come about.
pub(super) struct Shards<'a> {
    pub what: &'static str,
    pub name: &'a dyn Fn(u64) -> String,
    pub maker: Arc<dyn Fn() -> KeyMaker + Send + Sync>,
}

impl Shards<'_> {
    /// Makes those that are missing, or those of a slice, or puts slices together.
    pub fn make<F: ShardFacts>(
        self,
        settings: &Preprocessing,
        dataset: &Dataset,
        recipe: &Recipe,
        facts: &F,
        stop: &AtomicBool,
        observer: &dyn Observer,
    ) -> Result<Preprocessed> {
        let out = &settings.out;
        store::make_folder(out)
            .with_context(|| format!("{} cannot be created", pipeline::names::shown(out)))?;
        let list = out.join("quarantine.jsonl");
        let most_failed = recipe.run.max_failed_share;
        let begin = |list: &Path| Loading::begin(Some(list), dataset.videos(), most_failed);
        let slices = ShardSlices::new(out, facts, dataset, most_failed)?;
        let filling = Filling {
            workers: settings.workers.max(1),
            seconds: recipe.run.seconds_per_clip,
            slice: None,
            facts,
            out,
            stop,
            observer,
        };
        let before = Preprocessed::before(self.what);
        match settings.share {
            Share::All => {
                let loading = begin(&list)?;
                let made = filling.fill(self, &loading)?;
                loading.note_failures(dataset.videos(), &list, observer);
                Ok(Preprocessed { nothing: loading.quarantine.failed() == dataset.videos(), ..made })
            }
            Share::Slice(_) | Share::Finish if slices.are_finished()? => Ok(before),
            Share::Slice(slice) => {
                let _shared = output_lock::shared_folder(out, observer)?;
                let _own = slices.begin(slice, observer)?;
                let list = slices.quarantine(slice);
                let (loading, name) = (begin(&list)?, self.name);
                let made = Filling { slice: Some(slice), ..filling }.fill(self, &loading)?;
                loading.note_failures(dataset.videos(), &list, observer);
                if !made.stopped {
                    slices.end(slice, &loading.quarantine, name)?;
                }
                Ok(made)
            }
            Share::Finish => {
                let loading = slices.finish(|| begin(&list))?;
                loading.note_failures(dataset.videos(), &list, observer);
                let nothing = loading.quarantine.failed() == dataset.videos();
                Ok(Preprocessed { nothing, before: false, ..before })
            }
        }
    }
}

/// How shards are filled, and which.
struct Filling<'a, F> {
    workers: usize,
    seconds: u32,
    slice: Option<Slice>,
    facts: &'a F,
    out: &'a Path,
    stop: &'a AtomicBool,
    observer: &'a dyn Observer,
}

impl<F: ShardFacts> Filling<'_, F> {
    fn fill(self, shards: Shards<'_>, loading: &Loading) -> Result<Preprocessed> {
        let Self { workers, seconds, slice, facts, out, stop, observer } = self;
        let Shards { what, name, maker } = shards;
        let making = Making { workers, patience: patience(seconds), name, maker, slice };
        observer.on(Event::Stoppable);
        let start = Instant::now();
        let total = keys_of_shards(facts, slice).map(|keys| keys.end - keys.start).sum();
        observer.on(Event::Begin { total, what });
        let progress = |done| observer.progress(done, "");
        let filled = fill(out, facts, &making, &loading.quarantine, stop, progress);
        observer.on(Event::End);
        let Filled { written, stopped, .. } = filled?;
        Ok(Preprocessed {
            written,
            stopped,
            before: false,
            took: start.elapsed(),
            ..Preprocessed::before(what)
        })
    }
}
