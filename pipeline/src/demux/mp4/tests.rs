//! Whole files, built from boxes: what the index of each is, and that nothing made of bytes does harm.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{
    test_films::{IDENTITY, boxed, entries, entry, full, movie_header, table, track},
    *,
};

/// Four samples of 3, 5, 2 and 4 bytes in one chunk at byte 40, ten ticks each.
fn tables(format: &[u8; 4], inner: &[u8]) -> Vec<Vec<u8>> {
    vec![
        entries(&[entry(format, inner)]),
        table(b"stts", &[[4, 10]]),
        table(b"stsc", &[[1, 4, 1]]),
        full(b"stsz", 0, 0, &[0, 4, 3, 5, 2, 4]),
        table(b"stco", &[[40]]),
    ]
}

/// A file whose movie, with 1000 ticks a second, has these boxes behind its header; its data begin at byte 40.
fn file(boxes: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let movie = [movie_header(1000, IDENTITY), boxes.concat()].concat();
    let free = boxed(b"free", &[0; 24]);
    [free, boxed(b"mdat", &[7; 40]), boxed(b"moov", &movie), behind.to_vec()].concat()
}

fn demuxed(bytes: &[u8]) -> Result<Demuxed, VideoError> {
    gstreamer::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::write(&path, bytes).unwrap();
    let file = FileBytes::open(&path, 1 << 20).unwrap();
    demux(&file, Instant::now() + Duration::from_secs(60), 60)
}

/// Where each packet lies, and when it is presented, in ticks of a thousandth of a second.
fn index(bytes: &[u8]) -> Vec<(u64, u32, i64)> {
    let packets = demuxed(bytes).unwrap().packets;
    let of = |packet: &Packet| {
        let Body::OnDisk { place, length } = packet.body else { unreachable!() };
        (place, length, packet.stamp.pts.unwrap().0 / 1_000_000)
    };
    packets.iter().map(of).collect()
}

fn verdict(bytes: &[u8]) -> (&'static str, String) {
    let error = demuxed(bytes).unwrap_err();
    (error.verdict(), error.to_string())
}

#[test]
fn a_track_gives_the_places_and_times_of_its_samples() {
    let film = file(&[track(1, 1000, &tables(b"avc1", &boxed(b"avcC", &[1; 7])), &[])], &[]);
    assert_eq!(index(&film), [(40, 3, 0), (43, 5, 10), (48, 2, 20), (50, 4, 30)]);
    let Demuxed { codec, framing, caps, packets, orientation, .. } = demuxed(&film).unwrap();
    assert_eq!((codec.name(), framing, orientation.quarter_turns), ("h264", Framing::Lengths(2), 0));
    assert_eq!(packets[0].stamp.duration, Some(10_000_000));
    assert!(packets.iter().all(|packet| packet.key));
    let caps = caps.to_string();
    assert!(caps.starts_with("video/x-h264, stream-format=(string)avc, alignment=(string)au"), "{caps}");
    assert!(caps.contains("width=(int)320, height=(int)240, framerate=(fraction)100/1"), "{caps}");
}

/// The same track with another table in the place of the one of its kind.
fn with(other: Vec<u8>) -> Vec<u8> {
    let mut tables = tables(b"jpeg", &[]);
    tables.retain(|table| table[4..8] != other[4..8]);
    tables.push(other);
    file(&[track(1, 1000, &tables, &[])], &[])
}

fn times(bytes: &[u8]) -> Vec<i64> {
    index(bytes).into_iter().map(|(.., time)| time).collect()
}

#[test]
fn no_table_of_times_takes_a_sample_away() {
    assert_eq!(times(&with(table(b"stts", &[[3, 10], [1, 0]]))), [0, 10, 20, 30]);
    assert_eq!(times(&with(table(b"stts", &[[2, 10]]))), [0, 10, 20, 30]);
    assert_eq!(times(&with(table(b"stts", &[[u32::MAX, 10]]))), [0, 10, 20, 30]);
    assert_eq!(times(&with(table(b"stts", &[[4, 0]]))), [0; 4]);
    assert_eq!(times(&with(full(b"stts", 0, 0, &[3, 4, 10]))), [0, 10, 20, 30]);
    // A step of 10 back is taken out of what is behind it.
    assert_eq!(times(&with(table(b"stts", &[[1, 10], [1, (-10i32) as u32], [2, 15]]))), [0, 10, 11, 21]);
    assert_eq!(
        times(&with(table(b"ctts", &[[1, 20], [1, 5], [0, 99], [9, (-5i32) as u32]]))),
        [20, 15, 15, 25]
    );
}

