//! Several labels a video, from a table.
//!
//! ```text
//! path,label                 one column: labels with `|` between them, none in an empty cell; of several rows of
//! a.mp4,red|moving           one path all labels count
//!
//! path,red,moving            several columns: a class each, 0 or 1
//! a.mp4,1,0
//! ```

use std::{collections::HashMap, path::Path, sync::Arc};

use super::{
    Classes, LabelError, Rows,
    cells::{Cells, Columns},
    classes::{Word, occurring},
    table::{LABELS, join, key},
};
use crate::video_entry::VideoEntry;

/// Between the labels of a cell.
const BETWEEN: char = '|';

/// What is right of each video: 1 for each class that it has, 0 for the others. Without `classes` they are those
/// that occur in one column, or the names of several.
///
/// # Errors
/// When the table cannot be read, a label is no class, or a video is not in it.
pub fn several(
    videos: &[VideoEntry],
    file: &Path,
    columns: &Columns,
    classes: Option<Classes>,
) -> Result<(Classes, Vec<Arc<[f32]>>), LabelError> {
    let cells = Cells::read(file, columns, &LABELS)?;
    let (classes, rows) = match (columns, cells.columns.len()) {
        (Columns::Others, _) | (Columns::Named(_), 2..) => of_columns(&cells, classes)?,
        _ => of_words(&cells, classes)?,
    };
    let labels = join(file, &rows, videos)?;
    Ok((classes, of_all(videos, labels)?))
}

/// What is there of every video, or an error that names those without.
pub(super) fn of_all<T>(videos: &[VideoEntry], found: Vec<Option<T>>) -> Result<Vec<T>, LabelError> {
    let without: Vec<usize> = (0..found.len()).filter(|&row| found[row].is_none()).collect();
    if !without.is_empty() {
        return Err(LabelError::Unlabelled { rows: Rows::of(videos, &without), videos: videos.len() });
    }
    Ok(found.into_iter().flatten().collect())
}

/// Number and labels of each path's row.
type ByPath = HashMap<String, (usize, Arc<[f32]>)>;

