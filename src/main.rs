//! The command `tubelet`; see the library's module `command`.

use std::process::ExitCode;

/// Steps make and drop the same large tensors again and again.
#[global_allocator]
static MEMORY: trainer::allocator::KeptMemory = trainer::allocator::KeptMemory;

fn main() -> ExitCode {
    tubelet::command::main(std::env::args_os())
}
