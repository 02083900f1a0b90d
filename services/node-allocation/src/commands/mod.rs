//! What node allocation is told to do.

pub(crate) mod allocate_nodes;
pub(crate) mod cancel_allocation;
pub(crate) mod change_node;
pub(crate) mod ending;
pub(crate) mod hold_nodes;
pub(crate) mod release_nodes;
pub(crate) mod serving;
pub(crate) mod told;

use muster_contract::{Command, Outcome};
use muster_messaging::{OutcomeOf, Request};
use muster_platform::Ids;

use crate::moment::Moment;

/// When the latest of them came: they are all carried out at that time.
fn moment<'i, C: Command>(requests: &[Request<C>], ids: &'i dyn Ids) -> Moment<'i> {
    Moment {
        now: latest(requests),
        ids,
    }
}

/// When the latest of them came: microseconds since 1970.
pub(crate) fn latest<C: Command>(requests: &[Request<C>]) -> i64 {
    let times = requests
        .iter()
        .map(|request| request.context.received_at().as_micros());
    times.max().unwrap_or_default()
}

/// For commands that events answer.
pub(crate) fn all_done<C: Command<Reply = ()>>(requests: &[Request<C>]) -> Vec<OutcomeOf<C>> {
    requests.iter().map(|_| Outcome::Done(())).collect()
}
