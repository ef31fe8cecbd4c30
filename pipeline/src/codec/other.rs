//! Codecs that have no rules of their own here: libav's decoder gets all packets from the start, and what comes out is
//! counted.
//!
//! Nothing of their bitstreams is read, so nothing is left out and nothing is skipped to, but for codecs whose every
//! packet is a picture by itself.

use serde::{Deserialize, Serialize};

/// One of the codecs in `ROWS`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub struct OtherCodec(u8);

/// What is known of a codec.
struct Row {
    /// The name in manifests, which is FFmpeg's.
    name: &'static str,
    /// What people call it.
    known_as: &'static str,
    /// How GStreamer's demuxers describe a stream of it; none of these says more than they do.
    caps: &'static [&'static str],
    element: &'static str,
    /// Every packet is a picture by itself.
    alone: bool,
}

const fn row(
    name: &'static str,
    known_as: &'static str,
    element: &'static str,
    caps: &'static [&'static str],
) -> Row {
    Row { name, known_as, caps, element, alone: false }
}

/// A codec of pictures that need no others.
const fn alone(
    name: &'static str,
    known_as: &'static str,
    element: &'static str,
    caps: &'static [&'static str],
) -> Row {
    Row { name, known_as, caps, element, alone: true }
}

#[rustfmt::skip]
const ROWS: [Row; 45] = [
    row("h263", "H.263", "avdec_h263", &["video/x-h263"]),
    row("flv1", "Sorenson Spark", "avdec_flv", &["video/x-flash-video,flvversion=1"]),
    row("flashsv", "Flash Screen", "avdec_flashsv", &["video/x-flash-screen"]),
    row("flashsv2", "Flash Screen 2", "avdec_flashsv2", &["video/x-flash-screen2"]),
    row("vp3", "VP3", "avdec_vp3", &["video/x-vp3"]),
    row("vp5", "VP5", "avdec_vp5", &["video/x-vp5"]),
    row("vp6", "VP6", "avdec_vp6", &["video/x-vp6"]),
    row("vp6f", "VP6", "avdec_vp6f", &["video/x-vp6-flash"]),
    row("wmv1", "Windows Media Video 7", "avdec_wmv1", &["video/x-wmv,wmvversion=1"]),
    row("wmv2", "Windows Media Video 8", "avdec_wmv2", &["video/x-wmv,wmvversion=2"]),
    row("wmv3", "Windows Media Video 9", "avdec_wmv3", &["video/x-wmv,wmvversion=3,format=WMV3"]),
    row("vc1", "VC-1", "avdec_vc1", &["video/x-wmv,wmvversion=3,format={WVC1,WMVA}"]),
    row("msmpeg4v1", "Microsoft MPEG-4", "avdec_msmpeg4v1", &["video/x-msmpeg,msmpegversion=41"]),
    row("msmpeg4v2", "Microsoft MPEG-4", "avdec_msmpeg4v2", &["video/x-msmpeg,msmpegversion=42"]),
    row("msmpeg4v3", "Microsoft MPEG-4", "avdec_msmpeg4",
        &["video/x-msmpeg,msmpegversion=43", "video/x-divx,divxversion=3"]),
    row("rv10", "RealVideo", "avdec_rv10", &["video/x-pn-realvideo,rmversion=1"]),
    row("rv20", "RealVideo", "avdec_rv20", &["video/x-pn-realvideo,rmversion=2"]),
    row("rv30", "RealVideo", "avdec_rv30", &["video/x-pn-realvideo,rmversion=3"]),
    row("rv40", "RealVideo", "avdec_rv40", &["video/x-pn-realvideo,rmversion=4"]),
    row("svq1", "Sorenson Video", "avdec_svq1", &["video/x-svq,svqversion=1"]),
    row("svq3", "Sorenson Video", "avdec_svq3", &["video/x-svq,svqversion=3"]),
    row("cinepak", "Cinepak", "avdec_cinepak", &["video/x-cinepak"]),
    row("indeo2", "Indeo", "avdec_indeo2", &["video/x-indeo,indeoversion=2"]),
    row("indeo3", "Indeo", "avdec_indeo3", &["video/x-indeo,indeoversion=3"]),
    row("indeo4", "Indeo", "avdec_indeo4", &["video/x-indeo,indeoversion=4"]),
    row("indeo5", "Indeo", "avdec_indeo5", &["video/x-indeo,indeoversion=5"]),
    row("qtrle", "QuickTime Animation", "avdec_qtrle", &["video/x-rle,layout=quicktime"]),
    row("msrle", "run-length pictures", "avdec_msrle", &["video/x-rle,layout=microsoft"]),
    row("msvideo1", "Microsoft Video 1", "avdec_msvideo1", &["video/x-msvideocodec,msvideoversion=1"]),
    row("rpza", "Apple Video", "avdec_rpza", &["video/x-apple-video"]),
    row("zmbv", "Zip Motion Blocks", "avdec_zmbv", &["video/x-zmbv"]),
    row("cscd", "CamStudio", "avdec_camstudio", &["video/x-camstudio"]),
    row("tscc", "TechSmith", "avdec_camtasia", &["video/x-camtasia"]),
    // Frames that are no key frames go on with the statistics of the frames before.
    row("ffv1", "FFV1", "avdec_ffv1", &["video/x-ffv,ffvversion=1"]),
    alone("prores", "ProRes", "avdec_prores", &["video/x-prores,variant={proxy,lt,standard,hq}"]),
    alone("dnxhd", "DNxHD", "avdec_dnxhd", &["video/x-dnxhd"]),
    alone("cfhd", "CineForm", "avdec_cfhd", &["video/x-cineform"]),
    alone("aic", "Apple Intermediate", "avdec_aic", &["video/x-apple-intermediate-codec"]),
    alone("dvvideo", "DV", "avdec_dvvideo", &["video/x-dv"]),
    alone("huffyuv", "HuffYUV", "avdec_huffyuv", &["video/x-huffyuv"]),
    alone("ffvhuff", "HuffYUV", "avdec_ffvhuff", &["video/x-gst-av-ffvhuff"]),
    alone("lagarith", "Lagarith", "avdec_lagarith", &["video/x-lagarith"]),
    alone("asv1", "ASUS Video", "avdec_asv1", &["video/x-asus,asusversion=1"]),
    alone("asv2", "ASUS Video", "avdec_asv2", &["video/x-asus,asusversion=2"]),
    alone("jpeg2000", "JPEG 2000", "avdec_jpeg2000", &["image/x-j2c", "image/x-jpc", "image/jp2"]),
];

