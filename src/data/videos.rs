//! VIDEOS, found: files, folders (searched to the bottom), globs, counted paths, archives, list files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    file::{self, Archives, Part, Place},
    names, store, system,
    video_entry::VideoEntry,
};

use super::{
    archives, braces, folder, found::Found, frames_folder, lerobot, list::List, mixture, stores, webdataset,
};
use crate::{
    error::{Result, Usage},
    input_file,
    observer::Observer,
};

/// Every video that `given` names, in the order given, folders and globs sorted by path. How many files of folders
/// were passed over is said.
///
/// # Errors
/// Usage error: a path that is not there, or nothing found.
pub fn find_videos(given: &[PathBuf], observer: &dyn Observer) -> Result<Vec<VideoEntry>> {
    Ok(find(given, observer)?.into_iter().map(|found| found.entry).collect())
}

/// The same with where each was found.
///
/// # Errors
/// As [`find_videos`].
pub fn find(given: &[PathBuf], observer: &dyn Observer) -> Result<Vec<Found>> {
    store::look_again();
    let mut videos = Vec::new();
    let mut passed_over = folder::PassedOver::default();
    for path in given {
        if store::is_address(path) {
            stores::check(path)?;
        }
        let Some(counted) = braces::counted(path)? else {
            videos.extend(found_at(path, &mut passed_over, observer)?);
            continue;
        };
        if let Some(absent) = counted.iter().find(|path| !Place::from(*path).exists()) {
            return Err(Usage::new(format!("{}: no such file", names::shown(absent))).into());
        }
        if counted.iter().all(|path| archives::is_one(path)) {
            // One after the other they would give as many notes.
            let root = counted.first().and_then(|first| first.parent()).unwrap_or(Path::new("")).into();
            videos.extend(archives::videos_in(&counted, &root, observer)?);
            continue;
        }
        for path in counted {
            videos.extend(found_at(&path, &mut passed_over, observer)?);
        }
    }
    let passed_over = passed_over.words();
    if videos.is_empty() {
        let names: Vec<_> = given.iter().map(|path| names::shown(path)).collect();
        let usage = Usage::new(format!("no video in {}", names.join(", ")));
        return Err(passed_over.into_iter().fold(usage, Usage::hint).into());
    }
    if let Some(words) = passed_over {
        observer.note(words);
    }
    Ok(videos)
}

/// The videos at one path.
fn found_at(
    path: &Path,
    passed_over: &mut folder::PassedOver,
    observer: &dyn Observer,
) -> Result<Vec<Found>> {
    let parent = || Arc::from(path.parent().unwrap_or(Path::new("")));
    if store::is_address(path) {
        return stores::videos_at(path, observer);
    }
    let single = || vec![Found::below(&parent(), VideoEntry::whole(path.to_owned(), None))];
    if path.is_dir() {
        return in_folder(path, passed_over, observer);
    }
    input_file::check_file(path)?;
    mixture::refuse(path)?;
    webdataset::check_uncompressed(path)?;
    if archives::is_one(path) {
        return archives::videos_in(&[path.to_owned()], &parent(), observer);
    }
    if let Some(list) = List::of(path)? {
        return list.videos(observer);
    }
    if let Some((archive, ..)) = file::archive_of(path) {
        let part = system::read(path, || Archives::default().part(path))?;
        let part = part.map_err(|why| Usage::new(why.to_string()))?;
        let root = archive.parent().unwrap_or(Path::new("")).into();
        let found = Found::below(&root, VideoEntry::whole(path.to_owned(), None));
        return Ok(vec![found.with_extent(part.and_then(Part::extent))]);
    }
    if path.symlink_metadata().is_ok() {
        return Ok(single());
    }
    let start = folder::start_of(path).into();
    let (several, films): (Vec<_>, Vec<_>) =
        folder::matching(path)?.into_iter().partition(|video| archives::is_one(&video.path));
    let mut videos: Vec<Found> = films.into_iter().map(|video| Found::below(&start, video)).collect();
    let several: Vec<_> = several.iter().map(|archive| archive.path.to_path_buf()).collect();
    videos.extend(archives::videos_in(&several, &start, observer)?);
    Ok(videos)
}

