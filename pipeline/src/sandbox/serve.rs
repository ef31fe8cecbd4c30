//! The child's side: opens and decodes what it is handed, one request after the other.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fs::File,
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{ffi::OsStringExt as _, net::UnixStream},
    },
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use memmap2::MmapMut;
use rustix::time::{ClockId, clock_gettime};
use schemas::settings::{Skip, Verify};

use super::{
    channel, confine,
    link::Link,
    memory,
    message::{Answer, Cost, Failure, How, Known, Open, Placed, Request},
};
use crate::{
    FrameRank,
    decode::Work,
    error::VideoError,
    file::{Fetch, FileBytes, Handle},
    heartbeat::{self, Heartbeat},
    picture::Picture,
    system::{self, SystemError},
    video::{Limits, OpenVideo, VideoReader},
    worker_pool::{self, JobError},
};

/// Serves the parent at the other end of standard input until that is closed. Nothing else may have read from it.
pub fn serve() -> ExitCode {
    serve_with(&|_| ())
}

/// The same, but does `before` with the path of each film, where an attack would begin.
#[doc(hidden)]
pub fn serve_with(before: &dyn Fn(&Path)) -> ExitCode {
    confine::end_with_parent();
    match served(before) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn served(before: &dyn Fn(&Path)) -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    crate::video::initialise().map_err(io::Error::other)?;
    confine::load_plugins();
    let link = Arc::new(Link { socket, saying: Mutex::default(), asking: Mutex::default() });
    let (own, is_busy) = (heartbeat::of_this_thread(), AtomicBool::new(false));
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || show_life(&own, &is_busy, &link))?;
        if let Err(why) = confine::give_up() {
            link.say(&Answer::Unfiltered(why))?;
        }
        let mut server = Server {
            before,
            link: Arc::clone(&link),
            reader: None,
            open: None,
            ready: Ready::Nothing,
            memories: HashMap::new(),
            cpu: 0,
        };
        let ended = loop {
            let (request, handle) = match channel::receive(&link.socket, || Ok(())) {
                Ok(request) => request,
                Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => break Ok(()),
                Err(why) => break Err(why),
            };
            is_busy.store(true, Relaxed);
            let answer = server.answer(request, handle);
            is_busy.store(false, Relaxed);
            if let Err(why) = link.say(&answer) {
                break Err(why);
            }
        };
        // The other thread never ends by itself.
        std::process::exit(i32::from(ended.is_err()))
    })
}

/// How often a child that works says that it is not stuck.
const SIGN: Duration = Duration::from_millis(200);

/// Tells the parent what the heartbeat of the thread that works says.
fn show_life(own: &Heartbeat, is_busy: &AtomicBool, link: &Link) {
    loop {
        thread::sleep(SIGN);
        let alive = Answer::Alive { steps: own.steps(), reading: own.is_reading() };
        if is_busy.load(Relaxed) && link.say(&alive).is_err() {
            return;
        }
    }
}

/// What a child keeps from request to request.
struct Server<'a> {
    before: &'a dyn Fn(&Path),
    link: Arc<Link>,
    reader: Option<(Settings, VideoReader)>,
    open: Option<OpenVideo>,
    /// What is to be put into shared memory.
    ready: Ready,
    memories: HashMap<u64, MmapMut>,
    /// Nanoseconds of a processor that were told.
    cpu: u64,
}

type Settings = (Limits, Skip, Verify);

#[derive(Default)]
enum Ready {
    #[default]
    Nothing,
    Pictures(Vec<(FrameRank, Picture)>),
    Packets(Vec<Option<Bytes>>),
}

