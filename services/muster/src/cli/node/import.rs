//! `muster node import`: many nodes from a file. A file in which something is written wrong adds nothing; what is right and
//! nevertheless refused is told line by line.

use std::{collections::HashMap, io::Read as _, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use muster_contract::{Outcome, node_allocation::ChangeNode};
use muster_platform::host_names::{is_host_name, names_within_names};
use serde::Serialize;

use super::{
    super::{
        connection::OperatorConnection,
        tables::{Listing, or_dash, say},
    },
    explained,
    import_file::{Entry, Line, parse},
};

/// Bytes that a file may have: some hundred thousand nodes.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// Nodes on their way at once: as many as the owner carries out in one transaction.
const AT_ONCE: usize = 64;

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// CSV with the columns hostname, pool and `ip_address`, and perhaps chassis and `console_port`; or objects with these
    /// members, one a line. - = standard input
    file: String,
    /// What became of each line as JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Report {
    line: u64,
    hostname: Option<String>,
    pool: Option<String>,
    result: Fate,
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    Added,
    Refused,
    /// There is something wrong in another line.
    NotSent,
}

impl Fate {
    fn name(self) -> &'static str {
        match self {
            Fate::Added => "added",
            Fate::Refused => "refused",
            Fate::NotSent => "not sent",
        }
    }
}

/// Adds the nodes of the file. Fails if one of them is not added.
pub(super) async fn run(connection: &OperatorConnection, import: &Import) -> Result<ExitCode> {
    let lines = parse(&read(&import.file)?)?;
    if lines.is_empty() {
        bail!("{} names no nodes", import.file);
    }
    let wrong = wrong(&lines);
    let reports = if wrong.is_empty() {
        add_all(connection, &lines).await?
    } else {
        lines.iter().map(|line| unsent(line, &wrong)).collect()
    };
    show(&reports, import.json)?;
    let all_added = reports.iter().all(|report| report.result == Fate::Added);
    Ok(if all_added {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn read(file: &str) -> Result<String> {
    let read = |reader: Box<dyn std::io::Read>| {
        let mut text = String::new();
        let size = reader.take(FILE_LIMIT + 1).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>((text, size))
    };
    let (text, size) = if file == "-" {
        read(Box::new(std::io::stdin()))
    } else {
        std::fs::File::open(file).and_then(|file| read(Box::new(file)))
    }
    .with_context(|| format!("{file} cannot be read"))?;
    if u64::try_from(size).unwrap_or(u64::MAX) > FILE_LIMIT {
        bail!("{file} has more than {FILE_LIMIT} bytes");
    }
    Ok(text)
}

/// What is wrong, by line.
fn wrong(lines: &[Line]) -> HashMap<u64, String> {
    let mut wrong = HashMap::new();
    let mut entries: Vec<(u64, &Entry)> = Vec::with_capacity(lines.len());
    let mut seen: HashMap<&str, u64> = HashMap::new();
    for Line { number, entry } in lines {
        let problem = match entry {
            Err(problem) => Some(problem.clone()),
            Ok(entry) if !is_host_name(&entry.hostname) => Some(format!(
                "{:?} is no name of a host: small letters, digits and inner hyphens between the dots",
                entry.hostname
            )),
            Ok(entry) => {
                let first = seen.insert(&entry.hostname, *number);
                if first.is_none() {
                    entries.push((*number, entry));
                }
                first.map(|first| format!("the same node as in line {first}"))
            }
        };
        wrong.extend(problem.map(|problem| (*number, problem)));
    }
    let names: Vec<&str> = entries
        .iter()
        .map(|(_, entry)| entry.hostname.as_str())
        .collect();
    for (part, whole) in names_within_names(&names) {
        if let (Some((other, part)), Some((line, _))) = (entries.get(part), entries.get(whole)) {
            let problem = format!(
                "the name of {:?} in line {other} is part of it: clients take one for the other",
                part.hostname
            );
            wrong.insert(*line, problem);
        }
    }
    wrong
}

fn unsent(line: &Line, wrong: &HashMap<u64, String>) -> Report {
    let reason = wrong.get(&line.number).cloned();
    report(
        line,
        if reason.is_some() {
            Fate::Refused
        } else {
            Fate::NotSent
        },
        reason,
    )
}

fn report(line: &Line, result: Fate, reason: Option<String>) -> Report {
    let entry = line.entry.as_ref().ok();
    Report {
        line: line.number,
        hostname: entry.map(|entry| entry.hostname.clone()),
        pool: entry.map(|entry| entry.pool.clone()),
        result,
        reason,
    }
}

async fn add_all(connection: &OperatorConnection, lines: &[Line]) -> Result<Vec<Report>> {
    let commands: Vec<(&Line, ChangeNode)> = lines
        .iter()
        .filter_map(|line| Some((line, line.entry.as_ref().ok()?.command())))
        .collect();
    stream::iter(commands)
        .map(async |(line, command)| match connection.outcome(&command).await {
            Ok(Outcome::Done(_)) => Ok(report(line, Fate::Added, None)),
            Ok(Outcome::Refused(refusal)) => {
                Ok(report(line, Fate::Refused, Some(explained(&refusal))))
            }
            Err(error) => Err(error.context(format!(
                "the import stopped in line {}; begun again, lines that were added before are refused",
                line.number
            ))),
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

fn show(reports: &[Report], json: bool) -> Result<()> {
    let mut listing = Listing::new(json, ["LINE", "HOSTNAME", "POOL", "RESULT", "REASON"]);
    for report in reports {
        listing.add(report, || {
            [
                report.line.to_string(),
                or_dash(report.hostname.as_ref()),
                or_dash(report.pool.as_ref()),
                report.result.name().to_owned(),
                or_dash(report.reason.as_ref()),
            ]
        })?;
    }
    listing.finish()?;
    if !json {
        let count = |fate| {
            reports
                .iter()
                .filter(|report| report.result == fate)
                .count()
        };
        say(&format!(
            "{} added, {} refused, {} not sent",
            count(Fate::Added),
            count(Fate::Refused),
            count(Fate::NotSent)
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(text: &str) -> Vec<(u64, Fate)> {
        let lines = parse(text).unwrap();
        let wrong = wrong(&lines);
        let reports = lines.iter().map(|line| unsent(line, &wrong));
        reports.map(|report| (report.line, report.result)).collect()
    }

    #[test]
    fn one_line_that_is_wrong_keeps_all_back() {
        use Fate::{NotSent, Refused};
        let head = "hostname,pool,ip_address\n";
        for (line, expected) in [
            ("N1,metal,192.0.2.1", Refused),
            ("n1.dusty,metal,x", Refused),
            ("n1.dusty,metal", Refused),
            // The same, a part, and the other way round.
            ("n2.dusty,metal,192.0.2.9", Refused),
            ("n2.dusty.x,metal,192.0.2.9", Refused),
            ("n1.dusty,metal,192.0.2.1", NotSent),
        ] {
            let text = format!("{head}n2.dusty,metal,192.0.2.2\n{line}\n");
            assert_eq!(fates(&text), [(2, NotSent), (3, expected)], "{line}");
        }
        let text = format!("{head}xn2.dusty,metal,192.0.2.2\nn2.dusty,metal,192.0.2.3\n");
        assert_eq!(fates(&text), [(2, Refused), (3, NotSent)]);
    }

    #[test]
    fn what_is_right_is_not_wrong() {
        let text =
            "hostname,pool,ip_address\nn1.dusty,metal,192.0.2.1\nn2.dusty,metal,2001:db8::1\n";
        assert!(wrong(&parse(text).unwrap()).is_empty());
    }
}
