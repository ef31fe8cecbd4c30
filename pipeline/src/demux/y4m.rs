//! YUV4MPEG2 (`.y4m`): pictures without compression, each behind a line that begins with `FRAME`.
//!
//! ```text
//! YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED ⏎
//! FRAME ⏎ planes │ FRAME ⏎ planes │ …
//! ```

use gstreamer as gst;

use super::{Body, Demuxed, Packet, allowance::Allowance, description::for_decoder};
use crate::{
    StreamTime,
    codec::{Codec, bits::Framing},
    error::VideoError,
    file::{Container, FileBytes},
    picture::{Layout, Sampling},
    plan::order::Stamp,
};

/// Bytes of a line, at most: of the first, and of those before pictures.
const LINE: u64 = 256;
const FRAME_LINE: u64 = 80;

/// GStreamer's format for a word of colour. The first that the word begins with counts, as in FFmpeg.
const FORMATS: [(&str, &str); 16] = [
    ("420jpeg", "I420"),
    ("420mpeg2", "I420"),
    ("420paldv", "I420"),
    ("420p10", "I420_10LE"),
    ("422p10", "I422_10LE"),
    ("444p10", "Y444_10LE"),
    ("420p12", "I420_12LE"),
    ("422p12", "I422_12LE"),
    ("444p12", "Y444_12LE"),
    ("mono10", "GRAY10_LE16"),
    ("mono16", "GRAY16_LE"),
    ("420", "I420"),
    ("411", "Y41B"),
    ("422", "Y42B"),
    ("444", "Y444"),
    ("mono", "GRAY8"),
];

/// Words that begin as others do and mean another format.
const OTHERS: [&str; 11] = [
    "420p9", "422p9", "444p9", "420p14", "422p14", "444p14", "420p16", "422p16", "444p16", "444alpha",
    "mono12",
];

/// What the first line says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    width: u32,
    height: u32,
    /// Frames a second, as a fraction.
    rate: (u32, u32),
    format: &'static str,
    is_full: bool,
}

impl Head {
    fn read(line: &str) -> Result<Self, VideoError> {
        let damaged = || damaged("its first line is none of this format");
        let mut head = Self { width: 0, height: 0, rate: (25, 1), format: "I420", is_full: false };
        for word in line.split(' ').skip(1) {
            let rest = word.get(1..).unwrap_or_default();
            let number = || rest.parse().map_err(|_| damaged());
            match word.as_bytes().first() {
                Some(b'W') => head.width = number()?,
                Some(b'H') => head.height = number()?,
                Some(b'F') => {
                    let rate =
                        rest.split_once(':').and_then(|(up, down)| up.parse().ok().zip(down.parse().ok()));
                    head.rate = rate.filter(|&(up, down)| up > 0 && down > 0).unwrap_or((25, 1));
                }
                Some(b'C') => head.format = format(rest)?,
                Some(b'X') => head.is_full |= rest == "COLORRANGE=FULL",
                _ => {}
            }
        }
        let sides = [head.width, head.height];
        if sides.iter().all(|side| (1..=MOST_SIDE).contains(side)) { Ok(head) } else { Err(damaged()) }
    }

    /// Bytes of a picture.
    fn bytes(&self) -> u64 {
        let Some(Layout { colour, bits }) = Layout::named(self.format) else { return 0 };
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let (across, down) = colour.chroma_shift();
        let chroma = if colour == Sampling::Grey {
            0
        } else {
            2 * width.div_ceil(1 << across) * height.div_ceil(1 << down)
        };
        (width * height + chroma) * if bits > 8 { 2 } else { 1 }
    }

    fn caps(&self) -> gst::Caps {
        let colour = self.is_full.then_some("1:0:0:0");
        gst::Caps::builder("video/x-raw")
            .field("format", self.format)
            .field("width", self.width as i32)
            .field("height", self.height as i32)
            .field_if_some("colorimetry", colour)
            .build()
    }
}

/// Columns or rows, at most; a side of this many is refused by its pixels.
const MOST_SIDE: u32 = 1 << 16;

/// GStreamer's format of a word of colour.
fn format(word: &str) -> Result<&'static str, VideoError> {
    let is_other = OTHERS.iter().any(|other| word.starts_with(other));
    let found = FORMATS.iter().find(|(beginning, _)| !is_other && word.starts_with(beginning));
    found.map(|(_, format)| *format).ok_or_else(|| VideoError::UnknownFormat { format: word.to_owned() })
}

