//! The promises of the message path (design §3), each tried on a real nats-server, with SQLite and with PostgreSQL.
#![cfg(test)]

mod common;

mod agent_permissions;
mod agent_questions;
mod agents;
mod database_away;
mod dead_letters;
mod draining;
mod event_tail;
mod events;
mod exactly_once;
mod healing;
mod housekeeping;
mod late_outcomes;
mod periodic;
mod permissions;
mod poison;
mod queries;
mod reactions;
mod replicas;
mod sending;
mod signals;
mod topology;
