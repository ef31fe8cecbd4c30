//! Matroska films with one hostile structure each.

use crate::{Attack, zlib};

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TRACK_ENTRY: u32 = 0xae;
const BLOCK_GROUP: u32 = 0xa0;
const SIMPLE_BLOCK: u32 = 0xa3;
const ENCODINGS: u32 = 0x6d80;
const ENCODING: u32 = 0x6240;
const COMPRESSION: u32 = 0x5034;
const EBML: u32 = 0x1a45_dfa3;
const CUES: u32 = 0x1c53_bb6b;
const CHAPTERS: u32 = 0x1043_a770;
const TAGS: u32 = 0x1254_c367;
const VOID: u32 = 0xec;

fn id(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect()
}

/// An element with a size of eight bytes.
fn element(kind: u32, body: &[u8]) -> Vec<u8> {
    [&id(kind)[..], &(1 << 56 | body.len() as u64).to_be_bytes(), body].concat()
}

/// An element of unknown size.
fn endless(kind: u32, body: &[u8]) -> Vec<u8> {
    [&id(kind)[..], &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], body].concat()
}

/// An element with a number of up to a byte.
fn small(kind: u32, value: u8) -> Vec<u8> {
    [&id(kind)[..], &[0x81, value]].concat()
}

/// `depth` elements in each other, of the kinds in turn.
fn nested(kinds: &[u32], depth: usize) -> Vec<u8> {
    let header = |at: usize| id(kinds[at % kinds.len()]).len() + 8;
    let mut left: usize = (0..depth).map(header).sum();
    let mut bytes = Vec::with_capacity(left);
    for at in 0..depth {
        left -= header(at);
        bytes.extend(id(kinds[at % kinds.len()]));
        bytes.extend((1u64 << 56 | left as u64).to_be_bytes());
    }
    bytes
}

fn header() -> Vec<u8> {
    element(EBML, &element(0x4282, b"matroska"))
}

/// Track 1 of VP8, with further elements.
fn entry(further: &[u8]) -> Vec<u8> {
    let video = element(0xe0, &[element(0xb0, &[64]), element(0xba, &[64])].concat());
    let parts = [&small(0xd7, 1)[..], &small(0x83, 1), &element(0x86, b"V_VP8"), &video, further].concat();
    element(TRACK_ENTRY, &parts)
}

fn info() -> Vec<u8> {
    element(INFO, &element(0x2a_d7b1, &1_000_000u32.to_be_bytes()))
}

/// A film of these tracks and what stands behind them in the segment.
fn film_of(tracks: &[u8], behind: &[u8]) -> Vec<u8> {
    let segment = [&info()[..], &element(TRACKS, tracks), behind].concat();
    [header(), element(SEGMENT, &segment)].concat()
}

fn film(behind: &[u8]) -> Vec<u8> {
    film_of(&entry(&[]), behind)
}

/// A cluster of these bytes.
fn cluster(blocks: &[u8]) -> Vec<u8> {
    element(CLUSTER, &[small(0xe7, 0), blocks.to_vec()].concat())
}

/// A simple block of track 1; flags 2, 4 and 6 are laced.
fn block(flags: u8, body: &[u8]) -> Vec<u8> {
    element(SIMPLE_BLOCK, &[&[0x81, 0, 0, 0x80 | flags][..], body].concat())
}

/// How the blocks of a track are packed.
fn packed(algorithm: u8, settings: &[u8]) -> Vec<u8> {
    let compression = [small(0x4254, algorithm), element(0x4255, settings)].concat();
    element(ENCODINGS, &element(ENCODING, &element(COMPRESSION, &compression)))
}

/// The first frame of a film of VP8 of 64 by 64 pixels, as far as its header goes.
const KEY_FRAME: [u8; 12] = [0x10, 2, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0, 0, 0];

pub fn attacks(scale: usize) -> Vec<Attack> {
    [depth(scale), lacing(scale), compression(scale), counts(scale), cycles(scale)]
        .into_iter()
        .flatten()
        .collect()
}

