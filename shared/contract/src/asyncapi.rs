//! The `AsyncAPI` 3 documents, one per service, made from the contract table.
//!
//! `send` and `receive` are from the described service's view. JetStream has no vocabulary in the NATS binding, so stream,
//! consumer and retention stand in the extension `x-jetstream`.

use schemars::{Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    Service, headers,
    table::{CONTRACT, Entry, Kind, entries},
    topology::{
        ACKNOWLEDGE_WAIT, DUPLICATE_WINDOW, EVENT_STREAM, ORDER_ACKNOWLEDGE_WAIT, ORDER_AGE,
        ORDER_STREAM, REPORT_STREAM,
    },
};

/// The document of one service.
#[must_use]
pub fn document(service: Service) -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();

    for entry in CONTRACT.iter().filter(|entry| entry.service == service) {
        let id = identifier(entry.name);
        let body = (entry.body)(&mut generator);
        messages.insert(id.clone(), message(entry, &body, &generator));
        channels.insert(id.clone(), channel(entry, &id));
        let mut operation = json!({
            "action": action(entry.kind),
            "channel": { "$ref": format!("#/channels/{id}") },
            "messages": [{ "$ref": format!("#/channels/{id}/messages/{id}") }],
        });
        if let Some(answer) = entry.answer {
            let answer_id = format!("{id}Answer");
            let schema = answer(&mut generator);
            let schema = if entry.kind == Kind::Command {
                json!({ "type": "array", "items": schema })
            } else {
                json!(schema)
            };
            messages.insert(
                answer_id.clone(),
                json!({ "name": answer_id, "contentType": "application/json", "payload": schema }),
            );
            channels.insert(answer_id.clone(), json!({
                "address": null,
                "messages": { answer_id.clone(): { "$ref": format!("#/components/messages/{answer_id}") } },
            }));
            insert(
                &mut operation,
                "reply",
                json!({
                    "address": { "location": reply_location(entry.kind) },
                    "channel": { "$ref": format!("#/channels/{answer_id}") },
                    "messages": [{ "$ref": format!("#/channels/{answer_id}/messages/{answer_id}") }],
                }),
            );
        }
        operations.insert(id, operation);
    }

    for entry in taken_from_others(service) {
        let id = foreign_identifier(entry);
        let body = (entry.body)(&mut generator);
        messages.insert(id.clone(), message(entry, &body, &generator));
        let mut channel = channel(entry, &id);
        if let Some(jetstream) = channel.get_mut("x-jetstream") {
            insert(jetstream, "consumer", json!(service.name()));
        }
        channels.insert(id.clone(), channel);
        operations.insert(
            id.clone(),
            json!({
                "action": "receive",
                "channel": { "$ref": format!("#/channels/{id}") },
                "messages": [{ "$ref": format!("#/channels/{id}/messages/{id}") }],
            }),
        );
    }

    let schemas = generator.take_definitions(true);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": format!("Muster: {service}"),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Commands this service takes, queries it answers, events it emits and events of others it reacts to, orders it gives to agents, what they report and say of themselves, and questions to them about what it owns, over NATS.",
            "license": { "name": "Apache-2.0 OR MIT" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

const fn action(kind: Kind) -> &'static str {
    match kind {
        Kind::Event | Kind::Order | Kind::AgentQuestion => "send",
        Kind::Command | Kind::Query | Kind::Report | Kind::Signal => "receive",
    }
}

/// The subject with a name for what differs from message to message.
fn address(entry: &Entry) -> String {
    let parameter = match entry.kind {
        Kind::Order | Kind::Report | Kind::Signal | Kind::AgentQuestion => "{agent}",
        Kind::Command | Kind::Event | Kind::Query => "{project}",
    };
    entry.subject.replace('*', parameter)
}

/// The events of other services that this one reacts to.
fn taken_from_others(service: Service) -> impl Iterator<Item = &'static Entry> {
    entries(Kind::Event)
        .filter(move |entry| entry.service != service && entry.consumers.contains(&service.part()))
}

