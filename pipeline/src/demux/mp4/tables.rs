//! The sample tables of a track (`stbl`, ISO 14496-12, 8.5 to 8.7), read as FFmpeg reads them.
//!
//! ```text
//! stsz, stz2          bytes of each sample            stts  how long each is shown
//! stco, co64          where chunks of samples begin   ctts  from decoding to presentation
//! stsc                samples of each chunk           stss, stps, sbgp  which are key frames
//! ```
//!
//! Places follow from the first three, which must agree. Times are only times: a table of them that is too short
//! takes no sample away.

use super::{
    boxes::{Child, Fields, children, number},
    clock::Clock,
    fault::damaged,
    samples::{Sample, check_count},
};
use crate::error::VideoError;

/// What the tables of a track give.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    pub samples: Vec<Sample>,
    /// A table moves presentation away from decoding, so that frames may be reordered.
    pub reorders: bool,
    /// Ticks by which FFmpeg decodes earlier, so that nothing is presented before it is decoded.
    pub shift: i64,
    /// There is a table of times: the track is not made of fragments alone.
    pub has_times: bool,
    /// Chunks hold more samples than there are sizes; FFmpeg then does not follow the edit list.
    pub is_overrun: bool,
    /// The tick behind the last sample.
    pub end: i64,
}

