//! The digests of the arrays in a folder, in the file `B3SUMS`: an array has no room for its own.
//!
//! ```text
//! <64 hexadecimal digits of BLAKE3>  name.npy        a line an array; `b3sum --check B3SUMS` checks them all
//! ```
//!
//! A line is written behind its array, so that of an array without one nobody knows whether it is whole: it is made
//! again. In a folder of a version that wrote none, arrays are taken as they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use schemas::{regular_file, whole_file};

/// The file's name, as BLAKE3's own tool suggests it.
const NAME: &str = "B3SUMS";

/// Digests of the arrays in a folder.
pub struct ArrayDigests {
    folder: PathBuf,
    known: BTreeMap<String, String>,
    /// Arrays whose digests were taken here and now: they are not read again to see that they have them.
    taken: BTreeSet<String>,
}

impl ArrayDigests {
    /// Those that are written down in `folder`; where none are, those of the arrays of these names that are there.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) -> io::Result<Self> {
        let mut digests = Self { folder: folder.to_owned(), known: BTreeMap::new(), taken: BTreeSet::new() };
        match regular_file::read(&digests.path()) {
            Ok(bytes) => {
                let lines = bytes.split(|&byte| byte == b'\n');
                digests.known = lines.filter_map(|line| read_line(std::str::from_utf8(line).ok()?)).collect();
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                digests.take_missing(names)?;
            }
            Err(why) => return Err(why),
        }
        // The last line may have been cut.
        digests.write()?;
        Ok(digests)
    }

    /// The same, and the digests of the arrays of these names that are there without a line.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn of_all<'a>(folder: &Path, names: impl Iterator<Item = &'a str> + Clone) -> io::Result<Self> {
        let mut digests = Self::open(folder, names.clone())?;
        digests.take_missing(names)?;
        Ok(digests)
    }

    /// Takes the digests of the arrays of these names that are there without one.
    fn take_missing<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> io::Result<()> {
        for name in names {
            let path = self.folder.join(name);
            if !self.known.contains_key(name) && path.is_file() {
                self.known.insert(name.to_owned(), digest_of(&path)?);
                self.taken.insert(name.to_owned());
            }
        }
        Ok(())
    }

    /// Whether the array of this name is there with the bytes that were written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_whole(&self, name: &str) -> io::Result<bool> {
        let path = self.folder.join(name);
        Ok(match self.known.get(name) {
            Some(known) if path.is_file() => self.taken.contains(name) || digest_of(&path)? == *known,
            _ => false,
        })
    }

    /// Writes down the digest of an array that was written.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, name: &str, digest: String) -> io::Result<()> {
        let line = line(name, &digest);
        self.known.insert(name.to_owned(), digest);
        File::options().append(true).create(true).open(self.path())?.write_all(line.as_bytes())
    }

    /// Writes all of them down in the order of their names.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self) -> io::Result<()> {
        let lines: String = self.known.iter().map(|(name, digest)| line(name, digest)).collect();
        if regular_file::read(&self.path()).is_ok_and(|found| found == lines.as_bytes()) {
            return Ok(());
        }
        whole_file::write(&self.path(), lines.as_bytes())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }
}

fn digest_of(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(regular_file::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// A line as `b3sum` writes it; a backslash in a name is doubled, and told by one at the beginning.
fn line(name: &str, digest: &str) -> String {
    let mark = if name.contains('\\') { "\\" } else { "" };
    format!("{mark}{digest}  {}\n", name.replace('\\', "\\\\"))
}

/// Name and digest of a line; nothing where it is none.
fn read_line(line: &str) -> Option<(String, String)> {
    let (marked, line) = line.strip_prefix('\\').map_or((false, line), |line| (true, line));
    let (digest, name) = line.split_once("  ")?;
    let name = if marked { name.replace("\\\\", "\\") } else { name.to_owned() };
    (digest.len() == 64).then(|| (name, digest.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_array_is_whole_with_its_own_bytes_and_a_line_that_was_cut_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let names = ["a.npy", "b.npy", r"c\x00.npy"];
        for name in names {
            fs::write(at(name), name).unwrap();
        }
        // Of a version that wrote no digests.
        let open = || ArrayDigests::open(folder.path(), names.into_iter()).unwrap();
        let is_whole = |name| open().is_whole(name).unwrap();
        assert!(names.into_iter().all(is_whole) && !is_whole("d.npy"));
        fs::write(at("b.npy"), "c.npy").unwrap();
        assert!(is_whole("a.npy") && !is_whole("b.npy"));
        // Read once: what takes the digest of an array does not ask it again.
        fs::remove_file(at(NAME)).unwrap();
        let all = ArrayDigests::of_all(folder.path(), names.into_iter()).unwrap();
        fs::write(at("a.npy"), "changed since").unwrap();
        assert!(all.is_whole("a.npy").unwrap() && !is_whole("a.npy"));
        fs::write(at("a.npy"), "a.npy").unwrap();
        fs::write(at("b.npy"), "b.npy").unwrap();
        assert!(is_whole("a.npy") && !is_whole("b.npy"));
        let mut digests = open();
        digests.add("b.npy", digest_of(&at("b.npy")).unwrap()).unwrap();
        assert!(is_whole("b.npy"));

        let text = fs::read_to_string(at(NAME)).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        fs::write(at(NAME), &text[..text.len() - 1]).unwrap();
        assert!(names.into_iter().all(is_whole), "nothing but the end of the line is missing");
        assert_eq!(fs::read_to_string(at(NAME)).unwrap(), text);
        fs::write(at(NAME), &text[..text.len() - 4]).unwrap();
        assert!(is_whole("a.npy") && !is_whole(names[2]));
        for bit in 0..8 * 64 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(at(NAME), bytes).unwrap();
            assert!(!is_whole("a.npy") && is_whole("b.npy"), "bit {bit}");
        }
    }
}
