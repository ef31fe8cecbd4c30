//! MP4 films with one hostile structure each.

#[path = "../mp4_tables/film.rs"]
#[allow(dead_code, reason = "only the builders of boxes and the parts of a sample are needed")]
mod film;

use film::{Film, boxed, full, table};

use crate::{Attack, zlib};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/cars.mp4");

/// A film of H.264 to be written with other tables.
#[derive(Clone)]
struct Plan {
    film: Film,
    /// The body of `stbl`, but for the description of samples.
    tables: Vec<u8>,
    descriptions: Vec<u8>,
    edits: Vec<u8>,
    /// Boxes of the movie behind the track, and of the file behind the movie.
    behind: Vec<u8>,
    after: Vec<u8>,
    data: Vec<u8>,
}

impl Plan {
    /// `count` samples of `size` bytes, of which the sizes are all the same or stated each, one chunk of all.
    fn of(count: u32, size: u32) -> Self {
        let film = Film::read(&std::fs::read(SAMPLE).unwrap());
        let descriptions = boxed(b"stsd", &film.descriptions);
        let tables = [
            table(b"stts", &[[count, 512]]),
            table(b"stsc", &[[1, count, 1]]),
            full(b"stsz", 0, [size, count]),
            table(b"stco", &[[48]]),
        ];
        let data = vec![0x65; (count as usize).saturating_mul(size as usize).min(1 << 26)];
        let (edits, behind, after) = Default::default();
        Self { film, tables: tables.concat(), descriptions, edits, behind, after, data }
    }

    fn with(self, change: impl FnOnce(&mut Self)) -> Self {
        let mut plan = self;
        change(&mut plan);
        plan
    }

    fn track(&self) -> Vec<u8> {
        let tables = boxed(b"stbl", &[&self.descriptions[..], &self.tables].concat());
        let media = [
            boxed(b"mdhd", &self.film.media_header),
            boxed(b"hdlr", &self.film.handler),
            boxed(b"minf", &tables),
        ];
        let track = [
            boxed(b"tkhd", &self.film.track_header),
            boxed(b"edts", &self.edits),
            boxed(b"mdia", &media.concat()),
        ];
        boxed(b"trak", &track.concat())
    }

    fn movie(&self) -> Vec<u8> {
        [boxed(b"mvhd", &self.film.movie_header), self.track(), self.behind.clone()].concat()
    }

    fn file(&self) -> Vec<u8> {
        self.file_with(boxed(b"moov", &self.movie()))
    }

    /// Data begin at byte 48.
    fn file_with(&self, movie: Vec<u8>) -> Vec<u8> {
        [boxed(b"ftyp", &[b'i'; 32]), boxed(b"mdat", &self.data), movie, self.after.clone()].concat()
    }
}

/// Boxes in boxes, `depth` of them.
fn nested(kind: &[u8; 4], depth: usize) -> Vec<u8> {
    (0..depth).flat_map(|at| [&((8 * (depth - at)) as u32).to_be_bytes()[..], kind].concat()).collect()
}

/// A movie that is compressed and said to have `stated` bytes.
fn compressed(movie: &[u8], stated: u32) -> Vec<u8> {
    let data = [&stated.to_be_bytes()[..], &zlib(movie)].concat();
    let parts = [boxed(b"dcom", b"zlib"), boxed(b"cmvd", &data)].concat();
    boxed(b"moov", &boxed(b"cmov", &parts))
}

/// A fragment of track 1 with these runs.
fn fragment(head: &[u32], runs: &[u8]) -> Vec<u8> {
    let head = full(b"tfhd", head[0], head[1..].iter().copied());
    boxed(b"moof", &boxed(b"traf", &[head, runs.to_vec()].concat()))
}

fn extends() -> Vec<u8> {
    boxed(b"mvex", &full(b"trex", 0, [1, 1, 512, 1, 0]))
}

pub fn attacks(scale: usize) -> Vec<Attack> {
    [depth(scale), compression(scale), counts(scale), tables(scale), fragments(scale), payload(scale)]
        .into_iter()
        .flatten()
        .collect()
}

