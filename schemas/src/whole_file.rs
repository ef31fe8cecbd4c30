//! A file that is there whole or not at all: written beside its place, synced, renamed.
//!
//! A [`WholeFile`] takes bytes like any file. [`WholeFile::finish`] puts it in its place; when it is
//! dropped before that, nothing of it stays. Only a process killed in the middle leaves its temporary
//! file, `.NAME.*.part`; the next [`WholeFile::create`] of the same name sweeps it away, so two
//! processes must not write one file at the same time.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

const SUFFIX: &str = ".part";

/// A file in the making.
#[derive(Debug)]
pub struct WholeFile {
    target: PathBuf,
    folder: PathBuf,
    temporary: NamedTempFile,
}

impl WholeFile {
    /// Starts a file that shall stand at `target`; its folder must exist.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn create(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut prefix = OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        sweep(&folder, &prefix)?;

        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(SUFFIX);
        // A temporary file is readable by its owner only; a dataset is for whom the umask allows.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self { target: target.to_owned(), temporary: builder.tempfile_in(&folder)?, folder })
    }

    /// The temporary file, for writers that go back in it.
    pub fn as_file_mut(&mut self) -> &mut fs::File {
        self.temporary.as_file_mut()
    }

    /// Puts the file in its place, replacing what stands there.
    ///
    /// # Errors
    /// When it cannot be synced or renamed; nothing of it stays then.
    pub fn finish(self) -> io::Result<()> {
        self.temporary.as_file().sync_all()?;
        self.temporary.persist(&self.target)?;
        // The name is on disk only when its folder is.
        fs::File::open(&self.folder)?.sync_all()
    }
}

impl io::Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}

/// Writes these bytes to a file that is there whole or not at all.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn write(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = WholeFile::create(target)?;
    io::Write::write_all(&mut file, bytes)?;
    file.finish()
}

/// Removes what killed processes left of this file.
fn sweep(folder: &Path, prefix: &OsString) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(SUFFIX.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_not_there_before_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("list");
        let mut file = WholeFile::create(&target).unwrap();
        file.write_all(b"all of it").unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"all of it");
    }

    #[test]
    fn what_a_killed_process_left_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".list.abc123.part"), b"half").unwrap();
        fs::write(folder.path().join(".lists.abc123.part"), b"of another file").unwrap();
        WholeFile::create(&folder.path().join("list")).unwrap().finish().unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".lists.abc123.part", "list"]);
    }
}
