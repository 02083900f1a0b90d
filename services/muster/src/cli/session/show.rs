//! `muster session show`: one session whole.

use anyhow::Result;
use muster_contract::session::{EndReason, NodeSession, SessionHookStatus};

use super::super::tables::{Listing, or_dash, plain_table, say, time};

/// Shows the session with its nodes, as tables or as JSON.
pub(super) fn show(session: &NodeSession, json: bool) -> Result<()> {
    if json {
        return say(&serde_json::to_string_pretty(session)?);
    }
    let job = session.job.as_ref();
    let mut table = plain_table();
    for (name, value) in [
        ("number", session.number.to_string()),
        ("id", session.id.clone()),
        ("project", session.tenant.clone()),
        ("alias", or_dash(session.alias.as_ref())),
        ("state", session.state.name().to_owned()),
        (
            "job",
            or_dash(job.map(|job| format!("{}:{}", job.cluster, job.job_id))),
        ),
        ("opened", time(session.created_at)),
        (
            "expires",
            session.expires_at.map_or_else(|| "never".to_owned(), time),
        ),
        ("ended", or_dash(session.ended_at.map(time))),
        ("reason", or_dash(session.end_reason.map(reason))),
        ("set-up", or_dash(session.set_up.as_ref().map(hook))),
        ("tear-down", or_dash(session.tear_down.as_ref().map(hook))),
    ] {
        table.add_row([name, &value]);
    }
    say(&table.trim_fmt())?;
    if session.nodes.is_empty() {
        return say("\nno nodes");
    }
    say("")?;
    let mut nodes = Listing::new(false, ["ID", "HOSTNAME", "ADDRESS", "POOL", "GENERATION"]);
    for node in &session.nodes {
        nodes.add(node, || {
            [
                node.id.to_string(),
                node.hostname.clone(),
                node.ip_address.clone(),
                node.pool.clone(),
                node.generation.to_string(),
            ]
        })?;
    }
    nodes.finish()
}

/// How far a hook is, and what went wrong last: `failed, attempts by network: 3: switch sw1 does not answer`.
fn hook(status: &SessionHookStatus) -> String {
    let (state, attempts, agent) = (status.state.name(), status.attempts, &status.agent);
    let reason = status.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{state}, attempts by {agent}: {attempts}{reason}")
}

fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Asked => "closed by its owner or an operator",
        EndReason::Expired => "its time was over",
        EndReason::JobStopped => "its job stopped",
    }
}