fn depth(scale: usize) -> Vec<Attack> {
    let kinds = [b"moov", b"trak", b"udta", b"meta", b"free", b"moof", b"stsd"];
    let mut attacks: Vec<_> = kinds
        .map(|kind| {
            let bytes = move || {
                let deep = nested(kind, 60_000 * scale);
                Plan::of(4, 9).with(|plan| (plan.behind, plan.after) = (deep.clone(), deep)).file()
            };
            Attack::new(format!("mp4-depth-{}.mp4", String::from_utf8_lossy(kind)), bytes)
        })
        .into();
    attacks.push(Attack::new("mp4-depth-entry.mp4", move || {
        let inner = [&[0; 4][..], &[0, 0, 0, 1], &nested(b"avc1", 60_000 * scale)].concat();
        Plan::of(4, 9).with(|plan| plan.descriptions = boxed(b"stsd", &inner)).file()
    }));
    attacks
}

fn compression(scale: usize) -> Vec<Attack> {
    let zeros = move |stated| {
        let movie = vec![0; (64 << 20) * scale];
        Plan::of(4, 9).file_with(compressed(&movie, stated))
    };
    vec![
        Attack::new("mp4-compression-zeros.mp4", move || zeros(64 << 20)),
        Attack::new("mp4-compression-beyond.mp4", move || zeros(u32::MAX)),
        Attack::new("mp4-compression-twice.mp4", || {
            let inner = compressed(&vec![0; 60 << 20], 60 << 20);
            Plan::of(4, 9).file_with(compressed(&inner, inner.len() as u32))
        }),
        Attack::new("mp4-compression-tables.mp4", move || {
            let plan = Plan::of(1_000_000, 1).with(|plan| {
                plan.tables.extend(table(b"ctts", &vec![[1, 7]; 4_000_000]));
                plan.data.truncate(100);
            });
            let movie = boxed(b"moov", &plan.movie());
            plan.file_with(compressed(&movie, movie.len() as u32))
        }),
        Attack::new("mp4-compression-edits.mp4", move || {
            let plan = Plan::of(4, 9).with(|plan| plan.edits = table(b"elst", &vec![[1, 0, 1]; 5_000_000]));
            let movie = boxed(b"moov", &plan.movie());
            plan.file_with(compressed(&movie, movie.len() as u32))
        }),
        Attack::new("mp4-compression-tracks.mp4", move || {
            let track = boxed(b"trak", &boxed(b"tref", &full(b"chap", 0, 0..1000)));
            let movie = boxed(b"moov", &track.repeat(15_000));
            Plan::of(4, 9).file_with(compressed(&movie, movie.len() as u32))
        }),
    ]
}

fn counts(scale: usize) -> Vec<Attack> {
    let million = 1_000_000 * scale as u32;
    let mut attacks = vec![
        Attack::new("mp4-counts-one-byte-samples.mp4", move || Plan::of(million, 1).file()),
        Attack::new("mp4-counts-four-byte-samples.mp4", move || Plan::of(million, 4).file()),
        Attack::new("mp4-counts-sixteen-byte-samples.mp4", move || Plan::of(million, 16).file()),
        Attack::new("mp4-counts-beyond.mp4", || {
            Plan::of(u32::MAX, 1).with(|plan| plan.data.truncate(4 << 20)).file()
        }),
        // Every sample is the same bytes, again and again.
        Attack::new("mp4-counts-overlapping.mp4", move || {
            let plan = Plan::of(4, 9);
            let count = 200_000 * scale as u32;
            let tables = [
                table(b"stts", &[[count, 512]]),
                table(b"stsc", &[[1, 1, 1]]),
                full(b"stsz", 0, [2 << 20, count]),
                table(b"stco", &vec![[48]; count as usize]),
            ];
            plan.with(|plan| (plan.tables, plan.data) = (tables.concat(), vec![0x65; 4 << 20])).file()
        }),
        Attack::new("mp4-counts-one-sample-for-all.mp4", move || {
            let film = Plan::of(4, 9).film;
            let first = film.samples[0];
            let count = 100_000 * scale as u32;
            let tables = [
                table(b"stts", &[[count, 512]]),
                table(b"stsc", &[[1, 1, 1]]),
                full(b"stsz", 0, [first.size, count]),
                table(b"stco", &vec![[48 + first.place]; count as usize]),
            ];
            Plan::of(4, 9).with(|plan| (plan.tables, plan.data) = (tables.concat(), film.data.clone())).file()
        }),
    ];
    for kind in [b"stsz", b"stco", b"stsc", b"stts", b"ctts", b"stss", b"elst", b"dref", b"stsd"] {
        let name = format!("mp4-counts-lying-{}.mp4", String::from_utf8_lossy(kind));
        attacks.push(Attack::new(name, move || {
            let mut file = Plan::of(40, 9)
                .with(|plan| {
                    plan.tables.extend(table(b"ctts", &[[40, 7]]));
                    plan.tables.extend(table(b"stss", &[[1]]));
                    plan.edits = table(b"elst", &[[1000, 0, 1 << 16]]);
                })
                .file();
            if let Some(at) = file.windows(4).position(|window| window == kind) {
                let count = at + if kind == b"stsz" { 12 } else { 8 };
                file[count..count + 4].copy_from_slice(&0xffff_fff0u32.to_be_bytes());
            }
            file
        }));
    }
    attacks
}