/// The videos in a folder: films; where it has none, it may be a folder of pictures, or of archives.
fn in_folder(
    folder: &Path,
    passed_over: &mut folder::PassedOver,
    observer: &dyn Observer,
) -> Result<Vec<Found>> {
    if let Some(episodes) = lerobot::videos_in(folder, observer)? {
        return Ok(episodes);
    }
    let (videos, others) = folder::videos_in(folder)?;
    if videos.is_empty() && frames_folder::is_one(folder) {
        let root = folder.parent().unwrap_or(Path::new("")).into();
        return Ok(vec![Found::below(&root, VideoEntry::whole(folder.to_owned(), None))]);
    }
    let root = folder.into();
    let (several, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|path| videos.is_empty() && archives::is_one(path));
    passed_over.count(&others);
    if !several.is_empty() {
        return archives::videos_in(&several, &root, observer);
    }
    Ok(videos.into_iter().map(|video| Found::below(&root, video)).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder with these files.
    pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(found: &[VideoEntry], folder: &tempfile::TempDir) -> Vec<String> {
        let name = |video: &VideoEntry| video.path.strip_prefix(folder.path()).unwrap().display().to_string();
        found.iter().map(name).collect()
    }

    #[test]
    fn a_folder_is_searched_to_the_bottom_for_video_files() {
        let folder = folder(&[("b.mp4", ""), ("a/c.MKV", ""), ("a/readme.md", ""), ("d.webm", "")]);
        let found = find_videos(&[folder.path().into()], &()).unwrap();
        assert_eq!(names(&found, &folder), ["a/c.MKV", "b.mp4", "d.webm"]);
    }

    #[test]
    fn a_glob_may_cross_folders() {
        let folder = folder(&[("b.mp4", ""), ("a/c.mp4", ""), ("a/d.avi", "")]);
        let found = find_videos(&[folder.path().join("**/*.mp4")], &()).unwrap();
        assert_eq!(names(&found, &folder), ["a/c.mp4", "b.mp4"]);
    }

    #[test]
    fn a_list_gives_paths_with_spaces_and_labels() {
        let list = "# comment\nmy film.mp4 3\nplain 12\nother.avi,4\nno label.mkv\n";
        let folder = folder(&[("list.txt", list), ("my film.mp4", "")]);
        let found = find_videos(&[folder.path().join("list.txt")], &()).unwrap();
        let labels: Vec<_> = found.iter().map(|video| video.label).collect();
        assert_eq!(labels, [Some(3), Some(12), Some(4), None]);
        assert_eq!(*found[0].path, folder.path().join("my film.mp4"));
        assert_eq!(&*found[1].path, Path::new("plain.mp4"));
    }

    #[test]
    #[cfg(unix)]
    fn a_list_names_files_whose_names_are_no_text() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let folder = folder(&[]);
        let film = folder.path().join(OsStr::from_bytes(b"caf\xe9.mp4"));
        std::fs::write(&film, "").unwrap();
        let list = folder.path().join("list.txt");
        for line in [&b"caf\xe9.mp4 3\n"[..], br"caf\xE9.mp4 3"] {
            std::fs::write(&list, line).unwrap();
            let found = find_videos(std::slice::from_ref(&list), &()).unwrap();
            assert_eq!((&*found[0].path, found[0].label), (film.as_path(), Some(3)));
        }
    }

    #[test]
    fn nothing_found_is_a_usage_error() {
        let folder = folder(&[("readme.md", "")]);
        for wrong in [folder.path().to_path_buf(), folder.path().join("absent"), folder.path().join("*.mp4")]
        {
            let refused = find_videos(&[wrong], &()).unwrap_err();
            assert!(refused.usage().is_some(), "{refused}");
        }
    }
}
