//! The quarantine of a run that several processes train: each writes its own file, and the first one gathers them.
//!
//! ```text
//! quarantine.jsonl            the first process, and what it has gathered
//! quarantine-rank-3.jsonl     another one, while it trains
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use pipeline::quarantine::{Quarantine, QuarantineError};

use crate::error::{Context as _, Result};

/// What the files of the other processes begin and end with.
const PART: [&str; 2] = ["quarantine-rank-", ".jsonl"];

/// The file of process `rank` in the folder of a run.
pub fn file(folder: &Path, rank: usize) -> PathBuf {
    let [begin, end] = PART;
    folder.join(if rank == 0 { "quarantine.jsonl".to_owned() } else { format!("{begin}{rank}{end}") })
}

/// Share of the videos that process `rank` of `size` lets fail, where the run lets `share` of them: it sees only some,
/// and the first one knows in addition what was gathered.
pub fn most_failed(share: f64, rank: usize, size: usize) -> f64 {
    if rank == 0 { share } else { share / size as f64 }
}

/// Takes what the other processes wrote into that of the first. They write no more.
///
/// # Errors
/// When a file cannot be read, or the list not be written.
pub fn gather(folder: &Path, list: &Quarantine) -> Result<()> {
    for path in parts(folder)? {
        for line in Quarantine::open(Some(&path), 1, 1.0)?.lines() {
            match list.record(&line.video, &line.verdict, &line.reason) {
                // How many there are is for those to say who decode.
                Ok(()) | Err(QuarantineError::TooMany { .. }) => {}
                Err(why) => return Err(why.into()),
            }
        }
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    Ok(())
}

/// The files of the other processes.
fn parts(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let [begin, end] = PART;
        if name.to_str().is_some_and(|name| name.starts_with(begin) && name.ends_with(end)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_others_found_stands_in_the_list_of_the_first_once() {
        let folder = tempfile::tempdir().unwrap();
        let open = |rank| Quarantine::open(Some(&file(folder.path(), rank)), 10, 1.0).unwrap();
        for (rank, video) in [(0, "a.mp4"), (1, "b.mp4"), (1, "a.mp4"), (12, "c.mp4")] {
            open(rank).record(video, "damaged", "a reason").unwrap();
        }
        gather(folder.path(), &open(0)).unwrap();
        let names: Vec<String> = open(0).lines().into_iter().map(|line| line.video).collect();
        assert_eq!(names, ["a.mp4", "b.mp4", "c.mp4"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
