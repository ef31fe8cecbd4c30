//! Tables of text: a head that names the columns, and a row a video.

use std::borrow::Cow;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{
    Columns, ListError, Listed,
    columns::{self, Meaning},
    row::Rows,
    text_of,
};

/// What stands for `::` while a table is read: a separator is one byte long.
const TWO_COLONS: u8 = 0x1f;

/// The head of a table, and what separates its cells.
#[derive(Debug)]
pub(super) struct Head {
    separator: u8,
    names: Vec<String>,
}

/// The head, if the first line that says something is one: where columns are named it must be.
pub(super) fn head(bytes: &[u8], columns: &Columns, is_table: bool) -> Result<Option<Head>, ListError> {
    let says = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.trim_ascii_start().starts_with(b"#");
    let mut lines = bytes.split(|&byte| byte == b'\n').filter(says);
    let Some(line) = lines.next() else { return Ok(None) };
    let line = line.trim_ascii();
    let separator = separator(line);
    let text = with_separator(line, separator);
    let mut cells = Cells::of(&text, separator);
    let names: Vec<String> =
        if cells.next() { cells.iter().map(Cow::into_owned).collect() } else { Vec::new() };
    let by_first = names.get(..1).unwrap_or_default();
    let is_head = match separator {
        // Words of a path may be names of columns.
        b' ' if names.len() > 1 => columns::is_head(by_first) && columns::is_head(&names),
        _ if names.len() == 1 => is_table && columns::is_head(&names),
        _ => columns::is_head(&names),
    };
    let is_head = is_head || (is_table && separator != b' ' && looks_like_a_head(line, lines.next()));
    match (is_head, columns.is_empty()) {
        (false, true) => Ok(None),
        (false, false) if names.iter().any(|name| name.contains('.')) => Err(ListError::NoHead),
        _ => Ok(Some(Head { separator, names })),
    }
}

/// Whether a line holds bare words only, and the one behind it a path: columns that are called otherwise.
fn looks_like_a_head(line: &[u8], next: Option<&[u8]>) -> bool {
    let has_path = |line: &[u8]| line.iter().any(|byte| b"./\\".contains(byte));
    let has_number = |line: &[u8]| line.iter().any(u8::is_ascii_digit);
    !has_path(line) && !has_number(line) && next.is_some_and(has_path)
}

/// Reads the rows behind the head.
pub(super) fn read<E: From<ListError>>(
    bytes: &[u8],
    head: &Head,
    columns: &Columns,
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let meaning = Meaning::of(head.names.clone(), columns)?;
    let wanted = meaning.head.len();
    let bytes = with_separator(bytes, head.separator);
    let mut cells = Cells::of(&bytes, head.separator);
    let (mut rows, mut is_head) = (Rows::of(&meaning), true);
    while cells.next() {
        if std::mem::take(&mut is_head) || cells.iter().all(|cell| cell.is_empty()) {
            continue;
        }
        let row: Vec<Cow<'_, str>> = cells.iter().collect();
        if row.len() != wanted {
            return Err(ListError::Width { line: cells.line, found: row.len(), wanted }.into());
        }
        take(rows.listed(cells.line, |place| row.get(place).map_or("", |cell| cell))?)?;
    }
    Ok(())
}

/// What separates the cells of a line.
fn separator(line: &[u8]) -> u8 {
    if line.contains(&b'\t') {
        b'\t'
    } else if line.contains(&b',') {
        b','
    } else if line.windows(2).any(|pair| pair == b"::") {
        TWO_COLONS
    } else {
        b' '
    }
}

/// The text with one byte between its cells.
fn with_separator(bytes: &[u8], separator: u8) -> Cow<'_, [u8]> {
    if separator != TWO_COLONS {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let is_separator = bytes[at..].starts_with(b"::");
        text.push(if is_separator { TWO_COLONS } else { bytes[at] });
        at += if is_separator { 2 } else { 1 };
    }
    Cow::Owned(text)
}

