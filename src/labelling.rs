//! Videos with their classes, as commands are given them.

mod parts;
mod table;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use pipeline::{
    dataset::{
        self, Dataset,
        labels::{
            self, Classes, LabelError, LabelSource, Table,
            folders::{self, ClassLevel, Doubt},
        },
    },
    source::subset::SubsetVideo,
    video_entry::VideoEntry,
};
use schemas::ProblemType;

pub use self::parts::{Parts, Rule, SplitAsked};
use crate::{
    answers,
    listing::{Listing, listed},
    report::{self, Usage},
};

/// Where classes come from. Without any of it: what stands behind each path of a list, or the first folder below
/// the one that is given.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct LabelArguments {
    /// Names of the classes, one a line; the line is the number
    #[arg(long, value_name = "CLASSES.TXT")]
    pub classes: Option<PathBuf>,
    /// A CSV or Parquet file with the videos' paths and classes, joined by path; `FILE:COLUMN` names the
    /// column of classes. For several labels a video, `FILE:COLUMN` has them with `|` between them, or
    /// `FILE:A,B,…` a column of 0 and 1 a class; for regression, `FILE:A,B,…` are the numbers; `FILE:*` are all
    #[arg(long, value_name = "FILE[:COLUMN]")]
    pub labels: Option<String>,
    /// Which folder is the class: 1 is the first below the one that is given, 0 that one, `parent` the one that
    /// the video lies in
    #[arg(long, value_name = "N|parent")]
    pub class_level: Option<ClassLevel>,
    /// Leave videos out that have no class, instead of refusing
    #[arg(long)]
    pub only_labelled: bool,
    /// What kind of answer is wanted: the recipe's or the model's.
    #[arg(skip)]
    pub problem_type: ProblemType,
}

/// Videos with their classes, and where their clips come from.
#[derive(Clone, Debug)]
pub struct LabelledVideos {
    listing: Listing,
    /// Several labels, or numbers, of each; empty where they have one class each or none.
    labels: Vec<Arc<[f32]>>,
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

impl LabelledVideos {
    /// Opens VIDEOS, a manifest or shards; classes are those that are stored there.
    ///
    /// # Errors
    /// Asked wrongly: nothing is there.
    pub fn open(given: &[PathBuf]) -> Result<Self> {
        let listing = Listing::open(given)?;
        let videos = listing.dataset.videos();
        let missing = videos.saturating_sub(listing.entries.len() as u64);
        if missing > 0 {
            report::say(format_args!("{missing} of {videos} videos are not in the shards and are left out"));
        }
        Ok(Self { listing, labels: Vec::new() })
    }

    /// Refuses videos of which not one is there.
    ///
    /// # Errors
    /// Asked wrongly.
    pub fn check_there(&self) -> Result<()> {
        self.listing.check_there()
    }

    /// Paths and classes; a video's row is its place.
    pub fn entries(&self) -> &[VideoEntry] {
        &self.listing.entries
    }

    /// The name of each video below the folder that it was found in.
    pub fn names(&self) -> Vec<String> {
        self.listing.names()
    }

    /// How many.
    pub fn len(&self) -> u64 {
        self.listing.entries.len() as u64
    }

    /// Where their clips come from; it may hold other videos too.
    pub fn dataset(&self) -> &Dataset {
        &self.listing.dataset
    }

    /// The videos as the dataset numbers them.
    pub fn chosen(&self) -> Vec<SubsetVideo> {
        let chosen = |(&number, entry): (&u64, &VideoEntry)| SubsetVideo { number, label: entry.label };
        self.listing.numbers.iter().zip(&self.listing.entries).map(chosen).collect()
    }

    /// Several labels, or numbers, of each video; empty where they have one class each or none.
    pub fn labels(&self) -> &[Arc<[f32]>] {
        &self.labels
    }

    /// Digest of paths and classes in their order.
    pub fn digest(&self) -> String {
        let of_list = dataset::VideoList::new(self.listing.entries.clone()).digest();
        if self.labels.is_empty() { of_list } else { answers::digest(&of_list, &self.labels) }
    }

    /// Those in these rows, in this order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        let labels = rows.iter().filter_map(|&row| self.labels.get(row).map(Arc::clone)).collect();
        Self { listing: self.listing.chosen(rows), labels }
    }

    /// Gives the videos these class numbers.
    pub fn with_classes(mut self, numbers: impl IntoIterator<Item = Option<i32>>) -> Self {
        for (entry, number) in self.listing.entries.iter_mut().zip(numbers) {
            entry.label = number;
        }
        self
    }

