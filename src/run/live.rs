//! A training while it goes on: each step is told to whoever watches, and what the loader did meanwhile goes into
//! the line of metrics.

use std::sync::Arc;

use pipeline::profile::Profile;
use schemas::metrics::{MetricsLine, ProbeLine};
use trainer::{
    Recipe,
    train::{
        loss_trend::{LossEnds, LossTrend},
        steps::is_written,
    },
};

use crate::{
    data::report::{self, Watch},
    observer::{Event, Observer},
};

/// A training while it goes on.
pub struct Live<'a> {
    observer: &'a dyn Observer,
    watch: Watch,
    losses: LossTrend,
    probed: Option<ProbeLine>,
}

impl<'a> Live<'a> {
    /// Begins, with `until` steps in all.
    pub fn begin(until: u64, profile: &Arc<Profile>, workers: usize, observer: &'a dyn Observer) -> Self {
        observer.on(Event::Begin { total: until, what: "steps" });
        Self { observer, watch: Watch::begin(profile, workers), losses: LossTrend::default(), probed: None }
    }

    /// Tells a step; the line gets what the loader did, where it is one that is written.
    pub fn step(&mut self, line: &mut MetricsLine, recipe: &Recipe) {
        let interval = self.watch.interval();
        self.probed = line.probe.clone().or(self.probed.take());
        let (waited_for, probed) = (report::waited_for(&interval), self.probed.as_ref());
        self.observer.on(Event::Step { line, waited_for, probed });
        if is_written(line, recipe) {
            line.loader = Some(report::line(&interval));
            self.watch.next();
        }
        self.losses.add(line.step, line.loss);
    }

    /// Ends, with the mean losses of the first and of the last steps, if any was made.
    pub fn end(self) -> Option<LossEnds> {
        self.observer.on(Event::End);
        self.losses.ends()
    }
}
