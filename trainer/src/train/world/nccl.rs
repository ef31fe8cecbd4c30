//! The processes of a training by NCCL, a GPU each.
//!
//! Values come from the host's memory and go through that of the GPU. NCCL chooses the order of its sums by itself, so
//! runs with other numbers of processes agree to rounding only. The processes find each other by an id, which the first
//! one makes and writes into a file that all of them see: it appears whole, and is removed when all have come.

#![allow(unsafe_code)] // whether NVIDIA's libraries are there is found out by loading them

use std::{
    ffi::c_char,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use cudarc::{
    driver::{CudaContext, CudaStream},
    nccl::{Comm, Id, ReduceOp},
};
use schemas::whole_file;

use super::{Place, Raised, World, WorldError, launcher::LaunchError};

/// How long the others wait for the id of the first process.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often they look.
const EVERY: Duration = Duration::from_millis(200);

/// The processes that NCCL knows.
pub struct Nccl {
    place: Place,
    comm: Comm,
    stream: Arc<CudaStream>,
}

impl Nccl {
    /// Joins the other processes from GPU number `card`; the id is exchanged in `folder`, under a name that has `launch`
    /// in it, so that what an earlier launch left is not taken for it.
    ///
    /// # Errors
    /// When there is no NCCL or no such GPU, another process uses the same one, or the others do not come.
    pub fn join(place: Place, card: usize, folder: &Path, launch: &str) -> Result<Self, LaunchError> {
        let failed = |why: String| LaunchError::Nccl(why);
        // SAFETY: it only tries to load the libraries.
        let there =
            unsafe { cudarc::driver::sys::is_culib_present() && cudarc::nccl::sys::is_culib_present() };
        if !there {
            return Err(failed("libnccl.so or the NVIDIA driver was not found".to_owned()));
        }
        let context = CudaContext::new(card).map_err(|why| failed(format!("GPU {card}: {why}")))?;
        let stream = context.default_stream();
        let path = folder.join(format!(".nccl-id-{launch}"));
        let at = |cause: io::Error| failed(format!("{}: {cause}", path.display()));
        let id = if place.writes() {
            let id = Id::new().map_err(|why| failed(format!("{why:?}")))?;
            fs::create_dir_all(folder).map_err(at)?;
            whole_file::write(&path, &id.internal().map(|byte| byte as u8)).map_err(at)?;
            id
        } else {
            wait_for_id(&path)?
        };
        let comm = Comm::from_rank(Arc::clone(&stream), place.rank, place.size, id).map_err(|why| {
            failed(format!(
                "GPU {card} of process {} cannot join: {why:?}; each process needs a GPU of its own",
                place.rank
            ))
        })?;
        let world = Self { place, comm, stream };
        world.meet(Raised::NOTHING).map_err(|why| failed(why.to_string()))?;
        if place.writes() {
            fs::remove_file(&path).map_err(at)?;
        }
        Ok(world)
    }

    /// The sums of `values` over all processes.
    fn sum(&self, values: &[f32]) -> Result<Vec<f32>, WorldError> {
        let gpu = |why: cudarc::driver::DriverError| failed(why.to_string());
        let mut on_card = self.stream.clone_htod(values).map_err(gpu)?;
        self.comm
            .all_reduce_in_place(&mut on_card, &ReduceOp::Sum)
            .map_err(|why| failed(format!("{why:?}")))?;
        self.stream.clone_dtoh(&on_card).map_err(gpu)
    }
}

impl World for Nccl {
    fn place(&self) -> Place {
        self.place
    }

    fn mean(&self, values: &mut [f32], weight: u64) -> Result<(), WorldError> {
        let all = self.sum(&[weight as f32])?[0];
        let share = weight as f32 / all;
        values.iter_mut().for_each(|value| *value *= share);
        let mean = self.sum(values)?;
        values.copy_from_slice(&mean);
        Ok(())
    }

    fn adds_in_order(&self) -> bool {
        false
    }

    fn meet(&self, raised: Raised) -> Result<Raised, WorldError> {
        let all = self.sum(&raised.numbers().map(f32::from))?;
        let raised = |at: usize| u8::from(all.get(at).is_some_and(|count| *count > 0.0));
        Raised::of_numbers([0, 1, 2, 3].map(raised)).unless_failed(self.place.rank)
    }

    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), WorldError> {
        // Every other process adds nothing to the bytes of the first.
        let mine = if self.place.writes() { 1.0 } else { 0.0 };
        let values: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte) * mine).collect();
        let sums = self.sum(&values)?;
        bytes.iter_mut().zip(sums).for_each(|(byte, sum)| *byte = sum as u8);
        Ok(())
    }
}

fn failed(why: String) -> WorldError {
    WorldError::Library { library: "NCCL", why }
}

/// The id that the first process writes to `path`.
fn wait_for_id(path: &PathBuf) -> Result<Id, LaunchError> {
    let began = Instant::now();
    loop {
        match fs::read(path).map(|bytes| <[u8; 128]>::try_from(bytes)) {
            Ok(Ok(bytes)) => return Ok(Id::uninit(bytes.map(|byte| byte as c_char))),
            _ if began.elapsed() < PATIENCE => thread::sleep(EVERY),
            _ => {
                let seconds = PATIENCE.as_secs();
                let why = format!("the first process wrote no {} within {seconds} s", path.display());
                return Err(LaunchError::Nccl(why));
            }
        }
    }
}
