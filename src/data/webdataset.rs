//! Tars of samples, as WebDataset has them: `key.mp4`, and its class in `key.cls` or `key.json` beside it.
//!
//! ```text
//! shards-000.tar
//!   v/0001.mp4     a video, shards-000.tar/v/0001.mp4; its sample is v/0001, up to the first dot of the last part
//!   v/0001.cls     its class, a number or a name
//!   v/0001.json    {"label": 3}, where there is no .cls
//!   v/0001.txt     a caption, which nothing here reads
//! ```

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use pipeline::{
    file::{Extent, OpenFile, tar_members},
    names, system,
    video_entry::VideoEntry,
};

use super::{folder, found::Found};
use crate::{
    error::{Result, Usage},
    observer::Observer,
};

/// Keys of a sample's JSON that are its class; the first that is there counts.
const LABELS: [&str; 4] = ["label", "cls", "class", "class_name"];

/// Bytes of a class or of a sample's JSON at most.
const SMALL: u64 = 16 << 20;

/// Endings of tars that are compressed.
const COMPRESSED: [&str; 7] = ["gz", "tgz", "bz2", "tbz2", "xz", "txz", "zst"];

/// The videos of these tars, in their order; they lie below `root`. Says how many there are.
///
/// # Errors
/// Usage error: a tar is damaged or compressed, two of its members have one name. When the system cannot read one.
pub fn videos_in(tars: &[PathBuf], root: &Arc<Path>, observer: &dyn Observer) -> Result<Vec<Found>> {
    let mut videos = Vec::new();
    for tar in tars {
        let read = system::read(tar, || samples(tar))?;
        let read = read.map_err(|why| Usage::new(format!("{}: {why}", names::shown(tar))))?;
        videos.extend(read.into_iter().map(|(entry, class)| Found { class, ..Found::below(root, entry) }));
    }
    let with_class = videos.iter().filter(|video| video.class.is_some()).count();
    let classes = match with_class {
        0 => String::new(),
        some => format!(", {some} of them with a class (.cls or .json)"),
    };
    let (noun, are) = if tars.len() == 1 { ("tar", "is") } else { ("tars", "are") };
    observer.note(format_args!(
        "{} {noun} {are} read as WebDataset: {} videos{classes}",
        tars.len(),
        videos.len()
    ));
    Ok(videos)
}

/// Refuses a tar that is compressed, by its name.
///
/// # Errors
/// Usage error: says how it is uncompressed.
pub fn check_uncompressed(path: &Path) -> Result<()> {
    let name = path.to_string_lossy().to_lowercase();
    let Some((stem, ending)) = name.rsplit_once('.') else { return Ok(()) };
    let is_tar = stem.ends_with(".tar") || ending.starts_with('t');
    if !is_tar || !COMPRESSED.contains(&ending) {
        return Ok(());
    }
    let usage = format!("{} is a compressed tar: no part of it can be read by itself", names::shown(path));
    Err(Usage::new(usage).hint("uncompress it (`gunzip`, `unzstd`, `unxz`), and give the .tar").into())
}

/// The videos of a tar, and what it says of their classes.
fn samples(tar: &Path) -> io::Result<Vec<(VideoEntry, Option<Arc<str>>)>> {
    let mut file = OpenFile::open(tar)?;
    let stamp = file.stamp()?;
    let members = tar_members::read(&mut file)?;
    let mut classes: HashMap<&str, Arc<str>> = HashMap::new();
    for ending in ["cls", "json"] {
        for member in &members {
            let Some((key, _)) = key_of(&member.name).filter(|(_, found)| *found == ending) else { continue };
            if classes.contains_key(key) {
                continue;
            }
            let bytes = tar_members::small(&mut file, member, SMALL)?;
            let class = if ending == "cls" { of_text(&bytes) } else { of_json(&bytes) };
            let class = class.map_err(|why| {
                let why = format!("its member {}: {why}", names::shown(&member.name));
                io::Error::new(io::ErrorKind::InvalidData, why)
            })?;
            class.map(|class| classes.insert(key, class.into()));
        }
    }
    let is_film = |member: &&tar_members::Member| {
        folder::has_ending(&member.name, &folder::VIDEO_ENDINGS) && key_of(&member.name).is_some()
    };
    let videos = members.iter().filter(is_film).map(|member| {
        let class = key_of(&member.name).and_then(|(key, _)| classes.get(key).cloned());
        let label = class.as_ref().and_then(|class| class.parse().ok());
        let extent = Extent { start: member.start, bytes: member.bytes, archive: stamp };
        let entry = VideoEntry::whole(tar.join(&member.name), label);
        (VideoEntry { extent: Some(extent.into()), ..entry }, class)
    });
    Ok(videos.collect())
}

