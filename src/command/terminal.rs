//! Tells on the terminal what the library does: notes and progress to stderr; Ctrl-C raises its stop flag.

mod classes;
pub mod training;

use std::sync::{Mutex, PoisonError, atomic::AtomicBool};

use trainer::Asked;

use crate::{
    Event, Observer,
    command::{
        report::{self, Progress},
        stop,
    },
};

/// The terminal, as the library sees it.
#[derive(Default)]
pub struct Terminal {
    /// The bar of what is going on.
    progress: Mutex<Option<Progress>>,
}

impl Terminal {
    /// The flag that Ctrl-C raises, from the moment on that whoever does the work reads it.
    pub fn stop(&self) -> &'static AtomicBool {
        &stop::STOP
    }

    /// What signals ask of a training.
    pub fn asked(&self) -> Asked<'static> {
        Asked { stop: &stop::STOP, checkpoint: &stop::CHECKPOINT }
    }

    /// A line that stays, above the bar where there is one.
    fn say(&self, line: &str) {
        match &*self.progress.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(progress) => progress.say(line),
            None => report::say(line),
        }
    }

    fn at(&self, done: u64, message: &str) {
        if let Some(progress) = &mut *self.progress.lock().unwrap_or_else(PoisonError::into_inner) {
            progress.at(done, message);
        }
    }

    fn replace(&self, next: Option<Progress>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *progress, next) {
            before.end();
        }
    }
}

impl Observer for Terminal {
    fn on(&self, event: Event<'_>) {
        match event {
            Event::Note(line) => self.say(line),
            Event::Classes(counts) => self.say(&classes::text(counts)),
            Event::Stoppable => stop::flag_is_read(),
            Event::Begin { total, what } => self.replace(Some(Progress::new(total, what))),
            Event::Progress { done, message } => self.at(done, message),
            Event::End => self.replace(None),
            Event::Step { line, waited_for, probed } => {
                self.at(line.step, &training::step(line, waited_for, probed));
            }
            Event::Probed { step, line } => self.say(&training::probed(step, line)),
            Event::Validated { line, best } => self.say(&training::validated(line, best)),
            Event::Trained(trained) => training::end(trained).iter().for_each(|line| self.say(line)),
            // What a later version of the library tells.
        }
    }
}
