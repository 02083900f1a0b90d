//! The one binary: everything on one machine (`muster up`), one part per process, and the operator's commands.

mod access_keys;
mod agents;
mod broker;
mod cli;
mod connect;
mod first_start;
mod nats_keys;
mod one_machine;
mod operators_server;
mod parts;
mod process;
mod producers;
mod running_agent;
mod token_key_file;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()).await {
        Ok(code) => code,
        Err(error) if error.is::<cli::NobodyReads>() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("muster: {}", explained(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes. A cause that the words before it end with already is not said again.
fn explained(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_once() {
        let cause = std::io::Error::other("no such file");
        let error = anyhow::Error::new(cause)
            .context("the site cannot be read: no such file")
            .context("muster does not start");
        assert_eq!(
            explained(&error),
            "muster does not start: the site cannot be read: no such file"
        );
    }
}
