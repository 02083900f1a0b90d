//! A session in the answer to `GET /session/{session}`: what the seed document has and what Backend.AI's manager sends
//! (`api/backendai.md` §2).

use std::collections::BTreeMap;

use muster_contract::ResourceSlots;
use muster_contract::resource_slots::MEMORY;
use muster_contract::session::ComputeSession;
use muster_platform::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::statistics::Statistics;

/// Bytes of a KiB.
const KIB: u32 = 1024;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionInfo {
    /// Its domain.
    domain_name: String,
    /// Its project.
    group_id: String,
    /// Whose it is.
    user_id: String,
    /// Its image.
    #[schema(example = "python:3.11")]
    lang: String,
    /// The same.
    image: String,
    /// Empty: images are the site's own.
    registry: &'static str,
    /// What its owner wrote on it.
    tag: Option<String>,
    /// The main container, once there is one.
    #[schema(value_type = Option<String>, format = "uuid")]
    container_id: Option<Uuid>,
    /// What all its containers may use: a text that holds JSON.
    #[schema(example = r#"{"cpu":"1","mem":"536870912"}"#)]
    occupied_slots: String,
    /// Empty: nothing is shared out by device.
    #[schema(value_type = Object)]
    occupied_shares: BTreeMap<String, String>,
    /// Set for its processes.
    environ: BTreeMap<String, String>,
    /// Where in its life it is.
    #[schema(example = "RUNNING")]
    status: &'static str,
    /// Why it is there, or what it waits for.
    status_info: Option<String>,
    /// Milliseconds since it ran first; restarts change nothing.
    age: i64,
    /// When it was asked for.
    creation_time: String,
    /// When it was over.
    termination_time: Option<String>,
    /// How often it was asked about or used.
    num_queries_executed: i64,
    /// What it has used, if that is known.
    last_stat: Option<Statistics>,
    /// Memory that all its containers may use, in KiB.
    memory_limit: u64,
    /// Time on processors, in milliseconds.
    cpu_credit_used: u64,
}

impl SessionInfo {
    pub(super) fn of(session: ComputeSession, now: Timestamp) -> Self {
        let statistics = Statistics::of(&session);
        let slots = session.slots.times(session.cluster_size);
        let until = session.terminated_at.map_or(now, Timestamp::from_micros);
        let age = session
            .started_at
            .map(|started| until.since(Timestamp::from_micros(started)));
        Self {
            age: age.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
            memory_limit: memory_in_kib(&slots),
            occupied_slots: serde_json::to_string(&slots).unwrap_or_default(),
            occupied_shares: BTreeMap::new(),
            container_id: session.containers.first().map(|container| container.id),
            creation_time: Timestamp::from_micros(session.created_at).to_rfc3339(),
            termination_time: session
                .terminated_at
                .map(|end| Timestamp::from_micros(end).to_rfc3339()),
            domain_name: session.domain,
            group_id: session.tenant,
            user_id: session.user,
            lang: session.image.clone(),
            image: session.image,
            registry: "",
            tag: session.tag,
            environ: session.environ,
            status: session.status.name(),
            status_info: session.status_info,
            num_queries_executed: session.queries,
            cpu_credit_used: statistics.map_or(0, |used| used.cpu_used),
            last_stat: statistics,
        }
    }
}

fn memory_in_kib(slots: &ResourceSlots) -> u64 {
    let kib = slots.get(MEMORY).decimal() / rust_decimal::Decimal::from(KIB);
    u64::try_from(kib.trunc()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::test_session::session;
    use super::*;

    #[test]
    fn has_the_keys_of_the_seed_and_of_the_manager() {
        let info = SessionInfo::of(session(), Timestamp::from_seconds(12));
        let expected = json!({
            "domainName": "default", "groupId": "demo", "userId": "alice",
            "lang": "python:3.11", "image": "python:3.11", "registry": "", "tag": null,
            "containerId": "00000000-0000-0000-0000-000000000046",
            "occupiedSlots": r#"{"cpu":"2","mem":"1073741824"}"#, "occupiedShares": {},
            "environ": {"A": "B"}, "status": "RUNNING", "statusInfo": null, "age": 2_000,
            "creationTime": "1970-01-01T00:00:05Z", "terminationTime": null,
            "numQueriesExecuted": 3, "memoryLimit": 1_048_576, "cpuCreditUsed": 30,
            "lastStat": {
                "cpu_used": 30, "mem_max_bytes": 0, "mem_cur_bytes": 0, "net_rx_bytes": 0,
                "net_tx_bytes": 0, "io_read_bytes": 0, "io_write_bytes": 0,
                "io_max_scratch_size": 0, "io_cur_scratch_size": 0,
            },
        });
        assert_eq!(serde_json::to_value(info).unwrap(), expected);
    }

    #[test]
    fn a_session_that_never_ran_has_no_age() {
        let mut waiting = session();
        waiting.started_at = None;
        waiting.containers.clear();
        let info = SessionInfo::of(waiting, Timestamp::from_seconds(12));
        assert_eq!((info.age, info.container_id), (0, None));
        assert_eq!(info.last_stat, None);
    }
}
