//! MP4 films whose tables lie, contradict each other, or say the same in another way.

use std::fs;

use crate::{
    fixtures::{
        mp4::{Film, boxed, full, table},
        shown::{cars, digest_of, digests, frames, sample, scanned, try_frames, verdict},
    },
    succeed, text,
};

fn film() -> Film {
    Film::read(&sample("cars.mp4"))
}

/// A frame of the sample in units of its times, and where the first one is presented.
const STEP: u32 = 1024;
const FIRST: u32 = 2048;

/// The body of an edit list: duration in thousandths of a second, and the time of the media that it begins at.
fn edits(parts: &[[u32; 2]]) -> Vec<u8> {
    let words = [0, parts.len() as u32].into_iter();
    let parts = parts.iter().flat_map(|[duration, begins]| [*duration, *begins, 0x1_0000]);
    words.chain(parts).flat_map(u32::to_be_bytes).collect()
}

/// The file gives all frames of the sample at their times.
#[track_caller]
fn is_whole(file: &[u8]) {
    assert_eq!(&frames("film.mp4", file), cars());
}

/// Seen: the first sample stood in the movie, the others in fragments; a frame was lost and every other one had the
/// rank of its neighbour. Right: all 100 (report 01a, google/ExoPlayer#7308).
#[test]
fn fragments_behind_a_movie_with_samples_lost_a_frame_and_moved_the_others() {
    is_whole(&film().fragmented(1, 1, true));
}

/// Seen: fragments that do not say when they begin were put at the time 0. Right: they follow what came before.
#[test]
fn fragments_without_a_time_began_again_at_nothing() {
    is_whole(&film().fragmented(7, 11, false));
}

/// Seen: phones write a last sample of duration 0, and it was not shown. Right: it is (report 02a).
#[test]
fn a_last_sample_of_duration_0_was_not_shown() {
    let film = film();
    let count = film.samples.len() as u32;
    is_whole(&film.whole(Some(&[[count - 1, STEP], [1, 0]])));
}

/// Seen: of films whose table of durations has fewer entries than there are samples, the last frames were lost and
/// others moved. Right: the last duration holds for the rest (report 02e).
#[test]
fn a_table_of_durations_that_ends_sooner_took_frames_away() {
    let film = film();
    is_whole(&film.whole(Some(&[[film.samples.len() as u32 - 4, STEP]])));
}

/// Seen: a film whose samples all last nothing gave one frame. Right: all of its pictures, one after the other.
#[test]
fn durations_of_0_throughout_left_one_frame() {
    let mut film = film();
    film.samples.iter_mut().for_each(|sample| (sample.duration, sample.offset) = (0, 0));
    film.edits = edits(&[[8000, 0]]);
    let found = frames("film.mp4", &film.whole(None));
    assert_eq!(digest_of(&found), digest_of(cars()));
    assert!(found.is_sorted_by(|one, next| one.0 < next.0), "{found:?}");
}

/// Seen: a length of 0 or of a second in the movie's and the track's header cut the film there. Right: headers are not
/// asked for the length.
#[test]
fn a_lying_length_in_the_headers_cut_frames_off() {
    for length in [0u32, 1000] {
        let mut film = film();
        film.movie_header[16..20].copy_from_slice(&length.to_be_bytes());
        film.track_header[20..24].copy_from_slice(&length.to_be_bytes());
        film.media_header[16..20].copy_from_slice(&length.to_be_bytes());
        is_whole(&film.whole(None));
    }
}

/// Seen: data of size 0, which go on to the end of the file, were called cut. Right: the film is whole (report 08a).
#[test]
fn data_of_size_0_made_a_whole_film_cut() {
    is_whole(&film().movie_first(|_| 0));
}

/// Seen: data that promise more bytes than the file has were called cut. Right: only a missing sample is a cut.
#[test]
fn data_that_promise_too_much_made_a_whole_film_cut() {
    is_whole(&film().movie_first(|size| size + 4000));
}

/// Seen: a film without its last byte of data was read as if nothing was missing. Right: it is cut, and the packets
/// that are missing are counted.
#[test]
fn a_missing_byte_of_the_last_sample_passed() {
    let film = film();
    let file = film.movie_first(|_| 0);
    let end = film.samples.iter().map(|sample| sample.place + sample.size).max().unwrap() as usize;
    let (verdict, reason) = verdict("film.mp4", &file[..file.len() - (film.data.len() - end) - 1]);
    assert_eq!(verdict, "truncated", "{reason}");
    assert!(reason.contains("1 of 100"), "{reason}");
}

/// Seen: three bytes behind the last box made a film cut. Right: nobody needs them (report 08c).
#[test]
fn bytes_behind_the_last_box_made_a_whole_film_cut() {
    for behind in [&[1, 2, 3][..], b"\0\0\x01\0free"] {
        is_whole(&[&film().whole(None), behind].concat());
    }
}

