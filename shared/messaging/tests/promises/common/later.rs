//! Handlers whose work comes to its end later: by an event, or by time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use muster_contract::Outcome;
use muster_messaging::{
    BeginCommand, Context, Effects, HandlerError, OutcomeOf, Periodic, Progress, React, Request,
};
use muster_storage::Transaction;
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    handlers::Steering,
    messages::{BeginNote, NoteAppeared, NoteWritten},
};

/// Steers the periodic work. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Due {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    is_due: AtomicBool,
    failures: AtomicU64,
    runs: AtomicU64,
}

impl Due {
    /// From now on notes whose names begin with `due` are due.
    pub(crate) fn set(&self) {
        self.inner.is_due.store(true, Ordering::SeqCst);
    }

    /// The next runs fail, in turn by an error and by a panic.
    pub(crate) fn fail(&self, times: u64) {
        self.inner.failures.store(times, Ordering::SeqCst);
    }

    /// Runs so far, those that failed included.
    pub(crate) fn runs(&self) -> u64 {
        self.inner.runs.load(Ordering::SeqCst)
    }
}

#[derive(FromRow)]
struct Begun {
    id: i64,
    name: String,
    command_id: String,
}

/// Begins `BeginNote`. It is done when a note of its name appears, or by time.
pub(crate) struct Beginning;

impl BeginCommand<BeginNote> for Beginning {
    async fn begin(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<BeginNote>],
        effects: &mut Effects,
    ) -> Result<Vec<Progress<BeginNote>>, HandlerError> {
        let mut progress = Vec::new();
        for request in requests {
            let name = &request.body.name;
            let id = request.context.id();
            transaction
                .execute(
                    "INSERT INTO begun (name, command_id, done) VALUES ($1, $2, $3)",
                    &[name.into(), id.to_string().into(), false.into()],
                )
                .await?;
            progress.push(match name.as_str() {
                "at once" => Progress::Settled(outcome(name, 1)),
                "in the same transaction" => {
                    effects.settle::<BeginNote>(id, &outcome(name, 1))?;
                    // The second changes nothing.
                    effects.settle::<BeginNote>(id, &outcome(name, 2))?;
                    Progress::Pending
                }
                _ => Progress::Pending,
            });
        }
        Ok(progress)
    }
}

/// Reacts to `NoteAppeared`.
pub(crate) struct Reacting(pub(crate) Steering);

impl React<NoteAppeared> for Reacting {
    async fn react(
        &self,
        transaction: &mut Transaction,
        events: &[Request<NoteAppeared>],
        effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        for event in events {
            let name = &event.body.name;
            if name.starts_with("gate") {
                self.0.wait_at_gate().await;
            }
            transaction
                .execute("INSERT INTO seen (name) VALUES ($1)", &[name.into()])
                .await?;
            if name.starts_with("poison") && !self.0.is_repaired() {
                return Err(HandlerError::Permanent("on purpose".to_owned()));
            }
            let begun: Vec<Begun> = transaction
                .fetch_all(
                    "SELECT id, name, command_id FROM begun WHERE name = $1 ORDER BY id",
                    &[name.into()],
                )
                .await?;
            for (run, begun) in (1..).zip(begun) {
                let command: Uuid = begun.command_id.parse().unwrap();
                effects.settle::<BeginNote>(command, &outcome(name, run))?;
            }
        }
        Ok(())
    }
}

/// Does one of the notes that are due.
pub(crate) struct DoingDue(pub(crate) Due);

impl Periodic for DoingDue {
    async fn run(
        &self,
        transaction: &mut Transaction,
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<bool, HandlerError> {
        self.0.inner.runs.fetch_add(1, Ordering::SeqCst);
        if !self.0.inner.is_due.load(Ordering::SeqCst) {
            return Ok(false);
        }
        let next: Option<Begun> = transaction
            .fetch_optional(
                "UPDATE begun SET done = TRUE WHERE id = (SELECT MIN(id) FROM begun WHERE name LIKE 'due%' AND NOT done) \
                 RETURNING id, name, command_id",
                &[],
            )
            .await?;
        let Some(begun) = next else {
            return Ok(false);
        };
        let take_one = |left: u64| left.checked_sub(1);
        let failures = &self.0.inner.failures;
        match failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one) {
            Ok(left) if left % 2 == 0 => panic!("on purpose"),
            Ok(_) => return Err(HandlerError::Permanent("on purpose".to_owned())),
            Err(_) => {}
        }
        assert!(cause.principal().is_none());
        let event = NoteAppeared {
            name: begun.name.clone(),
            padding: String::new(),
        };
        effects.emit(cause, &event)?;
        let run = u64::try_from(begun.id).unwrap();
        let command: Uuid = begun.command_id.parse().unwrap();
        effects.settle::<BeginNote>(command, &outcome(&begun.name, run))?;
        Ok(true)
    }
}

fn outcome(name: &str, run: u64) -> OutcomeOf<BeginNote> {
    Outcome::Done(NoteWritten {
        name: name.to_owned(),
        run,
    })
}
