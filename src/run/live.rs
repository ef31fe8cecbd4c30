//! A training while it goes on: each step is told to whoever watches, and what the loader did meanwhile goes into
//! the line of metrics.

use std::sync::Arc;

use pipeline::profile::Profile;
use schemas::metrics::MetricsLine;
use trainer::Recipe;

use crate::data::report;
use crate::data::report::Watch;
use crate::observer::Event;
use crate::observer::Observer;

/// The first and the last of a run's losses.
pub type FirstAndLast = Option<(f64, f64)>;

/// A training while it goes on.
pub struct Live<'a> {
    observer: &'a dyn Observer,
    watch: Watch,
    losses: FirstAndLast,
}

impl<'a> Live<'a> {
    /// Begins, with `until` steps in all.
    pub fn begin(until: u64, profile: &Arc<Profile>, workers: usize, observer: &'a dyn Observer) -> Self {
        observer.on(Event::Begin { total: until, what: "steps" });
        Self { observer, watch: Watch::begin(profile, workers), losses: None }
    }

    /// Tells a step; the line gets what the loader did, where it is one that is written.
    pub fn step(&mut self, line: &mut MetricsLine, recipe: &Recipe) {
        let interval = self.watch.interval();
        self.observer.on(Event::Step { line, waited_for: report::waited_for(&interval) });
        if line.step.is_multiple_of(recipe.run.log_every) {
            line.loader = Some(report::line(&interval));
            self.watch.next();
        }
        self.losses = Some((self.losses.map_or(line.loss, |(first, _)| first), line.loss));
    }

    /// Ends, with the losses that were seen.
    pub fn end(self) -> FirstAndLast {
        self.observer.on(Event::End);
        self.losses
    }
}
