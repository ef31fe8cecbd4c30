//! Uninitialised memory for results.

/// Room for values that are all written before one is read: filling it with zeros would be a further pass
/// over the memory.
#[allow(unsafe_code)]
pub(in super::super) fn unwritten(length: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    // SAFETY: the capacity is there, any bits are an f32, and callers write every element before they read.
    #[allow(clippy::uninit_vec)]
    unsafe {
        values.set_len(length);
    }
    values
}
