//! The processes of a training by MPI, through the memory of their hosts.
//!
//! Sums are our own, in a fixed order, since the order of an `MPI_Allreduce` depends on the library, its settings and the
//! number of values. Each process gets the values of one part of the tensors from all others, joins them as a balanced
//! tree ([`crate::train::pair_tree`]), and gives the result to all:
//!
//! ```text
//! rank 0   a0 b0        a0 a1 ─▶ a         a b
//! rank 1   a1 b1   ─▶   b0 b1 ─▶ b   ─▶    a b       2·(N − 1)/N times the bytes, as with the best all-reduce
//!             MPI_Alltoall        MPI_Allgather
//! ```
//!
//! MPI waits by asking again and again as fast as it can, which takes a core. Processes wait for each other in
//! [`World::meet`] alone, for as long as a validation or a checkpoint takes, and sleep there.
//!
//! Errors of MPI itself end all processes: that is its default. The calls come from the thread that trains.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use mpi::{
    Threading,
    collective::SystemOperation,
    environment::Universe,
    topology::SimpleCommunicator,
    traits::{Communicator as _, CommunicatorCollectives as _, Root as _},
};

use super::{
    Place, Raised, World, WorldError,
    launcher::{LaunchError, Launched},
};
use crate::train::pair_tree::{PairTree, shares};

/// MPI, between its beginning and its end in this process.
static UNIVERSE: Mutex<Option<Universe>> = Mutex::new(None);

/// How long a process sleeps at first, and at most, before it asks again whether the others have come.
const SLEEPS: [Duration; 2] = [Duration::from_micros(20), Duration::from_millis(2)];

/// The processes that MPI knows.
#[derive(Debug)]
pub struct Mpi {
    place: Place,
}

impl Mpi {
    /// Joins the other processes that `launched` tells of.
    ///
    /// # Errors
    /// When MPI knows of other processes, or was ended in this one before.
    pub fn join(launched: &Launched) -> Result<Self, LaunchError> {
        let mut universe = UNIVERSE.lock().unwrap_or_else(PoisonError::into_inner);
        if universe.is_none() {
            let begun = mpi::initialize_with_threading(Threading::Serialized);
            *universe = Some(begun.ok_or(LaunchError::Ended)?.0);
        }
        let comm = SimpleCommunicator::world();
        let (rank, size) = (comm.rank() as usize, comm.size() as usize);
        let told = launched.place;
        if (rank, size) != (told.rank, told.size) {
            // This process ends for itself: MPI knows no other, or none that trains.
            *universe = None;
            return Err(LaunchError::OtherSize { by: launched.by, told: told.size, mpi: size });
        }
        let machine = comm.split_shared(comm.rank());
        let (local_rank, local_size) = (machine.rank() as usize, machine.size() as usize);
        Ok(Self { place: Place { rank, size, local_rank, local_size } })
    }
}

/// Ends all processes of the training at once, where MPI has begun and not ended.
pub fn abort(code: u8) {
    if UNIVERSE.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
        SimpleCommunicator::world().abort(code.into());
    }
}

impl World for Mpi {
    fn place(&self) -> Place {
        self.place
    }

    fn mean(&self, values: &mut [f32], weight: u64) -> Result<(), WorldError> {
        let (comm, size) = (SimpleCommunicator::world(), self.place.size);
        let part = values.len().div_ceil(size);
        // As many to each: the last part is filled up.
        let mut whole = vec![0.0; part * size];
        whole[..values.len()].copy_from_slice(values);
        let mut of_all = vec![0.0; part * size];
        comm.all_to_all_into(&whole[..], &mut of_all[..]);
        let mut weights = vec![0; size];
        comm.all_gather_into(&weight, &mut weights[..]);
        let mut tree = PairTree::new();
        for (values, weight) in of_all.chunks_exact(part.max(1)).zip(weights) {
            tree.push((values.to_vec(), weight), join);
        }
        let (mine, _) = tree.root(join).unwrap_or_default();
        comm.all_gather_into(&mine[..], &mut whole[..]);
        values.copy_from_slice(&whole[..values.len()]);
        Ok(())
    }

    fn meet(&self, raised: Raised) -> Result<Raised, WorldError> {
        wait_for_all();
        let (mine, mut all) = (raised.numbers(), [0; 4]);
        SimpleCommunicator::world().all_reduce_into(&mine[..], &mut all[..], SystemOperation::max());
        Raised::of_numbers(all).unless_failed(self.place.rank)
    }

    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), WorldError> {
        SimpleCommunicator::world().process_at_rank(0).broadcast_into(bytes);
        Ok(())
    }

    fn end(&self) {
        // Dropping it waits for the others, which are about to do the same.
        *UNIVERSE.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Waits for all processes, asleep.
fn wait_for_all() {
    let [mut sleep, longest] = SLEEPS;
    let mut barrier = SimpleCommunicator::world().immediate_barrier();
    while let Err(open) = barrier.test() {
        barrier = open;
        thread::sleep(sleep);
        sleep = (2 * sleep).min(longest);
    }
}

/// Two means and what they counted, as gradients of two micro-batches are joined.
fn join((left, of_left): (Vec<f32>, u64), (right, of_right): (Vec<f32>, u64)) -> (Vec<f32>, u64) {
    let [share, other] = shares(of_left, of_right).map(|share| share as f32);
    let pairs = left.into_iter().zip(right);
    (pairs.map(|(left, right)| left * share + right * other).collect(), of_left + of_right)
}
