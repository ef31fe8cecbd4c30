//! Seeded damage: what a bad disk, a broken download or a careless tool does to a film.

use std::{fmt, fs, path::PathBuf};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// Damage number `number` of a run with `seed`, done to one of its films.
#[derive(Clone, Debug)]
pub struct Mutation {
    pub film: PathBuf,
    /// Whose beginning is put before the film's end, where it is spliced.
    other: PathBuf,
    kind: Kind,
    draw: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    BitFlips,
    Cut,
    ZeroRun,
    SplicedHead,
}

impl Mutation {
    /// Number `number` of `count`; numbers that follow each other damage the same film.
    pub fn new(films: &[PathBuf], seed: u64, number: usize, count: usize) -> Self {
        let mut draw = ChaCha8Rng::seed_from_u64(seed ^ (number as u64) << 20);
        let kind = match draw.next_u32() % 8 {
            0..4 => Kind::BitFlips,
            4 => Kind::Cut,
            5 | 6 => Kind::ZeroRun,
            _ => Kind::SplicedHead,
        };
        Self {
            film: films[number * films.len() / count].clone(),
            other: films[draw.next_u32() as usize % films.len()].clone(),
            kind,
            draw: draw.next_u64(),
        }
    }

    /// The damaged film's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut draw = ChaCha8Rng::seed_from_u64(self.draw);
        let mut bytes = fs::read(&self.film).unwrap();
        let length = bytes.len();
        let mut below = |end: usize| draw.next_u64() as usize % end.max(1);
        match self.kind {
            Kind::BitFlips => {
                for _ in 0..1 << below(6) {
                    bytes[below(length)] ^= 1 << below(8);
                }
            }
            Kind::Cut => bytes.truncate(below(length)),
            Kind::ZeroRun => {
                let (start, run) = (below(length), 1 << (3 + below(11)));
                bytes[start..(start + run).min(length)].fill(0);
            }
            Kind::SplicedHead => {
                let head = fs::read(&self.other).unwrap();
                let end = below(length.min(head.len()));
                bytes[..end].copy_from_slice(&head[..end]);
            }
        }
        bytes
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", self.kind, self.film.display())
    }
}
