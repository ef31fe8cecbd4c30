//! What a loader has to work with: threads and bytes, and where it notes failures and times.

use std::{path::Path, sync::Arc};

use pipeline::{
    loader::{Workers, worker::OnFailure},
    names,
    profile::Profile,
    quarantine::Quarantine,
};
use schemas::quarantine::QuarantineLine;
use trainer::Recipe;

use crate::{error::Result, observer::Observer};

/// Bytes of batches that wait for whoever takes them.
pub const WAITING_BYTES: u64 = 256 << 20;

/// How the loading of clips is watched.
pub struct Loading {
    /// What failed.
    pub quarantine: Arc<Quarantine>,
    /// Where the time goes.
    pub profile: Arc<Profile>,
}

impl Loading {
    /// Failures go into the file `list`, if one is named; loading ends when more than `most_failed` of so many videos
    /// fail.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn begin(list: Option<&Path>, videos: u64, most_failed: f64) -> Result<Self> {
        Ok(Self::of(Quarantine::open(list, videos, most_failed)?))
    }

    /// What fails goes into this quarantine.
    pub fn of(quarantine: Quarantine) -> Self {
        Self { quarantine: Arc::new(quarantine), profile: Arc::default() }
    }

    /// Tells how many of so many videos gave no clip.
    pub fn note_failed(&self, videos: u64, observer: &dyn Observer) {
        note_sandbox(observer);
        let failed = self.quarantine.failed();
        if failed > 0 {
            let kinds = self.quarantine.kinds_in_words();
            observer.note(format_args!("{failed} of {videos} videos gave no clip ({kinds})"));
        }
    }

    /// Tells how many of so many videos gave no clip, and that the reasons are in `list`.
    pub fn note_failures(&self, videos: u64, list: &Path, observer: &dyn Observer) {
        note_sandbox(observer);
        let failed = self.quarantine.failed();
        if failed > 0 {
            let (kinds, list) = (self.quarantine.kinds_in_words(), names::shown(list));
            observer.note(format_args!("{failed} of {videos} videos gave no clip ({kinds}): see {list}"));
        }
    }

    /// What happens to a video that fails: it goes into the quarantine.
    pub fn on_failure(&self) -> Arc<OnFailure> {
        let quarantine = Arc::clone(&self.quarantine);
        Arc::new(move |line: QuarantineLine| {
            Ok(quarantine.record(&line.video, &line.verdict, &line.reason)?)
        })
    }
}

/// Tells where decoding processes are held by fewer walls than they should be.
pub fn note_sandbox(observer: &dyn Observer) {
    #[cfg(all(feature = "video", target_os = "linux"))]
    if pipeline::sandbox::is_held_back() {
        observer.note(
            "films are decoded on threads of this process, not in processes of their own: a limit of the size of files \
             (`ulimit -f`) leaves no shared memory",
        );
    } else if let Some(why) = pipeline::sandbox::unfiltered() {
        observer.note(format_args!(
            "decoding processes can make every system call, since this kernel has no filter for them ({why}); their \
             other limits hold"
        ));
    }
    #[cfg(not(all(feature = "video", target_os = "linux")))]
    let _ = observer;
}

/// So many threads, with what they may hold and how long they may take.
pub fn workers(recipe: &Recipe, count: usize) -> Workers {
    Workers {
        count: count.max(1),
        budget_bytes: u64::from(recipe.run.loading_mib) << 20,
        // A reader ends by itself at its limit; only one that is stuck is still there then.
        seconds_per_clip: recipe.run.seconds_per_clip.saturating_add(2),
    }
}
