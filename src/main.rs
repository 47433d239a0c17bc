//! The `authspec` binary: hands everything to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    authspec::cli::main()
}
