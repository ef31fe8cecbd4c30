//! A sample of the repository taken apart into its tables, and put together in other ways.

/// A box: kind and body.
pub fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A "full" box: version and flags, then numbers of four bytes.
pub fn full(kind: &[u8; 4], flags: u32, words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let words = [flags].into_iter().chain(words);
    boxed(kind, &words.flat_map(u32::to_be_bytes).collect::<Vec<_>>())
}

/// A table whose entries have one or two numbers.
pub fn table<const N: usize>(kind: &[u8; 4], entries: &[[u32; N]]) -> Vec<u8> {
    full(kind, 0, [entries.len() as u32].into_iter().chain(entries.iter().flatten().copied()))
}

/// What the tables of a track say of a sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Where it begins among the data.
    pub place: u32,
    pub size: u32,
    pub duration: u32,
    pub offset: u32,
    pub key: bool,
}

/// A film of one track.
#[derive(Clone, Debug)]
pub struct Film {
    /// What comes before the data.
    pub head: Vec<u8>,
    pub data: Vec<u8>,
    pub samples: Vec<Sample>,
    /// The bodies of the boxes that describe the track.
    pub movie_header: Vec<u8>,
    pub track_header: Vec<u8>,
    pub edits: Vec<u8>,
    pub media_header: Vec<u8>,
    pub handler: Vec<u8>,
    pub descriptions: Vec<u8>,
    /// The sample from which on samples have the second description.
    pub second_from: Option<u32>,
    /// Boxes of the movie before and behind the track.
    pub before: Vec<u8>,
    pub behind: Vec<u8>,
}

/// The body of the first box of a kind anywhere in `bytes`, which a sample of the repository has once.
fn body<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    let at = bytes.windows(4).rposition(|window| window == kind).unwrap();
    let size = word(&bytes[at - 4..]) as usize;
    &bytes[at + 4..at - 4 + size]
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(*bytes.first_chunk().unwrap())
}

/// The entries of a table, each of `N` numbers.
fn entries<const N: usize>(table: &[u8]) -> Vec<[u32; N]> {
    let entry = |entry: &[u8]| std::array::from_fn(|at| word(&entry[4 * at..]));
    table[8..].chunks_exact(4 * N).map(entry).collect()
}

impl Film {
    /// Takes a file apart whose boxes are `ftyp`, `free`, `mdat` and `moov`.
    pub fn read(file: &[u8]) -> Self {
        let sizes = file.windows(4).position(|window| window == b"mdat").unwrap();
        let data_at = sizes as u32 + 4;
        let movie = body(file, b"moov");
        let runs = |table: &[u8]| {
            entries::<2>(table).into_iter().flat_map(|[count, value]| vec![value; count as usize])
        };
        let chunks: Vec<_> = entries::<1>(body(movie, b"stco"));
        let sizes = body(movie, b"stsz");
        let keys = entries::<1>(body(movie, b"stss"));
        let mut per_chunk = Vec::new();
        let runs_of_chunks = entries::<3>(body(movie, b"stsc"));
        for (at, [first, count, _]) in runs_of_chunks.iter().enumerate() {
            let end = runs_of_chunks.get(at + 1).map_or(chunks.len() as u32 + 1, |next| next[0]);
            per_chunk.extend(vec![*count; (end - first) as usize]);
        }
        let mut sizes = sizes[12..].chunks_exact(4).map(word);
        let mut durations = runs(body(movie, b"stts"));
        let mut offsets = runs(body(movie, b"ctts"));
        let mut samples = Vec::new();
        for ([chunk], count) in chunks.iter().zip(per_chunk) {
            let mut place = chunk - data_at;
            for _ in 0..count {
                let size = sizes.next().unwrap();
                let key = keys.contains(&[samples.len() as u32 + 1]);
                let (duration, offset) = (durations.next().unwrap(), offsets.next().unwrap());
                samples.push(Sample { place, size, duration, offset, key });
                place += size;
            }
        }
        let (before, behind, second_from) = Default::default();
        Self {
            second_from,
            head: file[..data_at as usize - 8].to_vec(),
            data: body(file, b"mdat").to_vec(),
            samples,
            movie_header: body(movie, b"mvhd").to_vec(),
            track_header: body(movie, b"tkhd").to_vec(),
            edits: body(movie, b"elst").to_vec(),
            media_header: body(movie, b"mdhd").to_vec(),
            // That of the file's metadata stands behind it.
            handler: body(body(movie, b"mdia"), b"hdlr").to_vec(),
            descriptions: body(movie, b"stsd").to_vec(),
            before,
            behind,
        }
    }

