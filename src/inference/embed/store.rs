//! Where vectors are kept while they are made, so that a command that was interrupted does the rest.
//!
//! ```text
//! parquet         .F.parquet.parts/000012.parquet   one file a video, joined in the end to F.parquet
//! npy, tad-npy    DIR/name.npy                      one file a video, and that is what is wanted
//!                 DIR/B3SUMS                        their digests
//! either          embedded.json                     what the vectors are: others are never mixed with them
//! ```
//!
//! A file of one video is there whole or not at all. Joined rows depend on nothing but the parts, so F.parquet
//! has the same bytes however often its making was interrupted.

use std::{
    fs,
    path::{Path, PathBuf},
};

use parquet::arrow::ArrowWriter;
use pipeline::{names, parquet_digest, parquet_table, video_entry::VideoEntry};
use schemas::{
    MADE_BY, OutputLock, Slice, WholeFile,
    embeddings::{Embedded, Embedding},
    regular_file, whole_file,
};

use super::{
    array_digests::ArrayDigests,
    file::{facts_of, reader, writer},
    format::{Format, file_names},
};
use crate::{
    error::{Context as _, Error, Result, Usage},
    npy::NpyWriter,
    observer::Observer,
    output_lock,
};

/// What the vectors in a folder are.
const FACTS: &str = "embedded.json";

/// Who else may write there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody.
    Alone,
    /// Other slices of the same videos.
    WithSlices,
}

/// A place for the vectors of videos.
pub struct Store {
    format: Format,
    embedded: Embedded,
    out: PathBuf,
    folder: PathBuf,
    /// Names of the videos' files.
    names: Vec<String>,
    /// Digests of arrays; a part has its own in it.
    digests: Option<ArrayDigests>,
    /// Nobody else writes there.
    lock: OutputLock,
}

