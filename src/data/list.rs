//! The videos of a list, found where they lie.
//!
//! ```text
//! LIST                           a file of lines or a table
//! LIST:path=FILE:label=ACTION    a table whose columns are called so; `--columns` says it of all lists of a command
//! ```
//!
//! Paths are relative to the list's folder, or, where nothing is there, to the working directory; the tables of data sets
//! may lie in a folder beside the videos. What is not there is counted, and told at once.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    dataset::list_file::{self, Columns, Form, ListError, Listed},
    file::{self, Archives, Extent, Part},
    names, store,
    system::{self, SystemError},
    video_entry::VideoEntry,
};

use super::{folder, found::Found, frames_folder};
use crate::{
    error::{Error, Result, Usage},
    observer::Observer,
    words::listed,
};

/// A list that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its file.
    pub file: PathBuf,
    /// What its columns are called, where it was said.
    pub columns: Columns,
}

impl List {
    /// The list that `given` names; none where it names something else.
    ///
    /// # Errors
    /// Usage error: the words behind the file are those of no column.
    pub fn of(given: &Path) -> Result<Option<Self>> {
        if given.exists() {
            let list = Self { file: given.to_owned(), columns: Columns::default() };
            return Ok((given.is_file() && list_file::is_list(given)).then_some(list));
        }
        let Some(text) = given.to_str() else { return Ok(None) };
        let parts = text.match_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
        let Some((file, words)) = parts.into_iter().find(|(_, words)| Columns::are_in(words)) else {
            return Ok(None);
        };
        let columns = words.parse().map_err(|why| Usage::new(format!("{words}: {why}")))?;
        Ok(Path::new(file).is_file().then(|| Self { file: file.into(), columns }))
    }

    /// `given` with these columns, where it is a list that does not name its own.
    pub fn with_columns(given: &Path, columns: &str) -> PathBuf {
        let is_list = given.is_file() && list_file::is_list(given);
        match given.to_str() {
            Some(text) if is_list => format!("{text}:{}", columns.replace(',', ":")).into(),
            _ => given.to_owned(),
        }
    }

    /// Its videos. Says how the list is read, and how many of its videos are not there.
    ///
    /// # Errors
    /// Usage error: a line is wrong, no video is looked for then.
    pub fn videos(&self, observer: &dyn Observer) -> Result<Vec<Found>> {
        let mut search = Search::of(&self.file);
        let mut found = Vec::with_capacity(list_file::lines_in(&self.file));
        list_file::read(&self.file, &self.columns, &folder::VIDEO_ENDINGS, &mut |listed| {
            found.push(search.found(listed)?);
            Ok::<_, Failed>(())
        })
        .map_err(|why| match why {
            Failed::List(why) => {
                let usage = Usage::new(format!("{}: {why}", names::shown(&self.file)));
                Error::from(why.hint().into_iter().fold(usage, Usage::hint))
            }
            Failed::System(why) => why.into(),
            Failed::Archive(path, why) => Usage::new(format!("{}: {why}", names::shown(&path))).into(),
        })?;
        search.say(found.len(), observer);
        Ok(found)
    }
}

/// Why a list gives no videos.
enum Failed {
    List(ListError),
    System(SystemError),
    /// What a path leads into cannot be read.
    Archive(PathBuf, io::Error),
}

impl From<ListError> for Failed {
    fn from(why: ListError) -> Self {
        Self::List(why)
    }
}

impl From<SystemError> for Failed {
    fn from(why: SystemError) -> Self {
        Self::System(why)
    }
}

/// Names of missing videos that are told.
const NAMED: usize = 3;

/// Where the videos of one list are looked for, and what came of it.
struct Search {
    list: PathBuf,
    /// The folder of the list.
    home: Arc<Path>,
    form: Option<Form>,
    /// Which of the places the last video of a data set was found at: the next one most likely lies there as well.
    last: usize,
    /// Rows that are parts of videos.
    parts: u64,
    missing: usize,
    first_missing: Vec<String>,
    /// The classes that were named, each once.
    classes: HashSet<Arc<str>>,
    archives: Archives,
}

impl Search {
    fn of(list: &Path) -> Self {
        let home = list.parent().unwrap_or(Path::new("")).into();
        let (missing, first_missing) = (0, Vec::new());
        let (classes, archives) = Default::default();
        let (list, form) = (list.to_owned(), None);
        Self { list, home, form, last: 0, parts: 0, missing, first_missing, classes, archives }
    }

