//! Opens videos in another process, for readers that have one.

use std::path::Path;

use gstreamer as gst;

use super::{
    Limits, OpenVideo, VideoFacts, VideoReader,
    in_child::{BESIDE_PICTURES, InChild, Seen, no_sense},
    open::initialise,
    stored_video::StoredVideo,
};
use crate::{
    codec::{Codec, StreamHeader},
    error::VideoError,
    file::{FileBytes, Handle, Place},
    sandbox::{
        client::Allowance,
        memory,
        message::{Answer, How, Known, Open},
    },
    system::{self, SystemError},
};

impl VideoReader {
    /// Opens the file at `place` in the child of this reader.
    pub(super) fn open_in_child(&mut self, place: Place<'_>, how: How) -> Result<OpenVideo, VideoError> {
        // Its list of plugins is in order when children begin.
        initialise()?;
        let Some(client) = self.child.clone() else { return Err(no_sense()) };
        let path = place.path;
        let cannot_open = |cause| VideoError::CannotOpen { path: path.to_owned(), cause };
        let handle = system::read(path, || Handle::open(place))?.map_err(cannot_open)?;
        let open =
            Open { part: handle.part.clone(), fetched: handle.fetch.is_some(), ..self.to_open(path, how) };
        let bytes = FileBytes::of_handle(handle.try_clone().map_err(cannot_open)?, 0).map_err(cannot_open)?;
        let length = handle.file.metadata().map_err(cannot_open)?.len();
        let film = client.film(path, handle.file, Some((handle.path, length)), open).with_fetch(handle.fetch);
        self.ask_to_open(InChild::new(client, film, self.limits), bytes)
    }

    /// Opens a video of a shard in the child of this reader; its packets have no bytes yet.
    pub(super) fn open_stored_in_child(&mut self, stored: &StoredVideo) -> Result<OpenVideo, VideoError> {
        initialise()?;
        let Some(client) = self.child.clone() else { return Err(no_sense()) };
        let facts = VideoFacts::of_stored(stored);
        let path = Path::new(&stored.video);
        let memory = memory::file("tubelet-packets", facts.bytes)
            .map_err(|cause| VideoError::System(SystemError::new("hold packets of", path, cause)))?;
        let film = client.film(path, memory, None, self.to_open(path, How::Stored(Box::new(stored.clone()))));
        let opened = self.ask_to_open(InChild::new(client, film, self.limits), FileBytes::none())?;
        let facts = VideoFacts { pixel_aspect: opened.facts.pixel_aspect, ..facts };
        Ok(OpenVideo {
            facts,
            index: stored.packets.iter().map(|packet| packet.fact).collect(),
            sizes: stored.packets.iter().map(|packet| packet.bytes).collect(),
            hidden: stored.hidden_before(),
            verified: true.into(),
            ..opened
        })
    }

    fn to_open(&self, path: &Path, how: How) -> Open {
        // The child sees the bytes of a folder's pictures, and no folder.
        let pictures = path.is_dir().then(|| path.join("pictures"));
        Open {
            part: None,
            fetched: false,
            path: pictures.as_deref().unwrap_or(path).as_os_str().as_encoded_bytes().to_vec(),
            how,
            limits: self.limits,
            skipping: self.skipping,
            verify: self.verify,
        }
    }

    /// Lets the child open a film, which is `bytes` here.
    fn ask_to_open(&mut self, child: InChild, bytes: FileBytes) -> Result<OpenVideo, VideoError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FrameRank,
        sandbox::{Launch, client::Client, serve},
    };

    /// The process that decodes: this test, run alone by its parents.
    #[test]
    #[ignore = "it serves a parent"]
    fn child() {
        serve::serve();
    }

    /// A reader with a process of its own; those of other tests have none.
    fn reader() -> VideoReader {
        let name = "video::by_child::tests::child";
        let arguments = [name, "--exact", "--ignored", "--nocapture", "--test-threads=1"];
        let program = std::env::current_exe().unwrap();
        let launch = Box::leak(Box::new(Launch { program, arguments: arguments.map(Into::into).into() }));
        let mut reader = VideoReader::new(Limits::default());
        reader.child = Some(Client::new(launch));
        reader
    }

    #[test]
    fn a_handle_that_the_system_loses_is_opened_again_and_a_film_that_is_gone_is_no_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/flower.mp4");
        std::fs::copy(sample, &path).unwrap();
        let mut reader = reader();
        let video = reader.open(&path).unwrap();
        let wanted = [FrameRank(3)];
        let whole = reader.decode(&video, &wanted).unwrap();
        // A child that is handed what it cannot read.
        let lose = || {
            let child = video.in_child.as_ref().unwrap();
            child.film.lose_handle();
            child.client.end();
        };
        lose();
        assert!(reader.decode(&video, &wanted).unwrap() == whole, "other pictures");
        lose();
        std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        let why = reader.decode(&video, &wanted).unwrap_err();
        assert!(matches!(why, VideoError::System(_)), "{}: {why}", why.verdict());
        assert!(why.to_string().contains("could not read") && why.to_string().contains("film.mp4"), "{why}");
    }
}
