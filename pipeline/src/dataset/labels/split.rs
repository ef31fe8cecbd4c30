//! Which videos are trained on and which are tested: two lists, or a share that is drawn. Always whole videos,
//! never clips of one on both sides.
//!
//! Whether a video is held out is drawn from the seed and the video alone, its name or its content:
//!
//! ```text
//! held out  ⇔  number(seed, BLAKE3(name)) < share          number: even from 0 to 1
//! ```
//!
//! So no other video has a say: whatever is added, taken away, renamed or sorted otherwise, the others keep their
//! part. The price is that a share is met on the average only: of 10 videos, `test=0.2` holds out 2 ± 1.3, and a
//! small class may have none. What came out is shown before the first step.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use super::LabelError;
use crate::{
    draws::{Draws, Purpose},
    video_entry::VideoEntry,
};

/// How videos are divided.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// Two lists or folders.
    Named {
        /// For training.
        train: PathBuf,
        /// For the test.
        test: PathBuf,
    },
    /// Each video is held out for the test with this probability.
    Drawn {
        /// The probability.
        share: f64,
        /// What of a video it is drawn from.
        by: DrawnBy,
    },
}

/// What of a video its part is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawnBy {
    /// Its path below the folder that was given: the folder may move.
    Name,
    /// The bytes of its file: it may have any name, and copies are on one side.
    Content,
}

impl FromStr for Split {
    type Err = LabelError;

    /// `train=A,test=B`, `test=0.2`, or `test=0.2,by=content`.
    fn from_str(text: &str) -> Result<Self, LabelError> {
        let refused = |why: &str| LabelError::Split { text: text.to_owned(), why: why.to_owned() };
        let form = "it is `train=LIST,test=LIST`, `test=0.2` or `test=0.2,by=content`";
        let (mut train, mut test, mut by) = (None, None, None);
        for part in text.split(',') {
            let place = match part.split_once('=') {
                Some(("train", value)) => (&mut train, value),
                Some(("test", value)) => (&mut test, value),
                Some(("by", value)) => (&mut by, value),
                _ => return Err(refused(form)),
            };
            if place.0.replace(place.1).is_some() {
                return Err(refused("a part is named twice"));
            }
        }
        let by = match by {
            None => None,
            Some("name") => Some(DrawnBy::Name),
            Some("content") => Some(DrawnBy::Content),
            Some(_) => return Err(refused("a part is drawn by=name or by=content")),
        };
        let share = |text: &str| text.parse::<f64>().ok();
        match (train, test, by) {
            (Some(train), Some(test), None) => Ok(Self::Named { train: train.into(), test: test.into() }),
            (None, Some(test), by) => match share(test) {
                Some(share) if share > 0.0 && share < 1.0 => {
                    Ok(Self::Drawn { share, by: by.unwrap_or(DrawnBy::Name) })
                }
                Some(_) => Err(refused("a share lies between 0 and 1")),
                None => Err(refused(form)),
            },
            _ => Err(refused(form)),
        }
    }
}

/// Whether the video of this name, or this content, is held out.
pub fn is_held_out(video: &[u8], share: f64, seed: u64) -> bool {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(video).as_bytes();
    let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    Draws::new(seed, Purpose::Split, 0, number).unit() < share
}

/// The rule of runs whose folder does not say their split: a share of each class by its rows, rounded, at least
/// one of two. What is added to a class moves others, so no run begins with it.
pub fn held_out_by_rows(videos: &[VideoEntry], share: f64, seed: u64) -> Vec<bool> {
    let mut out = vec![false; videos.len()];
    for (class, mut rows) in by_class(videos) {
        // The number is the class's bits: −1, the class of the unlabelled, has its own stream too.
        Draws::new(seed, Purpose::Split, 0, u64::from(class as u32)).shuffle(&mut rows);
        let wanted = (rows.len() as f64 * share).round() as usize;
        let wanted = if rows.len() < 2 { 0 } else { wanted.clamp(1, rows.len() - 1) };
        for row in &rows[..wanted] {
            out[*row] = true;
        }
    }
    out
}

/// The rows of each class, ascending; unlabelled videos form the class −1.
fn by_class(videos: &[VideoEntry]) -> BTreeMap<i32, Vec<usize>> {
    let mut rows: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (row, video) in videos.iter().enumerate() {
        rows.entry(video.label.unwrap_or(-1)).or_default().push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_understood_and_others_are_refused() {
        let named = Split::Named { train: "a.txt".into(), test: "b".into() };
        assert_eq!("train=a.txt,test=b".parse::<Split>().unwrap(), named);
        let drawn = |by| Split::Drawn { share: 0.25, by };
        assert_eq!("test=0.25".parse::<Split>().unwrap(), drawn(DrawnBy::Name));
        assert_eq!("test=0.25,by=content".parse::<Split>().unwrap(), drawn(DrawnBy::Content));
        for wrong in [
            "",
            "0.2",
            "test=0",
            "test=1.5",
            "train=a",
            "test=a",
            "test=a,test=b",
            "train=a,val=b",
            "test=0.2,by=luck",
            "train=a,test=b,by=name",
        ] {
            let refused = wrong.parse::<Split>().unwrap_err().to_string();
            assert!(refused.starts_with(&format!("`{wrong}` is not a split")), "{refused}");
        }
    }

    #[test]
    fn a_share_is_met_on_the_average_and_differs_by_seed() {
        let out = |seed| -> Vec<bool> {
            (0..2000).map(|at| is_held_out(format!("a/{at}.mp4").as_bytes(), 0.2, seed)).collect()
        };
        let count = out(7).iter().filter(|out| **out).count();
        // 400 ± 4.5 standard deviations of a binomial draw
        assert!((320..480).contains(&count), "{count}");
        assert_eq!(out(7), out(7));
        assert_ne!(out(7), out(8));
    }

    #[test]
    fn the_rule_of_older_runs_is_kept() {
        let videos: Vec<_> =
            (0..50).map(|at| VideoEntry::whole(format!("{at}.mp4").into(), Some(at % 3))).collect();
        let out = held_out_by_rows(&videos, 0.2, 7);
        // Three of 17, 17 and 16.
        assert_eq!(out.iter().filter(|out| **out).count(), 9);
        for class in 0..3 {
            assert!(videos.iter().zip(&out).any(|(video, out)| *out && video.label == Some(class)));
            assert!(videos.iter().zip(&out).any(|(video, out)| !out && video.label == Some(class)));
        }
        assert_eq!(held_out_by_rows(&videos[..1], 0.5, 0), [false]);
    }
}