#[test]
fn sizes_and_chunks_are_read_in_all_their_forms() {
    let places = |bytes: &[u8]| index(bytes).into_iter().map(|(place, ..)| place).collect::<Vec<_>>();
    let compact = |bits: u32, sizes: &[u8]| {
        let mut sizes_table = full(b"stz2", 0, 0, &[bits, 4]);
        sizes_table.extend_from_slice(sizes);
        let length = sizes_table.len() as u32;
        sizes_table[..4].copy_from_slice(&length.to_be_bytes());
        let mut film_tables = tables(b"jpeg", &[]);
        film_tables.retain(|table| &table[4..8] != b"stsz");
        film_tables.push(sizes_table);
        file(&[track(1, 1000, &film_tables, &[])], &[])
    };
    assert_eq!(places(&compact(4, &[0x35, 0x24])), [40, 43, 48, 50]);
    assert_eq!(places(&compact(8, &[3, 5, 2, 4])), [40, 43, 48, 50]);
    assert_eq!(places(&compact(16, &[0, 3, 0, 5, 0, 2, 0, 4])), [40, 43, 48, 50]);
    assert_eq!(verdict(&compact(5, &[0; 4])).0, "container-damaged");
    assert_eq!(places(&with(full(b"stsz", 0, 0, &[6, 4]))), [40, 46, 52, 58]);
    let long = with(full(b"co64", 0, 0, &[1, 0, 44]));
    // The table of four bytes came first.
    assert_eq!(places(&long)[0], 40);
    let mut film_tables = tables(b"jpeg", &[]);
    film_tables.retain(|table| !matches!(&table[4..8], b"stco" | b"stsc"));
    film_tables.push(full(b"co64", 0, 0, &[2, 0, 44, 0, 60]));
    film_tables.push(table(b"stsc", &[[1, 3, 1], [2, 1, 1]]));
    assert_eq!(places(&file(&[track(1, 1000, &film_tables, &[])], &[])), [44, 47, 52, 60]);
}

#[test]
fn runs_of_chunks_that_cannot_be_are_mended_from_behind() {
    let places = |runs: &[[u32; 3]]| -> Vec<u64> {
        let mut film_tables = tables(b"jpeg", &[]);
        film_tables.retain(|table| !matches!(&table[4..8], b"stco" | b"stsc"));
        film_tables.extend([table(b"stco", &[[40], [60]]), table(b"stsc", runs)]);
        index(&file(&[track(1, 1000, &film_tables, &[])], &[])).into_iter().map(|(place, ..)| place).collect()
    };
    let right = places(&[[1, 3, 1], [2, 1, 1]]);
    assert_eq!(right, [40, 43, 48, 60]);
    // A negative chunk, one that comes twice, and a run of nothing.
    assert_eq!(places(&[[1, 3, 1], [u32::MAX, 1, 1]]), right);
    assert_eq!(places(&[[1, 3, 1], [1, 1, 1]]), right);
    assert_eq!(places(&[[1, 2, 1], [2, 0, 1]]), [40, 43, 60, 62]);
    // One of no description is like the one behind it.
    assert_eq!(places(&[[1, 7, 0], [2, 2, 1]]), [40, 43, 60, 62]);
}

#[test]
fn key_frames_are_those_of_the_table_or_all_or_the_first() {
    let keys = |bytes: &[u8]| -> Vec<bool> {
        demuxed(bytes).unwrap().packets.iter().map(|packet| packet.key).collect()
    };
    assert_eq!(keys(&with(table(b"stss", &[[1], [3]]))), [true, false, true, false]);
    assert_eq!(keys(&with(table(b"stss", &[[0], [3]]))), [true, false, false, true]);
    assert_eq!(keys(&with(table::<1>(b"stss", &[]))), [true, false, false, false]);
    assert_eq!(keys(&file(&[track(1, 1000, &tables(b"jpeg", &[]), &[])], &[])), [true; 4]);
}

