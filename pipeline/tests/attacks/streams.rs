//! Transport and program streams with one hostile structure each.

#[path = "../mp4_tables/film.rs"]
#[allow(dead_code, reason = "only the bytes of a sample are needed")]
mod film;

use crate::Attack;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/cars.mp4");

/// The check sum of a table.
fn check_sum(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 };
    bytes.iter().fold(u32::MAX, |sum, &byte| (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| step(sum)))
}

/// Packets of a transport stream, which count themselves.
#[derive(Default)]
struct Transport {
    bytes: Vec<u8>,
    number: u8,
}

impl Transport {
    /// A packet of stream `pid` with up to 184 bytes.
    fn packet(&mut self, pid: u16, begins: bool, body: &[u8]) {
        let [high, low] = pid.to_be_bytes();
        let first = if begins { 0x40 } else { 0 };
        let filling = 184 - body.len();
        let control = if filling > 0 { 0x30 } else { 0x10 };
        self.bytes.extend([0x47, first | high, low, control | self.number & 15]);
        if filling > 0 {
            let mut field = vec![0xff; filling];
            field[0] = filling as u8 - 1;
            if filling > 1 {
                field[1] = 0;
            }
            self.bytes.extend(field);
        }
        self.bytes.extend(body);
        self.number = self.number.wrapping_add(1);
    }

    /// A table in a packet.
    fn table(&mut self, pid: u16, kind: u8, body: &[u8]) {
        let [high, low] = (0xb000 | (9 + body.len() as u16)).to_be_bytes();
        let section = [&[kind, high, low, 0, 1, 0xc1, 0, 0], body].concat();
        let sum = check_sum(&section).to_be_bytes();
        let mut body = [&[0][..], &section, &sum].concat();
        body.resize(184, 0xff);
        self.packet(pid, true, &body);
    }

    /// The tables of one program with a stream of `kind`.
    fn begun(kind: u8) -> Self {
        let mut stream = Self::default();
        stream.table(0, 0, &[0, 1, 0xe1, 0]);
        stream.table(0x100, 2, &[0xe1, 1, 0xf0, 0, kind, 0xe1, 1, 0xf0, 0]);
        stream.number = 0;
        stream
    }

    /// A packet of an elementary stream over as many packets as it takes.
    fn elementary(&mut self, pid: u16, time: u32, body: &[u8]) {
        let mut bytes = elementary_header(0, time);
        bytes.extend(body);
        for (at, part) in bytes.chunks(184).enumerate() {
            self.packet(pid, at == 0, part);
        }
    }
}

/// The header of a packet of an elementary stream of `length` bytes (0: unbounded), at `time` ticks.
fn elementary_header(length: u16, time: u32) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    let stamp = [
        0x21 | (time >> 30 << 1) as u8,
        (time >> 22) as u8,
        (time >> 14) as u8 | 1,
        (time >> 7) as u8,
        (time << 1) as u8 | 1,
    ];
    [&[0, 0, 1, 0xe0, high, low, 0x80, 0x80, 5][..], &stamp].concat()
}

/// A program stream of a picture's bytes, in packets of up to 60,000.
fn program(pictures: &[u8]) -> Vec<u8> {
    let pack = [0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8];
    let mut bytes = pack.to_vec();
    for (at, part) in pictures.chunks(60_000).enumerate() {
        bytes.extend(elementary_header(part.len() as u16 + 8, at as u32 * 3600));
        bytes.extend(part);
    }
    bytes.extend([0, 0, 1, 0xb9]);
    bytes
}

/// Parameter sets and the first picture of a sample, with start codes.
fn picture() -> (Vec<u8>, Vec<u8>) {
    let film = film::Film::read(&std::fs::read(SAMPLE).unwrap());
    let at = film.descriptions.windows(4).position(|kind| kind == b"avcC").unwrap() + 4;
    let setup = &film.descriptions[at..];
    let length = usize::from(u16::from_be_bytes([setup[6], setup[7]]));
    let sequence = &setup[8..8 + length];
    let behind = &setup[8 + length..];
    let second = &behind[3..3 + usize::from(u16::from_be_bytes([behind[1], behind[2]]))];
    let sets = [&[0, 0, 0, 1][..], sequence, &[0, 0, 0, 1], second].concat();
    let first = film.samples[0];
    let sample = &film.data[first.place as usize..(first.place + first.size) as usize];
    (sets, sample.to_vec())
}

/// The sequence header of MPEG-2 and the header of a picture.
const SEQUENCE: [u8; 22] =
    [0, 0, 1, 0xb3, 4, 0, 0x40, 0x13, 0xff, 0xff, 0xe0, 0x18, 0, 0, 1, 0xb5, 0x14, 0x8a, 0, 1, 0, 0];
const MPEG_PICTURE: [u8; 16] = [0, 0, 1, 0, 0, 0x0f, 0xff, 0xf8, 0, 0, 1, 1, 0x13, 0xf8, 0x7d, 0x29];

/// A slice of a picture of H.264 that says nothing, behind a delimiter.
const TINY: [u8; 11] = [0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41, 0x9a, 0x80];

pub fn attacks(scale: usize) -> Vec<Attack> {
    let mut attacks = transport(scale);
    attacks.extend(programs(scale));
    attacks
}

