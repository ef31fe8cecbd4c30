//! Classes that are folders: which folder on the way to a video names its class.
//!
//! ```text
//! films/                 the folder that was given
//!   pouring/             level 1, the class unless another level is asked for
//!     day1/  a.mp4       level 2
//!   stirring/
//!     day1/  b.mp4
//! ```
//!
//! Where the given folder holds videos and no folders of them, it is a class itself. A video beside the class
//! folders has no class.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Formatter},
    path::{Component, Path},
    str::FromStr,
    sync::Arc,
};

/// Names that folders have for what they are used for, never for what they show.
const PARTS: [&str; 11] = [
    "train",
    "training",
    "trainset",
    "val",
    "valid",
    "validation",
    "dev",
    "test",
    "testing",
    "testset",
    "eval",
];

/// Which folder is the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassLevel {
    /// So many folders below the one that was given; 0 is that one.
    Below(usize),
    /// The folder that the video lies in.
    Parent,
}

impl FromStr for ClassLevel {
    type Err = String;

    /// `1`, `2`, … or `parent`.
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("parent", _) => Ok(Self::Parent),
            (_, Ok(level)) => Ok(Self::Below(level)),
            _ => Err(format!("`{text}` is neither a number of folders nor `parent`")),
        }
    }
}

impl Display for ClassLevel {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(level) => write!(out, "{level}"),
            Self::Parent => out.write_str("parent"),
        }
    }
}

/// A video, and the folder that it was looked for in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The folder that was given, or the list's.
    pub root: Arc<Path>,
    /// The video's file.
    pub path: Arc<Path>,
}

impl Placed {
    /// The path from the root, or all of it where it lies elsewhere.
    pub fn name(&self) -> &Path {
        self.path.strip_prefix(&self.root).unwrap_or(&self.path)
    }

    /// The folders between the root and the video.
    fn folders(&self) -> Vec<String> {
        let parent = self.name().parent().unwrap_or(Path::new(""));
        let names = parent.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        names.collect()
    }
}

/// The class of each video; none where it has no such folder. Without `level` it is the first below the root, or
/// the root itself where no video of it lies in a folder.
#[doc(alias = "ImageFolder")]
pub fn classes_of(videos: &[Placed], level: Option<ClassLevel>) -> Vec<Option<String>> {
    let with_folders: BTreeSet<&Path> =
        videos.iter().filter(|video| !video.folders().is_empty()).map(|video| &*video.root).collect();
    let class = |video: &Placed| {
        let mut folders = video.folders();
        let level = match level {
            Some(level) => level,
            None if with_folders.contains(&*video.root) => ClassLevel::Below(1),
            None => ClassLevel::Below(0),
        };
        match level {
            ClassLevel::Below(0) => own_name(&video.root),
            ClassLevel::Below(level) if level <= folders.len() => Some(folders.swap_remove(level - 1)),
            ClassLevel::Below(_) => None,
            ClassLevel::Parent => folders.pop().or_else(|| own_name(&video.root)),
        }
    };
    videos.iter().map(class).collect()
}

fn own_name(root: &Path) -> Option<String> {
    let absolute = std::path::absolute(root).ok()?;
    absolute.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// Why the folders of videos need a word about which of them is the class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The classes are called `train` and `test`.
    Parts {
        /// Their names.
        names: Vec<String>,
    },
    /// All videos are of one class, and there are folders further down.
    OneClass {
        /// Its name.
        name: String,
        /// The names one level down.
        below: Vec<String>,
    },
    /// There are folders further down, which are not the classes.
    Deeper {
        /// The names one level down.
        below: Vec<String>,
    },
}

/// What is doubtful about classes that are the first folders; nothing where there is only one way to read them.
pub fn doubt(videos: &[Placed]) -> Option<Doubt> {
    let mut levels: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for video in videos {
        for (level, name) in video.folders().into_iter().enumerate() {
            levels.entry(level).or_default().insert(name);
        }
    }
    let names = |level| levels.get(&level).into_iter().flatten().cloned().collect::<Vec<String>>();
    let (first, below) = (names(0), names(1));
    if !first.is_empty() && first.iter().all(|name| PARTS.contains(&name.to_lowercase().as_str())) {
        return Some(Doubt::Parts { names: first });
    }
    match (first.as_slice(), below.is_empty()) {
        (_, true) => None,
        ([name], false) => Some(Doubt::OneClass { name: name.clone(), below }),
        (_, false) => Some(Doubt::Deeper { below }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(names: &[&str]) -> Vec<Placed> {
        names
            .iter()
            .map(|name| Placed { root: Path::new("/d/films").into(), path: Path::new(name).into() })
            .collect()
    }

    fn classes(names: &[&str], level: Option<&str>) -> Vec<String> {
        let level = level.map(|level| level.parse().unwrap());
        let classes = classes_of(&placed(names), level).into_iter();
        classes.map(|class| class.unwrap_or_else(|| "-".to_owned())).collect()
    }

    #[test]
    fn the_class_is_the_first_folder_unless_another_is_asked_for() {
        let nested = ["pouring/day1/a.mp4", "stirring/day2/b.mp4"];
        assert_eq!(classes(&nested, None), ["pouring", "stirring"]);
        assert_eq!(classes(&nested, Some("2")), ["day1", "day2"]);
        assert_eq!(classes(&nested, Some("parent")), ["day1", "day2"]);
        assert_eq!(classes(&nested, Some("0")), ["films", "films"]);
        assert_eq!(classes(&nested, Some("3")), ["-", "-"]);
    }

    #[test]
    fn a_video_beside_the_class_folders_has_no_class_and_a_folder_without_folders_is_one() {
        assert_eq!(classes(&["pouring/a.mp4", "stray.mp4"], None), ["pouring", "-"]);
        assert_eq!(classes(&["a.mp4", "b.mp4"], None), ["films", "films"]);
    }

    #[test]
    fn folders_that_can_be_read_in_two_ways_are_doubtful() {
        assert_eq!(doubt(&placed(&["a/1.mp4", "b/2.mp4"])), None);
        assert!(matches!(doubt(&placed(&["train/a/1.mp4", "Test/b/2.mp4"])), Some(Doubt::Parts { .. })));
        assert!(matches!(doubt(&placed(&["all/a/1.mp4", "all/b/2.mp4"])), Some(Doubt::OneClass { .. })));
        let deeper = Some(Doubt::Deeper { below: vec!["day1".into(), "day2".into()] });
        assert_eq!(doubt(&placed(&["a/day1/1.mp4", "b/day2/2.mp4"])), deeper);
    }
}
