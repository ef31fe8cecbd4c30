//! Checkpoints are written beside their place, synced and renamed: files, and folders of files.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use schemas::WholeFile;

/// The folder that `path` is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Has `write` fill a file that then stands at `path`.
pub(super) fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = WholeFile::create(path)?;
    write(file.as_file_mut())?;
    file.finish()
}

/// Has `write` fill a folder that then stands at `path`, where there is nothing or an empty folder.
pub(super) fn write_whole_folder<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    // `..` and links are resolved where they can be, so that the new folder is on the same disk.
    let place: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let beside = beside().tempdir_in(folder_of(&place))?;
    write(beside.path())?;
    sync(beside.path())?;
    std::fs::rename(beside.path(), &place)?;
    // It is where it belongs: nothing is left to be removed.
    let _ = beside.keep();
    Ok(sync(folder_of(&place))?)
}

/// What is made has the rights of any new file (the umask takes away what the user does not want);
/// `tempfile` alone would keep it private.
#[cfg(unix)]
fn beside() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::fs::Permissions::from_mode(0o777));
    builder
}

#[cfg(not(unix))]
fn beside() -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}

/// A rename is only on disk once its folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
