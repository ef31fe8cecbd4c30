//! The kinds of what can be wrong with a video: what a person does about it depends on the kind.

/// What a verdict means for the video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It can be read.
    Good,
    /// Its bytes are not what was written: it is cut, packets are missing, or decoders complain of it.
    Damaged,
    /// It is a film, of a format that is not read here; FFmpeg converts it.
    Unsupported,
    /// It is no film.
    NotAVideo,
    /// Nothing, or no file, is under its path, or the part of it that is meant is not in it.
    NotThere,
    /// It is larger, or takes longer, than is allowed.
    AboveALimit,
    /// The system could not read it, or lacks a part: nothing is known of the film.
    NotReadByThisSystem,
}

impl Kind {
    /// The kind of a verdict's word in a manifest or quarantine.
    pub fn of_verdict(verdict: &str) -> Self {
        match verdict {
            crate::manifest::GOOD => Self::Good,
            "unsupported" | "unknown-codec" | "encrypted" | "edit-list" | "caps-changed"
            | "codec-changed" | "odd-turn" => Self::Unsupported,
            "not-a-video" | "no-video-stream" => Self::NotAVideo,
            "cannot-open" | "no-such-frame" => Self::NotThere,
            "too-large" | "time-limit" => Self::AboveALimit,
            "system" | "element-missing" => Self::NotReadByThisSystem,
            _ => Self::Damaged,
        }
    }

    /// Its name in tables, manifests and quarantines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Damaged => "damaged",
            Self::Unsupported => "unsupported",
            Self::NotAVideo => "not a video",
            Self::NotThere => "not there",
            Self::AboveALimit => "above a limit",
            Self::NotReadByThisSystem => "could not be read by this system",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_told_apart() {
        for (verdict, kind) in [
            ("good", Kind::Good),
            ("truncated", Kind::Damaged),
            ("packets-missing", Kind::Damaged),
            ("unknown-codec", Kind::Unsupported),
            ("odd-turn", Kind::Unsupported),
            ("not-a-video", Kind::NotAVideo),
            ("cannot-open", Kind::NotThere),
            ("time-limit", Kind::AboveALimit),
            ("no-such-frame", Kind::NotThere),
        ] {
            assert_eq!(Kind::of_verdict(verdict), kind, "{verdict}");
        }
    }
}
