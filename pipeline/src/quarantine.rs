//! Which videos failed, why, and when there are too many of them.
//!
//! A video that gives no clip stands in `quarantine.jsonl` once, however often it is drawn and however
//! often the run is taken up again. Past a share of the dataset's videos it is no longer a few bad
//! files but a wrong folder or a missing decoder, and the run should stop. A few are a few also where
//! they are a large share of a small set ([`A_FEW`]). Who takes the failed
//! video's place is the schedule's business.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use schemas::{Kind, MADE_BY, quarantine::QuarantineLine};

use crate::{file::OpenFile, store};

/// Failed videos that a run bears whatever their share is, unless it is to bear none. One bad file of
/// five says nothing of the others, as long as there are others.
pub const A_FEW: u64 = 3;

/// Why a run cannot go on after a video failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuarantineError {
    /// More videos failed than may.
    #[error(
        "{failed} of {videos} videos gave no clip, more than the {:.0} % that may fail; the last one: {last}",
        share * 100.0
    )]
    TooMany {
        /// Videos that failed.
        failed: u64,
        /// Videos of the dataset.
        videos: u64,
        /// Share of the videos that may fail.
        share: f64,
        /// The reason of the last one.
        last: String,
    },
    /// The file cannot be read or written.
    #[error("cannot write {}: {cause}", crate::names::shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The file holds something else than a quarantine.
    #[error("line {line} of {} is no entry of a quarantine: {cause}", crate::names::shown(path))]
    WrongLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What does not fit.
        #[source]
        cause: serde_json::Error,
    },
}

/// The failed videos of a run; shared by the threads that decode.
#[derive(Debug)]
pub struct Quarantine {
    videos: u64,
    max_failed_share: f64,
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lines: Lines,
    failed: BTreeMap<String, QuarantineLine>,
    /// How many of them, by what is wrong.
    kinds: BTreeMap<Kind, u64>,
}

/// Where lines are written.
#[derive(Debug)]
enum Lines {
    Nowhere,
    File(File),
    /// An object cannot grow: it is written anew with each line, of which there are few.
    Object {
        address: PathBuf,
        bytes: Vec<u8>,
    },
}

impl Quarantine {
    /// A quarantine for a dataset of `videos` videos, of which the share `max_failed_share` (0 to 1)
    /// may fail. Lines go to the file at `path`, after those that it has; without a path they are only
    /// counted. A last line that a crash cut short is cut away.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is no quarantine.
    pub fn open(path: Option<&Path>, videos: u64, max_failed_share: f64) -> Result<Self, QuarantineError> {
        let state = match path {
            None => State::empty(),
            Some(path) => State::open(path)?,
        };
        let path = path.map(Path::to_owned).unwrap_or_default();
        Ok(Self { videos, max_failed_share, path, state: Mutex::new(state) })
    }

    /// Notes that a video failed: `verdict` is a stable word, `reason` a sentence. A video that is
    /// noted already is not noted again.
    ///
    /// # Errors
    /// When too many videos failed, this one included, or the line cannot be written.
    pub fn record(&self, video: &str, verdict: &str, reason: &str) -> Result<(), QuarantineError> {
        let mut state = self.state();
        if !state.failed.contains_key(video) {
            let line = QuarantineLine {
                video: video.to_owned(),
                verdict: verdict.to_owned(),
                kind: Kind::of_verdict(verdict).name().to_owned(),
                reason: reason.to_owned(),
                made_by: MADE_BY.to_owned(),
            };
            let written = state.append(&line);
            written.map_err(|cause| QuarantineError::Io { path: self.path.clone(), cause })?;
            state.insert(line);
        }
        let failed = state.failed.len() as u64;
        let few = self.max_failed_share > 0.0 && failed <= A_FEW && failed < self.videos;
        if failed as f64 > self.max_failed_share * self.videos as f64 && !few {
            let (videos, share) = (self.videos, self.max_failed_share);
            let last = format!("{video}: {reason}");
            return Err(QuarantineError::TooMany { failed, videos, share, last });
        }
        Ok(())
    }

    /// Whether a video failed before.
    pub fn is_failed(&self, video: &str) -> bool {
        self.state().failed.contains_key(video)
    }

    /// Distinct videos that failed, those of the runs before included.
    pub fn failed(&self) -> u64 {
        self.state().failed.len() as u64
    }

    /// What is noted of each, by name.
    pub fn lines(&self) -> Vec<QuarantineLine> {
        self.state().failed.values().cloned().collect()
    }

    /// How many failed, by what is wrong with them: `2 damaged, 1 unsupported`.
    pub fn kinds_in_words(&self) -> String {
        let words = |(kind, count): (&Kind, &u64)| format!("{count} {}", kind.name());
        self.state().kinds.iter().map(words).collect::<Vec<_>>().join(", ")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock left a whole set behind: at most one video is
        // written but not counted.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn empty() -> Self {
        Self { lines: Lines::Nowhere, failed: BTreeMap::new(), kinds: BTreeMap::new() }
    }

