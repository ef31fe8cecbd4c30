//! LibTorch's memory as slices, and what the system's allocator does with it.

#![allow(unsafe_code)] // LibTorch hands out pointers, and the allocator's settings are C

use tch::{Device, Kind, Tensor};

/// The elements of a contiguous f32 tensor on the CPU.
pub(super) fn floats(tensor: &Tensor) -> &[f32] {
    let length = check(tensor, Kind::Float);
    if length == 0 {
        return &[];
    }
    // SAFETY: so many f32 lie there one after the other, as checked, and live as long as the tensor.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), length) }
}

/// The same, to be written. The caller's tensor is the only one that has this memory.
pub(super) fn floats_mut(tensor: &mut Tensor) -> &mut [f32] {
    let length = check(tensor, Kind::Float);
    if length == 0 {
        return &mut [];
    }
    // SAFETY: as above; nobody else has the memory, so nobody reads it meanwhile.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) }
}

/// The elements of a contiguous tensor of bytes on the CPU.
pub(super) fn bytes(tensor: &Tensor) -> &[u8] {
    let length = check(tensor, Kind::Uint8);
    if length == 0 {
        return &[];
    }
    // SAFETY: so many bytes lie there one after the other, as checked, and live as long as the tensor.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), length) }
}

fn check(tensor: &Tensor, kind: Kind) -> usize {
    assert!(
        tensor.is_contiguous() && tensor.kind() == kind && tensor.device() == Device::Cpu,
        "only contiguous elements in the processor's memory are a slice"
    );
    tensor.numel()
}

/// Asks glibc's allocator, which LibTorch uses, to keep large blocks when they are freed. By default each
/// goes back to the system, and the next operation's result is fresh pages that the kernel has to zero.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(in super::super) fn keep_memory() {
    const LARGE: libc::c_int = 1 << 30;
    // SAFETY: the two settings are read at the next allocation; glibc takes its own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// Other systems' allocators keep memory as they see fit.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(in super::super) fn keep_memory() {}