/// Two services may have messages of one name.
fn foreign_identifier(entry: &Entry) -> String {
    identifier(&format!("{}-{}", entry.service, entry.name))
}

/// The document of one service as the text that is committed and served.
#[must_use]
pub fn text(service: Service) -> String {
    format!("{:#}\n", document(service))
}

fn reply_location(kind: Kind) -> String {
    match kind {
        Kind::Command => format!("$message.header#/{}", headers::REPLY_TO),
        Kind::Event
        | Kind::Query
        | Kind::Order
        | Kind::Report
        | Kind::Signal
        | Kind::AgentQuestion => "$message.header#/reply".to_owned(),
    }
}

fn message(entry: &Entry, body: &Schema, generator: &schemars::SchemaGenerator) -> Value {
    let description = described(body, generator).unwrap_or_default();
    json!({
        "name": entry.schema,
        "summary": description,
        "contentType": "application/json",
        "headers": { "type": "object", "properties": headers_of(entry.kind), "required": required_headers(entry.kind) },
        "payload": body,
    })
}

/// The doc comment of the body's type.
fn described(body: &Schema, generator: &schemars::SchemaGenerator) -> Option<String> {
    let name = body.get("$ref")?.as_str()?.rsplit('/').next()?.to_owned();
    let text = generator.definitions().get(&name)?.get("description")?;
    Some(text.as_str()?.replace('\n', " "))
}

fn channel(entry: &Entry, id: &str) -> Value {
    let mut channel = json!({
        "address": address(entry),
        "messages": { id: { "$ref": format!("#/components/messages/{id}") } },
    });
    match entry.kind {
        Kind::Command => insert(
            &mut channel,
            "x-jetstream",
            json!({
                "stream": entry.service.command_stream(),
                "retention": "workqueue",
                "discard": "new",
                "consumer": entry.service.name(),
                "acknowledgeWaitSeconds": ACKNOWLEDGE_WAIT.as_secs(),
            }),
        ),
        Kind::Event => {
            insert(
                &mut channel,
                "parameters",
                json!({
                    "project": { "description": "The tenant, percent-encoded but for letters, digits, - and _." },
                }),
            );
            insert(
                &mut channel,
                "x-jetstream",
                json!({
                    "stream": EVENT_STREAM,
                    "retention": "limits",
                    "duplicateWindowSeconds": DUPLICATE_WINDOW.as_secs(),
                }),
            );
        }
        Kind::Query => insert(
            &mut channel,
            "bindings",
            json!({ "nats": { "queue": entry.service.name(), "bindingVersion": "0.1.0" } }),
        ),
        Kind::Order => {
            insert(&mut channel, "parameters", agent_parameter());
            insert(
                &mut channel,
                "x-jetstream",
                json!({
                    "stream": ORDER_STREAM,
                    "retention": "workqueue",
                    "discard": "new",
                    "maximumAgeSeconds": ORDER_AGE.as_secs(),
                    "consumer": "{agent}",
                    "acknowledgeWaitSeconds": ORDER_ACKNOWLEDGE_WAIT.as_secs(),
                    "answeredBy": entry.answered_by,
                }),
            );
        }
        Kind::Report => {
            insert(&mut channel, "parameters", agent_parameter());
            insert(
                &mut channel,
                "x-jetstream",
                json!({
                    "stream": REPORT_STREAM,
                    "retention": "limits",
                    "consumer": entry.service.name(),
                    "acknowledgeWaitSeconds": ACKNOWLEDGE_WAIT.as_secs(),
                }),
            );
        }
        Kind::Signal => {
            insert(&mut channel, "parameters", agent_parameter());
            insert(
                &mut channel,
                "bindings",
                json!({ "nats": { "queue": entry.service.name(), "bindingVersion": "0.1.0" } }),
            );
        }
        Kind::AgentQuestion => insert(&mut channel, "parameters", agent_parameter()),
    }
    channel
}

fn agent_parameter() -> Value {
    json!({
        "agent": { "description": "The agent's name, percent-encoded but for letters, digits, - and _." },
    })
}

