//! Streams that are written in unusual ways: units, layers, messages, clocks, open groups, times that lie.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::{
    fixtures::{
        made::{FRAMES, H264, MPEG4, Times, make, make_of},
        mp4::Film,
        shown::{Frames, cars, digest_of, digests, frames, sample, scanned, verdict},
    },
    shared, succeed, text,
};

/// A sample whose units of each picture are changed.
fn of_units(name: &str, change: impl Fn(usize, Vec<Vec<u8>>) -> Vec<Vec<u8>>) -> Vec<u8> {
    let mut film = Film::read(&sample(name));
    let mut data = Vec::new();
    for (number, sample) in film.samples.iter_mut().enumerate() {
        let mut rest = &film.data[sample.place as usize..][..sample.size as usize];
        let mut units = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (unit, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            units.push(unit.to_vec());
            rest = behind;
        }
        let changed = change(number, units);
        let bytes: Vec<u8> =
            changed.iter().flat_map(|unit| [&(unit.len() as u32).to_be_bytes()[..], unit].concat()).collect();
        (sample.place, sample.size) = (data.len() as u32, bytes.len() as u32);
        data.extend(bytes);
    }
    film.data = data;
    film.whole(None)
}

/// A film that GStreamer makes.
fn made(encoder: &str, muxer: &str, times: Times) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film");
    make(&path, encoder, muxer, times);
    fs::read(path).unwrap()
}

/// Seen: slow-motion films of some telephones have the slice behind a start code within another unit; they were
/// refused. Right: units are split there too (report 05a).
#[test]
fn a_slice_behind_a_start_code_within_another_unit_was_not_found() {
    let film = of_units("cars.mp4", |number, units| match number {
        0 => units,
        // A prefix unit, type 14, with its three bytes of extension.
        _ => vec![[&[0x6e, 0x40, 0x80, 0x07, 0, 0, 0, 1][..], &units.concat()].concat()],
    });
    assert_eq!(&frames("film.mp4", &film), cars());
}

/// Seen: units of a second view were taken for pictures of the first, and spatial video was refused. Right: they are
/// looked at by nobody (report 06a).
#[test]
fn the_second_view_of_a_film_was_mixed_into_the_first() {
    let film = of_units("big_buck_bunny.mp4", |_, units| {
        let slices = units.iter().filter(|unit| unit[0] >> 1 < 32);
        // Of another kind than those of the first: where these are keys they refer to others, and the other way round.
        let kind = |unit: &[u8]| if unit[0] >> 1 >= 16 { 1 } else { 21u8 };
        let second = slices.map(|unit| [&[kind(unit) << 1, unit[1] + 8], &unit[2..]].concat());
        let second = second.collect::<Vec<_>>();
        [units.clone(), second].concat()
    });
    let found = frames("film.mp4", &film);
    assert_eq!((found.len(), digest_of(&found).as_str()), (144, "bad4dae897b013e28674be5bc9b75766"));
}

/// Seen: a film that only a message in its stream turns came lying. Right: turned as FFmpeg shows it (report 04c).
#[test]
fn a_message_of_display_orientation_was_not_read() {
    // Anticlockwise by a quarter: payload 47 of three bytes.
    let message = [0x06, 0x2f, 0x03, 0x08, 0x00, 0x14, 0x80];
    let turned = of_units("cars.mp4", |number, units| match number {
        0 => [vec![message.to_vec()], units].concat(),
        _ => units,
    });
    let folder = tempfile::tempdir().unwrap();
    let picture = |name: &str, film: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, film).unwrap();
        succeed(&["frames", text(&path), "--indices", "40", "--out", text(folder.path())]);
        image::open(folder.path().join("frame_000040.png")).unwrap().to_rgb8()
    };
    let (upright, turned) = (picture("upright.mp4", &sample("cars.mp4")), picture("turned.mp4", &turned));
    let (width, height) = upright.dimensions();
    assert_eq!(turned.dimensions(), (height, width));
    assert!(turned.enumerate_pixels().all(|(x, y, pixel)| pixel == upright.get_pixel(width - 1 - y, x)));
}

