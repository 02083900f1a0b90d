//! Answers questions, over the NATS service API: one endpoint per query, all replicas in one queue group.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use async_nats::{
    HeaderMap,
    service::{self, ServiceExt, endpoint::Endpoint},
};
use futures_util::{FutureExt, StreamExt};
use muster_contract::{Principal, Service, headers};
use muster_platform::Shutdown;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span, error, warn};

use crate::{Broker, BrokerError, erased::ErasedQueryHandler, header_map, spans, topology::chain};

/// Questions of one kind that are answered at once; more wait in the subscription.
const AT_ONCE: usize = 64;

/// Bytes of an answer in one message; a longer answer comes in several.
const PART_SIZE: usize = 512 * 1024;

/// Handlers by the subject of the question.
pub(crate) type QueryHandlers = HashMap<String, Arc<dyn ErasedQueryHandler>>;

/// Starts to answer. The returned service keeps the endpoints alive.
pub(crate) async fn serve(
    broker: &Broker,
    service: Service,
    handlers: QueryHandlers,
    shutdown: &Shutdown,
) -> Result<service::Service, BrokerError> {
    let failed = |subject: &str, error: async_nats::Error| BrokerError::Serve {
        subject: subject.to_owned(),
        reason: error.to_string(),
    };
    let api = broker
        .client()
        .service_builder()
        .queue_group(service.name())
        .description("Questions to the owner of the tables")
        .start(service.name(), env!("CARGO_PKG_VERSION"))
        .await
        .map_err(|error| failed(service.name(), error))?;
    for (subject, handler) in handlers {
        let name = subject.replace('.', "-");
        let endpoint = api
            .endpoint_builder()
            .name(name)
            .add(subject.clone())
            .await
            .map_err(|error| failed(&subject, error))?;
        let answering = Answering {
            broker: broker.clone(),
            handler,
            subject: subject.clone(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        };
        let stop = shutdown.token();
        let tasks = shutdown.clone();
        shutdown.spawn(subject, async move {
            answering.run(endpoint, &stop, &tasks).await;
        });
    }
    Ok(api)
}

#[derive(Clone)]
struct Answering {
    broker: Broker,
    handler: Arc<dyn ErasedQueryHandler>,
    subject: String,
    places: Arc<Semaphore>,
}

impl Answering {
    async fn run(
        self,
        mut endpoint: Endpoint,
        stop: &tokio_util::sync::CancellationToken,
        tasks: &Shutdown,
    ) {
        loop {
            let request = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                request = endpoint.next() => request,
            };
            let Some(request) = request else { break };
            let Ok(place) = self.places.clone().acquire_owned().await else {
                break;
            };
            let answering = self.clone();
            tasks.spawn(self.subject.clone(), async move {
                answering.answer(&request).await;
                drop(place);
            });
        }
        let _ = endpoint.stop().await;
        // What has arrived is answered; whoever asks from now on is told that nobody is here.
        while let Some(request) = endpoint.next().await {
            self.answer(&request).await;
        }
    }

    async fn answer(&self, request: &service::Request) {
        let span = spans::answer(&self.subject, request.message.headers.as_ref());
        self.try_answer(request).instrument(span).await;
    }

    async fn try_answer(&self, request: &service::Request) {
        let principal = match principal_of(request) {
            Ok(principal) => principal,
            Err(reason) => return self.refuse(request, reason).await,
        };
        let answer = self.handler.answer(&request.message.payload, principal);
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(answer)) => self.respond(request, &answer.into()).await,
            Ok(Err(error)) => {
                error!(target: "muster::messaging", subject = self.subject, error = %chain(&error), "a question could not be answered");
                spans::fail(&Span::current(), "handler", &chain(&error));
                // What went wrong inside is for our log and traces alone.
                self.refuse(request, "it could not be answered".to_owned())
                    .await;
            }
            Err(_) => {
                error!(target: "muster::messaging", subject = self.subject, "a handler panicked");
                spans::fail(&Span::current(), "panic", "a handler panicked");
                self.refuse(request, "it could not be answered".to_owned())
                    .await;
            }
        }
    }

    /// The answer in one message, or in as many as it takes.
    async fn respond(&self, request: &service::Request, answer: &bytes::Bytes) {
        let part_size = PART_SIZE.min(self.broker.body_limit()).max(1);
        let count = answer.len().div_ceil(part_size).max(1);
        let Some(address) = request.message.reply.clone() else {
            warn!(target: "muster::messaging", subject = self.subject, "a question that nobody waits for");
            return;
        };
        for number in 1..count {
            let part = answer.slice((number - 1) * part_size..number * part_size);
            let sent = self
                .broker
                .client()
                .publish_with_headers(address.clone(), part_headers(number, count), part)
                .await;
            if let Err(error) = sent {
                warn!(target: "muster::messaging", %error, "an answer could not be sent");
                return;
            }
        }
        let last = answer.slice((count - 1) * part_size..);
        let map = if count == 1 {
            HeaderMap::new()
        } else {
            part_headers(count, count)
        };
        if let Err(error) = request.respond_with_headers(Ok(last), map).await {
            warn!(target: "muster::messaging", %error, "an answer could not be sent");
        }
    }

    async fn refuse(&self, request: &service::Request, status: String) {
        let error = service::error::Error { status, code: 500 };
        if let Err(error) = request.respond(Err(error)).await {
            warn!(target: "muster::messaging", %error, "an answer could not be sent");
        }
    }
}

fn part_headers(number: usize, count: usize) -> HeaderMap {
    let mut map = HeaderMap::new();
    header_map::set(&mut map, headers::ANSWER_PART, format!("{number}/{count}"));
    map
}

fn principal_of(request: &service::Request) -> Result<Option<Principal>, String> {
    let headers = request.message.headers.as_ref();
    headers
        .and_then(|headers| header_map::get(headers, headers::PRINCIPAL))
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| format!("the header {}: {error}", headers::PRINCIPAL))
}
