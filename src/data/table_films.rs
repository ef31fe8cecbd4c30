//! Tables of Parquet with films in them, as Hugging Face's `datasets` lays them out.
//!
//! ```text
//! README.md
//! data/train-00000-of-00003.parquet    video: {bytes, path}, label; row 17 is the film .parquet/video/17
//! data/test-00000-of-00001.parquet
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    dataset::film_table::{self, TableFilm},
    file::{Part, cell_name},
    names, system,
    video_entry::VideoEntry,
};

use super::found::Found;
use crate::{
    error::{Result, Usage},
    observer::Observer,
};

/// The films of these tables, in their order; they lie below `root`. Says how many there are.
///
/// # Errors
/// Usage error: a table is damaged. When the system cannot read one.
pub fn videos_in(tables: &[PathBuf], root: &Arc<Path>, observer: &dyn Observer) -> Result<Vec<Found>> {
    let mut videos = Vec::new();
    let (mut packed, mut beside) = (0, 0);
    for table in tables {
        let films = system::read(table, || film_table::read(table))?;
        let films = films.map_err(|why| Usage::new(format!("{}: {why}", names::shown(table))))?;
        for film in films {
            packed += usize::from(matches!(film.part, Some(Part::Packed { .. })));
            beside += usize::from(film.path.is_some());
            videos.push(found(table, root, film));
        }
    }
    let (noun, are) = if tables.len() == 1 { ("table", "is") } else { ("tables", "are") };
    let some = |count: usize, what: &str| match count {
        0 => String::new(),
        count => format!(", {count} of them {what}"),
    };
    observer.note(format_args!(
        "{} {noun} of Parquet {are} read as Hugging Face's videos: {} videos{}{}",
        tables.len(),
        videos.len(),
        some(beside, "in files beside the table"),
        some(packed, "in compressed or encoded pages, unpacked from the beginning of their row group when they are opened"),
    ));
    Ok(videos)
}

fn found(table: &Path, root: &Arc<Path>, film: TableFilm) -> Found {
    let path = match &film.path {
        Some(path) => beside(table, path),
        None => table.join(cell_name(&film.column, film.row)),
    };
    let root = path.starts_with(root).then(|| Arc::clone(root));
    let found = Found { entry: VideoEntry::whole(path, film.label), root, class: film.class.map(Into::into) };
    found.with_extent(film.part.and_then(Part::extent))
}

/// The file that a table names: beside it, or above its folder (`data/`); else as it is written.
fn beside(table: &Path, path: &str) -> PathBuf {
    let folder = table.parent().unwrap_or(Path::new(""));
    let above = folder.parent().unwrap_or(Path::new(""));
    let places = [folder.join(path), above.join(path)];
    places.into_iter().find(|place| place.is_file()).unwrap_or_else(|| path.into())
}
