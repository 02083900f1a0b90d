//! A session in the answer to its creation: under every key that a client looks for (`api/backendai.md` §0, fact 2).

use muster_contract::session::CreatedComputeSession;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::service_ports::ServicePort;

/// It has not come to run in the time that the client waits; it may still do so.
const TIMEOUT: &str = "TIMEOUT";

/// It waits: what clients that do not wait are always told.
const PENDING: &str = "PENDING";

/// A session that was made, or is there already.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedSession {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    session_id: Uuid,
    /// Its name.
    session_name: String,
    /// Its name, for clients before version 5.
    sess_id: String,
    /// Its name, for clients before version 5.
    kernel_id: String,
    /// `RUNNING`; `PENDING` if nobody waits for it; `TIMEOUT`, or where it has come to.
    #[schema(example = "RUNNING")]
    status: &'static str,
    /// What can be reached in it, once it runs.
    service_ports: Vec<ServicePort>,
    /// The same, for those who use a session again.
    #[serde(rename = "service_ports")]
    service_ports_again: Vec<ServicePort>,
    /// Whether it is a new one.
    created: bool,
}

impl CreatedSession {
    pub(super) fn of(created: CreatedComputeSession, enqueue_only: bool) -> Self {
        let CreatedComputeSession {
            session,
            created,
            timed_out,
        } = created;
        let is_queued = enqueue_only && created && !session.status.is_over();
        let ports = || {
            if is_queued {
                Vec::new()
            } else {
                ServicePort::of(&session)
            }
        };
        Self {
            session_id: session.id,
            service_ports: ports(),
            service_ports_again: ports(),
            status: match (is_queued, timed_out) {
                (true, _) => PENDING,
                (false, true) => TIMEOUT,
                (false, false) => session.status.name(),
            },
            sess_id: session.name.clone(),
            kernel_id: session.name.clone(),
            session_name: session.name,
            created,
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_contract::session::ComputeSessionStatus;
    use serde_json::{Value, json};

    use super::super::test_session::session;
    use super::*;

    fn answer(
        status: ComputeSessionStatus,
        created: bool,
        timed_out: bool,
        enqueue_only: bool,
    ) -> Value {
        let mut session = session();
        session.status = status;
        let created = CreatedComputeSession {
            session,
            created,
            timed_out,
        };
        serde_json::to_value(CreatedSession::of(created, enqueue_only)).unwrap()
    }

    #[test]
    fn has_every_key_that_a_client_looks_for() {
        let ports = json!([{
            "name": "http", "protocol": "http", "ports": [8000], "container_ports": [8000],
            "host_ports": [40_000], "host": "127.0.0.1",
        }]);
        assert_eq!(
            answer(ComputeSessionStatus::Running, true, false, false),
            json!({
                "sessionId": "00000000-0000-0000-0000-000000000007",
                "sessionName": "mysess-01", "sessId": "mysess-01", "kernelId": "mysess-01",
                "status": "RUNNING", "servicePorts": ports, "service_ports": ports,
                "created": true,
            })
        );
    }

    #[test]
    fn the_status_is_what_the_client_waited_for() {
        use ComputeSessionStatus::{Cancelled, Pending, Preparing, Running, Terminated};
        for (status, created, timed_out, enqueue_only, expected) in [
            (Preparing, true, false, true, "PENDING"),
            (Cancelled, true, false, true, "CANCELLED"),
            (Pending, true, true, false, "TIMEOUT"),
            (Terminated, true, false, false, "TERMINATED"),
            // Of a session that is there already, it is the current one.
            (Running, false, false, true, "RUNNING"),
            (Pending, false, false, false, "PENDING"),
        ] {
            let answer = answer(status, created, timed_out, enqueue_only);
            assert_eq!(answer["status"], expected, "{status:?}");
            let has_ports = !answer["servicePorts"].as_array().unwrap().is_empty();
            assert_eq!(has_ports, expected != "PENDING" || !enqueue_only);
        }
    }
}
