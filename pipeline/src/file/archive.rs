//! Files that hold several videos, and paths that lead into them.
//!
//! ```text
//! shards-000.tar/key.mp4                   a member of a tar
//! train-00000-of-00003.parquet/video/17    a cell of a column: row 17 of `video`
//! ```
//!
//! No other file can have such a path, since `shards-000.tar` is a file and no folder: names of parts clash with nothing.

use std::path::Path;

use crate::store;

/// What an archive is, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tar.
    Tar,
    /// A Parquet file, which may have columns of films.
    Parquet,
}

/// What a file may be that holds several videos; nothing where its name does not say that.
pub fn kind_of(path: &Path) -> Option<Kind> {
    let ending = path.extension()?;
    match () {
        () if ending.eq_ignore_ascii_case("tar") => Some(Kind::Tar),
        () if ending.eq_ignore_ascii_case("parquet") => Some(Kind::Parquet),
        () => None,
    }
}

/// The archive that a path leads into, what that is, and the name of the part; nothing for a path that leads into none.
pub fn archive_of(path: &Path) -> Option<(&Path, Kind, &Path)> {
    path.ancestors().skip(1).find_map(|above| {
        let kind = kind_of(above)?;
        // A store has no folders, so that an address says by its words alone what it leads into; tables are read from files.
        let is_there = if store::is_address(above) { kind == Kind::Tar } else { above.is_file() };
        if !is_there {
            return None;
        }
        Some((above, kind, path.strip_prefix(above).ok()?))
    })
}

/// The file that a path names or leads into.
pub fn file_of(path: &Path) -> &Path {
    archive_of(path).map_or(path, |(archive, ..)| archive)
}
