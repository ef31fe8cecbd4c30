//! Where the videos of a list may lie.

use std::path::PathBuf;

use super::{Form, Listed};
use crate::names;

/// How the files of a data set end that its tables do not name.
const ENDINGS: [&str; 5] = ["mp4", "webm", "mkv", "MP4", "avi"];

impl Form {
    /// The paths that the file of a video may have below the folder of its list, the likeliest first.
    pub fn places(self, listed: &Listed) -> Vec<PathBuf> {
        let name = listed.path.as_str();
        match self {
            Self::Kinetics => kinetics(listed),
            Self::EpicKitchens => {
                let kitchen = name.split('_').next().unwrap_or_default();
                let folders = [format!("{kitchen}/videos/"), format!("{kitchen}/"), String::new()];
                with_endings(&folders, name, &["MP4", "mp4"])
            }
            Self::Ego4d => {
                let folders = ["", "full_scale/", "clips/", "video_540ss/", "v2/full_scale/", "v2/clips/"];
                with_endings(&folders.map(str::to_owned), name, &["mp4"])
            }
            Self::SomethingSomething => {
                let folders = ["", "20bn-something-something-v2/", "videos/"].map(str::to_owned);
                with_endings(&folders, name, &["webm", "mp4"])
            }
            _ => {
                let path = names::path_of(name).unwrap_or_else(|| name.into());
                match path.extension() {
                    Some(_) => vec![path],
                    // As in the official lists, whose names have no ending; or a folder of pictures.
                    None => vec![path.with_added_extension("mp4"), path],
                }
            }
        }
    }

    /// Whether the list is one of a data set's own, which lies in a folder beside its videos.
    pub fn is_of_data_set(self) -> bool {
        self >= Self::Kinetics && self != Self::HuggingFace
    }
}

/// `ID_000010_000020.mp4`, in a folder of its split, of its class, of both or of none.
fn kinetics(listed: &Listed) -> Vec<PathBuf> {
    let mut folders = vec![String::new()];
    let class = listed.class.as_deref().unwrap_or_default();
    let classes = [class.to_owned(), class.replace(' ', "_")];
    let split = listed.split.as_deref().unwrap_or_default();
    if !class.is_empty() {
        folders.extend(classes.iter().map(|class| format!("{class}/")));
    }
    if !split.is_empty() {
        folders.push(format!("{split}/"));
        folders.extend(
            classes.iter().filter(|class| !class.is_empty()).map(|class| format!("{split}/{class}/")),
        );
    }
    folders.dedup();
    with_endings(&folders, &listed.path, &ENDINGS[..3])
}

fn with_endings(folders: &[String], name: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut places = Vec::with_capacity(folders.len() * endings.len());
    for folder in folders {
        places.extend(endings.iter().map(|ending| PathBuf::from(format!("{folder}{name}.{ending}"))));
    }
    places
}
