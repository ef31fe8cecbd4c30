//! A global allocator that keeps large blocks for the next tensor of about their size.
//!
//! Every operation makes its result anew. The system's allocator gives a large block back to the kernel when
//! it is freed and gets fresh pages for the next one, each of which the kernel has to zero: a fifth of a
//! training step. Here a freed block waits in a list of its size instead. Steps are alike, so after the first
//! one almost every block comes from the lists.
//!
//! ```text
//! │ header: which list │ the bytes asked for … │ rest, up to an eighth of a power of two │
//!                      └ what the caller gets, 64 bytes into the block
//! ```
//!
//! A block may serve a request of half its size, so what waits stays near what was in use at the fullest
//! moment. Blocks of some megabytes ask for huge pages. What small data needs goes to the system's allocator
//! as ever, and nothing is given back before the process ends.

#![allow(unsafe_code)] // an allocator is a promise about raw memory

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::{Mutex, PoisonError},
};

/// Smaller blocks are the system's business.
const SMALLEST: usize = 1 << 18;
/// Bytes before what the caller gets, and the strictest alignment that is kept: a cache line.
const HEADER: usize = 64;
/// Huge pages of x86-64, and blocks from which on they are asked for.
const HUGE_PAGE: usize = 1 << 21;
const HUGE_FROM: usize = 2 * HUGE_PAGE;
/// Sizes between one power of two and the next.
const EIGHTHS: usize = 8;
/// Lists: eight for each power of two from 2¹⁸ to 2⁴⁵.
const LISTS: usize = 28 * EIGHTHS;

/// The allocator; `#[global_allocator] static MEMORY: KeptMemory = KeptMemory;` in a binary switches it on.
#[derive(Debug)]
pub struct KeptMemory;

/// What a block begins with.
struct Header {
    list: usize,
    next: *mut Header,
}

/// Free blocks: the first of each list.
struct Free([*mut Header; LISTS]);

// SAFETY: the blocks in the lists belong to nobody else.
unsafe impl Send for Free {}

static FREE: Mutex<Free> = Mutex::new(Free([ptr::null_mut(); LISTS]));

/// The list of blocks for a layout; none for one that is left to the system.
fn list_of(layout: Layout) -> Option<usize> {
    let size = layout.size();
    if size < SMALLEST || layout.align() > HEADER {
        return None;
    }
    let power = size.ilog2();
    let units = size.div_ceil(1 << (power - EIGHTHS.ilog2())); // 8 to 16
    let list = (power - SMALLEST.ilog2()) as usize * EIGHTHS + units - EIGHTHS;
    (list < LISTS).then_some(list)
}

/// Bytes for the caller in a block of this list.
fn room(list: usize) -> usize {
    (EIGHTHS + list % EIGHTHS) * (SMALLEST / EIGHTHS) << (list / EIGHTHS)
}

/// How the system is asked for a block of this list.
fn whole(list: usize) -> Layout {
    let bytes = HEADER + room(list);
    let alignment = if bytes < HUGE_FROM { HEADER } else { HUGE_PAGE };
    Layout::from_size_align(bytes, alignment).expect("because lists end far below the largest layout")
}

/// A block that waits, or null.
fn take(list: usize) -> *mut Header {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    for first in &mut free.0[list..LISTS.min(list + EIGHTHS + 1)] {
        let block = *first;
        if !block.is_null() {
            // SAFETY: a block in a list begins with a header, and nobody else has it.
            *first = unsafe { (*block).next };
            return block;
        }
    }
    ptr::null_mut()
}

/// A block from the system, filled with zeros, or null.
fn fresh(list: usize) -> *mut Header {
    let layout = whole(list);
    // SAFETY: the layout is not empty.
    let block = unsafe { System.alloc_zeroed(layout) }.cast::<Header>();
    if !block.is_null() {
        ask_for_huge_pages(block.cast(), layout.size());
        // SAFETY: the block is as large as its header and aligned to a cache line.
        unsafe { block.write(Header { list, next: ptr::null_mut() }) };
    }
    block
}

