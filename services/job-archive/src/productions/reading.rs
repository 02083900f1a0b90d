//! From the messages of producers to what is to be done.

use muster_clustercockpit::{JobMeta, NodeStatesRequest, StopRequest, go_json::decode};
use muster_contract::{
    Principal,
    job_archive::{RecordNodeStates, StartJob, StopJob, StopTarget},
};

use muster_platform::Timestamp;

use super::Producers;
use crate::domain::{
    clusters::Clusters,
    job_events::{Event, EventKind, Line, read},
};

/// One line of a message, and what it asks for.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// The place of its message in the batch.
    pub(super) message: usize,
    /// As it came.
    pub(super) line: &'a str,
    /// The subject that it came to.
    pub(super) subject: &'a str,
    /// On whose behalf it speaks.
    pub(super) caller: &'a Principal,
    /// What is to be done.
    pub(super) wish: Wish,
}

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Wish {
    Start(Box<StartJob>),
    Stop(StopJob),
    NodeStates(RecordNodeStates),
}

/// A line that asks for nothing that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The place of its message in the batch.
    pub(super) message: usize,
    /// As it came.
    pub(super) line: Vec<u8>,
    /// Why.
    pub(super) reason: String,
}

/// What the messages, each with its subject, ask for, in their order, and what of them asks for nothing.
pub(super) fn read_all<'a>(
    messages: &[(&'a str, &'a [u8])],
    producers: &'a Producers,
    clusters: &Clusters,
    now: Timestamp,
) -> (Vec<Told<'a>>, Vec<Refused>) {
    let (mut told, mut refused) = (Vec::new(), Vec::new());
    for (place, (subject, payload)) in messages.iter().enumerate() {
        let whole = |reason: String| Refused {
            message: place,
            line: payload.to_vec(),
            reason,
        };
        let Some(caller) = producers.caller(subject) else {
            refused.push(whole(format!("no producer of the site has {subject:?}")));
            continue;
        };
        let lines = match read(payload) {
            Ok(lines) => lines,
            Err(reason) => {
                refused.push(whole(reason));
                continue;
            }
        };
        for line in lines {
            let text = line.text;
            match wish_of(line, caller, clusters, now) {
                Ok(wish) => told.push(Told {
                    message: place,
                    line: text,
                    subject,
                    caller,
                    wish,
                }),
                Err(reason) => refused.push(Refused {
                    message: place,
                    line: text.as_bytes().to_vec(),
                    reason,
                }),
            }
        }
    }
    (told, refused)
}

fn wish_of(
    line: Line<'_>,
    caller: &Principal,
    clusters: &Clusters,
    now: Timestamp,
) -> Result<Wish, String> {
    const NANOSECONDS: i64 = 1_000_000_000;
    let Event { kind, body, time } = line.event?;
    match kind {
        EventKind::Start => {
            let job: JobMeta = decode(body.as_bytes()).map_err(|error| error.to_string())?;
            let start = job
                .into_command(caller)
                .map_err(|error| error.to_string())?;
            Ok(Wish::Start(Box::new(start)))
        }
        EventKind::Stop => {
            let stop = StopRequest::parse(body.as_bytes()).and_then(StopRequest::into_command);
            let stop = stop.map_err(|error| error.to_string())?;
            match &stop.target {
                // Its start can never come.
                StopTarget::Newest {
                    cluster: Some(cluster),
                    ..
                } if !clusters.names().contains(cluster) => {
                    Err(format!("no such cluster: {cluster}"))
                }
                _ => Ok(Wish::Stop(stop)),
            }
        }
        EventKind::NodeStates => {
            let request = NodeStatesRequest::parse(body.as_bytes());
            let request = request.map_err(|error| error.to_string())?;
            // What is older than what is known changes nothing, so one from the future would stay.
            let now = now.as_seconds();
            let told_at = time.map_or(now, |time| time / NANOSECONDS).min(now);
            Ok(Wish::NodeStates(request.into_command(told_at)))
        }
    }
}

impl Wish {
    /// The number of the job that it is about, if it is about one.
    pub(super) fn job_id(&self) -> Option<i64> {
        match self {
            Wish::NodeStates(_) => None,
            Wish::Start(start) => Some(start.job_id),
            Wish::Stop(stop) => match stop.target {
                StopTarget::Newest { job_id, .. } => Some(job_id),
                StopTarget::Id(id) => Some(id),
            },
        }
    }
}
