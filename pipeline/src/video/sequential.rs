//! Frames of one video for calls that may follow each other: each goes on decoding where the last one stopped.
//!
//! A decoder gives frames later than their packets, since some packets are shown before others that they need. At the end of a
//! decode it is drained, and then cannot go on. Here it is left as it stands instead, once it looks as if calls follow each other:
//! packets behind those of the plan are sent until the last wanted frame is there, and the next call sends what then
//! comes ([`position`](super::position)). Frames that came beyond the last wanted one are kept for it.
//!
//! Whatever goes wrong on this way, be it damage behind the wanted frames, is tried the plain way
//! ([`VideoReader::decode_each`]), whose pictures, or error, are the answer.

use super::{
    OpenVideo, VideoReader,
    position::Position,
    reader::{check_start, distinct, whole},
};
use crate::{
    FrameRank, PacketNumber,
    codec::Start,
    decode::{Extent, Joined, Keep, Naming, Request, Stay, Stop, TimeLimit, Work, decoder::Decoder},
    demux,
    error::VideoError,
    picture::Picture,
    plan::{self, OutputIndex, PacketFact, PacketRun, order::IndexMode},
};

/// Packets that are sent at most so that a frame comes out: twice the 16 frames that codecs may hold back, as fields.
const MOST_AHEAD: usize = 64;

/// Pictures that are kept at most because they came out together with the last wanted one.
const MOST_SPARE: u32 = 32;

/// A video that is open, and the decoder for its frames.
#[doc(alias = "VideoDecoder")]
#[derive(Debug)]
pub struct SequentialReader {
    reader: VideoReader,
    video: OpenVideo,
    /// The last frame that the last call wanted.
    ended: Option<OutputIndex>,
    standing: Option<Standing>,
    /// Pictures that came beyond the last wanted one, rising.
    spare: Vec<(OutputIndex, Picture)>,
}

/// A decoder that can go on.
#[derive(Debug)]
struct Standing {
    decoder: Decoder,
    position: Position,
}

/// What is sent to a decoder for a call.
struct Route {
    runs: Vec<PacketRun>,
    /// Where the decoder stands before the last run.
    from: Position,
    /// Packets behind the last run.
    ahead: Vec<PacketNumber>,
    goes_on: bool,
    /// Whether the decoder is left standing.
    stays: bool,
}

impl SequentialReader {
    /// Frames of `video` by `reader`, which opened it.
    pub fn new(reader: VideoReader, video: OpenVideo) -> Self {
        Self { reader, video, ended: None, standing: None, spare: Vec::new() }
    }