fn depth(scale: usize) -> Vec<Attack> {
    let within = |name: &str, kinds: &'static [u32], film: fn(&[u8]) -> Vec<u8>| {
        Attack::new(format!("mkv-depth-{name}.mkv"), move || film(&nested(kinds, 60_000 * scale)))
    };
    vec![
        within("groups", &[BLOCK_GROUP], |deep| film(&cluster(deep))),
        within("clusters", &[CLUSTER], film),
        within("segments", &[SEGMENT], film),
        within("tracks", &[TRACKS, TRACK_ENTRY], film),
        within("entries", &[TRACK_ENTRY], |deep| film_of(deep, &cluster(&block(0, &KEY_FRAME)))),
        within("encodings", &[ENCODINGS, ENCODING, COMPRESSION], |deep| {
            film_of(&entry(deep), &cluster(&block(0, &KEY_FRAME)))
        }),
        within("chapters", &[0x45b9, 0xb6], |deep| film(&element(CHAPTERS, deep))),
        within("tags", &[0x7373, 0x67c8], |deep| film(&element(TAGS, deep))),
        within("void", &[VOID], film),
        Attack::new("mkv-depth-endless-segments.mkv", move || {
            [header(), endless(SEGMENT, &[]).repeat(60_000 * scale)].concat()
        }),
        Attack::new("mkv-depth-endless-clusters.mkv", move || {
            let all = endless(CLUSTER, &small(0xe7, 0)).repeat(60_000 * scale);
            [header(), endless(SEGMENT, &[info(), element(TRACKS, &entry(&[])), all].concat())].concat()
        }),
    ]
}

fn lacing(scale: usize) -> Vec<Attack> {
    let laced = |name: &str, flags: u8, body: Vec<u8>, blocks: usize| {
        Attack::new(format!("mkv-lacing-{name}.mkv"), move || {
            film(&cluster(&block(flags, &body).repeat(blocks * scale)))
        })
    };
    let stripped = Attack::new("mkv-lacing-stripped.mkv", move || {
        let blocks = block(4, &[255]).repeat(20_000 * scale);
        film_of(&entry(&packed(3, &[7; 1000])), &cluster(&blocks))
    });
    vec![
        laced("fixed", 4, [&[255][..], &[0x10; 256]].concat(), 16_000),
        laced("fixed-empty", 4, vec![255], 300_000),
        laced("xiph", 2, [&[255][..], &[1; 255], &[0x10; 256]].concat(), 8000),
        laced("xiph-empty", 2, [&[255][..], &[0; 255]].concat(), 16_000),
        laced("ebml", 6, [&[255, 0x81][..], &[0xbf; 254], &[0x10; 256]].concat(), 8000),
        laced(
            "ebml-lying",
            6,
            [&[255, 0x01, 255, 255, 255, 255, 255, 255, 254][..], &[0x81; 254]].concat(),
            8000,
        ),
        laced("none", 0, vec![0x10], 250_000),
        stripped,
    ]
}

fn compression(scale: usize) -> Vec<Attack> {
    let bomb = |name: &str, bytes: usize, blocks: usize| {
        Attack::new(format!("mkv-compression-{name}.mkv"), move || {
            let body = zlib(&vec![0x10; bytes]);
            film_of(&entry(&packed(0, &[])), &cluster(&block(0, &body).repeat(blocks * scale)))
        })
    };
    vec![
        bomb("large", 9_900_000, 300),
        bomb("small", 20_000, 50_000),
        bomb("beyond", 64 << 20, 20),
        Attack::new("mkv-compression-header.mkv", move || {
            let blocks = block(0, &[0x10]).repeat(50_000 * scale);
            film_of(&entry(&packed(3, &vec![0x10; 9_000_000])), &cluster(&blocks))
        }),
        Attack::new("mkv-compression-setup.mkv", move || {
            let setup = element(0x63a2, &zlib(&vec![0; 64 << 20]));
            let whole = [packed(0, &[]), setup].concat();
            film_of(&entry(&whole), &cluster(&block(0, &zlib(&KEY_FRAME))))
        }),
        Attack::new("mkv-compression-encodings.mkv", move || {
            let many = element(ENCODINGS, &element(ENCODING, &[])).repeat(200_000 * scale);
            film_of(&entry(&many), &cluster(&block(0, &KEY_FRAME)))
        }),
    ]
}

