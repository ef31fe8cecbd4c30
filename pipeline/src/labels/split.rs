//! Which videos are trained on and which are tested: two lists, or a share of each class by chance. Always
//! whole videos, never clips of one on both sides.

use std::{path::PathBuf, str::FromStr};

use super::{LabelError, by_class};
use crate::{
    dataset::VideoEntry,
    draws::{Draws, Purpose},
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
    /// This share of the videos of each class is held out for the test.
    Share(f64),
}

impl FromStr for Split {
    type Err = LabelError;

    /// `train=A,test=B`, or `test=0.2`.
    fn from_str(text: &str) -> Result<Self, LabelError> {
        let refused = |why: &str| LabelError::Split { text: text.to_owned(), why: why.to_owned() };
        let form = "it is `train=LIST,test=LIST` or `test=0.2`";
        let (mut train, mut test) = (None, None);
        for part in text.split(',') {
            let place = match part.split_once('=') {
                Some(("train", value)) => (&mut train, value),
                Some(("test", value)) => (&mut test, value),
                _ => return Err(refused(form)),
            };
            if place.0.replace(place.1).is_some() {
                return Err(refused("a part is named twice"));
            }
        }
        let share = |text: &str| text.parse::<f64>().ok();
        match (train, test) {
            (Some(train), Some(test)) => Ok(Self::Named { train: train.into(), test: test.into() }),
            (None, Some(test)) => match share(test) {
                Some(share) if share > 0.0 && share < 1.0 => Ok(Self::Share(share)),
                Some(_) => Err(refused("a share lies between 0 and 1")),
                None => Err(refused(form)),
            },
            (Some(_) | None, None) => Err(refused(form)),
        }
    }
}

/// Which of labelled videos are held out: a share of each class, rounded. A class of two or more videos has at
/// least one on either side.
pub fn held_out(videos: &[VideoEntry], share: f64, seed: u64) -> Vec<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_understood_and_others_are_refused() {
        let named = Split::Named { train: "a.txt".into(), test: "b".into() };
        assert_eq!("train=a.txt,test=b".parse::<Split>().unwrap(), named);
        assert_eq!("test=0.25".parse::<Split>().unwrap(), Split::Share(0.25));
        for wrong in ["", "0.2", "test=0", "test=1.5", "train=a", "test=a", "test=a,test=b", "train=a,val=b"]
        {
            let refused = wrong.parse::<Split>().unwrap_err().to_string();
            assert!(refused.starts_with(&format!("`{wrong}` is no split")), "{refused}");
        }
    }

    #[test]
    fn every_class_is_on_both_sides() {
        let videos: Vec<_> =
            (0..50).map(|at| VideoEntry { path: format!("{at}.mp4").into(), label: Some(at % 3) }).collect();
        let out = held_out(&videos, 0.2, 7);
        // Three of 17, 17 and 16.
        assert_eq!(out.iter().filter(|out| **out).count(), 9);
        for class in 0..3 {
            assert!(videos.iter().zip(&out).any(|(video, out)| *out && video.label == Some(class)));
            assert!(videos.iter().zip(&out).any(|(video, out)| !out && video.label == Some(class)));
        }
        assert_eq!(held_out(&videos, 0.2, 7), out);
        assert_ne!(held_out(&videos, 0.2, 8), out);
    }

    #[test]
    fn a_class_of_one_video_is_trained_on() {
        let videos = [VideoEntry { path: "a.mp4".into(), label: Some(0) }];
        assert_eq!(held_out(&videos, 0.5, 0), [false]);
    }
}
