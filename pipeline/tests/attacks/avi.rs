//! AVI films with one hostile structure each.

use crate::Attack;

/// A chunk of RIFF.
fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len() % 2];
    [&kind[..], &(body.len() as u32).to_le_bytes(), body, &padding].concat()
}

/// A list of chunks.
fn list(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    chunk(b"LIST", &[&kind[..], body].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A picture of Motion JPEG, as far as its first bytes go.
const PICTURE: [u8; 8] = [0xff, 0xd8, 0xff, 0xdb, 0, 4, 0xff, 0xd9];

/// The description of a stream of `frames` pictures, with further chunks.
fn stream(frames: u32, further: &[u8]) -> Vec<u8> {
    let header = [b"vidsMJPG".to_vec(), words(&[0, 0, 0, 1, 25, 0, frames, 1 << 20, 0, 0, 0, 0])].concat();
    let format =
        [words(&[40, 64, 64, 1 | 24 << 16]), b"MJPG".to_vec(), words(&[64 * 64 * 3, 0, 0, 0, 0])].concat();
    list(b"strl", &[chunk(b"strh", &header), chunk(b"strf", &format), further.to_vec()].concat())
}

fn headers(frames: u32, streams: &[u8]) -> Vec<u8> {
    let main = words(&[40_000, 0, 0, 0x10, frames, 0, 1, 1 << 20, 64, 64, 0, 0, 0, 0]);
    list(b"hdrl", &[chunk(b"avih", &main), streams.to_vec()].concat())
}

fn riff(parts: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"RIFF", &[b"AVI ".to_vec(), parts.concat()].concat())
}

/// An entry of the index: a key frame at a place counted from the name of the list `movi`.
fn entry(place: u32, length: u32) -> Vec<u8> {
    [b"00dc".to_vec(), words(&[0x10, place, length])].concat()
}

/// Lists in each other.
fn nested(kind: &[u8; 4], depth: usize) -> Vec<u8> {
    (0..depth)
        .flat_map(|at| [&b"LIST"[..], &((12 * (depth - at) - 8) as u32).to_le_bytes(), kind].concat())
        .collect()
}

/// A film of `frames` pictures with an index of all.
fn film(frames: u32, further_of_stream: &[u8], behind: &[u8]) -> Vec<u8> {
    let pictures = chunk(b"00dc", &PICTURE).repeat(frames as usize);
    let index: Vec<u8> = (0..frames).flat_map(|at| entry(4 + at * 16, 8)).collect();
    riff(&[
        headers(frames, &stream(frames, further_of_stream)),
        list(b"movi", &pictures),
        chunk(b"idx1", &index),
        behind.to_vec(),
    ])
}

/// An index of indices: `entries` of them at one place.
fn index_of_indices(place: u64, entries: usize) -> Vec<u8> {
    let head = [&[4, 0, 0, 0][..], &words(&[entries as u32]), b"00dc", &words(&[0, 0, 0])].concat();
    let entry = [&place.to_le_bytes()[..], &words(&[1 << 20, 1])].concat();
    chunk(b"indx", &[head, entry.repeat(entries)].concat())
}

pub fn attacks(scale: usize) -> Vec<Attack> {
    let deep = |name: &str, kind: &'static [u8; 4]| {
        Attack::new(format!("avi-depth-{name}.avi"), move || film(4, &[], &nested(kind, 60_000 * scale)))
    };
    let mut attacks = vec![
        deep("info", b"INFO"),
        deep("headers", b"hdrl"),
        deep("streams", b"strl"),
        deep("movie", b"movi"),
        Attack::new("avi-depth-in-headers.avi", move || film(4, &nested(b"odml", 60_000 * scale), &[])),
        Attack::new("avi-depth-records.avi", move || {
            let records = nested(b"rec ", 60_000 * scale);
            riff(&[headers(4, &stream(4, &[])), list(b"movi", &records)])
        }),
    ];
    attacks.extend(counts(scale));
    attacks.extend(cycles(scale));
    attacks
}

