//! Messages that could not be processed: filed, listed, published again or thrown away.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use muster_contract::{
    Command, Outcome, Query, Service,
    dead_letters::{
        DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterPage, PAGE_LIMIT, UnknownDeadLetter,
    },
    headers,
    message::Never,
    producers::{JOB_EVENT_STREAM, METRIC_STREAM, WRITTEN_METRICS},
    subject,
    topology::{EVENT_STREAM, REPORT_STREAM},
};
use muster_storage::{
    Database, StorageError, Transaction,
    dead_letters::{self, NewDeadLetter},
};
use uuid::Uuid;

use crate::{
    AnswerQuery, Asked, Effects, Environment, HandleCommand, HandlerError, Request,
    delivery::Raw,
    ledger::begin,
    outbox_message::{OutboxMessage, Payload},
};

/// Bytes of bodies after which a page is long enough.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Letters read at once; each may be as long as a message.
const READ_AT_ONCE: usize = 16;

/// Where a service keeps its dead letters, and the handlers of the messages about them.
#[derive(Clone)]
pub(crate) struct Cabinet {
    pub(crate) service: Service,
    pub(crate) database: Database,
    pub(crate) environment: Environment,
}

impl Cabinet {
    /// Files a message. Filing it again changes nothing but its error.
    pub(crate) async fn file(&self, raw: &Raw, reason: &str) -> Result<(), StorageError> {
        let mut transaction = begin(&self.database).await?;
        let payload = raw.message.payload.to_vec();
        self.file_in(&mut transaction, raw, payload, reason).await?;
        transaction.commit().await
    }

    /// The same in a transaction, of a message or of what is left of it.
    pub(crate) async fn file_in(
        &self,
        transaction: &mut Transaction,
        raw: &Raw,
        payload: Vec<u8>,
        reason: &str,
    ) -> Result<(), StorageError> {
        let headers = serde_json::to_string(&raw.headers()).unwrap_or_default();
        let letter = NewDeadLetter {
            stream: raw.stream.to_owned(),
            stream_sequence: i64::try_from(raw.stream_sequence).unwrap_or(i64::MAX),
            subject: raw.message.subject.to_string(),
            headers,
            payload,
            error: reason.to_owned(),
            deliveries: raw.delivered,
            filed_at: self.environment.clock.now().as_micros(),
        };
        dead_letters::file(transaction, letter).await?;
        Ok(())
    }

