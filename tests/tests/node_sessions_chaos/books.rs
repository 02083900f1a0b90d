//! What the tables and the stream of events say afterwards, looked at behind the services' backs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context as _, Result, ensure};
use muster_contract::node_allocation::{NodesGranted, NodesReleased};
use muster_tests::{
    System, Tables,
    events::{operator, whole_stream},
};
use sqlx::{
    ConnectOptions as _, Connection as _, FromRow, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use crate::site::PROJECTS;

/// Who had which node from when until when, in microseconds.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Lease {
    node: i64,
    generation: i64,
    session: String,
    tenant: String,
    granted_at: i64,
    released_at: Option<i64>,
}

/// A lease's times are when the commands came, in microseconds, and one that came later may have had its turn before. As long
/// as that may take, the books can differ from what was at one moment. (At one moment the inventories look: each
/// client counts what its project holds after each answer.)
const TURN: i64 = 1_000_000;

const LEASES: &str = "SELECT node, generation, session, tenant, granted_at, released_at FROM lease \
     ORDER BY node, generation";

pub(crate) struct Books {
    pub(crate) leases: Vec<Lease>,
    granted: Vec<NodesGranted>,
    released: Vec<NodesReleased>,
}

pub(crate) async fn read(system: &System) -> Result<Books> {
    let leases = if let Tables::Postgres(url) = system.tables() {
        let options: PgConnectOptions = url.parse()?;
        let options = options.options([("search_path", "node_allocation")]);
        let mut connection = options.connect().await?;
        let leases = sqlx::query_as(LEASES).fetch_all(&mut connection).await?;
        connection.close().await?;
        leases
    } else {
        let file = system.data().join("node-allocation.sqlite");
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = options.connect().await?;
        let leases = sqlx::query_as(LEASES).fetch_all(&mut connection).await?;
        connection.close().await?;
        leases
    };
    let (mut granted, mut released, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for event in whole_stream(&operator(&system.data()).await?).await? {
        // Delivery is at least once.
        if !seen.insert(event.message_id) {
            continue;
        }
        if event.subject.ends_with(".nodes.granted") {
            granted.push(serde_json::from_value(event.body)?);
        } else if event.subject.ends_with(".nodes.released") {
            released.push(serde_json::from_value(event.body)?);
        }
    }
    Ok(Books {
        leases,
        granted,
        released,
    })
}

impl Books {
    /// No node was in two leases at a time, no quota was exceeded, and what was told is what happened.
    pub(crate) fn check(&self) -> Result<()> {
        self.one_lease_at_a_time()?;
        self.quotas_were_kept()?;
        self.every_grant_was_told_once()?;
        self.every_release_was_told_once()
    }

    fn one_lease_at_a_time(&self) -> Result<()> {
        for pair in self.leases.windows(2) {
            let [before, after] = pair else { continue };
            if before.node != after.node {
                continue;
            }
            let ended = before.released_at.with_context(|| format!("{before:?}"))?;
            ensure!(ended <= after.granted_at, "{before:?} {after:?}");
            ensure!(before.generation < after.generation, "{before:?} {after:?}");
        }
        Ok(())
    }

    fn quotas_were_kept(&self) -> Result<()> {
        for project in &PROJECTS {
            let Some(quota) = project.quota else { continue };
            let of_project = self
                .leases
                .iter()
                .filter(|lease| lease.tenant == project.name);
            // What ends and what begins at the same time makes room before it takes it.
            let mut changes = BTreeMap::<(i64, bool), usize>::new();
            for lease in of_project {
                let ended = lease.released_at.with_context(|| format!("{lease:?}"))?;
                if ended > lease.granted_at {
                    *changes.entry((lease.granted_at, true)).or_default() += 1;
                    *changes.entry((ended, false)).or_default() += 1;
                }
            }
            let (mut held, mut above) = (0_usize, None);
            for ((at, begins), nodes) in changes {
                if let Some(since) = above {
                    let name = project.name;
                    ensure!(at - since < TURN, "{name}: {held} of {quota} until {at}");
                }
                held = if begins {
                    held.checked_add(nodes)
                } else {
                    held.checked_sub(nodes)
                }
                .with_context(|| format!("at {at}"))?;
                above = (held > quota).then(|| above.unwrap_or(at));
            }
        }
        Ok(())
    }

    fn every_grant_was_told_once(&self) -> Result<()> {
        let mut told = HashMap::new();
        for event in &self.granted {
            for node in &event.nodes {
                let before = told.insert((node.id, node.generation), &event.session);
                ensure!(before.is_none(), "{} twice: {event:?}", node.hostname);
            }
        }
        for lease in &self.leases {
            let session = told.remove(&(lease.node, lease.generation));
            ensure!(session == Some(&lease.session), "{lease:?}: {session:?}");
        }
        ensure!(told.is_empty(), "granted without a lease: {told:?}");
        Ok(())
    }

    fn every_release_was_told_once(&self) -> Result<()> {
        // Who had a node twice gave it back twice.
        let mut told = HashMap::<(i64, &str), usize>::new();
        for event in &self.released {
            for node in &event.nodes {
                *told.entry((*node, &event.session)).or_default() += 1;
            }
        }
        let mut ended = HashMap::<(i64, &str), usize>::new();
        for lease in &self.leases {
            *ended.entry((lease.node, &lease.session)).or_default() += 1;
        }
        ensure!(told == ended, "what was given back is not what was told");
        Ok(())
    }
}
