//! Commands put on the stream by hand, as the operator may: what a broken or malicious part would send.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, Result};
use async_nats::{HeaderMap, Subscriber, jetstream};
use futures_util::StreamExt as _;
use muster_contract::{
    Command as _, Message as _, Principal, Reply, Role, headers,
    job_archive::{JobDetails, JobState, NodeSharing, Resource, StartJob},
};
use muster_platform::{Clock as _, Ids as _, RandomIds, SystemClock};
use uuid::Uuid;

use crate::{jobs::START_TIME, site};

/// How long the sender of a command waits for its outcome.
const PATIENCE: Duration = Duration::from_secs(30);

/// A sender of commands and the address its replies come to.
#[derive(Debug)]
pub struct Sender {
    context: jetstream::Context,
    replies: Subscriber,
    reply_to: String,
    received: VecDeque<Reply>,
}

/// A message as it is put on the stream.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Where to.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub payload: Vec<u8>,
}

impl Sender {
    /// Starts to listen for replies.
    pub async fn start(context: &jetstream::Context) -> Result<Self> {
        let reply_to = format!("muster.rpl.operator.{}", RandomIds.next().simple());
        let replies = context.client().subscribe(reply_to.clone()).await?;
        // The broker knows the address before anything is sent that is answered there.
        context.client().flush().await?;
        Ok(Self {
            context: context.clone(),
            replies,
            reply_to,
            received: VecDeque::new(),
        })
    }

    /// The command with the headers that the ingress gives it.
    #[must_use]
    pub fn envelope(&self, id: Uuid, command: &StartJob) -> Envelope {
        let principal = Principal {
            name: "alpha-api".to_owned(),
            domain: "default".to_owned(),
            project: site::ALPHA.to_owned(),
            roles: vec![Role::Api],
        };
        let mut map = HeaderMap::new();
        map.insert(headers::MESSAGE_ID, id.to_string());
        map.insert(headers::CORRELATION_ID, id.to_string());
        map.insert(headers::SCHEMA, StartJob::schema());
        map.insert(headers::REPLY_TO, self.reply_to.as_str());
        let deadline = SystemClock.now().plus(PATIENCE).as_micros();
        map.insert(headers::DEADLINE, deadline.to_string());
        // Both of plain text: encoding cannot fail.
        let principal = serde_json::to_string(&principal).unwrap_or_default();
        map.insert(headers::PRINCIPAL, principal);
        Envelope {
            subject: StartJob::subject(),
            headers: map,
            payload: serde_json::to_vec(command).unwrap_or_default(),
        }
    }

    /// Puts the messages on the stream, all at once, and returns when the broker has them.
    pub async fn publish(&self, envelopes: &[Envelope]) -> Result<()> {
        let mut acknowledgements = Vec::new();
        for envelope in envelopes {
            let Envelope {
                subject,
                headers,
                payload,
            } = envelope.clone();
            let sent = self
                .context
                .publish_with_headers(subject, headers, payload.into());
            acknowledgements.push(sent.await?);
        }
        for acknowledgement in acknowledgements {
            acknowledgement.await?;
        }
        Ok(())
    }

    /// The next so many replies.
    pub async fn replies(&mut self, count: usize) -> Result<Vec<Reply>> {
        let mut replies = Vec::new();
        while replies.len() < count {
            if let Some(reply) = self.received.pop_front() {
                replies.push(reply);
                continue;
            }
            let message = tokio::time::timeout(PATIENCE, self.replies.next())
                .await
                .with_context(|| format!("{} of {count} replies came", replies.len()))?
                .context("the connection has ended")?;
            self.received
                .extend(serde_json::from_slice::<Vec<Reply>>(&message.payload)?);
        }
        Ok(replies)
    }
}

/// What the ingress makes of [`jobs::start`](crate::jobs::start).
#[must_use]
pub fn start_job(job_id: i64) -> StartJob {
    StartJob {
        job_id,
        user: "alice".to_owned(),
        project: "physics".to_owned(),
        cluster: site::TEST_CLUSTER.to_owned(),
        sub_cluster: None,
        partition: String::new(),
        array_job_id: 0,
        num_nodes: 1,
        num_hwthreads: 0,
        num_acc: 0,
        sharing: NodeSharing::None,
        monitoring_status: 1,
        smt: 0,
        state: JobState::Running,
        duration: 0,
        walltime: 0,
        start_time: START_TIME,
        details: JobDetails {
            resources: vec![Resource {
                hostname: "t001".to_owned(),
                ..Resource::default()
            }],
            ..JobDetails::default()
        },
        meta_data: std::collections::BTreeMap::new(),
        tags: Vec::new(),
    }
}

/// A new id.
#[must_use]
pub fn new_id() -> Uuid {
    RandomIds.next()
}
