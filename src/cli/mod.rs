//! Arguments in, `app` called, one answer out: on standard output what was asked for, on standard
//! error what went wrong (with `--json` as `{"error": …}`), and exit code 1 then.

mod args;
mod run;

use std::process::ExitCode;

use clap::Parser;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let command = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => {
            // Help and version are no failures, but come the same way.
            let failed = fault.use_stderr();
            let _ = fault.print();
            return ExitCode::from(u8::from(failed));
        }
    };
    let json = command.json;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run::run(command)),
        Err(fault) => Err(fault.into()),
    };
    match done {
        Ok(code) => code,
        Err(fault) => {
            match json {
                true => eprintln!("{}", serde_json::json!({"error": format!("{fault:#}")})),
                false => eprintln!("error: {fault:#}"),
            }
            ExitCode::from(1)
        }
    }
}
