//! Which column of a table says what of a video.

use std::str::FromStr;

use super::{Form, ListError};

/// Names of a column of paths; the first that is there counts.
const PATHS: [&str; 8] =
    ["path", "video", "file", "filename", "file_name", "video_path", "filepath", "video_id"];
/// Names of a column of classes.
const LABELS: [&str; 3] = ["label", "class", "class_name"];
/// Names of columns that count frames.
const FRAMES: [(&str, &str); 4] =
    [("start", "stop"), ("start_frame", "stop_frame"), ("start_frame", "end_frame"), ("start", "stop_frame")];
/// Names of columns of times.
const TIMES: [(&str, &str); 6] = [
    ("start_seconds", "stop_seconds"),
    ("start_seconds", "end_seconds"),
    ("start_timestamp", "stop_timestamp"),
    ("start_sec", "end_sec"),
    ("start_time", "end_time"),
    ("time_start", "time_end"),
];
/// Ego4D's columns, as its tables of narrations, of clips and EgoVLP's have them: the file, where its part begins and
/// where it ends, in seconds.
const EGO4D: [(&str, &str, &str); 6] = [
    ("clip_uid", "action_clip_start_sec", "action_clip_end_sec"),
    ("video_uid", "clip_start", "clip_end"),
    ("video_uid", "parent_start_sec", "parent_end_sec"),
    ("video_uid", "video_start_sec", "video_end_sec"),
    ("video_uid", "start_sec", "end_sec"),
    ("clip_uid", "start_sec", "end_sec"),
];

/// Columns that are called otherwise than a list's are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    path: Option<String>,
    label: Option<String>,
    start: Option<String>,
    stop: Option<String>,
    start_seconds: Option<String>,
    stop_seconds: Option<String>,
}

/// The words of [`Columns`].
const WORDS: [&str; 6] = ["path", "label", "start", "stop", "start_seconds", "stop_seconds"];

impl Columns {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `text` begins as the words of columns do.
    pub fn are_in(text: &str) -> bool {
        text.split_once('=').is_some_and(|(word, _)| WORDS.contains(&word))
    }
}

impl FromStr for Columns {
    type Err = String;

    /// `path=FILE,label=ACTION,start=FIRST,stop=BEHIND`; colons separate as commas do.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut columns = Self::default();
        for word in text.split([',', ':']) {
            let (what, name) = word.split_once('=').unwrap_or((word, ""));
            let place = match what {
                "path" => &mut columns.path,
                "label" => &mut columns.label,
                "start" => &mut columns.start,
                "stop" => &mut columns.stop,
                "start_seconds" => &mut columns.start_seconds,
                "stop_seconds" => &mut columns.stop_seconds,
                _ => return Err(format!("`{what}` is none of {}", WORDS.join(", "))),
            };
            if name.is_empty() || place.is_some() {
                return Err(format!("`{word}` names no column, or one more for the same"));
            }
            *place = Some(name.to_owned());
        }
        let frames = columns.start.is_some() || columns.stop.is_some();
        if frames && (columns.start_seconds.is_some() || columns.stop_seconds.is_some()) {
            return Err("a part of a video is named in frames or in seconds, not in both".to_owned());
        }
        Ok(columns)
    }
}

/// How a table counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Frames,
    Seconds,
}

/// What the columns of a table say, by their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub form: Form,
    /// The names of the columns.
    pub head: Vec<String>,
    pub path: usize,
    pub label: Option<usize>,
    pub unit: Unit,
    pub start: Option<usize>,
    pub stop: Option<usize>,
    pub split: Option<usize>,
}

/// Whether a line with these cells is the head of a table.
pub(super) fn is_head(cells: &[String]) -> bool {
    let known = |cell: &String| {
        let cell = cell.to_ascii_lowercase();
        PATHS.contains(&cell.as_str()) || ["youtube_id", "video_uid", "clip_uid"].contains(&cell.as_str())
    };
    let is_word = |cell: &String| cell.parse::<f64>().is_err();
    cells.iter().any(known) && cells.iter().all(is_word)
}

impl Meaning {
    /// What the columns with these names say.
    pub fn of(head: Vec<String>, named: &Columns) -> Result<Self, ListError> {
        let lower: Vec<String> = head.iter().map(|name| name.to_ascii_lowercase()).collect();
        let place = |name: &str| lower.iter().position(|column| column == name);
        let any = |names: &[&str]| names.iter().find_map(|name| place(name));
        let (form, path, unit, start, stop) = match named.is_empty().then(|| of_data_set(&place)).flatten() {
            Some(found) => found,
            None => {
                let path = match &named.path {
                    Some(name) => exactly(&head, name)?,
                    None => any(&PATHS).ok_or_else(|| no_column("paths", &head))?,
                };
                let form = if lower[path] == "file_name" { Form::HuggingFace } else { Form::Table };
                let (unit, start, stop) = bounds(&head, named, &place)?;
                (form, path, unit, start, stop)
            }
        };
        let label = match &named.label {
            Some(name) => Some(exactly(&head, name)?),
            None => any(&LABELS),
        };
        let split = if form == Form::Kinetics { place("split") } else { None };
        Ok(Self { form, path, label, unit, start, stop, split, head })
    }
}

type Found = (Form, usize, Unit, Option<usize>, Option<usize>);

