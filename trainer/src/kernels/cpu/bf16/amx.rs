//! The inner loop on tiles: 32×32 sums in four tile registers (`tdpbf16ps` of AMX-BF16).
//!
//! A tile register holds 16 rows of 64 bytes. The left factor comes as blocks of two tiles ([`super::lines`]), the right
//! one as panels of 32 columns ([`super::panels`]), sixteen pairs of which are two tiles side by side.
//!
//! Rust's intrinsics for AMX are not stable; its assembler knows the instructions. Intel, Instruction Set Extensions
//! Programming Reference, chapter 3, has the configuration and the numbers of features.

use std::{
    arch::{
        asm,
        x86_64::{__cpuid, __cpuid_count, _xgetbv},
    },
    sync::OnceLock,
};

use super::{
    super::matrix::Output,
    registers::{COLUMNS, LANES, Tile},
};

/// Rows of a tile of the output.
pub(super) const ROWS: usize = super::lines::ROWS;

/// Whether this CPU has tiles for bf16, and the kernel lets this process use them.
pub(super) fn are_possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| cpu_has_tiles() && permitted())
}

/// AMX-TILE and AMX-BF16, eight tiles of 16 rows of 64 bytes, and an operating system that saves them.
fn cpu_has_tiles() -> bool {
    if !is_x86_feature_detected!("xsave") {
        return false;
    }
    // SAFETY: every CPU of 64 bits answers, and one with XSAVE, which the system has switched on, has `xgetbv`.
    #[allow(unused_unsafe)]
    unsafe {
        if __cpuid(0).eax < 0x1d || __cpuid_count(0x1d, 0).eax < 1 {
            return false;
        }
        let features = __cpuid_count(7, 0).edx;
        let palette = __cpuid_count(0x1d, 1);
        let lengths = [palette.ebx & 0xffff, palette.ebx >> 16, palette.ecx & 0xffff];
        features >> 22 & 1 == 1
            && features >> 24 & 1 == 1
            && xgetbv() >> 17 & 0b11 == 0b11
            && lengths.iter().zip([64, 8, 16]).all(|(there, wanted)| *there >= wanted)
    }
}

/// Which registers the system saves.
///
/// # Safety
/// The CPU has XSAVE, and the system has switched it on.
#[target_feature(enable = "xsave")]
unsafe fn xgetbv() -> u64 {
    // SAFETY: register 0 is there wherever the instruction is.
    unsafe { _xgetbv(0) }
}

/// Asks Linux for the tiles, for all threads of the process: it keeps 8 KiB more for a thread that uses them.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILE_DATA: libc::c_long = 18;
    // SAFETY: the call takes two numbers and touches no memory of this process.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// The tiles of this thread while it lives: eight of 16 rows of 64 bytes.
pub(super) struct Tiles(());

#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    first_row: u8,
    reserved: [u8; 14],
    bytes_of_a_row: [u16; 16],
    rows: [u8; 16],
}

static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    first_row: 0,
    reserved: [0; 14],
    bytes_of_a_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl Tiles {
    /// Configures the thread's tiles.
    ///
    /// # Safety
    /// [`are_possible`].
    pub(super) unsafe fn configure() -> Self {
        // SAFETY: the CPU has the instruction, and the configuration is one of palette 1.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, readonly)) };
        Self(())
    }

    /// `output (+)= left · right`, from a row of blocks and a panel of as many pairs.
    ///
    /// # Safety
    /// Nobody else uses the tile, which lies within the output.
    pub(super) unsafe fn tile(&self, left: &[u32], right: &[u32], output: Tile) {
        output.fetch();
        if output.size == [ROWS, COLUMNS] {
            // SAFETY: the output has all rows and columns of a tile.
            return unsafe { self.sum(left, right, output.first, output.stride, output.kind) };
        }
        // At the edges the sums are formed beside the output, by the same steps.
        let mut sums = [0.0; ROWS * COLUMNS];
        let [rows, columns] = output.size;
        let place = |row: usize| output.first.wrapping_add(row * output.stride);
        // SAFETY: the rows and columns that there are lie within the output, and nobody else uses them.
        unsafe {
            if output.kind == Output::AddedTo {
                for (row, sums) in sums.chunks_exact_mut(COLUMNS).enumerate().take(rows) {
                    sums[..columns].copy_from_slice(std::slice::from_raw_parts(place(row), columns));
                }
            }
            self.sum(left, right, sums.as_mut_ptr(), COLUMNS, output.kind);
            for (row, sums) in sums.chunks_exact(COLUMNS).enumerate().take(rows) {
                place(row).copy_from_nonoverlapping(sums.as_ptr(), columns);
            }
        }
    }

    /// # Safety
    /// `ROWS` rows of `COLUMNS` elements, `stride` apart, are there from `output` on, and nobody else uses them.
    #[inline]
    unsafe fn sum(&self, left: &[u32], right: &[u32], output: *mut f32, stride: usize, kind: Output) {
        const BYTES_OF_A_LINE: usize = LANES * size_of::<u32>();
        const BYTES_OF_A_PAIR: usize = COLUMNS * size_of::<u32>();
        let steps = left.len() / (ROWS * LANES);
        assert!(steps > 0 && left.len() == steps * ROWS * LANES && right.len() == steps * LANES * COLUMNS);
        let stride = stride * size_of::<f32>();
        // SAFETY: tiles are configured while `self` lives. Each step reads a block of the left factor (two tiles, one
        // after the other) and sixteen pairs of the right one (two tiles side by side), as many as there are; the
        // output has the rows that are loaded and stored, as the caller promises.
        unsafe {
            asm!(
                "test {added:e}, {added:e}",
                "jz 2f",
                "tileloadd tmm0, [{upper} + {stride}]",
                "tileloadd tmm1, [{upper} + {stride} + 64]",
                "tileloadd tmm2, [{lower} + {stride}]",
                "tileloadd tmm3, [{lower} + {stride} + 64]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "3:",
                "tileloadd tmm4, [{left} + {line}]",
                "tileloadd tmm6, [{right} + {pair}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{right} + {pair} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{left} + {line} + 1024]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {left}, 2048",
                "add {right}, 2048",
                "dec {steps}",
                "jnz 3b",
                "tilestored [{upper} + {stride}], tmm0",
                "tilestored [{upper} + {stride} + 64], tmm1",
                "tilestored [{lower} + {stride}], tmm2",
                "tilestored [{lower} + {stride} + 64], tmm3",
                added = in(reg) u32::from(kind == Output::AddedTo),
                upper = in(reg) output,
                lower = in(reg) output.wrapping_byte_add(LANES * stride),
                stride = in(reg) stride,
                line = in(reg) BYTES_OF_A_LINE,
                pair = in(reg) BYTES_OF_A_PAIR,
                left = inout(reg) left.as_ptr() => _,
                right = inout(reg) right.as_ptr() => _,
                steps = inout(reg) steps => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    /// Gives the tiles back, so that the system has nothing to save when it takes the thread off the CPU.
    fn drop(&mut self) {
        // SAFETY: the CPU has the instruction: tiles were configured.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
