//! A file's bytes taken apart by GStreamer's demuxers: AVI, program and transport streams. Of a stream without a
//! container only the parser is needed.
//!
//! A demuxer stands alone: no pipeline, no queue, no main loop. It takes the bytes from a pad of ours
//! ([`FilePad`]) and gives its streams to pads of ours ([`packet_pad`]); packets of AVI are places in the file, those
//! that lie there in pieces are copied.
//!
//! ```text
//! FileBytes ─▶ file pad ─▶ demuxer ─▶ (parser) ─▶ packet pad ─▶ Vec<Packet>
//!                             └─▶ swallowed: sound, subtitles, further videos
//! ```
//!
//! A parser stands behind it only where packets are not whole access units.

mod asf_packets;
mod bitmap;
mod checks;
mod clock;
mod continuity;
pub(super) mod file_pad;
mod headless;
mod joined_pictures;
mod ogg_pages;
mod packet_pad;
mod parser;
mod pes;
mod riff;
mod superindex;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use gst::prelude::*;
use gstreamer as gst;

pub(super) use self::parser::parsers;
use self::{
    file_pad::{FilePad, Mode},
    packet_pad::{ParserWork, Shared},
    parser::{Parser, parser_for, raw_caps},
};
use super::{Demuxed, allowance::Allowance, codec_of};
use crate::{
    error::VideoError,
    file::{Container, FileBytes},
    heartbeat,
};

/// Takes the video out of `file`, which is a `container` for the demuxer of this name, until `deadline`.
pub(super) fn demux(
    file: FileBytes,
    container: Container,
    (name, mode): (&'static str, Mode),
    deadline: Instant,
    seconds: u32,
) -> Result<Demuxed, VideoError> {
    let damaged = |reason: String| VideoError::ContainerDamaged { container: container.name(), reason };
    if container == Container::Avi
        && let Some(reason) = superindex::flaw(&file)
    {
        return Err(damaged(reason.to_owned()));
    }
    match container {
        Container::Ogg => ogg_pages::check(&file)?,
        Container::Asf => asf_packets::check(&file)?,
        _ => {}
    }
    let demuxer = gst::ElementFactory::make(name).build().map_err(|_| VideoError::no_element(name))?;
    let shared = Arc::new(Shared::default());
    shared.change(|track| {
        track.allowance = Allowance::of(file.length());
        track.work = ParserWork::of(file.length());
    });
    let bus = listen(&shared);
    demuxer.set_bus(Some(&bus));
    let links = Arc::new(Mutex::new(Links::default()));
    let sink = entrance(&demuxer, container, &shared, &links, &bus, &file);
    let file = match container {
        Container::TransportStream => clock::without(&file).unwrap_or(file),
        _ => file,
    };
    let source = FilePad::new(file, mode);
    let sink = sink.ok_or_else(|| damaged("the demuxer takes no bytes".to_owned()))?;
    source.pad.link(&sink).map_err(|error| damaged(error.to_string()))?;
    let in_time = run(&demuxer, &source, &shared, container, mode, deadline);
    heartbeat::step();
    shared.change(|track| track.at_end = true);
    stop(demuxer, links, in_time);
    if !in_time {
        return Err(VideoError::TimeLimit { stage: "taking the file apart", seconds });
    }
    // That of Ogg reads blocks of one size, to the end and beyond it.
    let cut_reads = if container == Container::Ogg { 0 } else { source.cut_reads() };
    let track = std::mem::take(&mut *shared.lock());
    checks::check(track, &source.file, container, cut_reads)
}

/// The pad that takes the bytes, behind which all is linked that comes out, or will be.
fn entrance(
    demuxer: &gst::Element,
    container: Container,
    shared: &Arc<Shared>,
    links: &Arc<Mutex<Links>>,
    bus: &gst::Bus,
    file: &FileBytes,
) -> Option<gst::Pad> {
    let Some(caps) = raw_caps(container) else {
        attend(demuxer, shared, links, bus, container, file);
        return demuxer.static_pad("sink");
    };
    shared.change(|track| track.chosen = demuxer.static_pad("src"));
    let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
    let sink = link_parser(demuxer, caps, None, shared, &mut links, file)?;
    sink.set_active(true).ok()?;
    Some(sink)
}

/// Runs the demuxer to the end of the video; false when the deadline came first.
fn run(
    demuxer: &gst::Element,
    source: &FilePad,
    shared: &Shared,
    container: Container,
    mode: Mode,
    deadline: Instant,
) -> bool {
    match mode {
        Mode::Pull => {
            let failed = demuxer.set_state(gst::State::Paused).is_err();
            failed
                || shared.wait(deadline, |track| {
                    track.ended || track.error.is_some() || (track.complete && track.chosen.is_none())
                })
        }
        Mode::Push => {
            let started =
                source.pad.set_active(true).is_ok() && demuxer.set_state(gst::State::Paused).is_ok();
            let caps = match container {
                Container::TransportStream => "video/mpegts,systemstream=true",
                Container::RawH264 => "video/x-h264,stream-format=byte-stream",
                Container::RawHevc => "video/x-h265,stream-format=byte-stream",
                _ => "video/mpeg,mpegversion=2,systemstream=true",
            };
            let caps = caps.parse().expect("the caps are written correctly above");
            !started
                || source.push_all(&caps, shared, || {
                    heartbeat::step();
                    Instant::now() < deadline
                })
        }
    }
}

/// Ends the demuxer; one that is stuck is left behind on a thread of its own.
fn stop(demuxer: gst::Element, links: Arc<Mutex<Links>>, in_time: bool) {
    let end = move || {
        // Failing to stop leaves nothing to do: the element is dropped either way.
        let _ = demuxer.set_state(gst::State::Null);
        if let Ok(links) = links.lock() {
            for parser in &links.parsers {
                let _ = parser.set_state(gst::State::Null);
            }
        }
    };
    if in_time {
        end();
    } else {
        std::thread::spawn(end);
    }
}

/// What must live as long as the demuxer: pads hold no reference to their peers.
#[derive(Default)]
struct Links {
    pads: Vec<gst::Pad>,
    parsers: Vec<gst::Element>,
}

/// A bus that hands the first error to `shared`.
fn listen(shared: &Arc<Shared>) -> gst::Bus {
    let bus = gst::Bus::new();
    let shared = shared.clone();
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            let text = error.error().to_string();
            shared.change(|track| track.error = track.error.take().or(Some(text)));
        }
        gst::BusSyncReply::Drop
    });
    bus
}

