//! Who made the CPU: which instructions gain something differs between makers that have the same.

use std::{arch::x86_64::__cpuid, sync::OnceLock};

/// Whether the CPU says that it is Intel's. It is asked once, since a virtual machine leaves itself to answer.
pub(super) fn is_intel() -> bool {
    static INTEL: OnceLock<bool> = OnceLock::new();
    *INTEL.get_or_init(|| {
        // SAFETY: every CPU of 64 bits answers question 0.
        #[allow(unused_unsafe, unsafe_code)]
        let answer = unsafe { __cpuid(0) };
        let name = [answer.ebx, answer.edx, answer.ecx].map(u32::to_le_bytes);
        name.as_flattened() == b"GenuineIntel"
    })
}
