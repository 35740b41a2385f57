//! subevo with a mutation and a strategy more: every command, table and picture works with them.

mod annealing;
mod by_depth;

use subevo::campaign::Registry;

fn main() -> std::process::ExitCode {
    let registry = Registry::builtin();
    subevo::cli::main(registry.with_mutation(by_depth::ENTRY).with_strategy(annealing::ENTRY))
}
