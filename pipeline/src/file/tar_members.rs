//! The members of a tar: their names, and where in it their bytes are. Headers are read, and nothing is taken out.

use std::{
    cell::Cell,
    collections::HashSet,
    io::{self, Read, Seek, SeekFrom},
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use super::open_file::OpenFile;
use crate::heartbeat;

/// A file in a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path in the tar, without `./` before it.
    pub name: PathBuf,
    /// Where its bytes begin.
    pub start: u64,
    /// How many there are.
    pub bytes: u64,
}

/// Bytes of a member's headers at most: those of long names are read as a whole.
const HEADERS: u64 = 1 << 20;

/// What is read of a tar to know what it is.
const MAGIC: usize = 6;

/// The files in a tar, in their order; folders and links are left out.
///
/// # Errors
/// When it cannot be read or is compressed, a header is damaged, a member has holes, leads out of the tar, has the name of
/// another or lies behind the end.
pub fn read(file: &mut OpenFile) -> io::Result<Vec<Member>> {
    let length = file.length()?;
    refuse_compressed(file)?;
    let left = Rc::new(Cell::new(HEADERS));
    let mut archive = tar::Archive::new(Frugal { file, left: Rc::clone(&left) });
    let (mut members, mut names) = (Vec::new(), HashSet::new());
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        left.set(HEADERS);
        heartbeat::step();
        let kind = entry.header().entry_type();
        let has_holes = kind.is_gnu_sparse() || has_holes(&mut entry)?;
        if !(kind.is_file() || kind.is_contiguous() || has_holes) {
            continue;
        }
        let name = name_of(&entry.path()?)?;
        let (start, bytes) = (entry.raw_file_position(), entry.size());
        if has_holes {
            return Err(wrong(
                &name,
                "is stored with holes (as a sparse file), so that its bytes are no range of the tar",
            ));
        }
        if start.checked_add(bytes).is_none_or(|end| end > length) {
            return Err(wrong(&name, "lies behind the end of the file: the tar is cut short"));
        }
        if !names.insert(name.clone()) {
            return Err(wrong(&name, "is there twice, and a video must have a name of its own"));
        }
        members.push(Member { name, start, bytes });
    }
    Ok(members)
}

/// The bytes of a small member.
///
/// # Errors
/// When it cannot be read, or has more than `most`.
pub fn small(tar: &mut OpenFile, member: &Member, most: u64) -> io::Result<Vec<u8>> {
    if member.bytes > most {
        return Err(wrong(&member.name, &format!("has {} bytes, more than {most}", member.bytes)));
    }
    let mut bytes = vec![0; member.bytes as usize];
    tar.seek(SeekFrom::Start(member.start))?;
    tar.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn refuse_compressed(file: &mut OpenFile) -> io::Result<()> {
    let mut magic = Vec::new();
    file.take(MAGIC as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    let (form, tool) = match magic.as_slice() {
        [0x1f, 0x8b, ..] => ("gzip", "gunzip"),
        [b'B', b'Z', b'h', ..] => ("bzip2", "bunzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => ("xz", "unxz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("Zstandard", "unzstd"),
        _ => return Ok(()),
    };
    Err(data(format!(
        "the tar is compressed ({form}), so that no part of it can be read by itself: uncompress it with `{tool}`"
    )))
}

/// Whether it was written as pieces with holes between them by the rules of PAX.
fn has_holes(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<bool> {
    let Some(extensions) = entry.pax_extensions()? else { return Ok(false) };
    for extension in extensions {
        if extension?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A member's path without what leads nowhere.
fn name_of(path: &Path) -> io::Result<PathBuf> {
    let mut name = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => name.push(part),
            Component::CurDir => {}
            _ => return Err(wrong(path, "leads out of the tar")),
        }
    }
    Ok(name)
}

fn wrong(name: &Path, why: &str) -> io::Error {
    data(format!("its member {} {why}", crate::names::shown(name)))
}

fn data(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A file of which no more than `left` bytes are read until that is set again: what is skipped is not read.
struct Frugal<'a> {
    file: &'a mut OpenFile,
    left: Rc<Cell<u64>>,
}

impl Read for Frugal<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left
            .set(left.ok_or_else(|| data(format!("a member has more than {HEADERS} bytes of headers")))?);
        Ok(read)
    }
}

impl Seek for Frugal<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A tar of these members.
    fn tar_of(members: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::with_suffix(".tar").unwrap();
        let mut builder = tar::Builder::new(file.reopen().unwrap());
        for (name, bytes) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap();
        file
    }

    fn refused(tar: &Path) -> String {
        read(&mut OpenFile::open(tar).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn members_are_where_their_bytes_are_also_with_long_names() {
        let long = "a/".repeat(120) + "film.mp4";
        let file = tar_of(&[("one.mp4", b"film"), (&long, b"long"), ("./three.cls", b"3"), ("empty", b"")]);
        let mut tar = OpenFile::open(file.path()).unwrap();
        let members = read(&mut tar).unwrap();
        let names: Vec<_> = members.iter().map(|member| member.name.to_str().unwrap()).collect();
        assert_eq!(names, ["one.mp4", &long, "three.cls", "empty"]);
        let bytes: Vec<_> = members.iter().map(|member| small(&mut tar, member, 4).unwrap()).collect();
        assert_eq!(bytes, [&b"film"[..], b"long", b"3", b""]);
        assert!(small(&mut tar, &members[0], 3).unwrap_err().to_string().contains("more than 3"));
    }

    #[test]
    fn a_tar_that_is_not_whole_is_refused() {
        let file = tar_of(&[("one.mp4", &[7; 2000])]);
        file.as_file().set_len(1000).unwrap();
        assert!(refused(file.path()).ends_with("the tar is cut short"), "{}", refused(file.path()));
        let file = tar_of(&[("one.mp4", b"film")]);
        let mut bytes = fs::read(file.path()).unwrap();
        bytes[3] ^= 1;
        fs::write(file.path(), &bytes).unwrap();
        assert!(refused(file.path()).contains("checksum"), "{}", refused(file.path()));
    }

    #[test]
    fn names_that_are_none_and_compressed_tars_are_refused() {
        let twice = tar_of(&[("a.mp4", b"1"), ("./a.mp4", b"2")]);
        assert!(refused(twice.path()).contains("a.mp4 is there twice"));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"\x1f\x8b\x08\0\0\0").unwrap();
        assert!(refused(file.path()).contains("gunzip"));
        // A name of 2 MiB, which somebody made up.
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(2 << 20);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.resize(4 << 20, b'a');
        fs::write(file.path(), &bytes).unwrap();
        assert!(refused(file.path()).contains("bytes of headers"), "{}", refused(file.path()));
    }
}
