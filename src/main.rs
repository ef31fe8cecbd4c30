//! The command `tubelet`; see the library's module `command`.

use std::process::ExitCode;

/// Steps make and drop the same large tensors again and again.
#[global_allocator]
static MEMORY: trainer::allocator::KeptMemory = trainer::allocator::KeptMemory;

fn main() -> ExitCode {
    // What a decoding process reserves counts as what it has.
    #[cfg(all(feature = "video", target_os = "linux"))]
    if std::env::args_os().nth(1).is_some_and(|word| word == pipeline::sandbox::ARGUMENT) {
        trainer::allocator::KeptMemory::reserve_at_once(32 << 20);
    }
    // Where the system does not say which program this is, videos are decoded on threads.
    #[cfg(all(feature = "video", target_os = "linux"))]
    if let Ok(launch) = pipeline::sandbox::Launch::of_this_program() {
        pipeline::sandbox::start_by(launch);
    }
    tubelet::command::main(std::env::args_os())
}