#[cfg(target_os = "linux")]
fn ask_for_huge_pages(block: *mut u8, bytes: usize) {
    if bytes >= HUGE_FROM {
        // SAFETY: advice about pages of a block that is ours; nothing depends on whether it is taken.
        unsafe { libc::madvise(block.cast(), bytes / HUGE_PAGE * HUGE_PAGE, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: *mut u8, _: usize) {}

/// What the caller gets of a block.
fn inside(block: *mut Header) -> *mut u8 {
    if block.is_null() { ptr::null_mut() } else { block.cast::<u8>().wrapping_add(HEADER) }
}

/// The block of which the caller got this.
fn around(inside: *mut u8) -> *mut Header {
    inside.wrapping_sub(HEADER).cast()
}

// SAFETY: a kept block is in one list or with one caller, is at least as large as asked for, and is aligned
// to a cache line; which layouts are kept depends on the layout alone, so a block goes back where it came
// from. Everything else is the system's.
unsafe impl GlobalAlloc for KeptMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(list) = list_of(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        };
        let block = take(list);
        inside(if block.is_null() { fresh(list) } else { block })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(list) = list_of(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let block = take(list);
        if block.is_null() {
            return inside(fresh(list));
        }
        let inside = inside(block);
        // SAFETY: the block has room for the layout.
        unsafe { inside.write_bytes(0, layout.size()) };
        inside
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if list_of(layout).is_none() {
            // SAFETY: the caller's promise.
            return unsafe { System.dealloc(place, layout) };
        }
        let block = around(place);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the layout is a kept one, so `place` lies in a block with a header, which is given back.
        unsafe {
            let first = &mut free.0[(*block).list];
            (*block).next = *first;
            *first = block;
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        match (list_of(layout), list_of(wanted)) {
            // SAFETY: the caller's promise.
            (None, None) => unsafe { System.realloc(place, layout, size) },
            // SAFETY: the block has a header; where its room is enough it serves the new layout as well.
            (Some(_), Some(_)) if size <= room(unsafe { (*around(place)).list }) => place,
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
    fn a_block_has_room_for_what_its_list_is_for() {
        for size in [SMALLEST, SMALLEST + 1, 300_000, 1_000_000, 19_267_584, (1 << 30) + 5] {
            let list = list_of(layout(size)).unwrap();
            assert!((size..=size + size / EIGHTHS).contains(&room(list)), "{size}: {}", room(list));
        }
        assert_eq!(list_of(layout(SMALLEST - 1)), None);
        assert_eq!(list_of(Layout::from_size_align(1 << 20, 128).unwrap()), None);
    }

    #[test]
    fn blocks_are_used_again_and_grow_with_what_is_in_them() {
        let size = 7_654_321;
        // SAFETY: every block is used within its layout and given back once, with its last layout.
        unsafe {
            let first = KeptMemory.alloc_zeroed(layout(size));
            assert_eq!(first.cast::<u8>().align_offset(HEADER), 0);
            assert!((0..size).all(|at| *first.add(at) == 0));
            first.write_bytes(7, size);
            KeptMemory.dealloc(first, layout(size));
            let again = KeptMemory.alloc_zeroed(layout(size - 50));
            assert_eq!(again, first);
            assert!((0..size - 50).all(|at| *again.add(at) == 0));
            again.write_bytes(9, size - 50);
            let grown = KeptMemory.realloc(again, layout(size - 50), 3 * size);
            assert!((0..size - 50).all(|at| *grown.add(at) == 9));
            let shrunk = KeptMemory.realloc(grown, layout(3 * size), 100);
            assert!((0..100).all(|at| *shrunk.add(at) == 9));
            KeptMemory.dealloc(shrunk, layout(100));
        }
    }
}