fn tables(scale: usize) -> Vec<Attack> {
    let many = move |kind: &'static [u8; 4], width: usize| {
        let name = format!("mp4-tables-{}.mp4", String::from_utf8_lossy(kind));
        Attack::new(name, move || {
            let words = [300_000 * scale as u32].into_iter().chain(vec![0; 300_000 * scale * width]);
            let long = full(kind, 0, words);
            Plan::of(1000, 9).with(|plan| plan.tables = [long, plan.tables.clone()].concat()).file()
        })
    };
    let mut attacks =
        vec![many(b"stts", 2), many(b"ctts", 2), many(b"stss", 1), many(b"stsc", 3), many(b"stps", 1)];
    attacks.extend([
        Attack::new("mp4-tables-edits-without-keys.mp4", move || {
            let plan = Plan::of(150_000, 9).with(|plan| {
                plan.tables.extend(table(b"stss", &[[1]]));
                plan.tables.extend(table(b"ctts", &[[150_000, 1 << 30]]));
                plan.edits = table(b"elst", &vec![[1, 70_000_000, 1 << 16]; 100_000 * scale]);
            });
            plan.file()
        }),
        // The key frame that a part begins with is looked for from the end of the track to its beginning.
        Attack::new("mp4-tables-edits-far-from-keys.mp4", move || {
            let plan = Plan::of(150_000, 9).with(|plan| {
                plan.tables.extend(table(b"ctts", &[[1, 0], [149_999, 1 << 30]]));
                plan.edits = table(b"elst", &vec![[1, 76_000_000, 1 << 16]; 60_000 * scale]);
            });
            plan.file()
        }),
        Attack::new("mp4-tables-edits-of-all.mp4", move || {
            Plan::of(150_000, 9)
                .with(|plan| plan.edits = table(b"elst", &vec![[1 << 30, 0, 1 << 16]; 50_000 * scale]))
                .file()
        }),
        Attack::new("mp4-tables-entries.mp4", move || {
            let plan = Plan::of(1000, 9);
            let entry = plan.film.descriptions[8..].to_vec();
            let all = [&[0, 0, 0, 0, 0, 1, 0, 0][..], &entry.repeat(20_000 * scale)].concat();
            plan.with(|plan| plan.descriptions = boxed(b"stsd", &all)).file()
        }),
        Attack::new("mp4-tables-chapters.mp4", move || {
            let list = full(b"chap", 0, 0..3_000_000 * scale as u32);
            let track = boxed(b"trak", &boxed(b"tref", &list));
            Plan::of(1000, 9).with(|plan| plan.behind = track).file()
        }),
        Attack::new("mp4-tables-tracks.mp4", move || {
            let plan = Plan::of(1000, 9);
            let empty = plan.clone().with(|plan| plan.tables.clear()).track();
            let tracks = [empty.repeat(5000 * scale), plan.track()].concat();
            let movie = [boxed(b"mvhd", &plan.film.movie_header), tracks].concat();
            plan.file_with(boxed(b"moov", &movie))
        }),
        Attack::new("mp4-tables-boxes.mp4", move || {
            Plan::of(1000, 9)
                .with(|plan| {
                    let small = boxed(b"free", &[]).repeat(500_000 * scale);
                    (plan.behind, plan.after) = (small.clone(), small);
                })
                .file()
        }),
    ]);
    attacks
}

