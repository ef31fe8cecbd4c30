//! Order, panics, stuck threads and those that wait for a disk.

use super::*;
use crate::heartbeat;

/// What a worker is to do.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Answer the number after so many milliseconds.
    Wait(u64),
    Panic,
    /// Never come back.
    Hang,
    /// Never get the bytes of a file.
    Read,
    /// Work for longer than the pool is patient, and show it.
    Long,
}

fn pool(count: usize) -> WorkerPool<(u64, Task), (u64, u64)> {
    WorkerPool::start("test", count, Duration::from_secs(1), || {
        // Jobs of this worker so far.
        let mut jobs = 0;
        Box::new(move |(number, task)| {
            jobs += 1;
            match task {
                Task::Wait(milliseconds) => thread::sleep(Duration::from_millis(milliseconds)),
                Task::Panic => panic!("number {number} is odd"),
                Task::Hang => loop {
                    thread::park();
                },
                Task::Read => heartbeat::reading(|| thread::sleep(Duration::from_secs(5))),
                Task::Long => (0..40).for_each(|_| {
                    heartbeat::step();
                    thread::sleep(Duration::from_millis(40));
                }),
            }
            (number, jobs)
        })
    })
    .unwrap()
}

/// The answers to `tasks` in the order in which they are handed on: the number, or why there is none.
fn answers(
    count: usize,
    tasks: &[Task],
    ordered: bool,
) -> Result<Vec<(u64, Result<u64, JobError>)>, PoolError> {
    let pool = pool(count);
    let mut found = Vec::new();
    let jobs = (0..).zip(tasks).map(|(number, task)| (number, (number, *task)));
    let take = |key: u64, answer: Answer<(u64, u64)>| -> Result<ControlFlow<()>, PoolError> {
        found.push((key, answer?.map(|(number, _)| number)));
        Ok(ControlFlow::Continue(()))
    };
    match ordered {
        true => pool.in_order(jobs, 2 * count, take)?,
        false => pool.as_they_come(jobs, 2 * count, take)?,
    }
    Ok(found)
}

#[test]
fn answers_come_in_the_order_of_the_jobs_or_as_they_are_ready() {
    let tasks = [Task::Wait(150), Task::Wait(0), Task::Wait(0), Task::Wait(0)];
    let keys = |ordered| -> Vec<u64> {
        let found = answers(2, &tasks, ordered).unwrap();
        assert!(found.iter().all(|(key, answer)| answer.as_ref() == Ok(key)));
        found.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(true), [0, 1, 2, 3]);
    assert_eq!(keys(false).last(), Some(&0));
}

#[test]
fn a_panic_is_an_answer_and_its_worker_is_thrown_away() {
    let pool = pool(1);
    let mut found = Vec::new();
    let jobs = [Task::Wait(0), Task::Wait(0), Task::Panic, Task::Wait(0)];
    let jobs = (0..).zip(jobs).map(|(number, task)| (number, (number, task)));
    pool.in_order(jobs, 1, |_: u64, answer| {
        found.push(answer?.map(|(_, jobs)| jobs));
        Ok::<_, PoolError>(ControlFlow::Continue(()))
    })
    .unwrap();
    let message = "number 2 is odd".to_owned();
    assert_eq!(found, [Ok(1), Ok(2), Err(JobError::Panicked { message }), Ok(1)]);
}

#[test]
fn a_stuck_thread_is_left_behind_and_the_others_go_on() {
    let found = answers(1, &[Task::Hang, Task::Wait(0), Task::Hang, Task::Wait(0)], true).unwrap();
    let stuck = || Err(JobError::Stuck { seconds: 1 });
    assert_eq!(found, [(0, stuck()), (1, Ok(1)), (2, stuck()), (3, Ok(3))]);
    assert_eq!(stuck().unwrap_err().verdict(), "time-limit");
}

#[test]
fn more_stuck_threads_than_are_borne_end_it() {
    let found = answers(2, &[Task::Hang; 8], true);
    assert!(matches!(found, Err(PoolError::TooManyStuck { stuck: 5 })), "{found:?}");
}

#[test]
fn a_thread_that_waits_for_a_file_is_no_fault_of_the_job() {
    let found = answers(1, &[Task::Read], true);
    assert!(matches!(found, Err(PoolError::NoByte { .. })), "{found:?}");
}

#[test]
fn work_that_takes_long_and_shows_it_is_left_alone() {
    assert_eq!(answers(1, &[Task::Long], true).unwrap(), [(0, Ok(0))]);
}

#[test]
fn breaking_off_leaves_the_rest_undone() {
    let (pool, mut found) = (pool(2), 0);
    let jobs = (0..100).map(|number| (number, (number, Task::Wait(1))));
    pool.in_order(jobs, 4, |_: u64, _| {
        found += 1;
        Ok::<_, PoolError>(if found == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
    .unwrap();
    assert_eq!(found, 3);
}

#[test]
fn a_thread_counts_its_own_steps_only() {
    let own = heartbeat::of_this_thread();
    let other = thread::spawn(|| {
        heartbeat::step();
        heartbeat::of_this_thread().steps()
    });
    assert_eq!((other.join().unwrap(), own.steps()), (1, 0));
    heartbeat::step();
    assert_eq!(own.steps(), 1);
}

#[test]
fn a_thread_that_waits_for_a_file_shows_it() {
    assert!(heartbeat::reading(|| heartbeat::of_this_thread().is_reading()));
    assert!(!heartbeat::of_this_thread().is_reading());
}
