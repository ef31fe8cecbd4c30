//! The async arrangement: schedule ─▶ rows of clips, in order, bounded in bytes, cancelled by dropping.
//!
//! ```text
//! schedule ─▶ permits (bytes) ─▶ job ─▶ worker thread ─▶ row(s) ─▶ FuturesOrdered
//!             in schedule order        at most 2·workers + 2 in flight  front first
//! ```
//!
//! - **Jobs**: clips of one video that follow each other are one job, read in one pass; fewer where they
//!   would take more than a thread's share of the budget. What a clip holds does not depend on it.
//! - **Permits**: one semaphore of budget / 64 KiB, taken here, in schedule order, before a job is sent;
//!   owned by its clips, reduced to their rows' bytes once they are made, given back when the rows
//!   are in the batch. A job that asks for more than the budget asks for all of it and goes alone.
//! - **Order**: `FuturesOrdered` yields from the front only, so batches do not depend on the workers.
//! - **Failures**: a failed slot is followed by the next of the order (see [`crate::schedule`]).
//! - **Time limit**: a video whose thread is stuck or panics fails ([`crate::worker_pool`]). Too many stuck threads end the
//!   stream, and so does one that waits for a disk: that is no fault of its video. (A thread that is only slow is ended
//!   by the reader's own limits.)
//! - **End**: the stream goes on for ever, epoch after epoch. Dropping it drops the permits, the awaited
//!   answers and the pool; threads finish the clip in hand and return.
//!
//! The stream must be polled inside a tokio runtime with a clock; [`channel`](super::channel) brings one.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    Stream,
    future::{self, Either},
    stream::{FuturesOrdered, StreamExt as _},
};
use schemas::{Kind, MADE_BY, quarantine::QuarantineLine};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{
    StreamError, Workers,
    worker::{ClipJob, ClipRows, OnFailure, WorkerContext},
};
use crate::{
    ClipNumber, Slot, VideoNumber,
    clips::{FailedSlot, RowMaker},
    profile::Profile,
    schedule::Order,
    source::{ClipSource, Reach, SourceError},
    worker_pool::{PoolError, Sent, WorkerPool},
};

/// Bytes of one permit.
const PERMIT: u64 = 64 << 10;

/// What clips are made from, and with what.
pub(crate) struct LoaderInputs {
    /// Where frames come from.
    pub source: Arc<dyn ClipSource>,
    /// The threads and what they may use.
    pub workers: Workers,
    /// Where failures are written.
    pub on_failure: Arc<OnFailure>,
    /// Bytes of the rows of a clip.
    pub output: u64,
}

/// The rows of a job's clips and the right to hold their bytes; dropping it gives the bytes back.
pub(crate) struct Held<R> {
    /// The rows.
    pub rows: Vec<R>,
    _bytes: OwnedSemaphorePermit,
}

/// The rows of the clips (epoch and number) that `places` names, in its order; those of one job together.
///
/// Drop each item before polling again: its permits admit the next job.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn clips<M: RowMaker>(
    inputs: LoaderInputs,
    maker: M,
    mut places: impl Iterator<Item = Result<(u32, ClipNumber), StreamError>> + Send + 'static,
    profile: Arc<Profile>,
) -> Result<impl Stream<Item = Result<Held<M::Row>, StreamError>> + Send + 'static, StreamError> {
    let (workers, output, maker) = (inputs.workers, inputs.output, Arc::new(maker));
    let most = (workers.budget_bytes / PERMIT).clamp(1, u64::from(u32::MAX >> 3)) as u32;
    // One message at most matters: the first ends the stream. Filled by any clip in flight, emptied here.
    let (stop, mut stopped) = mpsc::unbounded_channel();
    let dispatcher = Arc::new(Dispatcher::start(inputs, maker.clone(), stop, profile.clone())?);
    let budget = Arc::new(Semaphore::new(most as usize));
    let window = 2 * workers.count.max(1) + 2;
    let share = u64::from(most) * PERMIT / workers.count.max(1) as u64;

    Ok(async_stream::try_stream! {
        let mut next = places.next().transpose()?;
        let mut order: Option<Arc<Order>> = None;
        let mut in_flight = FuturesOrdered::new();
        loop {
            while let Some((epoch, first)) = next && in_flight.len() < window {
                let order = match &order {
                    Some(order) if order.epoch == epoch => order.clone(),
                    _ => order.insert(Arc::new(maker.order(epoch))).clone(),
                };
                let (at_most, bytes) = dispatcher.job(&order, first, output, share);
                let permits = bytes.div_ceil(PERMIT).clamp(1, u64::from(most)) as u32;
                // Permits come back only when rows are dropped, so there is nothing to wait for: with
                // none in flight all are here, and with some in flight the front is awaited.
                let Ok(held) = budget.clone().try_acquire_many_owned(permits) else {
                    profile.count_out_of_budget();
                    break;
                };
                let (mut clips, mut following) = (Vec::new(), first);
                while (clips.len() as u64) < at_most && next == Some((epoch, following)) {
                    clips.push(following);
                    following = following.next();
                    next = places.next().transpose()?;
                }
                in_flight.push_back(dispatcher.clone().clips(order, clips, held));
            }
            profile.see_in_flight(in_flight.len());
            let held = match future::select(in_flight.next(), std::pin::pin!(stopped.recv())).await {
                Either::Left((Some(held), _)) => held?,
                Either::Left((None, _)) if next.is_none() => break,
                Either::Left((None, _)) => continue,
                Either::Right((why, _)) => Err(why.expect("because the dispatcher holds a sender"))?,
            };
            yield held;
        }
    })
}

