//! Numbers that a model is to answer, from one or several columns of a table: `path,value`, or
//! `path,depth,speed`.

use std::{collections::HashMap, path::Path, sync::Arc};

use super::{
    Classes, LabelError,
    cells::{Cells, Columns},
    several::{add, in_order, of_all},
    table::join,
};
use crate::video_entry::VideoEntry;

/// Usual names of a column of numbers, the first that is there counts.
const VALUES: [&str; 4] = ["value", "score", "target", "label"];

/// The numbers of each video, and their names, which are the columns'. `known` are those of a model.
///
/// # Errors
/// When the table cannot be read, a cell is no finite number, or a video is not in it.
pub fn numbers(
    videos: &[VideoEntry],
    file: &Path,
    columns: &Columns,
    known: Option<Classes>,
) -> Result<(Classes, Vec<Arc<[f32]>>), LabelError> {
    // A model knows its columns.
    let of_model = known.as_ref().filter(|_| *columns == Columns::Usual);
    let of_model = of_model.map(|known| Columns::Named(known.names().to_vec()));
    let cells = match of_model.and_then(|columns| Cells::read(file, &columns, &VALUES).ok()) {
        Some(cells) => cells,
        None => Cells::read(file, columns, &VALUES)?,
    };
    let (names, places) = in_order(&cells, known)?;
    let mut by_path = HashMap::new();
    for (row, (path, words)) in cells.rows.iter().enumerate() {
        let number = |place: &usize| {
            let word = &words[*place];
            let number = word.parse::<f32>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| {
                let (row, column) = (row + 1, &cells.columns[*place]);
                cells.wrong(format!("row {row} has `{word}` in column {column}, which is no number"))
            })
        };
        let numbers = places.iter().map(number).collect::<Result<Arc<[f32]>, _>>()?;
        add(&cells, &mut by_path, row, path, numbers)?;
    }
    Ok((names, of_all(videos, join(file, &by_path, videos)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        text: &str,
        columns: Option<&str>,
        known: Option<&[&str]>,
    ) -> Result<(Vec<String>, Vec<f32>), LabelError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels.csv");
        std::fs::write(&file, text).unwrap();
        let known = known.map(|names| Classes::of(names.iter().map(|name| (*name).to_owned()).collect()));
        let videos = [VideoEntry::whole("x/a.mp4".into(), None)];
        let (names, numbers) = numbers(&videos, &file, &Columns::of(columns), known)?;
        Ok((names.names().to_vec(), numbers[0].to_vec()))
    }

    #[test]
    fn a_column_of_a_usual_name_or_those_that_are_named_are_read() {
        let text = "path,depth,value\na.mp4,-2e1,0.5\n";
        assert_eq!(read(text, None, None).unwrap(), (vec!["value".to_owned()], vec![0.5]));
        let both = (vec!["depth".to_owned(), "value".to_owned()], vec![-20.0, 0.5]);
        assert_eq!(read(text, Some("depth,value"), None).unwrap(), both);
        assert_eq!(read(text, Some("*"), None).unwrap(), both);
    }

    #[test]
    fn a_model_s_own_columns_are_found_in_its_order() {
        let text = "path,depth,value\na.mp4,-20,0.5\n";
        assert_eq!(read(text, None, Some(&["depth"])).unwrap().1, [-20.0]);
        assert_eq!(read(text, Some("depth,value"), Some(&["value", "depth"])).unwrap().1, [0.5, -20.0]);
        // A model without names takes the columns that are named.
        assert_eq!(read(text, Some("depth,value"), Some(&["0", "1"])).unwrap().0, ["depth", "value"]);
        assert!(read(text, None, Some(&["speed", "depth"])).is_err());
    }

    #[test]
    fn what_is_no_finite_number_is_named() {
        for odd in ["", "fast", "nan", "inf", "1e999"] {
            let refused = read(&format!("path,value\na.mp4,{odd}\nb.mp4,1\n"), None, None).unwrap_err();
            let words = format!("row 1 has `{odd}` in column value, which is no number");
            assert!(refused.to_string().ends_with(&words), "{refused}");
        }
    }
}
