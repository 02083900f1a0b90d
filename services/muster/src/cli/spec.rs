//! `muster spec`: the documents that are made from the code and committed beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use muster_contract::{Service, asyncapi};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Writes every document into the source tree
    Write {
        /// Root of the source tree
        #[arg(long, default_value = ".")]
        root: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Result<()> {
    let Command::Write { root } = command;
    for service in Service::ALL {
        let path = root.join(format!("shared/contract/asyncapi/{service}.json"));
        write(&path, &asyncapi::text(*service))?;
    }
    for (name, text) in muster_ingress::openapi_documents()? {
        write(
            &root.join(format!("services/ingress/openapi/{name}.json")),
            &text,
        )?;
    }
    for (name, text) in muster_ingress::graphql_schemas() {
        let path = format!("services/ingress/graphql/{name}.graphql");
        write(&root.join(path), &text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
