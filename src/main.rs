//! The `subevo` program: the library's command line with the built-in registry.

use std::process::ExitCode;

fn main() -> ExitCode {
    subevo::cli::main(subevo::campaign::Registry::builtin())
}