/// The cells of one line that has quotes, separated by `separator`.
pub(super) fn quoted_cells(line: &str, separator: u8) -> Vec<String> {
    let mut cells = Cells::of(line.as_bytes(), separator);
    if cells.next() { cells.iter().map(Cow::into_owned).collect() } else { Vec::new() }
}

/// The rows of a text, one at a time.
struct Cells<'a> {
    reader: Reader,
    rest: &'a [u8],
    /// The cells of the row, one behind the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// How many cells the row has.
    count: usize,
    /// The line in which the row begins, from 1.
    line: usize,
}

impl<'a> Cells<'a> {
    fn of(text: &'a [u8], separator: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(separator).comment(Some(b'#')).build();
        Self { reader, rest: text, bytes: vec![0; 1024], ends: vec![0; 32], count: 0, line: 1 }
    }

    /// Reads the next row; none is left where it gives `false`.
    fn next(&mut self) -> bool {
        let (mut written, mut count) = (0, 0);
        self.line = self.reader.line() as usize + self.empty_lines();
        loop {
            let (bytes, ends) = (&mut self.bytes[written..], &mut self.ends[count..]);
            let (result, read, wrote, ended) = self.reader.read_record(self.rest, bytes, ends);
            self.rest = &self.rest[read..];
            written += wrote;
            count += ended;
            match result {
                ReadRecordResult::OutputFull => self.bytes.resize(2 * self.bytes.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                // Asked again without text, the reader ends the last row.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => {
                    self.count = count;
                    return true;
                }
                ReadRecordResult::End => return false,
            }
        }
    }

    /// Empty lines and comments before the next row, which the reader counts only when it has read them.
    fn empty_lines(&self) -> usize {
        let mut lines = self.rest.split(|&byte| byte == b'\n');
        lines.by_ref().take_while(|line| line.trim_ascii().is_empty() || line.starts_with(b"#")).count()
    }

