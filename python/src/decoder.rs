//! Frames of one video: what `tubelet.VideoDecoder` is made of.

use std::{
    path::PathBuf,
    process,
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use arrow_buffer::Buffer as ArrowBuffer;
use pyo3::{prelude::*, types::PyDict};
use tubelet::{
    FrameReader,
    data::frames::{DimensionOrder, RgbFrames},
    pipeline::{
        FrameRank,
        transform::orientation,
        video::{Limits, Stop, VideoFacts},
    },
    schemas::settings::{Skip, Verify},
};

use crate::{buffer::Buffer, error, memory::Element, signals::Signals, waiting};

/// A video that is open. Calls from several threads follow one another.
#[pyclass(frozen, module = "tubelet")]
pub struct FrameDecoder {
    reader: Mutex<FrameReader>,
    facts: VideoFacts,
    signals: Signals,
    /// The process that used it last.
    owner: AtomicU32,
}

#[pymethods]
impl FrameDecoder {
    /// Opens a video; `whole` decodes all of it before the first frame is given, `sandbox` in a process of its own.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, whole: bool, sandbox: bool) -> PyResult<Self> {
        let verify = if whole { Verify::Video } else { Verify::Clip };
        let limits = Limits { sandbox, ..Limits::default() };
        let open = move || FrameReader::open_within(&path, verify, Skip::default(), limits);
        let reader = if sandbox {
            // A process of its own ends with the thread that started it.
            py.detach(open).map_err(|why| error::exception(py, &why))?
        } else {
            waiting::run_or_leave(py, open)?
        };
        let signals = Signals::new();
        let heard = signals.clone();
        let reader = reader.with_stop(Stop::when(move || heard.are_raised()));
        Ok(Self {
            facts: reader.video().facts.clone(),
            reader: Mutex::new(reader),
            signals,
            owner: process::id().into(),
        })
    }

    /// What is known of the video, by name.
    fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let facts = &self.facts;
        let (width, height) = self.size();
        let found = PyDict::new(py);
        found.set_item("num_frames", facts.frames)?;
        found.set_item("width", width)?;
        found.set_item("height", height)?;
        found.set_item("average_fps", facts.frames_per_second)?;
        found.set_item("duration_ns", facts.duration)?;
        found.set_item("codec", facts.codec)?;
        found.set_item("container", facts.container)?;
        found.set_item("bytes", facts.bytes)?;
        found.set_item("pixel_aspect", facts.pixel_aspect)?;
        found.set_item("rotation", u16::from(facts.orientation.quarter_turns) * 90)?;
        found.set_item("variable_rate", facts.variable_rate)?;
        found.set_item("key_frames", facts.key_frames.iter().map(|rank| rank.0).collect::<Vec<_>>())?;
        Ok(found)
    }

    /// Presentation time of each frame in ns, rising.
    fn times(&self) -> Vec<i64> {
        self.facts.times.iter().map(|time| time.0).collect()
    }

    /// The frames of these ranks, upright: uint8 `[N, 3, H, W]`, or `[N, H, W, 3]`.
    fn decode(&self, py: Python<'_>, ranks: Vec<u32>, channels_last: bool) -> PyResult<Buffer> {
        let order = if channels_last { DimensionOrder::Nhwc } else { DimensionOrder::Nchw };
        let ranks: Vec<FrameRank> = ranks.into_iter().map(FrameRank).collect();
        let (decoded, raised) = py
            .detach(|| {
                let mut reader = self.lock()?;
                let decoded = reader.decode_rgb(&ranks, order);
                // Within the lock: the signals of another thread's call are not this one's.
                Some((decoded, self.signals.take()))
            })
            .ok_or_else(|| {
                let said = "a thread of the process that this one was forked from was decoding with this VideoDecoder";
                error::usage(py, said, Some("open another one in this process"))
            })?;
        if let Some(signal) = raised {
            return Err(signal);
        }
        let RgbFrames { width, height, pixels } = decoded.map_err(|why| error::exception(py, &why))?;
        let (count, width, height) = (ranks.len(), width as usize, height as usize);
        let shape = match order {
            DimensionOrder::Nchw => [count, 3, height, width],
            DimensionOrder::Nhwc => [count, height, width, 3],
        };
        Ok(Buffer::new(ArrowBuffer::from_vec(pixels), Element::U8, &shape))
    }
}

impl FrameDecoder {
    /// The reader, once no other thread uses it; none in a forked process where a thread of its parent used it, which is
    /// not there to give it back.
    fn lock(&self) -> Option<MutexGuard<'_, FrameReader>> {
        if self.owner.load(Relaxed) == process::id() {
            return Some(self.reader.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let reader = match self.reader.try_lock() {
            Ok(reader) => reader,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        self.owner.store(process::id(), Relaxed);
        Some(reader)
    }

    /// Columns and rows of an upright frame.
    fn size(&self) -> (u32, u32) {
        orientation::upright_size(self.facts.orientation, (self.facts.width, self.facts.height))
    }
}
