//! Identifiers of the elements that are read (RFC 8794 for EBML, RFC 9559 for Matroska), with their length marker,
//! and which elements may stand where.

pub(super) const EBML: u32 = 0x1a45_dfa3;
pub(super) const EBML_READ_VERSION: u32 = 0x42f7;
pub(super) const EBML_MAX_ID_LENGTH: u32 = 0x42f2;
pub(super) const EBML_MAX_SIZE_LENGTH: u32 = 0x42f3;
pub(super) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
pub(super) const VOID: u32 = 0xec;
pub(super) const CRC_32: u32 = 0xbf;

pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
pub(super) const SEEK: u32 = 0x4dbb;
pub(super) const SEEK_ID: u32 = 0x53ab;
pub(super) const SEEK_POSITION: u32 = 0x53ac;
pub(super) const INFO: u32 = 0x1549_a966;
pub(super) const TRACKS: u32 = 0x1654_ae6b;
pub(super) const CLUSTER: u32 = 0x1f43_b675;
pub(super) const CUES: u32 = 0x1c53_bb6b;
pub(super) const ATTACHMENTS: u32 = 0x1941_a469;
pub(super) const CHAPTERS: u32 = 0x1043_a770;
pub(super) const TAGS: u32 = 0x1254_c367;
/// Of the first drafts of EBML, allowed anywhere.
pub(super) const SIGNATURE_SLOT: u32 = 0x1b53_8667;

pub(super) const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;

pub(super) const TRACK_ENTRY: u32 = 0xae;
pub(super) const TRACK_NUMBER: u32 = 0xd7;
pub(super) const TRACK_TYPE: u32 = 0x83;
pub(super) const CODEC_ID: u32 = 0x86;
pub(super) const CODEC_PRIVATE: u32 = 0x63a2;
pub(super) const CODEC_DELAY: u32 = 0x56aa;
pub(super) const DEFAULT_DURATION: u32 = 0x23_e383;
pub(super) const TRACK_TIMESTAMP_SCALE: u32 = 0x23_314f;
pub(super) const VIDEO: u32 = 0xe0;

pub(super) const PIXEL_WIDTH: u32 = 0xb0;
pub(super) const PIXEL_HEIGHT: u32 = 0xba;
pub(super) const DISPLAY_WIDTH: u32 = 0x54b0;
pub(super) const DISPLAY_HEIGHT: u32 = 0x54ba;
pub(super) const DISPLAY_UNIT: u32 = 0x54b2;
pub(super) const FLAG_INTERLACED: u32 = 0x9a;
pub(super) const STEREO_MODE: u32 = 0x53b8;
pub(super) const FRAME_RATE: u32 = 0x23_83e3;
pub(super) const COLOUR_SPACE: u32 = 0x2e_b524;
pub(super) const COLOUR: u32 = 0x55b0;
pub(super) const MATRIX_COEFFICIENTS: u32 = 0x55b1;
pub(super) const RANGE: u32 = 0x55b9;
pub(super) const TRANSFER_CHARACTERISTICS: u32 = 0x55ba;
pub(super) const PRIMARIES: u32 = 0x55bb;
pub(super) const PROJECTION: u32 = 0x7670;
pub(super) const POSE_YAW: u32 = 0x7673;
pub(super) const POSE_PITCH: u32 = 0x7674;
pub(super) const POSE_ROLL: u32 = 0x7675;

pub(super) const CONTENT_ENCODINGS: u32 = 0x6d80;
pub(super) const CONTENT_ENCODING: u32 = 0x6240;
pub(super) const ENCODING_SCOPE: u32 = 0x5032;
pub(super) const ENCODING_TYPE: u32 = 0x5033;
pub(super) const COMPRESSION: u32 = 0x5034;
pub(super) const COMPRESSION_ALGORITHM: u32 = 0x4254;
pub(super) const COMPRESSION_SETTINGS: u32 = 0x4255;

pub(super) const TIMESTAMP: u32 = 0xe7;
pub(super) const SILENT_TRACKS: u32 = 0x5854;
pub(super) const POSITION: u32 = 0xa7;
pub(super) const PREVIOUS_SIZE: u32 = 0xab;
pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
pub(super) const BLOCK_GROUP: u32 = 0xa0;

