//! Data sets of LeRobot: an episode is a part of a video file.

use std::{path::Path, sync::Arc};

use pipeline::{
    dataset::lerobot::{self, Episode},
    names, system,
    video_entry::VideoEntry,
};

use super::found::Found;
use crate::{
    error::{Result, Usage},
    observer::Observer,
};

/// The episodes in a folder, one for each camera; nothing where it is no data set of LeRobot. Says how many there are.
///
/// # Errors
/// Usage error: what `meta/` says is damaged. When the system cannot read it.
pub fn videos_in(folder: &Path, observer: &dyn Observer) -> Result<Option<Vec<Found>>> {
    if !lerobot::is_one(folder) {
        return Ok(None);
    }
    let read = system::read(folder, || lerobot::episodes(folder))?;
    let episodes = read.map_err(|why| Usage::new(format!("{}: {why}", names::shown(folder))))?;
    let mut cameras: Vec<&str> = episodes.iter().map(|episode| episode.camera.as_str()).collect();
    cameras.sort_unstable();
    cameras.dedup();
    observer.note(format_args!(
        "{} is read as LeRobot's: {} episodes of {}",
        names::shown(folder),
        episodes.len() / cameras.len().max(1),
        if cameras.is_empty() {
            "no camera".to_owned()
        } else {
            crate::words::listed(&cameras.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        }
    ));
    let root: Arc<Path> = folder.into();
    let mut files: Vec<Arc<Path>> = Vec::new();
    let found = |Episode { video, segment, task, .. }: Episode| {
        let path = folder.join(video);
        // Episodes of one file share its name.
        let known = files.iter().rev().find(|file| ***file == *path).cloned();
        let path: Arc<Path> = known.unwrap_or_else(|| path.into());
        if files.last() != Some(&path) {
            files.push(Arc::clone(&path));
        }
        let entry = VideoEntry { path, label: None, segment, extent: None };
        Found { entry, root: Some(Arc::clone(&root)), class: task.map(Into::into) }
    };
    Ok(Some(episodes.into_iter().map(found).collect()))
}