#[test]
fn counts_that_the_file_cannot_hold_are_errors_before_memory_is_taken() {
    for huge in [
        full(b"stsz", 0, 0, &[0, u32::MAX]),
        full(b"stsz", 0, 0, &[1, u32::MAX]),
        full(b"stsz", 0, 0, &[0x4000_0000, 4]),
        full(b"stco", 0, 0, &[u32::MAX, 40]),
        full(b"stts", 0, 0, &[u32::MAX, 4, 10]),
        full(b"ctts", 0, 0, &[u32::MAX]),
        full(b"stss", 0, 0, &[u32::MAX]),
        full(b"stsc", 0, 0, &[2, 1, 4, 1]),
    ] {
        let (word, reason) = verdict(&with(huge));
        assert_eq!(word, "container-damaged", "{reason}");
    }
    assert_eq!(verdict(&with(table(b"stsc", &[[2, 4, 1]]))).0, "container-damaged");
    assert_eq!(verdict(&with(table::<3>(b"stsc", &[]))).0, "container-damaged");
    assert_eq!(verdict(&with(table(b"stco", &[[4000]]))).0, "truncated");
}

#[test]
fn only_a_sample_that_is_not_there_makes_a_file_cut() {
    let whole = file(&[track(1, 1000, &tables(b"jpeg", &[]), &[])], &[]);
    let first = index(&whole);
    for behind in [&[1, 2, 3][..], &[0; 100], b"\0\0\0\x10free", &[0xff; 64]] {
        assert_eq!(index(&[&whole, behind].concat()), first);
    }
    // The movie comes first, then data of unknown length.
    let movie =
        boxed(b"moov", &[movie_header(1000, IDENTITY), track(1, 1000, &tables(b"jpeg", &[]), &[])].concat());
    let data_at = movie.len() as u32 + 8;
    let place = movie.windows(4).position(|kind| kind == b"stco").unwrap() + 12;
    let mut open = [&movie[..], &[0; 4], b"mdat", &[7; 14]].concat();
    open[place..place + 4].copy_from_slice(&data_at.to_be_bytes());
    assert_eq!(index(&open).len(), 4);
    assert_eq!(verdict(&open[..open.len() - 1]).0, "truncated");
    for size in [1000u32, 22] {
        open[movie.len()..movie.len() + 4].copy_from_slice(&size.to_be_bytes());
        assert_eq!(index(&open).len(), 4);
    }
}

#[test]
fn a_file_without_its_index_is_cut_or_damaged() {
    assert_eq!(verdict(&boxed(b"mdat", &[0; 99])[..50]).0, "truncated");
    assert_eq!(verdict(&boxed(b"mdat", &[0; 99])).0, "container-damaged");
    let whole = file(&[track(1, 1000, &tables(b"jpeg", &[]), &[])], &[]);
    assert_eq!(verdict(&whole[..whole.len() - 9]).0, "truncated");
}

#[test]
fn the_film_is_the_first_track_of_video_with_samples_that_is_no_cover() {
    let sound = {
        let mut sound = track(9, 1000, &tables(b"jpeg", &[]), &[]);
        let handler = sound.windows(4).position(|kind| kind == b"vide").unwrap();
        sound[handler..handler + 4].copy_from_slice(b"soun");
        sound
    };
    let no_samples = track(3, 1000, &[entries(&[entry(b"avc1", &[])])], &[]);
    let film = track(4, 1000, &tables(b"jpeg", &[]), &[]);
    let cover = track(5, 1000, &tables(b"png ", &[]), &[]);
    let all =
        file(&[sound.clone(), cover, no_samples, film, track(6, 1000, &tables(b"avc1", &[]), &[])], &[]);
    assert_eq!(demuxed(&all).unwrap().codec.name(), "mjpeg");
    assert_eq!(verdict(&file(&[sound], &[])).0, "no-video-stream");
    let (word, reason) = verdict(&file(&[track(1, 1000, &tables(b"zzz9", &[]), &[])], &[]));
    assert_eq!((word, reason.as_str()), ("unknown-codec", "unknown codec: zzz9"));
    assert_eq!(verdict(&file(&[track(1, 1000, &tables(b"encv", &[]), &[])], &[])).0, "encrypted");
    assert_eq!(verdict(&file(&[track(1, 0, &tables(b"jpeg", &[]), &[])], &[])).0, "container-damaged");
}

