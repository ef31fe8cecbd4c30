//! Opens videos in another process, for readers that have one.

use std::path::Path;

use gstreamer as gst;

use super::{
    Limits, OpenVideo, VideoFacts, VideoReader,
    in_child::{BESIDE_PICTURES, InChild, Seen, no_sense},
    open::initialise,
};
use crate::{
    codec::{Codec, StreamHeader},
    error::VideoError,
    file::{self, FileBytes},
    sandbox::{
        client::Allowance,
        message::{Answer, How, Known, Open},
    },
    system,
};

impl VideoReader {
    /// Opens the file at `path` in the child of this reader.
    pub(super) fn open_in_child(&mut self, path: &Path, how: How) -> Result<OpenVideo, VideoError> {
        // Its list of plugins is in order when children begin.
        initialise()?;
        let Some(client) = self.child.clone() else { return Err(no_sense()) };
        let cannot_open = |cause| VideoError::CannotOpen { path: path.to_owned(), cause };
        let file = system::read(path, || file::handle(path))?.map_err(cannot_open)?;
        let bytes =
            FileBytes::of_handle(file.try_clone().map_err(cannot_open)?, path, 0).map_err(cannot_open)?;
        let open = Open {
            path: path.as_os_str().as_encoded_bytes().to_vec(),
            how,
            limits: self.limits,
            skipping: self.skipping,
            verify: self.verify,
        };
        let child = InChild { film: client.film(path, file, open), client, limits: self.limits };
        // How large its pictures are is not known yet. Those that must be counted are decoded to know it.
        let memory = BESIDE_PICTURES.saturating_add(self.limits.pixels.saturating_mul(16));
        match child.client.ask(&child.film, None, Allowance { memory, unhurried: false })?.opened {
            Some(Answer::Opened { facts, known, cost }) if is_sense(&facts, &self.limits) => {
                cost.count(&bytes, &mut self.work);
                OpenVideo::in_child(*facts, known, bytes, child).ok_or_else(no_sense)
            }
            Some(Answer::Failed { failure, cost, .. }) => {
                cost.count(&bytes, &mut self.work);
                Err(child.told(failure))
            }
            _ => Err(child.no_sense()),
        }
    }
}

/// Whether these may be facts of a video within `limits`.
fn is_sense(facts: &VideoFacts, limits: &Limits) -> bool {
    let pixels = u64::from(facts.width) * u64::from(facts.height);
    facts.frames > 0
        && facts.times.len() == facts.frames as usize
        && facts.key_frames.iter().all(|rank| rank.0 < facts.frames)
        && facts.orientation.quarter_turns < 4
        && pixels <= limits.pixels
}

impl OpenVideo {
    fn in_child(facts: VideoFacts, known: Known, file: FileBytes, child: InChild) -> Option<Self> {
        Some(Self {
            codec: Codec::named(facts.codec)?,
            facts,
            caps: gst::Caps::new_empty(),
            packets: Vec::new(),
            file,
            index: Vec::new(),
            hidden: 0,
            shown: Vec::new(),
            header: StreamHeader::default(),
            sizes: Vec::new(),
            verified: known.verified.into(),
            counted: known.counted.into(),
            in_child: Some(child),
        })
    }

    /// What is here of it, wherever it is open.
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen { facts: &self.facts, verified: &self.verified, counted: &self.counted, file: &self.file }
    }

    /// What decoding has found out of it.
    pub(crate) fn known(&self) -> Known {
        self.seen().known()
    }

    /// Takes over what decoding has found out of it elsewhere.
    pub(crate) fn learn(&self, known: Known) {
        self.seen().learn(known);
    }
}
