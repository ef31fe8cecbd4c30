//! What fuzzing and property tests give bytes to: one function for each thing that is read from a file.
//!
//! Each takes any bytes at all, and ends: with something read, or with an error that is thrown away. A panic is a bug.
//! Only tests and `fuzz/` have this module.

mod made;

use std::{io::Write as _, path::Path};

use ::bytes::Bytes;

pub use self::made::made;
#[cfg(feature = "video")]
pub use crate::demux::fuzz::{
    asf, avi, box_, ebml, edit_list, first_packets, ogg, pictures, streams, transport,
};
use crate::{
    Slot, VideoNumber,
    codec::{Codec, bits::Framing, headers},
    dataset::{film_table, labels::Table, lerobot, list_file, manifest},
    file::{OpenFile, tar_members, video_cells::VideoCells},
    page_limits, parquet_table,
    shard::{FileIndex, FrameShards, PacketShards},
};
#[cfg(feature = "video")]
use crate::{
    file::{FileBytes, foreign},
    video::{Limits, VideoReader},
};

/// A target: its name, and what is given bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets of this crate.
pub const TARGETS: &[Target] = &[
    #[cfg(feature = "video")]
    ("box", box_),
    #[cfg(feature = "video")]
    ("ebml", ebml),
    #[cfg(feature = "video")]
    ("avi", avi),
    #[cfg(feature = "video")]
    ("transport", transport),
    #[cfg(feature = "video")]
    ("edit_list", edit_list),
    #[cfg(feature = "video")]
    ("ogg", ogg),
    #[cfg(feature = "video")]
    ("asf", asf),
    #[cfg(feature = "video")]
    ("streams", streams),
    #[cfg(feature = "video")]
    ("pictures", pictures),
    #[cfg(feature = "video")]
    ("foreign", |bytes| {
        let _ = foreign::recognise(bytes, bytes.len() as u64);
    }),
    #[cfg(feature = "video")]
    ("open", open),
    ("h264", |bytes| headers_of(Codec::H264, bytes)),
    ("hevc", |bytes| headers_of(Codec::Hevc, bytes)),
    ("av1", |bytes| headers_of(Codec::Av1, bytes)),
    ("vp8", |bytes| headers_of(Codec::Vp8, bytes)),
    ("vp9", |bytes| headers_of(Codec::Vp9, bytes)),
    ("mpeg2", |bytes| headers_of(Codec::Mpeg2, bytes)),
    ("mpeg4", |bytes| headers_of(Codec::Mpeg4, bytes)),
    ("theora", |bytes| headers_of(Codec::Theora, bytes)),
    ("flv1", |bytes| Codec::named("flv1").into_iter().for_each(|codec| headers_of(codec, bytes))),
    ("shard", shard),
    ("manifest", manifest_),
    ("index", index),
    ("pages", pages),
    ("table", table),
    ("lerobot", lerobot_),
    ("tar", tar),
    ("list", list),
];

fn tar(bytes: &[u8]) {
    as_file("films.tar", bytes, |path| {
        drop(OpenFile::open(path).and_then(|mut tar| tar_members::read(&mut tar)))
    });
}

/// The headers in the packets of a stream. Its bytes are those of [`stream_bytes`]: how units are framed, then parts with
/// their lengths before them, of which the first is the decoder's setup and all others are packets.
fn headers_of(codec: Codec, bytes: &[u8]) {
    let Some((&first, mut bytes)) = bytes.split_first() else { return };
    let framing = match first {
        width @ 1..=4 => Framing::Lengths(width),
        _ => Framing::StartCodes,
    };
    let mut parts = std::iter::from_fn(|| {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (part, rest) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes(*length))));
        bytes = rest;
        Some(part)
    });
    let setup = parts.next().unwrap_or_default();
    headers::look(codec, framing, setup, parts);
}

/// The bytes of a stream as the codecs' targets take them: what corpora begin with. Parts are cut at 65,535 bytes.
pub fn stream_bytes(framing: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![framing];
    for part in parts {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        bytes.extend(length.to_be_bytes());
        bytes.extend(&part[..usize::from(length)]);
    }
    bytes
}