#[test]
fn samples_of_entries_that_differ_are_refused() {
    let two = |other: Vec<u8>| {
        let mut film_tables = tables(b"jpeg", &[]);
        film_tables.retain(|table| !matches!(&table[4..8], b"stsd" | b"stsc" | b"stco"));
        film_tables.push(entries(&[entry(b"jpeg", &[]), other]));
        film_tables.push(table(b"stsc", &[[1, 2, 1], [2, 2, 2]]));
        film_tables.push(table(b"stco", &[[40], [48]]));
        file(&[track(1, 1000, &film_tables, &[])], &[])
    };
    assert_eq!(index(&two(entry(b"jpeg", &[]))).len(), 4);
    assert_eq!(verdict(&two(entry(b"avc1", &[]))).0, "codec-changed");
    assert_eq!(verdict(&two(entry(b"encv", &[]))).0, "encrypted");
    assert_eq!(verdict(&two(entry(b"jpeg", &boxed(b"glbl", &[1; 9])))).0, "caps-changed");
    let mut larger = entry(b"jpeg", &[]);
    larger[8 + 24] = 2;
    assert_eq!(verdict(&two(larger)).0, "caps-changed");
}

/// A `moof` of track 1 whose runs have these samples, each with duration, size and offset; `place` of its data.
fn fragment(begins: Option<u32>, place: u32, samples: &[[u32; 3]]) -> Vec<u8> {
    let head = full(b"tfhd", 0, 1, &[1, 0, 0]);
    let times = begins.map(|begins| full(b"tfdt", 0, 0, &[begins])).unwrap_or_default();
    let words: Vec<u32> =
        [samples.len() as u32, place].into_iter().chain(samples.iter().flatten().copied()).collect();
    let run = full(b"trun", 0, 0xb01, &words);
    boxed(b"moof", &boxed(b"traf", &[head, times, run].concat()))
}

/// What says that track 1 has fragments.
fn extends() -> Vec<u8> {
    boxed(b"mvex", &full(b"trex", 0, 0, &[1, 1, 10, 6, 0]))
}

#[test]
fn fragments_follow_samples_of_the_tables() {
    let movie = [track(1, 1000, &tables(b"jpeg", &[]), &[]), extends()];
    let behind = [fragment(Some(40), 54, &[[10, 2, 0], [10, 3, 5]]), fragment(None, 59, &[[10, 1, 0]])];
    let all = index(&file(&movie, &behind.concat()));
    assert_eq!(all[..4], [(40, 3, 0), (43, 5, 10), (48, 2, 20), (50, 4, 30)]);
    assert_eq!(all[4..], [(54, 2, 40), (56, 3, 55), (59, 1, 60)]);
}

#[test]
fn a_fragment_that_begins_before_the_end_is_decoded_and_not_shown() {
    let movie = [track(1, 1000, &tables(b"jpeg", &[]), &[]), extends()];
    let film = file(&movie, &fragment(Some(25), 54, &[[10, 2, 0], [10, 3, 0]]));
    let packets = demuxed(&film).unwrap().packets;
    let shown: Vec<_> = packets.iter().map(|packet| packet.stamp.is_presented()).collect();
    assert_eq!(shown, [true, true, true, true, false, true]);
}

