//! What is written: the formats of vectors, and the names of videos' files in each.

use std::{collections::HashMap, ffi::OsStr, path::Path};

use pipeline::{names, video_entry::VideoEntry};

use crate::error::{Result, Usage};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One Parquet file with times and vectors
    Parquet,
    /// One NumPy array per video, in the folder --out
    Npy,
    /// The files that VideoMAEv2's extract_tad_feature.py writes, from the same pixels
    TadNpy,
}

/// A file's name for each video.
pub(super) fn file_names(format: Format, videos: &[VideoEntry]) -> Result<Vec<String>> {
    let mut seen: HashMap<String, &Path> = HashMap::new();
    let mut files = Vec::new();
    for (number, video) in videos.iter().enumerate() {
        let part = |part: Option<&OsStr>| names::name_of(Path::new(part.unwrap_or_default()));
        let (file, part_of_video) = (part(video.path.file_name()), video.segment.fragment());
        let name = match format {
            Format::Parquet => format!("{number:06}.parquet"),
            Format::Npy => format!("{}{part_of_video}.npy", part(video.path.file_stem())),
            // The published script cuts at the first dot.
            Format::TadNpy => format!("{}{part_of_video}.npy", file.split('.').next().unwrap_or_default()),
        };
        if let Some(other) = seen.insert(name.clone(), &video.path) {
            return Err(Usage::new(format!(
                "{} and {} would both be written to {name}",
                names::shown(other),
                names::shown(&video.path)
            ))
            .hint("use --format parquet, which identifies videos by their place in the list")
            .into());
        }
        files.push(name);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(path: &str) -> VideoEntry {
        VideoEntry::whole(path.into(), None)
    }

    #[test]
    fn names_are_cut_as_the_published_script_cuts_them() {
        let videos = [video("a/v_1.cut.mp4"), video("b/v_2.mp4")];
        assert_eq!(file_names(Format::TadNpy, &videos).unwrap(), ["v_1.npy", "v_2.npy"]);
        assert_eq!(file_names(Format::Npy, &videos).unwrap(), ["v_1.cut.npy", "v_2.npy"]);
    }

    #[test]
    fn two_videos_never_share_a_file() {
        let refused = file_names(Format::TadNpy, &[video("a/x.1.mp4"), video("b/x.2.mp4")]).unwrap_err();
        assert!(refused.usage().is_some(), "{refused}");
        assert_eq!(refused.to_string(), "a/x.1.mp4 and b/x.2.mp4 would both be written to x.npy");
    }
}
