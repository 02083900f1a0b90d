//! Files that name nodes: CSV with a header, or JSON with one object a line.

use std::net::IpAddr;

use anyhow::{Result, bail};
use muster_contract::node_allocation::{ChangeNode, NodeChange};
use serde::Deserialize;

/// Columns that every CSV file has.
const COLUMNS: [&str; 3] = ["hostname", "pool", "ip_address"];
/// Columns that it may have.
const FURTHER_COLUMNS: [&str; 2] = ["chassis", "console_port"];

/// A node as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) hostname: String,
    pub(super) pool: String,
    ip_address: IpAddr,
    #[serde(default)]
    chassis: Option<String>,
    #[serde(default)]
    console_port: Option<u16>,
}

impl Entry {
    /// What adds the node.
    pub(super) fn command(&self) -> ChangeNode {
        ChangeNode {
            hostname: self.hostname.clone(),
            change: NodeChange::Add {
                pool: self.pool.clone(),
                ip_address: self.ip_address.to_string(),
                chassis: self.chassis.clone().unwrap_or_default(),
                console_port: self.console_port.map(i64::from),
            },
            reason: None,
        }
    }
}

/// A line that is not empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    /// The node, or why it cannot be read.
    pub(super) entry: Result<Entry, String>,
}

/// The lines of the file. What begins with `{` is JSON, anything else CSV.
pub(super) fn parse(text: &str) -> Result<Vec<Line>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        return Ok(json_lines(text));
    }
    csv_lines(text)
}

fn json_lines(text: &str) -> Vec<Line> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| Line {
            number,
            entry: serde_json::from_str(line).map_err(|error| error.to_string()),
        })
        .collect()
}

fn csv_lines(text: &str) -> Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    check_header(&header)?;
    let mut lines = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut place = Place::start(text);
    loop {
        let number = place.line_after(reader.position().byte());
        let entry = match reader.read_record(&mut record) {
            Ok(false) => return Ok(lines),
            Ok(true) => record
                .deserialize(Some(&header))
                .map_err(|error| explained(&error)),
            Err(error) => Err(explained(&error)),
        };
        lines.push(Line { number, entry });
    }
}

/// Where in a text one is. (The reader's own line is that of the empty lines before a record.)
struct Place<'a> {
    rest: &'a [u8],
    byte: u64,
    line: u64,
}

impl<'a> Place<'a> {
    fn start(text: &'a str) -> Self {
        Self {
            rest: text.as_bytes(),
            byte: 0,
            line: 1,
        }
    }

    /// The line of the first thing at that byte or behind it. Never asked backwards.
    fn line_after(&mut self, byte: u64) -> u64 {
        while let Some((first, rest)) = self.rest.split_first() {
            if self.byte >= byte && !b"\r\n".contains(first) {
                break;
            }
            self.line += u64::from(*first == b'\n');
            (self.rest, self.byte) = (rest, self.byte + 1);
        }
        self.line
    }
}

fn check_header(header: &csv::StringRecord) -> Result<()> {
    let known: Vec<&str> = COLUMNS.into_iter().chain(FURTHER_COLUMNS).collect();
    if let Some(column) = header.iter().find(|column| !known.contains(column)) {
        bail!(
            "line 1: no column {column:?} is known; there are {}",
            known.join(", ")
        );
    }
    for column in &known {
        let count = header.iter().filter(|name| name == column).count();
        if count > 1 || (count == 0 && COLUMNS.contains(column)) {
            bail!("line 1: the header has {count} columns {column:?}");
        }
    }
    Ok(())
}

/// Without the position, which is told apart.
fn explained(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} columns, but the header has {expected_len}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(hostname: &str, chassis: Option<&str>, console_port: Option<u16>) -> Entry {
        Entry {
            hostname: hostname.to_owned(),
            pool: "metal".to_owned(),
            ip_address: "192.0.2.1".parse().unwrap(),
            chassis: chassis.map(str::to_owned),
            console_port,
        }
    }

    #[test]
    fn csv_and_json_mean_the_same() {
        let expected = |number| {
            [
                (number, entry("n1.dusty", Some("dusty, left"), Some(2001))),
                (number + 2, entry("n2.dusty", None, None)),
            ]
            .map(|(number, entry)| Line {
                number,
                entry: Ok(entry),
            })
        };
        let csv = "\u{feff}pool,hostname,ip_address,chassis,console_port\r\n\
             metal, n1.dusty ,192.0.2.1,\"dusty, left\",2001\r\n\r\nmetal,n2.dusty,192.0.2.1,,\r\n";
        assert_eq!(parse(csv).unwrap(), expected(2));
        let json = r#"{"hostname":"n1.dusty","pool":"metal","ip_address":"192.0.2.1","chassis":"dusty, left","console_port":2001}

{"hostname":"n2.dusty","pool":"metal","ip_address":"192.0.2.1","chassis":null}
"#;
        assert_eq!(parse(json).unwrap(), expected(1));
    }

    #[test]
    fn what_cannot_be_read_is_told_by_line() {
        let csv = "hostname,pool,ip_address,console_port\nn1,metal,192.0.2.1,x\nn2,metal\nn3,metal,192.0.2.1,1\n";
        let lines = parse(csv).unwrap();
        let told: Vec<(u64, bool)> = lines
            .iter()
            .map(|line| (line.number, line.entry.is_ok()))
            .collect();
        assert_eq!(told, [(2, false), (3, false), (4, true)]);
        let json = "{\"hostname\":\"n1\"}\n{\"hostname\":\"n1\",\"pool\":\"p\",\"ip_address\":\"192.0.2.1\",\"port\":1}\n[]\n";
        let lines = parse(json).unwrap();
        assert!(lines.iter().all(|line| line.entry.is_err()), "{lines:?}");
    }

    #[test]
    fn a_header_says_what_there_is() {
        for header in [
            "hostname,pool",
            "hostname,pool,ip_address,colour",
            "hostname,hostname,pool,ip_address",
            "n1.dusty,metal,192.0.2.1",
        ] {
            assert!(parse(&format!("{header}\n")).is_err(), "{header}");
        }
        assert!(parse("hostname,pool,ip_address\n").unwrap().is_empty());
    }
}
