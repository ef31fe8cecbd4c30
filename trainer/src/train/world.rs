//! The processes of a training: which of them this one is, and what they do together.
//!
//! ```text
//! launcher     torchrun, srun, mpirun: which process of how many it started, from its environment
//! alone        one process
//! mpi, nccl    several, whose gradients are summed through a library (features `mpi` and `nccl`)
//! cores        the processor cores of a machine shared out among its processes
//! ```
//!
//! Each process computes its own micro-batches of every update. Whatever decides how a training goes on is decided by all
//! of them together in [`World::meet`], between the gradients of a step and its update: a process that stopped, ran out
//! of data or failed by itself would leave the others waiting for its gradients. What differs between processes is only
//! that the first writes.
//!
//! A process that fails has to tell the others: whoever made the world raises [`Raised::failed`] once, when the error has
//! come up to it, and not for [`WorldError::Elsewhere`], which is another process's failure.

mod alone;
pub mod cores;
pub mod launcher;
#[cfg(feature = "mpi")]
pub mod mpi;
#[cfg(feature = "nccl")]
pub mod nccl;

pub use alone::Alone;

use crate::device::Device;

/// Which process of a training this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 0.
    #[doc(alias = "RANK")]
    pub rank: usize,
    /// Processes in all.
    #[doc(alias = "WORLD_SIZE")]
    pub size: usize,
    /// Its number among those on the same machine.
    #[doc(alias = "LOCAL_RANK")]
    pub local_rank: usize,
    /// Processes on the same machine.
    #[doc(alias = "LOCAL_WORLD_SIZE")]
    pub local_size: usize,
}

impl Place {
    /// That of the only process.
    pub const ALONE: Self = Self { rank: 0, size: 1, local_rank: 0, local_size: 1 };

    /// Whether this is the process that writes the run's folder.
    pub fn writes(self) -> bool {
        self.rank == 0
    }
}

/// What a process has to tell the others before a step, or what any of them told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raised {
    /// It was asked to stop.
    pub stop: bool,
    /// It has no more batches.
    pub out_of_data: bool,
    /// It failed, and ends.
    pub failed: bool,
    /// What it failed for is a usage error.
    pub usage: bool,
}

impl Raised {
    /// Nothing: whoever raises it only waits for the others.
    pub const NOTHING: Self = Self { stop: false, out_of_data: false, failed: false, usage: false };

    /// A number a flag, 1 where it is raised.
    #[cfg(any(feature = "mpi", feature = "nccl"))]
    fn numbers(self) -> [u8; 4] {
        [self.stop, self.out_of_data, self.failed, self.usage].map(u8::from)
    }

    #[cfg(any(feature = "mpi", feature = "nccl"))]
    fn of_numbers(numbers: [u8; 4]) -> Self {
        let [stop, out_of_data, failed, usage] = numbers.map(|number| number > 0);
        Self { stop, out_of_data, failed, usage }
    }

    /// The same, or the error that another process has failed.
    #[cfg(any(feature = "mpi", feature = "nccl"))]
    fn unless_failed(self, rank: usize) -> Result<Self, WorldError> {
        if self.failed { Err(WorldError::Elsewhere { usage: self.usage, rank }) } else { Ok(self) }
    }
}

/// Why processes cannot go on together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// Another process failed.
    #[error("another process of this training failed; what it printed says why")]
    Elsewhere {
        /// Whether for a usage error.
        usage: bool,
        /// The number of this process.
        rank: usize,
    },
    /// The library that sums failed.
    #[error("{library}: {why}")]
    Library {
        /// Which one.
        library: &'static str,
        /// What it said.
        why: String,
    },
}

/// The processes of a training. Each method but [`World::place`] waits until all of them call it.
#[doc(alias("ProcessGroup", "distributed", "communicator"))]
pub trait World {
    /// Which of them this process is.
    fn place(&self) -> Place;

    /// Puts in the place of `values` their mean over all processes, each weighed by its `weight`: the same numbers
    /// in each of them.
    ///
    /// # Errors
    /// When the library that sums fails.
    #[doc(alias = "all_reduce")]
    fn mean(&self, values: &mut [f32], weight: u64) -> Result<(), WorldError>;

    /// Whether [`World::mean`] adds in an order that follows from the number of processes alone, so that a power of two of
    /// micro-batches in each gives what one process has, to the bit.
    fn adds_in_order(&self) -> bool {
        true
    }

    /// Waits for all, and tells what any of them raises.
    ///
    /// # Errors
    /// When another process failed.
    #[doc(alias = "barrier")]
    fn meet(&self, raised: Raised) -> Result<Raised, WorldError>;

    /// Puts in the place of `bytes` those of the first process.
    ///
    /// # Errors
    /// When the library fails.
    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), WorldError>;

    /// Ends: nothing is asked of it any more, also where the training failed and every process knows it.
    fn end(&self) {}
}

/// Where a training computes: the device of this process, and the processes.
#[derive(Clone, Copy)]
pub struct Machines<'a> {
    /// The device.
    pub device: &'a Device,
    /// The processes.
    pub world: &'a dyn World,
}

impl<'a> From<&'a Device> for Machines<'a> {
    /// In this process alone.
    fn from(device: &'a Device) -> Self {
        Self { device, world: &Alone }
    }
}
