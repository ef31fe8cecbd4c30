//! The bytes of a video file, and which container they are, told by content and never by name.

use std::{fs, io, io::Read as _, ops::Range, path::Path, sync::Arc};

/// The containers that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// MP4 and QuickTime.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    /// AVI.
    Avi,
    /// MPEG program or system stream.
    ProgramStream,
    /// MPEG transport stream, packets of 188 or 192 bytes.
    TransportStream,
}

impl Container {
    /// The container of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Mp4, Self::Matroska, Self::Avi, Self::ProgramStream, Self::TransportStream]
            .into_iter()
            .find(|container| container.name() == name)
    }

    /// The name in manifests and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::ProgramStream => "mpeg-ps",
            Self::TransportStream => "mpeg-ts",
        }
    }
}

/// The container that `bytes`, the beginning of a file, are of.
pub fn recognise(bytes: &[u8]) -> Option<Container> {
    let at = |range: Range<usize>| bytes.get(range).unwrap_or_default();
    match at(4..8) {
        b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" | b"styp" | b"moof" => {
            return Some(Container::Mp4);
        }
        _ => {}
    }
    match at(0..4) {
        [0x1a, 0x45, 0xdf, 0xa3] => return Some(Container::Matroska),
        b"RIFF" if at(8..11) == b"AVI" => return Some(Container::Avi),
        [0, 0, 1, 0xba] => return Some(Container::ProgramStream),
        _ => {}
    }
    // Five sync bytes in a row, also where the first packets are cut or other bytes come first.
    let syncs =
        |start: usize, step: usize| (0..5).all(|packet| bytes.get(start + packet * step) == Some(&0x47));
    let stream = [188, 192].into_iter().any(|step| (0..step).any(|start| syncs(start, step)));
    stream.then_some(Container::TransportStream)
}

/// A file that is held in memory; clones share it.
#[derive(Clone, Debug)]
pub struct FileBytes(Arc<Vec<u8>>);

impl FileBytes {
    /// Reads a file of at most `limit` bytes; a larger one gives its size instead.
    ///
    /// # Errors
    /// When the file cannot be read, or is none: opening a pipe would wait for somebody to write to it.
    pub fn read(path: &Path, limit: u64) -> io::Result<Result<Self, u64>> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        if length > limit {
            return Ok(Err(length));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Ok(Self(Arc::new(bytes))))
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A part of the file that keeps the file in memory. It ends where the file ends.
    pub fn slice(&self, range: Range<usize>) -> FileSlice {
        let end = range.end.min(self.0.len());
        FileSlice { file: self.0.clone(), range: range.start.min(end)..end }
    }
}

/// A part of a [`FileBytes`].
#[derive(Clone, Debug)]
pub struct FileSlice {
    file: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl AsRef<[u8]> for FileSlice {
    fn as_ref(&self) -> &[u8] {
        &self.file[self.range.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_no_file_and_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.mp4");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), folder.path()] {
            assert_eq!(FileBytes::read(path, 1).unwrap_err().to_string(), "not a regular file");
        }
    }

    #[test]
    fn containers_are_told_by_their_content() {
        assert_eq!(recognise(b"\0\0\0\x18ftypisom"), Some(Container::Mp4));
        assert_eq!(recognise(&[0x1a, 0x45, 0xdf, 0xa3]), Some(Container::Matroska));
        assert_eq!(recognise(b"RIFF\0\0\0\0AVI LIST"), Some(Container::Avi));
        assert_eq!(recognise(b"RIFF\0\0\0\0WAVEfmt "), None);
        assert_eq!(recognise(&[0, 0, 1, 0xba, 0x44]), Some(Container::ProgramStream));
        for (step, lead) in [(188, 0), (192, 4), (188, 17)] {
            let mut stream = vec![0; lead + 6 * step];
            (0..6).for_each(|packet| stream[lead + packet * step] = 0x47);
            assert_eq!(recognise(&stream), Some(Container::TransportStream));
        }
        assert_eq!(recognise(b"<html><body>not found</body></html>"), None);
        assert_eq!(recognise(b""), None);
    }
}
