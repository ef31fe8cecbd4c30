//! The command's allocator for a process that is the command, the system's for any other.
//!
//! Steps of a training make and drop the same large tensors again and again, so the command keeps them
//! ([`KeptMemory`]). An interpreter that reads clips shares its memory with PyTorch and others, and gives back what it does
//! not use. Which of both a process is, is decided by the first large block, or by [`keep`] before it, and never changes:
//! a block is given back to where it was taken from.

#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU8, Ordering::Relaxed},
};

use tubelet::trainer::allocator::KeptMemory;

struct Chosen;

#[global_allocator]
static MEMORY: Chosen = Chosen;

const UNDECIDED: u8 = 0;
const SYSTEM: u8 = 1;
const KEPT: u8 = 2;

static CHOICE: AtomicU8 = AtomicU8::new(UNDECIDED);

/// Keeps large blocks from now on, unless there was one already.
pub fn keep() {
    // Where it is decided, it stays as it is.
    let _ = CHOICE.compare_exchange(UNDECIDED, KEPT, Relaxed, Relaxed);
}

/// Whether a block of this layout is kept; a large one decides it.
fn is_kept(layout: Layout) -> bool {
    if !KeptMemory::keeps(layout) {
        return false;
    }
    match CHOICE.compare_exchange(UNDECIDED, SYSTEM, Relaxed, Relaxed) {
        Ok(_) => false,
        Err(chosen) => chosen == KEPT,
    }
}

// SAFETY: each layout is served by one allocator for as long as the process lives: a small one by the system's, which
// `KeptMemory` hands it to as well, a large one by the one that was chosen before the first large block was made.
unsafe impl GlobalAlloc for Chosen {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { if is_kept(layout) { KeptMemory.alloc(layout) } else { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { if is_kept(layout) { KeptMemory.alloc_zeroed(layout) } else { System.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; the layout tells where it was taken from.
        unsafe {
            if is_kept(layout) { KeptMemory.dealloc(place, layout) } else { System.dealloc(place, layout) }
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let becomes_kept = Layout::from_size_align(size, layout.align()).is_ok_and(is_kept);
        // SAFETY: the caller's promise. `KeptMemory` moves a block where one of both layouts is small.
        unsafe {
            if becomes_kept || is_kept(layout) {
                KeptMemory.realloc(place, layout, size)
            } else {
                System.realloc(place, layout, size)
            }
        }
    }
}
