//! Video files below a folder, or that match a pattern; what is passed over is counted.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use pipeline::{
    names,
    system::{self, SystemError},
    video_entry::VideoEntry,
};

use crate::error::{Result, Usage};

/// Endings of files that a folder is searched for. A file that is named itself may have any ending. Among them are
/// those of formats that are not read here: whoever has such films wants to hear of them. `.gif` and `.webp` are
/// not: most are pictures.
pub const VIDEO_ENDINGS: [&str; 47] = [
    "264", "265", "3g2", "3gp", "3gpp", "amv", "asf", "avc", "avi", "divx", "dv", "f4v", "flv", "h264",
    "h265", "hevc", "ivf", "m1v", "m2t", "m2ts", "m2v", "m4v", "mj2", "mjpeg", "mjpg", "mk3d", "mkv", "mov",
    "mp4", "mpe", "mpeg", "mpg", "mpv", "mts", "mxf", "nut", "obu", "ogm", "ogv", "qt", "rm", "rmvb", "ts",
    "vob", "webm", "wmv", "y4m",
];

/// Endings that a line about files that were passed over names; the rest is counted together.
const NAMED_ENDINGS: usize = 5;

/// Files that were passed over, by their endings.
#[derive(Debug, Default)]
pub struct PassedOver(BTreeMap<String, u64>);

impl PassedOver {
    /// Counts these.
    pub fn count(&mut self, paths: &[PathBuf]) {
        for path in paths {
            let ending =
                path.extension().map(|ending| format!(".{}", ending.to_string_lossy().to_lowercase()));
            *self.0.entry(ending.unwrap_or_else(|| "without ending".to_owned())).or_default() += 1;
        }
    }

    /// What was passed over, most first; nothing where nothing was.
    pub fn words(&self) -> Option<String> {
        let mut endings: Vec<_> = self.0.iter().collect();
        endings.sort_by_key(|(ending, count)| (std::cmp::Reverse(**count), *ending));
        let files: u64 = self.0.values().sum();
        let (named, rest) = endings.split_at(endings.len().min(NAMED_ENDINGS));
        let mut parts: Vec<_> = named.iter().map(|(ending, count)| format!("{count} {ending}")).collect();
        let rest: u64 = rest.iter().map(|(_, count)| **count).sum();
        if rest > 0 {
            parts.push(format!("{rest} others"));
        }
        let (noun, them) = if files == 1 { ("file", "it") } else { ("files", "them") };
        let list = names::one_line(&parts.join(", ")).into_owned();
        (files > 0).then(|| format!("{files} {noun} passed over: {list}; name {them} to read {them}"))
    }
}

/// Video files below a folder, sorted by path, and the files that are none. Links are followed.
///
/// # Errors
/// When it, or a folder in it, cannot be read: its videos would be missing without a word.
pub fn videos_in(folder: &Path) -> Result<(Vec<VideoEntry>, Vec<PathBuf>)> {
    let (videos, others): (Vec<_>, Vec<_>) =
        files(folder)?.into_iter().partition(|path| has_ending(path, &VIDEO_ENDINGS));
    Ok((videos.into_iter().map(|path| VideoEntry::whole(path, None)).collect(), others))
}

/// Whether a file's name has one of these endings.
pub fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// The folder that a pattern begins with.
pub fn start_of(pattern: &Path) -> PathBuf {
    let start: PathBuf = pattern.iter().take_while(|part| !is_wild(part)).collect();
    if start.as_os_str().is_empty() { PathBuf::from(".") } else { start }
}

/// Whether a part of a pattern stands for several names.
fn is_wild(part: &OsStr) -> bool {
    part.to_string_lossy().contains(['*', '?', '[', '{'])
}

/// Files that match a pattern such as `clips/**/*.mp4`.
///
/// # Errors
/// Usage error: it is no pattern and nothing is there; when a folder cannot be read.
pub fn matching(pattern: &Path) -> Result<Vec<VideoEntry>> {
    let shown = names::shown(pattern);
    if !pattern.iter().any(is_wild) {
        return Err(Usage::new(format!("{shown}: no such file or folder")).into());
    }
    let glob = globset::GlobBuilder::new(&pattern.display().to_string())
        .literal_separator(true)
        .build()
        .map_err(|why| Usage::new(format!("{shown}: {why}")))?
        .compile_matcher();
    let start = start_of(pattern);
    if !start.is_dir() {
        return Ok(Vec::new());
    }
    let relative = |path: &Path| path.strip_prefix("./").unwrap_or(path).to_path_buf();
    let found = files(&start)?.into_iter().map(|path| (relative(&path), path));
    Ok(found
        .filter(|(relative, path)| glob.is_match(relative) || glob.is_match(path))
        .map(|(path, _)| VideoEntry::whole(path, None))
        .collect())
}

/// Every file below a folder, sorted by path. Links that lead in a circle or to nothing are passed over.
fn files(folder: &Path) -> Result<Vec<PathBuf>, SystemError> {
    let mut refused = folder.to_owned();
    let walked = system::persistently(|| {
        let mut files = Vec::new();
        let walk = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
        // What file systems keep for themselves is closed to users.
        let is_ours = |entry: &walkdir::DirEntry| entry.depth() == 0 || entry.file_name() != "lost+found";
        for entry in walk.filter_entry(is_ours) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => tracing::warn!(
                    "passed over: {} is a pipe, a socket or a device",
                    names::shown(entry.path())
                ),
                Err(why) if why.depth() > 0 && leads_nowhere(&why) => tracing::warn!("passed over: {why}"),
                Err(why) => {
                    refused = why.path().map_or_else(|| folder.to_owned(), Path::to_owned);
                    return Err(why.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()));
                }
            }
        }
        Ok(files)
    });
    walked.map_err(|cause| SystemError::new("read", &refused, cause))
}

/// Whether it is a link in a circle, or one to nothing.
fn leads_nowhere(why: &walkdir::Error) -> bool {
    why.loop_ancestor().is_some() || why.io_error().is_some_and(|cause| !system::is_of_the_system(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(names: &[&str]) -> Option<String> {
        let mut passed_over = PassedOver::default();
        passed_over.count(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        passed_over.words()
    }

    #[test]
    fn what_is_passed_over_is_counted_by_ending() {
        assert_eq!(counted(&[]), None);
        assert_eq!(
            counted(&["a.txt", "b.GIF", "c.txt", "README"]).unwrap(),
            "4 files passed over: 2 .txt, 1 .gif, 1 without ending; name them to read them"
        );
        let many = ["a.a", "a.b", "a.c", "a.d", "a.e", "a.f", "a.g"];
        assert!(counted(&many).unwrap().contains("1 .e, 2 others; "));
    }

    #[test]
    #[cfg(unix)]
    fn links_in_a_circle_and_to_nothing_do_not_hide_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.mp4"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
        std::os::unix::fs::symlink("absent.mp4", folder.path().join("b.mp4")).unwrap();
        let (found, _) = videos_in(folder.path()).unwrap();
        assert_eq!(
            found.iter().map(|video| video.path.to_path_buf()).collect::<Vec<_>>(),
            [folder.path().join("a.mp4")]
        );
    }
}
