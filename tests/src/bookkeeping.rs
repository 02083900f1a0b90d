//! Compares what clients were told with what is in the tables and what was published (design §3).

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail, ensure};
use async_nats::jetstream;
use muster_contract::Service;
use muster_testkit::eventually;
use serde_json::Value;

use crate::{
    Dump, System,
    events::{EventConsumer, ReceivedEvent},
    load::{Asked, Story, Told},
    tables::Record,
};

/// How long everything that is under way may take to come to its end: commands of a killed service
/// are delivered again after four seconds, and each kill may add as much.
pub const SETTLE_DEADLINE: Duration = Duration::from_mins(1);

/// Differences shown, at most.
const SHOWN: usize = 20;

/// Everything at rest: no command waits, no event is unpublished, the consumer has seen all.
pub async fn settled(system: &System, consumer: &EventConsumer) -> Result<Dump> {
    eventually(SETTLE_DEADLINE, "no command to be left", async || {
        let waiting = waiting_commands(consumer.jetstream()).await.ok()?;
        (waiting == 0).then_some(())
    })
    .await?;
    let dump = eventually(SETTLE_DEADLINE, "every event to be published", async || {
        let dump = system.tables().dump().await.ok()?;
        dump.is_published().then_some(dump)
    })
    .await?;
    consumer.caught_up(SETTLE_DEADLINE).await?;
    Ok(dump)
}

/// Commands in the job archive's stream, whether delivered or not.
pub async fn waiting_commands(context: &jetstream::Context) -> Result<u64> {
    let stream = Service::JobArchive.command_stream();
    let stream = context.get_stream(stream).await?;
    Ok(stream.cached_info().state.messages)
}

/// Checks the promises for everything that was asked for: what was answered with 2xx is in the table
/// exactly once, nothing else is but what was asked for, and each row has its events exactly once.
pub fn check(stories: &[Story], dump: &Dump, consumer: &EventConsumer) -> Result<()> {
    let mut problems = consumer.strange();
    let mut rows: BTreeMap<i64, Vec<&Record>> = BTreeMap::new();
    for row in dump.rows("job") {
        rows.entry(number(row, "job_id")).or_default().push(row);
    }
    for story in stories {
        let rows = rows.remove(&story.job_id).unwrap_or_default();
        let found = problem(story, &rows);
        problems.extend(found.map(|text| format!("{text}: {story:?}, rows {rows:?}")));
    }
    for rows in rows.values() {
        problems.push(format!("nobody asked for {rows:?}"));
    }
    problems.extend(event_problems(dump.rows("job"), &consumer.events()));
    for letter in dump.rows("dead_letters") {
        problems.push(format!("a dead letter: {letter:?}"));
    }
    ensure!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems
            .iter()
            .take(SHOWN)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    Ok(())
}

/// Checks that each row has exactly one event of its start and, if it has stopped, one of its stop.
pub fn check_events(dump: &Dump, events: &[ReceivedEvent]) -> Result<()> {
    let problems = event_problems(dump.rows("job"), events);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

fn problem(story: &Story, rows: &[&Record]) -> Option<&'static str> {
    let Ok(started) = expected(&story.start) else {
        return Some("an answer that cannot be");
    };
    let row = match rows {
        [] if started == Some(true) => return Some("a start that was answered is lost"),
        [] => return None,
        [row] => row,
        _ => return Some("a job is there more than once"),
    };
    if started == Some(false) {
        return Some("nothing was to be done, and a row is there");
    }
    let id = number(row, "id");
    let other = |asked: &Asked| {
        asked
            .told
            .iter()
            .any(|told| matches!(told, Told::Done(told) if *told != id))
    };
    if other(&story.start) || other(&story.stop) {
        return Some("an answer names another row");
    }
    let stopped = row.get("state").and_then(Value::as_str) == Some("completed");
    match expected(&story.stop) {
        Err(()) => Some("an answer to a stop that cannot be"),
        Ok(Some(true)) if !stopped => Some("a stop that was answered is lost"),
        Ok(Some(false)) if stopped => Some("nobody stopped it"),
        Ok(_) => None,
    }
}

/// Whether it must have been done; `None` = it may or may not. An error for answers that contradict
/// each other.
fn expected(asked: &Asked) -> Result<Option<bool>, ()> {
    let mut done = Some(false);
    for told in &asked.told {
        done = match (told, done) {
            (Told::Done(_), Some(true)) if !asked.with_key => return Err(()),
            // Refused without a key: it is there already, so an earlier request did it.
            (Told::Done(_), _) => Some(true),
            (Told::Refused, None) if !asked.with_key => Some(true),
            (Told::Unknown, Some(false)) => None,
            (Told::NotDone | Told::Unknown, done) => done,
            (Told::Refused | Told::Odd(_), _) => return Err(()),
        };
    }
    Ok(done)
}

fn event_problems(rows: &[Record], events: &[ReceivedEvent]) -> Vec<String> {
    let mut counts: BTreeMap<(&str, i64), usize> = BTreeMap::new();
    for event in events {
        let kind = event.subject.rsplit('.').next().unwrap_or_default();
        let id = event.body.get("id").and_then(Value::as_i64);
        *counts.entry((kind, id.unwrap_or_default())).or_default() += 1;
    }
    let mut problems = Vec::new();
    for row in rows {
        let id = number(row, "id");
        let stopped = row.get("state").and_then(Value::as_str) != Some("running");
        for (kind, wanted) in [("started", 1), ("stopped", usize::from(stopped))] {
            let found = counts.remove(&(kind, id)).unwrap_or_default();
            if found != wanted {
                problems.push(format!(
                    "{found} events {kind} of row {id} instead of {wanted}"
                ));
            }
        }
    }
    problems.extend(
        counts
            .keys()
            .map(|event| format!("an event of no row: {event:?}")),
    );
    problems
}

fn number(row: &Record, column: &str) -> i64 {
    row.get(column).and_then(Value::as_i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(with_key: bool, told: &[Told]) -> Asked {
        Asked {
            with_key,
            told: told.to_vec(),
        }
    }

    #[test]
    fn what_answers_say_together() {
        use Told::{Done, NotDone, Refused, Unknown};
        assert_eq!(expected(&asked(false, &[])), Ok(Some(false)));
        assert_eq!(
            expected(&asked(false, &[NotDone, NotDone])),
            Ok(Some(false))
        );
        assert_eq!(expected(&asked(false, &[NotDone, Unknown])), Ok(None));
        assert_eq!(expected(&asked(false, &[Unknown, NotDone])), Ok(None));
        assert_eq!(expected(&asked(false, &[Unknown, Refused])), Ok(Some(true)));
        assert_eq!(expected(&asked(true, &[Unknown, Done(1)])), Ok(Some(true)));
        assert_eq!(expected(&asked(true, &[Unknown, Refused])), Err(()));
        assert_eq!(expected(&asked(false, &[NotDone, Refused])), Err(()));
    }
}
