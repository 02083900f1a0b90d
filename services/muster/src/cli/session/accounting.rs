//! `muster session accounting`: for how long sessions held nodes.

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use muster_contract::session::{Account, AccountNodeSessions, AccountedBy};
use muster_platform::{Clock as _, SystemClock, Timestamp};

use super::super::{
    connection::OperatorConnection,
    tables::{Listing, or_dash},
};

/// Accounts asked for at once.
const PAGE: u32 = 1000;

const SECONDS_PER_HOUR: i64 = 3600;

#[derive(Debug, Args)]
pub(crate) struct Accounting {
    /// Beginning: a time such as 2026-11-01 or 2026-11-01T12:00:00Z, or how long ago, such as 30d
    #[arg(long, default_value = "30d", value_name = "TIME")]
    from: String,
    /// End, likewise (default: now)
    #[arg(
        long,
        default_value = "0s",
        hide_default_value = true,
        value_name = "TIME"
    )]
    to: String,
    /// What one account is for
    #[arg(long, value_enum, default_value_t = By::Alias)]
    by: By,
    /// Only sessions of this project
    #[arg(long)]
    project: Option<String>,
    /// As JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// What an account is for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum By {
    /// A project
    Tenant,
    /// Sessions of a project under the same alias
    Alias,
    /// A session
    Session,
}

pub(super) async fn run(connection: &OperatorConnection, asked: Accounting) -> Result<()> {
    let now = SystemClock.now();
    let mut question = AccountNodeSessions {
        from: time("--from", &asked.from, now)?,
        to: time("--to", &asked.to, now)?,
        by: match asked.by {
            By::Tenant => AccountedBy::Tenant,
            By::Alias => AccountedBy::Alias,
            By::Session => AccountedBy::Session,
        },
        tenant: asked.project,
        after: None,
        limit: PAGE,
    };
    let columns = [
        "PROJECT",
        "ALIAS",
        "SESSION",
        "SESSIONS",
        "NODES",
        "NODE SECONDS",
        "NODE HOURS",
    ];
    let mut listing = Listing::new(asked.json, columns);
    loop {
        let page = connection.ask(&question).await?;
        let Some(last) = page.accounts.last() else {
            break;
        };
        question.after = Some(last.place());
        for account in page.accounts {
            listing.add(&account, || cells(&account))?;
        }
    }
    listing.finish()
}

fn cells(account: &Account) -> [String; 7] {
    let hundredths = account.node_seconds.saturating_mul(100) / SECONDS_PER_HOUR;
    [
        account.tenant.clone(),
        or_dash(account.alias.as_ref()),
        or_dash(account.session.as_ref()),
        account.sessions.to_string(),
        account.nodes.to_string(),
        account.node_seconds.to_string(),
        format!("{}.{:02}", hundredths / 100, hundredths % 100),
    ]
}

/// A time in microseconds since 1970 UTC, as it is written on the command line.
fn time(option: &str, text: &str, now: Timestamp) -> Result<i64> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now.minus(ago).as_micros());
    }
    let day = format!("{text}T00:00:00Z");
    [text, &day]
        .into_iter()
        .find_map(|text| Timestamp::parse_rfc3339(text).ok())
        .map(Timestamp::as_micros)
        .with_context(|| {
            format!("{option}: {text:?} is neither a time such as 2026-11-01T12:00:00Z or 2026-11-01, nor so long ago, such as 30d")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_a_moment_or_so_long_ago() {
        let now = Timestamp::from_micros(1_763_800_000_000_000);
        for (text, expected) in [
            ("0s", 1_763_800_000_000_000),
            ("1h", 1_763_796_400_000_000),
            ("1970-01-02", 86_400_000_000),
            ("1970-01-01T01:00:01+01:00", 1_000_000),
        ] {
            assert_eq!(time("--from", text, now).unwrap(), expected, "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "12", "-1h"] {
            assert!(time("--from", text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn hours_have_two_digits_more() {
        let account = Account {
            tenant: "demo".to_owned(),
            alias: None,
            number: None,
            session: None,
            sessions: 1,
            nodes: 2,
            node_seconds: 3_636,
        };
        assert_eq!(
            cells(&account),
            ["demo", "-", "-", "1", "2", "3636", "1.01"]
        );
    }
}