/// Seen: a track of sound without descriptions made sound pictures "corrupt". Right: sound is not read (report 11).
#[test]
fn a_broken_track_of_sound_made_the_pictures_damaged() {
    let handler = full(b"hdlr", 0, [0, u32::from_be_bytes(*b"soun"), 0, 0, 0]);
    let tables = boxed(b"minf", &boxed(b"stbl", &full(b"stsz", 0, [0, u32::MAX])));
    let sound = boxed(b"trak", &boxed(b"mdia", &[handler, tables].concat()));
    is_whole(&Film { before: sound, ..film() }.whole(None));
}

/// Seen: an edit list that begins at frame 20 gave the frames before it too, since the demuxer had to begin at the key
/// frame. Right: frames 20 to 99.
#[test]
fn an_edit_list_that_begins_later_gave_the_frames_before_it() {
    let film = Film { edits: edits(&[[6400, FIRST + 20 * STEP]]), ..film() };
    let found = digests("film.mp4", &film.whole(None));
    assert_eq!(found, cars()[20..].iter().map(|frame| frame.1.clone()).collect::<Vec<_>>());
}

/// Seen: the end of the film counted and not that of its list, so that frames came which no player shows. Right: the
/// list ends with frame 29.
#[test]
fn an_edit_list_that_ends_sooner_gave_the_frames_behind_it() {
    let film = Film { edits: edits(&[[2400, FIRST]]), ..film() };
    assert_eq!(frames("film.mp4", &film.whole(None)), cars()[..30]);
}

/// Seen: of a list of two parts the first was taken alone. Right: what both show, each frame once, without the middle.
#[test]
fn an_edit_list_of_two_parts_lost_the_second() {
    let film = Film { edits: edits(&[[800, FIRST], [1600, FIRST + 50 * STEP]]), ..film() };
    let found = digests("film.mp4", &film.whole(None));
    let expected = cars()[..10].iter().chain(&cars()[50..70]);
    assert_eq!(found, expected.map(|frame| frame.1.clone()).collect::<Vec<_>>());
}

/// Seen: half a second of nothing at the start of a list took as many frames away at the end. Right: no frame is lost.
#[test]
fn a_list_that_begins_with_nothing_lost_frames_at_its_end() {
    let film = Film { edits: edits(&[[500, u32::MAX], [8000, FIRST]]), ..film() };
    let found = digests("film.mp4", &film.whole(None));
    assert_eq!(found.len(), 100);
}

/// Seen: one flipped bit of a time of presentation moved every later frame by one rank, without a word. Right: its own
/// frame is presented behind the film's end, and the other 99 keep their order (attack h264_ctts_flip).
#[test]
fn one_flipped_time_of_presentation_moved_every_frame_behind_it() {
    let mut film = film();
    film.samples[60].offset |= 1 << 21;
    let found = digests("film.mp4", &film.whole(None));
    let mut missing = cars().iter().map(|frame| &frame.1).filter(|digest| !found.contains(digest));
    assert_eq!((found.len(), missing.by_ref().count()), (99, 1));
    assert!(found.iter().zip(cars()).take_while(|(one, other)| **one == other.1).count() > 50);
}

