//! Commands as the handlers look at them, and the sessions they are about.

use muster_contract::{
    Command, Principal,
    session::{NodeSessionRefusal, SessionReference},
};
use muster_messaging::{HandlerError, OutcomeOf, Progress, Request};
use muster_platform::Ids;
use muster_storage::{LockKey, StorageError, Transaction};
use uuid::Uuid;

use crate::node_sessions::{
    book::{Book, Moment},
    domain::{reference::Sought, session::Session},
    store::find_sessions::find_sessions,
};

/// A command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a, C> {
    /// Who sends it.
    pub(crate) caller: &'a Principal,
    /// Its id.
    pub(crate) id: Uuid,
    /// When it was taken: microseconds since 1970 UTC.
    pub(crate) now: i64,
    /// What it says.
    pub(crate) body: &'a C,
}

/// How far a command is: its outcome, or `None` as long as it waits.
pub(crate) type Reached<C> = Option<OutcomeOf<C>>;

/// The commands of a batch. The ingress names the caller in every command, so that one without cannot have come from it.
pub(super) fn orders<C>(requests: &[Request<C>]) -> Result<Vec<Order<'_, C>>, HandlerError> {
    requests
        .iter()
        .map(|request| {
            let context = &request.context;
            let caller = context.principal().ok_or_else(|| {
                HandlerError::Permanent("the command names no principal".to_owned())
            })?;
            Ok(Order {
                caller,
                id: context.id(),
                now: context.received_at().as_micros(),
                body: &request.body,
            })
        })
        .collect()
}

/// As the message path wants it.
pub(super) fn progress<C: Command>(reached: Vec<Reached<C>>) -> Vec<Progress<C>> {
    let progress = reached.into_iter();
    progress
        .map(|outcome| outcome.map_or(Progress::Pending, Progress::Settled))
        .collect()
}

/// Commands about sessions that are there, with these sessions.
pub(super) struct Desk<'a, C> {
    pub(super) book: Book<'a>,
    orders: &'a [Order<'a, C>],
    targets: Vec<Option<String>>,
    reference: fn(&C) -> &SessionReference,
}

impl<'a, C> Desk<'a, C> {
    /// Finds and reads the sessions. `others` are further things to take turns on.
    pub(super) async fn open(
        transaction: &mut Transaction,
        ids: &'a dyn Ids,
        orders: &'a [Order<'a, C>],
        reference: fn(&C) -> &SessionReference,
        others: &[LockKey],
    ) -> Result<Self, StorageError> {
        let sought: Vec<(&str, Sought<'_>)> = orders
            .iter()
            .map(|order| {
                let tenant = order.caller.project.as_str();
                (tenant, Sought::new(reference(order.body)))
            })
            .collect();
        let targets = find_sessions(transaction, &sought).await?;
        let wanted = targets.iter().flatten().map(String::as_str);
        let book = Book::open(transaction, ids, wanted, others).await?;
        Ok(Self {
            book,
            orders,
            targets,
            reference,
        })
    }

    /// The commands with their sessions, in order. One by one: what is done about one is seen by the next.
    pub(super) fn each<T>(
        mut self,
        mut carry_out: impl FnMut(
            &mut Book<'a>,
            Moment,
            &Order<'a, C>,
            Result<String, NodeSessionRefusal>,
        ) -> T,
    ) -> (Book<'a>, Vec<T>) {
        let mut results = Vec::with_capacity(self.orders.len());
        for (cause, (order, target)) in self.orders.iter().zip(self.targets).enumerate() {
            let now = order.now;
            let meant = meant(&self.book, order, target.as_deref(), self.reference);
            let moment = Moment { cause, now };
            results.push(carry_out(&mut self.book, moment, order, meant));
        }
        (self.book, results)
    }
}

/// The session that a command may be about.
fn meant<C>(
    book: &Book<'_>,
    order: &Order<'_, C>,
    target: Option<&str>,
    reference: fn(&C) -> &SessionReference,
) -> Result<String, NodeSessionRefusal> {
    let session = target.and_then(|id| book.session(id));
    let session = session.ok_or(NodeSessionRefusal::Unknown)?;
    // It may have ended while this waited for its turn, or by a command before it in the batch.
    let by_alias = matches!(Sought::new(reference(order.body)), Sought::Alias(_));
    if by_alias && !session.is_live() {
        return Err(NodeSessionRefusal::Unknown);
    }
    if !may_change(order.caller, session) {
        return Err(NodeSessionRefusal::NotYours);
    }
    Ok(session.id.clone())
}

fn may_change(caller: &Principal, session: &Session) -> bool {
    caller.project == session.tenant || caller.crosses_tenants()
}
