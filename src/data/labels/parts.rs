//! Labelled videos in two parts: those that are trained on, and those that are held out for a test.

use std::path::PathBuf;

use pipeline::{
    dataset::{
        Dataset,
        labels::{self, Classes, DrawnBy, Split, leaks},
    },
    video_entry::VideoEntry,
};
use schemas::ProblemType;

use super::{
    answers,
    label_error::wrong,
    labelled_videos::LabelledVideos,
    settings::{LabelSettings, Labelled},
};
use crate::{
    class_counts::ClassCounts,
    error::{Context as _, Result, Usage},
    observer::Observer,
};

/// Videos for training and test, and the names of their classes.
#[derive(Clone, Debug)]
pub struct Parts {
    /// To train on.
    pub train: LabelledVideos,
    /// To test on; none where no split was asked for.
    pub test: Option<LabelledVideos>,
    /// The classes.
    pub classes: Classes,
    /// Where the classes come from, in words.
    pub origin: String,
    /// What a person should know about them, a sentence each.
    pub notes: Vec<String>,
    /// The split that was asked for.
    pub split: Option<SplitAsked>,
}

/// A split as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitAsked {
    /// In words.
    pub text: String,
    /// What a drawn one is drawn from.
    pub seed: u64,
}

/// How a share of the videos is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Each by itself.
    Video,
    /// By rows, as runs were divided whose folder does not say how.
    Rows,
}

impl Parts {
    /// The classes, the videos of each in either part, and what is odd about them; of several labels how many
    /// videos have each, of numbers how they are spread.
    pub fn counts(&self, problem_type: ProblemType) -> ClassCounts {
        let of = |videos: &LabelledVideos| labels::counts(videos.entries(), &self.classes);
        let single = problem_type.is_single_label();
        let counts = ClassCounts {
            problem_type,
            origin: self.origin.clone(),
            names: self.classes.names().to_vec(),
            train: if single { of(&self.train) } else { Vec::new() },
            test: self.test.as_ref().filter(|_| single).map(of),
            videos: [self.train.len(), self.test.as_ref().map_or(0, LabelledVideos::len)],
            split: self.split.as_ref().map(|split| split.text.clone()),
            notes: self.notes.clone(),
        };
        match single {
            true => counts.with_odd(),
            false => {
                let notes = answers::describe(problem_type, &self.train, &self.classes);
                ClassCounts { notes, ..counts }
            }
        }
    }

    /// Refuses a video on both sides, under one name or two.
    ///
    /// # Errors
    /// Usage error: names the videos.
    pub fn check_leaks(&self) -> Result<()> {
        let Some(test) = &self.test else { return Ok(()) };
        leaks::check_disjoint(self.train.entries(), test.entries()).map_err(wrong)?;
        match (self.train.dataset(), test.dataset()) {
            (Dataset::Videos(_), Dataset::Videos(_)) => {
                Ok(leaks::check_contents(self.train.entries(), test.entries()).map_err(wrong)?)
            }
            // What lies in shards has no file of its own to compare.
            _ => Ok(()),
        }
    }
}

impl LabelSettings {
    /// The videos to train on and to test on: `split` is `train=LIST,test=LIST` (then `given` is empty), or
    /// `test=SHARE` of `given`, each video drawn from `seed` and itself. A video on both sides is refused.
    ///
    /// # Errors
    /// Usage error: as [`Self::videos`], or the split is none.
    pub fn parts(
        &self,
        given: &[PathBuf],
        split: Option<&str>,
        seed: u64,
        known: Option<Classes>,
        observer: &dyn Observer,
    ) -> Result<Parts> {
        self.parts_by(Rule::Video, given, split, seed, known, observer)
    }

    /// The same by another rule.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn parts_by(
        &self,
        rule: Rule,
        given: &[PathBuf],
        split: Option<&str>,
        seed: u64,
        known: Option<Classes>,
        observer: &dyn Observer,
    ) -> Result<Parts> {
        let asked = split.map(|text| SplitAsked { text: text.to_owned(), seed });
        let split = split.map(str::parse::<Split>).transpose().map_err(wrong)?;
        let (train, test, labelled) = match split {
            Some(Split::Named { train, test }) => {
                if !given.is_empty() {
                    return Err(
                        Usage::new("a split into two lists is complete, so --data cannot be used").into()
                    );
                }
                let (train, labelled) = self.videos(&[train], known, observer)?;
                // The test knows the classes of the training: one that only it has cannot be learnt.
                let (test, of_test) = self.videos(&[test], Some(labelled.classes.clone()), observer)?;
                let labelled = Labelled { notes: [labelled.notes, of_test.notes].concat(), ..labelled };
                (train, Some(test), labelled)
            }
            _ if given.is_empty() => {
                let message = "no videos are given: --data VIDEOS, or --split train=…,test=…";
                return Err(Usage::new(message).into());
            }
            None => {
                let (train, labelled) = self.videos(given, known, observer)?;
                (train, None, labelled)
            }
            Some(Split::Drawn { share, by }) => {
                let (videos, labelled) = self.videos(given, known, observer)?;
                let out = match rule {
                    Rule::Rows => labels::held_out_by_rows(videos.entries(), share, seed),
                    Rule::Video => draw(&videos, share, by, seed)?,
                };
                let (train, test) = divide(&videos, &out)?;
                (train, Some(test), labelled)
            }
        };
        let Labelled { classes, origin, notes } = labelled;
        let parts = Parts { train, test, classes, origin, notes, split: asked };
        parts.check_leaks()?;
        Ok(parts)
    }
}