fn fragments(scale: usize) -> Vec<Attack> {
    let with = |name: &str, after: Box<dyn Fn() -> Vec<u8>>| {
        Attack::new(format!("mp4-fragments-{name}.mp4"), move || {
            let plan = Plan::of(4, 9).with(|plan| (plan.behind, plan.after) = (extends(), after()));
            plan.file()
        })
    };
    vec![
        with("empty", Box::new(move || boxed(b"moof", &[]).repeat(1_000_000 * scale))),
        with("count", Box::new(|| fragment(&[0, 1], &full(b"trun", 0, [u32::MAX])))),
        with("count-of-others", Box::new(|| fragment(&[0, 2], &full(b"trun", 0x200, [u32::MAX])))),
        with(
            "runs",
            Box::new(move || {
                let run = full(b"trun", 1, [1, 48]);
                fragment(&[0, 1], &run.repeat(300_000 * scale))
            }),
        ),
        with(
            "runs-of-many",
            Box::new(move || {
                let run = full(b"trun", 1, [1_000_000, 48]);
                [fragment(&[0, 1], &run), vec![0; 8 << 20]].concat()
            }),
        ),
        with(
            "index",
            Box::new(move || {
                let entries = (0..65_535).flat_map(|_| [0u32, 1, 0]);
                let head = [1, 1000, 0, 0, 65_535];
                full(b"sidx", 0, head.into_iter().chain(entries)).repeat(5 * scale)
            }),
        ),
        Attack::new("mp4-fragments-by-tracks.mp4", move || {
            let plan = Plan::of(4, 9);
            let empty = plan.clone().with(|plan| plan.tables.clear()).track();
            let movie =
                [boxed(b"mvhd", &plan.film.movie_header), empty.repeat(5000 * scale), extends()].concat();
            let parts = boxed(b"traf", &full(b"tfhd", 0, [7])).repeat(1000);
            let fragments = boxed(b"moof", &parts).repeat(100 * scale);
            plan.with(|plan| plan.after = fragments).file_with(boxed(b"moov", &movie))
        }),
    ]
}

/// An `avcC` box of parameter sets of 60,000 bytes.
fn large_configuration(sets: u8) -> Vec<u8> {
    let set = [&60_000u16.to_be_bytes()[..], &[0x67; 60_000]].concat();
    let body = [&[1, 100, 0, 13, 0xff, 0xe0 | sets][..], &set.repeat(sets.into()), &[0]].concat();
    boxed(b"avcC", &body)
}

fn payload(scale: usize) -> Vec<Attack> {
    let entry_of = |plan: &Plan, configuration: Vec<u8>| {
        let fixed = &plan.film.descriptions[16..16 + 78];
        boxed(b"avc1", &[fixed, &configuration].concat())
    };
    vec![
        Attack::new("mp4-payload-parameter-sets.mp4", move || {
            let plan = Plan::of(60_000, 9);
            let entries = [entry_of(&plan, large_configuration(1)), entry_of(&plan, large_configuration(20))];
            let all = [&[0, 0, 0, 0, 0, 0, 0, 2][..], &entries.concat()].concat();
            let tables = [
                table(b"stts", &[[60_000, 512]]),
                table(b"stsc", &[[1, 30_000, 1], [2, 30_000, 2]]),
                full(b"stsz", 0, [9, 60_000]),
                table(b"stco", &[[48], [48 + 9 * 30_000]]),
            ];
            plan.with(|plan| (plan.descriptions, plan.tables) = (boxed(b"stsd", &all), tables.concat()))
                .file()
        }),
        Attack::new("mp4-payload-tiny-units.mp4", move || {
            let plan = Plan::of(1, (8 << 20) * scale as u32);
            let configuration = boxed(b"avcC", &[1, 100, 0, 13, 0xfc, 0xe0, 0]);
            let all = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &entry_of(&plan, configuration)].concat();
            plan.with(|plan| {
                plan.descriptions = boxed(b"stsd", &all);
                plan.data = [1, 0x65].repeat((4 << 20) * scale);
            })
            .file()
        }),
        Attack::new("mp4-payload-start-codes.mp4", move || {
            let size = (8 << 20) * scale as u32;
            Plan::of(1, size).with(|plan| plan.data = [0, 0, 1, 0x65].repeat(size as usize / 4)).file()
        }),
        Attack::new("mp4-payload-zeros.mp4", move || {
            let size = (16 << 20) * scale as u32;
            Plan::of(1, size).with(|plan| plan.data.fill(0)).file()
        }),
    ]
}
