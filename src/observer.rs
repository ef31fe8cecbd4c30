//! What happens while the library works, told to whoever watches: the command draws a progress bar and prints notes
//! to stderr, another program may do with it what it likes, or nothing.

use std::fmt::Display;

use schemas::metrics::{MetricsLine, ProbeLine, ValidationLine};

use crate::{class_counts::ClassCounts, trained::Trained};

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A sentence that a person should know, such as which files were passed over.
    Note(&'a str),
    /// The classes of labelled videos are known, before anything is made of them.
    Classes(&'a ClassCounts),
    /// From here on the stop flag is read; before, nothing is lost by ending the process.
    Stoppable,
    /// Work on so many things begins.
    Begin {
        /// How many.
        total: u64,
        /// What they are, such as `videos`.
        what: &'static str,
    },
    /// So many of them are done.
    Progress {
        /// How many.
        done: u64,
        /// What else is to be known; may be empty.
        message: &'a str,
    },
    /// That work has ended.
    End,
    /// A training made a step.
    Step {
        /// What is known of it.
        line: &'a MetricsLine,
        /// The stage of loading that is waited for, if one is.
        waited_for: Option<&'static str>,
        /// What the last probe found, if one was made.
        probed: Option<&'a ProbeLine>,
    },
    /// A pre-training probed its encoder.
    Probed {
        /// Updates of the weights so far.
        step: u64,
        /// What was found.
        line: &'a ProbeLine,
    },
    /// A fine-tuning validated its weights.
    Validated {
        /// How well they did.
        line: &'a ValidationLine,
        /// Whether they are the best so far.
        best: bool,
    },
    /// A training has ended.
    Trained(&'a Trained),
}

/// Is told what happens. Any function of an [`Event`] is one, and `()` is one that does not listen.
#[doc(alias = "callback")]
#[doc(alias = "progress")]
pub trait Observer: Sync {
    /// Something happened.
    fn on(&self, event: Event<'_>);
}

impl<F: Fn(Event<'_>) + Sync> Observer for F {
    fn on(&self, event: Event<'_>) {
        self(event);
    }
}

impl Observer for () {
    fn on(&self, _: Event<'_>) {}
}

impl dyn Observer + '_ {
    /// Tells a sentence.
    pub(crate) fn note(&self, words: impl Display) {
        self.on(Event::Note(&words.to_string()));
    }

    /// Tells that so many things are done.
    pub(crate) fn progress(&self, done: u64, message: impl Display) {
        self.on(Event::Progress { done, message: &message.to_string() });
    }
}
