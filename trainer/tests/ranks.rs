//! Several processes train one model: as one does, to the bit, and all go on together or not at all. Here they are
//! threads; `scripts/test_ranks.sh` has processes by MPI.

mod batches;
mod scenes;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use schemas::{ClipBatch, clip_batch::schema_with_sets, metrics::SetLine};
use trainer::{
    Device, Outcome, Recipe, RunFolder, Steps, TrainError,
    checkpoint::native::Checkpoint,
    pretrain,
    train::world::{Machines, Place, Raised, World, WorldError},
};

/// What threads that stand for processes share: a slot each, and two waits around reading them.
struct Meeting {
    wait: Barrier,
    values: Mutex<Vec<(Vec<f32>, u64)>>,
    raised: Mutex<Vec<Raised>>,
}

impl Meeting {
    fn of(size: usize) -> Self {
        let values = Mutex::new(vec![(Vec::new(), 0); size]);
        Self { wait: Barrier::new(size), values, raised: Mutex::new(vec![Raised::NOTHING; size]) }
    }

    /// Puts `mine` into a slot, and reads all when they are there.
    fn exchange<T: Clone>(&self, slots: &Mutex<Vec<T>>, rank: usize, mine: T) -> Vec<T> {
        slots.lock().unwrap()[rank] = mine;
        self.wait.wait();
        let all = slots.lock().unwrap().clone();
        self.wait.wait();
        all
    }
}

/// One of them. What it would sum it may spoil first.
struct Member<'a> {
    rank: usize,
    size: usize,
    meeting: &'a Meeting,
    spoils: bool,
}

impl World for Member<'_> {
    fn place(&self) -> Place {
        Place { rank: self.rank, size: self.size, local_rank: self.rank, local_size: self.size }
    }

    fn mean(&self, values: &mut [f32], weight: u64) -> Result<(), WorldError> {
        if self.spoils {
            values[0] = f32::NAN;
        }
        let all = self.meeting.exchange(&self.meeting.values, self.rank, (values.to_vec(), weight));
        values.copy_from_slice(&halves(&all).0);
        Ok(())
    }

    fn meet(&self, raised: Raised) -> Result<Raised, WorldError> {
        let all = self.meeting.exchange(&self.meeting.raised, self.rank, raised);
        let any = |flag: fn(&Raised) -> bool| all.iter().any(flag);
        if any(|raised| raised.failed) {
            return Err(WorldError::Elsewhere { usage: false, rank: self.rank });
        }
        let (stop, out_of_data) = (any(|raised| raised.stop), any(|raised| raised.out_of_data));
        Ok(Raised { stop, out_of_data, ..Raised::NOTHING })
    }

    fn broadcast(&self, _bytes: &mut [u8]) -> Result<(), WorldError> {
        unreachable!("a training broadcasts nothing")
    }
}

/// The weighed mean of two halves, and so on down to one.
fn halves(all: &[(Vec<f32>, u64)]) -> (Vec<f32>, u64) {
    let [one] = all else {
        let (left, right) = all.split_at(all.len() / 2);
        let ((left, of_left), (right, of_right)) = (halves(left), halves(right));
        let share = |part: u64| (part as f64 / (of_left + of_right) as f64) as f32;
        let pairs = left.iter().zip(&right);
        let mean = pairs.map(|(left, right)| left * share(of_left) + right * share(of_right)).collect();
        return (mean, of_left + of_right);
    };
    one.clone()
}

/// A model of a few thousand weights; updates of four micro-batches.
fn recipe() -> Recipe {
    let mut recipe = Recipe::default();
    for setting in [
        "clip.frames=8",
        "clip.size=32",
        "model.patch=8",
        "model.encoder_dim=48",
        "model.encoder_depth=2",
        "model.encoder_heads=3",
        "model.decoder_dim=24",
        "model.decoder_heads=3",
        "model.decoder_depth=1",
        "model.drop_path=0.2",
        "optimiser.batch=8",
        "optimiser.micro_batch=2",
        "optimiser.base_lr=0.3",
        "schedule.warmup_epochs=0",
        "run.log_every=1",
        "run.checkpoint_every=2",
    ] {
        recipe.set(setting).unwrap();
    }
    recipe
}

