//! Copies: a video of the test that is trained on under another name.
//!
//! Files of different lengths differ, so only files whose length occurs on both sides are read. A file that is not
//! there is passed over: it gives no clip either.

use std::{collections::HashMap, io, path::PathBuf};

use super::{LabelError, Rows};
use crate::{file::Handle, video_entry::VideoEntry};

/// Pairs that an error names.
const NAMED: usize = 5;

/// BLAKE3 of the bytes of a video's file.
///
/// # Errors
/// When it cannot be read.
pub fn content_digest(video: &VideoEntry) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(Handle::open(video.place())?.into_reader()?)?;
    Ok(hasher.finalize())
}

/// Refuses parts that share the bytes of a file under two names.
///
/// # Errors
/// Names the pairs, or a file that cannot be read.
pub fn check_contents(train: &[VideoEntry], test: &[VideoEntry]) -> Result<(), LabelError> {
    let mut lengths: HashMap<u64, [Vec<&VideoEntry>; 2]> = HashMap::new();
    for (side, videos) in [train, test].into_iter().enumerate() {
        for video in videos {
            // Empty files are no copies of a video, and a folder of pictures is no file.
            let bytes = video.bytes();
            if bytes > 0 && !video.path.is_dir() {
                lengths.entry(bytes).or_default()[side].push(video);
            }
        }
    }
    let mut pairs = Vec::new();
    for [train, test] in lengths.into_values().filter(|[train, test]| !train.is_empty() && !test.is_empty()) {
        let mut known = HashMap::new();
        for video in train {
            known.entry(digest(video)?).or_insert(&video.path);
        }
        for video in test {
            if let Some(same) = known.get(&digest(video)?) {
                pairs.push(format!("{} = {}", crate::names::shown(same), crate::names::shown(&video.path)));
            }
        }
    }
    if pairs.is_empty() {
        return Ok(());
    }
    pairs.sort();
    let more = pairs.len().saturating_sub(NAMED);
    pairs.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(LabelError::SameContent { pairs: pairs.join(", ") + &more })
}

fn digest(video: &VideoEntry) -> Result<blake3::Hash, LabelError> {
    let failed = |cause| LabelError::Io { action: "read", path: video.path.to_path_buf(), cause };
    content_digest(video).map_err(failed)
}

/// Refuses parts that share a video. Paths are compared as the file system resolves them, so a link or
/// another spelling does not hide one.
///
/// # Errors
/// Names the rows of `test`.
#[doc(alias = "data leakage")]
pub fn check_disjoint(train: &[VideoEntry], test: &[VideoEntry]) -> Result<(), LabelError> {
    let resolved =
        |video: &VideoEntry| video.path.canonicalize().unwrap_or_else(|_| video.path.to_path_buf());
    let known: std::collections::HashSet<PathBuf> = train.iter().map(resolved).collect();
    let both: Vec<usize> = (0..test.len()).filter(|&row| known.contains(&resolved(&test[row]))).collect();
    if both.is_empty() { Ok(()) } else { Err(LabelError::InBoth { rows: Rows::of(test, &both) }) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_same_bytes_on_both_sides_are_found_under_any_name_and_others_of_their_length_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &str| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            VideoEntry::whole(path, None)
        };
        let train = [file("a.mp4", "one"), file("b.mp4", "two")];
        let test = [file("c.mp4", "six"), VideoEntry::whole("absent.mp4".into(), None)];
        check_contents(&train, &test).unwrap();
        let refused = check_contents(&train, &[file("d.mp4", "two")]).unwrap_err().to_string();
        assert!(refused.contains("b.mp4 = ") && refused.ends_with("d.mp4"), "{refused}");
    }

    fn video(path: &str) -> VideoEntry {
        VideoEntry::whole(path.into(), None)
    }

    #[test]
    fn a_video_in_both_parts_is_found_however_it_is_spelt() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("a.mp4"), "").unwrap();
        let train = [video(&path("a.mp4"))];
        let test = [video(&path("b.mp4")), video(&path("./../")), video(&path("./a.mp4"))];
        let refused = check_disjoint(&train, &test).unwrap_err().to_string();
        assert!(refused.starts_with("these test videos are also in train: row 3"), "{refused}");
        check_disjoint(&train, &test[..2]).unwrap();
    }
}
