//! A global allocator that keeps large blocks for the next tensor.
//!
//! Every operation makes its result anew. The system's allocator gives a large block back to the kernel when
//! it is freed and gets fresh pages for the next one, each of which the kernel has to zero: a fifth of a
//! training step. Here a freed block waits in an arena (`arena.rs`) instead, joined with its free neighbours, and the
//! next request is cut out of the smallest block that has room. Steps are alike, so after the first one no
//! fresh page is needed, and what is held is little more than what was in use at the fullest moment.
//!
//! What small data needs goes to the system's allocator as ever, and nothing is given back before the
//! process ends.

#![allow(unsafe_code)] // an allocator is a promise about raw memory

mod arena;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

use self::arena::{Arena, HEADER, SMALLEST};

/// The allocator; `#[global_allocator] static MEMORY: KeptMemory = KeptMemory;` in a binary switches it on.
#[derive(Debug)]
pub struct KeptMemory;

impl KeptMemory {
    /// Reserves so many bytes at a time from now on, not 1 GiB: for a process whose limit of memory counts what is
    /// reserved.
    pub fn reserve_at_once(bytes: usize) {
        arena::CHUNK.store(bytes, Relaxed);
    }

    /// Whether a layout is served from the arena; it depends on the layout alone, so what is given back is known
    /// by it. All others are the system's.
    pub fn keeps(layout: Layout) -> bool {
        layout.size() >= SMALLEST && layout.align() <= HEADER
    }
}

static ARENA: Mutex<Arena> = Mutex::new(Arena::EMPTY);

fn arena() -> MutexGuard<'static, Arena> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

// SAFETY: what the arena hands out is as large as asked for, aligned to a cache line and in one hand until
// it is given back; which layouts it serves depends on the layout alone. Everything else is the system's.
unsafe impl GlobalAlloc for KeptMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !Self::keeps(layout) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        }
        arena().take(layout.size()).map_or(ptr::null_mut(), |block| block.place)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !Self::keeps(layout) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let Some(block) = arena().take(layout.size()) else { return ptr::null_mut() };
        // SAFETY: the block has room for the layout, and used bytes are counted within it.
        unsafe { block.place.write_bytes(0, block.used) };
        block.place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if Self::keeps(layout) {
            // SAFETY: a place of a kept layout is the arena's, and the caller is done with it.
            unsafe { arena().give_back(place) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(place, layout) }
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        match (Self::keeps(layout), Self::keeps(wanted)) {
            // SAFETY: the caller's promise.
            (false, false) => unsafe { System.realloc(place, layout, size) },
            // SAFETY: a place of a kept layout is the arena's.
            (true, true) if size <= unsafe { arena::room(place) } => place,
            // SAFETY: both blocks are as large as their layouts and distinct; the old one is given back.
            _ => unsafe {
                let moved = self.alloc(wanted);
                if !moved.is_null() {
                    moved.copy_from_nonoverlapping(place, layout.size().min(size));
                    self.dealloc(place, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 4).unwrap()
    }

    #[test]
    fn small_and_strictly_aligned_layouts_are_the_systems() {
        assert!(KeptMemory::keeps(layout(SMALLEST)));
        assert!(!KeptMemory::keeps(layout(SMALLEST - 1)));
        assert!(!KeptMemory::keeps(Layout::from_size_align(1 << 20, 128).unwrap()));
    }

    #[test]
    fn blocks_grow_and_shrink_with_what_is_in_them() {
        // Miri takes a thousand times as long for each byte.
        let size = if cfg!(miri) { SMALLEST + 4321 } else { 7_654_321 };
        // SAFETY: every block is used within its layout and given back once, with its last layout.
        unsafe {
            let first = KeptMemory.alloc_zeroed(layout(size));
            assert_eq!(first.cast::<u8>().align_offset(HEADER), 0);
            assert!((0..size).all(|at| *first.add(at) == 0));
            first.write_bytes(9, size);
            let grown = KeptMemory.realloc(first, layout(size), 3 * size);
            assert!((0..size).all(|at| *grown.add(at) == 9));
            grown.write_bytes(9, 3 * size);
            let shrunk = KeptMemory.realloc(grown, layout(3 * size), 100);
            assert!((0..100).all(|at| *shrunk.add(at) == 9));
            KeptMemory.dealloc(shrunk, layout(100));
            let again = KeptMemory.alloc_zeroed(layout(2 * size));
            assert!((0..2 * size).all(|at| *again.add(at) == 0));
            KeptMemory.dealloc(again, layout(2 * size));
        }
    }
}
