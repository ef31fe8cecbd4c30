//! Fragments of a movie (`moof`, ISO 14496-12, 8.8): samples that follow those of the tables.
//!
//! ```text
//! moov            mvex: trex          defaults of a track
//! moof  traf      tfhd, tfdt, trun…   the defaults here, when it begins, runs of samples
//! mdat
//! ```
//!
//! As FFmpeg does it: a fragment begins at its `tfdt`, else at the time that `sidx` states for it, else behind what
//! came before; and what does not begin behind the sample before its run is decoded and not presented.

use std::{collections::BTreeMap, ops::Range};

use super::{
    boxes::{Child, Fields, children},
    clock::Clock,
    fault::damaged,
    layout::{self, Layout},
    samples::{Sample, check_count},
};
use crate::{error::VideoError, file::FileBytes};

/// What a movie says of the fragments of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    entry: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

impl Defaults {
    /// Those of the tracks of a movie, by their numbers, in the body of its `moov` box.
    pub fn of(movie: &[u8]) -> BTreeMap<u32, Self> {
        let extends = children(movie).filter(|child| child.kind == *b"mvex");
        let all = extends.flat_map(|extends| children(extends.body)).filter(|child| child.kind == *b"trex");
        let read = |body| {
            let mut fields = Fields(body);
            fields.version()?;
            let track = fields.word()?;
            let defaults = Self {
                entry: fields.word()?,
                duration: fields.word()?,
                size: fields.word()?,
                flags: fields.word()?,
            };
            Some((track, defaults))
        };
        let mut first = BTreeMap::new();
        for (track, defaults) in all.filter_map(|child| read(child.body)) {
            first.entry(track).or_insert(defaults);
        }
        first
    }
}

/// Flags of `tfhd`.
mod header {
    pub const BASE: u32 = 1;
    pub const ENTRY: u32 = 2;
    pub const DURATION: u32 = 8;
    pub const SIZE: u32 = 0x10;
    pub const FLAGS: u32 = 0x20;
    pub const BASE_IS_FRAGMENT: u32 = 0x2_0000;
}

/// Flags of `trun`.
mod run {
    pub const PLACE: u32 = 1;
    pub const FIRST_FLAGS: u32 = 4;
    pub const DURATION: u32 = 0x100;
    pub const SIZE: u32 = 0x200;
    pub const FLAGS: u32 = 0x400;
    pub const OFFSET: u32 = 0x800;
}

/// A sample that is no sync sample, or depends on others (8.8.3.1).
const NO_KEY: u32 = 0x0001_0000 | 0x0100_0000;

/// Collects the samples of one track from fragments in the order of the file.
#[derive(Debug)]
pub(super) struct Collector<'a> {
    track: u32,
    defaults: &'a BTreeMap<u32, Defaults>,
    /// Sample entries of the track.
    descriptions: u16,
    /// Ticks that the edit list begins later than the track.
    begins: i64,
    /// The tick behind the samples so far.
    end: i64,
    /// When the last sample before a run is decoded.
    before: Option<i64>,
    /// Bytes of the file.
    file_bytes: u64,
    /// Where the fragments of a `sidx` begin, and at which tick.
    stated: BTreeMap<u64, i64>,
    clock: &'a Clock,
    pub samples: Vec<Sample>,
    /// A run moves presentation away from decoding.
    pub reorders: bool,
}

impl<'a> Collector<'a> {
    /// A collector of fragments of `track` behind samples that end at tick `end`, the last of them being decoded
    /// at `before`.
    pub fn new(
        track: u32,
        defaults: &'a BTreeMap<u32, Defaults>,
        descriptions: u16,
        begins: i64,
        (before, end): (Option<i64>, i64),
        file_bytes: u64,
        clock: &'a Clock,
    ) -> Self {
        let (stated, samples) = Default::default();
        Self {
            track,
            defaults,
            descriptions,
            begins,
            end,
            before,
            file_bytes,
            stated,
            clock,
            samples,
            reorders: false,
        }
    }

