//! Classes as their sources write them: numbers, names, and words that nobody means as classes.

use std::sync::Arc;

use super::{LabelError, Rows, Table, classes::Word};
use crate::video_entry::VideoEntry;

/// Where labels come from.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelSource {
    /// The numbers of a manifest or of shards.
    Videos,
    /// What stands behind each path of a list: numbers where every one is a whole number, names otherwise.
    List(Vec<Option<Arc<str>>>),
    /// The name of a folder of each video.
    Folders(Vec<Option<String>>),
    /// A table, joined by path.
    Table(Table),
}

/// The rows of videos to which `source` gives no class.
///
/// # Errors
/// When a table fits several videos in one row.
pub fn unlabelled(videos: &[VideoEntry], source: &LabelSource) -> Result<Vec<usize>, LabelError> {
    let words = words(videos, source)?;
    Ok((0..videos.len()).filter(|&row| words[row].is_none()).collect())
}

/// The class of each video as the source writes it.
pub(super) fn words(videos: &[VideoEntry], source: &LabelSource) -> Result<Vec<Option<Word>>, LabelError> {
    Ok(match source {
        LabelSource::Table(table) => table.words(videos)?,
        LabelSource::Videos => {
            videos.iter().map(|video| video.label.map(|label| Word::Number(label.into()))).collect()
        }
        LabelSource::List(words) => {
            let number = |word: &str| word.parse::<i64>().ok().map(Word::Number);
            let numbers = words.iter().flatten().all(|word| number(word).is_some());
            let word = |word: &Arc<str>| match number(word) {
                Some(number) if numbers => number,
                _ => Word::Name((**word).to_owned()),
            };
            words.iter().map(|it| it.as_ref().map(word)).collect()
        }
        LabelSource::Folders(names) => names.iter().cloned().map(|name| name.map(Word::Name)).collect(),
    })
}

/// Refuses names that nobody means as classes. A list of classes that has them says that they are meant.
pub(super) fn check_names(videos: &[VideoEntry], words: &[Word]) -> Result<(), LabelError> {
    let rows = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let fits = |word: &Word| matches!(word, Word::Name(name) if fits(name));
        (0..words.len()).filter(|&row| fits(&words[row])).collect()
    };
    let named = |rows: &[usize]| match rows.first().and_then(|&row| words.get(row)) {
        Some(Word::Name(name)) => Some((name.clone(), Rows::of(videos, rows))),
        _ => None,
    };
    let number = |name: &str| name.contains(|it: char| it.is_ascii_digit()) && name.parse::<f64>().is_ok();
    let fraction = |name: &str| number(name) && name.parse::<i64>().is_err();
    if let Some((word, rows)) = named(&rows(&fraction)) {
        return Err(LabelError::Score { word, rows });
    }
    match named(&rows(&|name| name.contains('|'))) {
        Some((word, rows)) => Err(LabelError::Several { word, rows }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::labels::{Classes, label};

    fn video(path: &str, label: Option<i32>) -> VideoEntry {
        VideoEntry::whole(path.into(), label)
    }

    #[test]
    fn words_of_a_list_are_numbers_only_where_all_are() {
        let words = |words: [&str; 2]| LabelSource::List(words.map(|word| Some(word.into())).to_vec());
        let mut videos = [video("a.mp4", Some(3)), video("b.mp4", None)];
        assert_eq!(label(&mut videos, &words(["3", "1"]), None).unwrap().len(), 4);
        let classes = label(&mut videos, &words(["3", "pour"]), None).unwrap();
        assert_eq!((classes.names(), videos[0].label), (&["3".to_owned(), "pour".to_owned()][..], Some(0)));
    }

    #[test]
    fn scores_and_several_classes_in_one_are_refused_unless_a_list_of_classes_has_them() {
        let words = |words: [&str; 2]| LabelSource::List(words.map(|word| Some(word.into())).to_vec());
        let mut videos = [video("a.mp4", None), video("b.mp4", None)];
        let refused = label(&mut videos, &words(["1.5", "2.5"]), None).unwrap_err().to_string();
        let says =
            "`1.5` is a fraction, but a class is a whole number or a name: row 1 (a.mp4), row 2 (b.mp4)";
        assert_eq!(refused, says);
        let refused = label(&mut videos, &words(["1.0", "2"]), None).unwrap_err();
        assert!(matches!(refused, LabelError::Score { .. }), "{refused}");
        let refused = label(&mut videos, &words(["run", "run|jump"]), None).unwrap_err();
        assert!(matches!(refused, LabelError::Several { .. }), "{refused}");
        let known = Classes::of(vec!["1.5".into(), "2.5".into()]);
        label(&mut videos, &words(["1.5", "2.5"]), Some(known)).unwrap();
        label(&mut videos, &words(["nan", "infinity"]), None).unwrap();
    }
}