fn counts(scale: usize) -> Vec<Attack> {
    let count = 1_000_000 * scale as u32;
    vec![
        Attack::new("avi-counts-index.avi", move || film(200_000 * scale as u32, &[], &[])),
        Attack::new("avi-counts-one-chunk-for-all.avi", move || {
            let index = entry(4, 8).repeat(count as usize);
            let parts = [headers(count, &stream(count, &[])), list(b"movi", &chunk(b"00dc", &PICTURE))];
            riff(&[&parts[..], &[chunk(b"idx1", &index)]].concat())
        }),
        Attack::new("avi-counts-one-large-chunk-for-all.avi", move || {
            let index = entry(4, 4 << 20).repeat(count as usize / 4);
            let large = chunk(b"00dc", &vec![7; 4 << 20]);
            riff(&[headers(count, &stream(count, &[])), list(b"movi", &large), chunk(b"idx1", &index)])
        }),
        Attack::new("avi-counts-empty-chunks.avi", move || {
            let empty = chunk(b"00dc", &[]).repeat(count as usize / 2);
            riff(&[headers(count, &stream(count, &[])), list(b"movi", &empty)])
        }),
        Attack::new("avi-counts-tiny-chunks.avi", move || {
            let tiny = chunk(b"00dc", &[7]).repeat(count as usize / 2);
            riff(&[headers(count, &stream(count, &[])), list(b"movi", &tiny)])
        }),
        Attack::new("avi-counts-streams.avi", move || {
            let streams = stream(4, &[]).repeat(30_000 * scale);
            riff(&[headers(4, &streams), list(b"movi", &chunk(b"00dc", &PICTURE))])
        }),
        Attack::new("avi-counts-junk.avi", move || {
            film(4, &[], &chunk(b"JUNK", &[]).repeat(500_000 * scale))
        }),
        Attack::new("avi-counts-tags.avi", move || {
            let tag = chunk(b"INAM", b"a name\0\0");
            film(4, &[], &list(b"INFO", &tag.repeat(100_000 * scale)))
        }),
        Attack::new("avi-counts-tags-in-headers.avi", move || {
            let tags = list(b"INFO", &chunk(b"INAM", b"a name\0\0").repeat(100_000 * scale));
            let streams = [stream(4, &[]), tags].concat();
            riff(&[headers(4, &streams), list(b"movi", &chunk(b"00dc", &PICTURE))])
        }),
        Attack::new("avi-counts-format.avi", move || {
            film(4, &chunk(b"strf", &vec![0x28; (4 << 20) * scale]), &[])
        }),
        Attack::new("avi-counts-parts.avi", move || {
            let part = chunk(b"RIFF", &[b"AVIX".to_vec(), list(b"movi", &[])].concat());
            [film(4, &[], &[]), part.repeat(60_000 * scale)].concat()
        }),
        Attack::new("avi-counts-empty-parts.avi", move || {
            [film(4, &[], &[]), chunk(b"RIFF", &[]).repeat(300_000 * scale)].concat()
        }),
    ]
}

fn cycles(scale: usize) -> Vec<Attack> {
    let sizes = |value: u32| {
        Attack::new(format!("avi-sizes-{value:x}.avi"), move || {
            let mut file = film(40, &[], &[]);
            for kind in [b"strh", b"strf", b"idx1"] {
                let at = file.windows(4).position(|window| window == kind).unwrap() + 4;
                file[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            file
        })
    };
    let mut attacks: Vec<_> = [0, 1, 0x7fff_ffff, 0xffff_fff8, u32::MAX].map(sizes).into();
    attacks.extend([
        // The index of all leads to itself, and to one large index many times.
        Attack::new("avi-cycles-index-of-itself.avi", || film(4, &index_of_indices(200, 1000), &[])),
        Attack::new("avi-cycles-one-index-for-all.avi", move || {
            let place = |first: usize| film(4, &index_of_indices(first as u64, 10_000 * scale), &[]);
            let at = place(0).len();
            let entries = words(&[4, 8]).repeat(30_000 * scale);
            let count = words(&[30_000 * scale as u32]);
            let head = [&[2, 0, 0, 1][..], &count, b"00dc", &[0; 8], &words(&[0])].concat();
            let index = chunk(b"ix00", &[head, entries].concat());
            let mut whole = place(at);
            whole.extend(index);
            let size = (whole.len() - 8) as u32;
            whole[4..8].copy_from_slice(&size.to_le_bytes());
            whole
        }),
    ]);
    attacks
}