    /// Where data begin in a file whose movie comes behind them.
    fn data_at(&self) -> u32 {
        self.head.len() as u32 + 8
    }

    /// The first `count` samples in tables, one a chunk, with data at `data_at`; `times` in the place of their own.
    fn movie(&self, count: usize, data_at: u32, times: Option<&[[u32; 2]]>) -> Vec<u8> {
        let samples = &self.samples[..count];
        let one_each =
            |value: fn(&Sample) -> u32| samples.iter().map(|sample| [1, value(sample)]).collect::<Vec<_>>();
        let own = one_each(|sample| sample.duration);
        let keys: Vec<_> =
            (1u32..).zip(samples).filter(|(_, sample)| sample.key).map(|(number, _)| [number]).collect();
        let places: Vec<_> = samples.iter().map(|sample| [data_at + sample.place]).collect();
        let sizes = [0, count as u32].into_iter().chain(samples.iter().map(|sample| sample.size));
        let mut one_a_chunk = vec![[1, 1, 1]];
        one_a_chunk.extend(self.second_from.map(|first| [first + 1, 1, 2]));
        one_a_chunk.truncate(count);
        let tables = [
            boxed(b"stsd", &self.descriptions),
            table(b"stts", times.unwrap_or(&own)),
            table(b"ctts", &one_each(|sample| sample.offset)),
            table(b"stss", &keys),
            table(b"stsc", &one_a_chunk),
            full(b"stsz", 0, sizes),
            table(b"stco", &places),
        ];
        let media = [
            boxed(b"mdhd", &self.media_header),
            boxed(b"hdlr", &self.handler),
            boxed(b"minf", &boxed(b"stbl", &tables.concat())),
        ];
        let track = [
            boxed(b"tkhd", &self.track_header),
            boxed(b"edts", &boxed(b"elst", &self.edits)),
            boxed(b"mdia", &media.concat()),
        ];
        let movie =
            [boxed(b"mvhd", &self.movie_header), self.before.clone(), boxed(b"trak", &track.concat())];
        boxed(b"moov", &[movie.concat(), self.behind.clone()].concat())
    }

    /// The file with all samples in its tables, which come behind the data.
    pub fn whole(&self, times: Option<&[[u32; 2]]>) -> Vec<u8> {
        let movie = self.movie(self.samples.len(), self.data_at(), times);
        [self.head.clone(), boxed(b"mdat", &self.data), movie].concat()
    }

    /// The file with its movie before the data, whose box says that it has `size` bytes.
    pub fn movie_first(&self, size: impl Fn(u32) -> u32) -> Vec<u8> {
        let length = self.movie(self.samples.len(), 0, None).len() as u32;
        let movie = self.movie(self.samples.len(), self.data_at() + length, None);
        let size = size(self.data.len() as u32 + 8).to_be_bytes();
        [self.head.clone(), movie, size.to_vec(), b"mdat".to_vec(), self.data.clone()].concat()
    }

    /// The file with its first `count` samples in tables, and the others in fragments of `each`, which say when
    /// they begin if `timed`.
    pub fn fragmented(&self, count: usize, each: usize, timed: bool) -> Vec<u8> {
        let extends = boxed(b"mvex", &full(b"trex", 0, [1, 1, 0, 0, 0]));
        let film = Self { behind: [self.behind.clone(), extends].concat(), ..self.clone() };
        let mut file =
            [self.head.clone(), boxed(b"mdat", &self.data), film.movie(count, self.data_at(), None)].concat();
        let mut begins: u32 = self.samples[..count].iter().map(|sample| sample.duration).sum();
        for samples in self.samples[count..].chunks(each) {
            // The data of a run follow each other, and those of a sample may lie anywhere.
            let runs = samples.iter().map(|sample| {
                let flags = if sample.key { 0x0200_0000 } else { 0x0101_0000 };
                let place = self.data_at() + sample.place;
                full(b"trun", 0xf01, [1, place, sample.duration, sample.size, flags, sample.offset])
            });
            let runs: Vec<u8> = runs.collect::<Vec<_>>().concat();
            // Offsets count from the beginning of the file.
            let head = full(b"tfhd", 1, [1, 0, 0]);
            let times = if timed { full(b"tfdt", 0, [begins]) } else { Vec::new() };
            file.extend(boxed(b"moof", &boxed(b"traf", &[head, times, runs].concat())));
            begins += samples.iter().map(|sample| sample.duration).sum::<u32>();
        }
        file
    }
}