/// Writes bytes as a file of this name and hands its path on.
fn as_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join(name);
    let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes));
    if written.is_ok() {
        read(&path);
    }
}

/// Everything before the first picture is decoded: a container's tables, its packets' headers, the order of frames.
#[cfg(feature = "video")]
fn open(bytes: &[u8]) {
    let file = FileBytes::none().shown_as(bytes.to_vec());
    let limits = Limits { seconds: 10, ..Limits::default() };
    let _ = VideoReader::new(limits).scan_bytes(Path::new("film"), file);
}

fn shard(bytes: &[u8]) {
    as_file("frames-00000.parquet", bytes, |path| {
        if let Ok(shards) = FrameShards::open(path) {
            let _ = shards.listing();
            let _ = shards.read(Slot(0));
        }
    });
    as_file("packets-00000.parquet", bytes, |path| {
        if let Ok(shards) = PacketShards::open(path) {
            let video = shards.video(VideoNumber(0));
            let _ = video.map(|video| video.map(|video| shards.packets(&video, 0)));
        }
    });
}

fn manifest_(bytes: &[u8]) {
    as_file("manifest.parquet", bytes, |path| drop(manifest::read(path)));
}

fn index(bytes: &[u8]) {
    as_file("index-00000.parquet", bytes, |path| {
        let _ = FileIndex::open(path).map(|index| index.video(VideoNumber(0)));
    });
}

/// The rows of any program's Parquet file, after its headers of pages were looked at.
fn pages(bytes: &[u8]) {
    let file = Bytes::copy_from_slice(bytes);
    let _ = page_limits::check_blob(&file, 0);
    if let Ok(batches) = parquet_table::open_foreign(file).and_then(parquet_table::batches) {
        batches.for_each(drop);
    }
}

/// A Parquet file as a table of films, of classes, and as a list.
fn table(bytes: &[u8]) {
    as_file("table.parquet", bytes, |path| {
        let _ = Table::read(path, None);
        let _ = film_table::read(path);
        let _ = VideoCells::open(path).map(|cells| {
            cells.columns().iter().for_each(|column| drop((cells.cells(column), cells.read(column, 0))));
        });
    });
}

/// The folder of LeRobot's data set: a line of `info.json`, then a table of episodes.
fn lerobot_(bytes: &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let (info, table) = bytes.split_at(end);
    as_file("info.json", info, |path| {
        let Some(folder) = path.parent() else { return };
        let episodes = folder.join("meta/episodes/chunk-000");
        let written = std::fs::create_dir_all(&episodes)
            .and_then(|()| std::fs::rename(path, folder.join("meta/info.json")))
            .and_then(|()| {
                std::fs::write(episodes.join("file-000.parquet"), table.get(1..).unwrap_or_default())
            });
        if written.is_ok() {
            let _ = lerobot::episodes(folder);
        }
    });
}

fn list(bytes: &[u8]) {
    let _ = list_file::read_text(&String::from_utf8_lossy(bytes), &["mp4", "webm"]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes that files of each kind begin with, so that not everything is refused at the first byte.
    const BEGINNINGS: [&[u8]; 6] = [
        b"",
        b"\0\0\0\x08ftyp\0\0\0\x40moov\0\0\0\x38trak",
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
        b"RIFF\xff\0\0\0AVI LIST\x40\0\0\0hdrlindx",
        b"\x47\x40\0\x10",
        b"\0\0\0\x01\x67\x64\0\x0d\0\0\x01\x65",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("TUBELET_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(64)
        ))]
        #[test]
        fn every_target_ends_whatever_it_is_given(
            beginning in 0..BEGINNINGS.len(),
            noise in prop::collection::vec(prop_oneof![any::<u8>(), 0..4u8, 0xe0..=255u8], 0..600),
        ) {
            #[cfg(feature = "video")]
            gstreamer::init().unwrap();
            let bytes = [BEGINNINGS[beginning], &noise].concat();
            for (_, target) in TARGETS {
                target(&bytes);
            }
        }
    }
}
