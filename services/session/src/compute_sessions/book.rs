//! The sessions that a batch is about: read together, changed in memory one message after the other, so that each sees
//! what those before it did, and written together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_contract::{
    Outcome,
    node_allocation::SlotsRefusal,
    session::{ComputeSessionChanged, CreateComputeSessionRefusal},
};
use muster_platform::Ids;
use muster_storage::{LockKey, StorageError, Transaction};
use uuid::Uuid;

use crate::compute_sessions::{
    domain::{
        container::Container, limits::ComputeLimits, session::Session, turn::Turn, wish::Wish,
    },
    saying::{Saying, Sayings, Settlement},
    store::{
        counts, dependencies,
        load::load_sessions,
        logs::{self, ContainerLog},
        save::{insert_sessions, save_containers, update_sessions},
        waiters,
    },
    waiting::{Awaited, Waiter},
};

/// What a batch works with.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) ids: &'a dyn Ids,
    pub(crate) limits: ComputeLimits,
}

/// Sessions, who waits for them, and what has to be written.
pub(crate) struct Book<'a> {
    desk: Desk<'a>,
    /// As they are now.
    sessions: HashMap<Uuid, Session>,
    /// As they are in the table.
    written: HashMap<Uuid, Session>,
    /// In the order in which they came, by session.
    waiters: HashMap<Uuid, Vec<Waiter>>,
    /// Those that are in the table.
    known_waiters: BTreeSet<Uuid>,
    answered: Vec<Uuid>,
    logs: BTreeMap<Uuid, ContainerLog>,
    /// New sessions, each with one that it waits for.
    awaited: Vec<(Uuid, Uuid)>,
    /// What there is to say.
    sayings: Sayings,
}

/// The message at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Its place in the batch.
    pub(crate) cause: usize,
    /// When it was taken: microseconds since 1970 UTC.
    pub(crate) now: i64,
}

impl<'a> Book<'a> {
    /// Reads these sessions. Nobody else changes them until the transaction ends.
    pub(crate) async fn open(
        transaction: &mut Transaction,
        desk: Desk<'a>,
        wanted: impl IntoIterator<Item = Uuid>,
    ) -> Result<Self, StorageError> {
        let wanted: BTreeSet<Uuid> = wanted.into_iter().collect();
        lock_sessions(transaction, &wanted).await?;
        let (sessions, found) = load_sessions(transaction, &wanted).await?;
        let mut waiters: HashMap<Uuid, Vec<Waiter>> = HashMap::new();
        let mut known_waiters = BTreeSet::new();
        for (session, waiter) in found {
            known_waiters.insert(waiter.command);
            waiters.entry(session).or_default().push(waiter);
        }
        Ok(Self {
            desk,
            written: sessions.clone(),
            sessions,
            waiters,
            known_waiters,
            answered: Vec::new(),
            logs: BTreeMap::new(),
            awaited: Vec::new(),
            sayings: Sayings::default(),
        })
    }

    /// The session.
    pub(crate) fn session(&self, id: Uuid) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// The session that is not over and has this name.
    pub(crate) fn session_named(&self, owner: &str, name: &str) -> Option<&Session> {
        let is_meant = |session: &&Session| {
            session.wish.owner == owner && session.wish.name == name && !session.status.is_over()
        };
        self.sessions.values().find(is_meant)
    }

    /// A new session; its slots are asked for unless it waits for others. Returns its id.
    pub(crate) fn begin(&mut self, moment: Moment, wish: Wish, others: &BTreeSet<Uuid>) -> Uuid {
        let id = self.desk.ids.next();
        let waits = !others.is_empty();
        self.awaited.extend(others.iter().map(|other| (id, *other)));
        let session = Session::new(id, wish, waits, moment.now);
        self.sessions.insert(id, session);
        self.tell_change(moment, id);
        if !waits {
            self.change(moment, id, Session::ask);
        }
        id
    }

