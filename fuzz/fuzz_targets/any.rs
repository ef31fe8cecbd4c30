//! One binary for all targets, since each takes a minute to link: `TUBELET_FUZZ_TARGET` says which is meant.
#![no_main]

use std::{panic, process, sync::LazyLock};

static TARGET: LazyLock<String> = LazyLock::new(|| {
    std::env::var("TUBELET_FUZZ_TARGET").expect("TUBELET_FUZZ_TARGET names one of the targets that `seeds` lists")
});

/// Ends the process at each panic but those of Parquet's reader, which are caught. One that is not ends it too, later.
fn end_at_panics() {
    panic::set_hook(Box::new(|panic| {
        let is_caught = panic.location().is_some_and(|place| place.file().contains("/parquet-"));
        if !is_caught {
            eprintln!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
            process::abort();
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: end_at_panics(), |bytes: &[u8]| tubelet_fuzz::run(&TARGET, bytes));
