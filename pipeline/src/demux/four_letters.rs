//! Codecs by the four characters that containers call them: what GStreamer's demuxers make of them, for codecs without
//! rules of their own.

use ::gstreamer as gst;

use super::raw_pictures;

/// Descriptions of streams by four characters, of which small letters are the same as large ones. Those of MP4, of AVI
/// and of Matroska in the manner of both name the same codecs.
#[rustfmt::skip]
const DESCRIPTIONS: [(&[u8; 4], &str); 69] = [
    (b"H263", "video/x-h263,variant=itu"), (b"S263", "video/x-h263,variant=itu"), (b"U263", "video/x-h263,variant=itu"),
    (b"FLV1", "video/x-flash-video,flvversion=1"),
    (b"VP30", "video/x-vp3"), (b"VP31", "video/x-vp3"), (b"VP50", "video/x-vp5"),
    (b"VP60", "video/x-vp6"), (b"VP61", "video/x-vp6"), (b"VP62", "video/x-vp6"), (b"VP6F", "video/x-vp6-flash"),
    (b"FLV4", "video/x-vp6-flash"),
    (b"WMV1", "video/x-wmv,wmvversion=1"), (b"WMV2", "video/x-wmv,wmvversion=2"),
    (b"WMV3", "video/x-wmv,wmvversion=3,format=WMV3"),
    (b"WVC1", "video/x-wmv,wmvversion=3,format=WVC1"), (b"WMVA", "video/x-wmv,wmvversion=3,format=WMVA"),
    (b"MPG4", "video/x-msmpeg,msmpegversion=41"), (b"DIV1", "video/x-msmpeg,msmpegversion=41"),
    (b"MP41", "video/x-msmpeg,msmpegversion=41"),
    (b"MP42", "video/x-msmpeg,msmpegversion=42"), (b"DIV2", "video/x-msmpeg,msmpegversion=42"),
    (b"MP43", "video/x-msmpeg,msmpegversion=43"), (b"DIV3", "video/x-msmpeg,msmpegversion=43"),
    (b"DIV4", "video/x-msmpeg,msmpegversion=43"), (b"DIV5", "video/x-msmpeg,msmpegversion=43"),
    (b"DIV6", "video/x-msmpeg,msmpegversion=43"), (b"AP41", "video/x-msmpeg,msmpegversion=43"),
    (b"COL1", "video/x-msmpeg,msmpegversion=43"), (b"3IVD", "video/x-msmpeg,msmpegversion=43"),
    (b"SVQ1", "video/x-svq,svqversion=1"), (b"SVQ3", "video/x-svq,svqversion=3"),
    (b"CVID", "video/x-cinepak"),
    (b"RT21", "video/x-indeo,indeoversion=2"), (b"IV31", "video/x-indeo,indeoversion=3"),
    (b"IV32", "video/x-indeo,indeoversion=3"), (b"IV41", "video/x-indeo,indeoversion=4"),
    (b"IV50", "video/x-indeo,indeoversion=5"),
    (b"RLE ", "video/x-rle,layout=quicktime"),
    (b"MSVC", "video/x-msvideocodec,msvideoversion=1"), (b"CRAM", "video/x-msvideocodec,msvideoversion=1"),
    (b"RPZA", "video/x-apple-video"), (b"AZPR", "video/x-apple-video"),
    (b"ZMBV", "video/x-zmbv"), (b"CSCD", "video/x-camstudio"), (b"TSCC", "video/x-camtasia"),
    (b"FFV1", "video/x-ffv,ffvversion=1"),
    (b"APCO", "video/x-prores,variant=proxy"), (b"APCS", "video/x-prores,variant=lt"),
    (b"APCN", "video/x-prores,variant=standard"), (b"APCH", "video/x-prores,variant=hq"),
    (b"AVDN", "video/x-dnxhd"), (b"AVDH", "video/x-dnxhd"),
    (b"CFHD", "video/x-cineform"), (b"ICOD", "video/x-apple-intermediate-codec"),
    (b"DVSD", DV), (b"DVC ", DV), (b"DVCP", DV), (b"DVPP", DV), (b"DV5P", DV), (b"DV5N", DV), (b"DVHD", DV),
    (b"DVH1", DV),
    (b"HFYU", "video/x-huffyuv"), (b"FFVH", "video/x-gst-av-ffvhuff"), (b"LAGS", "video/x-lagarith"),
    (b"ASV1", "video/x-asus,asusversion=1"), (b"ASV2", "video/x-asus,asusversion=2"),
    (b"MJP2", "image/x-j2c"),
];

/// A frame a packet, which is not wrapped into a stream with sound.
const DV: &str = "video/x-dv,systemstream=false";

/// The description of a stream that is called so, pictures without compression and PNG among them, without what its
/// container states besides.
pub(super) fn structure(four: &[u8; 4]) -> Option<gst::Structure> {
    description(four)
        .and_then(|description| description.parse().ok())
        .or_else(|| raw_pictures::description(four))
}

/// The same of codecs with a decoder of GStreamer.
pub(super) fn description(four: &[u8; 4]) -> Option<&'static str> {
    let is_it = |(name, _): &(&[u8; 4], &str)| four.eq_ignore_ascii_case(*name);
    DESCRIPTIONS.into_iter().find(is_it).map(|(_, description)| description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::Codec, demux::codec_of};

    #[test]
    fn every_description_is_that_of_a_codec_whose_decoder_takes_it() {
        gst::init().unwrap();
        for (four, description) in DESCRIPTIONS {
            let name = four.escape_ascii();
            let structure: gst::Structure = description.parse().unwrap();
            let Some(Codec::Other(codec)) = codec_of(&structure) else { panic!("{name} is of no codec") };
            let decoder = gst::ElementFactory::find(codec.element()).unwrap();
            let caps = gst::Caps::builder_full().structure(structure).build();
            assert!(decoder.can_sink_any_caps(&caps), "{} does not take {caps}", codec.element());
        }
        assert_eq!(description(b"apch"), description(b"APCH"));
        assert_eq!(description(b"avc1"), None);
    }
}