    /// Gives the videos several labels, or numbers, each. They are in no class then.
    pub fn set_labels(&mut self, labels: Vec<Arc<[f32]>>) {
        self.listing.entries.iter_mut().for_each(|entry| entry.label = None);
        self.labels = labels;
    }
}

impl LabelArguments {
    /// Where the classes of these videos come from, and that in words.
    fn source(&self, videos: &LabelledVideos) -> Result<(LabelSource, String)> {
        let listing = &videos.listing;
        let numbered = listing.entries.iter().any(|video| video.label.is_some());
        let (source, origin) = if let Some(given) = &self.labels {
            let (file, column) = file_and_column(given);
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
            Some(file) => Ok(Some(Classes::read(file).map_err(wrong)?)),
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
        let classes = labels::label(&mut videos.listing.entries, &source, known).map_err(wrong)?;
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
                return Err(Usage::new(message).hint("leave videos out of the list that have no row").into());
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
    /// Asked wrongly: the table does not fit.
    pub fn answers_said(&self, videos: &LabelledVideos, known: &Classes) -> Result<Option<Vec<Arc<[f32]>>>> {
        if self.labels.is_none() {
            return Ok(None);
        }
        let mut videos = videos.clone();
        self.answer(&mut videos, Some(known.clone()))?;
        Ok(Some(videos.labels))
    }

    /// What this says of the classes of videos whose classes are `known`; none where it says nothing of them.
    ///
    /// # Errors
    /// Asked wrongly: it names other classes, or none for a video.
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
            return Err(Usage::new(format!("the run's classes are {known}, not {found}")).into());
        }
        Ok(Some(videos.entries().iter().map(|video| video.label).collect()))
    }

    /// The videos that `given` names, with classes: the given ones, `known` ones, such as those of a model, or
    /// those that occur.
    ///
    /// # Errors
    /// Asked wrongly: nothing is there, or a label is missing or wrong; its rows are named.
    pub fn videos(&self, given: &[PathBuf], known: Option<Classes>) -> Result<(LabelledVideos, Labelled)> {
        let mut videos = LabelledVideos::open(given)?;
        let labelled = self.label(&mut videos, known)?;
        Ok((videos, labelled))
    }
}

/// Which folder is the class, in words.
fn folder_in_words(listing: &Listing, level: Option<ClassLevel>) -> String {
    let mut roots: Vec<String> = listing.placed.iter().map(|it| it.root.display().to_string()).collect();
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
            Err(Usage::new(format!("the folders {names} are parts of a split, and would be the classes"))
                .hint(
                    "--split train=FOLDER,test=FOLDER, or --class-level 2 for the folders below them; --class-level 1 \
                     insists",
                )
                .into())
        }
        Some(Doubt::OneClass { name, below }) => {
            let below = listed(&below);
            Err(Usage::new(format!("all videos would be of one class, `{name}`; below it are {below}"))
                .hint("--class-level 2 takes these as classes, --class-level 1 the one")
                .into())
        }
        Some(Doubt::Deeper { below }) => {
            let below = listed(&below);
            Ok(Some(format!("there are folders in the classes: {below}; --class-level 2 would take these")))
        }
    }
}

/// `FILE:COLUMN`, or the name of a file that is there.
pub fn file_and_column(given: &str) -> (&str, Option<&str>) {
    match given.rsplit_once(':') {
        Some((file, column)) if !Path::new(given).exists() => (file, Some(column)),
        _ => (given, None),
    }
}

/// A label that is asked wrongly, with what would do.
pub fn wrong(why: LabelError) -> Usage {
    let usage = Usage::new(why.to_string());
    match why {
        LabelError::Unlabelled { .. } => usage.hint(
            "labels stand behind the paths of a list, are folders (folder/class/video.mp4, --class-level), or come \
             from --labels FILE.csv; --only-labelled leaves the others out",
        ),
        LabelError::Outside { .. } | LabelError::UnknownClass { .. } => usage
            .hint("--classes CLASSES.TXT names the classes, one a line; --class-level says which folder is meant"),
        LabelError::Score { .. } => usage.hint(
            "numbers are learnt by `tubelet finetune --set classifier.problem_type=regression --labels FILE.csv`; \
             --classes CLASSES.TXT, with these words as lines, says that they are names of classes",
        ),
        LabelError::Several { .. } => usage.hint(
            "several labels a video are learnt by `tubelet finetune --set \
             classifier.problem_type=multi_label_classification --labels FILE.csv`; --classes CLASSES.TXT, with these \
             words as lines, says that they are names of classes",
        ),
        LabelError::SameContent { .. } => {
            usage.hint("take one of each away, or `--split test=0.2,by=content`, which keeps copies together")
        }
        _ => usage,
    }
}