    /// The cells of the row, without spaces around them.
    fn iter(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let places = starts.zip(&self.ends).take(self.count);
        places.map(|(start, &end)| text_of(self.bytes[start..end].trim_ascii()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::list_file::{Form, read, read_text};

    fn rows(text: &str) -> Vec<String> {
        read_text(text, &["mp4"]).unwrap().iter().map(shown).collect()
    }

    fn shown(listed: &Listed) -> String {
        format!("{} {}, {}", listed.path, listed.class.as_deref().unwrap_or("-"), listed.segment)
    }

    #[test]
    fn a_head_says_what_the_columns_are() {
        for text in [
            "path,label\na b.mp4,run\n",
            "\u{feff}label,path\r\nrun,\"a b.mp4\"\r\n",
            "# made today\n\npath\tlabel\na b.mp4\trun\n",
            "path::label\na b.mp4::run\n",
            "path label\n\"a b.mp4\" run\n",
        ] {
            assert_eq!(rows(text), ["a b.mp4 run, all of it"], "{text}");
        }
        assert_eq!(rows("video\na.mp4\n"), ["a.mp4 -, all of it"]);
        assert_eq!(
            rows("path,start,stop,label\na.mp4,3,9,1\na.mp4,,,\na.mp4,4.0,-1,2\n"),
            ["a.mp4 1, frames 3 to 9", "a.mp4 -, all of it", "a.mp4 2, frames from 4"]
        );
        assert_eq!(
            rows("path,start_seconds,stop_seconds\na.mp4,0.1,00:00:02.5\n"),
            ["a.mp4 -, seconds 0.1 to 2.5"]
        );
    }

    #[test]
    fn tables_of_data_sets_name_their_files() {
        let one = |text: &str| read_text(text, &["mp4"]).unwrap().remove(0);
        let kinetics = one("label,youtube_id,time_start,time_end,split\narm wrestling,-8,10,20,train\n");
        assert_eq!(shown(&kinetics), "-8_000010_000020 arm wrestling, all of it");
        let places = kinetics.form.places(&kinetics);
        for place in [
            "-8_000010_000020.mp4",
            "arm wrestling/-8_000010_000020.mp4",
            "train/arm_wrestling/-8_000010_000020.mp4",
            "train/-8_000010_000020.webm",
        ] {
            assert!(places.contains(&place.into()), "{place}");
        }
        let epic = one("narration_id,participant_id,video_id,start_timestamp,stop_timestamp,verb_class\n\
             P01_01_0,P01,P01_01,00:00:00.14,00:00:03.37,3\n");
        assert_eq!(shown(&epic), "P01_01 -, seconds 0.14 to 3.37");
        assert!(epic.form.places(&epic).contains(&"P01/videos/P01_01.MP4".into()));
        let ego = one("video_uid\tclip_start\tclip_end\tclip_text\n6395\t0.5\t2\tC picks a cup\n");
        assert_eq!((ego.form, shown(&ego).as_str()), (Form::Ego4d, "6395 -, seconds 0.5 to 2"));
        assert!(ego.form.places(&ego).contains(&"full_scale/6395.mp4".into()));
        assert_eq!(one("file_name,label\nx/a.mp4,1\n").form, Form::HuggingFace);
    }

    #[test]
    fn a_row_that_does_not_fit_is_refused_with_its_number() {
        let refused = |text: &str| read_text(text, &["mp4"]).unwrap_err().to_string();
        assert_eq!(refused("path,label\na.mp4,1\nb.mp4\n"), "line 3: it has 1 columns, and the head has 2");
        assert_eq!(refused("path,label\n,1\n"), "line 2: `,1` has no path");
        assert_eq!(refused("film,action\na.mp4,run\n"), "no column of paths; there are: film, action");
        assert_eq!(
            refused("path,start,stop\na.mp4,1.5,3\n"),
            "line 2: `1.5` in column `start` is no whole number"
        );
        assert_eq!(refused("path,start,stop\na.mp4,5,5\n"), "line 2: frames 5 to 5 is empty");
        assert_eq!(refused("path,start,stop\n\na.mp4,5,4\n"), "line 3: frames 5 to 4 ends before it begins");
    }

    #[test]
    fn columns_and_objects_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let all = |name: &str, text: &str, columns: &str| -> Result<Vec<String>, ListError> {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let columns = if columns.is_empty() { Columns::default() } else { columns.parse().unwrap() };
            let mut all = Vec::new();
            read(&file, &columns, &["mp4"], &mut |listed| {
                all.push(shown(&listed));
                Ok::<_, ListError>(())
            })?;
            Ok(all)
        };
        let named = all("a.csv", "clip,from,to\na.mp4,1,2\n", "path=clip,start=from,stop=to");
        assert_eq!(named.unwrap(), ["a.mp4 -, frames 1 to 2"]);
        let no_head = all("a.txt", "a.mp4,run\n", "path=clip").unwrap_err();
        assert_eq!(no_head, ListError::NoHead);
        let objects =
            "{\"file_name\": \"a.mp4\", \"label\": 3}\n\n{\"label\": null, \"file_name\": \"b.mp4\"}\n";
        let objects = all("metadata.jsonl", objects, "");
        assert_eq!(objects.unwrap(), ["a.mp4 3, all of it", "b.mp4 -, all of it"]);
        let wrong = all("a.jsonl", "{\"path\": \"a.mp4\"}\n{\"path\": \n", "").unwrap_err().to_string();
        assert!(wrong.starts_with("line 2: "), "{wrong}");
        all("labels.json", "{}", "").unwrap_err();
        let something = r#"[{"id": "7", "label": "holding a pen", "template": "Holding [something]"}]"#;
        std::fs::write(folder.path().join("labels.json"), r#"{"Holding something": "12"}"#).unwrap();
        assert_eq!(all("train.json", something, "").unwrap(), ["7 12, all of it"]);
        std::fs::remove_file(folder.path().join("labels.json")).unwrap();
        assert_eq!(all("train.json", something, "").unwrap(), ["7 Holding something, all of it"]);
    }
}