/// What all clips in flight share.
struct Dispatcher<M: RowMaker> {
    pool: WorkerPool<ClipJob, ClipRows<M::Row>>,
    source: Arc<dyn ClipSource>,
    maker: Arc<M>,
    on_failure: Arc<OnFailure>,
    /// Videos of which no clip can be had; only what holds for every clip of a video stands here, so
    /// that knowing it earlier or later changes no batch.
    lost: Mutex<HashSet<VideoNumber>>,
    /// Ends the stream at once, also while the clip in front waits for a thread that will never come.
    stop: mpsc::UnboundedSender<StreamError>,
}

/// Clips of a video that were sent.
struct SentClips<R> {
    video: VideoNumber,
    clips: usize,
    sent: Sent<ClipRows<R>>,
}

impl<M: RowMaker> Dispatcher<M> {
    /// Starts the threads.
    fn start(
        inputs: LoaderInputs,
        maker: Arc<M>,
        stop: mpsc::UnboundedSender<StreamError>,
        profile: Arc<Profile>,
    ) -> std::io::Result<Self> {
        let LoaderInputs { source, workers, on_failure, .. } = inputs;
        let context = Arc::new(WorkerContext { source: source.clone(), maker: maker.clone(), profile });
        let patience = Duration::from_secs(u64::from(workers.seconds_per_clip));
        let pool =
            WorkerPool::start("clip-worker", workers.count, patience, move || context.clone().worker())?;
        Ok(Self { stop, pool, source, maker, on_failure, lost: Mutex::default() })
    }

    /// How many clips from `first` on may become one job, and its bytes; each clip's rows have `output`.
    fn job(&self, order: &Order, first: ClipNumber, output: u64, share: u64) -> (u64, u64) {
        let video = self.maker.schedule().video_of(order.slot(first, 0).unwrap_or(Slot(0)));
        let bytes = |clips| self.source.bytes(video, clips).saturating_add(output.saturating_mul(clips));
        let mut clips = order.together(first);
        while clips > 1 && bytes(clips) > share {
            clips = clips.div_ceil(2);
        }
        (clips, bytes(clips))
    }

    /// Sends a job for clips of one video.
    fn send(&self, epoch: u32, video: VideoNumber, clips: Vec<(Slot, ClipNumber)>) -> SentClips<M::Row> {
        SentClips { video, clips: clips.len(), sent: self.pool.send(ClipJob { epoch, video, clips }) }
    }

