//! Threads of a pool: each job is answered exactly once, also when a thread is left behind in the middle, and all threads
//! end with the queue.

use loom::thread::{self, JoinHandle};

use crate::{
    heartbeat::Heartbeat,
    sync::{Arc, AtomicBool, AtomicU64, Receiver, Relaxed, Sender, oneshot, unbounded},
    worker::{JobError, Queued, Worker, work},
};

type Jobs = Sender<Queued<u64, u64>>;
type Queue = Receiver<Queued<u64, u64>>;
type Told = (oneshot::Receiver<(u64, Heartbeat)>, oneshot::Receiver<Result<u64, JobError>>);

/// Every order in which a thread is interrupted at most twice: errors that need more are rare, and all orders are too many.
fn orders(threads: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(threads);
}

fn send(jobs: &Jobs, job: u64) -> Told {
    let ((start, started), (reply, answer)) = (oneshot::channel(), oneshot::channel());
    jobs.send(Queued { job, started: start, answer: reply });
    (started, answer)
}

/// A thread as the pool starts it; a worker adds ten, and panics at 7. `answered` counts.
fn start(queue: &Queue, number: u64, answered: &Arc<AtomicU64>) -> (Arc<AtomicBool>, JoinHandle<()>) {
    let retired = Arc::new(AtomicBool::new(false));
    let (queue, flag, answered) = (queue.clone(), retired.clone(), answered.clone());
    let thread = thread::spawn(move || {
        let new = || -> Worker<u64, u64> {
            let answered = answered.clone();
            Box::new(move |job| {
                answered.fetch_add(1, Relaxed);
                if job == 7 {
                    std::panic::resume_unwind(Box::new("seven"));
                }
                job + 10
            })
        };
        work(&new, &queue, number, &flag);
    });
    (retired, thread)
}

#[test]
fn two_threads_answer_each_job_once_and_end_with_the_queue() {
    orders(|| {
        let answered = Arc::new(AtomicU64::new(0));
        let (jobs, queue) = unbounded();
        let threads = [start(&queue, 0, &answered), start(&queue, 1, &answered)];
        let told = [send(&jobs, 1), send(&jobs, 2)];
        for (job, (started, answer)) in [1, 2].into_iter().zip(told) {
            assert!(started.wait().is_some());
            assert_eq!(answer.wait(), Some(Ok(job + 10)));
        }
        drop(jobs);
        threads.into_iter().for_each(|(_, thread)| thread.join().unwrap());
        assert_eq!(answered.load(Relaxed), 2);
    });
}

#[test]
fn a_panic_is_an_answer_and_the_thread_goes_on() {
    orders(|| {
        let answered = Arc::new(AtomicU64::new(0));
        let (jobs, queue) = unbounded();
        let (_, thread) = start(&queue, 0, &answered);
        let ((_started, first), (_other, second)) = (send(&jobs, 7), send(&jobs, 1));
        assert_eq!(first.wait(), Some(Err(JobError::Panicked { message: "seven".to_owned() })));
        assert_eq!(second.wait(), Some(Ok(11)));
        drop(jobs);
        thread.join().unwrap();
    });
}

#[test]
fn jobs_are_answered_though_a_thread_is_left_behind() {
    orders(|| {
        let answered = Arc::new(AtomicU64::new(0));
        let (jobs, queue) = unbounded();
        let (retired, first) = start(&queue, 0, &answered);
        let (one, two) = (send(&jobs, 1), send(&jobs, 2));
        assert_eq!(one.0.wait().map(|(number, _)| number), Some(0));
        // The watchdog's patience is over: nobody waits for the answer any more, and another thread takes the place.
        drop(one.1);
        retired.store(true, Relaxed);
        let (_, second) = start(&queue, 1, &answered);
        assert_eq!(two.1.wait(), Some(Ok(12)));
        drop(jobs);
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(answered.load(Relaxed), 2, "the job in hand was finished, and none was done twice");
    });
}

#[test]
fn a_thread_that_was_left_behind_in_a_job_takes_no_other() {
    orders(|| {
        let (release, held) = unbounded::<()>();
        let (jobs, queue) = unbounded();
        let retired = Arc::new(AtomicBool::new(false));
        let (first_queue, flag) = (queue.clone(), retired.clone());
        let first = thread::spawn(move || {
            let new = || -> Worker<u64, u64> {
                let held = held.clone();
                Box::new(move |job| {
                    let _ = held.recv();
                    job + 10
                })
            };
            work(&new, &first_queue, 0, &flag);
        });
        let one = send(&jobs, 1);
        one.0.wait().unwrap();
        retired.store(true, Relaxed);
        let (_, second) = start(&queue, 1, &Arc::new(AtomicU64::new(0)));
        let two = send(&jobs, 2);
        // The library that hung comes back after all.
        drop(release);
        assert_eq!(two.0.wait().map(|(number, _)| number), Some(1));
        assert_eq!(two.1.wait(), Some(Ok(12)));
        drop(jobs);
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn a_job_that_nobody_awaits_is_left_out() {
    orders(|| {
        let answered = Arc::new(AtomicU64::new(0));
        let (jobs, queue) = unbounded();
        let (started, answer) = send(&jobs, 1);
        drop((started, answer));
        let (_, thread) = start(&queue, 0, &answered);
        drop(jobs);
        thread.join().unwrap();
        assert_eq!(answered.load(Relaxed), 0);
    });
}