/// Links every pad that the demuxer adds: the first video's to a collector, others to swallowers.
fn attend(
    demuxer: &gst::Element,
    shared: &Arc<Shared>,
    links: &Arc<Mutex<Links>>,
    bus: &gst::Bus,
    container: Container,
    file: &FileBytes,
) {
    let file = file.clone();
    let (all_added, added, removed) = (shared.clone(), shared.clone(), shared.clone());
    let (links, bus) = (links.clone(), bus.clone());
    demuxer.connect_no_more_pads(move |_| all_added.change(|track| track.complete = true));
    demuxer.connect_pad_removed(move |_, pad| {
        removed.change(|track| track.replaced |= !track.at_end && track.chosen.as_ref() == Some(pad));
    });
    demuxer.connect_pad_added(move |_, pad| {
        let Ok(mut links) = links.lock() else { return };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let sink = if is_wanted(&added, pad, &caps, (container, &file)) {
            match parser_for(&caps, container, &file) {
                None => packet_pad::collect(&added, gst::Caps::new_any(), &file),
                Some(parser) => match behind_parser(&parser, &added, &bus, &mut links, &file) {
                    Some(sink) => sink,
                    None => {
                        added.change(|track| match gst::ElementFactory::find(parser.name) {
                            Some(_) => track.error = Some(format!("{} cannot be used", parser.name)),
                            None => track.missing = Some(parser.name),
                        });
                        packet_pad::swallow()
                    }
                },
            }
        } else {
            packet_pad::swallow()
        };
        // A pad that does not start or link shows as a stream without packets.
        let _ = sink.set_active(true);
        let _ = pad.link(&sink);
        links.pads.push(sink);
    });
}