/// The bodies of the tables, each without its version and flags.
#[derive(Clone, Copy, Debug, Default)]
struct Tables<'a> {
    sizes: Option<(bool, &'a [u8])>,
    chunks: Option<(usize, &'a [u8])>,
    runs: &'a [u8],
    times: Option<&'a [u8]>,
    offsets: &'a [u8],
    keys: Option<&'a [u8]>,
    partial_keys: &'a [u8],
    groups: &'a [u8],
}

/// The tables that are read.
const USED: [&[u8; 4]; 10] =
    [b"stsz", b"stz2", b"stco", b"co64", b"stsc", b"stts", b"ctts", b"stss", b"stps", b"sbgp"];

impl<'a> Tables<'a> {
    /// Of tables that stand there twice FFmpeg takes the first of some and the last of others.
    fn of(tables: &'a [u8]) -> Result<Self, VideoError> {
        let mut found = Self::default();
        for Child { kind, body, is_cut } in children(tables) {
            if is_cut && USED.contains(&&kind) {
                let reason = format!("its table {} is not whole", String::from_utf8_lossy(&kind));
                return Err(VideoError::Truncated { reason });
            }
            let inner = body.get(4..).unwrap_or_default();
            match &kind {
                b"stsz" => found.sizes = Some((false, inner)),
                b"stz2" => found.sizes = Some((true, inner)),
                b"stco" if found.chunks.is_none_or(|(_, chunks)| is_empty(chunks)) => {
                    found.chunks = Some((4, inner));
                }
                b"co64" if found.chunks.is_none_or(|(_, chunks)| is_empty(chunks)) => {
                    found.chunks = Some((8, inner));
                }
                b"stsc" if is_empty(found.runs) => found.runs = inner,
                b"stts" => found.times = Some(inner),
                b"ctts" if !is_empty(inner) => found.offsets = inner,
                b"stss" if found.keys.is_none_or(is_empty) || !is_empty(inner) => found.keys = Some(inner),
                b"stps" => found.partial_keys = inner,
                b"sbgp" if inner.starts_with(b"rap ") => {
                    // Version 1 has a parameter more.
                    found.groups = inner.get(if body[0] == 1 { 8 } else { 4 }..).unwrap_or_default();
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

impl Tables<'_> {
    /// Refuses tables that say they have more entries than there could be, as FFmpeg does. One of times that is only
    /// somewhat too short takes no sample away.
    fn check(&self, file_bytes: u64) -> Result<(), VideoError> {
        let of_times = [
            ("stts", 8, self.times.unwrap_or_default()),
            ("ctts", 8, self.offsets),
            ("stss", 4, self.keys.unwrap_or_default()),
            ("stps", 4, self.partial_keys),
            ("sbgp", 8, self.groups),
        ];
        let too_long = of_times.iter().find(|(_, width, table)| count_of(table) * width > file_bytes);
        let of_chunks = count_of(self.runs) * 12 + 4 > self.runs.len() as u64 && !is_empty(self.runs);
        match too_long.map(|(name, ..)| *name).or(of_chunks.then_some("stsc")) {
            Some(name) => {
                Err(damaged(format!("its table {name} says that it has more entries than there are")))
            }
            None => Ok(()),
        }
    }
}

fn is_empty(table: &[u8]) -> bool {
    count_of(table) == 0
}

/// The number of entries with which a table begins.
fn count_of(table: &[u8]) -> u64 {
    table.get(..4).map_or(0, number)
}

/// The entries of `width` bytes of a table, as many as it says and has.
fn entries(table: &[u8], width: usize) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
    let count = usize::try_from(count_of(table)).unwrap_or(usize::MAX);
    table.get(4..).unwrap_or_default().chunks_exact(width).take(count)
}

/// The numbers of four bytes in an entry.
fn words<const N: usize>(entry: &[u8]) -> [u32; N] {
    std::array::from_fn(|at| number(&entry[4 * at..4 * at + 4]) as u32)
}

impl Track {
    /// Reads the body of an `stbl` box with so many `descriptions` of samples.
    pub fn read(
        tables: &[u8],
        descriptions: u16,
        file_bytes: u64,
        clock: &Clock,
    ) -> Result<Self, VideoError> {
        let tables = Tables::of(tables)?;
        tables.check(file_bytes)?;
        let times = tables.times.map(durations).unwrap_or_default();
        let mut track = Self { has_times: !times.is_empty(), ..Self::default() };
        track.end = times.iter().fold(0, |end, run| {
            let length = i64::from(run.count).saturating_mul(run.ticks.into());
            end.saturating_add(length)
        });
        let sizes = Sizes::of(tables.sizes, file_bytes)?;
        let chunks = tables.chunks.map_or(0, |(_, chunks)| count_of(chunks));
        if chunks == 0 && sizes.count == 0 {
            return Ok(track);
        }
        let runs = runs_of_chunks(tables.runs);
        if chunks == 0 || sizes.count == 0 || times.is_empty() || runs.is_empty() {
            return Err(damaged("one of the tables of its samples is missing"));
        }
        if runs.last().is_some_and(|run| u64::from(run.first) > chunks) {
            return Err(damaged("its tables of samples and of chunks contradict each other"));
        }
        track.put_places(&tables, &sizes, &runs, descriptions, clock)?;
        track.put_times(&times, tables.offsets);
        track.put_keys(&tables);
        // Only now, since times run on over samples of other descriptions.
        track.samples.retain(|sample| sample.entry < descriptions);
        Ok(track)
    }

    fn put_places(
        &mut self,
        tables: &Tables<'_>,
        sizes: &Sizes<'_>,
        runs: &[ChunkRun],
        descriptions: u16,
        clock: &Clock,
    ) -> Result<(), VideoError> {
        let (width, chunks) = tables.chunks.unwrap_or((4, &[]));
        let places = entries(chunks, width);
        if (places.len() as u64) < count_of(chunks) {
            return Err(damaged("its table of chunks (stco) is shorter than it says"));
        }
        let mut run = 0;
        self.samples.reserve_exact(sizes.count);
        for (chunk, place) in (1u64..).zip(places) {
            while runs.get(run + 1).is_some_and(|next| u64::from(next.first) == chunk) {
                run += 1;
            }
            let ChunkRun { count, description, .. } = runs[run];
            let entry = u16::try_from(description - 1).unwrap_or(descriptions);
            let mut place = number(place);
            for _ in 0..count {
                let Some(length) = sizes.get(self.samples.len()) else {
                    self.is_overrun = true;
                    return Ok(());
                };
                clock.tick()?;
                self.samples.push(Sample { place, length, entry, ..Sample::default() });
                place = place.saturating_add(length.into());
            }
        }
        Ok(())
    }

    /// Samples behind the table of offsets have none; those behind the table of durations last as long as the one
    /// before, unless there are offsets for them: those FFmpeg takes for samples of no duration.
    fn put_times(&mut self, times: &[TimeRun], offsets: &[u8]) {
        let offsets = entries(offsets, 8).map(words::<2>);
        let all = offsets.len();
        // A count is signed, and an entry without samples is none.
        let is_used = |count: u32| count as i32 > 0;
        self.reorders = offsets.clone().any(|[count, _]| is_used(count));
        for [count, offset] in offsets.clone().take(all.saturating_sub(2)) {
            let offset = if is_used(count) { i64::from(offset as i32) } else { 0 };
            self.shift = self.shift.max((-offset).min(i32::MAX.into()));
        }
        let mut moved = 0;
        for [count, offset] in offsets {
            let end = self.samples.len().min(moved + if is_used(count) { count as usize } else { 0 });
            self.samples[moved..end].iter_mut().for_each(|sample| sample.offset = offset as i32);
            moved = end;
        }
        let (mut timed, mut last) = (0usize, 0);
        for run in times {
            let end = self.samples.len().min(timed.saturating_add(run.count as usize));
            for sample in &mut self.samples[timed..end] {
                sample.duration = run.ticks;
                last = run.ticks;
            }
            timed = end;
        }
        if moved <= timed {
            self.samples[timed..].iter_mut().for_each(|sample| sample.duration = last);
        }
        let mut decoded = 0i64;
        for sample in &mut self.samples {
            sample.decoded = decoded;
            decoded = decoded.saturating_add(sample.duration.into());
        }
    }

    /// Without a table every sample is a key frame; with an empty one only the first is.
    fn put_keys(&mut self, tables: &Tables<'_>) {
        let number_of = |entry: &[u8]| number(entry);
        let mut keys = entries(tables.keys.unwrap_or_default(), 4).map(number_of).peekable();
        let mut partial = entries(tables.partial_keys, 4).map(number_of).peekable();
        let groups = entries(tables.groups, 8).map(words::<2>);
        let mut groups = groups.flat_map(|[count, index]| std::iter::repeat_n(index > 0, count as usize));
        let (has_table, has_partial) = (tables.keys.is_some(), partial.peek().is_some());
        let has_keys = keys.peek().is_some();
        let has_groups = !is_empty(tables.groups);
        // Numbers are counted from 1, by some writers from 0.
        let from = u64::from(
            keys.peek().is_some_and(|&first| first > 0) || partial.peek().is_some_and(|&first| first > 0),
        );
        for (at, sample) in self.samples.iter_mut().enumerate() {
            let number = at as u64 + from;
            let listed = keys.next_if_eq(&number).is_some();
            let listed = listed || partial.next_if_eq(&number).is_some();
            let grouped = groups.next().unwrap_or(false);
            let first = has_table && !has_keys && !has_partial && !has_groups && at == 0;
            sample.key = !has_table || listed || grouped || first;
        }
    }
}

/// The sizes of samples: each its own, or all the same.
struct Sizes<'a> {
    count: usize,
    same: u32,
    /// Bits of a size.
    bits: usize,
    sizes: &'a [u8],
}

impl<'a> Sizes<'a> {
    fn of(table: Option<(bool, &'a [u8])>, file_bytes: u64) -> Result<Self, VideoError> {
        let none = Self { count: 0, same: 0, bits: 32, sizes: &[] };
        let Some((is_compact, table)) = table else { return Ok(none) };
        let mut fields = Fields(table);
        let (Some(size), Some(count)) = (fields.word(), fields.word()) else { return Ok(none) };
        let (same, bits) = if is_compact { (0, (size & 0xff) as usize) } else { (size, 32) };
        if !matches!(bits, 4 | 8 | 16 | 32) {
            return Err(damaged(format!("its table of sizes (stz2) has numbers of {bits} bits")));
        }
        if same > MOST_BYTES {
            return Err(damaged(format!("its samples are said to have {same} bytes each")));
        }
        let count = check_count(count.into(), file_bytes)?;
        if same == 0 && (fields.0.len() as u64) < (count as u64 * bits as u64).div_ceil(8) {
            return Err(damaged("its table of sizes (stsz) is shorter than it says"));
        }
        Ok(Self { count, same, bits, sizes: fields.0 })
    }

    fn get(&self, at: usize) -> Option<u32> {
        if at >= self.count {
            return None;
        }
        if self.same > 0 {
            return Some(self.same);
        }
        let bytes = self.bits / 8;
        if bytes == 0 {
            let both = *self.sizes.get(at / 2)?;
            return Some(u32::from(if at.is_multiple_of(2) { both >> 4 } else { both & 15 }));
        }
        self.sizes.get(at * bytes..(at + 1) * bytes).map(|size| number(size) as u32)
    }
}

/// Bytes of one sample, above which FFmpeg ends the index.
const MOST_BYTES: u32 = 0x3fff_ffff;

/// From chunk `first` on, chunks have `count` samples of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ChunkRun {
    first: u32,
    count: u32,
    description: u32,
}

/// The runs of an `stsc` table; those that cannot be are mended as FFmpeg mends them, from the last to the first.
fn runs_of_chunks(table: &[u8]) -> Vec<ChunkRun> {
    // These are signed numbers; a negative one is no chunk.
    let run = |[first, count, description]: [u32; 3]| {
        let first = u32::try_from(first as i32).unwrap_or(0);
        ChunkRun { first, count, description }
    };
    let mut runs: Vec<_> = entries(table, 12).map(|entry| run(words(entry))).collect();
    for at in (0..runs.len()).rev() {
        let ChunkRun { first, count, description } = runs[at];
        let least = at as u32 + 1;
        let before = at.checked_sub(1).map(|before| runs[before].first);
        let behind = runs.get(at + 1).copied();
        let is_in_order = before.is_none_or(|before| before < first)
            && behind.is_none_or(|behind| first < behind.first)
            && first >= least;
        if is_in_order && count as i32 >= 1 && description as i32 >= 1 {
            continue;
        }
        match behind {
            Some(next) => runs[at] = ChunkRun { first: next.first.saturating_sub(1), ..next },
            None if count == 0 && at > 0 => {
                runs.pop();
            }
            None => {
                let first = first.max(least);
                let first =
                    before.filter(|&before| first <= before).map_or(first, |before| before.saturating_add(1));
                let positive = |number: u32| (number as i32).max(1) as u32;
                runs[at] = ChunkRun { first, count: positive(count), description: positive(description) };
            }
        }
    }
    runs
}

/// `count` samples that last for some ticks each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimeRun {
    count: u32,
    ticks: u32,
}

/// Durations above this are negative numbers by which a writer goes back: half an hour of ticks, as FFmpeg has it.
const MOST_TICKS: u32 = u32::MAX - 48_000 * 10;

/// The runs of an `stts` table. Those that go back are taken out of the ones behind.
fn durations(table: &[u8]) -> Vec<TimeRun> {
    let (mut reached, mut meant) = (0i64, 0i64);
    let run = |entry: &[u8]| {
        let [count, stated] = words(entry);
        let samples = i64::from(count);
        let is_back = stated > MOST_TICKS;
        let mut ticks = if is_back { 1 } else { stated };
        let step = if is_back { i64::from(stated as i32) } else { stated.into() };
        meant = meant.saturating_add(step.saturating_mul(samples));
        reached = reached.saturating_add(i64::from(ticks).saturating_mul(samples));
        if reached > meant {
            let drift = reached.saturating_sub(meant) / samples.max(1);
            let surplus = if i64::from(ticks) > drift { drift as u32 } else { ticks.saturating_sub(1) };
            reached -= i64::from(surplus) * samples;
            ticks -= surplus;
        }
        TimeRun { count, ticks }
    };
    entries(table, 8).map(run).collect()
}