/// The columns of a data set that has its own.
fn of_data_set(place: &impl Fn(&str) -> Option<usize>) -> Option<Found> {
    if let (Some(id), Some(start), Some(stop)) = (place("youtube_id"), place("time_start"), place("time_end"))
    {
        return Some((Form::Kinetics, id, Unit::Seconds, Some(start), Some(stop)));
    }
    let (start, stop) = (place("start_timestamp"), place("stop_timestamp"));
    if let (Some(video), Some(_), Some(_)) = (place("video_id"), start, stop) {
        return Some((Form::EpicKitchens, video, Unit::Seconds, start, stop));
    }
    let clips =
        EGO4D.iter().find_map(|(file, start, stop)| Some((place(file)?, place(start)?, place(stop)?)));
    if let Some((file, start, stop)) = clips {
        return Some((Form::Ego4d, file, Unit::Seconds, Some(start), Some(stop)));
    }
    place("video_uid").map(|video| (Form::Ego4d, video, Unit::Seconds, None, None))
}

/// The columns where parts of videos begin and end.
fn bounds(
    head: &[String],
    named: &Columns,
    place: &impl Fn(&str) -> Option<usize>,
) -> Result<(Unit, Option<usize>, Option<usize>), ListError> {
    let exactly = |name: &Option<String>| name.as_ref().map(|name| exactly(head, name)).transpose();
    if named.start.is_some() || named.stop.is_some() {
        return Ok((Unit::Frames, exactly(&named.start)?, exactly(&named.stop)?));
    }
    if named.start_seconds.is_some() || named.stop_seconds.is_some() {
        return Ok((Unit::Seconds, exactly(&named.start_seconds)?, exactly(&named.stop_seconds)?));
    }
    let both =
        |pairs: &[(&str, &str)]| pairs.iter().find_map(|(start, stop)| Some((place(start)?, place(stop)?)));
    if let Some((start, stop)) = both(&TIMES) {
        return Ok((Unit::Seconds, Some(start), Some(stop)));
    }
    if let Some((start, stop)) = both(&FRAMES) {
        return Ok((Unit::Frames, Some(start), Some(stop)));
    }
    if place("start").is_some() && place("end").is_some() {
        return Err(ListError::FramesOrSeconds);
    }
    let seconds = (place("start_seconds"), place("stop_seconds"));
    Ok(match seconds {
        (None, None) => (Unit::Frames, place("start"), place("stop")),
        (start, stop) => (Unit::Seconds, start, stop),
    })
}

/// The column of exactly this name.
fn exactly(head: &[String], name: &str) -> Result<usize, ListError> {
    head.iter()
        .position(|column| column == name)
        .ok_or_else(|| no_column(&format!("that name ({name})"), head))
}

fn no_column(what: &str, head: &[String]) -> ListError {
    ListError::NoColumn { what: what.to_owned(), found: head.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(head: &str, named: &str) -> Result<Meaning, ListError> {
        let named = if named.is_empty() { Columns::default() } else { named.parse().unwrap() };
        Meaning::of(head.split(',').map(str::to_owned).collect(), &named)
    }

    #[test]
    fn the_columns_of_data_sets_are_known() {
        for (head, form, path, unit, bounds) in [
            ("path,label", Form::Table, 0, Unit::Frames, None),
            ("Label,Path,start,stop", Form::Table, 1, Unit::Frames, Some((2, 3))),
            ("path,start_seconds,stop_seconds", Form::Table, 0, Unit::Seconds, Some((1, 2))),
            ("file_name,label", Form::HuggingFace, 0, Unit::Frames, None),
            ("label,youtube_id,time_start,time_end,split", Form::Kinetics, 1, Unit::Seconds, Some((2, 3))),
            (
                "narration_id,participant_id,video_id,start_timestamp,stop_timestamp,start_frame,stop_frame",
                Form::EpicKitchens,
                2,
                Unit::Seconds,
                Some((3, 4)),
            ),
            ("video_uid,video_dur,clip_start,clip_end", Form::Ego4d, 0, Unit::Seconds, Some((2, 3))),
        ] {
            let found = meaning(head, "").unwrap();
            let places = found.start.zip(found.stop);
            assert_eq!((found.form, found.path, found.unit, places), (form, path, unit, bounds), "{head}");
        }
    }

    #[test]
    fn columns_that_are_named_go_before_those_that_are_known() {
        let found =
            meaning("clip,action,from,to", "path=clip,label=action,start_seconds=from,stop_seconds=to");
        let found = found.unwrap();
        assert_eq!((found.path, found.label, found.start, found.stop), (0, Some(1), Some(2), Some(3)));
        assert_eq!(found.unit, Unit::Seconds);
        let refused = meaning("clip,action", "path=film").unwrap_err().to_string();
        assert_eq!(refused, "no column of that name (film); there are: clip, action");
        assert_eq!(meaning("path,start,end", "").unwrap_err(), ListError::FramesOrSeconds);
        assert_eq!(meaning("path,start,end", "start=start,stop=end").unwrap().unit, Unit::Frames);
        for wrong in ["film=a", "path=", "path=a,path=b", "start=a,stop_seconds=b"] {
            assert!(wrong.parse::<Columns>().is_err(), "{wrong}");
        }
    }
}