#[test]
fn runs_take_what_they_do_not_say_from_the_defaults() {
    let nothing = [entries(&[entry(b"jpeg", &[])]), table::<2>(b"stts", &[])];
    let movie = [track(1, 1000, &nothing, &[[0, 30, 1 << 16]]), extends()];
    let bare = |flags: u32, head: &[u32], runs: &[Vec<u8>]| {
        boxed(b"moof", &boxed(b"traf", &[full(b"tfhd", 0, flags, head), runs.concat()].concat()))
    };
    // Data follow each other; the list says that the film begins at tick 30.
    let runs = [full(b"trun", 0, 1, &[2, 40]), full(b"trun", 0, 0, &[1])];
    let film = file(&movie, &bare(1, &[1, 0, 0], &runs));
    assert_eq!(index(&film), [(40, 6, -30), (46, 6, -20), (52, 6, -10)]);
    // Offsets count from the fragment.
    let start = file(&movie, &[]).len() as u64;
    let film = file(&movie, &bare(0x2_0000, &[1], &[full(b"trun", 0, 1, &[1, (-8i32) as u32])]));
    assert_eq!(index(&film), [(start - 8, 6, -30)]);
    let cut = file(&movie, &bare(1, &[1, 0, 0], &[full(b"trun", 0, 1, &[1, 40])]));
    assert_eq!(verdict(&cut[..cut.len() - 1]).0, "truncated");
    assert_eq!(verdict(&file(&movie, &bare(1, &[1], &[]))).0, "container-damaged");
    assert_eq!(
        verdict(&file(&movie, &bare(0x11, &[1, 0, 0, 0], &[full(b"trun", 0, 1, &[1, 40])]))).0,
        "container-damaged"
    );
}

#[test]
fn an_index_of_fragments_gives_their_times_where_they_have_none() {
    let nothing = [entries(&[entry(b"jpeg", &[])]), table::<2>(b"stts", &[])];
    let movie = [track(1, 1000, &nothing, &[]), extends()];
    let one = fragment(None, 40, &[[10, 2, 0]]);
    let size = one.len() as u32;
    let references = [[size, 50, 0], [size, 50, 0]].concat();
    let words = [&[1, 100, 7, 0, 2][..], &references].concat();
    let film = file(&movie, &[full(b"sidx", 0, 0, &words), one.clone(), one].concat());
    // A hundred ticks a second there, a thousand here.
    assert_eq!(times(&film), [70, 570]);
}

#[test]
fn nested_boxes_cost_nothing() {
    let mut nested = Vec::new();
    for _ in 0..100_000 {
        nested = [&(nested.len() as u32 + 8).to_be_bytes()[..], b"moov", &nested].concat();
        if nested.len() > 1 << 16 {
            break;
        }
    }
    assert_eq!(verdict(&nested).0, "no-video-stream");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Bytes and sizes are changed wherever it may be: the answer is an index within the file, or an error.
    #[test]
    fn changed_files_give_an_index_within_the_file_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        words in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 0..3),
        cut in prop::option::of(any::<prop::sample::Index>()),
        edits in prop::collection::vec(any::<[u32; 3]>(), 0..4),
    ) {
        let inner = [boxed(b"avcC", &[1; 9]), boxed(b"esds", &[3; 40]), boxed(b"colr", b"nclx\0\x01\0\x01\0\x01\0")];
        let mut all = tables(b"mp4v", &inner.concat());
        all.push(table(b"ctts", &[[2, 5], [2, 9]]));
        all.push(table(b"stss", &[[1], [3]]));
        let movie = [track(1, 1000, &all, &edits), extends()];
        let mut film = file(&movie, &fragment(Some(40), 54, &[[10, 2, 0], [10, 3, 0]]));
        for (at, byte) in changes {
            let at = at.index(film.len());
            film[at] = byte;
        }
        for (at, word) in words {
            let at = at.index(film.len() - 4);
            film[at..at + 4].copy_from_slice(&word.to_be_bytes());
        }
        if let Some(cut) = cut {
            film.truncate(cut.index(film.len()));
        }
        if let Ok(Demuxed { packets, .. }) = demuxed(&film) {
            // A hundred times what could be there at all.
            prop_assert!(packets.len() <= 100 * film.len());
            for packet in packets {
                let Body::OnDisk { place, length } = packet.body else { unreachable!() };
                prop_assert!(place + u64::from(length) <= film.len() as u64);
            }
        }
    }

    /// Bytes that mean nothing, behind the beginning of a movie.
    #[test]
    fn noise_is_an_error_or_an_index(noise in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = demuxed(&boxed(b"moov", &noise));
        let _ = demuxed(&file(&[track(1, 1000, std::slice::from_ref(&noise), &[])], &noise));
    }
}
