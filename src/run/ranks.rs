//! The processes that train one model: the first writes the run's folder, all go on together or not at all.
//!
//! ```text
//! launched? ─▶ world, device, cores ─▶ the first opens the folder ─▶ the others do ─▶ all train ─▶ all end
//!              an error of any process comes up to `together`, which tells it to the others
//! ```
//!
//! All processes are given the same command and see the same videos and the same folder of the run. Only the first one is
//! heard: the others would say the same.

use std::{env, ops::Range, path::Path};

use pipeline::quarantine::Quarantine;
use schemas::MADE_BY;
use trainer::{
    Device, Recipe, RunFolder, Steps,
    train::{
        join_world::join_world,
        world::{
            Machines, Raised, World, WorldError, cores,
            launcher::{LaunchError, launch},
        },
    },
};

use super::{plan::Ready, quarantine, settings::RunSettings};
use crate::{
    data::loading::Loading,
    device,
    error::{Error, Result, Usage},
    machine::default_workers,
    observer::{Event, Observer},
    recipe_choice::wrong,
};

/// This process among those of a training.
pub struct Ranks {
    world: Box<dyn World>,
    /// Where it computes.
    device: Device,
    /// Threads that decode.
    workers: usize,
}

/// Where processes compute, and where they find each other.
#[derive(Clone, Copy)]
pub struct Meeting<'a> {
    /// Where to compute, as it was asked for, such as `tch:cuda`.
    pub device: &'a str,
    /// Threads that decode.
    pub workers: usize,
    /// A folder that all of them see.
    pub folder: &'a Path,
}

impl<'a> From<&'a RunSettings> for Meeting<'a> {
    fn from(run: &'a RunSettings) -> Self {
        Self { device: &run.device, workers: run.workers, folder: &run.out }
    }
}

/// Does `work` in all processes of a training or a probe. What one fails for ends it in all of them.
///
/// # Errors
/// Usage error: the processes that were started cannot train together. As `work`; and when another process fails.
pub fn together<R>(
    meeting: Meeting<'_>,
    observer: &dyn Observer,
    work: impl FnOnce(&Ranks, &dyn Observer) -> Result<R>,
) -> Result<R> {
    let ranks = Ranks::join(meeting)?;
    if ranks.writes() {
        let result = work(&ranks, observer);
        return ranks.end(result);
    }
    let result = work(&ranks, &|event: Event<'_>| {
        if let Event::Stoppable = event {
            observer.on(event);
        }
    });
    ranks.end(result)
}

impl Ranks {
    fn join(meeting: Meeting<'_>) -> Result<Self> {
        let launched = launch(|name| env::var(name).ok()).map_err(refused)?;
        let local_rank = launched.map_or(0, |launched| launched.place.local_rank);
        let name = match launched {
            Some(_) => {
                let visible = env::var("CUDA_VISIBLE_DEVICES").ok();
                Device::of_process(meeting.device, local_rank, visible.as_deref())
            }
            None => meeting.device.to_owned(),
        };
        let device = device::named(&name)?;
        let world = join_world(launched, &device, meeting.folder).map_err(refused)?;
        let before = default_workers();
        #[cfg(target_os = "linux")]
        cores::bind(world.place())?;
        // A number that nobody gave is that of the cores that are left.
        let workers = if meeting.workers == before { default_workers() } else { meeting.workers };
        Ok(Self { world, device, workers })
    }

    /// Whether this process writes the run's folder.
    pub fn writes(&self) -> bool {
        self.world.place().writes()
    }

    /// Its number, and how many processes there are.
    pub fn place(&self) -> [usize; 2] {
        let place = self.world.place();
        [place.rank, place.size]
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Threads that decode.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The device of this process, and the processes.
    pub fn machines(&self) -> Machines<'_> {
        Machines { device: &self.device, world: &*self.world }
    }

    /// Waits for all processes.
    ///
    /// # Errors
    /// When another one failed.
    pub fn all_here(&self) -> Result<()> {
        self.world.meet(Raised::NOTHING)?;
        Ok(())
    }

    /// Does `work` in the first process, then in the others.
    ///
    /// # Errors
    /// As `work`, and when the first one failed.
    pub fn in_turn<R>(&self, work: impl FnOnce() -> Result<R>) -> Result<R> {
        if !self.writes() {
            self.all_here()?;
            return work();
        }
        let done = work()?;
        self.all_here()?;
        Ok(done)
    }

