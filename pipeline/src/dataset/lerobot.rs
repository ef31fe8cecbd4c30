//! Data sets of LeRobot, version 3: many episodes in one video file, found by what `meta/` says.
//!
//! ```text
//! meta/info.json                                   frames a second, cameras, where the files are
//! meta/episodes/chunk-000/file-000.parquet         an episode a row: its video files, where it begins and ends in them
//! videos/CAMERA/chunk-000/file-000.mp4             the frames of many episodes, one behind the other
//! ```
//!
//! Videos have a constant rate there, and times are sums of lengths: an episode is the frames from the one nearest to its
//! beginning on, as many as it has.

use std::{
    io,
    path::{Path, PathBuf},
};

use arrow_array::{Array as _, RecordBatch, cast::AsArray as _};
use schemas::regular_file;
use serde::Deserialize;

use super::labels::column_text::texts;
use crate::{parquet_table, segment::Segment};

/// An episode as one camera saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Its number.
    pub number: u64,
    /// The camera.
    pub camera: String,
    /// The video file, below the folder of the data set.
    pub video: PathBuf,
    /// Which part of the file it is.
    pub segment: Segment,
    /// What was to be done, if that is one task.
    pub task: Option<String>,
}

/// What `meta/info.json` says, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Info {
    codebase_version: String,
    fps: f64,
    video_path: Option<String>,
    features: serde_json::Map<String, serde_json::Value>,
}

/// Whether a folder is a data set of LeRobot's third version.
pub fn is_one(folder: &Path) -> bool {
    info(folder).is_ok_and(|info| info.codebase_version.starts_with("v3"))
}

fn info(folder: &Path) -> io::Result<Info> {
    let text = regular_file::read_to_string(&folder.join("meta/info.json"))?;
    serde_json::from_str(&text).map_err(damaged)
}

/// The episodes of a data set by their numbers, those of one number by their cameras.
///
/// # Errors
/// When a file of `meta/` cannot be read, or lacks what it should have.
pub fn episodes(folder: &Path) -> io::Result<Vec<Episode>> {
    let info = info(folder)?;
    if !(info.fps.is_finite() && info.fps > 0.0) {
        return Err(damaged(format!("meta/info.json has fps {}", info.fps)));
    }
    let is_video = |feature: &serde_json::Value| feature["dtype"] == "video";
    let mut cameras: Vec<String> =
        info.features.iter().filter(|(_, feature)| is_video(feature)).map(|(name, _)| name.clone()).collect();
    cameras.sort();
    let mut episodes = Vec::new();
    for file in tables(&folder.join("meta/episodes"))? {
        let batches = parquet_table::columns(&file, |name| {
            name == "episode_index"
                || name == "length"
                || name.starts_with("tasks.")
                || name.starts_with("videos/")
        })?;
        for batch in &batches {
            for camera in &cameras {
                episodes.extend(of_camera(batch, camera, &info)?);
            }
        }
    }
    episodes.sort_by(|one: &Episode, other| (one.number, &one.camera).cmp(&(other.number, &other.camera)));
    Ok(episodes)
}

/// The episodes of some rows as one camera saw them.
fn of_camera(batch: &RecordBatch, camera: &str, info: &Info) -> io::Result<Vec<Episode>> {
    let numbers = |name: &str| -> io::Result<Vec<f64>> {
        let column = batch
            .column_by_name(name)
            .ok_or_else(|| damaged(format!("meta/episodes has no column {name}")))?;
        let number =
            |cell: Option<String>| cell.and_then(|cell| cell.parse().ok()).filter(|it: &f64| *it >= 0.0);
        let cells = texts(column.as_ref()).map_err(damaged)?;
        cells
            .into_iter()
            .map(|cell| number(cell).ok_or_else(|| damaged(format!("{name} is no number"))))
            .collect()
    };
    let of_video = |what: &str| numbers(&format!("videos/{camera}/{what}"));
    let (episodes, lengths) = (numbers("episode_index")?, numbers("length")?);
    let (chunks, files, from) =
        (of_video("chunk_index")?, of_video("file_index")?, of_video("from_timestamp")?);
    let rows = 0..batch.num_rows();
    rows.map(|row| {
        let start = (from[row] * info.fps).round() as u32;
        let segment =
            Segment::frames(start, Some(start.saturating_add(lengths[row] as u32))).map_err(damaged)?;
        let video = video_path(info, camera, chunks[row] as u64, files[row] as u64);
        let task = task(batch, row);
        Ok(Episode { number: episodes[row] as u64, camera: camera.to_owned(), video, segment, task })
    })
    .collect()
}

/// Where the file of a camera is.
fn video_path(info: &Info, camera: &str, chunk: u64, file: u64) -> PathBuf {
    let written = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4";
    let written = info.video_path.as_deref().unwrap_or(written);
    let path = written.replace("{video_key}", camera);
    let path = path.replace("{chunk_index:03d}", &format!("{chunk:03}"));
    path.replace("{file_index:03d}", &format!("{file:03}")).into()
}

