//! A consumer of Muster's events as a real one would be: it gets each at least once and counts it
//! once, because it keeps an inbox.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, pull},
};
use futures_util::StreamExt as _;
use muster_contract::{headers, topology::EVENT_STREAM};
use muster_platform::{Ids as _, RandomIds};
use muster_testkit::eventually;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::System;

/// How the consumer's name begins. It outlives the broker's restarts, and each inbox has its own.
const CONSUMER: &str = "test-inbox";

/// When an event that was not acknowledged is delivered again.
const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(2);

/// Pause before the broker is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the broker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// An event, as it came the first time.
#[derive(Debug, Clone)]
pub struct ReceivedEvent {
    /// Its identity.
    pub message_id: String,
    /// Where it was published.
    pub subject: String,
    /// Its place in the stream.
    pub sequence: u64,
    /// Its body.
    pub body: Value,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// How often it came.
    pub deliveries: usize,
}

/// Takes all events from the first on, across restarts of the broker, until it is dropped.
#[derive(Debug)]
pub struct EventConsumer {
    context: jetstream::Context,
    name: String,
    inbox: Arc<Mutex<Inbox>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Inbox {
    events: BTreeMap<String, ReceivedEvent>,
    /// What is no event of the contract.
    strange: Vec<String>,
}

impl EventConsumer {
    /// Starts to take events.
    pub async fn start(system: &System) -> Result<Self> {
        let context = operator(&system.data()).await?;
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let name = format!("{CONSUMER}-{}", RandomIds.next().simple());
        let (taking, into, durable) = (context.clone(), inbox.clone(), name.clone());
        let task = tokio::spawn(async move {
            loop {
                // The broker is away or was restarted: ask again until it answers.
                let _ = take(&taking, &durable, &into).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
        Ok(Self {
            context,
            name,
            inbox,
            task,
        })
    }

    /// The events so far, each once, by place in the stream.
    #[must_use]
    pub fn events(&self) -> Vec<ReceivedEvent> {
        let mut events: Vec<_> = self.inbox().events.values().cloned().collect();
        events.sort_by_key(|event| event.sequence);
        events
    }

    /// What came on an event's subject and was none.
    #[must_use]
    pub fn strange(&self) -> Vec<String> {
        self.inbox().strange.clone()
    }

    /// The broker, as the operator.
    #[must_use]
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.context
    }

    /// Waits until everything that is in the stream at that moment has been taken.
    pub async fn caught_up(&self, deadline: Duration) -> Result<()> {
        eventually(deadline, "all events to be taken", async || {
            let stream = self.context.get_stream(EVENT_STREAM).await.ok()?;
            let last = stream.cached_info().state.last_sequence;
            let consumer = stream.consumer_info(&self.name).await.ok()?;
            (consumer.ack_floor.stream_sequence >= last).then_some(())
        })
        .await
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.inbox)
    }
}

impl Drop for EventConsumer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Every message of the event stream, in its order, read afresh.
pub async fn whole_stream(context: &jetstream::Context) -> Result<Vec<ReceivedEvent>> {
    let stream = context.get_stream(EVENT_STREAM).await?;
    let count = stream.cached_info().state.messages;
    let mut events = Vec::new();
    if count == 0 {
        return Ok(events);
    }
    let config = pull::OrderedConfig::default();
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    for _ in 0..count {
        let message = messages.next().await.context("the stream has ended")??;
        events.push(read(&message).map_err(anyhow::Error::msg)?);
    }
    Ok(events)
}

/// A JetStream context of the operator, who may use every subject. It reconnects for as long as it
/// lives.
pub async fn operator(data: &Path) -> Result<jetstream::Context> {
    let read = |name: &str| {
        let path = data.join("nats").join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let seed = read("operator.nk")?.trim().to_owned();
    let address = read("address")?.trim().to_owned();
    let client = async_nats::ConnectOptions::with_nkey(seed)
        .retry_on_initial_connect()
        .request_timeout(Some(ANSWER_TIMEOUT))
        .ping_interval(ANSWER_TIMEOUT)
        .reconnect_delay_callback(|_| PAUSE)
        .connect(format!("nats://{address}"))
        .await?;
    Ok(jetstream::context::ContextBuilder::new()
        .timeout(ANSWER_TIMEOUT)
        .ack_timeout(ANSWER_TIMEOUT)
        .build(client))
}

/// Comes back only with an error.
async fn take(context: &jetstream::Context, durable: &str, inbox: &Mutex<Inbox>) -> Result<()> {
    let stream = context.get_stream(EVENT_STREAM).await?;
    let consumer = stream
        .create_consumer(pull::Config {
            durable_name: Some(durable.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACKNOWLEDGE_WAIT,
            ..pull::Config::default()
        })
        .await?;
    let mut messages = consumer
        .stream()
        .expires(ANSWER_TIMEOUT * 2)
        .heartbeat(ANSWER_TIMEOUT / 2)
        .messages()
        .await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        // In the inbox first: what is not acknowledged comes again.
        match read(&message) {
            Ok(event) => {
                let mut inbox = lock(inbox);
                let known = inbox
                    .events
                    .entry(event.message_id.clone())
                    .or_insert(ReceivedEvent {
                        deliveries: 0,
                        ..event
                    });
                known.deliveries += 1;
            }
            Err(strange) => lock(inbox).strange.push(strange),
        }
        message.ack().await.map_err(anyhow::Error::from_boxed)?;
    }
    Ok(())
}

fn read(message: &jetstream::Message) -> Result<ReceivedEvent, String> {
    let subject = message.subject.to_string();
    let sequence = message.info().map_err(|error| error.to_string())?;
    let header = |name| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
    let id = header(headers::MESSAGE_ID);
    let id = id.ok_or_else(|| format!("{subject}: no {}", headers::MESSAGE_ID))?;
    let body =
        serde_json::from_slice(&message.payload).map_err(|error| format!("{subject}: {error}"))?;
    Ok(ReceivedEvent {
        message_id: id,
        traceparent: header(headers::TRACE_PARENT),
        sequence: sequence.stream_sequence,
        body,
        deliveries: 1,
        subject,
    })
}

fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner)
}
