//! The `koi` binary: everything is in the library beside it.

/// A draw allocates some dozens of small blocks; mimalloc makes them cheaper than the system's allocator.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::cli::run()
}