    /// The folders in which the videos of a list of this form are looked for.
    fn folders(&self, form: Form) -> Vec<PathBuf> {
        let mut folders = vec![self.home.to_path_buf()];
        if form.is_of_data_set() {
            folders.push(self.home.join(".."));
        }
        if !self.home.as_os_str().is_empty() {
            folders.push(PathBuf::new());
        }
        folders
    }

    fn found(&mut self, listed: Listed) -> Result<Found, Failed> {
        let is_folder = |path: &Path| self.home.join(path).is_dir() || path.is_dir();
        let listed = frames_folder::reread(&listed, is_folder).unwrap_or(listed);
        self.form = self.form.max(Some(listed.form));
        let address = PathBuf::from(&listed.path);
        if store::is_address(&address) {
            store::check(&address).map_err(|why| Failed::Archive(names::shown(&address).into(), why))?;
            // Objects are not looked for: that would be a request for each.
            return Ok(self.video(listed, address, None));
        }
        let (folders, mut places) = (self.folders(listed.form), listed.form.places(&listed));
        let tries = folders.len() * places.len();
        // Plain lists are looked through in their order, so that a path has one meaning.
        let first = if listed.form.is_of_data_set() { self.last.min(tries - 1) } else { 0 };
        for at in std::iter::once(first).chain((0..tries).filter(|at| *at != first)) {
            let (folder, place) = (at % folders.len(), at / folders.len());
            let path = folders[folder].join(&places[place]);
            let (is_there, extent) = self.look(&path)?;
            if is_there {
                self.last = at;
                let listed = if path.is_dir() { frames_folder::meant(listed, &path) } else { listed };
                // A path that leads out of the list's folder is no name below it.
                let is_below = folder == 0 && path.strip_prefix(&self.home).is_ok();
                let root = is_below.then(|| Arc::clone(&self.home));
                return Ok(self.video(listed, path, root).with_extent(extent));
            }
        }
        self.missing += 1;
        let path = places.swap_remove(0);
        if self.first_missing.len() < NAMED {
            self.first_missing.push(names::shown(&path));
        }
        Ok(self.video(listed, path, None))
    }

    /// Whether there is anything at a path, and where in an archive that is. A system that does not say must not lead
    /// to another file.
    fn look(&mut self, path: &Path) -> Result<(bool, Option<Extent>), Failed> {
        if file::archive_of(path).is_none() {
            return Ok((system::read(path, || path.metadata())?.is_ok(), None));
        }
        match system::read(path, || self.archives.part(path))? {
            Ok(part) => Ok((true, part.and_then(Part::extent))),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok((false, None)),
            Err(why) => Err(Failed::Archive(path.to_owned(), why)),
        }
    }

    /// The video of a line, whose file is `path`.
    fn video(&mut self, listed: Listed, path: PathBuf, root: Option<Arc<Path>>) -> Found {
        let label = listed.class.as_ref().and_then(|class| class.parse().ok());
        self.parts += u64::from(!listed.segment.is_whole());
        let entry = VideoEntry { segment: listed.segment, ..VideoEntry::whole(path, label) };
        Found { entry, root, class: listed.class.as_deref().map(|class| self.once(class)) }
    }

    /// The name of a class, which videos of one class share.
    fn once(&mut self, class: &str) -> Arc<str> {
        if let Some(known) = self.classes.get(class) {
            return Arc::clone(known);
        }
        let class: Arc<str> = class.into();
        self.classes.insert(Arc::clone(&class));
        class
    }

    /// Says how the list was read, and what is not there.
    fn say(&self, videos: usize, observer: &dyn Observer) {
        let Some(form) = self.form else { return };
        let list = names::shown(&self.list);
        let parts = match self.parts {
            0 => String::new(),
            parts => format!(", {parts} of them parts of videos"),
        };
        observer.note(format_args!("{list} is read as {form}: {videos} videos{parts}"));
        if self.missing > 0 {
            let folders: Vec<String> = self.folders(form).iter().map(|folder| in_words(folder)).collect();
            let more = if self.missing > NAMED { ", …" } else { "" };
            observer.note(format_args!(
                "{} of {videos} videos of {list} are not there, looked for in {}: {}{more}",
                self.missing,
                listed(&folders),
                self.first_missing.join(", ")
            ));
        }
    }
}