fn transport(scale: usize) -> Vec<Attack> {
    let with = |name: &str, kind: u8, fill: Box<dyn Fn(&mut Transport)>| {
        Attack::new(format!("ts-{name}.ts"), move || {
            let mut stream = Transport::begun(kind);
            fill(&mut stream);
            stream.bytes
        })
    };
    let megabytes = move |count: usize| (count << 20) * scale;
    vec![
        with(
            "counts-tiny-pictures",
            0x1b,
            Box::new(move |stream| {
                let (sets, _) = picture();
                stream.elementary(0x101, 0, &[sets, TINY.repeat(megabytes(4) / TINY.len())].concat());
            }),
        ),
        with(
            "counts-changing-sets",
            0x1b,
            Box::new(move |stream| {
                let (sets, picture) = picture();
                let mut other = sets.clone();
                other[10] ^= 0x30;
                let units =
                    [&sets[..], &[0, 0, 1], &picture[4..40], &other, &[0, 0, 1], &picture[4..40]].concat();
                stream.elementary(0x101, 0, &units.repeat(megabytes(4) / units.len()));
            }),
        ),
        with(
            "sizes-one-picture",
            0x1b,
            Box::new(move |stream| {
                let (sets, picture) = picture();
                let slice = [&[0, 0, 1][..], &picture[4..20], &vec![0x55; megabytes(8)]].concat();
                stream.elementary(0x101, 0, &[sets, slice].concat());
            }),
        ),
        with(
            "sizes-one-picture-in-parts",
            0x1b,
            Box::new(move |stream| {
                let (sets, picture) = picture();
                stream.elementary(0x101, 0, &[&sets[..], &[0, 0, 1], &picture[4..40]].concat());
                for at in 0..megabytes(8) / 170 {
                    stream.elementary(0x101, at as u32, &[0x55; 170]);
                }
            }),
        ),
        with(
            "sizes-hevc",
            0x24,
            Box::new(move |stream| {
                stream.elementary(
                    0x101,
                    0,
                    &[&[0, 0, 1, 0x26, 1, 0xaf][..], &vec![0x55; megabytes(8)]].concat(),
                );
            }),
        ),
        with(
            "counts-mpeg2",
            2,
            Box::new(move |stream| {
                let units = [&SEQUENCE[..], &MPEG_PICTURE.repeat(megabytes(4) / 16)].concat();
                stream.elementary(0x101, 0, &units);
            }),
        ),
        with(
            "sizes-mpeg2",
            2,
            Box::new(move |stream| {
                let units = [&SEQUENCE[..], &MPEG_PICTURE, &vec![0x55; megabytes(8)]].concat();
                stream.elementary(0x101, 0, &units);
            }),
        ),
        with(
            "sizes-mpeg4",
            0x10,
            Box::new(move |stream| {
                stream.elementary(
                    0x101,
                    0,
                    &[&[0, 0, 1, 0xb6, 0x10][..], &vec![0x55; megabytes(8)]].concat(),
                );
            }),
        ),
        with(
            "cycles-tables",
            0x1b,
            Box::new(move |stream| {
                for at in 0..20_000 * scale {
                    stream.table(0, 0, &[0, 1, 0xe0, 0, 0, 2, 0xe1, (at % 250) as u8]);
                    stream.table(0x100 + (at % 250) as u16, 2, &[0xe1, 1, 0xf0, 0, 0x1b, 0xe0, 0, 0xf0, 0]);
                }
            }),
        ),
        with(
            "counts-streams",
            0x1b,
            Box::new(move |stream| {
                for at in 0..3000 * scale as u16 {
                    let [high, low] = (0xe000 | 0x200 + at % 6000).to_be_bytes();
                    stream.table(0x100, 2, &[0xe1, 1, 0xf0, 0, 0x1b, high, low, 0xf0, 0]);
                    stream.elementary(0x200 + at % 6000, 0, &[0, 0, 1, 9, 0xf0]);
                }
            }),
        ),
        with(
            "counts-empty",
            0x1b,
            Box::new(move |stream| {
                for at in 0..20_000 * scale {
                    stream.elementary(0x101, at as u32, &[]);
                }
            }),
        ),
    ]
}

fn programs(scale: usize) -> Vec<Attack> {
    let megabytes = move |count: usize| (count << 20) * scale;
    vec![
        Attack::new("ps-counts-pictures.mpg", move || {
            program(&[&SEQUENCE[..], &MPEG_PICTURE.repeat(megabytes(4) / 16)].concat())
        }),
        Attack::new("ps-sizes-one-picture.mpg", move || {
            program(&[&SEQUENCE[..], &MPEG_PICTURE, &vec![0x55; megabytes(8)]].concat())
        }),
        Attack::new("ps-sizes-mpeg4.mpg", move || {
            program(&[&[0, 0, 1, 0xb0, 1, 0, 0, 1, 0xb6, 0x10][..], &vec![0x55; megabytes(8)]].concat())
        }),
        Attack::new("ps-counts-sequences.mpg", move || {
            let mut other = SEQUENCE;
            other[5] ^= 0x10;
            let units = [&SEQUENCE[..], &MPEG_PICTURE, &other, &MPEG_PICTURE].concat();
            program(&units.repeat(megabytes(2) / units.len()))
        }),
        Attack::new("ps-counts-packs.mpg", move || {
            let pack = [0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8];
            [pack.repeat(200_000 * scale), program(&SEQUENCE)].concat()
        }),
        Attack::new("ps-counts-maps.mpg", move || {
            let map = [0, 0, 1, 0xbc, 0, 14, 0xe0, 0xff, 0, 0, 0, 4, 0x1b, 0xe0, 0, 0, 1, 2, 3, 4];
            let pack = [0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8];
            [&pack[..], &map.repeat(100_000 * scale), &program(&SEQUENCE)].concat()
        }),
        Attack::new("ps-sizes-packets.mpg", move || {
            let packet = [0, 0, 1, 0xe0, 0xff, 0xff, 0x80, 0, 0];
            let pack = [0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8];
            [&pack[..], &packet.repeat(100_000 * scale)].concat()
        }),
    ]
}
