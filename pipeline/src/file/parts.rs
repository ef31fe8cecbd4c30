//! Where the parts of an archive are, by their names; `archives.rs` remembers those of several.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    archive::Kind,
    extent::Extent,
    open_file::OpenFile,
    stamp::FileStamp,
    tar_members,
    video_cells::{Cell, VideoCells},
};
use crate::names;

/// Where the bytes of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// They are a range of the archive.
    Range(Extent),
    /// They must be unpacked, and are about so many then.
    Packed {
        /// How many, as far as the archive tells.
        about: u64,
    },
}

impl Part {
    /// Where they are, if they are a range.
    pub fn extent(self) -> Option<Extent> {
        match self {
            Self::Range(extent) => Some(extent),
            Self::Packed { .. } => None,
        }
    }

    /// How many there are, or about.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Range(extent) => extent.bytes,
            Self::Packed { about } => about,
        }
    }

    /// The part that a cell is; nothing where it is null.
    pub fn of_cell(cell: &Cell, archive: FileStamp) -> Option<Self> {
        match cell {
            Cell::Range(range) => {
                let bytes = range.end - range.start;
                Some(Self::Range(Extent { start: range.start, bytes, archive }))
            }
            Cell::Packed { about } => Some(Self::Packed { about: *about }),
            Cell::Null => None,
        }
    }
}

/// The name of a cell in its file.
pub fn cell_name(column: &str, row: u64) -> PathBuf {
    Path::new(column).join(row.to_string())
}

/// The column and the row that a name means.
pub(super) fn cell_named(name: &Path) -> Option<(&str, u64)> {
    let mut words = name.iter().map(|word| word.to_str());
    let (column, row) = (words.next()??, words.next()??);
    words.next().is_none().then_some((column, row.parse().ok()?))
}

/// The part of this name.
///
/// # Errors
/// When the archive cannot be read, or has no such part.
pub(super) fn part(archive: &Path, kind: Kind, name: &Path) -> io::Result<Part> {
    let found = match kind {
        Kind::Tar => all(archive, kind)?.remove(name),
        Kind::Parquet => {
            let stamp = FileStamp::of(archive)?;
            let Some((column, row)) = cell_named(name) else { return Err(absent(archive, name)) };
            let cells = VideoCells::open(archive)?;
            Part::of_cell(&cells.cell(&cells.column(column)?, row)?, stamp)
        }
    };
    found.ok_or_else(|| absent(archive, name))
}

/// All parts by their names.
///
/// # Errors
/// When the archive cannot be read.
pub(super) fn all(archive: &Path, kind: Kind) -> io::Result<HashMap<PathBuf, Part>> {
    match kind {
        Kind::Tar => {
            let mut tar = OpenFile::open(archive)?;
            let stamp = tar.stamp()?;
            let part = |member: tar_members::Member| {
                let extent = Extent { start: member.start, bytes: member.bytes, archive: stamp };
                (member.name, Part::Range(extent))
            };
            Ok(tar_members::read(&mut tar)?.into_iter().map(part).collect())
        }
        Kind::Parquet => {
            let (stamp, file) = (FileStamp::of(archive)?, VideoCells::open(archive)?);
            let mut parts = HashMap::new();
            for column in file.columns() {
                for (row, cell) in (0..).zip(file.cells(&column)?) {
                    if let Some(part) = Part::of_cell(&cell, stamp) {
                        parts.insert(cell_name(&column.name, row), part);
                    }
                }
            }
            Ok(parts)
        }
    }
}

/// There is no part of this name.
pub(super) fn absent(archive: &Path, name: &Path) -> io::Error {
    let words = format!("{} has no video {}", names::shown(archive), names::shown(name));
    io::Error::new(io::ErrorKind::NotFound, words)
}
