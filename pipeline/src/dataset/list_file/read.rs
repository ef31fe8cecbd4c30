//! Which reader a list gets, by its ending and its first line.

use std::path::Path;

use schemas::regular_file;

use super::{Columns, ListError, Listed, ending, json, lines, parquet, table};
use crate::system;

/// Reads the list in `file`, and hands each video to `take`; `endings` are those of video files.
///
/// # Errors
/// When the file cannot be read; the first line that is wrong, and whatever `take` fails with.
pub fn read<E: From<ListError>>(
    file: &Path,
    columns: &Columns,
    endings: &[&str],
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    if ending(file).as_deref() == Some("parquet") {
        return parquet::read(file, columns, take);
    }
    let bytes = system::persistently(|| regular_file::read(file));
    let bytes = bytes.map_err(|why| ListError::Unreadable { why: why.to_string() })?;
    match ending(file).as_deref() {
        Some("json") => json::read_array(&bytes, &json::labels_beside(file)?, columns, take),
        Some("jsonl") => json::read_lines(&bytes, columns, take),
        Some("csv" | "tsv") => of_text(&bytes, columns, endings, true, take),
        _ => of_text(&bytes, columns, endings, false, take),
    }
}

/// Reads a list of lines, or a table of text; `is_table` says that a first line of one word may be a head.
fn of_text<E: From<ListError>>(
    bytes: &[u8],
    columns: &Columns,
    endings: &[&str],
    is_table: bool,
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match table::head(bytes, columns, is_table)? {
        Some(head) => table::read(bytes, &head, columns, take),
        None => lines::read(bytes, endings, take),
    }
}

/// Reads a list of this text.
///
/// # Errors
/// As [`read`].
pub fn read_text(text: &str, endings: &[&str]) -> Result<Vec<Listed>, ListError> {
    let mut all = Vec::new();
    of_text(text.as_bytes(), &Columns::default(), endings, true, &mut |listed| {
        all.push(listed);
        Ok::<_, ListError>(())
    })?;
    Ok(all)
}