impl Server<'_> {
    fn answer(&mut self, request: Request, handle: Option<OwnedFd>) -> Answer {
        let before = self.work();
        // Whatever a panic left half done is thrown away.
        let answered = catch_unwind(AssertUnwindSafe(|| self.answered(request, handle, before)));
        let answered = answered.unwrap_or_else(|panic| {
            (self.reader, self.open, self.ready) = Default::default();
            Err(JobError::Panicked { message: worker_pool::message_of(&*panic) }.into())
        });
        answered.unwrap_or_else(|why| Answer::Failed {
            failure: Failure::of(&why),
            known: self.known(),
            cost: self.cost(before),
        })
    }

    fn answered(
        &mut self,
        request: Request,
        handle: Option<OwnedFd>,
        before: Work,
    ) -> Result<Answer, VideoError> {
        match request {
            Request::Open(open) => {
                (self.open, self.ready) = Default::default();
                let opened = self.opened(*open, handle.ok_or_else(out_of_turn)?)?;
                let facts = Box::new(opened.facts.clone());
                self.open = Some(opened);
                Ok(Answer::Opened { facts, known: self.known(), cost: self.cost(before) })
            }
            Request::Decode { wanted, unhurried, known, loaded } => {
                self.open.as_mut().ok_or_else(out_of_turn)?.find_packets(&loaded);
                let (reader, open) = self.both(known)?;
                let pictures = if unhurried {
                    let mut kept = BTreeMap::new();
                    reader.decode_each(open, &wanted, |rank, picture| drop(kept.insert(rank, picture)))?;
                    kept.into_iter().collect()
                } else {
                    reader.decode(open, &wanted)?
                };
                let bytes = pictures.iter().map(|(_, picture)| picture.planes.len() as u64).sum();
                self.ready = Ready::Pictures(pictures);
                Ok(Answer::Ready { bytes, known: self.known(), cost: self.cost(before) })
            }
            Request::Verify(known) => {
                let (reader, open) = self.both(known)?;
                reader.verify(open)?;
                Ok(Answer::Verified { known: self.known(), cost: self.cost(before) })
            }
            Request::Store { number, video, label, digest, known } => {
                let (_, open) = self.both(known)?;
                Ok(Answer::Stored(Box::new(open.to_stored(number, video, label, digest)?)))
            }
            Request::Index { number, video, label, stamp, known } => {
                let (_, open) = self.both(known)?;
                let indexed = open.to_indexed(number, video, label, stamp);
                Ok(Answer::Indexed(indexed.map(|indexed| (Box::new(indexed.stored), indexed.places))))
            }
            Request::Packets(known) => {
                let (_, open) = self.both(known)?;
                let packets = open.packet_bytes()?;
                let bytes = packets.iter().flatten().map(|packet| packet.len() as u64).sum();
                self.ready = Ready::Packets(packets);
                Ok(Answer::Ready { bytes, known: self.known(), cost: self.cost(before) })
            }
            Request::Put { memory, forget } => self.put(memory, &forget, handle),
            Request::Fetched(_) => Err(out_of_turn()),
        }
    }

    /// Opens a file in the place of the one before.
    fn opened(&mut self, open: Open, handle: OwnedFd) -> Result<OpenVideo, VideoError> {
        let Open { path, part, fetched, how, limits, skipping, verify } = open;
        let path = PathBuf::from(OsString::from_vec(path));
        (self.before)(&path);
        // This is the process.
        let settings = (Limits { sandbox: false, ..limits }, skipping, verify);
        let reader = match self.reader.take().filter(|(before, _)| *before == settings) {
            Some((_, reader)) => reader,
            None => VideoReader::new(settings.0).with_skipping(skipping).with_verify(verify),
        };
        let (_, reader) = self.reader.insert((settings, reader));
        let in_memory = if matches!(how, How::Read { .. } | How::Scan) { limits.file_bytes } else { 0 };
        let file = File::from(handle);
        // A child that died may have read from the same handle.
        let fetch = || fetched.then(|| Arc::clone(&self.link) as Arc<dyn Fetch>);
        let handle = || {
            Ok::<_, io::Error>(Handle {
                file: file.try_clone()?,
                path: path.clone(),
                part: part.clone(),
                fetch: fetch(),
            })
        };
        let file = system::read(&path, || FileBytes::of_handle(handle()?, in_memory))?
            .map_err(|cause| VideoError::CannotOpen { path: path.clone(), cause })?;
        match how {
            How::Read { counted } => reader.open_bytes(&path, file, counted),
            How::Scan => reader.scan_bytes(&path, file),
            How::Indexed { stored, places } => reader.open_at_places(&stored, &places, file),
            How::Stored(stored) => reader.open_in_memory(&stored, file),
        }
    }

    /// The reader and the open video, of which the parent knows so much.
    fn both(&mut self, known: Known) -> Result<(&mut VideoReader, &OpenVideo), VideoError> {
        let (_, reader) = self.reader.as_mut().ok_or_else(out_of_turn)?;
        let open = self.open.as_ref().ok_or_else(out_of_turn)?;
        open.learn(known);
        Ok((reader, open))
    }

    fn put(&mut self, number: u64, forget: &[u64], handle: Option<OwnedFd>) -> Result<Answer, VideoError> {
        let of_memory = |why| VideoError::System(SystemError::new("read", Path::new("shared memory"), why));
        self.memories.retain(|known, _| !forget.contains(known));
        if let Some(handle) = handle {
            self.memories.insert(number, memory::writable(&File::from(handle)).map_err(of_memory)?);
        }
        let memory = self.memories.get_mut(&number).ok_or_else(out_of_turn)?;
        let mut end = 0;
        let mut put = |bytes: &[u8]| {
            let start = end;
            end += bytes.len();
            memory.get_mut(start..end).ok_or_else(out_of_turn)?.copy_from_slice(bytes);
            Ok(start as u64)
        };
        match std::mem::take(&mut self.ready) {
            Ready::Nothing => Err(out_of_turn()),
            Ready::Pictures(pictures) => {
                let placed = pictures.into_iter().map(|(rank, picture)| {
                    let start = put(&picture.planes)?;
                    let Picture { layout, width, height, matrix, range, planes } = picture;
                    let length = planes.len() as u64;
                    Ok(Placed { rank, layout, width, height, matrix, range, start, length })
                });
                placed.collect::<Result<_, VideoError>>().map(Answer::Pictures)
            }
            Ready::Packets(packets) => {
                let lengths = packets.iter().map(|packet| {
                    let Some(packet) = packet else { return Ok(None) };
                    put(packet).map(|_| Some(packet.len() as u32))
                });
                lengths.collect::<Result<_, VideoError>>().map(Answer::Packets)
            }
        }
    }

    fn work(&self) -> Work {
        self.reader.as_ref().map_or_else(Work::default, |(_, reader)| reader.work())
    }

    fn cost(&mut self, before: Work) -> Cost {
        let read = self.open.as_ref().map_or(0, OpenVideo::take_bytes_read);
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let now = time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs();
        let cpu = now.saturating_sub(std::mem::replace(&mut self.cpu, now));
        Cost { work: self.work().less(before), read, cpu }
    }

    fn known(&self) -> Known {
        self.open.as_ref().map_or_else(Known::default, OpenVideo::known)
    }
}

/// A request that does not follow from the ones before; this program's parents make none.
fn out_of_turn() -> VideoError {
    let cause = io::Error::other("it was asked out of turn");
    VideoError::System(SystemError::new("read", Path::new("standard input"), cause))
}
