//! The events of a run for TensorBoard: every number of `metrics.jsonl` and `validation.jsonl` under its key.
//!
//! ```text
//! {"step":10,"loss":0.9,"loader":{"seconds":{"read":1.5}}}    loss, loader/seconds/read      at step 10
//! {"step":20,"top1":0.5}                of validation.jsonl    validation/top1                at step 20
//! reconstructions/20.png                                       reconstruction, a picture      at step 20
//! ```
//!
//! The lines are what counts, the events follow from them. A run that goes on writes all of them anew, from the lines
//! that are left, so each step stands once whatever happened before. The file gets a later name then, and says that the
//! session starts at step 0: a TensorBoard that is looking forgets what it knew and reads it all again.

mod event;
mod record;

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use schemas::WholeFile;
use serde::Serialize;
use serde_json::Value;

use self::event::{What, event};

/// What the name begins with; TensorBoard looks for it, and reads the files of a folder in the order of their names.
const PREFIX: &str = "events.out.tfevents.";
/// What the name ends with, so that no other program's events are taken for ours.
const SUFFIX: &str = ".tubelet";

/// The folder of a run's pictures, each under its step.
pub const PICTURES: &str = "reconstructions";

/// The open file.
#[doc(alias("SummaryWriter", "tfevents"))]
pub struct EventFile {
    file: File,
    clock: Clock,
}

impl EventFile {
    /// Writes the events up to `step` of the run in `folder`, in the place of all that were there.
    ///
    /// # Errors
    /// When lines cannot be read or the file cannot be written.
    pub fn rewrite(folder: &Path, step: u64) -> io::Result<Self> {
        let earlier = paths(folder)?;
        let path = folder.join(later_name(earlier.last()));
        let (mut whole, mut clock) = (WholeFile::create(&path)?, Clock::default());
        let mut out = BufWriter::new(&mut whole);
        for what in [What::Version, What::Start] {
            out.write_all(&record::framed(&event(0.0, 0, &what)))?;
        }
        let mut validations = lines(&folder.join("validation.jsonl"), step)?.peekable();
        for line in lines(&folder.join("metrics.jsonl"), step)? {
            while let Some(earlier) = validations.next_if(|found| step_of(found) < step_of(&line)) {
                out.write_all(&clock.record("validation/", &earlier))?;
            }
            out.write_all(&clock.record("", &line))?;
        }
        for line in validations {
            out.write_all(&clock.record("validation/", &line))?;
        }
        for (step, path) in pictures(folder, step)? {
            out.write_all(&clock.picture(step, &fs::read(path)?))?;
        }
        out.flush()?;
        drop(out);
        whole.finish()?;
        earlier.iter().try_for_each(fs::remove_file)?;
        Ok(Self { file: OpenOptions::new().append(true).open(path)?, clock })
    }

    /// Adds the numbers of a line, their keys behind `prefix`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, prefix: &str, line: &impl Serialize) -> io::Result<()> {
        // One call: a process that is killed leaves whole records.
        self.file.write_all(&self.clock.record(prefix, &serde_json::to_value(line)?))
    }

    /// Adds the picture of a step, a PNG file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_picture(&mut self, step: u64, png: &[u8]) -> io::Result<()> {
        self.file.write_all(&self.clock.picture(step, png))
    }
}

/// The pictures of the run in `folder` up to `step`, with their steps, in order.
fn pictures(folder: &Path, step: u64) -> io::Result<BTreeMap<u64, PathBuf>> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(folder.join(PICTURES)) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".png"));
        let of = name.and_then(|name| name.parse().ok()).filter(|of| *of <= step);
        found.extend(of.map(|of| (of, path)));
    }
    Ok(found)
}

/// The event files of the run in `folder`, in the order of their names.
///
/// # Errors
/// When the folder cannot be read.
pub fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// A name that stands behind `last` in their order: the seconds since 1970, as TensorFlow has them.
fn later_name(last: Option<&PathBuf>) -> String {
    let name = last.and_then(|path| path.file_name()?.to_str());
    let number = name.and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{PREFIX}{:010}{SUFFIX}", now.max(number.map_or(0, |number| number.saturating_add(1))))
}

/// The lines of a file up to `step`; none where it is not there. One cut short by a crash is none.
fn lines(path: &Path, step: u64) -> io::Result<impl Iterator<Item = Value> + use<>> {
    let file = match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        file => Some(file?),
    };
    let texts = file.into_iter().flat_map(|file| BufReader::new(file).lines().map_while(Result::ok));
    let values = texts.map_while(|text| serde_json::from_str::<Value>(&text).ok());
    Ok(values.take_while(move |line| step_of(line) <= step))
}

fn step_of(line: &Value) -> u64 {
    line.get("step").and_then(Value::as_u64).unwrap_or_default()
}

/// The time of the last line that told one: a validation has none of its own.
#[derive(Default)]
struct Clock(f64);