/// The frames of `film` are those of the same stream with right times, in their order.
#[track_caller]
fn has_the_frames_of(film: &[u8], right: &[u8]) {
    let found = frames("film", film);
    assert_eq!(found.len(), FRAMES as usize);
    assert_eq!(digest_of(&found), digest_of(&frames("right", right)));
    assert!(found.is_sorted_by(|one, next| one.0 < next.0), "{found:?}");
}

/// Seen: MPEG-4 with B-pictures and the times of decoding as those of presentation came in the order of the file.
/// Right: in the order of its decoder.
#[test]
fn mpeg_4_with_times_of_decoding_came_in_the_order_of_the_file() {
    has_the_frames_of(&made(MPEG4, "mp4mux", Times::OfDecoding), &made(MPEG4, "avimux", Times::Right));
}

/// Seen: H.264 with the times of decoding came in the order of the file. Right: in the order that its slices count.
#[test]
fn h264_with_times_of_decoding_came_in_the_order_of_the_file() {
    has_the_frames_of(&made(H264, "mp4mux", Times::OfDecoding), &made(H264, "mp4mux", Times::Right));
}

/// A transport stream of H.264, and its packets of 188 bytes.
fn transport_stream() -> Vec<u8> {
    made(H264, "mpegtsmux", Times::Right)
}

/// Which packets are of the video, the stream with the most.
fn is_video(packet: &[u8]) -> bool {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == 0x41
}

/// Seen: the frames of a stream without a clock came at 0, 1, 2 ns, 10⁹ of them a second. Right: at the times that
/// their packets have (report 07a).
#[test]
fn a_transport_stream_without_a_clock_had_a_thousand_million_frames_a_second() {
    let film = transport_stream();
    let mut without = film.clone();
    for packet in without.chunks_exact_mut(188).filter(|packet| packet[3] & 0x20 != 0 && packet[4] > 0) {
        packet[5] &= !0x10;
    }
    assert_ne!(without, film);
    let (found, whole) = (frames("film.ts", &without), frames("film.ts", &film));
    assert_eq!(digest_of(&found), digest_of(&whole));
    let steps = |frames: &Frames| -> Vec<i64> {
        frames.windows(2).map(|pair| (pair[1].0 - pair[0].0 + 500_000) / 1_000_000).collect()
    };
    assert_eq!(steps(&found), vec![40; 37]);
    let row = scanned("film.ts", &without, &[]);
    assert!((24.5..25.5).contains(&row["frames_per_second"].as_f64().unwrap()), "{row}");
}

/// Seen: of a stream with a packet missing the demuxer left a picture out, and every later frame had the rank of
/// another. Right: the container is damaged.
#[test]
fn a_missing_packet_of_a_transport_stream_moved_every_later_frame() {
    let film = transport_stream();
    let packets: Vec<&[u8]> = film.chunks_exact(188).collect();
    let of_video: Vec<usize> = (0..packets.len()).filter(|at| is_video(packets[*at])).collect();
    let missing = of_video[of_video.len() / 2];
    let cut = [&film[..188 * missing], &film[188 * (missing + 1)..]].concat();
    assert_eq!(verdict("film.ts", &cut).0, "container-damaged");
}

/// Seen: a packet that its own header calls damaged was left out in silence. Right: the container is damaged.
#[test]
fn a_packet_that_says_it_is_damaged_was_left_out() {
    let mut film = transport_stream();
    let of_video: Vec<usize> =
        (0..film.len() / 188).filter(|at| is_video(&film[188 * at..188 * (at + 1)])).collect();
    film[188 * of_video[of_video.len() / 2] + 1] |= 0x80;
    assert_eq!(verdict("film.ts", &film).0, "container-damaged");
}