fn counts(scale: usize) -> Vec<Attack> {
    let void = [0xec, 0x80];
    let key = || cluster(&block(0, &KEY_FRAME));
    vec![
        Attack::new("mkv-counts-void-in-tracks.mkv", move || {
            film_of(&[entry(&[]), void.repeat(2_000_000 * scale)].concat(), &key())
        }),
        Attack::new("mkv-counts-void-in-entry.mkv", move || {
            film_of(&entry(&void.repeat(2_000_000 * scale)), &key())
        }),
        Attack::new("mkv-counts-void-in-segment.mkv", move || {
            film(&[void.repeat(2_000_000 * scale), key()].concat())
        }),
        Attack::new("mkv-counts-void-in-cluster.mkv", move || {
            film(&cluster(&[void.repeat(2_000_000 * scale), block(0, &KEY_FRAME)].concat()))
        }),
        Attack::new("mkv-counts-tracks.mkv", move || {
            let number =
                |at: usize| [&[0xae, 0x87, 0xd7, 0x85][..], &(at as u64).to_be_bytes()[3..]].concat();
            let tracks: Vec<u8> = (2..500_000 * scale).flat_map(number).collect();
            film_of(&[entry(&[]), tracks].concat(), &key())
        }),
        Attack::new("mkv-counts-empty-tracks.mkv", move || {
            film_of(&[entry(&[]), [0xae, 0x80].repeat(1_000_000 * scale)].concat(), &key())
        }),
        Attack::new("mkv-counts-tracks-by-blocks.mkv", move || {
            let tracks = (2..100u8).flat_map(|at| [vec![0xae, 0x83], small(0xd7, at)].concat());
            let tracks: Vec<u8> = tracks.collect::<Vec<_>>().repeat(500 * scale);
            let other = element(SIMPLE_BLOCK, &[0xe2, 0, 0, 0x80, 1]);
            let blocks = [block(0, &KEY_FRAME), other.repeat(100_000 * scale)].concat();
            film_of(&[entry(&[]), tracks].concat(), &cluster(&blocks))
        }),
        Attack::new("mkv-counts-groups.mkv", move || {
            let blocks = [0xa0, 0x80].repeat(2_000_000 * scale);
            film(&cluster(&[blocks, block(0, &KEY_FRAME)].concat()))
        }),
        Attack::new("mkv-counts-clusters.mkv", move || {
            film(&[key(), element(CLUSTER, &[]).repeat(300_000 * scale)].concat())
        }),
        Attack::new("mkv-counts-size-beyond.mkv", move || {
            let mut file = film(&key());
            let at = file.windows(4).position(|window| window == CLUSTER.to_be_bytes()).unwrap() + 4;
            file[at..at + 8].copy_from_slice(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
            file
        }),
    ]
}

fn cycles(scale: usize) -> Vec<Attack> {
    let seek = |what: u32, place: u64| {
        let parts = [element(0x53ab, &what.to_be_bytes()), element(0x53ac, &place.to_be_bytes())];
        element(0x4dbb, &parts.concat())
    };
    let key = || cluster(&block(0, &KEY_FRAME));
    vec![
        Attack::new("mkv-cycles-seek.mkv", move || {
            let head = element(0x114d_9b74, &[seek(0x114d_9b74, 0), seek(TRACKS, 0)].concat());
            let segment = [head.repeat(20_000 * scale), info(), element(TRACKS, &entry(&[])), key()].concat();
            [header(), element(SEGMENT, &segment)].concat()
        }),
        Attack::new("mkv-cycles-cues.mkv", move || {
            let cue = element(0xbb, &element(0xb7, &element(0xf1, &[0])));
            film(&[key(), element(CUES, &cue.repeat(100_000 * scale))].concat())
        }),
        Attack::new("mkv-cycles-tracks-again.mkv", move || {
            let again = element(TRACKS, &[entry(&[]), [0xec, 0x80].repeat(1000)].concat());
            film(&[again.repeat(1000 * scale), key(), again.repeat(500 * scale)].concat())
        }),
        Attack::new("mkv-cycles-headers.mkv", move || {
            [header().repeat(100_000 * scale), film(&key())].concat()
        }),
        Attack::new("mkv-cycles-lost.mkv", move || {
            let lost = [vec![1; 40], element(CUES, &[])].concat();
            [film(&key()), lost.repeat(60_000 * scale)].concat()
        }),
    ]
}