impl Clock {
    /// The record of a line.
    fn record(&mut self, prefix: &str, line: &Value) -> Vec<u8> {
        let told = ["time", "seconds"].iter().find_map(|key| line.get(key)?.as_f64());
        self.0 = told.unwrap_or(self.0);
        let mut numbers = Vec::new();
        if let Value::Object(fields) = line {
            for (key, value) in fields.iter().filter(|(key, _)| *key != "step" && *key != "time") {
                flatten(&format!("{prefix}{key}"), value, &mut numbers);
            }
        }
        record::framed(&event(self.0, step_of(line), &What::Scalars(&numbers)))
    }

    fn picture(&self, step: u64, png: &[u8]) -> Vec<u8> {
        let picture = What::Image { tag: "reconstruction", size: size(png), png };
        record::framed(&event(self.0, step, &picture))
    }
}

/// The lengths of the sides of a PNG file, which stand in its header.
fn size(png: &[u8]) -> [u32; 2] {
    let number =
        |at: usize| png.get(at..at + 4).and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
    [20, 16].map(|at| number(at).unwrap_or_default())
}

/// The numbers of a value, each under the keys that lead to it.
fn flatten(tag: &str, value: &Value, into: &mut Vec<(String, f32)>) {
    match value {
        Value::Number(number) => {
            into.extend(number.as_f64().map(|number| (tag.to_owned(), number as f32)));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(&format!("{tag}/{key}"), value, into));
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the records of the run's only event file.
    fn records(run: &Path) -> Vec<usize> {
        let paths = paths(run).unwrap();
        assert_eq!(paths.len(), 1, "{paths:?}");
        let bytes = fs::read(&paths[0]).unwrap();
        let (mut at, mut found) = (0, Vec::new());
        while at < bytes.len() {
            let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
            found.push(length);
            at += length + 16;
        }
        assert_eq!(at, bytes.len());
        found
    }

    #[test]
    fn a_run_that_goes_on_has_the_events_of_one_that_was_never_cut() {
        let line = |step: u64| serde_json::json!({"step": step, "loss": 0.5, "time": 1e9 + step as f64});
        let text = |steps: &[u64]| steps.iter().map(|step| format!("{}\n", line(*step))).collect::<String>();
        let [whole, cut] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (whole, cut) = (whole.path(), cut.path());
        let mut events = EventFile::rewrite(whole, 0).unwrap();
        (1..=4).for_each(|step| events.add("", &line(step)).unwrap());
        fs::write(cut.join("metrics.jsonl"), text(&[1, 2, 3]) + "{\"step\":4").unwrap();
        EventFile::rewrite(cut, 3).unwrap();
        let mut events = EventFile::rewrite(cut, 2).unwrap();
        (3..=4).for_each(|step| events.add("", &line(step)).unwrap());
        let bytes = |run: &Path| fs::read(&paths(run).unwrap()[0]).unwrap();
        assert_eq!(records(whole).len(), 2 + 4);
        assert_eq!(bytes(whole), bytes(cut));
    }

    #[test]
    fn validations_stand_among_the_lines_of_their_steps() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path();
        fs::write(run.join("metrics.jsonl"), "{\"step\":1,\"seconds\":2}\n{\"step\":3,\"seconds\":3}\n")
            .unwrap();
        fs::write(run.join("validation.jsonl"), "{\"step\":2,\"top1\":0.5}\n{\"step\":4,\"top1\":1}\n")
            .unwrap();
        fs::create_dir(run.join(PICTURES)).unwrap();
        let png = [&[0; 16][..], &2u32.to_be_bytes(), &3u32.to_be_bytes()].concat();
        for step in [1, 9] {
            fs::write(run.join(PICTURES).join(format!("{step}.png")), &png).unwrap();
        }
        EventFile::rewrite(run, 3).unwrap();
        let head = 9 + 2;
        let scalar = |tag: &str| head + 4 + 2 + tag.len() + 5;
        let picture = head + 4 + 2 + "reconstruction".len() + 5 * 2 + png.len();
        let wanted = ["seconds", "validation/top1", "seconds"].map(scalar);
        assert_eq!(records(run)[2..], [&wanted[..], &[picture]].concat());
        assert_eq!(size(&png), [3, 2]);
    }

    #[test]
    fn numbers_lie_under_the_keys_that_lead_to_them_and_words_are_none() {
        let line = serde_json::json!({"a": {"b": 1, "c": "word"}, "d": 0.5, "e": null});
        let mut found = Vec::new();
        flatten("x", &line, &mut found);
        assert_eq!(found, [("x/a/b".to_owned(), 1.0), ("x/d".to_owned(), 0.5)]);
    }

    #[test]
    fn a_later_name_sorts_behind_whatever_the_clock_says() {
        let last = PathBuf::from(format!("{PREFIX}9999999998{SUFFIX}"));
        assert_eq!(later_name(Some(&last)), format!("{PREFIX}9999999999{SUFFIX}"));
        assert!(later_name(None).len() == last.as_os_str().len());
    }
}