    /// Takes in all fragments of a file; the track has `scale` ticks a second.
    pub fn collect(&mut self, file: &FileBytes, layout: &Layout, scale: u32) -> Result<(), VideoError> {
        for index in &layout.indices {
            let body = layout::read(file, index.clone())?;
            self.clock.count(body.as_ref().len() / 12)?;
            // One that cannot be read says nothing.
            let _ = self.note_index(body.as_ref(), index.end, scale, layout);
        }
        for fragment in &layout.fragments {
            self.clock.tick()?;
            if fragment.end > file.length() {
                return Err(VideoError::Truncated {
                    reason: format!("the file ends within the fragment at byte {}", fragment.start),
                });
            }
            let bytes = layout::read(file, fragment.clone())?;
            self.fragment(bytes.as_ref(), fragment.start)?;
        }
        // Only now, since times run on over samples of descriptions that there are none of.
        let descriptions = self.descriptions;
        self.samples.retain(|sample| sample.entry < descriptions);
        Ok(())
    }

    /// Notes when fragments begin by the body of a `sidx` box that ends at `end`.
    fn note_index(&mut self, body: &[u8], end: u64, scale: u32, layout: &Layout) -> Option<()> {
        let mut fields = Fields(body);
        let (version, _) = fields.version()?;
        let (track, index_scale) = (fields.word()?, fields.word()?);
        if version > 1 || track != self.track || index_scale == 0 {
            return None;
        }
        let (mut tick, first) = (fields.sized(version)?, fields.sized(version)?);
        let mut place = end.checked_add(first)?;
        fields.skip(2)?;
        for _ in 0..fields.short()? {
            let (size, duration) = (fields.word()?, fields.word()?);
            fields.skip(4)?;
            if size >> 31 == 1 {
                // It leads to another index.
                return None;
            }
            let scaled = u128::from(tick) * u128::from(scale) + u128::from(index_scale / 2);
            let tick_of_track = i64::try_from(scaled / u128::from(index_scale)).ok()?;
            // Only what is said of a fragment is kept: boxes may say it of anything.
            if layout.fragments.binary_search_by_key(&place, |fragment| fragment.start).is_ok() {
                self.stated.insert(place, tick_of_track);
            }
            place = place.checked_add(size.into())?;
            tick = tick.checked_add(duration.into())?;
        }
        Some(())
    }

    /// Takes in a `moof` box with its header, which begins at byte `place`.
    pub fn fragment(&mut self, fragment: &[u8], place: u64) -> Result<(), VideoError> {
        let mut state = Fragment { place, implicit: place, begins: None, next: None };
        let body = children(fragment).next().map_or(&[][..], |fragment| fragment.body);
        self.clock.count(fragment.len() / 16)?;
        for track in children(body).filter(|child| child.kind == *b"traf") {
            self.track(track.body, &mut state)
                .ok_or_else(|| damaged(format!("the fragment at byte {place} is broken")))??;
        }
        Ok(())
    }

    /// Takes in the body of a `traf` box. Nothing where a box is too short.
    fn track(&mut self, track: &[u8], state: &mut Fragment) -> Option<Result<(), VideoError>> {
        let mut head = None;
        for Child { kind, body, .. } in children(track) {
            let mut fields = Fields(body);
            match &kind {
                b"tfhd" => {
                    head = Some(Head::read(&mut fields, self.defaults, state)?);
                    state.next = None;
                }
                b"tfdt" if self.is_meant(head.as_ref()) => {
                    let (version, _) = fields.version()?;
                    let version = version.min(1);
                    state.begins = Some(fields.sized(version)? as i64);
                }
                b"trun" => {
                    let head = head.as_mut()?;
                    let samples = match self.run(&mut fields, head, state)? {
                        Ok(samples) => samples,
                        Err(error) => return Some(Err(error)),
                    };
                    // Data of tracks follow each other, whose ever they are.
                    state.implicit = samples.end;
                    head.place = samples.end;
                }
                _ => {}
            }
        }
        Some(Ok(()))
    }

    /// Whether a track fragment is one of this track's samples.
    fn is_meant(&self, head: Option<&Head>) -> bool {
        head.is_some_and(|head| head.track == self.track)
    }

    /// Checks a sample of the film before it is taken in.
    fn check_sample(&self, length: u32, fragment: u64) -> Result<(), VideoError> {
        self.clock.tick()?;
        match length {
            0 => Err(damaged(format!("a sample of the fragment at byte {fragment} is empty"))),
            _ => Ok(()),
        }
    }

