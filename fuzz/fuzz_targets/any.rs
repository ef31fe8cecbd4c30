//! One binary for all targets, since each takes a minute to link: `TUBELET_FUZZ_TARGET` says which is meant.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<String> = LazyLock::new(|| {
    std::env::var("TUBELET_FUZZ_TARGET")
        .expect("TUBELET_FUZZ_TARGET names one of the targets that `replay` lists")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tubelet_fuzz::run(&TARGET, bytes));