    /// The micro-batches of an update that this process computes; none where it computes all.
    ///
    /// # Errors
    /// Usage error: they cannot be shared out.
    pub fn share(&self, recipe: &Recipe, observer: &dyn Observer) -> Result<Option<Range<u64>>> {
        let place = self.world.place();
        if place.size == 1 {
            return Ok(None);
        }
        let Some(share) = recipe.share(place.rank, place.size).map_err(wrong)? else {
            return Err(not_shared(recipe, place.size).into());
        };
        let (micro_batch, _) = recipe.accumulation().map_err(wrong)?;
        observer.note(format_args!(
            "{} processes, {} micro-batches of {micro_batch} clips each in an update",
            place.size,
            share.len()
        ));
        if !self.world.adds_in_order() || !share.len().is_power_of_two() {
            observer.note(format_args!(
                "note: a run of another number of processes agrees with this one to rounding only, {}",
                if self.world.adds_in_order() {
                    "since that is no power of two of micro-batches"
                } else {
                    "since NCCL chooses the order of its sums"
                }
            ));
        }
        Ok(Some(share.start as u64..share.end as u64))
    }

    /// Checks that all processes train by the same recipe on the same videos.
    ///
    /// # Errors
    /// Usage error: this one does not do as the first.
    pub fn check_same(&self, recipe: &Recipe, data: &str, steps: Steps) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        for words in [&recipe.digest(), data, MADE_BY, &format!("{steps:?}")] {
            hasher.update(words.as_bytes());
        }
        let mine = *hasher.finalize().as_bytes();
        let mut of_first = mine;
        self.broadcast(&mut of_first)?;
        if mine == of_first {
            return Ok(());
        }
        let rank = self.world.place().rank;
        Err(Usage::new(format!(
            "process {rank} of the training has other videos, settings or steps than the first"
        ))
        .hint("give every process the same arguments, and the same videos under the same names")
        .into())
    }

    /// The run as the first process has made it ready.
    ///
    /// # Errors
    /// As `ready`, which the first one does, and when the others cannot open the folder.
    pub fn ready(&self, out: &Path, ready: impl FnOnce() -> Result<Ready>) -> Result<Ready> {
        let ready = if self.writes() { Some(ready()?) } else { None };
        if let Some(ready) = &ready {
            // What a launch that was killed left.
            let folder = ready.folder.path();
            quarantine::gather(folder, &Quarantine::open(Some(&quarantine::file(folder, 0)), 1, 1.0)?)?;
        }
        let mut first = ready.as_ref().map_or(0, |ready| ready.first).to_le_bytes();
        self.broadcast(&mut first)?;
        match ready {
            Some(ready) => Ok(ready),
            None => Ready::of_first(out, u64::from_le_bytes(first)),
        }
    }

    /// Where this process writes down which of so many videos fail.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn quarantine(&self, folder: &RunFolder, videos: u64, recipe: &Recipe) -> Result<Quarantine> {
        let place = self.world.place();
        let most = quarantine::most_failed(recipe.run.max_failed_share, place.rank, place.size);
        Ok(Quarantine::open(Some(&quarantine::file(folder.path(), place.rank)), videos, most)?)
    }

    /// Tells which of so many videos failed, where the training `went_well` in all processes together.
    ///
    /// # Errors
    /// When the lists of the processes cannot be put together.
    pub fn note_failures(
        &self,
        loading: &Loading,
        folder: &RunFolder,
        videos: u64,
        went_well: bool,
        observer: &dyn Observer,
    ) -> Result<()> {
        if went_well {
            self.all_here()?;
            if self.writes() {
                quarantine::gather(folder.path(), &loading.quarantine)?;
            }
        }
        loading.note_failures(videos, &quarantine::file(folder.path(), 0), observer);
        Ok(())
    }

    fn broadcast(&self, bytes: &mut [u8]) -> Result<()> {
        self.all_here()?;
        self.world.broadcast(bytes)?;
        Ok(())
    }

    /// Ends with the others: as `result` says, or for what another process failed for.
    fn end<R>(&self, result: Result<R>) -> Result<R> {
        let failed = |why: &Error| Raised { failed: true, usage: why.usage().is_some(), ..Raised::NOTHING };
        let result = match result {
            Ok(done) => self.all_here().map(|()| done),
            Err(why) if why.of_world().is_some() => Err(why),
            Err(why) => {
                // That it failed is what they are told.
                let _ = self.world.meet(failed(&why));
                Err(why)
            }
        };
        let Err(why) = result else {
            self.world.end();
            return result;
        };
        if let Some(WorldError::Library { .. }) = why.of_world() {
            return Err(why);
        }
        // Where the first process failed itself, it says so for all.
        let mut first_failed = [u8::from(why.of_world().is_none())];
        self.world.broadcast(&mut first_failed)?;
        self.world.end();
        match (self.writes(), first_failed) {
            (false, [1]) => {
                Err(WorldError::Elsewhere { usage: why.usage().is_some(), rank: self.world.place().rank }
                    .into())
            }
            _ => Err(why),
        }
    }
}