impl OtherCodec {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..ROWS.len() as u8).map(Self)
    }

    fn row(self) -> &'static Row {
        // The number is a row's: it comes from `all` alone.
        &ROWS[usize::from(self.0)]
    }

    /// The codec of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|codec| codec.name() == name)
    }

    /// How GStreamer's demuxers describe a stream of it; none of these says more than they do.
    pub fn caps(self) -> &'static [&'static str] {
        self.row().caps
    }

    /// The name in manifests, which is FFmpeg's.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What people call it.
    pub fn known_as(self) -> &'static str {
        self.row().known_as
    }

    /// The element that decodes it.
    pub fn element(self) -> &'static &'static str {
        &self.row().element
    }

    /// Whether every packet is a picture by itself.
    pub fn is_alone(self) -> bool {
        self.row().alone
    }
}

impl std::fmt::Debug for OtherCodec {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

impl From<OtherCodec> for &'static str {
    fn from(codec: OtherCodec) -> Self {
        codec.name()
    }
}

impl TryFrom<String> for OtherCodec {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::named(&name).ok_or_else(|| format!("no codec has the name {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_codecs_and_are_those_of_no_other() {
        for codec in OtherCodec::all() {
            assert_eq!(OtherCodec::named(codec.name()), Some(codec));
            assert!(crate::codec::Codec::ALL.iter().all(|own| own.name() != codec.name()), "{codec:?}");
        }
        assert_eq!(OtherCodec::named("h264"), None);
    }
}
