//! Matroska and WebM whose elements are unusual, or broken.

use std::fs;

use crate::{
    fixtures::{
        made::{Times, make},
        matroska::{
            Body, CLUSTER, Element, POSE_ROLL, POSE_YAW, PROJECTION, SEEK, SEEK_HEAD, SEEK_ID, SEEK_POSITION,
            SEGMENT, SIMPLE_BLOCK, TAGS, TIMESTAMP, VIDEO, bytes, element, inside, read, write,
        },
        shown::{Frames, digests, frames, sample, verdict},
    },
    succeed, text,
};

/// The sample of 179 frames as elements, with a change.
fn film(change: impl FnOnce(&mut Vec<Element>)) -> Vec<u8> {
    let mut film = read(&sample("bottles.webm"));
    change(&mut film);
    write(&film)
}

fn whole() -> Frames {
    frames("bottles.webm", &sample("bottles.webm"))
}

/// Frame 40 of a film as it is shown.
fn picture(film: &[u8]) -> image::RgbImage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mkv");
    fs::write(&path, film).unwrap();
    succeed(&["frames", text(&path), "--indices", "40", "--verify", "clip", "--out", text(folder.path())]);
    image::open(folder.path().join("frame_000040.png")).unwrap().to_rgb8()
}

/// The sample with a projection whose pose has one angle, in degrees.
fn posed(pose: u32, degrees: f32) -> Vec<u8> {
    film(|film| inside(film, VIDEO).push(bytes(PROJECTION, &element(pose, &degrees.to_be_bytes()))))
}

/// Seen: films of telephones that FFmpeg 8 wrote as Matroska, turned by `Projection`, came lying. Right: turned
/// anticlockwise by the roll (report 03a).
#[test]
fn a_projection_that_rolls_was_not_followed() {
    let (upright, turned) = (picture(&film(|_| {})), picture(&posed(POSE_ROLL, 90.0)));
    let (width, height) = upright.dimensions();
    assert_eq!(turned.dimensions(), (height, width));
    assert!(turned.enumerate_pixels().all(|(x, y, pixel)| pixel == upright.get_pixel(width - 1 - y, x)));
}

/// Seen: a projection that is seen from behind was not mirrored. Right: mirrored from left to right (report 03d).
#[test]
fn a_projection_from_behind_was_not_mirrored() {
    let (upright, mirrored) = (picture(&film(|_| {})), picture(&posed(POSE_YAW, 180.0)));
    let width = upright.width();
    assert!(mirrored.enumerate_pixels().all(|(x, y, pixel)| pixel == upright.get_pixel(width - 1 - x, y)));
}

/// Seen: a seek head that points to itself sent the demuxer round for ever. Right: it is not followed.
#[test]
fn a_seek_head_that_points_to_itself_was_followed_for_ever() {
    let to_itself =
        element(SEEK, &[element(SEEK_ID, &SEEK_HEAD.to_be_bytes()), element(SEEK_POSITION, &[0])].concat());
    let circle = film(|film| {
        let segment = inside(film, SEGMENT);
        segment.retain(|element| element.id != SEEK_HEAD);
        segment.insert(0, bytes(SEEK_HEAD, &to_itself));
    });
    assert_eq!(frames("film.mkv", &circle), whole());
}

/// The blocks of the first cluster.
fn first_cluster(film: &mut Vec<Element>) -> &mut Vec<Element> {
    inside(film, CLUSTER)
}

/// Seen: blocks that come before the beginning of time were not shown. Right: all 179 frames, from the first block on.
#[test]
fn blocks_with_negative_times_were_not_shown() {
    let early = film(|film| {
        for element in first_cluster(film).iter_mut().filter(|element| element.id == SIMPLE_BLOCK) {
            let Body::Bytes(block) = &mut element.body else { unreachable!() };
            let time = i16::from_be_bytes([block[1], block[2]]) - 100;
            block[1..3].copy_from_slice(&time.to_be_bytes());
        }
    });
    let found = frames("film.mkv", &early);
    let digests = |frames: &Frames| frames.iter().map(|frame| frame.1.clone()).collect::<Vec<_>>();
    assert_eq!(digests(&found), digests(&whole()));
    assert_eq!(found[0].0, 0);
}

/// Seen: a cluster that begins in 300 million years ended in an overflow. Right: its blocks have no time, and FFmpeg's
/// frames come all the same, or the film is refused.
#[test]
fn a_time_beyond_any_film_overflowed() {
    let late = film(|film| {
        let time = first_cluster(film).iter_mut().find(|element| element.id == TIMESTAMP).unwrap();
        time.body = Body::Bytes((u64::MAX >> 1).to_be_bytes().to_vec());
    });
    assert_eq!(digests("film.mkv", &late).len(), 179);
}

/// Seen: a block that is longer than its cluster was read on as another element. Right: the container is damaged.
#[test]
fn a_block_that_is_longer_than_its_cluster_passed() {
    let mut broken = film(|_| {});
    let at = broken.windows(4).position(|id| id == CLUSTER.to_be_bytes()).unwrap();
    // Of the cluster's eight bytes of size the last says one byte less.
    let last = u64::from_be_bytes(broken[at + 4..at + 12].try_into().unwrap()) - 1;
    broken[at + 4..at + 12].copy_from_slice(&last.to_be_bytes());
    assert_eq!(verdict("film.mkv", &broken).0, "container-damaged");
}

/// Seen: tags whose elements are longer than they are were passed over, where FFmpeg says that the file is broken.
/// Right: the container is damaged.
#[test]
fn tags_that_do_not_nest_passed() {
    let broken = film(|film| {
        let segment = inside(film, SEGMENT);
        let tags = segment.iter_mut().find(|element| element.id == TAGS).unwrap();
        // A tag of 100 bytes, of which 2 are there.
        tags.body = Body::Bytes(vec![0x73, 0x73, 0xe4, 0, 0]);
    });
    assert_eq!(verdict("film.mkv", &broken).0, "container-damaged");
}

/// Seen: Motion JPEG in Matroska was an unknown codec. Right: its 38 frames are those of the AVI file.
#[test]
fn motion_jpeg_in_matroska_was_an_unknown_codec() {
    let folder = tempfile::tempdir().unwrap();
    let [mkv, avi] = [("film.mkv", "matroskamux"), ("film.avi", "avimux")].map(|(name, muxer)| {
        let path = folder.path().join(name);
        make(&path, "jpegenc", muxer, Times::Right);
        digests(name, &fs::read(path).unwrap())
    });
    assert_eq!(mkv.len(), 38);
    assert_eq!(mkv, avi);
}
