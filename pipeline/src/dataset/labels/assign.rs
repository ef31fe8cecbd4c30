//! A class number for every video.

use super::{
    Classes, LabelError, LabelSource, Rows,
    classes::{Word, occurring},
    source::{check_names, words},
};
use crate::video_entry::VideoEntry;

/// Gives every video its class number. Without `classes`, the classes are those that occur: names sorted, or
/// the numbers from 0 to the largest.
///
/// # Errors
/// When a video has no label, or one that is no class.
pub fn label(
    videos: &mut [VideoEntry],
    source: &LabelSource,
    classes: Option<Classes>,
) -> Result<Classes, LabelError> {
    let words = words(videos, source)?;
    let without: Vec<usize> = (0..videos.len()).filter(|&row| words[row].is_none()).collect();
    if !without.is_empty() {
        return Err(LabelError::Unlabelled { rows: Rows::of(videos, &without), videos: videos.len() });
    }
    let words: Vec<Word> = words.into_iter().flatten().collect();
    let classes = match classes {
        Some(classes) => classes,
        None => {
            check_names(videos, &words)?;
            occurring(&words)
        }
    };
    let mut numbers = Vec::with_capacity(words.len());
    for word in &words {
        let number = match word {
            Word::Number(number) => usize::try_from(*number).ok().filter(|&number| number < classes.len()),
            Word::Name(name) => classes.number_of(name),
        };
        let same = || (0..words.len()).filter(|&row| words[row] == *word).collect::<Vec<_>>();
        numbers.push(number.ok_or_else(|| match word {
            Word::Name(name) => LabelError::UnknownClass {
                name: name.clone(),
                classes: classes.len(),
                rows: Rows::of(videos, &same()),
            },
            Word::Number(number) => LabelError::Outside {
                label: *number,
                last: classes.len().saturating_sub(1),
                classes: classes.len(),
                rows: Rows::of(videos, &same()),
            },
        })?);
    }
    for (video, number) in videos.iter_mut().zip(numbers) {
        video.label = i32::try_from(number).ok();
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::labels::counts;

    fn video(path: &str, label: Option<i32>) -> VideoEntry {
        VideoEntry::whole(path.into(), label)
    }

    #[test]
    fn folders_become_classes_in_the_order_of_their_names() {
        let mut videos = ["d/run/a.mp4", "d/jump/b.mp4", "d/run/c.mp4"].map(|path| video(path, None));
        let folders = ["run", "jump", "run"].map(|name| Some(name.to_owned())).to_vec();
        let classes = label(&mut videos, &LabelSource::Folders(folders), None).unwrap();
        assert_eq!(classes.names(), ["jump", "run"]);
        assert_eq!(videos.each_ref().map(|video| video.label), [Some(1), Some(0), Some(1)]);
        assert_eq!(counts(&videos, &classes), [1, 2]);
    }

    #[test]
    fn numbers_of_a_list_are_kept() {
        let mut videos = [video("a.mp4", Some(2)), video("b.mp4", Some(0))];
        let classes = label(&mut videos, &LabelSource::Videos, None).unwrap();
        assert_eq!((classes.len(), videos[0].label), (3, Some(2)));
    }

    #[test]
    fn wrong_labels_name_their_rows() {
        let names = || Some(Classes::of(vec!["jump".into(), "run".into()]));
        let mut videos = [video("a.mp4", Some(2)), video("b.mp4", Some(0)), video("c.mp4", Some(2))];
        let refused = label(&mut videos, &LabelSource::Videos, names()).unwrap_err().to_string();
        assert_eq!(refused, "label 2 is outside 0…1 of 2 classes: row 1 (a.mp4), row 3 (c.mp4)");

        let mut videos = [video("a.mp4", Some(1)), video("b.mp4", None)];
        let refused = label(&mut videos, &LabelSource::Videos, names()).unwrap_err().to_string();
        assert_eq!(refused, "no label for row 2 (b.mp4) of 2 videos");

        let mut videos = [video("swim/a.mp4", None), video("run/b.mp4", None)];
        let folders = LabelSource::Folders(vec![Some("swim".into()), Some("run".into())]);
        let refused = label(&mut videos, &folders, names()).unwrap_err().to_string();
        assert_eq!(refused, "class `swim` is not in the list of 2 classes: row 1 (swim/a.mp4)");

        let mut videos = [video("a.mp4", Some(-1)), video("b.mp4", Some(i32::MAX))];
        assert!(matches!(
            label(&mut videos, &LabelSource::Videos, None),
            Err(LabelError::Outside { label: -1, .. })
        ));
    }
}