/// Takes the pictures of a file apart.
pub(super) fn demux(file: &FileBytes) -> Result<Demuxed, VideoError> {
    let first = line(file, 0, LINE)?;
    let mut at = first.len() as u64 + 1;
    let head = Head::read(&first)?;
    let length = u32::try_from(head.bytes()).map_err(|_| damaged("its pictures are too large"))?;
    let mut allowance = Allowance::of(file.length());
    let mut packets = Vec::new();
    while at < file.length() {
        let before = line(file, at, FRAME_LINE)?;
        if !before.starts_with("FRAME") {
            return Err(damaged(&format!("no picture begins at byte {at}")));
        }
        let place = at + before.len() as u64 + 1;
        at = place + u64::from(length);
        if at > file.length() {
            return Err(VideoError::Truncated { reason: "it ends within a picture".to_owned() });
        }
        let too_much = |what| damaged(&format!("{what} would take much more memory than the file has bytes"));
        allowance.take(length.into()).map_err(too_much)?;
        let stamp = stamp(packets.len() as u64, head.rate);
        packets.push(Packet { body: Body::OnDisk { place, length }, stamp, key: true });
    }
    if packets.is_empty() {
        return Err(VideoError::NoVideoStream { container: Container::Y4m.name() });
    }
    let (framing, caps) = (Framing::StartCodes, for_decoder(Codec::Raw, &head.caps()));
    let (orientation, turns) = Default::default();
    Ok(Demuxed { codec: Codec::Raw, framing, caps, packets, orientation, turns })
}

/// The times of a picture.
fn stamp(number: u64, (up, down): (u32, u32)) -> Stamp {
    let time = |number: u64| {
        let nanoseconds = u128::from(number) * u128::from(down) * 1_000_000_000 / u128::from(up);
        i64::try_from(nanoseconds).ok()
    };
    let pts = time(number).map(StreamTime);
    let duration = time(number + 1).zip(time(number)).map(|(end, begin)| end - begin);
    Stamp { pts, dts: pts, duration, ..Stamp::default() }
}

/// The line that begins at `at`, without its end.
fn line(file: &FileBytes, at: u64, most: u64) -> Result<String, VideoError> {
    let bytes = file.slice(at..at + most);
    let bytes = bytes.as_ref();
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let cut = || VideoError::Truncated { reason: "it ends within a line".to_owned() };
    let end = match end {
        Some(end) => end,
        None if (bytes.len() as u64) < most => return Err(cut()),
        None => return Err(damaged(&format!("the line at byte {at} does not end"))),
    };
    let line = std::str::from_utf8(&bytes[..end]);
    line.map(str::to_owned).map_err(|_| damaged(&format!("no line stands at byte {at}")))
}

fn damaged(reason: &str) -> VideoError {
    VideoError::ContainerDamaged { container: Container::Y4m.name(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demuxed(bytes: &[u8]) -> Result<Demuxed, VideoError> {
        gst::init().unwrap();
        demux(&FileBytes::none().shown_as(bytes.to_vec()))
    }

    #[test]
    fn pictures_have_their_places_and_times() {
        let whole = b"YUV4MPEG2 W2 H2 F50:2 C420jpeg\nFRAME\n123456FRAME Ip\n123456";
        let found = demuxed(whole).unwrap();
        let packets: Vec<_> = found.packets.iter().map(|packet| (packet.place(), packet.stamp.pts)).collect();
        assert_eq!(
            packets,
            [(Some(37..43), Some(StreamTime(0))), (Some(52..58), Some(StreamTime(40_000_000)))]
        );
        for length in 0..whole.len() {
            let found = demuxed(&whole[..length]);
            assert_eq!(found.is_ok(), length == 43, "{length}");
        }
        assert!(demuxed(b"YUV4MPEG2 W2 H2\nFRAME\n123456FRAMX\n123456").is_err());
    }

    #[test]
    fn the_first_line_says_size_rate_and_format() {
        let read = |line: &str| Head::read(line).ok().map(|head| (head.format, head.bytes(), head.is_full));
        assert_eq!(read("YUV4MPEG2 W3 H3 Cmono"), Some(("GRAY8", 9, false)));
        assert_eq!(read("YUV4MPEG2 W3 H3 C420p10 XCOLORRANGE=FULL"), Some(("I420_10LE", 34, true)));
        assert_eq!(read("YUV4MPEG2 W3 H3"), Some(("I420", 17, false)));
        for line in
            ["YUV4MPEG2 W3", "YUV4MPEG2 W3 H0", "YUV4MPEG2 W3 H3 C444alpha", "YUV4MPEG2 W3 H3 C420p16"]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