    fn is_lost(&self, video: VideoNumber) -> bool {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).contains(&video)
    }

    /// The rows of `clips`, which are of one video. Their job is sent at once, not when the
    /// future is first polled.
    fn clips(
        self: Arc<Self>,
        order: Arc<Order>,
        clips: Vec<ClipNumber>,
        mut bytes: OwnedSemaphorePermit,
    ) -> impl Future<Output = Result<Held<M::Row>, StreamError>> + Send + 'static {
        let slots: Vec<_> = clips.iter().filter_map(|&clip| Some((order.slot(clip, 0)?, clip))).collect();
        let video = self.maker.schedule().video_of(slots.first().map_or(Slot(0), |(slot, _)| *slot));
        let first = (!self.is_lost(video)).then(|| self.send(order.epoch, video, slots));
        async move {
            let mut answers = match first {
                Some(sent) => self.answer(sent).await.into_iter(),
                None => Vec::new().into_iter(),
            };
            let mut rows = Vec::new();
            for clip in clips {
                match answers.next() {
                    Some(Ok(of_clip)) => {
                        rows.extend(of_clip);
                        continue;
                    }
                    Some(Err(why)) => self.write_down(video, why).await?,
                    // The video was lost before, and that was written down.
                    None => {}
                }
                match self.maker.on_failed_slot() {
                    FailedSlot::TakeNext => rows.extend(self.substitute(&order, clip).await?),
                    FailedSlot::LeaveEmpty => {}
                }
            }
            let needed = rows.iter().map(M::bytes).sum::<u64>().div_ceil(PERMIT);
            let spare = bytes.num_permits().saturating_sub(needed as usize);
            drop(bytes.split(spare));
            Ok(Held { rows, _bytes: bytes })
        }
    }

    /// The rows of `clip` from the first slot after its own that gives frames.
    async fn substitute(&self, order: &Order, clip: ClipNumber) -> Result<Vec<M::Row>, StreamError> {
        let schedule = self.maker.schedule();
        let mut failures = 0;
        loop {
            failures += 1;
            let slot = order.slot(clip, failures).ok_or_else(|| self.nothing_left(order, clip))?;
            let video = schedule.video_of(slot);
            if self.is_lost(video) {
                continue;
            }
            let sent = self.send(order.epoch, video, vec![(slot, clip)]);
            match self.answer(sent).await.pop() {
                Some(Ok(rows)) => return Ok(rows),
                Some(Err(why)) => self.write_down(video, why).await?,
                None => {}
            }
        }
    }

    /// Every slot that `clip` could take has failed.
    fn nothing_left(&self, order: &Order, clip: ClipNumber) -> StreamError {
        let (schedule, epoch) = (self.maker.schedule(), order.epoch);
        let video = order.slot(clip, 0).map(|slot| schedule.video_of(slot));
        match video.and_then(|video| self.source.mixture()?.name_of(video)) {
            Some(set) => StreamError::NothingLeftOf { set, epoch },
            None => StreamError::NothingLeft { slots: schedule.clips(), epoch },
        }
    }

    /// The rows of the clips that were sent, or why there are none. It never comes back where the stream ends.
    async fn answer(&self, SentClips { video, clips, sent }: SentClips<M::Row>) -> ClipRows<M::Row> {
        let end = match self.pool.answer(sent).await {
            Ok(Ok(rows)) => return rows,
            Ok(Err(why)) => {
                let why = SourceError::from(why);
                return (0..clips).map(|_| Err(why.clone())).collect();
            }
            Err(why) => why,
        };
        let video = self.source.name(video);
        let _ = self.stop.send(match end {
            PoolError::NoByte { seconds } => StreamError::Source(SourceError::no_byte(&video, seconds)),
            PoolError::TooManyStuck { stuck } => StreamError::TooManyStuck { stuck, video },
            PoolError::Thread(why) => StreamError::Thread(why),
        });
        future::pending().await
    }

    /// Takes note of a failure; an error ends the stream.
    async fn write_down(&self, video: VideoNumber, why: SourceError) -> Result<(), StreamError> {
        let reach = match &why {
            SourceError::LeftOut { reach, .. } | SourceError::Failed { reach, .. } => *reach,
            SourceError::Broken { .. } => return Err(StreamError::Source(why)),
        };
        if reach == Reach::Video {
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(video);
        }
        let (verdict, reason) = match why {
            SourceError::Failed { verdict, reason, .. } => (verdict, reason),
            SourceError::LeftOut { reason, .. } if self.maker.on_failed_slot() == FailedSlot::LeaveEmpty => {
                ("left-out".to_owned(), reason)
            }
            SourceError::LeftOut { .. } | SourceError::Broken { .. } => return Ok(()),
        };
        let kind = Kind::of_verdict(&verdict).name().to_owned();
        let line =
            QuarantineLine { video: self.source.name(video), verdict, kind, reason, made_by: MADE_BY.into() };
        let on_failure = self.on_failure.clone();
        // A file is written, so it is no work for an async thread.
        match tokio::task::spawn_blocking(move || on_failure(line)).await {
            Ok(written) => written.map_err(StreamError::Failures),
            Err(_) => Err(StreamError::Failures("the failure could not be written down".into())),
        }
    }
}