fn headers_of(kind: Kind) -> Value {
    let text = json!({ "type": "string" });
    let mut properties = Map::new();
    for (name, description) in documented_headers(kind) {
        let mut property = text.clone();
        insert(&mut property, "description", json!(description));
        properties.insert(name.to_owned(), property);
    }
    Value::Object(properties)
}

fn documented_headers(kind: Kind) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        (headers::MESSAGE_ID, "Identity for the inbox: a UUID."),
        (headers::SCHEMA, "name/version of the body."),
        (
            headers::CORRELATION_ID,
            "Same for everything one client request set off.",
        ),
        (headers::TRACE_PARENT, "W3C trace context."),
        (headers::TRACE_STATE, "W3C trace context."),
        (
            headers::TRACE_LINK,
            "W3C traceparent of what set it off, where that belongs to another trace.",
        ),
    ];
    match kind {
        Kind::Command => all.extend([
            (headers::PRINCIPAL, "Who calls, as JSON."),
            (headers::REPLY_TO, "Core NATS subject for the outcome."),
            (
                headers::DEADLINE,
                "When the sender stops waiting: microseconds since 1970 UTC.",
            ),
            (
                headers::FINGERPRINT,
                "SHA-256 of the request, with an Idempotency-Key.",
            ),
        ]),
        Kind::Event | Kind::Order => all.extend([
            (
                headers::BROKER_MESSAGE_ID,
                "The broker's duplicate filter; equal to Muster-Message-Id.",
            ),
            (headers::CAUSATION_ID, "Id of the message that caused it."),
        ]),
        Kind::Report => all.push((headers::CAUSATION_ID, "Id of the order.")),
        Kind::Query => all.push((headers::PRINCIPAL, "Who asks, as JSON.")),
        Kind::Signal | Kind::AgentQuestion => {}
    }
    all
}

fn required_headers(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::Command | Kind::Event | Kind::Order | Kind::Report => {
            vec![headers::MESSAGE_ID, headers::SCHEMA]
        }
        Kind::Query | Kind::Signal | Kind::AgentQuestion => vec![headers::SCHEMA],
    }
}

/// `start-job` -> `startJob`: what an `AsyncAPI` identifier may look like.
fn identifier(name: &str) -> String {
    let mut words = name.split(['-', '.']);
    let mut identifier = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        identifier.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        identifier.push_str(letters.as_str());
    }
    identifier
}

fn insert(object: &mut Value, member: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_table_is_in_its_service_document() {
        for entry in CONTRACT.iter() {
            let document = document(entry.service);
            let id = identifier(entry.name);
            let found = &document["channels"][&id]["address"];
            assert_eq!(found, &json!(address(entry)));
            let summary = document["components"]["messages"][&id]["summary"].as_str();
            assert!(
                summary.is_some_and(|text| !text.is_empty()),
                "{id} says what it is"
            );
        }
    }

    #[test]
    fn every_event_is_in_the_documents_of_those_who_react_to_it() {
        for service in Service::ALL {
            let document = document(*service);
            for entry in taken_from_others(*service) {
                let operation = &document["operations"][foreign_identifier(entry)];
                assert_eq!(operation["action"], "receive", "{}", entry.subject);
            }
        }
    }

    #[test]
    fn the_committed_documents_are_what_the_table_says() {
        for service in Service::ALL {
            let path = format!("{}/asyncapi/{service}.json", env!("CARGO_MANIFEST_DIR"));
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                committed,
                text(*service),
                "{path}: `just spec` writes it anew"
            );
        }
    }

    #[test]
    fn every_reference_points_at_something() {
        for service in Service::ALL {
            let document = document(*service);
            let mut references = Vec::new();
            collect(&document, &mut references);
            assert!(!references.is_empty());
            for reference in references {
                let pointer = reference.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
        }
    }

    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    into.push(reference.clone());
                }
                members.values().for_each(|member| collect(member, into));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            _ => {}
        }
    }
}
