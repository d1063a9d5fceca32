//! The one binary.

mod commands;

use std::process::ExitCode;

use clap::Parser;

/// A request is many small allocations on one thread that are freed on another; the system's allocator spent a fifth
/// of the worker's time on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::Cli::parse().run()
}
