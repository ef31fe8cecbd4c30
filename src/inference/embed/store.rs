//! Where vectors are kept while they are made, so that a command that was interrupted does the rest.
//!
//! ```text
//! parquet         .F.parquet.parts/000012.parquet   one file a video, joined in the end to F.parquet
//! npy, tad-npy    DIR/name.npy                      one file a video, and that is what is wanted
//! either          embedded.json                     what the vectors are: others are never mixed with them
//! ```
//!
//! A file of one video is there whole or not at all. Joined rows depend on nothing but the parts, so F.parquet
//! has the same bytes however often its making was interrupted.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
};

use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use pipeline::{names, page_limits, video_entry::VideoEntry};
use schemas::{
    MADE_BY, WholeFile,
    embeddings::{Embedded, Embedding},
    whole_file,
};

use crate::{
    error::{Context as _, Error, Result, Usage},
    npy::NpyWriter,
};

/// Bytes of vectors of a row group.
const GROUP_BYTES: usize = 64 << 20;

/// What the vectors in a folder are.
const FACTS: &str = "embedded.json";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One Parquet file with times and vectors
    Parquet,
    /// One NumPy array per video, in the folder --out
    Npy,
    /// The files that VideoMAEv2's extract_tad_feature.py writes, from the same pixels
    TadNpy,
}

/// A place for the vectors of videos.
pub struct Store {
    format: Format,
    embedded: Embedded,
    out: PathBuf,
    folder: PathBuf,
    /// Names of the videos' files.
    names: Vec<String>,
}

/// The vectors of one video in the making; dropped before it is finished, nothing of it stays.
pub struct VideoFile {
    path: PathBuf,
    kind: Kind,
}

/// How vectors are written.
enum Kind {
    /// A part of a Parquet file.
    Part(Box<ArrowWriter<WholeFile>>, Embedded),
    /// An array.
    Array(NpyWriter),
}

impl Store {
    /// Opens the place, or says that everything is done. `out` is a file, for arrays a folder.
    ///
    /// # Errors
    /// Usage error: other vectors are there, or two videos would have one file.
    pub fn open(
        out: &Path,
        format: Format,
        embedded: &Embedded,
        videos: &[VideoEntry],
    ) -> Result<Option<Self>> {
        if format == Format::Parquet && out.exists() {
            let found = facts_of(out)?;
            return match difference(&found, embedded) {
                None => Ok(None),
                Some(what) => Err(taken(out, what)),
            };
        }
        let folder = match format {
            Format::Parquet => {
                let name = out.file_name().unwrap_or_default().to_string_lossy();
                out.with_file_name(format!(".{name}.parts"))
            }
            Format::Npy | Format::TadNpy => out.to_owned(),
        };
        let names = file_names(format, videos)?;
        // A folder of arrays may be filled from several lists: a file has its video's name, not its number.
        let facts = match format {
            Format::Parquet => embedded.clone(),
            Format::Npy | Format::TadNpy => Embedded { data: String::new(), videos: 0, ..embedded.clone() },
        };
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        let path = folder.join(FACTS);
        if path.exists() {
            let text =
                fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let found = serde_json::from_str(&text)
                .with_context(|| format!("{} does not say what the vectors are", path.display()))?;
            if let Some(what) = difference(&found, &facts) {
                return Err(taken(&folder, what));
            }
        } else {
            let facts = Embedded { made_by: MADE_BY.to_owned(), ..facts };
            let text = format!("{}\n", serde_json::to_string_pretty(&facts)?);
            whole_file::write(&path, text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(Some(Self { format, embedded: embedded.clone(), out: out.to_owned(), folder, names }))
    }

    fn path(&self, video: u64) -> PathBuf {
        self.folder.join(&self.names[video as usize])
    }

    /// Whether the vectors of a video are there.
    pub fn has(&self, video: u64) -> bool {
        self.path(video).is_file()
    }

    /// A file for the `rows` vectors of a video.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self, video: u64, rows: usize) -> Result<VideoFile> {
        let path = self.path(video);
        let made = || not_written(&path);
        let kind = match self.format {
            Format::Parquet => {
                let file = WholeFile::create(&path).with_context(made)?;
                Kind::Part(Box::new(writer(file, &self.embedded).with_context(made)?), self.embedded.clone())
            }
            Format::Npy | Format::TadNpy => {
                let Embedded { lengths, number, .. } = &self.embedded;
                Kind::Array(NpyWriter::create(&path, rows, lengths, *number).with_context(made)?)
            }
        };
        Ok(VideoFile { path, kind })
    }

    /// Leaves nothing behind where no video gave a vector.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn give_up(self) -> Result<()> {
        let removed = || format!("{} cannot be removed", self.folder.display());
        if self.format == Format::Parquet {
            fs::remove_dir_all(&self.folder).with_context(removed)?;
        }
        Ok(())
    }

    /// Joins the parts; the folder of parts is gone then.
    ///
    /// # Errors
    /// When a part cannot be read, or the file cannot be written.
    pub fn finish(self) -> Result<()> {
        if self.format != Format::Parquet {
            return Ok(());
        }
        let written = || not_written(&self.out);
        let file = WholeFile::create(&self.out).with_context(written)?;
        let mut joined = writer(file, &self.embedded).with_context(written)?;
        for name in &self.names {
            let path = self.folder.join(name);
            if !path.is_file() {
                continue;
            }
            for batch in reader(&path)?.build()? {
                let batch = batch.with_context(|| names::shown(&path))?;
                self.embedded.rows(&batch).with_context(|| names::shown(&path))?;
                joined.write(&batch).with_context(written)?;
            }
        }
        joined.into_inner().with_context(written)?.finish().with_context(written)?;
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("{} cannot be removed", self.folder.display()))
    }
}