/// Whether this pad is the first video that is no picture of the cover; notes what it is otherwise.
fn is_wanted(shared: &Shared, pad: &gst::Pad, caps: &gst::Caps, of: (Container, &FileBytes)) -> bool {
    let (container, file) = of;
    let Some(structure) = caps.structure(0) else { return false };
    let media = structure.name().as_str();
    if !is_video(pad, media) {
        return false;
    }
    // AVI has no covers.
    if media == "image/png" && container != Container::Avi {
        shared.change(|track| track.cover = true);
        return false;
    }
    let mut wanted = false;
    shared.change(|track| {
        if track.chosen.is_none() && track.unknown.is_none() {
            if codec_of(structure).is_some() || (media == bitmap::UNKNOWN && bitmap::caps(file).is_some()) {
                track.chosen = Some(pad.clone());
                wanted = true;
            } else {
                // Where the demuxer of AVI has no name for it, it says what the file calls it.
                let fourcc = structure.get::<i32>("fourcc").ok().map(i32::to_le_bytes);
                let fourcc = fourcc.and_then(|code| String::from_utf8(code.to_vec()).ok());
                track.unknown = Some(fourcc.unwrap_or_else(|| media.to_owned()));
            }
        }
    });
    wanted
}

/// Whether a pad is that of a video: by its name, or where its demuxer names all alike by what comes.
fn is_video(pad: &gst::Pad, media: &str) -> bool {
    match media.split('/').next() {
        Some("audio") => false,
        Some("video" | "image") => true,
        _ => pad.name().starts_with("video"),
    }
}

/// Puts a parser before a collector and gives the parser's sink pad.
fn behind_parser(
    parser: &Parser,
    shared: &Arc<Shared>,
    bus: &gst::Bus,
    links: &mut Links,
    file: &FileBytes,
) -> Option<gst::Pad> {
    let Parser { name, output, input } = parser;
    let parser = gst::ElementFactory::make(name).build().ok()?;
    parser.set_bus(Some(bus));
    link_parser(&parser, output.clone(), input.clone(), shared, links, file)
}

/// Puts `parser`, whose output and input are said to be of these formats, before a collector.
fn link_parser(
    parser: &gst::Element,
    output: gst::Caps,
    input: Option<gst::Caps>,
    shared: &Arc<Shared>,
    links: &mut Links,
    file: &FileBytes,
) -> Option<gst::Pad> {
    let collector = packet_pad::collect(shared, output, file);
    collector.set_active(true).ok()?;
    parser.static_pad("src")?.link(&collector).ok()?;
    parser.set_state(gst::State::Paused).ok()?;
    let (sink, between) = packet_pad::before_parser(&parser.static_pad("sink")?, input, shared)?;
    links.pads.push(between);
    links.pads.push(collector);
    links.parsers.push(parser.clone());
    Some(sink)
}

/// What is looked at of AVI beside the demuxer.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn fuzz_avi(file: &FileBytes) {
    let _ = (superindex::flaw(file), riff::unread(file));
}

/// What is looked at of Ogg beside the demuxer.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn fuzz_ogg(file: &FileBytes) {
    let _ = ogg_pages::check(file);
}

/// What is looked at of ASF beside the demuxer.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn fuzz_asf(file: &FileBytes) {
    let _ = (asf_packets::check(file), bitmap::caps(file));
}

/// What is looked at of transport streams beside the demuxer.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn fuzz_transport(file: &FileBytes) {
    let pid = file.slice(0..2).as_ref().first_chunk().map_or(0, |&pid| u16::from_be_bytes(pid) & 0x1fff);
    let _ = (clock::without(file), continuity::first_gap(file, pid));
    pes::fill(&mut [], file, pid);
}