pub(super) const BLOCK: u32 = 0xa1;
pub(super) const BLOCK_DURATION: u32 = 0x9b;
pub(super) const REFERENCE_BLOCK: u32 = 0xfb;
/// What else a group of blocks may hold, that of earlier drafts included (RFC 9559, annex A).
const ALSO_IN_GROUPS: [u32; 8] = [
    0x75a1, // BlockAdditions
    0x75a2, // DiscardPadding
    0xa2,   // BlockVirtual
    0xa4,   // CodecState
    0xfa,   // ReferencePriority
    0xfd,   // ReferenceVirtual
    0x8e,   // Slices
    0xc8,   // ReferenceFrame
];

fn is_anywhere(id: u32) -> bool {
    matches!(id, VOID | CRC_32 | SIGNATURE_SLOT)
}

/// Whether an element is none that the standard has, but may be one of a later version or of one writer. It has more
/// than one byte, since those of one are given away, and is not one that leads to pictures with a bit or two flipped.
fn is_foreign(id: u32) -> bool {
    let leads_to_pictures = [EBML, SEGMENT, INFO, TRACKS, CLUSTER];
    id > 0xff && leads_to_pictures.iter().all(|known| (known ^ id).count_ones() > 2) && !is_of_top(id)
}

/// Whether it is about the film and nothing that pictures need.
pub(super) fn is_metadata(id: u32) -> bool {
    matches!(id, TAGS | CHAPTERS | ATTACHMENTS)
}

/// The elements in tags, chapters and attachments that hold others.
const MASTERS_OF_METADATA: [u32; 11] = [
    0x7373, // Tag
    0x63c0, // Targets
    0x67c8, // SimpleTag
    0x45b9, // EditionEntry
    0xb6,   // ChapterAtom
    0x8f,   // ChapterTrack
    0x80,   // ChapterDisplay
    0x6944, // ChapProcess
    0x6911, // ChapProcessCommand
    0x4520, // EditionDisplay
    0x61a7, // AttachedFile
];

pub(super) fn is_master_of_metadata(id: u32) -> bool {
    MASTERS_OF_METADATA.contains(&id)
}

fn is_of_top(id: u32) -> bool {
    matches!(id, SEEK_HEAD | INFO | TRACKS | CLUSTER | CUES | ATTACHMENTS | CHAPTERS | TAGS)
}

/// Whether an element may stand at the top of a segment.
pub(super) fn is_of_segment(id: u32) -> bool {
    is_of_top(id) || is_anywhere(id) || is_foreign(id)
}

/// Whether FFmpeg, when it is lost, goes on to read where such an element begins.
pub(super) fn is_resumed_at(id: u32) -> bool {
    is_of_top(id)
}

/// Whether an element may stand in a cluster.
pub(super) fn is_of_cluster(id: u32) -> bool {
    matches!(id, TIMESTAMP | SILENT_TRACKS | POSITION | PREVIOUS_SIZE | SIMPLE_BLOCK | BLOCK_GROUP)
        || is_anywhere(id)
        || is_foreign(id)
}

/// Whether a cluster of unknown size ends before an element.
pub(super) fn ends_cluster(id: u32) -> bool {
    is_of_top(id) || matches!(id, SEGMENT | EBML)
}

/// Whether an element may stand in a group of blocks.
pub(super) fn is_of_group(id: u32) -> bool {
    matches!(id, BLOCK | BLOCK_DURATION | REFERENCE_BLOCK) || ALSO_IN_GROUPS.contains(&id) || is_anywhere(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_an_element_with_pictures_is_damage_and_others_may_be_new() {
        assert!(is_of_segment(CLUSTER) && !is_of_segment(CLUSTER ^ 1 << 9) && !is_of_segment(TRACKS ^ 0x11));
        assert!(is_of_segment(0x1b53_8668) && !is_of_segment(SIMPLE_BLOCK) && !is_of_segment(SEGMENT));
        assert!(is_of_cluster(SIMPLE_BLOCK) && !is_of_cluster(SIMPLE_BLOCK ^ 2) && is_of_cluster(0x7262));
        assert!(!is_of_cluster(TRACKS) && !is_of_cluster(CUES) && ends_cluster(CUES));
        assert!(is_of_group(BLOCK) && is_of_group(0x75a1) && !is_of_group(BLOCK_GROUP));
    }
}
