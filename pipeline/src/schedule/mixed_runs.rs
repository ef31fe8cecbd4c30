//! The order of an epoch's clips in a mixture of sets.
//!
//! ```text
//! place of a clip ─▶ its set        64 places that follow each other: a set has its share of them to within one
//!                 ─▶ its number among the clips of that set
//!                 ─▶ a video        each set is gone through in an order of its own, and anew when it is at its end
//! ```
//!
//! A *run* is what follows each other of one video: all its clips of an epoch where they lie together, else one. Which
//! places of 64 a set has is drawn from (seed, epoch, number of the 64); the order of a set's videos from (seed, epoch,
//! how often it was gone through, set). A run takes 14 bytes at most.

use crate::draws::{Draws, Purpose};

/// Places over which each set has its share, to within one.
const BLOCK: usize = 64;

/// What is known of a set of a mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetShare {
    /// Its videos.
    pub videos: u64,
    /// Its share of the clips, 0 to 1.
    pub share: f64,
}

/// The runs of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MixedRuns {
    /// The set of each run.
    sets: Vec<u16>,
    /// How many runs before it are of its set.
    places: Vec<u32>,
    orders: Vec<SetOrder>,
    /// Runs of all sets together.
    all: u64,
}

/// The runs that a set has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SetOrder {
    /// Runs of the sets before it.
    before: u64,
    /// Its runs.
    count: u64,
    /// Which of its runs come one after the other, through all of them at least once.
    order: Vec<u32>,
}

impl MixedRuns {
    /// The runs of `epoch`, as many as the sets have together: `of_video` of each video.
    pub fn draw(seed: u64, epoch: u32, sets: &[SetShare], of_video: u64) -> Self {
        let counts: Vec<u64> = sets.iter().map(|set| set.videos.saturating_mul(of_video)).collect();
        let all = counts.iter().sum();
        let of_runs = sets_of_runs(seed, epoch, sets, all);
        let mut taken = vec![0u32; sets.len()];
        let mut next = |set: &u16| {
            let taken = &mut taken[usize::from(*set)];
            *taken += 1;
            *taken - 1
        };
        let places = of_runs.iter().map(&mut next).collect();
        let mut before = 0;
        let order_of = |(set, (&count, &taken)): (usize, (&u64, &u32))| {
            let key =
                |pass: u64| Draws::new(seed, Purpose::Order, epoch, pass * sets.len() as u64 + set as u64);
            let order = SetOrder { before, count, order: order_of(count, taken.into(), key) };
            before += count;
            order
        };
        let orders = counts.iter().zip(&taken).enumerate().map(order_of).collect();
        Self { sets: of_runs, places, orders, all }
    }

    /// Which of its set's a run is, and how many there are to take in its place, itself among them.
    pub fn place(&self, run: u64) -> (u64, u64) {
        match (self.set_of(run), self.index(run).and_then(|at| self.places.get(at))) {
            (Some(set), Some(place)) => (u64::from(*place), set.order.len() as u64),
            _ => (0, 0),
        }
    }

    /// The run of the dataset at `place` among those of the set of `run`. Where the set is gone through again, as many
    /// are added as the dataset has: it is another run of the same video.
    pub fn at(&self, run: u64, place: u64) -> Option<u64> {
        let set = self.set_of(run)?;
        let of_set = *set.order.get(usize::try_from(place).ok()?)?;
        let pass = place.checked_div(set.count)?;
        Some(set.before + u64::from(of_set) + pass * self.all)
    }

    fn index(&self, run: u64) -> Option<usize> {
        usize::try_from(run.checked_rem(self.sets.len() as u64)?).ok()
    }

    fn set_of(&self, run: u64) -> Option<&SetOrder> {
        self.orders.get(usize::from(*self.sets.get(self.index(run)?)?))
    }
}