/// Seen: of MPEG that was cut at an open group the two B-pictures before the first anchor came, made of nothing.
/// Right: they refer to what is not there and are not shown, as with libavcodec.
#[test]
fn mpeg_cut_at_an_open_group_began_with_pictures_made_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, groups: u32| {
        let (path, keys) = (folder.path().join(name), AtomicU32::new(0));
        make_of(&path, MPEG4, "matroskamux", move |packet| {
            let is_key = !packet.flags().contains(gstreamer::BufferFlags::DELTA_UNIT);
            keys.fetch_add(u32::from(is_key), Relaxed) + u32::from(is_key) > groups
        });
        fs::read(path).unwrap()
    };
    let (whole, cut) = (make("whole.mkv", 0), make("cut.mkv", 1));
    let (all, found) = (digests("film.mkv", &whole), digests("film.mkv", &cut));
    let row = scanned("film.mkv", &cut, &[]);
    assert!(found.len() > 12 && found.len() < all.len());
    assert_eq!(found.len() as u64 + 2, row["packets"].as_u64().unwrap(), "the group is not open: {row}");
    assert_eq!(found, all[all.len() - found.len()..]);
}

/// Seen: an AVI file whose header is that of a shorter film ended there, without a word. Right: FFmpeg goes on to the
/// file's end, so the container is damaged.
#[test]
fn an_avi_header_that_is_shorter_than_its_film_ended_it() {
    let mut film = made("jpegenc", "avimux", Times::Right);
    assert_eq!(verdict("film.avi", &film).0, "good");
    film[4..8].copy_from_slice(&20_000u32.to_le_bytes());
    assert_eq!(verdict("film.avi", &film).0, "container-damaged");
}

/// Seen: the decoder's process crashed on JPEG whose chroma has half the rows and all columns, as cameras write it that
/// turn pictures without decoding them, and the film was called damaged. Right: GStreamer has no such format.
#[test]
fn chroma_of_half_the_rows_alone_crashed_the_decoder() {
    let across = "videoconvert ! video/x-raw,format=Y42B ! jpegenc";
    let mut film = made(across, "avimux", Times::Right);
    assert_eq!(verdict("film.avi", &film).0, "good");
    // The frame header (ITU-T T.81, B.2.2): 64 rows, 96 columns, 3 colours, the first with twice the columns.
    let header = [0, 64, 0, 96, 3, 1, 0x21];
    let mut pictures = 0;
    for at in 0..film.len() - header.len() {
        if film[at..].starts_with(&header) {
            film[at + 6] = 0x12;
            pictures += 1;
        }
    }
    assert_eq!(pictures, FRAMES);
    let (verdict, reason) = verdict("film.avi", &film);
    assert!(verdict == "unknown-codec" && reason.contains("unknown pixel format"), "{verdict}: {reason}");
}

/// Seen: one wrong bit of AV1 gave 60 wrong pictures in silence with the decoder that Debian 12 has. Right: damaged,
/// whichever library there is (attack av1_one_bit_flip_silent).
#[test]
fn one_wrong_bit_of_av1_gave_wrong_pictures_in_silence() {
    let Some(film) = shared("clips/attacks/av1_one_bit_flip_silent.mp4") else { return };
    assert_eq!(verdict("film.mp4", &fs::read(film).unwrap()).0, "damaged");
}

/// Seen: a scan counted the fields of AVCHD as frames, 50 a second. Right: two fields are one frame (report 12).
#[test]
fn fields_were_counted_as_frames() {
    let Some(film) = shared("clips/reports/12_real_avchd_fields.mts") else { return };
    let row = scanned("film.mts", &fs::read(film).unwrap(), &[]);
    assert_eq!((&row["frames"], &row["packets"]), (&3.into(), &6.into()), "{row}");
    assert!((24.9..25.1).contains(&row["frames_per_second"].as_f64().unwrap()), "{row}");
}