impl VideoFile {
    /// More of its vectors.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn push(&mut self, rows: &[Embedding]) -> Result<()> {
        let written = || not_written(&self.path);
        match &mut self.kind {
            Kind::Part(writer, embedded) => writer.write(&embedded.to_batch(rows)?).with_context(written),
            Kind::Array(array) => rows.iter().try_for_each(|row| {
                row.check(array.number())?;
                array.push(&row.vector).with_context(written)
            }),
        }
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// When it is not whole or cannot be written.
    pub fn finish(self) -> Result<()> {
        let written = || not_written(&self.path);
        match self.kind {
            Kind::Part(writer, _) => {
                writer.into_inner().with_context(written)?.finish().with_context(written)
            }
            Kind::Array(array) => array.finish().with_context(written),
        }
    }
}

/// What the vectors of a file are.
///
/// # Errors
/// When it is no file of embeddings.
pub fn facts_of(path: &Path) -> Result<Embedded> {
    let reader = reader(path)?;
    Embedded::of(reader.schema()).with_context(|| format!("{} contains no embeddings", path.display()))
}

/// The rows of a file, a few at a time.
///
/// # Errors
/// When it is no file of embeddings.
pub fn rows_of(path: &Path) -> Result<(Embedded, impl Iterator<Item = Result<Vec<Embedding>>>)> {
    let embedded = facts_of(path)?;
    let shown = path.display().to_string();
    let batches = reader(path)?.build()?;
    let facts = embedded.clone();
    let rows = batches.map(move |batch| {
        let batch = batch.with_context(|| shown.clone())?;
        facts.rows(&batch).with_context(|| shown.clone())
    });
    Ok((embedded, rows))
}

fn reader(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let no_parquet = || format!("{} is not a Parquet file, or is truncated", path.display());
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone()?).with_context(no_parquet)?;
    page_limits::check(&file, builder.metadata()).with_context(no_parquet)?;
    Ok(builder)
}

fn writer(file: WholeFile, embedded: &Embedded) -> Result<ArrowWriter<WholeFile>> {
    let rows = GROUP_BYTES / (4 * embedded.length().max(1));
    let properties = WriterProperties::builder()
        .set_created_by(MADE_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // Floats hardly repeat.
        .set_column_dictionary_enabled("vector.list.element".into(), false)
        .set_max_row_group_row_count(Some(rows.clamp(1, 1 << 16)))
        .build();
    Ok(ArrowWriter::try_new(file, embedded.schema(), Some(properties))?)
}

/// What stands before the cause.
fn not_written(path: &Path) -> String {
    format!("{} cannot be written", names::shown(path))
}

/// A file's name for each video.
fn file_names(format: Format, videos: &[VideoEntry]) -> Result<Vec<String>> {
    let mut seen: HashMap<String, &Path> = HashMap::new();
    let mut files = Vec::new();
    for (number, video) in videos.iter().enumerate() {
        let part = |part: Option<&OsStr>| names::name_of(Path::new(part.unwrap_or_default()));
        let file = part(video.path.file_name());
        let name = match format {
            Format::Parquet => format!("{number:06}.parquet"),
            Format::Npy => format!("{}.npy", part(video.path.file_stem())),
            // The published script cuts at the first dot.
            Format::TadNpy => format!("{}.npy", file.split('.').next().unwrap_or_default()),
        };
        if let Some(other) = seen.insert(name.clone(), &video.path) {
            return Err(Usage::new(format!(
                "{} and {} would both be written to {name}",
                names::shown(other),
                names::shown(&video.path)
            ))
            .hint("use --format parquet, which identifies videos by their place in the list")
            .into());
        }
        files.push(name);
    }
    Ok(files)
}

/// In what two kinds of vectors differ.
fn difference(found: &Embedded, wanted: &Embedded) -> Option<&'static str> {
    [
        ("model", found.model != wanted.model),
        ("kind of vector", found.feature != wanted.feature || found.lengths != wanted.lengths),
        ("number format", found.number != wanted.number),
        ("windows", found.windows != wanted.windows),
        ("views", found.views != wanted.views),
        ("preprocessing", found.preprocessing != wanted.preprocessing),
        ("list of videos", found.data != wanted.data),
    ]
    .into_iter()
    .find_map(|(what, differs)| differs.then_some(what))
}

fn taken(path: &Path, what: &str) -> Error {
    Usage::new(format!("{} contains embeddings with another {what}", path.display()))
        .hint("give --out another name")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(path: &str) -> VideoEntry {
        VideoEntry { path: path.into(), label: None }
    }

    #[test]
    fn names_are_cut_as_the_published_script_cuts_them() {
        let videos = [video("a/v_1.cut.mp4"), video("b/v_2.mp4")];
        assert_eq!(file_names(Format::TadNpy, &videos).unwrap(), ["v_1.npy", "v_2.npy"]);
        assert_eq!(file_names(Format::Npy, &videos).unwrap(), ["v_1.cut.npy", "v_2.npy"]);
    }

    #[test]
    fn two_videos_never_share_a_file() {
        let refused = file_names(Format::TadNpy, &[video("a/x.1.mp4"), video("b/x.2.mp4")]).unwrap_err();
        assert!(refused.usage().is_some(), "{refused}");
        assert_eq!(refused.to_string(), "a/x.1.mp4 and b/x.2.mp4 would both be written to x.npy");
    }
}