/// The set of each of `runs` runs: 64 points at equal distances from a drawn one, in a drawn order, fall into the sets'
/// shares of the line from 0 to 1.
fn sets_of_runs(seed: u64, epoch: u32, sets: &[SetShare], runs: u64) -> Vec<u16> {
    let mut end = 0.0;
    let ends: Vec<f64> = sets
        .iter()
        .map(|set| {
            end += set.share;
            end
        })
        .collect();
    let last = sets.len().saturating_sub(1);
    let mut found = Vec::with_capacity(runs as usize);
    for block in 0..runs.div_ceil(BLOCK as u64) {
        let mut draws = Draws::new(seed, Purpose::Mixture, epoch, block);
        let offset = draws.unit();
        // The last ones of an epoch, which may be fewer, have the shares too.
        let here = (runs - block * BLOCK as u64).min(BLOCK as u64) as u8;
        let mut places: Vec<u8> = (0..here).collect();
        draws.shuffle(&mut places);
        found.extend(places.into_iter().map(|place| {
            let point = (f64::from(place) + offset) / f64::from(here);
            ends.iter().position(|end| point < *end).unwrap_or(last) as u16
        }));
    }
    found
}

/// `count` runs in an order that is drawn, again and again, until `taken` of them are there; at least each once.
fn order_of(count: u64, taken: u64, draws: impl Fn(u64) -> Draws) -> Vec<u32> {
    let mut order = Vec::with_capacity(count.max(taken) as usize);
    let mut pass = 0;
    while count > 0 && order.len() < count.max(taken) as usize {
        let mut of_pass: Vec<u32> = (0..count as u32).collect();
        draws(pass).shuffle(&mut of_pass);
        of_pass.truncate(count.max(taken) as usize - order.len());
        order.append(&mut of_pass);
        pass += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(shares: &[(u64, f64)]) -> Vec<SetShare> {
        shares.iter().map(|&(videos, share)| SetShare { videos, share }).collect()
    }

    #[test]
    fn every_64_runs_have_the_shares_to_within_one() {
        let shares = [0.55, 0.3, 0.13, 0.02];
        let of_runs = sets_of_runs(3, 1, &sets(&shares.map(|share| (9, share))), 10_000);
        for block in of_runs.chunks_exact(BLOCK) {
            for (set, share) in shares.iter().enumerate() {
                let count = block.iter().filter(|of| usize::from(**of) == set).count() as f64;
                assert!((count - share * BLOCK as f64).abs() < 1.0, "set {set}: {count} of 64");
            }
        }
        for (set, share) in shares.iter().enumerate() {
            let found = of_runs.iter().filter(|of| usize::from(**of) == set).count() as f64 / 1e4;
            assert!((found - share).abs() < 0.005, "set {set}: {found}");
        }
        // They are no pattern that comes again.
        assert_ne!(of_runs[..BLOCK], of_runs[BLOCK..2 * BLOCK]);
    }

    #[test]
    fn a_small_set_gives_each_of_its_videos_as_often_as_any_other() {
        let mixed = MixedRuns::draw(7, 0, &sets(&[(90, 0.5), (10, 0.5)]), 1);
        let all: Vec<u64> = (0..100).map(|run| mixed.at(run, mixed.place(run).0).unwrap()).collect();
        let mut times = [0u32; 100];
        all.iter().for_each(|run| times[(run % 100) as usize] += 1);
        // 50 or 51 clips of 10 videos, and about 50 of 90, none twice.
        assert!(times[90..].iter().all(|count| (4..=6).contains(count)), "{times:?}");
        assert!(times[..90].iter().all(|count| *count <= 1), "{times:?}");
        // Each time it is another run: another first frame is drawn for it.
        let mut distinct = all.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 100);
    }

    #[test]
    fn what_may_be_taken_instead_is_of_the_same_set() {
        let mixed = MixedRuns::draw(7, 0, &sets(&[(6, 0.9), (4, 0.1)]), 2);
        for run in 0..20 {
            let (place, count) = mixed.place(run);
            let of_set = |found: u64| found % 20 < 12;
            let own = of_set(mixed.at(run, place).unwrap());
            assert!((0..count).all(|place| of_set(mixed.at(run, place).unwrap()) == own), "run {run}");
            // All videos of the set are among them, also where the epoch takes few.
            assert!(count >= if own { 12 } else { 8 }, "run {run}: {count}");
        }
        assert_eq!(mixed.at(0, 1000), None);
    }

    #[test]
    fn a_mixture_of_one_set_goes_through_it_as_it_would_alone() {
        let mixed = MixedRuns::draw(7, 3, &sets(&[(40, 1.0)]), 1);
        let mut alone: Vec<u64> = (0..40).collect();
        Draws::new(7, Purpose::Order, 3, 0).shuffle(&mut alone);
        let all: Vec<u64> = (0..40).map(|run| mixed.at(run, mixed.place(run).0).unwrap()).collect();
        assert_eq!(all, alone);
    }
}
