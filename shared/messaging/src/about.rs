//! What a message is about: the session, else the node, that its body names. Work on one thing belongs together in a trace, also
//! where time or another's message sets the next step off.

use std::borrow::Cow;

use muster_storage::{StorageError, Transaction, origins};
use muster_telemetry::propagation;
use serde::Deserialize;

use crate::{Context, outbox_message::OutboxMessage};

/// Longest name of a thing that is noted, in bytes.
const NAME_LIMIT: usize = 256;

/// What is read of a body. Whatever has another form names nothing.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    session: Option<Thing<'a>>,
    #[serde(borrow, default)]
    session_id: Option<Thing<'a>>,
    #[serde(borrow, default)]
    node: Option<Thing<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Thing<'a> {
    Name(#[serde(borrow)] Cow<'a, str>),
    Id {
        #[serde(borrow)]
        id: Cow<'a, str>,
    },
    Host {
        #[serde(borrow)]
        hostname: Cow<'a, str>,
    },
    Other(serde::de::IgnoredAny),
}

impl Thing<'_> {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) | Self::Id { id: name } | Self::Host { hostname: name } => {
                (name.len() <= NAME_LIMIT).then_some(name)
            }
            Self::Other(_) => None,
        }
    }
}

/// The subject of a message with this body: `session/…` or `node/…`.
pub(crate) fn about(body: &[u8]) -> Option<String> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let session = body.session.as_ref().and_then(Thing::name);
    let session = session.or_else(|| body.session_id.as_ref().and_then(Thing::name));
    if let Some(session) = session {
        return Some(format!("{SESSION}{session}"));
    }
    let node = body.node.as_ref().and_then(Thing::name)?;
    Some(format!("node/{node}"))
}

const SESSION: &str = "session/";

/// The session that the subject is.
pub(crate) fn session_of(about: &str) -> Option<&str> {
    about.strip_prefix(SESSION)
}

/// What a message that is sent has to do with the one that set it off.
pub(crate) struct Sent {
    about: String,
    cause_about: Option<String>,
    cause_trace: Option<String>,
    /// What set it off is a command: what that is about may be found out by its handler alone.
    by_request: bool,
}

impl Sent {
    /// Of a message with this body; nothing where it is about nothing, or nobody would see its trace.
    pub(crate) fn of(cause: &Context, body: &str) -> Option<Self> {
        let trace = cause.inner.trace.as_ref().map(|(parent, _)| parent);
        let is_traced = match trace {
            Some(parent) => propagation::is_sampled(parent),
            None => propagation::is_on(),
        };
        if !is_traced {
            return None;
        }
        Some(Self {
            about: about(body.as_bytes())?,
            cause_about: cause.inner.about.clone(),
            cause_trace: trace.cloned(),
            by_request: cause.inner.is_request,
        })
    }

    /// Whether what set it off was about something else, or is no request at all.
    fn is_set_off_by_others(&self) -> bool {
        let is_about_this = match &self.cause_about {
            Some(cause) => *cause == self.about,
            None => self.by_request,
        };
        self.cause_trace.is_none() || !is_about_this
    }
}

/// Finds the traces that the messages belong to which something else has set off: they go on there, linked to what set them off.
/// Of the others it is noted which trace they belong to, for what may come later.
pub(crate) async fn carry_on(
    transaction: &mut Transaction,
    messages: &mut [(Sent, &mut OutboxMessage)],
    now: i64,
) -> Result<(), StorageError> {
    let mut wanted: Vec<&str> = messages
        .iter()
        .filter(|(sent, _)| sent.is_set_off_by_others())
        .map(|(sent, _)| sent.about.as_str())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let found = origins::find(transaction, wanted).await?;
    let mut begun: Vec<origins::Origin> = Vec::new();
    for (sent, message) in messages {
        if sent.is_set_off_by_others() {
            let origin = found.iter().find(|origin| origin.subject == sent.about);
            if let Some(origin) = origin {
                message.belongs_to(&origin.traceparent, sent.cause_trace.as_deref());
            }
        } else if sent.by_request
            && sent.cause_about.is_none()
            && let Some(trace) = &sent.cause_trace
            && begun.iter().all(|origin| origin.subject != sent.about)
        {
            begun.push(origins::Origin {
                subject: sent.about.clone(),
                traceparent: trace.clone(),
            });
        }
    }
    note(transaction, begun, now).await
}

/// Notes the traces of commands, which are the requests about something; what is not traced is nothing to note.
pub(crate) async fn note_requests<'a>(
    transaction: &mut Transaction,
    requests: impl Iterator<Item = &'a Context>,
    now: i64,
) -> Result<(), StorageError> {
    let mut begun: Vec<origins::Origin> = Vec::new();
    for request in requests {
        let (Some(about), Some((trace, _))) = (&request.inner.about, &request.inner.trace) else {
            continue;
        };
        // The last one of a batch stays.
        begun.retain(|origin| origin.subject != *about);
        begun.push(origins::Origin {
            subject: about.clone(),
            traceparent: trace.clone(),
        });
    }
    note(transaction, begun, now).await
}

async fn note(
    transaction: &mut Transaction,
    mut begun: Vec<origins::Origin>,
    now: i64,
) -> Result<(), StorageError> {
    if begun.is_empty() {
        return Ok(());
    }
    // In one order, so that two replicas seldom wait for each other.
    begun.sort_by(|one, other| one.subject.cmp(&other.subject));
    origins::note(transaction, &begun, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_session_or_else_its_node() {
        for (body, wanted) in [
            (r#"{"session":"s1","tenant":"t"}"#, Some("session/s1")),
            (r#"{"session":{"id":"s1","number":7}}"#, Some("session/s1")),
            (r#"{"session_id":"s1"}"#, Some("session/s1")),
            (
                r#"{"session":null,"node":{"hostname":"n1.dusty","pool":"p"}}"#,
                Some("node/n1.dusty"),
            ),
            (
                r#"{"session":"s1","node":{"hostname":"n1"}}"#,
                Some("session/s1"),
            ),
            // A reference to a session by name: which one it is, its service finds out.
            (r#"{"session":{"alias":"weekly"}}"#, None),
            (r#"{"session":7}"#, None),
            (r#"{"job_id":7}"#, None),
            (r"[1]", None),
            ("", None),
        ] {
            assert_eq!(about(body.as_bytes()).as_deref(), wanted, "{body}");
        }
        let long = format!(r#"{{"session":"{}"}}"#, "x".repeat(NAME_LIMIT + 1));
        assert_eq!(about(long.as_bytes()), None);
        let at_the_limit = long.replacen('x', "", 1);
        assert!(about(at_the_limit.as_bytes()).is_some());
    }

    #[test]
    fn orders_about_containers_are_about_their_sessions() {
        let stop = muster_contract::agent::StopContainer {
            order: uuid::Uuid::from_u128(1),
            container: uuid::Uuid::from_u128(2),
            session: Some(uuid::Uuid::from_u128(3)),
            forced: false,
        };
        let body = serde_json::to_vec(&stop).unwrap();
        let wanted = format!("session/{}", uuid::Uuid::from_u128(3));
        assert_eq!(about(&body), Some(wanted));
    }

    #[test]
    fn a_session_is_told_from_a_node() {
        assert_eq!(session_of("session/s1"), Some("s1"));
        assert_eq!(session_of("node/n1"), None);
    }
}