    /// The same reader, whose decodes end with an error of the system when `stop` says so.
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.reader = self.reader.with_stop(stop);
        self
    }

    /// The video.
    pub fn video(&self) -> &OpenVideo {
        &self.video
    }

    /// What its decoders have done so far.
    pub fn work(&self) -> Work {
        self.reader.work()
    }

    /// As [`VideoReader::decode`], which does not go on and cannot be gone on from.
    ///
    /// # Errors
    /// The same.
    pub fn decode(&mut self, wanted: &[FrameRank]) -> Result<Vec<(FrameRank, Picture)>, VideoError> {
        self.let_go();
        self.reader.decode(&self.video, wanted)
    }

    /// As [`VideoReader::decode_each`], and goes on where the last call stopped if that takes fewer packets.
    ///
    /// # Errors
    /// The same.
    pub fn decode_each(
        &mut self,
        wanted: &[FrameRank],
        mut each: impl FnMut(FrameRank, Picture),
    ) -> Result<(), VideoError> {
        let ranks = distinct(wanted);
        let Some(&last) = ranks.last() else { return Ok(()) };
        let can_go_on = !self.is_elsewhere() && !self.reader.verifies(&self.video);
        let gave_all = can_go_on && last.0 < self.video.facts.frames && {
            // Why it did not is said by what is done then.
            self.decode_on(&ranks, &mut each).unwrap_or(false)
        };
        if !gave_all {
            self.let_go();
            self.reader.decode_each(&self.video, &ranks, each)?;
        }
        self.ended = Some(self.video.place_of(last));
        Ok(())
    }

    /// Whether another process has the video.
    fn is_elsewhere(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.video.in_child.is_some();
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Goes on no more: the decoder may be used for anything.
    fn let_go(&mut self) {
        if let Some(Standing { decoder, .. }) = self.standing.take() {
            self.reader.decoders.insert(self.video.codec, decoder);
        }
    }

    /// Decodes these frames, which exist, so that the next call may go on, where that looks useful. Says whether all of them
    /// were given.
    fn decode_on(
        &mut self,
        wanted: &[FrameRank],
        each: &mut impl FnMut(FrameRank, Picture),
    ) -> Result<bool, VideoError> {
        let (mut ranks, mut places) = (Vec::new(), Vec::new());
        for &rank in wanted {
            let place = self.video.place_of(rank);
            match self.spare(place) {
                Some(picture) => each(rank, picture),
                None => {
                    ranks.push(rank);
                    places.push(place);
                }
            }
        }
        let Some(&last) = places.last() else { return Ok(true) };
        let Some(route) = self.route(&places)? else { return Ok(false) };
        places.extend((1..=MOST_SPARE).map(|behind| OutputIndex(last.0.saturating_add(behind))));

        let (mut came, mut spare) = (vec![false; ranks.len()], Vec::new());
        let decoder = self.send(&route, &places, ranks.len(), &mut |at, picture| match ranks.get(at) {
            Some(&rank) => {
                came[at] = true;
                each(rank, picture);
            }
            None => spare.push((places[at], picture)),
        })?;
        if came.contains(&false) {
            return Ok(false);
        }
        let came = spare.last().map_or(last, |&(place, _)| place);
        self.spare = spare;
        match decoder.stands_at().filter(|_| route.stays) {
            Some(stands_at) => {
                let position = route.position(stands_at, &self.video.index, came);
                self.standing = Some(Standing { decoder, position });
            }
            None => drop(self.reader.decoders.insert(self.video.codec, decoder)),
        }
        Ok(true)
    }

    /// A picture that came beyond the last wanted one.
    fn spare(&self, place: OutputIndex) -> Option<Picture> {
        self.spare.iter().find(|(spare, _)| *spare == place).map(|(_, picture)| picture.clone())
    }

    /// What to send for the frames at `places`, which rise; nothing where it does not look as if the next call could go on.
    fn route(&self, places: &[OutputIndex]) -> Result<Option<Route>, VideoError> {
        let (video, position) = (&self.video, self.standing.as_ref().map(|standing| &standing.position));
        if video.mode() == IndexMode::Linear {
            let run = whole(video);
            check_start(video, std::slice::from_ref(&run), &[OutputIndex(0)])?;
            return Ok(Some(Route::by_counting(run, position.filter(|position| places[0] > position.came))));
        }
        let mut runs = plan::plan(&video.index, places, self.reader.skipping)
            .expect("every rank below the number of frames has its packet");
        check_start(video, &runs, places)?;
        let rest = position.and_then(|position| position.rest_of(&runs[0], &video.index, places));
        if rest.is_none() && !self.looks_followed(places, &runs) {
            return Ok(None);
        }
        let goes_on = rest.is_some();
        runs[0] = rest.unwrap_or_else(|| runs[0].clone());
        let from = match (position, runs.last().and_then(|run| run.send.first())) {
            (Some(position), _) if goes_on && runs.len() == 1 => position.clone(),
            (_, begins) => Position::before(begins.copied().unwrap_or(PacketNumber(0))),
        };
        let last = runs.last().and_then(|run| run.send.last().copied()).unwrap_or(from.last);
        let next = video.index.get(last.0 as usize + 1);
        // Nothing is gained by going on where decoding may begin anew.
        let stays = next.is_none_or(|next| next.start != Start::Closed);
        let ahead = plan::following(&video.index, from.start, last, MOST_AHEAD);
        Ok((goes_on || stays).then_some(Route { runs, from, ahead, goes_on, stays }))
    }

    /// Whether it looks as if the next call wants what comes behind these frames: this one wants what comes behind the last, or
    /// begins with the first frame.
    fn looks_followed(&self, places: &[OutputIndex], runs: &[PacketRun]) -> bool {
        let (first, index) = (places[0], &self.video.index);
        let Some(ended) = self.ended else {
            return places.len() > 1 && first == self.video.place_of(FrameRank(0));
        };
        // Farther on, but before decoding would begin anew.
        let is_near = || {
            let begins = runs.first().and_then(|run| run.send.first());
            let ended = index.iter().position(|packet| packet.place == Some(ended));
            ended.is_some_and(|ended| begins.is_some_and(|begins| begins.0 as usize <= ended))
        };
        first.0 == ended.0 + 1 || (first > ended && is_near())
    }

    /// Sends what is to be sent to the decoder, which then stands where it was left.
    fn send(
        &mut self,
        route: &Route,
        wanted: &[OutputIndex],
        needed: usize,
        keep: &mut Keep<'_>,
    ) -> Result<Decoder, VideoError> {
        let video = &self.video;
        // Taken out, and put back only when all went well: a decoder that failed is not used again.
        let before = self.standing.take().map(|standing| standing.decoder);
        let mut decoder = match before.or_else(|| self.reader.decoders.remove(&video.codec)) {
            Some(decoder) => decoder,
            None => Decoder::new(video.codec)?,
        };
        let naming = if video.mode() == IndexMode::Linear { Naming::Counting } else { Naming::ByPacket };
        let stay = route.stays.then_some(Stay { needed, ahead: &route.ahead });
        let joined = Joined { goes_on: route.goes_on, stay };
        let request = Request { runs: &route.runs, wanted, naming, extent: Extent::Wanted, joined };
        // However long it takes, as for others who take frames one by one.
        let (seconds, stop) = (u32::MAX, self.reader.stop.as_ref());
        let limit = TimeLimit { deadline: demux::deadline(seconds), seconds, stop };
        let decoded = decoder.decode(video.stream(), request, limit, &mut self.reader.work, keep);
        // Packets that could not be read are no damage.
        video.file.check()?;
        decoded.map(|()| decoder)
    }
}

impl Route {
    /// All packets, or those behind a position, until enough frames were counted.
    fn by_counting(mut run: PacketRun, position: Option<&Position>) -> Self {
        if let Some(position) = position {
            run.send.retain(|&packet| packet > position.last);
        }
        let (from, goes_on) = (Position::before(PacketNumber(0)), position.is_some());
        Self { runs: vec![run], from, ahead: Vec::new(), goes_on, stays: true }
    }

    /// Where the decoder stands that was sent its packets up to `stands_at`, the last frame of which was `came`.
    fn position(self, stands_at: PacketNumber, index: &[PacketFact], came: OutputIndex) -> Position {
        let Self { runs, from, ahead, .. } = self;
        let last = runs.into_iter().next_back().map(|run| run.send).unwrap_or_default();
        from.after(last.into_iter().chain(ahead).filter(|&packet| packet <= stands_at), index, came)
    }
}
