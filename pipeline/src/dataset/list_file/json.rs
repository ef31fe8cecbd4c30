//! Lists of JSON: an object a line, or an array of objects. The names of an object are the columns.

use std::{collections::HashMap, path::Path};

use schemas::regular_file;
use serde_json::{Map, Value};

use super::{Columns, Form, ListError, Listed, columns::Meaning, row::Rows, text_of};
use crate::segment::Segment;

type Object = Map<String, Value>;

/// Reads an object a line.
pub(super) fn read_lines<E: From<ListError>>(
    bytes: &[u8],
    columns: &Columns,
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut meaning = None;
    for (text, line) in bytes.split(|&byte| byte == b'\n').zip(1..) {
        let text = text_of(text.trim_ascii());
        if text.is_empty() {
            continue;
        }
        let object = serde_json::from_str::<Object>(&text);
        let object = object.map_err(|why| ListError::Malformed { line, why: why.to_string() })?;
        take(listed(line, &object, &mut meaning, columns)?)?;
    }
    Ok(())
}

/// Reads an array of objects; Something-Something's have their classes in `labels`.
pub(super) fn read_array<E: From<ListError>>(
    bytes: &[u8],
    labels: &HashMap<String, String>,
    columns: &Columns,
    take: &mut dyn FnMut(Listed) -> Result<(), E>,
) -> Result<(), E> {
    let objects = serde_json::from_slice::<Vec<Object>>(bytes);
    let objects = objects.map_err(|why| ListError::Malformed { line: why.line(), why: why.to_string() })?;
    let mut meaning = None;
    for (object, row) in objects.iter().zip(1..) {
        let is_theirs = columns.is_empty() && object.contains_key("id") && !object.contains_key("path");
        take(match is_theirs {
            true => something(row, object, labels)?,
            false => listed(row, object, &mut meaning, columns)?,
        })?;
    }
    Ok(())
}

/// The numbers of Something-Something's classes: `labels.json` beside the list, or in the folder `labels` beside it.
pub(super) fn labels_beside(list: &Path) -> Result<HashMap<String, String>, ListError> {
    for name in ["labels.json", "labels/labels.json", "../labels/labels.json"] {
        let file = list.with_file_name(name);
        if file == list || !file.is_file() {
            continue;
        }
        let unreadable =
            |why: &dyn std::fmt::Display| ListError::Unreadable { why: format!("{}: {why}", file.display()) };
        let bytes = regular_file::read(&file).map_err(|why| unreadable(&why))?;
        return serde_json::from_slice(&bytes).map_err(|why| unreadable(&why));
    }
    Ok(HashMap::new())
}

/// A video of Something-Something: its class is the number of its template, or the template where there are no numbers.
fn something(line: usize, object: &Object, labels: &HashMap<String, String>) -> Result<Listed, ListError> {
    let word = |name: &str| object.get(name).map(text).filter(|word| !word.is_empty());
    let path =
        word("id").ok_or_else(|| ListError::NoPath { line, text: text(&Value::from(object.clone())) })?;
    let template = word("template").map(|template| template.replace(['[', ']'], ""));
    let class = match template {
        Some(template) if labels.is_empty() => Some(template),
        Some(template) => match labels.get(&template) {
            Some(number) => Some(number.clone()),
            None => {
                let why = format!("`{template}` is not in labels.json");
                return Err(ListError::Malformed { line, why });
            }
        },
        None => word("label"),
    };
    Ok(Listed { line, path, class, segment: Segment::Whole, split: None, form: Form::SomethingSomething })
}

/// The video of an object; the first object says what the names mean.
fn listed(
    line: usize,
    object: &Object,
    meaning: &mut Option<Meaning>,
    columns: &Columns,
) -> Result<Listed, ListError> {
    if meaning.is_none() {
        *meaning = Some(Meaning::of(object.keys().cloned().collect(), columns)?);
    }
    let Some(meaning) = meaning.as_ref() else { return Err(ListError::NoHead) };
    let cells: Vec<String> =
        meaning.head.iter().map(|name| object.get(name).map(text).unwrap_or_default()).collect();
    Rows::of(meaning).listed(line, |place| cells.get(place).map_or("", |cell| cell.trim()))
}

/// A value as text, nothing where it is null.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
