//! Arguments in, `cli` called. Nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    tongluo::cli::main()
}
