//! Arguments in, `cli` called. Nothing else.

use std::process::ExitCode;

/// glibc's allocator costs a dispatch about a tenth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tongluo::cli::main()
}
