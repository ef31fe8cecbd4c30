#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tubelet_fuzz::run("open", bytes));
