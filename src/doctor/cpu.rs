//! What the processor has of the instructions that are used here.

use trainer::Device;

use super::{Cpu, CpuFeature};

pub(super) fn examine() -> Cpu {
    Cpu {
        architecture: std::env::consts::ARCH,
        features: features(),
        multiplies_bf16: Device::flex().multiplies_bf16(),
    }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<CpuFeature> {
    let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
    [
        ("AVX2", is_x86_feature_detected!("avx2"), "resizing and training"),
        ("FMA", is_x86_feature_detected!("fma"), "training"),
        ("AVX-512", avx512, "resizing and training, instead of AVX2"),
        ("AVX512-BF16", is_x86_feature_detected!("avx512bf16"), "training in bf16"),
        ("AMX-BF16", cpuinfo_has("amx_bf16"), "training in bf16, instead of AVX512-BF16"),
    ]
    .map(|(name, present, used_for)| CpuFeature { name, present, used_for })
    .to_vec()
}

/// Whether Linux says that the processor has this; the compiler cannot ask for it yet.
#[cfg(target_arch = "x86_64")]
fn cpuinfo_has(flag: &str) -> bool {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = told.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| flags.split_whitespace().any(|word| word == flag))
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<CpuFeature> {
    let neon = std::arch::is_aarch64_feature_detected!("neon");
    vec![CpuFeature { name: "NEON", present: neon, used_for: "resizing and training" }]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<CpuFeature> {
    Vec::new()
}
