//! Where the classes of videos come from: a list, a table, folders, or what is stored with the videos.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::dataset::labels::{
    self, Classes, LabelSource, Table,
    folders::{self, ClassLevel, Doubt},
};
use schemas::ProblemType;

use super::{
    answers::{self, file_and_column},
    label_error::wrong,
    labelled_videos::LabelledVideos,
};
use crate::{
    data::listing::Listing,
    error::{Result, Usage},
    input_file,
    observer::Observer,
    words::listed,
};

/// Where classes come from. Without any of it: what stands behind each path of a list, or the first folder below
/// the one that is given.
#[derive(Clone, Debug, Default)]
pub struct LabelSettings {
    /// Names of the classes, one per line, in the order of their numbers.
    pub classes: Option<PathBuf>,
    /// A CSV or Parquet file with the paths and classes of the videos, joined by path; `FILE:COLUMN` names
    /// the column of classes. For several labels per video, a cell of `FILE:COLUMN` has them separated by
    /// `|`, or `FILE:A,B,…` names one column of 0 and 1 per class. For regression, `FILE:A,B,…` names the
    /// columns of numbers. `FILE:*` means all columns.
    pub labels: Option<String>,
    /// Which folder is the class: 1 is the first below the given folder, 0 the given folder itself, `parent`
    /// the folder that contains the video.
    pub class_level: Option<ClassLevel>,
    /// Leave out videos without a class, instead of failing.
    pub only_labelled: bool,
    /// What kind of answer is wanted: the recipe's or the model's.
    pub problem_type: ProblemType,
}

/// Classes, and where they come from in words.
#[derive(Clone, Debug, Default)]
pub struct Labelled {
    /// The classes.
    pub classes: Classes,
    /// Where the videos' classes come from.
    pub origin: String,
    /// What a person should know about them, a sentence each.
    pub notes: Vec<String>,
}

impl LabelSettings {
    /// Where the classes of these videos come from, and that in words.
    fn source(&self, videos: &LabelledVideos) -> Result<(LabelSource, String)> {
        let listing = &videos.listing;
        let numbered = listing.entries.iter().any(|video| video.label.is_some());
        let (source, origin) = if let Some(given) = &self.labels {
            let (file, column) = file_and_column(given);
            input_file::check_file(Path::new(file))?;
            (LabelSource::Table(Table::read(Path::new(file), column).map_err(wrong)?), given.clone())
        } else if let Some(words) = &listing.words {
            (LabelSource::List(words.clone()), "what stands behind each path of the list".to_owned())
        } else if numbered {
            (LabelSource::Videos, "the numbers stored with the videos".to_owned())
        } else {
            let names = folders::classes_of(&listing.placed, self.class_level);
            return Ok((LabelSource::Folders(names), folder_in_words(listing, self.class_level)));
        };
        match self.class_level {
            None => Ok((source, origin)),
            Some(_) => Err(Usage::new(format!(
                "--class-level is for classes that are folders, and these are {origin}"
            ))
            .into()),
        }
    }

    /// The classes that were named, or `known` ones, such as those of a model.
    fn known(&self, known: Option<Classes>) -> Result<Option<Classes>> {
        match &self.classes {
            None => Ok(known),
            Some(file) => {
                input_file::check_file(file)?;
                Ok(Some(Classes::read(file).map_err(wrong)?))
            }
        }
    }

    /// Labels videos by the given classes, `known` ones, or those that occur.
    fn label(&self, videos: &mut LabelledVideos, known: Option<Classes>) -> Result<Labelled> {
        let known = self.known(known)?;
        if !self.problem_type.is_single_label() {
            return self.answer(videos, known);
        }
        let (mut source, origin) = self.source(videos)?;
        let mut notes = Vec::new();
        if let (LabelSource::Folders(_), None, None) = (&source, self.class_level, &known) {
            notes.extend(settle(&videos.listing)?);
        }
        let without = labels::unlabelled(videos.entries(), &source).map_err(wrong)?;
        if self.only_labelled && !without.is_empty() {
            let count = without.len();
            notes.push(format!("{count} of {} videos have no class and are left out", videos.len()));
            let rows: Vec<usize> =
                (0..videos.entries().len()).filter(|row| without.binary_search(row).is_err()).collect();
            if rows.is_empty() {
                return Err(Usage::new(format!("none of the {count} videos has a class")).into());
            }
            *videos = videos.rows(&rows);
            source = self.source(videos)?.0;
        }
        let entries: &mut Vec<_> = Arc::make_mut(&mut videos.listing.entries);
        let classes = labels::label(entries, &source, known).map_err(wrong)?;
        Ok(Labelled { classes, origin, notes })
    }