/// Which videos are held out, each drawn by itself.
fn draw(videos: &LabelledVideos, share: f64, by: DrawnBy, seed: u64) -> Result<Vec<bool>> {
    if by == DrawnBy::Name {
        // Parts of one file stay together: neighbouring frames are no test.
        let names = videos.file_names();
        return Ok(names.iter().map(|name| labels::is_held_out(name.as_bytes(), share, seed)).collect());
    }
    if !matches!(videos.dataset(), Dataset::Videos(_)) {
        return Err(Usage::new("by=content needs the files of the videos, and shards have none").into());
    }
    let out = |video: &VideoEntry| -> Result<bool> {
        let digest = leaks::content_digest(video).with_context(|| {
            let name = pipeline::names::shown(&video.path);
            format!("{name} cannot be read, and the split is drawn by=content")
        })?;
        Ok(labels::is_held_out(digest.as_bytes(), share, seed))
    };
    videos.entries().iter().map(out).collect()
}

/// Those that are trained on, and those that are held out.
fn divide(videos: &LabelledVideos, out: &[bool]) -> Result<(LabelledVideos, LabelledVideos)> {
    let rows = |wanted: bool| -> Vec<usize> { (0..out.len()).filter(|&row| out[row] == wanted).collect() };
    let (train, test) = (rows(false), rows(true));
    let all = out.len();
    for (part, what) in [(&test, "held out for the test"), (&train, "left to train on")] {
        if part.is_empty() {
            return Err(Usage::new(format!("none of {all} videos is {what}: each is drawn by itself"))
                .hint("use another share, another seed (--set run.seed=1), or two lists: --split train=LIST,test=LIST")
                .into());
        }
    }
    Ok((videos.rows(&train), videos.rows(&test)))
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
        let names: Vec<String> = (0..40).map(|at| format!("{}/{at}.mp4", ["run", "jump"][at % 2])).collect();
        let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let arguments = LabelSettings::default();
        let given = [folder.path().to_path_buf()];
        let parts = arguments.parts(&given, Some("test=0.25"), 3, None, &()).unwrap();
        let held_out = parts.test.unwrap().len();
        assert_eq!(parts.train.len() + held_out, 40);
        // 10 ± 3 standard deviations of a binomial draw
        assert!((2..=18).contains(&held_out), "{held_out}");
        assert_eq!(parts.classes.names(), ["jump", "run"]);
    }

    #[test]
    fn a_video_keeps_its_part_whatever_is_added_and_wherever_the_folder_lies() {
        let names: Vec<String> = (0..30).map(|at| format!("{}/{at}.mp4", ["run", "jump"][at % 2])).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let test_of = |names: &[&str]| -> Vec<String> {
            let folder = folder(names);
            let given = [folder.path().to_path_buf()];
            let parts = LabelSettings::default().parts(&given, Some("test=0.3"), 0, None, &()).unwrap();
            let mut names = parts.test.unwrap().names();
            names.sort();
            names
        };
        let before = test_of(&names);
        let added = ["a/new.mp4", "jump/0.mp4", "run/zz.mp4", "zz/new.mp4"];
        let mut after = test_of(&[&added[..], &names].concat());
        after.retain(|name| !added.contains(&name.as_str()));
        assert_eq!(before, after);
    }

    #[test]
    fn a_list_gives_the_split_of_its_folder() {
        let names: Vec<String> = (0..30).map(|at| format!("{}/{at}.mp4", ["run", "jump"][at % 2])).collect();
        let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let list: String = names.iter().rev().map(|name| format!("{name} {}\n", &name[..3])).collect();
        std::fs::write(folder.path().join("list.txt"), list).unwrap();
        let test_of = |given: PathBuf| {
            let parts = LabelSettings::default().parts(&[given], Some("test=0.3"), 0, None, &()).unwrap();
            let mut names = parts.test.unwrap().names();
            names.sort();
            names
        };
        assert_eq!(test_of(folder.path().to_path_buf()), test_of(folder.path().join("list.txt")));
    }

    #[test]
    fn no_video_for_the_test_is_refused() {
        let folder = folder(&["a/1.mp4", "b/2.mp4"]);
        let given = [folder.path().to_path_buf()];
        let refused =
            LabelSettings::default().parts(&given, Some("test=0.000001"), 0, None, &()).unwrap_err();
        assert!(refused.to_string().starts_with("none of 2 videos is held out"), "{refused}");
    }

    #[test]
    fn a_split_by_content_keeps_copies_on_one_side() {
        let names: Vec<String> = (0..20).map(|at| format!("{}/{at}.mp4", ["run", "jump"][at % 2])).collect();
        let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (at, name) in names.iter().enumerate() {
            std::fs::write(folder.path().join(name), format!("film {}", at / 2)).unwrap();
        }
        let given = [folder.path().to_path_buf()];
        let parts = |split| LabelSettings::default().parts(&given, Some(split), 1, None, &());
        let refused = parts("test=0.4").unwrap_err();
        assert!(refused.to_string().contains("the same bytes are in"), "{refused}");
        parts("test=0.4,by=content").unwrap();
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
        let refused = LabelSettings::default().parts(&[], Some(&split), 0, None, &()).unwrap_err();
        assert!(refused.usage().is_some() && refused.to_string().contains("row 2"), "{refused}");
    }

    #[test]
    fn a_class_that_only_the_test_has_is_refused() {
        let folder = folder(&["train/run/a.mp4", "test/swim/b.mp4"]);
        let part = |name: &str| folder.path().join(name).display().to_string();
        let split = format!("train={},test={}", part("train"), part("test"));
        let refused = LabelSettings::default().parts(&[], Some(&split), 0, None, &()).unwrap_err();
        assert!(refused.to_string().contains("`swim`"), "{refused}");
    }
}
