//! How lists are shown: a plain table, or JSON with one object per line.

use std::io::{self, Write as _};

use anyhow::Result;
use comfy_table::{Table, presets::NOTHING};
use muster_platform::Timestamp;
use serde::Serialize;

/// What is shown where there is nothing.
const NOTHING_THERE: &str = "-";

/// Whoever read what is printed has seen enough: `muster node list | head`. That ends a command, and is no failure.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads what is printed")]
pub(crate) struct NobodyReads;

/// Prints a line, or several.
pub(crate) fn say(text: &str) -> Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(NobodyReads.into()),
        written => Ok(written?),
    }
}

/// Rows on their way to the terminal.
pub(crate) enum Listing {
    /// For people: shown when all rows are there.
    Table(Box<Table>),
    /// For programs: each row at once.
    Json,
}

impl Listing {
    /// A listing with these columns; `json` without any.
    pub(crate) fn new<const N: usize>(json: bool, columns: [&str; N]) -> Self {
        if json {
            return Self::Json;
        }
        let mut table = plain_table();
        table.set_header(columns);
        Self::Table(Box::new(table))
    }

    /// Adds a row: `cells` of the table, or the object as JSON.
    pub(crate) fn add<const N: usize>(
        &mut self,
        object: &impl Serialize,
        cells: impl FnOnce() -> [String; N],
    ) -> Result<()> {
        match self {
            Self::Table(table) => {
                table.add_row(cells());
            }
            Self::Json => say(&serde_json::to_string(object)?)?,
        }
        Ok(())
    }

    /// Shows what is not shown yet.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Self::Table(table) => say(&table.trim_fmt()),
            Self::Json => Ok(()),
        }
    }
}

/// A table without lines.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

/// A time as people read it.
pub(crate) fn time(microseconds: i64) -> String {
    Timestamp::from_micros(microseconds).to_rfc3339()
}

/// The value, or a dash.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NOTHING_THERE.to_owned(), |value| value.to_string())
}
