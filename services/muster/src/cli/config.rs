//! `muster config show`: every setting, its value and where it comes from.

use anyhow::Result;
use clap::Subcommand;
use comfy_table::{Table, presets::NOTHING};
use muster_platform::settings::Loaded;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints every setting with its source; secrets are masked
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(loaded: &Loaded, command: &Command) -> Result<()> {
    let Command::Show { json } = command;
    let explained = loaded.explain();
    if *json {
        let settings: Vec<_> = explained
            .iter()
            .map(|setting| {
                json!({ "key": setting.key, "value": setting.value, "source": setting.source })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&settings)?);
        return Ok(());
    }
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["KEY", "VALUE", "SOURCE"]);
    for setting in explained {
        let value = setting.value.unwrap_or_else(|| "-".to_owned());
        table.add_row([setting.key, value, setting.source]);
    }
    println!("{}", table.trim_fmt());
    Ok(())
}