/// From one column of words.
fn of_words(cells: &Cells, classes: Option<Classes>) -> Result<(Classes, ByPath), LabelError> {
    let words_in = |cell: &str| -> Vec<String> {
        cell.split(BETWEEN).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let rows: Vec<(String, Vec<String>)> = cells
        .rows
        .iter()
        .map(|(path, row)| (key(Path::new(path)), row.first().map_or_else(Vec::new, |cell| words_in(cell))))
        .collect();
    let numbers = rows.iter().flat_map(|(_, words)| words).all(|word| word.parse::<i64>().is_ok());
    let word = |text: &String| match text.parse() {
        Ok(number) if numbers => Word::Number(number),
        _ => Word::Name(text.clone()),
    };
    let words: Vec<Word> = rows.iter().flat_map(|(_, words)| words.iter().map(word)).collect();
    let classes = classes.unwrap_or_else(|| occurring(&words));
    if classes.is_empty() {
        return Err(cells.wrong("no row has a label".to_owned()));
    }
    let mut by_path: HashMap<String, (usize, Vec<f32>)> = HashMap::new();
    for (row, (path, words)) in rows.into_iter().enumerate() {
        let (_, labels) = by_path.entry(path).or_insert_with(|| (row, vec![0.0; classes.len()]));
        for text in &words {
            let class = match word(text) {
                Word::Number(number) => usize::try_from(number).ok().filter(|class| *class < classes.len()),
                Word::Name(name) => classes.number_of(&name),
            };
            let Some(class) = class else {
                let (row, count) = (row + 1, classes.len());
                return Err(
                    cells.wrong(format!("row {row} has the label `{text}`, none of the {count} classes"))
                );
            };
            labels[class] = 1.0;
        }
    }
    Ok((classes, by_path.into_iter().map(|(path, (row, labels))| (path, (row, labels.into()))).collect()))
}

/// From a column a class.
fn of_columns(cells: &Cells, classes: Option<Classes>) -> Result<(Classes, ByPath), LabelError> {
    let (classes, places) = in_order(cells, classes)?;
    let mut by_path = ByPath::new();
    for (row, (path, words)) in cells.rows.iter().enumerate() {
        let label = |place: &usize| match words[*place].to_ascii_lowercase().as_str() {
            "1" | "1.0" | "true" => Ok(1.0),
            "0" | "0.0" | "false" => Ok(0.0),
            other => {
                let (row, column) = (row + 1, &cells.columns[*place]);
                Err(cells
                    .wrong(format!("row {row} has `{other}` in column {column}, where 0 or 1 is wanted")))
            }
        };
        let labels = places.iter().map(label).collect::<Result<Arc<[f32]>, _>>()?;
        add(cells, &mut by_path, row, path, labels)?;
    }
    Ok((classes, by_path))
}

/// Adds a row; two rows of one path must say the same.
pub(super) fn add(
    cells: &Cells,
    by_path: &mut ByPath,
    row: usize,
    path: &str,
    labels: Arc<[f32]>,
) -> Result<(), LabelError> {
    let path = key(Path::new(path));
    if let Some((first, known)) = by_path.get(&path)
        && *known != labels
    {
        let (first, second) = (first + 1, row + 1);
        return Err(LabelError::TableContradicts { path: cells.file.clone(), first, second, video: path });
    }
    by_path.insert(path, (row, labels));
    Ok(())
}

/// The names of the columns' answers, and the column of each. Names that are known decide the order.
pub(super) fn in_order(cells: &Cells, known: Option<Classes>) -> Result<(Classes, Vec<usize>), LabelError> {
    let count = cells.columns.len();
    let own = || (Classes::of(cells.columns.clone()), (0..count).collect());
    let Some(known) = known else { return Ok(own()) };
    let place = |name: &String| cells.columns.iter().position(|column| column == name);
    if let Some(places) = known.names().iter().map(place).collect::<Option<Vec<_>>>() {
        return Ok((known, places));
    }
    // A model whose answers have no names, or one answer whose column was named.
    if known.len() == count && (known == Classes::numbered(count) || count == 1) {
        return Ok(own());
    }
    let (wanted, found) = (known.names().join(", "), cells.columns.join(", "));
    Err(cells.wrong(format!("the columns are {found}, and the model answers {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn videos(paths: &[&str]) -> Vec<VideoEntry> {
        paths.iter().map(|path| VideoEntry::whole(path.into(), None)).collect()
    }

    fn read(
        text: &str,
        columns: Option<&str>,
        classes: Option<&[&str]>,
    ) -> Result<(Classes, Vec<Vec<f32>>), LabelError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels.csv");
        std::fs::write(&file, text).unwrap();
        let classes = classes.map(|names| Classes::of(names.iter().map(|name| (*name).to_owned()).collect()));
        let (classes, labels) =
            several(&videos(&["x/a.mp4", "x/b.mp4"]), &file, &Columns::of(columns), classes)?;
        Ok((classes, labels.iter().map(|labels| labels.to_vec()).collect()))
    }

    #[test]
    fn labels_of_a_cell_are_split_and_none_is_a_label_list_too() {
        let (classes, labels) = read("path,label\na.mp4,red | moving\nb.mp4,\n", None, None).unwrap();
        assert_eq!(classes.names(), ["moving", "red"]);
        assert_eq!(labels, [[1.0, 1.0], [0.0, 0.0]]);
    }

    #[test]
    fn all_rows_of_a_path_count() {
        let text = "path,label\na.mp4,red\nb.mp4,blue\na.mp4,blue\n";
        assert_eq!(read(text, None, None).unwrap().1, [[1.0, 1.0], [1.0, 0.0]]);
    }

    #[test]
    fn numbers_are_classes_by_number_and_given_classes_decide() {
        let (classes, labels) = read("path,label\na.mp4,0|2\nb.mp4,2\n", None, None).unwrap();
        assert_eq!((classes.len(), labels), (3, vec![vec![1.0, 0.0, 1.0], vec![0.0, 0.0, 1.0]]));
        let text = "path,label\na.mp4,red\nb.mp4,\n";
        assert_eq!(read(text, None, Some(&["blue", "red"])).unwrap().1, [[0.0, 1.0], [0.0, 0.0]]);
        let refused = read(text, None, Some(&["blue"])).unwrap_err().to_string();
        assert!(refused.ends_with("row 1 has the label `red`, none of the 1 classes"), "{refused}");
        let refused = read("path,label\na.mp4,\nb.mp4,\n", None, None).unwrap_err().to_string();
        assert!(refused.ends_with("no row has a label"), "{refused}");
    }

    #[test]
    fn a_column_a_class_holds_zeros_and_ones() {
        let text = "path,red,moving\na.mp4,1,false\nb.mp4,0,TRUE\n";
        for columns in ["*", "red,moving"] {
            let (classes, labels) = read(text, Some(columns), None).unwrap();
            assert_eq!(classes.names(), ["red", "moving"]);
            assert_eq!(labels, [[1.0, 0.0], [0.0, 1.0]]);
        }
        let (_, turned) = read(text, Some("*"), Some(&["moving", "red"])).unwrap();
        assert_eq!(turned, [[0.0, 1.0], [1.0, 0.0]]);
        let refused = read(&text.replace("1,false", "1,maybe"), Some("*"), None).unwrap_err().to_string();
        assert!(refused.contains("row 1 has `maybe` in column moving, where 0 or 1 is wanted"), "{refused}");
        let refused = read(text, Some("*"), Some(&["blue", "red"])).unwrap_err().to_string();
        assert!(
            refused.contains("the columns are red, moving, and the model answers blue, red"),
            "{refused}"
        );
    }

    #[test]
    fn videos_that_the_table_lacks_and_rows_that_contradict_are_named() {
        let refused = read("path,label\na.mp4,red\n", None, None).unwrap_err().to_string();
        assert_eq!(refused, "no label for row 2 (x/b.mp4) of 2 videos");
        let text = "path,red,blue\na.mp4,1,0\nb.mp4,1,0\na.mp4,1,1\n";
        let refused = read(text, Some("*"), None).unwrap_err();
        assert!(matches!(refused, LabelError::TableContradicts { first: 1, second: 3, .. }), "{refused}");
    }
}
