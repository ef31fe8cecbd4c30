//! A folder of numbered pictures (`img_00001.jpg` …) as the bytes of one file: all pictures, one behind the other.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Endings of such pictures.
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

/// Bytes of a folder's pictures at most: they are held together.
pub const MOST_BYTES: u64 = 1 << 30;

/// A numbered picture of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number.
    pub number: u64,
    /// Its file.
    pub path: PathBuf,
}

/// The pictures of a folder by their numbers; nothing where it has none, or not only such.
///
/// # Errors
/// When the folder cannot be read.
pub fn pictures(folder: &Path) -> io::Result<Vec<Numbered>> {
    let mut pictures = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match number(&path) {
            Some(number) => pictures.push(Numbered { number, path }),
            None if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) => {}
            None => return Ok(Vec::new()),
        }
    }
    pictures.sort_by(|one, other| (one.number, &one.path).cmp(&(other.number, &other.path)));
    Ok(pictures)
}

/// The number at the end of a picture's name.
fn number(path: &Path) -> Option<u64> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let stem = path.file_stem()?.to_str()?;
    let digits = stem.len() - stem.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    ENDINGS.contains(&ending.as_str()).then_some(())?;
    stem[stem.len() - digits..].parse().ok()
}

/// All pictures of a folder as a file that has no name.
///
/// # Errors
/// As [`join`], and when nothing can be written for the while.
pub(super) fn joined(folder: &Path) -> io::Result<fs::File> {
    let mut file = tempfile::tempfile()?;
    join(folder, &mut file)?;
    Ok(file)
}

/// Writes all pictures of a folder into `out`, and says how many bytes they have.
///
/// # Errors
/// When one cannot be read, there is none, a number is missing or there twice, or they have more than [`MOST_BYTES`].
pub fn join(folder: &Path, out: &mut impl Write) -> io::Result<u64> {
    let pictures = pictures(folder)?;
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if pictures.is_empty() {
        return Err(wrong("it is a folder, and not one of numbered pictures".to_owned()));
    }
    if let Some(pair) = pictures.windows(2).find(|pair| pair[1].number != pair[0].number + 1) {
        let (before, after) = (pair[0].number, pair[1].number);
        return Err(wrong(format!("picture {after} follows picture {before}")));
    }
    let mut bytes = 0;
    for Numbered { path, .. } in pictures {
        let picture = fs::read(path)?;
        bytes += picture.len() as u64;
        if bytes > MOST_BYTES {
            return Err(wrong(format!("its pictures have more than {MOST_BYTES} bytes")));
        }
        out.write_all(&picture)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_follow_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["img_00010.jpg", "img_00009.jpg", "img_00011.JPG", ".hidden"] {
            fs::write(folder.path().join(name), &name[7..9.min(name.len())]).unwrap();
        }
        let mut all = Vec::new();
        assert_eq!(join(folder.path(), &mut all).unwrap(), 6);
        assert_eq!(all, b"091011");
        fs::write(folder.path().join("img_00013.jpg"), "").unwrap();
        let refused = join(folder.path(), &mut Vec::new()).unwrap_err().to_string();
        assert_eq!(refused, "picture 13 follows picture 11");
        fs::write(folder.path().join("readme.txt"), "").unwrap();
        assert_eq!(pictures(folder.path()).unwrap(), []);
        assert!(join(folder.path(), &mut Vec::new()).is_err());
    }
}
