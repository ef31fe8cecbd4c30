//! What is read as a file must be one: a pipe would wait until somebody writes to it, a device may never end.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

/// Opens a file to read it.
///
/// # Errors
/// When it cannot be opened, or is a folder, a pipe, a socket or a device; then of the kind
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
pub fn open(path: &Path) -> io::Result<File> {
    // Asked before, since a device may act on being opened.
    check(&fs::metadata(path)?)?;
    let file = options().open(path)?;
    // And after: it may be another by now.
    check(&file.metadata()?)?;
    Ok(file)
}

/// The bytes of a file.
///
/// # Errors
/// As [`open`], and when it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file.
///
/// # Errors
/// As [`read`], and when it is no text.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    io::read_to_string(open(path)?)
}

fn check(there: &fs::Metadata) -> io::Result<()> {
    if there.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

/// Opening does not wait, whatever is there by then.
fn options() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    #[test]
    fn pipes_sockets_devices_and_folders_are_refused_at_once_and_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let pipe = at("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _socket = UnixListener::bind(at("socket")).unwrap();
        symlink("/dev/zero", at("device")).unwrap();
        symlink(&pipe, at("link")).unwrap();
        for name in ["pipe", "socket", "device", "link", "."] {
            let refused = open(&at(name)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{name}");
            assert!(read(&at(name)).is_err() && read_to_string(&at(name)).is_err());
        }
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("way")).unwrap();
        assert_eq!(read_to_string(&at("way")).unwrap(), "text");
        assert_eq!(read(&at("file")).unwrap(), b"text");
        assert_eq!(open(&at("absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    /// What became a pipe after it was looked at.
    #[test]
    fn a_pipe_is_opened_without_waiting_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let opened = options().open(&pipe).unwrap();
        assert!(check(&opened.metadata().unwrap()).is_err());
    }
}
