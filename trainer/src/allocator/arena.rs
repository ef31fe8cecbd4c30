//! Memory in large chunks, cut into blocks; free neighbours are one block.
//!
//! ```text
//! chunk   │ how far it was used │ header │ what one caller gets … │ header │ … │ header │ free, never used │
//!                                        └ 64 bytes behind the header's beginning
//! ```
//!
//! A block's header says how long it is and which block lies before it, so both neighbours are found without
//! a search. Free blocks stand in lists by size, eight for each power of two; a request takes the smallest
//! that has room and leaves the rest behind. The part of a chunk that nobody had is the largest block and so
//! comes last; the system gives it pages only when it is touched.

use std::{
    alloc::{GlobalAlloc as _, Layout, System},
    ptr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Smaller requests are the system's business, and no smaller rest is left behind. Frames of 340×256 are larger.
pub(super) const SMALLEST: usize = 1 << 16;
/// Bytes before what a caller gets, and its alignment: a cache line.
pub(super) const HEADER: usize = 64;

/// Bytes that are asked of the system at once. They cost nothing before they are touched.
pub(super) static CHUNK: AtomicUsize = AtomicUsize::new(if cfg!(miri) { 1 << 20 } else { 1 << 30 });
/// Huge pages of x86-64: chunks begin at one, and ask for them.
const HUGE_PAGE: usize = 1 << 21;
/// Lists between one power of two and the next.
const EIGHTHS: usize = 8;
/// Lists: eight for each power of two from 2¹⁶ on. The last one holds whatever is larger.
const LISTS: usize = 28 * EIGHTHS;

/// Free blocks, and which lists have any.
pub(super) struct Arena {
    lists: [*mut Block; LISTS],
    filled: [u32; LISTS / 32],
}

// SAFETY: chunks belong to the arena, which is used by one thread at a time.
unsafe impl Send for Arena {}

/// What is handed out.
pub(super) struct Taken {
    /// Where it begins.
    pub(super) place: *mut u8,
    /// How many of its first bytes somebody may have written; all others are 0.
    pub(super) used: usize,
}

/// What a block begins with.
struct Block {
    /// Bytes, with this header.
    size: usize,
    /// The block that ends where this one begins; null for the first of a chunk.
    before: *mut Block,
    /// Whether the chunk ends with it.
    is_last: bool,
    is_free: bool,
    chunk: *mut Chunk,
    /// Neighbours in the list of free blocks; null at its ends.
    next: *mut Block,
    previous: *mut Block,
}

/// What a chunk begins with.
struct Chunk {
    /// Every byte from here on is 0.
    used_until: *mut u8,
}

const _: () = assert!(size_of::<Block>() <= HEADER && size_of::<Chunk>() <= HEADER);

impl Arena {
    pub(super) const EMPTY: Self = Self { lists: [ptr::null_mut(); LISTS], filled: [0; LISTS / 32] };

    /// A place for `bytes`; none when the system has no more.
    pub(super) fn take(&mut self, bytes: usize) -> Option<Taken> {
        let size = bytes.checked_add(2 * HEADER - 1)? / HEADER * HEADER;
        // SAFETY: blocks of the lists and of chunks are whole, and this arena's alone. The rest of a block
        // is one as well: it is large enough for a header, and its neighbours learn of it.
        unsafe {
            let mut block = self.smallest_with(size);
            if block.is_null() {
                block = chunk_for(size)?;
            } else {
                self.unlist(block);
            }
            let rest = (*block).size - size;
            let mut end = block.byte_add((*block).size);
            if rest >= SMALLEST + HEADER {
                end = block.byte_add(size);
                let Block { is_last, chunk, .. } = *block;
                let (next, previous) = (ptr::null_mut(), ptr::null_mut());
                let behind =
                    Block { size: rest, before: block, is_last, is_free: true, chunk, next, previous };
                end.write(behind);
                ((*block).size, (*block).is_last) = (size, false);
                tell_neighbour(end);
                self.list(end);
                end = end.byte_add(HEADER);
            }
            (*block).is_free = false;
            let place = block.cast::<u8>().add(HEADER);
            let used_until = &mut (*(*block).chunk).used_until;
            let used = (used_until.addr()).saturating_sub(place.addr()).min(bytes);
            *used_until = (*used_until).max(end.cast());
            Some(Taken { place, used })
        }
    }

    /// Takes back what was handed out.
    ///
    /// # Safety
    /// It was handed out by this arena, not given back since, and nobody uses it.
    pub(super) unsafe fn give_back(&mut self, place: *mut u8) {
        // SAFETY: a header lies before each place, and neighbours are blocks of the same chunk.
        unsafe {
            let mut block = around(place);
            (*block).is_free = true;
            if !(*block).is_last {
                let behind = block.byte_add((*block).size);
                if (*behind).is_free {
                    self.unlist(behind);
                    join(block, behind);
                }
            }
            let before = (*block).before;
            if !before.is_null() && (*before).is_free {
                self.unlist(before);
                join(before, block);
                block = before;
            }
            self.list(block);
        }
    }

    /// The smallest free block of at least this size, or null; of equal ones the first in memory, which keeps what
    /// lives long together and the last parts of chunks unused.
    ///
    /// # Safety
    /// The lists are whole.
    unsafe fn smallest_with(&self, size: usize) -> *mut Block {
        let own = list_of(size);
        // Blocks of the size's own list may be too small; those of later lists have room, and the first list
        // that has any has the smallest.
        for list in (own..LISTS).filter(|list| self.filled[list / 32] & 1 << (list % 32) != 0) {
            let (mut best, mut block) = (ptr::null_mut::<Block>(), self.lists[list]);
            while !block.is_null() {
                // SAFETY: blocks in a list are whole.
                unsafe {
                    let found = (*block).size;
                    if found >= size
                        && (best.is_null() || (found, block.addr()) < ((*best).size, best.addr()))
                    {
                        best = block;
                    }
                    block = (*block).next;
                }
            }
            if !best.is_null() {
                return best;
            }
        }
        ptr::null_mut()
    }

    /// Puts a free block into its list.
    ///
    /// # Safety
    /// The block is whole, and in no list.
    unsafe fn list(&mut self, block: *mut Block) {
        // SAFETY: the caller's promise; blocks in the list are whole.
        unsafe {
            let list = list_of((*block).size);
            let first = self.lists[list];
            ((*block).next, (*block).previous) = (first, ptr::null_mut());
            if !first.is_null() {
                (*first).previous = block;
            }
            self.lists[list] = block;
            self.filled[list / 32] |= 1 << (list % 32);
        }
    }

    /// Takes a free block out of its list.
    ///
    /// # Safety
    /// It is in the list of its size.
    unsafe fn unlist(&mut self, block: *mut Block) {
        // SAFETY: the caller's promise; blocks in the list are whole.
        unsafe {
            let list = list_of((*block).size);
            let Block { next, previous, .. } = *block;
            if !next.is_null() {
                (*next).previous = previous;
            }
            if previous.is_null() {
                self.lists[list] = next;
            } else {
                (*previous).next = next;
            }
            if self.lists[list].is_null() {
                self.filled[list / 32] &= !(1 << (list % 32));
            }
        }
    }
}

/// The list of blocks of about this size: from this eighth of a power of two to the next.
fn list_of(size: usize) -> usize {
    let power = size.max(SMALLEST).ilog2();
    let eighth = (size >> (power - EIGHTHS.ilog2())) % EIGHTHS;
    ((power - SMALLEST.ilog2()) as usize * EIGHTHS + eighth).min(LISTS - 1)
}

/// A new chunk as one free block of at least `size`; none when the system has no more.
fn chunk_for(size: usize) -> Option<*mut Block> {
    let least = size.checked_add(HEADER)?;
    let ask = |bytes: usize| {
        let layout = Layout::from_size_align(bytes.checked_add(HUGE_PAGE)?, 16).ok()?;
        // Zeros of the system are pages that nobody has touched.
        // SAFETY: the layout is not empty.
        let memory = unsafe { System.alloc_zeroed(layout) };
        (!memory.is_null()).then_some((memory, bytes))
    };
    // Where addresses are scarce, as much as is needed.
    let (memory, bytes) = ask(least.max(CHUNK.load(Relaxed))).or_else(|| ask(least))?;
    let begin = memory.wrapping_add(memory.align_offset(HUGE_PAGE));
    ask_for_huge_pages(begin, bytes);
    let chunk = begin.cast::<Chunk>();
    let block = begin.wrapping_add(HEADER).cast::<Block>();
    // SAFETY: from the boundary on there are at least `bytes` bytes, which are more than the two headers.
    unsafe {
        chunk.write(Chunk { used_until: begin.add(2 * HEADER) });
        block.write(Block {
            size: (bytes - HEADER) / HEADER * HEADER,
            before: ptr::null_mut(),
            is_last: true,
            is_free: true,
            chunk,
            next: ptr::null_mut(),
            previous: ptr::null_mut(),
        });
    }
    Some(block)
}

// Miri, which looks for undefined behaviour, does not know the call.
#[cfg(all(target_os = "linux", not(miri)))]
fn ask_for_huge_pages(begin: *mut u8, bytes: usize) {
    // SAFETY: advice about pages of a chunk that is ours; nothing depends on whether it is taken.
    unsafe { libc::madvise(begin.cast(), bytes / HUGE_PAGE * HUGE_PAGE, libc::MADV_HUGEPAGE) };
}

#[cfg(any(not(target_os = "linux"), miri))]
fn ask_for_huge_pages(_: *mut u8, _: usize) {}

/// Makes one block of two neighbours.
///
/// # Safety
/// `second` begins where `first` ends, and neither is in a list.
unsafe fn join(first: *mut Block, second: *mut Block) {
    // SAFETY: the caller's promise.
    unsafe {
        (*first).size += (*second).size;
        (*first).is_last = (*second).is_last;
        tell_neighbour(first);
    }
}

/// Tells the block behind `block` which one lies before it.
///
/// # Safety
/// The block is whole.
unsafe fn tell_neighbour(block: *mut Block) {
    // SAFETY: a block that is not the last is followed by another.
    unsafe {
        if !(*block).is_last {
            (*block.byte_add((*block).size)).before = block;
        }
    }
}

/// The block of which a caller got this.
fn around(place: *mut u8) -> *mut Block {
    place.wrapping_sub(HEADER).cast()
}

/// Bytes that there are behind a place that was handed out.
///
/// # Safety
/// An arena handed it out, and it was not given back since.
pub(super) unsafe fn room(place: *mut u8) -> usize {
    // SAFETY: a header lies before each place, and only its owner changes its size while it is not free.
    unsafe { (*around(place)).size - HEADER }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    /// One for all cases: chunks are never given back to the system.
    static SHARED: Mutex<Arena> = Mutex::new(Arena::EMPTY);

    #[test]
    fn a_size_belongs_to_the_list_of_its_eighth() {
        assert_eq!([SMALLEST, SMALLEST + 1, SMALLEST / 8 * 9, SMALLEST * 2].map(list_of), [0, 0, 1, 8]);
        assert_eq!(list_of(usize::MAX), LISTS - 1);
    }

    #[test]
    fn a_freed_block_serves_smaller_ones_and_is_one_again() {
        let mut arena = Arena::EMPTY;
        let size = 8 << 20;
        let first = arena.take(size).unwrap().place;
        let guard = arena.take(size).unwrap().place;
        // SAFETY: each place is given back once.
        unsafe {
            arena.give_back(first);
            let parts: Vec<_> = (0..7).map(|_| arena.take(1 << 20).unwrap()).collect();
            assert!(parts.iter().all(|part| (first..guard).contains(&part.place)), "cut out of the hole");
            assert!(parts.iter().all(|part| part.used == 1 << 20));
            parts.iter().for_each(|part| arena.give_back(part.place));
            assert_eq!(arena.take(size).unwrap().place, first);
        }
    }

    #[test]
    fn of_equal_blocks_the_first_in_memory_is_taken() {
        let mut arena = Arena::EMPTY;
        let size = 1 << 20;
        let places: Vec<_> = (0..6).map(|_| arena.take(size).unwrap().place).collect();
        // SAFETY: each place is given back once.
        unsafe { [2, 0, 4].into_iter().for_each(|at| arena.give_back(places[at])) };
        for at in [0, 2, 4] {
            assert_eq!(arena.take(size).unwrap().place, places[at]);
        }
    }

    /// Cases, requests of each, and bytes of one, of which every so manieth is looked at. Miri takes a thousand times as long
    /// for each byte; what it looks for is in the writes, which are whole.
    const CASES: u32 = if cfg!(miri) { 3 } else { 20 };
    const REQUESTS: usize = if cfg!(miri) { 8 } else { 60 };
    const MOST: usize = if cfg!(miri) { SMALLEST + 5000 } else { 2 << 20 };
    const STEP: usize = if cfg!(miri) { 499 } else { 1 };

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(CASES))]

        /// Sizes, and which of the held places each is followed by the return of.
        #[test]
        fn nobody_else_writes_where_somebody_is(
            requests in prop::collection::vec((SMALLEST..MOST, any::<prop::sample::Index>(), any::<bool>()), 1..REQUESTS),
        ) {
            let mut arena = SHARED.lock().unwrap();
            let mut held: Vec<(*mut u8, usize, u8)> = Vec::new();
            for (number, (size, which, gives)) in requests.into_iter().enumerate() {
                let Taken { place, used } = arena.take(size).unwrap();
                prop_assert_eq!(place.align_offset(HEADER), 0);
                // SAFETY: places are written and read within their sizes, and given back once.
                unsafe {
                    let unused = std::slice::from_raw_parts(place.add(used), size - used);
                    prop_assert!(unused.iter().step_by(STEP).all(|byte| *byte == 0), "what is not used is zero");
                    place.write_bytes(number as u8 + 1, room(place));
                    held.push((place, size, number as u8 + 1));
                    if gives {
                        let (place, size, mark) = held.swap_remove(which.index(held.len()));
                        let bytes = std::slice::from_raw_parts(place, size);
                        prop_assert!(bytes.iter().step_by(STEP).all(|byte| *byte == mark), "it holds what was written");
                        arena.give_back(place);
                    }
                }
            }
            for (place, size, mark) in held {
                // SAFETY: as above.
                let bytes = unsafe { std::slice::from_raw_parts(place, size) };
                prop_assert!(bytes.iter().step_by(STEP).all(|byte| *byte == mark), "it holds what was written");
                // SAFETY: as above.
                unsafe { arena.give_back(place) };
            }
        }
    }
}