    /// The message as it came, but for what belonged to that one sending: nobody waits for its outcome any more. With the
    /// stream to publish it to. An event has reached everybody else, so this service gives it to itself alone; a report it could
    /// not publish as its agent.
    fn again(&self, letter: &dead_letters::DeadLetter, id: Uuid) -> (String, OutboxMessage) {
        let mut headers: Vec<(Cow<'static, str>, String)> = headers_of(letter)
            .into_iter()
            .filter(|(name, _)| {
                name != headers::REPLY_TO
                    && name != headers::DEADLINE
                    && name != headers::BROKER_MESSAGE_ID
            })
            .map(|(name, value)| (name.into(), value))
            .collect();
        let service = self.service.name();
        let replayed = match letter.stream.as_str() {
            // Only the producer may publish there, and what it said has reached everybody else.
            JOB_EVENT_STREAM => {
                headers.push((headers::PRODUCER_SUBJECT.into(), letter.subject.clone()));
                Some(subject::replayed_production(service))
            }
            METRIC_STREAM => {
                return (
                    METRIC_STREAM.to_owned(),
                    Self::samples_again(letter, headers, id),
                );
            }
            EVENT_STREAM => Some(subject::replayed_event(service)),
            REPORT_STREAM => subject::reporting_agent(&letter.subject)
                .map(|agent| subject::replayed_report(service, &agent)),
            _ => None,
        };
        let (stream, subject) = match replayed {
            Some(subject) => (self.service.command_stream().to_owned(), subject),
            None => (letter.stream.clone(), letter.subject.clone()),
        };
        let message = OutboxMessage {
            id,
            subject,
            headers,
            payload: Payload::of(letter.payload.clone()),
        };
        (stream, message)
    }

    /// Samples go back into their stream, where they are anybody's.
    fn samples_again(
        letter: &dead_letters::DeadLetter,
        headers: Vec<(Cow<'static, str>, String)>,
        id: Uuid,
    ) -> OutboxMessage {
        OutboxMessage {
            id,
            subject: WRITTEN_METRICS.to_owned(),
            headers,
            payload: Payload::of(letter.payload.clone()),
        }
    }

    /// Up to `limit` letters; fewer where they are long, but at least one if there is one.
    async fn page(
        &self,
        filter: &DeadLetterFilter,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StorageError> {
        let mut page: Vec<DeadLetter> = Vec::new();
        let mut bytes = 0;
        while page.len() < limit && bytes < PAGE_BYTES {
            let after = page.last().map_or(filter.after, |letter| letter.id);
            let wanted = (limit - page.len()).min(READ_AT_ONCE);
            let read = i64::try_from(wanted).unwrap_or(i64::MAX);
            let all = filter.include_replayed;
            let letters = dead_letters::list(&self.database, Some(after), read, all).await?;
            let complete = letters.len() < wanted;
            for letter in letters.into_iter().map(shown) {
                bytes += letter.payload.len();
                page.push(letter);
            }
            if complete {
                break;
            }
        }
        Ok(page)
    }
}

impl<Q> AnswerQuery<Q> for Cabinet
where
    Q: Query<Answer = DeadLetterPage, Refusal = Never> + AsRef<DeadLetterFilter>,
{
    async fn answer(
        &self,
        asked: Asked<Q>,
    ) -> Result<Outcome<DeadLetterPage, Never>, HandlerError> {
        let filter = asked.body.as_ref();
        let limit = usize::try_from(filter.limit.min(PAGE_LIMIT)).unwrap_or(usize::MAX);
        Ok(Outcome::Done(DeadLetterPage {
            dead_letters: self.page(filter, limit).await?,
            waiting: dead_letters::count(&self.database).await?,
        }))
    }
}

/// Publishes dead letters again.
#[derive(Clone)]
pub(crate) struct Replay(pub(crate) Cabinet);

impl<C> HandleCommand<C> for Replay
where
    C: Command<Reply = DeadLetter, Refusal = UnknownDeadLetter> + AsRef<DeadLetterId>,
{
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<C>],
        effects: &mut Effects,
    ) -> Result<Vec<Outcome<DeadLetter, UnknownDeadLetter>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            let id = request.body.as_ref().id;
            let now = self.0.environment.clock.now().as_micros();
            let found = dead_letters::get(&self.0.database, id).await?;
            let replayed = dead_letters::mark_replayed(transaction, id, now).await?;
            outcomes.push(match found {
                Some(letter) if replayed => {
                    let (stream, message) = self.0.again(&letter, effects.next_id());
                    effects.again(&stream, message);
                    let mut shown = shown(letter);
                    shown.replayed_at = Some(now);
                    Outcome::Done(shown)
                }
                _ => Outcome::Refused(UnknownDeadLetter { id }),
            });
        }
        Ok(outcomes)
    }
}

/// Throws dead letters away.
#[derive(Clone)]
pub(crate) struct Discard(pub(crate) Cabinet);

impl<C> HandleCommand<C> for Discard
where
    C: Command<Reply = DeadLetter, Refusal = UnknownDeadLetter> + AsRef<DeadLetterId>,
{
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<C>],
        _effects: &mut Effects,
    ) -> Result<Vec<Outcome<DeadLetter, UnknownDeadLetter>>, HandlerError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            let id = request.body.as_ref().id;
            let found = dead_letters::get(&self.0.database, id).await?;
            let discarded = dead_letters::discard(transaction, id).await?;
            outcomes.push(match found {
                Some(letter) if discarded => Outcome::Done(shown(letter)),
                _ => Outcome::Refused(UnknownDeadLetter { id }),
            });
        }
        Ok(outcomes)
    }
}

fn headers_of(letter: &dead_letters::DeadLetter) -> Vec<(String, String)> {
    serde_json::from_str(&letter.headers).unwrap_or_default()
}

fn shown(letter: dead_letters::DeadLetter) -> DeadLetter {
    let headers = headers_of(&letter);
    let (payload, payload_encoding) = match String::from_utf8(letter.payload) {
        Ok(text) => (text, "utf-8"),
        Err(error) => (BASE64.encode(error.as_bytes()), "base64"),
    };
    DeadLetter {
        id: letter.id,
        stream: letter.stream,
        stream_sequence: letter.stream_sequence,
        subject: letter.subject,
        headers,
        payload,
        payload_encoding: payload_encoding.to_owned(),
        error: letter.error,
        deliveries: letter.deliveries,
        filed_at: letter.filed_at,
        replayed_at: letter.replayed_at,
    }
}