/// The sample that a member belongs to, and what it is of it: the name up to the first dot of its last part, and what
/// follows. Hidden files and WebDataset's own (`__key__`) are of none.
fn key_of(name: &Path) -> Option<(&str, &str)> {
    let name = name.to_str()?;
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = base + name[base..].find('.')?;
    (dot > base && !name[base..].starts_with("__")).then(|| (&name[..dot], &name[dot + 1..]))
}

fn of_text(bytes: &[u8]) -> Result<Option<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn of_json(bytes: &[u8]) -> Result<Option<String>, String> {
    let json: serde_json::Value = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
    let label = LABELS.iter().find_map(|key| json.get(key));
    Ok(label.and_then(|label| match label {
        serde_json::Value::String(name) => Some(name.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{data::videos, observer::Event};

    /// A tar of these members.
    fn tar(path: &Path, members: &[(&str, &str)]) {
        let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
        for (name, text) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap();
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        tar(&at("s-00.tar"), &[("v/1.mp4", "a"), ("v/1.cls", "3\n"), ("2.side.webm", "b"), ("2.json", "{}")]);
        tar(
            &at("s-01.tar"),
            &[("1.json", r#"{"label": "run", "caption": "a"}"#), ("1.mp4", "c"), ("1.txt", "d")],
        );
        folder
    }

    /// Paths below the folder and classes of what is found, and what was said.
    fn found(folder: &tempfile::TempDir, given: &str) -> Result<(Vec<String>, Vec<String>)> {
        let said = std::sync::Mutex::new(Vec::new());
        let observer = |event: Event<'_>| {
            if let Event::Note(words) = event {
                said.lock().unwrap().push(words.to_owned());
            }
        };
        let videos = videos::find(&[folder.path().join(given)], &observer)?;
        let shown = |found: &Found| {
            let path = found.entry.path.strip_prefix(folder.path()).unwrap();
            assert!(found.entry.extent.is_some() && *found.root.clone().unwrap() == *folder.path());
            format!("{} {}", path.display(), found.class.as_deref().unwrap_or("-"))
        };
        Ok((videos.iter().map(shown).collect(), said.into_inner().unwrap()))
    }

    #[test]
    fn samples_of_tars_are_videos_with_their_classes() {
        let folder = folder();
        let all = ["s-00.tar/v/1.mp4 3", "s-00.tar/2.side.webm -", "s-01.tar/1.mp4 run"];
        for given in ["", "s-{00..01}.tar", "s-*.tar"] {
            let (videos, said) = found(&folder, given).unwrap();
            assert_eq!(videos, all, "{given}");
            let words = "2 tars are read as WebDataset: 3 videos, 2 of them with a class (.cls or .json)";
            assert_eq!(said, [words], "{given}");
        }
        assert_eq!(found(&folder, "s-01.tar").unwrap().0, all[2..]);
        assert_eq!(found(&folder, "s-01.tar/1.mp4").unwrap().0, ["s-01.tar/1.mp4 -"]);
    }

    #[test]
    fn a_list_names_members_of_tars_and_says_which_are_not_there() {
        let folder = folder();
        fs::write(folder.path().join("list.txt"), "s-00.tar/v/1.mp4 7\ns-01.tar/9.mp4 8\n").unwrap();
        let list = folder.path().join("list.txt");
        let videos = videos::find(&[list], &()).unwrap();
        assert_eq!(videos[0].entry.extent.as_ref().unwrap().bytes, 1);
        assert_eq!((videos[0].entry.label, videos[1].entry.extent.is_none()), (Some(7), true));
    }

    #[test]
    fn tars_that_cannot_be_read_by_parts_are_refused_with_the_reason() {
        let folder = folder();
        fs::write(folder.path().join("a.tar.gz"), "").unwrap();
        tar(&folder.path().join("b.tar"), &[("1.mp4", ""), ("1.json", "[")]);
        tar(&folder.path().join("c.tar"), &[("1.txt", "")]);
        for (given, words) in [
            ("a.tar.gz", "is a compressed tar"),
            ("b.tar", "b.tar: its member 1.json: EOF"),
            ("c.tar", "no video in"),
            ("s-{00..02}.tar", "s-02.tar: no such file"),
        ] {
            let refused = found(&folder, given).unwrap_err();
            assert!(refused.usage().is_some() && refused.to_string().contains(words), "{given}: {refused}");
        }
    }
}
