//! Files in memory and on the disk, handles that are lost, containers by their first bytes.

use std::path::Path;

use super::*;

#[test]
#[cfg(unix)]
fn a_pipe_is_no_file_and_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.mp4");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let words = |path: &Path| FileBytes::open(path, 1).unwrap_err().to_string();
    assert_eq!(words(&pipe), "not a regular file");
    assert_eq!(words(folder.path()), "it is a folder, and not one of numbered pictures");
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_the_system_makes_while_it_is_read_is_read_as_far_as_may_be() {
    let bytes = FileBytes::open(Path::new("/proc/self/maps"), 100).unwrap();
    assert_eq!((bytes.length(), bytes.slice(0..200).as_ref().len()), (100, 100));
}

#[test]
fn a_file_on_the_disk_gives_what_one_in_memory_gives_and_knows_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    let content: Vec<u8> = (0..=255).collect();
    fs::write(&path, &content).unwrap();
    let (memory, disk) = (FileBytes::open(&path, 256).unwrap(), FileBytes::open(&path, 255).unwrap());
    assert!(memory.is_in_memory() && !disk.is_in_memory());
    for range in [0..4, 100..200, 250..300, 400..500] {
        assert_eq!(memory.slice(range.clone()).as_ref(), disk.slice(range).as_ref());
    }
    let slice = disk.slice(100..200);
    assert_eq!(disk.place_of(&slice.as_ref()[7..9]), Some(107));
    assert_eq!(memory.place_of(&memory.slice(100..200).as_ref()[7..9]), Some(107));
    assert_eq!([memory.place_of(&slice.as_ref()[7..9]), memory.place_of(&content[7..9])], [None, None]);
    assert_eq!(disk.place_of(&content[7..9]), None);
}

/// A tar of these members, of which the last is named.
fn tar_with(folder: &Path, members: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.join("shards-000.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap();
    path
}

#[test]
fn a_member_of_a_tar_is_a_part_of_the_file_by_its_name_and_by_its_extent() {
    let folder = tempfile::tempdir().unwrap();
    let tar = tar_with(folder.path(), &[("a.mp4", b"first"), ("b/c.mp4", b"second film")]);
    let path = tar.join("b/c.mp4");
    let extent = Archives::default().part(&path).unwrap().unwrap().extent().unwrap();
    assert_eq!(Archives::default().part(&tar).unwrap(), None);
    let known = Place { path: &path, extent: Some(&extent) };
    assert_eq!((known.bytes().unwrap(), Place::from(&path).bytes().unwrap()), (11, 11));
    for place in [known, Place::from(&path)] {
        for in_memory in [0, 100] {
            let bytes = FileBytes::open(place, in_memory).unwrap();
            assert_eq!((bytes.length(), bytes.is_in_memory()), (11, in_memory > 0));
            assert_eq!(bytes.slice(7..40).as_ref(), b"film");
            assert_eq!(bytes.take_bytes_read(), if in_memory > 0 { 11 } else { 4 });
        }
    }
    let read = io::read_to_string(Handle::open(known).unwrap().into_reader().unwrap()).unwrap();
    assert_eq!(read, "second film");
    let absent = FileBytes::open(&tar.join("d.mp4"), 0).unwrap_err();
    assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    assert!(absent.to_string().ends_with("shards-000.tar has no video d.mp4"), "{absent}");
    // Another tar in its place: what was known of the first is not believed.
    tar_with(folder.path(), &[("b/c.mp4", b"another")]);
    assert_eq!(FileBytes::open(known, 0).unwrap().slice(0..40).as_ref(), b"another");
}

#[test]
fn a_lost_handle_of_a_tar_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let tar = tar_with(folder.path(), &[("a.mp4", b"first"), ("b.mp4", b"second")]);
    let bytes = FileBytes::open(&tar.join("b.mp4"), 0).unwrap();
    bytes.lose_handle();
    assert_eq!(bytes.slice(0..40).as_ref(), b"second");
    assert!(bytes.check().is_ok());
}

#[test]
fn a_handle_that_is_lost_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    fs::write(&path, b"content").unwrap();
    let bytes = FileBytes::open(&path, 0).unwrap();
    bytes.lose_handle();
    assert_eq!(bytes.slice(0..3).as_ref(), b"con");
    assert!(bytes.check().is_ok());
}

#[test]
fn a_failure_to_read_is_remembered_by_all_clones_and_is_no_end_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    fs::write(&path, b"content").unwrap();
    let bytes = FileBytes::open(&path, 0).unwrap();
    bytes.lose_handle();
    fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    let clone = bytes.clone();
    assert!(clone.slice(0..3).as_ref().is_empty());
    let words = bytes.check().unwrap_err().to_string();
    assert!(words.starts_with("this system could not read") && words.contains("film"), "{words}");
    // It is over: nobody waits again for what cannot be used any more.
    let since = std::time::Instant::now();
    assert!(bytes.slice(4..6).as_ref().is_empty());
    assert!(since.elapsed().as_millis() < 50);
}

#[test]
fn containers_are_told_by_their_content() {
    assert_eq!(recognise(b"\0\0\0\x18ftypisom"), Some(Container::Mp4));
    assert_eq!(recognise(&[0x1a, 0x45, 0xdf, 0xa3]), Some(Container::Matroska));
    assert_eq!(recognise(b"RIFF\0\0\0\0AVI LIST"), Some(Container::Avi));
    assert_eq!(recognise(b"RIFF\0\0\0\0WAVEfmt "), None);
    assert_eq!(recognise(b"RIFF\0\0\0\0WEBPVP8 "), Some(Container::WebP));
    assert_eq!(recognise(b"GIF89a"), Some(Container::Gif));
    assert_eq!(recognise(b"\x89PNG\r\n\x1a\n"), Some(Container::Png));
    assert_eq!(recognise(b"\xff\xd8\xff\xe0"), Some(Container::Jpeg));
    assert_eq!(recognise(&[0, 0, 1, 0xba, 0x44]), Some(Container::ProgramStream));
    assert_eq!(recognise(b"FLV\x01\x05\0\0\0\x09"), Some(Container::Flv));
    let ogg = |stream: &[u8]| recognise(&[b"OggS\0\x02", &[0; 22][..], stream].concat());
    assert_eq!((ogg(b"\x80theora"), ogg(b"\x01vorbis")), (Some(Container::Ogg), None));
    assert_eq!(recognise(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), Some(Container::Asf));
    assert_eq!(recognise(b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01"), Some(Container::Mxf));
    assert_eq!(recognise(b"\x1f\x07\x00\x3f\x68"), Some(Container::Dv));
    assert_eq!(recognise(b"\0\0\0\x01\x67\x64\0\x1f"), Some(Container::RawH264));
    assert_eq!(recognise(b"\0\0\x01\x09\x10\0\0\x01"), Some(Container::RawH264));
    assert_eq!(recognise(b"\0\0\0\x01\x40\x01\x0c\x01"), Some(Container::RawHevc));
    assert_eq!(recognise(b"\0\0\x01\xb3\x14\0\xf0\x24"), None);
    for (step, lead) in [(188, 0), (192, 4), (188, 17)] {
        let mut stream = vec![0; lead + 6 * step];
        (0..6).for_each(|packet| stream[lead + packet * step] = 0x47);
        assert_eq!(recognise(&stream), Some(Container::TransportStream));
    }
    assert_eq!(recognise(b"<html><body>not found</body></html>"), None);
    assert_eq!(recognise(b""), None);
}
