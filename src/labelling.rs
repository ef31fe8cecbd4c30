//! Videos with their classes, as commands are given them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use pipeline::{
    dataset::{self, Dataset, VideoEntry},
    labels::{self, Classes, LabelError, LabelSource, Split, Table},
    source::chosen::ChosenVideo,
};
use schemas::ProblemType;

use crate::{answers, data, report, report::Usage};

/// Where classes come from. Without any of it: the list's second column, or the folder of each video.
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
    /// What kind of answer is wanted: the recipe's or the model's.
    #[arg(skip)]
    pub problem_type: ProblemType,
}

/// Videos with their classes, and where their clips come from.
#[derive(Clone, Debug)]
pub struct LabelledVideos {
    dataset: Dataset,
    numbers: Vec<u64>,
    entries: Vec<VideoEntry>,
    /// Several labels, or numbers, of each; empty where they have one class each or none.
    labels: Vec<Arc<[f32]>>,
}

/// Videos for training and test, and the names of their classes.
#[derive(Clone, Debug)]
pub struct Parts {
    /// To train on.
    pub train: LabelledVideos,
    /// To test on; none where no split was asked for.
    pub test: Option<LabelledVideos>,
    /// The classes.
    pub classes: Classes,
}

impl LabelledVideos {
    /// Opens VIDEOS, a manifest or shards; classes are those that are stored there.
    ///
    /// # Errors
    /// Asked wrongly: nothing is there.
    pub fn open(given: &[PathBuf]) -> Result<Self> {
        let dataset = data::open(given)?;
        let (numbers, entries): (Vec<u64>, Vec<VideoEntry>) = dataset.listing()?.into_iter().unzip();
        let missing = dataset.videos().saturating_sub(entries.len() as u64);
        if missing > 0 {
            let videos = dataset.videos();
            report::say(format_args!("{missing} of {videos} videos are not in the shards and are left out"));
        }
        if entries.is_empty() {
            return Err(Usage::new("there is no video in these shards").into());
        }
        Ok(Self { dataset, numbers, entries, labels: Vec::new() })
    }

    /// Paths and classes; a video's row is its place.
    pub fn entries(&self) -> &[VideoEntry] {
        &self.entries
    }

    /// How many.
    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Where their clips come from; it may hold other videos too.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The videos as the dataset numbers them.
    pub fn chosen(&self) -> Vec<ChosenVideo> {
        let chosen = |(&number, entry): (&u64, &VideoEntry)| ChosenVideo { number, label: entry.label };
        self.numbers.iter().zip(&self.entries).map(chosen).collect()
    }

    /// Several labels, or numbers, of each video; empty where they have one class each or none.
    pub fn labels(&self) -> &[Arc<[f32]>] {
        &self.labels
    }

    /// Digest of paths and classes in their order.
    pub fn digest(&self) -> String {
        let of_list = dataset::Videos::new(self.entries.clone()).digest();
        if self.labels.is_empty() { of_list } else { answers::digest(&of_list, &self.labels) }
    }

    /// Those that are held out, and the others.
    fn divide(self, out: &[bool]) -> (Self, Self) {
        let part = |wanted: bool| {
            let videos = self.numbers.iter().zip(&self.entries).zip(out).filter(|(_, out)| **out == wanted);
            let (numbers, entries) = videos.map(|((number, entry), _)| (*number, entry.clone())).unzip();
            let labels = self.labels.iter().zip(out).filter(|(_, out)| **out == wanted);
            let labels = labels.map(|(labels, _)| Arc::clone(labels)).collect();
            Self { dataset: self.dataset.clone(), numbers, entries, labels }
        };
        (part(true), part(false))
    }
}

impl LabelArguments {
    fn source(&self) -> Result<LabelSource> {
        let Some(given) = &self.labels else { return Ok(LabelSource::Videos) };
        let (file, column) = file_and_column(given);
        Ok(LabelSource::Table(Table::read(Path::new(file), column).map_err(wrong)?))
    }

    /// The classes that were named, or `known` ones, such as those of a model.
    fn known(&self, known: Option<Classes>) -> Result<Option<Classes>> {
        match &self.classes {
            None => Ok(known),
            Some(file) => Ok(Some(Classes::read(file).map_err(wrong)?)),
        }
    }

    /// Labels videos by the given classes, `known` ones, or those that occur.
    fn label(&self, videos: &mut LabelledVideos, known: Option<Classes>) -> Result<Classes> {
        let known = self.known(known)?;
        if !self.problem_type.is_single_label() {
            let classes_named = self.classes.is_some();
            let table = self.labels.as_deref();
            let (names, labels) =
                answers::read(self.problem_type, table, &videos.entries, known, classes_named)?;
            // They are in no class, so that a share is held out of all together.
            videos.entries.iter_mut().for_each(|entry| entry.label = None);
            videos.labels = labels;
            return Ok(names);
        }
        Ok(labels::label(&mut videos.entries, &self.source()?, known).map_err(wrong)?)
    }

