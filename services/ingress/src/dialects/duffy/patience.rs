//! How long an answer may take: longer where agents have a part in it. A client that is told "not yet" comes again, and
//! opens another session.

use std::time::Duration;

use super::limits::WAIT_LIMIT;
use crate::frame::{Caller, Ingress};

/// How long after its end it may take until it is known that an agent has not answered.
const AGENT_GRACE: Duration = Duration::from_secs(15);

/// How long a client waits, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// It would rather wait in the queue for nodes than be refused.
    pub(super) queues: bool,
    /// How long the answer may take.
    pub(super) deadline: Duration,
}

/// For nodes, after so long a wait for them.
pub(super) fn for_nodes(ingress: &Ingress, wait: Option<Duration>) -> Patience {
    let node = ingress.directory.node_preparation();
    Patience {
        queues: wait.is_some(),
        deadline: deadline(ingress.limits.command, wait, [None, node]),
    }
}

/// For a new session, which may be set up before it gets nodes.
pub(super) fn for_session(
    ingress: &Ingress,
    caller: &Caller,
    wait: Option<Duration>,
    with_nodes: bool,
) -> Patience {
    let directory = &ingress.directory;
    let node = directory.node_preparation().filter(|_| with_nodes);
    let session = directory.session_set_up(&caller.principal.project);
    Patience {
        queues: wait.is_some(),
        deadline: deadline(ingress.limits.command, wait, [session, node]),
    }
}

/// What agents do is waited for no longer than nodes are.
fn deadline(command: Duration, wait: Option<Duration>, agents: [Option<Duration>; 2]) -> Duration {
    let agents = agents.into_iter().flatten();
    let agents = agents.fold(Duration::ZERO, |sum, time| {
        sum.saturating_add(time).saturating_add(AGENT_GRACE)
    });
    command + wait.unwrap_or_default() + agents.min(WAIT_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_agents_waits_longer_but_not_for_ever() {
        let seconds = Duration::from_secs;
        let after = |wait, agents| deadline(seconds(10), wait, agents);
        assert_eq!(after(None, [None, None]), seconds(10));
        assert_eq!(after(Some(seconds(30)), [None, None]), seconds(40));
        assert_eq!(after(None, [Some(seconds(60)), None]), seconds(85));
        let both = [Some(seconds(60)), Some(seconds(20))];
        assert_eq!(after(Some(seconds(30)), both), seconds(150));
        assert_eq!(
            after(None, [Some(Duration::MAX), Some(Duration::MAX)]),
            seconds(310)
        );
    }
}