    /// Gives videos several labels, or numbers, from the table.
    fn answer(&self, videos: &mut LabelledVideos, known: Option<Classes>) -> Result<Labelled> {
        let kind = self.problem_type;
        for (given, name) in
            [(self.class_level.is_some(), "--class-level"), (self.only_labelled, "--only-labelled")]
        {
            if given {
                let message = format!("{name} is for one class a video, and this is {kind}");
                return Err(Usage::new(message).hint("remove videos without a row from the list").into());
            }
        }
        let table = self.labels.as_deref();
        let (classes, labels) = answers::read(kind, table, videos.entries(), known, self.classes.is_some())?;
        videos.set_labels(labels);
        Ok(Labelled { classes, origin: table.unwrap_or_default().to_owned(), notes: Vec::new() })
    }

    /// What this says of the labels, or numbers, of videos whose answers are `known`; none where it says nothing.
    ///
    /// # Errors
    /// Usage error: the table does not fit.
    pub fn answers_said(&self, videos: &LabelledVideos, known: &Classes) -> Result<Option<Vec<Arc<[f32]>>>> {
        if self.labels.is_none() {
            return Ok(None);
        }
        let mut videos = videos.clone();
        self.answer(&mut videos, Some(known.clone()))?;
        Ok(Some(videos.labels().to_vec()))
    }

    /// What this says of the classes of videos whose classes are `known`; none where it says nothing of them.
    ///
    /// # Errors
    /// Usage error: it names other classes, or none for a video.
    pub fn said(&self, videos: &LabelledVideos, known: &Classes) -> Result<Option<Vec<Option<i32>>>> {
        let listing = &videos.listing;
        let stored = listing.words.is_some() || listing.entries.iter().any(|video| video.label.is_some());
        let given = self.classes.is_some() || self.labels.is_some() || self.class_level.is_some();
        if !given && !stored {
            return Ok(None);
        }
        let mut videos = videos.clone();
        let all = Self { only_labelled: false, ..self.clone() };
        let found = all.label(&mut videos, Some(known.clone()))?.classes;
        if found != *known {
            let (found, known) = (listed(found.names()), listed(known.names()));
            return Err(Usage::new(format!("the classes of the run are {known}, not {found}")).into());
        }
        Ok(Some(videos.entries().iter().map(|video| video.label).collect()))
    }

    /// The videos that `given` names, with classes: the given ones, `known` ones, such as those of a model, or
    /// those that occur.
    ///
    /// # Errors
    /// Usage error: nothing is there, or a label is missing or wrong; its rows are named.
    pub fn videos(
        &self,
        given: &[PathBuf],
        known: Option<Classes>,
        observer: &dyn Observer,
    ) -> Result<(LabelledVideos, Labelled)> {
        let mut videos = LabelledVideos::open(given, observer)?;
        let labelled = self.label(&mut videos, known)?;
        Ok((videos, labelled))
    }
}

/// Which folder is the class, in words.
fn folder_in_words(listing: &Listing, level: Option<ClassLevel>) -> String {
    let mut roots: Vec<String> = listing.placed.iter().map(|it| pipeline::names::shown(&it.root)).collect();
    roots.sort();
    roots.dedup();
    let roots = match roots.as_slice() {
        [root] if root.is_empty() => "this one".to_owned(),
        [root] => root.clone(),
        roots => format!("{} folders", roots.len()),
    };
    match level {
        None => format!("the first folder below {roots}"),
        Some(ClassLevel::Below(0)) => format!("{roots} itself"),
        Some(ClassLevel::Below(level)) => format!("folder {level} below {roots}"),
        Some(ClassLevel::Parent) => "the folder that each video lies in".to_owned(),
    }
}

/// Refuses folders of which nobody can say which are the classes; says it where another level could be meant.
fn settle(listing: &Listing) -> Result<Option<String>> {
    match folders::doubt(&listing.placed) {
        None => Ok(None),
        Some(Doubt::Parts { names }) => {
            let names = names.join(", ");
            Err(Usage::new(format!("the folders {names} are parts of a split, but would be the classes"))
                .hint(
                    "--split train=FOLDER,test=FOLDER, or --class-level 2 for the folders below them; --class-level 1 \
                     takes them all the same",
                )
                .into())
        }
        Some(Doubt::OneClass { name, below }) => {
            let below = listed(&below);
            Err(Usage::new(format!("all videos would have the class `{name}`; its subfolders are {below}"))
                .hint("--class-level 2 takes the subfolders as classes, --class-level 1 keeps this one")
                .into())
        }
        Some(Doubt::Deeper { below }) => {
            let below = listed(&below);
            Ok(Some(format!("there are folders in the classes: {below}; --class-level 2 would take these")))
        }
    }
}
