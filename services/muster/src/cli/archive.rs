//! `muster archive`: looks at an archive of jobs, takes one into the tables, and makes one of them.

use std::{io::IsTerminal as _, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use muster_contract::Service;
use muster_job_archive::{
    ArchiveFiles, ArchivePlace, FormatVersion,
    transfer::{self, ExportOptions, ImportOptions, Problems},
};
use muster_platform::{Clock as _, Settings, SystemClock, Timestamp};
use muster_storage::Database;
use serde::Serialize;

use super::tables::{Listing, or_dash, say};
use crate::parts;

/// How often the line with the progress is drawn anew.
const DRAWN_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What an archive has of each cluster
    Info {
        /// Directory or `s3://BUCKET/PREFIX` (default: the archive of these settings)
        place: Option<String>,
        /// One object per line
        #[arg(long)]
        json: bool,
    },
    /// Reads every file of an archive; exits with 1 if anything is not as it should be
    Verify {
        /// Directory or `s3://BUCKET/PREFIX` (default: the archive of these settings)
        place: Option<String>,
        /// One object per line
        #[arg(long)]
        json: bool,
    },
    /// Adds the jobs of an archive to the tables, and their files to the archive of these settings. Without a place, the tables
    /// are made anew of that archive. On `SQLite` the job archive must not be running
    Import {
        /// Directory or `s3://BUCKET/PREFIX` (default: the archive of these settings)
        place: Option<String>,
        /// Project whose the jobs are that do not say so
        #[arg(long, default_value = "demo")]
        project: String,
    },
    /// Writes an archive of all jobs in the tables that have stopped. On `SQLite` the job archive must not be running
    Export {
        /// Directory or `s3://BUCKET/PREFIX` (default: the archive of these settings)
        place: Option<String>,
        /// Version of the format: 1, 2 or 3
        #[arg(long, default_value_t = FormatVersion::default().number())]
        format: u32,
    },
}

pub(crate) async fn run(settings: &Settings, command: Command) -> Result<ExitCode> {
    match command {
        Command::Info { place, json } => info(&open(settings, place.as_deref())?, json).await?,
        Command::Verify { place, json } => {
            return verify(&open(settings, place.as_deref())?, json).await;
        }
        Command::Import { place, project } => {
            let (from, own) = (open(settings, place.as_deref())?, open(settings, None)?);
            return import(settings, &from, &own, project).await;
        }
        Command::Export { place, format } => {
            let Some(version) = FormatVersion::from_number(format) else {
                bail!("--format {format}: the versions are 1, 2 and 3");
            };
            let (to, own) = (open(settings, place.as_deref())?, open(settings, None)?);
            export(settings, &own, &to, version).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The archive at a place, or that of the settings.
fn open(settings: &Settings, place: Option<&str>) -> Result<ArchiveFiles> {
    let Some(place) = place else {
        return parts::archive_files(settings);
    };
    let place = ArchivePlace::parse(place)?;
    if let ArchivePlace::Directory(directory) = &place {
        let absolute = std::path::absolute(directory)?;
        return Ok(ArchiveFiles::open(ArchivePlace::Directory(absolute))?);
    }
    Ok(ArchiveFiles::open(place)?)
}

async fn open_tables(settings: &Settings) -> Result<Database> {
    parts::open_database(settings, Service::JobArchive)
        .await
        .context("the tables of the job archive (on SQLite, nobody else may have them open: stop the service first)")
}

/// A cluster as programs are told of it.
#[derive(Serialize)]
struct ClusterLine<'a> {
    cluster: &'a str,
    #[serde(flatten)]
    info: &'a transfer::ClusterInfo,
}

async fn info(files: &ArchiveFiles, json: bool) -> Result<()> {
    let bar = progress("jobs seen");
    let clusters = transfer::info(files, &|| bar.inc(1)).await?;
    bar.finish_and_clear();
    let mut listing = Listing::new(json, ["CLUSTER", "JOBS", "FROM", "TO", "SIZE"]);
    for (cluster, info) in &clusters {
        listing.add(&ClusterLine { cluster, info }, || {
            [
                cluster.clone(),
                info.jobs.to_string(),
                or_dash(info.first_start.map(day).as_ref()),
                or_dash(info.last_start.map(day).as_ref()),
                bytesize::ByteSize::b(info.bytes).to_string(),
            ]
        })?;
    }
    listing.finish()
}

/// The day of a time, as a person reads it.
fn day(seconds: i64) -> String {
    let text = Timestamp::from_seconds(seconds).to_rfc3339();
    text.split('T').next().unwrap_or_default().to_owned()
}

async fn verify(files: &ArchiveFiles, json: bool) -> Result<ExitCode> {
    let bar = progress("jobs read");
    let verified = transfer::verify(files, &|| bar.inc(1)).await?;
    bar.finish_and_clear();
    show(&verified.problems, json)?;
    if !json {
        let count = verified.problems.count;
        say(&format!("{} jobs, {count} problems", verified.jobs))?;
    }
    Ok(code(&verified.problems))
}

async fn import(
    settings: &Settings,
    from: &ArchiveFiles,
    own: &ArchiveFiles,
    project: String,
) -> Result<ExitCode> {
    let database = open_tables(settings).await?;
    let options = ImportOptions {
        tenant: project,
        now: SystemClock.now(),
    };
    let bar = progress("jobs");
    let imported = transfer::import(&database, from, own, &options, &|| bar.inc(1)).await;
    bar.finish_and_clear();
    database.close().await;
    let imported = imported?;
    show(&imported.problems, false)?;
    say(&format!(
        "{} jobs imported, {} were there already, {} problems",
        imported.added, imported.known, imported.problems.count
    ))?;
    Ok(code(&imported.problems))
}

async fn export(
    settings: &Settings,
    own: &ArchiveFiles,
    to: &ArchiveFiles,
    version: FormatVersion,
) -> Result<()> {
    let database = open_tables(settings).await?;
    let bar = progress("jobs");
    let options = ExportOptions { version };
    let exported = transfer::export(&database, own, to, options, &|| bar.inc(1)).await;
    bar.finish_and_clear();
    database.close().await;
    say(&format!("{} jobs exported to {}", exported?, to.place()))
}

fn show(problems: &Problems, json: bool) -> Result<()> {
    if problems.count == 0 {
        return Ok(());
    }
    let mut listing = Listing::new(json, ["PLACE", "PROBLEM"]);
    for problem in &problems.shown {
        listing.add(problem, || [problem.place.clone(), problem.problem.clone()])?;
    }
    listing.finish()?;
    let hidden = problems.count.saturating_sub(problems.shown.len() as u64);
    if hidden > 0 && !json {
        say(&format!("and {hidden} more"))?;
    }
    Ok(())
}

fn code(problems: &Problems) -> ExitCode {
    if problems.count == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A line that counts, on a terminal.
fn progress(what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(&format!(
        "{{spinner}} {{human_pos}} {what}, {{per_sec}}, {{elapsed}}"
    ));
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(DRAWN_EVERY);
    bar
}