/// What a process is like.
#[derive(Clone, Copy, Default)]
struct Manner {
    /// Micro-batches that it has, then there are no more.
    has: Option<usize>,
    /// Micro-batches that can be read, then one cannot.
    reads: Option<usize>,
    /// Whether its gradients hold what is no number.
    spoils: bool,
    /// Whether it is asked to stop after its first step.
    stops: bool,
}

type Ended = Result<Outcome, TrainError>;

/// The loss of each step, and what the sets of a mixture had of it.
type Losses = Vec<(f64, Option<BTreeMap<String, SetLine>>)>;

/// The same clips, of two sets: every third of one, the others of the other.
fn mixed(batch: RecordBatch) -> RecordBatch {
    let names = ["films".into(), "robots".into()];
    let schema = schema_with_sets(&batch.schema(), &names);
    let clips = ClipBatch::try_from(batch.clone()).unwrap();
    let set = |clip| &*names[usize::from(clips.identity(clip).1 % 3 == 0)];
    let sets: StringArray = (0..clips.len()).map(|clip| Some(set(clip))).collect();
    let columns = batch.columns().iter().cloned().chain([Arc::new(sets) as ArrayRef]);
    RecordBatch::try_new(schema, columns.collect()).unwrap()
}

/// Trains in as many processes as there are manners; how each ended, the losses of the first and its last checkpoint.
fn train(manners: &[Manner], steps: u64) -> (Vec<Ended>, Losses, Option<Checkpoint>) {
    let (recipe, folder) = (recipe(), tempfile::tempdir().unwrap());
    let run = RunFolder::create(&folder.path().join("run"), &recipe, "made scenes").unwrap();
    let (size, meeting) = (manners.len(), Meeting::of(manners.len()));
    let ended: Vec<(Ended, Losses)> = thread::scope(|scope| {
        let started: Vec<_> = (0..size)
            .map(|rank| {
                let member = Member { rank, size, meeting: &meeting, spoils: manners[rank].spoils };
                let (recipe, run, manner) = (&recipe, &run, manners[rank]);
                scope.spawn(move || train_as(&member, manner, recipe, run, steps))
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let losses = ended[0].1.clone();
    (ended.into_iter().map(|(ended, _)| ended).collect(), losses, run.last_checkpoint().ok())
}

fn train_as(
    member: &Member<'_>,
    manner: Manner,
    recipe: &Recipe,
    run: &RunFolder,
    steps: u64,
) -> (Ended, Losses) {
    let (clips, parts) = recipe.accumulation().unwrap();
    let mine = recipe.share(member.rank, member.size).unwrap().unwrap();
    let batch = |number: usize| -> RecordBatch {
        let (clips, number) = (clips as u64, number as u64);
        mixed(scenes::batch(recipe.geometry().unwrap(), clips * number..clips * (number + 1), 4))
    };
    let numbers = (0..).filter(|number| mine.contains(&(number % parts)));
    let batches = numbers.take(manner.has.unwrap_or(usize::MAX)).enumerate().map(|(at, number)| {
        if manner.reads == Some(at) { Err(io::Error::other("a lost disk")) } else { Ok(batch(number)) }
    });
    let (device, stop, mut losses) = (Device::flex(), AtomicBool::new(false), Vec::new());
    let machines = Machines { device: &device, world: member };
    let steps = Steps { per_epoch: 4, schedule: 12, until: steps };
    let ended = pretrain(recipe, machines, batches, run, steps, &stop, |line| {
        losses.push((line.loss, line.sets.clone()));
        stop.store(manner.stops, SeqCst);
    });
    // Whoever made the world tells the others, unless it was told.
    if !matches!(ended, Ok(_) | Err(TrainError::World(_))) {
        let _ = member.meet(Raised { failed: true, ..Raised::NOTHING });
    }
    (ended, losses)
}

const WELL: Manner = Manner { has: None, reads: None, spoils: false, stops: false };

#[test]
fn one_two_and_four_processes_train_the_same_to_the_bit() {
    let (_, losses, whole) = train(&[WELL], 3);
    let whole = whole.unwrap();
    for (loss, sets) in &losses {
        let sets = sets.as_ref().unwrap();
        assert!((sets["robots"].share - 1.0 / 3.0).abs() < 0.12, "{sets:?}");
        let sum: f64 = sets.values().map(|set| set.share * set.loss.unwrap()).sum();
        assert!((sum - loss).abs() < 1e-6, "{sum}, the loss is {loss}");
    }
    for size in [2, 4] {
        let (ended, of_first, checkpoint) = train(&vec![WELL; size], 3);
        assert!(ended.iter().all(|ended| matches!(ended, Ok(Outcome::Done { .. }))), "{ended:?}");
        assert_eq!(of_first, losses);
        assert_eq!(checkpoint.unwrap(), whole);
    }
}

#[test]
fn a_number_that_is_none_in_one_process_stops_all_before_the_update() {
    let spoils = Manner { spoils: true, ..WELL };
    let (ended, losses, checkpoint) = train(&[WELL, spoils], 3);
    for ended in ended {
        assert!(matches!(ended, Err(TrainError::NotFinite { step: 0, .. })), "{ended:?}");
    }
    assert!(losses.is_empty() && checkpoint.is_none());
}

#[test]
fn a_request_to_one_process_stops_all_after_the_same_step() {
    let (ended, losses, checkpoint) = train(&[WELL, Manner { stops: true, ..WELL }], 9);
    for ended in ended {
        assert!(matches!(ended, Ok(Outcome::Stopped { step: 1, .. })), "{ended:?}");
    }
    assert_eq!((losses.len(), checkpoint.unwrap().about.step), (1, 1));
}

#[test]
fn when_one_process_has_no_more_batches_all_end_after_the_same_step() {
    // Two micro-batches of each update are its own; the third update lacks one.
    let (ended, _, checkpoint) = train(&[WELL, Manner { has: Some(5), ..WELL }], 9);
    for ended in ended {
        assert!(matches!(ended, Ok(Outcome::OutOfData { step: 2, .. })), "{ended:?}");
    }
    assert_eq!(checkpoint.unwrap().about.step, 2);
}

#[test]
fn an_error_in_one_process_ends_all_and_each_knows_whose_it_was() {
    let (ended, losses, checkpoint) = train(&[WELL, Manner { reads: Some(4), ..WELL }], 9);
    let [first, second] = ended.try_into().unwrap();
    assert!(matches!(first, Err(TrainError::World(WorldError::Elsewhere { rank: 0, .. }))), "{first:?}");
    assert!(matches!(second, Err(TrainError::Data { step: 2, .. })), "{second:?}");
    // That of the second step, as the recipe asks for.
    assert_eq!((losses.len(), checkpoint.unwrap().about.step), (2, 2));
}

#[test]
fn micro_batches_that_cannot_be_shared_out_are_refused() {
    let (ended, ..) = train_alone_as(0, 3);
    assert!(matches!(ended, Err(TrainError::Shares { processes: 3, parts: 4 })), "{ended:?}");
}

/// Begins as one of so many processes, without the others.
fn train_alone_as(rank: usize, size: usize) -> (Ended, RunFolder) {
    let (recipe, folder) = (recipe(), tempfile::tempdir().unwrap());
    let run = RunFolder::create(&folder.path().join("run"), &recipe, "").unwrap();
    let meeting = Meeting::of(1);
    let member = Member { rank, size, meeting: &meeting, spoils: false };
    let machines = Machines { device: &Device::flex(), world: &member };
    let batches = std::iter::empty::<Result<RecordBatch, io::Error>>();
    let steps = Steps { per_epoch: 4, schedule: 12, until: 1 };
    (pretrain(&recipe, machines, batches, &run, steps, &AtomicBool::new(false), |_| {}), run)
}