/// What to do where processes that were started cannot train together.
fn refused(why: LaunchError) -> Error {
    let usage = Usage::new(why.to_string());
    match why {
        LaunchError::Half { by, missing, .. } => {
            usage.hint(format!("start it by {by}, or set {missing} too, or neither of them"))
        }
        LaunchError::NoSum { by, size } => usage.hint(format!(
            "build it with `--features mpi` and start it by `mpirun -n {size} tubelet …` (srun where Slurm's MPI is \
             that of the build), or with `--features nccl` for a GPU a process; or start {}",
            one_process(by)
        )),
        LaunchError::OtherSize { told, .. } => usage.hint(format!(
            "start it by the launcher of the MPI that it was built with: `mpirun -n {told} tubelet …`"
        )),
        LaunchError::Number { .. } => usage.hint("the launcher sets it; else leave it out"),
        _ => usage,
    }
    .into()
}

/// How one process is started.
fn one_process(by: &str) -> &'static str {
    match by {
        // A batch script is told of its job's tasks too.
        "srun" => "one process by `srun -n 1`",
        _ => "one process",
    }
}

/// That an update's micro-batches cannot be shared out, with those that can.
fn not_shared(recipe: &Recipe, size: usize) -> Usage {
    let (batch, repeats) = (recipe.optimiser.batch, recipe.clip.repeats.max(1));
    let (micro_batch, parts) = recipe.accumulation().unwrap_or((batch, 1));
    let fits = |clips: &usize| {
        clips.is_multiple_of(repeats) && batch.is_multiple_of(*clips) && (batch / clips).is_multiple_of(size)
    };
    let usage = Usage::new(format!(
        "{size} processes cannot share out an update of {batch} clips in micro-batches of {micro_batch}: there are {parts}"
    ));
    match (1..=micro_batch).rev().find(fits) {
        Some(clips) => usage.hint(format!("`--set optimiser.micro_batch={clips}` makes {}", batch / clips)),
        None => {
            let of_all = (size * repeats).max(1);
            let batch = batch.div_ceil(of_all) * of_all;
            let micro_batch = batch / size;
            usage.hint(format!("`--set optimiser.batch={batch} --set optimiser.micro_batch={micro_batch}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(batch: usize, repeats: usize, size: usize) -> String {
        let mut recipe = Recipe::default();
        (recipe.optimiser.batch, recipe.optimiser.micro_batch) = (batch, 0);
        recipe.clip.repeats = repeats;
        not_shared(&recipe, size).hinted().unwrap().to_owned()
    }

    #[test]
    fn the_largest_micro_batch_that_can_be_shared_out_is_named() {
        assert_eq!(hint(8, 1, 2), "`--set optimiser.micro_batch=4` makes 2");
        assert_eq!(hint(12, 2, 3), "`--set optimiser.micro_batch=4` makes 3");
        assert_eq!(hint(8, 1, 3), "`--set optimiser.batch=9 --set optimiser.micro_batch=3`");
        assert_eq!(hint(6, 4, 2), "`--set optimiser.batch=8 --set optimiser.micro_batch=4`");
    }

    #[test]
    fn one_process_computes_all() {
        let ranks = together(Meeting::from(&RunSettings::new("nowhere")), &(), |ranks, _| {
            assert!(ranks.writes() && ranks.device().is_cpu());
            ranks.share(&Recipe::default(), &())
        });
        assert_eq!(ranks.unwrap(), None);
    }
}