    /// Takes up the file at `path`, or begins one.
    fn open(path: &Path) -> Result<Self, QuarantineError> {
        let io = |cause| QuarantineError::Io { path: path.to_owned(), cause };
        let mut written = Vec::new();
        match OpenFile::open(path).and_then(|mut file| file.read_to_end(&mut written)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => drop(read.map_err(io)?),
        }
        let whole = written.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut state = Self::empty();
        for (line, bytes) in (1..).zip(written[..whole].split_inclusive(|&byte| byte == b'\n')) {
            let entry: QuarantineLine = serde_json::from_slice(bytes)
                .map_err(|cause| QuarantineError::WrongLine { path: path.to_owned(), line, cause })?;
            state.insert(entry);
        }
        if store::is_address(path) {
            written.truncate(whole);
            let lines = Lines::Object { address: path.to_owned(), bytes: written };
            return Ok(Self { lines, ..state });
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
        file.set_len(whole as u64).map_err(io)?;
        Ok(Self { lines: Lines::File(file), ..state })
    }

    fn insert(&mut self, line: QuarantineLine) {
        let kind = Kind::of_verdict(&line.verdict);
        if self.failed.insert(line.video.clone(), line).is_none() {
            *self.kinds.entry(kind).or_default() += 1;
        }
    }

    fn append(&mut self, line: &QuarantineLine) -> io::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        match &mut self.lines {
            Lines::Nowhere => Ok(()),
            Lines::File(file) => file.write_all(&line),
            Lines::Object { address, bytes } => {
                bytes.extend_from_slice(&line);
                store::put(address, bytes.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn videos_in(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str::<QuarantineLine>(line).unwrap().video).collect()
    }

    #[test]
    fn a_video_is_listed_once_even_when_the_run_is_taken_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quarantine.jsonl");
        for _ in 0..2 {
            let quarantine = Quarantine::open(Some(&path), 100, 0.1).unwrap();
            for video in ["a.mp4", "b.mp4", "a.mp4"] {
                quarantine.record(video, "damaged", "the decoder complained").unwrap();
            }
            assert_eq!(quarantine.failed(), 2);
            assert!(quarantine.is_failed("a.mp4") && !quarantine.is_failed("c.mp4"));
            assert_eq!(quarantine.kinds_in_words(), "2 damaged");
        }
        assert_eq!(videos_in(&path), ["a.mp4", "b.mp4"]);
    }

    #[test]
    fn a_line_cut_short_by_a_crash_is_cut_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quarantine.jsonl");
        let quarantine = Quarantine::open(Some(&path), 100, 0.1).unwrap();
        quarantine.record("a.mp4", "damaged", "one").unwrap();
        quarantine.record("b.mp4", "damaged", "two").unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();

        let again = Quarantine::open(Some(&path), 100, 0.1).unwrap();
        assert!(again.is_failed("a.mp4") && !again.is_failed("b.mp4"));
        again.record("c.mp4", "damaged", "three").unwrap();
        assert_eq!(videos_in(&path), ["a.mp4", "c.mp4"]);
    }

    #[test]
    fn more_failures_than_the_share_allows_are_an_error() {
        let quarantine = Quarantine::open(None, 40, 0.1).unwrap();
        for video in ["a.mp4", "b.mp4", "c.mp4", "d.mp4"] {
            quarantine.record(video, "damaged", "one of a few").unwrap();
        }
        let error = quarantine.record("e.mp4", "damaged", "five").unwrap_err();
        assert_eq!(
            error.to_string(),
            "5 of 40 videos gave no clip, more than the 10 % that may fail; the last one: e.mp4: five"
        );
    }

    #[test]
    fn a_small_set_bears_a_few_failures_unless_it_is_to_bear_none() {
        let quarantine = Quarantine::open(None, 5, 0.1).unwrap();
        for video in ["a.mp4", "b.mp4", "c.mp4"] {
            quarantine.record(video, "damaged", "one of a few").unwrap();
        }
        assert!(quarantine.record("d.mp4", "damaged", "one too many").is_err());
        assert!(Quarantine::open(None, 5, 0.0).unwrap().record("a.mp4", "damaged", "any").is_err());
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "to do\nbuy milk").unwrap();
        let error = Quarantine::open(Some(&path), 20, 0.1).unwrap_err();
        assert!(matches!(error, QuarantineError::WrongLine { line: 1, .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "to do\nbuy milk");
    }

    #[test]
    fn threads_that_report_the_same_videos_list_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quarantine.jsonl");
        let quarantine = Quarantine::open(Some(&path), 1000, 0.5).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for video in 0..50 {
                        quarantine.record(&format!("{video}.mp4"), "damaged", "reason").unwrap();
                    }
                });
            }
        });
        let mut listed = videos_in(&path);
        listed.sort();
        listed.dedup();
        assert_eq!((listed.len(), fs::read_to_string(&path).unwrap().lines().count()), (50, 50));
    }
}