/// Seen: a matrix that mirrors and turns was only turned, to the wrong side lengths. Right: what FFmpeg shows, a picture
/// mirrored along its diagonal (report 04a, javacv#1361).
#[test]
fn a_mirrored_and_turned_picture_was_shown_lying() {
    let folder = tempfile::tempdir().unwrap();
    let mut film = film();
    let one = 1i32 << 16;
    for (at, value) in [(40, 0), (44, one), (52, one), (56, 0)] {
        film.track_header[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    let picture = |film: &Film, name: &str| {
        let path = folder.path().join(format!("{name}.mp4"));
        fs::write(&path, film.whole(None)).unwrap();
        let out = folder.path().join(name);
        succeed(&["frames", text(&path), "--indices", "40", "--out", text(&out)]);
        image::open(out.join("frame_000040.png")).unwrap().to_rgb8()
    };
    let (upright, turned) = (picture(&self::film(), "upright"), picture(&film, "turned"));
    assert_eq!((turned.width(), turned.height()), (upright.height(), upright.width()));
    assert!(turned.enumerate_pixels().all(|(x, y, pixel)| pixel == upright.get_pixel(y, x)));
}

/// Seen: a film that is turned by 45 degrees was shown upright. Right: it is refused by name.
#[test]
fn an_odd_angle_was_shown_upright() {
    let mut film = film();
    for (at, value) in [(40, 46_341i32), (44, 46_341), (52, -46_341), (56, 46_341)] {
        film.track_header[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    let (verdict, reason) = verdict("film.mp4", &film.whole(None));
    assert_eq!(verdict, "odd-turn", "{reason}");
    assert!(reason.contains("45"), "{reason}");
}

/// Seen: data references of which there cannot be so many were read over. Right: the container is damaged.
#[test]
fn references_to_data_that_their_box_cannot_hold_passed() {
    let mut file = sample("cars.mp4");
    let at = file.windows(4).position(|kind| kind == b"dref").unwrap();
    file[at + 8] = 0x80;
    assert_eq!(verdict("film.mp4", &file).0, "container-damaged");
}

/// Seen: a media header of version 9 was read as one of version 0. Right: nobody knows where its scale of times stands.
#[test]
fn a_media_header_of_an_unknown_version_was_guessed_at() {
    let mut film = film();
    film.media_header[0] = 9;
    assert_eq!(verdict("film.mp4", &film.whole(None)).0, "container-damaged");
}

/// Seen: four billion ticks a second put 100 frames into two microseconds. Right: no film has such a scale.
#[test]
fn a_scale_of_times_that_no_film_has_was_believed() {
    let mut film = film();
    film.media_header[12..16].copy_from_slice(&[0xff; 4]);
    assert_eq!(verdict("film.mp4", &film.whole(None)).0, "container-damaged");
}

/// Seen: samples of two descriptions were refused, though these differ in a byte that no decoder asks. Right: one film.
#[test]
fn two_descriptions_of_one_stream_were_called_two_codecs() {
    let mut film = film();
    let entry = film.descriptions[8..].to_vec();
    let mut other = entry.clone();
    let configuration = other.windows(4).position(|kind| kind == b"avcC").unwrap() + 4;
    other[configuration + 2] ^= 0x40;
    film.descriptions = [&[0, 0, 0, 0, 0, 0, 0, 2][..], &entry, &other].concat();
    film.second_from = Some(40);
    is_whole(&film.whole(None));
}

/// Seen: a film whose pictures become larger on the way gave pictures of two sizes. Right: refused as changed.
#[test]
fn pictures_of_another_size_came_in_the_middle_of_a_film() {
    let mut film = film();
    let entry = film.descriptions[8..].to_vec();
    let mut other = entry.clone();
    // The width stands behind 24 bytes of the entry.
    other[8 + 24] ^= 1;
    film.descriptions = [&[0, 0, 0, 0, 0, 0, 0, 2][..], &entry, &other].concat();
    film.second_from = Some(40);
    assert_eq!(verdict("film.mp4", &film.whole(None)).0, "caps-changed");
}

/// Seen: an encrypted film was of an unknown codec, `encv`. Right: it is called encrypted.
#[test]
fn an_encrypted_film_was_of_an_unknown_codec() {
    let mut film = film();
    film.descriptions[12..16].copy_from_slice(b"encv");
    assert_eq!(verdict("film.mp4", &film.whole(None)).0, "encrypted");
}

/// Seen: PNG in QuickTime was "not a video". Right: unsupported, named, with the line that converts it (report 09).
#[test]
fn a_codec_that_is_not_read_was_called_no_video() {
    let mut film = film();
    film.descriptions[12..16].copy_from_slice(b"tiff");
    let row = scanned("film.mov", &film.whole(None), &[]);
    assert_eq!((&row["kind"], &row["verdict"]), (&"unsupported".into(), &"unknown-codec".into()), "{row}");
    assert!(
        row["reason"].as_str().unwrap().contains("TIFF") && row.to_string().contains("`ffmpeg -i "),
        "{row}"
    );
}

/// Seen: samples whose table says that they share a time lost all but one. Right: both are shown, one after the other.
#[test]
fn two_samples_at_one_time_were_one_frame() {
    let mut film = film();
    // The last sample that is decoded before a key frame or the end keeps its place behind the others.
    let last = film.samples.len() - 1;
    film.samples[last - 1].duration = 0;
    let found = try_frames("film.mp4", &film.whole(None)).unwrap();
    assert_eq!(found.len(), 100);
}

/// Seen: a movie header that is compressed (`cmov`) held no track. Right: it is unpacked and read.
#[test]
fn a_compressed_movie_held_no_track() {
    let file = film().whole(None);
    let at = file.windows(4).rposition(|kind| kind == b"moov").unwrap() - 4;
    let packed = super::attacks::stored(&file[at..]);
    let size = (file.len() - at) as u32;
    let compressed = [boxed(b"dcom", b"zlib"), boxed(b"cmvd", &[&size.to_be_bytes()[..], &packed].concat())];
    let movie = boxed(b"moov", &boxed(b"cmov", &compressed.concat()));
    is_whole(&[&file[..at], &movie].concat());
}

/// Seen: a table of chunks with a negative number ended the film there. Right: it is mended as FFmpeg does.
#[test]
fn a_run_of_chunks_with_a_negative_number_ended_the_film() {
    let file = film().whole(None);
    let at = file.windows(4).rposition(|kind| kind == b"stsc").unwrap() - 4;
    let old = table(b"stsc", &[[1u32, 1, 1]]);
    assert_eq!(&file[at..at + old.len()], &old[..]);
    let mut changed = file.clone();
    // The only run begins at chunk −1.
    changed[at + 16..at + 20].copy_from_slice(&[0xff; 4]);
    is_whole(&changed);
}
