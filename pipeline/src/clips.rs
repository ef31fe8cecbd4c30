//! From the frames of a clip to rows of a batch: masked ones for pre-training, whole ones as pre-training draws them,
//! augmented ones for fine-tuning, views for everything that is asked of a classifier.

pub mod another_mask;
pub mod augmented;
mod balance;
pub mod batch;
mod drawn_row;
pub mod masked;
mod upright;
pub mod views;
pub mod whole;
pub(crate) mod whole_frames;

use crate::{
    ClipNumber, Slot,
    profile::Profile,
    schedule::{Order, Schedule},
    source::ClipFrames,
};

/// What the threads make of a clip's frames, and what comes where.
pub trait RowMaker: Send + Sync + 'static {
    /// What a clip becomes one or several of.
    type Row: Send + 'static;

    /// The schedule of its clips.
    fn schedule(&self) -> &Schedule;

    /// The order of the slots in `epoch`.
    fn order(&self, epoch: u32) -> Order {
        self.schedule().order(epoch)
    }

    /// The rows of `clip`, whose frames are those of `slot`: a pure function of the arguments.
    fn rows(
        &self,
        frames: ClipFrames,
        epoch: u32,
        slot: Slot,
        clip: ClipNumber,
        profile: &Profile,
    ) -> Vec<Self::Row>;

    /// Bytes that a row holds.
    fn bytes(row: &Self::Row) -> u64;

    /// What becomes of a clip whose slot gave no frames.
    fn on_failed_slot(&self) -> FailedSlot {
        FailedSlot::TakeNext
    }
}

/// What becomes of a clip whose slot gave no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedSlot {
    /// It takes the next slot of the order.
    TakeNext,
    /// It has no rows; the failure is written down whatever its kind.
    LeaveEmpty,
}

#[cfg(test)]
mod tests;