/// A folder that was looked in.
fn in_words(folder: &Path) -> String {
    if folder.as_os_str().is_empty() { "the working directory".to_owned() } else { names::shown(folder) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        data::videos::{self, tests::folder},
        observer::Event,
    };

    /// Paths below the folder and classes of the videos of a list, and what was said.
    fn found(folder: &tempfile::TempDir, list: &str) -> Result<(Vec<String>, Vec<String>)> {
        let said = Mutex::new(Vec::new());
        let observer = |event: Event<'_>| {
            if let Event::Note(words) = event {
                said.lock().unwrap().push(words.replace(&folder.path().display().to_string(), "FOLDER"));
            }
        };
        let found = videos::find(&[folder.path().join(list)], &observer)?;
        let shown = |found: &Found| {
            let path = found.entry.path.strip_prefix(folder.path()).unwrap_or(&found.entry.path);
            let class = found.class.as_deref().unwrap_or("-");
            format!("{} {class}", path.display())
        };
        Ok((found.iter().map(shown).collect(), said.into_inner().unwrap()))
    }

    #[test]
    fn the_files_of_data_sets_are_found_where_they_lie() {
        let kinetics =
            "label,youtube_id,time_start,time_end,split\narm wrestling,b,1,11,train\nrun,c,2,12,train\n";
        let epic = "video_id,start_timestamp,stop_timestamp\nP01_01,,\n";
        let folder = folder(&[
            ("annotations/train.csv", kinetics),
            ("train/arm_wrestling/b_000001_000011.mp4", ""),
            ("train/run/c_000002_000012.mkv", ""),
            ("EPIC.csv", epic),
            ("P01/videos/P01_01.MP4", ""),
            ("labels/train.json", r#"[{"id": "7", "template": "Holding [something]"}]"#),
            ("labels/labels.json", r#"{"Holding something": "3"}"#),
            ("20bn-something-something-v2/7.webm", ""),
        ]);
        let (videos, said) = found(&folder, "annotations/train.csv").unwrap();
        assert_eq!(
            videos,
            [
                "annotations/../train/arm_wrestling/b_000001_000011.mp4 arm wrestling",
                "annotations/../train/run/c_000002_000012.mkv run"
            ]
        );
        assert_eq!(
            said,
            [
                "FOLDER/annotations/train.csv is read as Kinetics' `label,youtube_id,time_start,time_end,split`: 2 videos"
            ]
        );
        assert_eq!(found(&folder, "EPIC.csv").unwrap().0, ["P01/videos/P01_01.MP4 -"]);
        let something = found(&folder, "labels/train.json").unwrap().0;
        assert_eq!(something, ["labels/../20bn-something-something-v2/7.webm 3"]);
    }

    #[test]
    fn what_is_not_there_is_counted_at_once() {
        let folder = folder(&[("list.txt", "a.mp4 1\nb.mp4 2\nc.mp4 3\nd.mp4 4\ne.mp4 5\n"), ("c.mp4", "")]);
        let (videos, said) = found(&folder, "list.txt").unwrap();
        assert_eq!(videos.len(), 5);
        assert_eq!(said[0], "FOLDER/list.txt is read as `path label`: 5 videos");
        let missing = "4 of 5 videos of FOLDER/list.txt are not there, looked for in FOLDER, the working directory: \
                       a.mp4, b.mp4, d.mp4, …";
        assert_eq!(said[1..], [missing]);
    }

    #[test]
    fn columns_may_be_named_behind_the_list() {
        let folder = folder(&[("a.csv", "clip,action\na.mp4,run\n"), ("a.mp4", "")]);
        let list = folder.path().join("a.csv");
        let named = List::with_columns(&list, "path=clip,label=action");
        assert_eq!(named, folder.path().join("a.csv:path=clip:label=action"));
        assert_eq!(found(&folder, "a.csv:path=clip:label=action").unwrap().0, ["a.mp4 run"]);
        let refused = found(&folder, "a.csv:path=film").unwrap_err().to_string();
        assert!(refused.ends_with("no column of that name (film); there are: clip, action"), "{refused}");
        assert_eq!(List::with_columns(folder.path(), "path=clip"), folder.path());
    }

    #[test]
    fn a_long_list_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.csv");
        let line = |at: u64| format!("kinetics/train/some class/video_{at:07}.mp4 {}\n", at % 400);
        std::fs::write(&list, (0..20_000).map(line).collect::<String>()).unwrap();
        let videos = videos::find(&[list], &()).unwrap();
        assert_eq!(videos.len(), 20_000);
        assert_eq!(videos[19_999].entry.label, Some(399));
    }
}