/// The task of an episode, if it has one and no other.
fn task(batch: &RecordBatch, row: usize) -> Option<String> {
    let tasks = batch.column_by_name("tasks")?;
    let tasks = match tasks.as_list_opt::<i32>() {
        Some(lists) => lists.is_valid(row).then(|| lists.value(row))?,
        None => tasks.as_list_opt::<i64>().filter(|lists| lists.is_valid(row))?.value(row),
    };
    let mut tasks = texts(tasks.as_ref()).ok()?.into_iter();
    tasks.next()?.filter(|_| tasks.next().is_none())
}

/// The tables below a folder, in the order of their names.
fn tables(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut tables = Vec::new();
    for chunk in std::fs::read_dir(folder)? {
        let chunk = chunk?.path();
        if chunk.is_dir() {
            for file in std::fs::read_dir(&chunk)? {
                tables.push(file?.path());
            }
        }
    }
    tables.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    tables.sort();
    Ok(tables)
}

fn damaged(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use arrow_array::{
        ArrayRef, Float64Array, Int64Array, ListArray, StringArray,
        builder::{ListBuilder, StringBuilder},
        types::Int64Type,
    };
    use parquet::arrow::ArrowWriter;

    use super::*;

    /// A data set of two cameras and three episodes, the last of which begins a file of the second camera.
    fn data_set(fps: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let episodes = folder.path().join("meta/episodes/chunk-000");
        fs::create_dir_all(&episodes).unwrap();
        let info = format!(
            r#"{{"codebase_version": "v3.0", "fps": {fps}, "features": {{
                "images.top": {{"dtype": "video"}}, "images.arm": {{"dtype": "video"}}, "action": {{"dtype": "float32"}}}},
                "video_path": "videos/{{video_key}}/chunk-{{chunk_index:03d}}/file-{{file_index:03d}}.mp4"}}"#
        );
        fs::write(folder.path().join("meta/info.json"), info).unwrap();
        let numbers = |numbers: [i64; 3]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
        let times = |times: [f64; 3]| Arc::new(Float64Array::from(times.to_vec())) as ArrayRef;
        let mut tasks = ListBuilder::new(StringBuilder::new());
        for names in [&["pick"][..], &["pick", "place"], &["place"]] {
            names.iter().for_each(|name| tasks.values().append_value(name));
            tasks.append(true);
        }
        let statistics = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)]), None, None]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("episode_index", numbers([0, 1, 2])),
            ("tasks", Arc::new(tasks.finish())),
            ("length", numbers([40, 33, 50])),
            ("stats/action/count", Arc::new(statistics)),
            ("videos/images.top/chunk_index", numbers([0, 0, 0])),
            ("videos/images.top/file_index", numbers([0, 0, 0])),
            ("videos/images.top/from_timestamp", times([0.0, 40.0 / 30.0, 40.0 / 30.0 + 33.0 / 30.0])),
            ("videos/images.arm/chunk_index", numbers([0, 0, 1])),
            ("videos/images.arm/file_index", numbers([0, 0, 12])),
            ("videos/images.arm/from_timestamp", times([0.0, 1.333_333, 0.0])),
            ("notes", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = fs::File::create(episodes.join("file-000.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        folder
    }

    #[test]
    fn episodes_are_parts_of_the_files_of_their_cameras() {
        let folder = data_set("30");
        assert!(is_one(folder.path()) && !is_one(&folder.path().join("meta")));
        let episodes = episodes(folder.path()).unwrap();
        let shown = |episode: &Episode| {
            let task = episode.task.as_deref().unwrap_or("-");
            format!("{} {}{} {task}", episode.number, episode.video.display(), episode.segment.fragment())
        };
        let shown: Vec<String> = episodes.iter().map(shown).collect();
        assert_eq!(
            shown,
            [
                "0 videos/images.arm/chunk-000/file-000.mp4#frames=0,40 pick",
                "0 videos/images.top/chunk-000/file-000.mp4#frames=0,40 pick",
                "1 videos/images.arm/chunk-000/file-000.mp4#frames=40,73 -",
                "1 videos/images.top/chunk-000/file-000.mp4#frames=40,73 -",
                "2 videos/images.arm/chunk-001/file-012.mp4#frames=0,50 place",
                "2 videos/images.top/chunk-000/file-000.mp4#frames=73,123 place",
            ]
        );
    }

    #[test]
    fn what_is_damaged_is_said() {
        let why = episodes(data_set("0").path()).unwrap_err().to_string();
        assert_eq!(why, "meta/info.json has fps 0");
        let folder = data_set("30");
        let info = fs::read_to_string(folder.path().join("meta/info.json")).unwrap();
        let other = info.replace("images.arm", "images.leg");
        fs::write(folder.path().join("meta/info.json"), other).unwrap();
        let why = episodes(folder.path()).unwrap_err().to_string();
        assert_eq!(why, "meta/episodes has no column videos/images.leg/chunk_index");
    }
}
