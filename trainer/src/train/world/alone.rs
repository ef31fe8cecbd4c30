//! One process: there is nobody to sum with or to wait for.

use super::{Place, Raised, World, WorldError};

/// The only process of a training.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl World for Alone {
    fn place(&self) -> Place {
        Place::ALONE
    }

    fn mean(&self, _values: &mut [f32], _weight: u64) -> Result<(), WorldError> {
        Ok(())
    }

    fn meet(&self, raised: Raised) -> Result<Raised, WorldError> {
        Ok(raised)
    }

    fn broadcast(&self, _bytes: &mut [u8]) -> Result<(), WorldError> {
        Ok(())
    }
}
