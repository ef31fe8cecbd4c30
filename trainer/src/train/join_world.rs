//! Joins the processes of a training: by MPI where this build has it, by NCCL where each computes on a GPU.

use std::path::Path;

use super::world::{
    Alone, World,
    launcher::{LaunchError, Launched},
};
use crate::device::Device;

/// The processes that `launched` tells of; this one alone where it tells of none. What they need to find each other
/// is exchanged in `folder`.
///
/// # Errors
/// When this build cannot sum over processes, or they do not find each other.
#[doc(alias = "init_process_group")]
pub fn join_world(
    launched: Option<Launched>,
    device: &Device,
    folder: &Path,
) -> Result<Box<dyn World>, LaunchError> {
    let Some(launched) = launched else { return Ok(Box::new(Alone)) };
    #[cfg(not(feature = "nccl"))]
    let _ = (device, folder);
    #[cfg(feature = "nccl")]
    if let Some(card) = device.card() {
        let launch = super::world::launcher::name_of_launch();
        return Ok(Box::new(super::world::nccl::Nccl::join(launched.place, card, folder, &launch)?));
    }
    #[cfg(feature = "mpi")]
    return Ok(Box::new(super::world::mpi::Mpi::join(&launched)?));
    #[cfg(not(feature = "mpi"))]
    Err(LaunchError::NoSum { by: launched.by, size: launched.place.size })
}

/// Ends all processes of the training at once, where they have been joined and did not end together.
pub fn abort(code: u8) {
    #[cfg(feature = "mpi")]
    super::world::mpi::abort(code);
    // Whoever started processes that NCCL joined ends them when one ends.
    #[cfg(not(feature = "mpi"))]
    let _ = code;
}
