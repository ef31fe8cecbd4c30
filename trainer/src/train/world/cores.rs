//! The processor cores of a machine, shared out among its processes.
//!
//! A process counts the cores that it may run on and starts as many threads, for products, for decoding and elsewhere.
//! Where several processes train on a machine, each is bound to its share, so that they do not all start as many as the
//! machine has. Launchers do this too (mpirun by default, srun with `--cpu-bind`), and know sockets; then nothing is left to do.

#![allow(unsafe_code)] // which cores a thread may run on is asked of the system, and told to it

#[cfg(target_os = "linux")]
use std::{io, mem};

use super::Place;

/// Cores of the machine that process `local_rank` of `local_size` runs on, of `cores`: neighbours, and one at least.
fn share(cores: usize, place: Place) -> std::ops::Range<usize> {
    let Place { local_rank, local_size, .. } = place;
    let cores = cores.max(1);
    let first = local_rank * cores / local_size.max(1) % cores;
    let end = ((local_rank + 1) * cores / local_size.max(1)).clamp(first + 1, cores);
    first..end
}

/// Binds this thread, and the threads and processes that it starts from now on, to this process's share of the machine's
/// cores, unless a launcher has bound it already.
#[cfg(target_os = "linux")]
pub fn bind(place: Place) -> io::Result<()> {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: `cpu_set_t` is a bit mask, for which all bits zero is a value.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most `size` bytes of `set`, which has as many; 0 is the calling thread.
    if unsafe { libc::sched_getaffinity(0, size, &mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `cpu` is below the number of bits of `set`.
    let allowed: Vec<usize> = (0..8 * size).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect();
    // SAFETY: it only asks the system for a number.
    let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    let bound_already = usize::try_from(online).is_ok_and(|online| allowed.len() < online);
    if place.local_size <= 1 || bound_already {
        return Ok(());
    }
    // SAFETY: as above.
    let mut mine: libc::cpu_set_t = unsafe { mem::zeroed() };
    for at in share(allowed.len(), place) {
        // SAFETY: the numbers are those of bits of a set of the same size.
        unsafe { libc::CPU_SET(allowed[at], &mut mine) };
    }
    // SAFETY: the kernel reads `size` bytes of `mine`, which has as many.
    if unsafe { libc::sched_setaffinity(0, size, &mine) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(cores: usize, local_size: usize) -> Vec<std::ops::Range<usize>> {
        let place = |local_rank| Place { rank: 0, size: 9, local_rank, local_size };
        (0..local_size).map(|local_rank| share(cores, place(local_rank))).collect()
    }

    #[test]
    fn every_core_belongs_to_one_process() {
        assert_eq!(shares(8, 2), [0..4, 4..8]);
        assert_eq!(shares(8, 3), [0..2, 2..5, 5..8]);
        assert_eq!(shares(2, 2), [0..1, 1..2]);
    }

    #[test]
    fn more_processes_than_cores_have_one_each() {
        assert!(shares(2, 5).iter().all(|share| share.len() == 1 && share.end <= 2));
        assert_eq!(shares(1, 2), [0..1, 0..1]);
    }
}