    /// The videos that `given` names, with classes: the given ones, `known` ones, such as those of a model, or
    /// those that occur.
    ///
    /// # Errors
    /// Asked wrongly: nothing is there, or a label is missing or wrong; its rows are named.
    pub fn videos(&self, given: &[PathBuf], known: Option<Classes>) -> Result<(LabelledVideos, Classes)> {
        let mut videos = LabelledVideos::open(given)?;
        let classes = self.label(&mut videos, known)?;
        Ok((videos, classes))
    }

    /// The videos to train on and to test on: `split` is `train=LIST,test=LIST` (then `given` is empty), or
    /// `test=SHARE` of each class of `given`, drawn from `seed`. A video on both sides is refused.
    ///
    /// # Errors
    /// Asked wrongly: as [`Self::videos`], or the split is none.
    pub fn parts(
        &self,
        given: &[PathBuf],
        split: Option<&str>,
        seed: u64,
        known: Option<Classes>,
    ) -> Result<Parts> {
        let split = split.map(str::parse::<Split>).transpose().map_err(wrong)?;
        if let Some(Split::Named { train, test }) = split {
            if !given.is_empty() {
                return Err(Usage::new("a split into two lists says all: give no other videos").into());
            }
            let (train, classes) = self.videos(&[train], known)?;
            let mut test = LabelledVideos::open(&[test])?;
            // The test knows the classes of the training: one that only it has cannot be learnt.
            self.label(&mut test, Some(classes.clone()))?;
            labels::check_disjoint(&train.entries, &test.entries).map_err(wrong)?;
            return Ok(Parts { train, test: Some(test), classes });
        }
        if given.is_empty() {
            return Err(Usage::new("no videos are named: --data VIDEOS, or --split train=…,test=…").into());
        }
        let (videos, classes) = self.videos(given, known)?;
        let Some(Split::Share(share)) = split else {
            return Ok(Parts { train: videos, test: None, classes });
        };
        let out = labels::held_out(&videos.entries, share, seed);
        let (test, train) = videos.divide(&out);
        if test.entries.is_empty() {
            return Err(Usage::new("no class has two videos, so none can be held out for a test").into());
        }
        // A video that was named twice may have come to lie on both sides.
        labels::check_disjoint(&train.entries, &test.entries).map_err(wrong)?;
        Ok(Parts { train, test: Some(test), classes })
    }
}

/// `FILE:COLUMN`, or the name of a file that is there.
pub fn file_and_column(given: &str) -> (&str, Option<&str>) {
    match given.rsplit_once(':') {
        Some((file, column)) if !Path::new(given).exists() => (file, Some(column)),
        _ => (given, None),
    }
}

/// A label that is wrong was asked wrongly.
pub fn wrong(why: LabelError) -> Usage {
    let usage = Usage::new(why.to_string());
    match why {
        LabelError::Unlabelled { .. } => usage.hint(
            "labels are a list's second column, the folder of each video (folder/class/video.mp4), or \
             --labels FILE.csv",
        ),
        LabelError::Outside { .. } | LabelError::UnknownClass { .. } => {
            usage.hint("--classes CLASSES.TXT names the classes, one a line")
        }
        _ => usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_of_class_folders_is_divided_by_video() {
        let names: Vec<String> = (0..10).map(|at| format!("{}/{at}.mp4", ["run", "jump"][at % 2])).collect();
        let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let arguments = LabelArguments::default();
        let given = [folder.path().to_path_buf()];
        let parts = arguments.parts(&given, Some("test=0.2"), 3, None).unwrap();
        assert_eq!((parts.train.len(), parts.test.unwrap().len()), (8, 2));
        assert_eq!(parts.classes.names(), ["jump", "run"]);
    }

    #[test]
    fn a_video_in_both_lists_is_refused_with_its_row() {
        let folder = folder(&["a.mp4", "b.mp4"]);
        let list = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (train, test) = (list("train.txt", "a.mp4 0\n"), list("test.txt", "b.mp4 0\na.mp4 0\n"));
        let split = format!("train={train},test={test}");
        let refused = LabelArguments::default().parts(&[], Some(&split), 0, None).unwrap_err();
        assert!(refused.is::<Usage>() && refused.to_string().contains("row 2"), "{refused}");
    }

    #[test]
    fn a_class_that_only_the_test_has_is_refused() {
        let folder = folder(&["train/run/a.mp4", "test/swim/b.mp4"]);
        let part = |name: &str| folder.path().join(name).display().to_string();
        let split = format!("train={},test={}", part("train"), part("test"));
        let refused = LabelArguments::default().parts(&[], Some(&split), 0, None).unwrap_err();
        assert!(refused.to_string().contains("`swim`"), "{refused}");
    }
}