/// The vectors of one video in the making; dropped before it is finished, nothing of it stays.
pub struct VideoFile {
    video: u64,
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
        sharing: Sharing,
        observer: &dyn Observer,
    ) -> Result<Option<Self>> {
        if format == Format::Parquet && out.exists() {
            return is_there(out, embedded);
        }
        let folder = folder_of(out, format);
        let names = file_names(format, videos)?;
        // A folder of arrays may be filled from several lists: a file has its video's name, not its number.
        let facts = match format {
            Format::Parquet => embedded.clone(),
            Format::Npy | Format::TadNpy => Embedded { data: String::new(), videos: 0, ..embedded.clone() },
        };
        let lock = match sharing {
            Sharing::Alone => output_lock::folder(&folder, observer)?,
            Sharing::WithSlices => output_lock::shared_folder(&folder, observer)?,
        };
        // Who had the lock may have finished.
        if format == Format::Parquet && out.exists() {
            return is_there(out, embedded);
        }
        let path = folder.join(FACTS);
        if path.exists() {
            let found = read_facts(&path)?;
            if let Some(what) = difference(&found, &facts) {
                return Err(taken(&folder, what));
            }
        } else {
            let facts = Embedded { made_by: MADE_BY.to_owned(), ..facts };
            let text = format!("{}\n", serde_json::to_string_pretty(&facts)?);
            whole_file::write(&path, text.as_bytes())
                .with_context(|| format!("{} cannot be written", names::shown(&path)))?;
        }
        let (embedded, out) = (embedded.clone(), out.to_owned());
        let open = || ArrayDigests::open(&folder, names.iter().map(String::as_str));
        // Slices write none: all would write one file. Who puts them together takes the digests of all arrays.
        let has_digests = format != Format::Parquet && sharing == Sharing::Alone;
        let digests = has_digests.then(open).transpose().with_context(|| not_written(&folder))?;
        Ok(Some(Self { format, embedded, out, folder, names, digests, lock }))
    }

    /// Whether a folder of arrays has those of all videos, or of all in a slice.
    ///
    /// # Errors
    /// Usage error: two videos would have one file.
    pub fn has_all(out: &Path, format: Format, videos: &[VideoEntry], slice: Option<Slice>) -> Result<bool> {
        let own = (0..).zip(file_names(format, videos)?);
        let mut own = own.filter(|(video, _)| slice.is_none_or(|slice| slice.has(*video))).peekable();
        Ok(own.peek().is_some() && own.all(|(_, name)| out.join(name).is_file()))
    }

    /// The place again that slices have filled, for whoever puts them together.
    ///
    /// # Errors
    /// Usage error: somebody writes there. When it cannot be read.
    pub fn of_slices(
        out: &Path,
        format: Format,
        videos: &[VideoEntry],
        observer: &dyn Observer,
    ) -> Result<Self> {
        let folder = folder_of(out, format);
        let lock = output_lock::folder(&folder, observer)?;
        let embedded = Embedded { made_by: String::new(), ..read_facts(&folder.join(FACTS))? };
        let names = file_names(format, videos)?;
        let open = || ArrayDigests::of_all(&folder, names.iter().map(String::as_str));
        let digests =
            (format != Format::Parquet).then(open).transpose().with_context(|| not_written(&folder))?;
        Ok(Self { format, embedded, out: out.to_owned(), folder, names, digests, lock })
    }

    /// What the vectors are.
    pub fn embedded(&self) -> &Embedded {
        &self.embedded
    }

    fn path(&self, video: u64) -> PathBuf {
        self.folder.join(&self.names[video as usize])
    }

    /// Whether the vectors of a video are there; of an array also whether it is what was written.
    ///
    /// # Errors
    /// When an array cannot be read.
    pub fn has(&self, video: u64) -> Result<bool> {
        let path = self.path(video);
        match &self.digests {
            Some(digests) => digests
                .is_whole(&self.names[video as usize])
                .with_context(|| format!("{} cannot be read", names::shown(&path))),
            None => Ok(path.is_file()),
        }
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
        Ok(VideoFile { video, path, kind })
    }

    /// Leaves nothing behind where no video gave a vector.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn give_up(self) -> Result<()> {
        if self.format == Format::Parquet { self.remove_parts() } else { Ok(()) }
    }

    /// Removes the folder of parts, the lock in it last.
    fn remove_parts(self) -> Result<()> {
        let removed = || format!("{} cannot be removed", names::shown(&self.folder));
        let files = self.names.iter().map(String::as_str).chain([FACTS]);
        for file in files.map(|name| self.folder.join(name)).filter(|path| path.is_file()) {
            fs::remove_file(file).with_context(removed)?;
        }
        drop(self.lock);
        // It stays where somebody else keeps something in it, or has just come to see that all is done.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }

    /// Puts the vectors of a video in their place.
    ///
    /// # Errors
    /// When they are not whole or cannot be written.
    pub fn keep(&mut self, file: VideoFile) -> Result<()> {
        let written = || not_written(&file.path);
        match file.kind {
            Kind::Part(mut writer, _) => {
                writer.append_key_value_metadata(parquet_digest::entry());
                parquet_digest::finish(writer.into_inner().with_context(written)?).with_context(written)
            }
            Kind::Array(array) => {
                let digest = array.finish().with_context(written)?;
                let name = &self.names[file.video as usize];
                self.digests
                    .as_mut()
                    .map_or(Ok(()), |digests| digests.add(name, digest).with_context(written))
            }
        }
    }

    /// Joins the parts; the folder of parts is gone then.
    ///
    /// # Errors
    /// When a part cannot be read, or the file cannot be written.
    pub fn finish(self) -> Result<()> {
        if let Some(digests) = &self.digests {
            return digests.write().with_context(|| not_written(&self.folder));
        }
        let written = || not_written(&self.out);
        let file = WholeFile::create(&self.out).with_context(written)?;
        let mut joined = writer(file, &self.embedded).with_context(written)?;
        for name in &self.names {
            let path = self.folder.join(name);
            if !path.is_file() {
                continue;
            }
            for batch in parquet_table::batches(reader(&path)?)? {
                let batch = batch.with_context(|| names::shown(&path))?;
                self.embedded.rows(&batch).with_context(|| names::shown(&path))?;
                joined.write(&batch).with_context(written)?;
            }
        }
        joined.append_key_value_metadata(parquet_digest::entry());
        parquet_digest::finish(joined.into_inner().with_context(written)?).with_context(written)?;
        self.remove_parts()
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
}

/// Where vectors are kept while they are made.
fn folder_of(out: &Path, format: Format) -> PathBuf {
    match format {
        Format::Parquet => {
            let name = out.file_name().unwrap_or_default().to_string_lossy();
            out.with_file_name(format!(".{name}.parts"))
        }
        Format::Npy | Format::TadNpy => out.to_owned(),
    }
}

fn read_facts(path: &Path) -> Result<Embedded> {
    let text = regular_file::read_to_string(path)
        .with_context(|| format!("{} cannot be read", names::shown(path)))?;
    serde_json::from_str(&text)
        .map_err(Error::from)
        .with_context(|| format!("{} does not say what the vectors are", names::shown(path)))
}

/// Says that everything is done, where the vectors that are there are those that are wanted.
fn is_there(out: &Path, wanted: &Embedded) -> Result<Option<Store>> {
    match difference(&facts_of(out)?, wanted) {
        None => Ok(None),
        Some(what) => Err(taken(out, what)),
    }
}

/// What stands before the cause.
fn not_written(path: &Path) -> String {
    format!("{} cannot be written", names::shown(path))
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
    Usage::new(format!("{} contains embeddings with another {what}", names::shown(path)))
        .hint("give --out another name")
        .into()
}
