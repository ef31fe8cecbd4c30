//! Times of a bench: processor time of the whole process, so that a stage's helpers count too.

// Each bench uses another part of it.
#![allow(dead_code)]

use std::time::Duration;

/// Batches of rounds; the fastest counts, since other work on the machine only ever adds.
const BATCHES: usize = 7;

/// Processor time of this process so far, in ms.
pub fn cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("because it counts from 0");
    let nanoseconds = u32::try_from(time.tv_nsec).expect("because it is below a second");
    Duration::new(seconds, nanoseconds).as_secs_f64() * 1e3
}

/// Prints the milliseconds of a round in the fastest and in the median batch.
pub fn measure(name: &str, rounds: usize, mut work: impl FnMut(usize)) {
    let mut times: Vec<f64> = (0..BATCHES)
        .map(|batch| {
            let start = cpu_ms();
            (batch * rounds..(batch + 1) * rounds).for_each(&mut work);
            (cpu_ms() - start) / rounds as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:44} {:8.4} ms CPU, median {:8.4} ms", times[0], times[BATCHES / 2]);
}
