//! The handlers of the test service, and what steers them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use muster_contract::Outcome;
use muster_messaging::{
    AnswerQuery, Asked, Context, Effects, HandleCommand, HandlerError, HearSignals, Heard,
    OutcomeOf, Reported, Request, TakeReport,
};
use muster_storage::{Database, Transaction};
use muster_testkit::{DEADLINE, eventually};
use tokio::sync::watch;

use super::messages::{
    Act, Answer, Ask, DidIt, DoIt, Forbidden, Mood, NoteAppeared, NoteWritten, WriteNote,
};

/// Steers the handlers of all services of a test, and tells what they did. Clones share it.
#[derive(Clone)]
pub(crate) struct Steering {
    inner: Arc<Inner>,
}

struct Inner {
    repaired: AtomicBool,
    runs: AtomicU64,
    at_gate: AtomicU64,
    gate: watch::Sender<bool>,
    batches: Mutex<Vec<Vec<String>>>,
}

impl Steering {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                repaired: AtomicBool::new(false),
                runs: AtomicU64::new(0),
                at_gate: AtomicU64::new(0),
                gate: watch::Sender::new(false),
                batches: Mutex::new(Vec::new()),
            }),
        }
    }

    /// From now on `Act::Fail` writes.
    pub(crate) fn repair(&self) {
        self.inner.repaired.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_repaired(&self) -> bool {
        self.inner.repaired.load(Ordering::SeqCst)
    }

    pub(crate) fn open_gate(&self) {
        self.inner.gate.send_replace(true);
    }

    /// How many commands the handler was given, those of failed attempts included.
    pub(crate) fn runs(&self) -> u64 {
        self.inner.runs.load(Ordering::SeqCst)
    }

    /// The names of the notes, or of the moods, that the handler was given together, each time.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        self.inner.batches.lock().unwrap().clone()
    }

    /// How often somebody has come to the gate.
    pub(crate) fn at_gate(&self) -> u64 {
        self.inner.at_gate.load(Ordering::SeqCst)
    }

    /// Waits until somebody has come to the gate for the `count`-th time.
    pub(crate) async fn reach_gate(&self, count: u64) {
        eventually(DEADLINE, "a handler at the gate", async || {
            (self.at_gate() >= count).then_some(())
        })
        .await
        .unwrap();
    }

    pub(crate) async fn wait_at_gate(&self) {
        let mut gate = self.inner.gate.subscribe();
        self.inner.at_gate.fetch_add(1, Ordering::SeqCst);
        gate.wait_for(|open| *open).await.unwrap();
    }
}

/// Takes `WriteNote`.
pub(crate) struct Writing(pub(crate) Steering);

impl HandleCommand<WriteNote> for Writing {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        requests: &[Request<WriteNote>],
        effects: &mut Effects,
    ) -> Result<Vec<OutcomeOf<WriteNote>>, HandlerError> {
        let names = requests.iter().map(|request| request.body.name.clone());
        let names = names.collect();
        self.0.inner.batches.lock().unwrap().push(names);
        let mut outcomes = Vec::new();
        for request in requests {
            outcomes.push(self.write(transaction, request, effects).await?);
        }
        Ok(outcomes)
    }
}

impl Writing {
    async fn write(
        &self,
        transaction: &mut Transaction,
        request: &Request<WriteNote>,
        effects: &mut Effects,
    ) -> Result<OutcomeOf<WriteNote>, HandlerError> {
        let WriteNote { name, act } = request.body.clone();
        let run = self.0.inner.runs.fetch_add(1, Ordering::SeqCst) + 1;
        if act == Act::WaitAtGate {
            self.0.wait_at_gate().await;
        }
        if act == Act::Refuse {
            return Ok(Outcome::Refused(Forbidden { name, run }));
        }
        transaction
            .execute(
                "INSERT INTO notes (name, command_id) VALUES ($1, $2)",
                &[(&name).into(), request.context.id().to_string().into()],
            )
            .await?;
        let mut padding = String::new();
        match act {
            Act::Fail if !self.0.is_repaired() => {
                return Err(HandlerError::Permanent("on purpose".to_owned()));
            }
            Act::Panic => panic!("on purpose"),
            Act::Violate => {
                for _ in 0..2 {
                    transaction
                        .execute("INSERT INTO singles (name) VALUES ($1)", &[(&name).into()])
                        .await?;
                }
            }
            Act::WriteTwo => {
                let second = WriteNote::new(format!("{name}, too"), Act::Write);
                effects.command(&request.context, &second)?;
            }
            Act::Order => {
                let order = DoIt { name: name.clone() };
                effects.order(&request.context, "a", &order)?;
            }
            Act::EmitTooMuch => padding = "x".repeat(9 * 1024 * 1024),
            _ => {}
        }
        let event = NoteAppeared {
            name: name.clone(),
            padding,
        };
        effects.emit(&request.context, &event)?;
        Ok(Outcome::Done(NoteWritten { name, run }))
    }
}

/// Takes `DidIt`.
pub(crate) struct Taking(pub(crate) Steering);

impl TakeReport<DidIt> for Taking {
    async fn take(
        &self,
        transaction: &mut Transaction,
        reports: &[Reported<DidIt>],
        _effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        for Reported {
            agent,
            body: DidIt { name, how },
            context,
        } in reports
        {
            assert!(context.principal().is_none());
            let seen = format!("{agent} {how} {name}");
            transaction
                .execute("INSERT INTO seen (name) VALUES ($1)", &[seen.into()])
                .await?;
            if name.starts_with("poison") && !self.0.is_repaired() {
                return Err(HandlerError::Permanent("on purpose".to_owned()));
            }
        }
        Ok(())
    }
}

/// Hears `Mood`, and has each appear as a note.
pub(crate) struct Hearing(pub(crate) Steering);

impl HearSignals<Mood> for Hearing {
    async fn hear(
        &self,
        transaction: &mut Transaction,
        signals: &[Heard<Mood>],
        cause: &Context,
        effects: &mut Effects,
    ) -> Result<(), HandlerError> {
        let names = signals.iter().map(|signal| signal.body.name.clone());
        let names: Vec<String> = names.collect();
        self.0.inner.batches.lock().unwrap().push(names);
        assert!(cause.principal().is_none());
        for Heard { agent, body, .. } in signals {
            let name = format!("{agent} is {}", body.name);
            transaction
                .execute("INSERT INTO seen (name) VALUES ($1)", &[(&name).into()])
                .await?;
            let padding = String::new();
            effects.emit(cause, &NoteAppeared { name, padding })?;
            match body.name.as_str() {
                "gate" => self.0.wait_at_gate().await,
                "poison" => return Err(HandlerError::Permanent("on purpose".to_owned())),
                "panic" => panic!("on purpose"),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Answers `Ask`.
pub(crate) struct Answering(pub(crate) Steering, pub(crate) Database);

impl AnswerQuery<Ask> for Answering {
    async fn answer(
        &self,
        asked: Asked<Ask>,
    ) -> Result<Outcome<Answer, muster_contract::message::Never>, HandlerError> {
        match asked.body {
            Ask::Text(length) => return Ok(Outcome::Done(Answer::Text("x".repeat(length)))),
            Ask::Panic => panic!("on purpose"),
            Ask::NamesAtGate => self.0.wait_at_gate().await,
            Ask::Names => {}
        }
        let names: Vec<(String,)> = self
            .1
            .fetch_all("SELECT name FROM notes ORDER BY id", &[])
            .await?;
        let names = names.into_iter().map(|(name,)| name).collect();
        Ok(Outcome::Done(Answer::Names(names)))
    }
}
