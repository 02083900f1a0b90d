//! The one binary: everything on one machine (`muster up`), one part per process, and the operator's commands.

mod broker;
mod cli;
mod connect;
mod first_start;
mod nats_keys;
mod one_machine;
mod operators_server;
mod parts;
mod process;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("muster: {error:#}");
            ExitCode::FAILURE
        }
    }
}
