//! Lists of sessions and jobs, a look at one, what a scheduler asks for, and sessions that are made.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use hyper::StatusCode;

use super::{
    super::{load::NextRequest, system::Engine},
    HEAD, Muster,
    furniture::{self, CLIENT, PREFIX},
    row,
};

/// Sessions, and jobs of each.
const SESSIONS: usize = 100;
const JOBS: usize = 2;

/// Prints the table.
pub(super) async fn measure(engine: Engine, muster: &Muster, duration: Duration) -> Result<()> {
    let made = furniture::furnish(muster.address, SESSIONS, JOBS, 30).await?;
    println!(
        "Job sessions on {}: {SESSIONS} sessions, {} jobs, {} connections\n\n{HEAD}",
        engine.name(),
        SESSIONS * JOBS,
        super::CONNECTIONS,
    );
    let one = made.first().context("no session")?;
    let asked = format!(
        r#"{{"match_not":[{{"status":"completed"}}],"match":[{{"client_id":"{CLIENT}"}}]}}"#
    );
    for (name, path, body) in [
        (
            "GET sessions?limit=10",
            "/sessions/?limit=10".to_owned(),
            "",
        ),
        (
            "GET sessions?limit=100",
            "/sessions/?limit=100".to_owned(),
            "",
        ),
        (
            "GET sessions/{id}",
            format!("/sessions/{}", one.session),
            "",
        ),
        ("GET jobs?limit=10", "/jobs/?limit=10".to_owned(), ""),
        ("GET jobs?limit=100", "/jobs/?limit=100".to_owned(), ""),
        (
            "GET jobs?limit=10, a scheduler's filter",
            "/jobs/?limit=10&offset=0&all_projects=False".to_owned(),
            asked.as_str(),
        ),
    ] {
        let (path, body) = (format!("{PREFIX}{path}"), body.to_owned());
        let next: NextRequest = Arc::new(move || ("GET", path.clone(), body.clone()));
        row(muster, name, StatusCode::OK, next, duration).await?;
    }
    let body = furniture::session(30).to_string();
    let next: NextRequest = Arc::new(move || ("POST", format!("{PREFIX}/sessions/"), body.clone()));
    row(muster, "POST sessions", StatusCode::CREATED, next, duration).await?;
    println!();
    Ok(())
}