    /// Lets something happen to the session: what it wants done, that it has changed, and the answers for those who waited
    /// for that are said.
    pub(crate) fn change<T>(
        &mut self,
        moment: Moment,
        id: Uuid,
        happens: impl FnOnce(&mut Session, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let session = self.sessions.get_mut(&id)?;
        let before = (session.status, session.status_info.clone());
        let mut turn = Turn::new(moment.now, self.desk.limits, self.desk.ids);
        let result = happens(session, &mut turn);
        let has_changed = before != (session.status, session.status_info.clone());
        for deed in turn.into_deeds() {
            self.sayings.say(moment.cause, Saying::Do(deed));
        }
        if has_changed {
            self.tell_change(moment, id);
            self.answer(moment, id, Awaited::answer);
        }
        Some(result)
    }

    fn tell_change(&mut self, moment: Moment, id: Uuid) {
        if let Some(session) = self.sessions.get(&id) {
            let session = session.shown();
            let event = Box::new(ComputeSessionChanged { session });
            self.sayings.say(moment.cause, Saying::Changed(event));
        }
    }

    /// Has the command wait for the session. The answer, if there is one already.
    pub(crate) fn wait(&mut self, id: Uuid, command: Uuid, awaited: Awaited) -> Option<Settlement> {
        let answer = awaited.answer(self.sessions.get(&id)?);
        if answer.is_none() {
            let waiter = Waiter { command, awaited };
            self.waiters.entry(id).or_default().push(waiter);
        }
        answer
    }

    /// Answers those for whom there is an answer.
    fn answer(
        &mut self,
        moment: Moment,
        id: Uuid,
        answer: impl Fn(Awaited, &Session) -> Option<Settlement>,
    ) {
        let (Some(session), Some(waiters)) = (self.sessions.get(&id), self.waiters.get_mut(&id))
        else {
            return;
        };
        for waiter in std::mem::take(waiters) {
            let Some(settlement) = answer(waiter.awaited, session) else {
                waiters.push(waiter);
                continue;
            };
            if self.known_waiters.contains(&waiter.command) {
                self.answered.push(waiter.command);
            }
            let saying = Saying::Settle(waiter.command, Box::new(settlement));
            self.sayings.say(moment.cause, saying);
        }
    }

    /// Answers those whose time is over.
    pub(crate) fn answer_late(&mut self, moment: Moment, id: Uuid) {
        self.answer(moment, id, |awaited, session| {
            awaited.late_answer(session, moment.now)
        });
    }

    /// Refuses those who wait for the session to come to be.
    pub(crate) fn refuse(&mut self, moment: Moment, id: Uuid, reason: &SlotsRefusal) {
        self.answer(moment, id, |awaited, _| match awaited {
            Awaited::Known { .. } | Awaited::Started { .. } => {
                let refusal = CreateComputeSessionRefusal::Slots(reason.clone());
                Some(Settlement::Create(Outcome::Refused(refusal)))
            }
            Awaited::Over | Awaited::Restarted => None,
        });
    }

    /// Keeps what a container wrote.
    pub(crate) fn keep_logs(&mut self, container: Uuid, logs: &str) {
        if let Some(log) = ContainerLog::of(container, logs) {
            self.logs.insert(container, log);
        }
    }

    fn new_waiters(&self) -> Vec<(Uuid, Waiter)> {
        let mut new = Vec::new();
        for (session, waiters) in &self.waiters {
            for waiter in waiters {
                if !self.known_waiters.contains(&waiter.command) {
                    new.push((*session, waiter.clone()));
                }
            }
        }
        new
    }

    /// Writes what has changed. Returns what there is to say.
    pub(crate) async fn write(
        self,
        transaction: &mut Transaction,
    ) -> Result<Sayings, StorageError> {
        let mut new: Vec<&Session> = Vec::new();
        let mut changed: Vec<(&Session, &Session)> = Vec::new();
        let mut sessions: Vec<&Session> = self.sessions.values().collect();
        sessions.sort_unstable_by_key(|session| session.id);
        for session in sessions {
            match self.written.get(&session.id) {
                None => new.push(session),
                Some(before) if before != session => changed.push((before, session)),
                Some(_) => {}
            }
        }
        insert_sessions(transaction, &new).await?;
        let states: Vec<&Session> = changed.iter().map(|(_, session)| *session).collect();
        update_sessions(transaction, &states).await?;
        save_containers(transaction, &changed_containers(&changed)).await?;
        logs::keep(transaction, &self.logs).await?;
        // Who waits for others, and whose end others may wait for.
        dependencies::add(transaction, &self.awaited).await?;
        let has_waited =
            |before: &Session, now: &Session| before.waits_for_others() && !now.waits_for_others();
        dependencies::remove(transaction, &those(&changed, has_waited)).await?;
        let has_ended =
            |before: &Session, now: &Session| now.status.is_over() && !before.status.is_over();
        dependencies::end(transaction, &those(&changed, has_ended)).await?;
        waiters::remove(transaction, &self.answered).await?;
        waiters::add(transaction, &self.new_waiters()).await?;
        for session in &new {
            counts::came(transaction, session);
        }
        for (before, session) in &changed {
            counts::changed(transaction, before, session);
        }
        Ok(self.sayings)
    }
}

/// The containers that are not as they were, each with its session.
fn changed_containers<'a>(changed: &[(&Session, &'a Session)]) -> Vec<(Uuid, &'a Container)> {
    let mut containers = Vec::new();
    for (before, session) in changed {
        for container in &session.containers {
            if !before.containers.contains(container) {
                containers.push((session.id, container));
            }
        }
    }
    containers
}

/// Those that have changed like that.
fn those(
    changed: &[(&Session, &Session)],
    like_that: impl Fn(&Session, &Session) -> bool,
) -> Vec<Uuid> {
    let changed = changed.iter();
    let those = changed.filter(|(before, session)| like_that(before, session));
    those.map(|(_, session)| session.id).collect()
}

/// Makes transactions that are about the same session take turns.
pub(crate) async fn lock_sessions(
    transaction: &mut Transaction,
    sessions: &BTreeSet<Uuid>,
) -> Result<(), StorageError> {
    let locks = sessions.iter();
    let locks = locks.map(|id| LockKey::of(&["compute session", &id.to_string()]));
    transaction.lock_keys(&locks.collect::<Vec<_>>()).await
}