    /// Takes in a run of samples and gives where their data lie; those of other tracks are only measured.
    fn run(
        &mut self,
        fields: &mut Fields<'_>,
        head: &Head,
        state: &mut Fragment,
    ) -> Option<Result<Range<u64>, VideoError>> {
        let (_, flags) = fields.version()?;
        let count = fields.word()?;
        let mut place = head.place;
        if flags & run::PLACE > 0 {
            place = head.base.checked_add_signed(fields.signed()?.into())?;
        }
        let first_flags = if flags & run::FIRST_FLAGS > 0 { fields.word()? } else { head.flags };
        let (start, is_meant) = (place, self.is_meant(Some(head)));
        if is_meant {
            let all = u64::from(count) + self.samples.len() as u64;
            if let Err(error) = check_count(all, self.file_bytes) {
                return Some(Err(error));
            }
            self.reorders |= flags & run::OFFSET > 0;
        }
        let stated = || self.stated.get(&state.place).copied();
        let begins = state.next.or(state.begins).or_else(stated).unwrap_or(self.end);
        let mut decoded = begins.saturating_sub(self.begins);
        let optional = |fields: &mut Fields<'_>, flag, usual| {
            if flags & flag > 0 { fields.word() } else { Some(usual) }
        };
        // A run without any field of its own repeats its defaults, which a count may not do without end.
        if !is_meant && flags & (run::DURATION | run::SIZE | run::FLAGS | run::OFFSET) == 0 {
            return Some(Ok(start..start.checked_add(u64::from(count) * u64::from(head.size))?));
        }
        for at in 0..count {
            let duration = optional(fields, run::DURATION, head.duration)?;
            let length = optional(fields, run::SIZE, head.size)?;
            let flags_of_sample =
                optional(fields, run::FLAGS, if at == 0 { first_flags } else { head.flags })?;
            let offset = optional(fields, run::OFFSET, 0)? as i32;
            if is_meant {
                if let Err(error) = self.check_sample(length, state.place) {
                    return Some(Err(error));
                }
                let key = flags_of_sample & NO_KEY == 0;
                let discarded = self.before.is_some_and(|before| before >= decoded);
                let entry = u16::try_from(head.entry.checked_sub(1)?).unwrap_or(u16::MAX);
                self.samples.push(Sample { place, length, duration, decoded, offset, key, discarded, entry });
            }
            decoded = decoded.saturating_add(duration.into());
            place = place.checked_add(length.into())?;
        }
        if is_meant && count > 0 {
            self.before = self.samples.last().map(|sample| sample.decoded);
            self.end = decoded.saturating_add(self.begins);
            state.next = Some(self.end);
        }
        Some(Ok(start..place))
    }
}

/// What is known of a fragment while it is read.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    place: u64,
    /// Where data are that no offset is stated for.
    implicit: u64,
    /// When it begins, by its `tfdt`.
    begins: Option<i64>,
    /// When its next run begins.
    next: Option<i64>,
}

/// What a `tfhd` box says.
#[derive(Clone, Copy, Debug)]
struct Head {
    track: u32,
    /// What offsets of data count from.
    base: u64,
    /// Where the data of a run without an offset begin.
    place: u64,
    entry: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

impl Head {
    fn read(fields: &mut Fields<'_>, defaults: &BTreeMap<u32, Defaults>, state: &Fragment) -> Option<Self> {
        let (_, flags) = fields.version()?;
        let track = fields.word()?;
        // Nothing is said of a track that is not among them.
        let defaults = defaults.get(&track).copied().unwrap_or_default();
        let base = match flags {
            flags if flags & header::BASE > 0 => fields.long()?,
            flags if flags & header::BASE_IS_FRAGMENT > 0 => state.place,
            _ => state.implicit,
        };
        let mut optional = |flag, usual| if flags & flag > 0 { fields.word() } else { Some(usual) };
        Some(Self {
            track,
            base,
            place: base,
            entry: optional(header::ENTRY, defaults.entry)?,
            duration: optional(header::DURATION, defaults.duration)?,
            size: optional(header::SIZE, defaults.size)?,
            flags: optional(header::FLAGS, defaults.flags)?,
        })
    }
}
