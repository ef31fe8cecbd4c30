//! Matroska files made in tests: elements, blocks, and whole films of packets.

use super::ids;

/// An element with a size of eight bytes, so that no size is special.
pub(crate) fn element(id: u32, body: &[u8]) -> Vec<u8> {
    [&identifier(id)[..], &(1 << 56 | body.len() as u64).to_be_bytes(), body].concat()
}

/// An element of unknown size.
pub(crate) fn endless(id: u32, body: &[u8]) -> Vec<u8> {
    [&identifier(id)[..], &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], body].concat()
}

/// An element with a size of one byte.
pub(crate) fn short(id: u32, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 127);
    [&identifier(id)[..], &[0x80 | body.len() as u8], body].concat()
}

fn identifier(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect()
}

/// An element with a number.
pub(crate) fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// An element with a number of floating point.
pub(crate) fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// The bytes of a block of track 1, with its flags: 0x80 a key frame, 2 Xiph lacing, 4 fixed, 6 EBML.
pub(crate) fn block(time: i16, flags: u8, frames: &[u8]) -> Vec<u8> {
    [&[0x81][..], &time.to_be_bytes(), &[flags], frames].concat()
}

/// Frames in one block, their lengths written as Xiph does.
pub(crate) fn xiph(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut laced = vec![frames.len() as u8 - 1];
    for frame in &frames[..frames.len() - 1] {
        laced.extend(vec![255; frame.len() / 255]);
        laced.push((frame.len() % 255) as u8);
    }
    [laced, frames.concat()].concat()
}

/// Frames in one block, their lengths written as differences.
pub(crate) fn differences(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut laced = vec![frames.len() as u8 - 1];
    let lengths: Vec<i64> = frames.iter().map(|frame| frame.len() as i64).collect();
    laced.extend((1 << 28 | lengths[0] as u32).to_be_bytes());
    for pair in lengths[..frames.len() - 1].windows(2) {
        let biased = pair[1] - pair[0] + (1 << 27) - 1;
        laced.extend((1 << 28 | biased as u32).to_be_bytes());
    }
    [laced, frames.concat()].concat()
}

/// A frame of a film: its time in milliseconds, whether it is a key frame, its bytes.
pub(crate) type Frame = (i64, bool, Vec<u8>);

/// A film to be written.
#[derive(Clone, Debug)]
pub(crate) struct Film {
    pub codec: String,
    pub setup: Vec<u8>,
    pub size: (u64, u64),
    pub frames: Vec<Frame>,
    /// Further elements of the track's description of video, and of the track.
    pub video: Vec<u8>,
    pub track: Vec<u8>,
}

impl Film {
    /// The header of the file.
    pub(crate) fn header() -> Vec<u8> {
        let doc_type = element(0x4282, b"matroska");
        element(ids::EBML, &[number(ids::EBML_READ_VERSION, 1), doc_type].concat())
    }

    /// The scale of the times.
    pub(crate) fn info() -> Vec<u8> {
        element(ids::INFO, &number(ids::TIMESTAMP_SCALE, 1_000_000))
    }

    /// The track, of number 1.
    pub(crate) fn tracks(&self) -> Vec<u8> {
        let video = [
            number(ids::PIXEL_WIDTH, self.size.0),
            number(ids::PIXEL_HEIGHT, self.size.1),
            self.video.clone(),
        ];
        let entry = [
            number(ids::TRACK_NUMBER, 1),
            number(ids::TRACK_TYPE, 1),
            element(ids::CODEC_ID, self.codec.as_bytes()),
            element(ids::CODEC_PRIVATE, &self.setup),
            element(ids::VIDEO, &video.concat()),
            self.track.clone(),
        ];
        element(ids::TRACKS, &element(ids::TRACK_ENTRY, &entry.concat()))
    }

    /// The frames by clusters of up to 20, each a simple block.
    pub(crate) fn clusters(&self) -> Vec<Vec<u8>> {
        let cluster = |frames: &[Frame]| {
            let start = frames[0].0;
            let simple = |(time, key, frame): &Frame| {
                let flags = if *key { 0x80 } else { 0 };
                element(ids::SIMPLE_BLOCK, &block((time - start) as i16, flags, frame))
            };
            let blocks: Vec<_> = frames.iter().flat_map(simple).collect();
            [number(ids::TIMESTAMP, start as u64), blocks].concat()
        };
        self.frames.chunks(20).map(cluster).collect()
    }

    /// The whole file.
    pub(crate) fn file(&self) -> Vec<u8> {
        let clusters = self.clusters().iter().flat_map(|body| element(ids::CLUSTER, body)).collect();
        self.file_of(clusters)
    }

    /// The whole file with other clusters.
    pub(crate) fn file_of(&self, clusters: Vec<u8>) -> Vec<u8> {
        let segment = [Self::info(), self.tracks(), clusters].concat();
        [Self::header(), element(ids::SEGMENT, &segment)].concat()
    }
}
