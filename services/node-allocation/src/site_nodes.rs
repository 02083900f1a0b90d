//! The pools, nodes and quotas that a site declares.

use std::time::Duration;

use muster_platform::{
    Site, Timestamp,
    site::{HookAgent, NodeHooks},
};
use muster_storage::{Database, StorageError};
use tracing::info;

use crate::domain::hooks::{HOSTNAME, Hooks};
use crate::store::{
    declare::{
        declare_nodes, declare_pools, declare_quotas, have_used_nodes_wiped, remove_empty_pools,
    },
    lock,
};

/// A pool as the site file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredPool {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) flavor: Option<String>,
    pub(crate) fill_level: u32,
    /// All of its nodes are to be free, whatever the fill level.
    pub(crate) keeps_all_ready: bool,
    /// Seconds; `None` = for ever.
    pub(crate) lifetime: Option<i64>,
    pub(crate) maximum_lifetime: Option<i64>,
    pub(crate) hooks: Hooks,
    /// Seconds after which a free node is installed anew; `None` = never.
    pub(crate) maximum_ready_age: Option<i64>,
    /// Seconds that a node is set aside for when its hooks failed.
    pub(crate) quarantine: i64,
}

/// A node as the site file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredNode {
    pub(crate) hostname: String,
    pub(crate) ip_address: String,
    pub(crate) pool: String,
    pub(crate) chassis: String,
    pub(crate) console_port: Option<i64>,
}

/// What a site declares for node allocation, checked with the rest of the site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteNodes {
    pools: Vec<DeclaredPool>,
    nodes: Vec<DeclaredNode>,
    quotas: Vec<(String, Option<u32>)>,
}

impl SiteNodes {
    /// What the site says. One without pools keeps those that were applied last, and one without projects the quotas: a
    /// part may be started without the site file.
    #[must_use]
    pub fn of_site(site: &Site) -> Self {
        let pools = site.pools.iter().map(|pool| DeclaredPool {
            name: pool.name.clone(),
            version: pool.version.clone(),
            architecture: pool.architecture.clone(),
            flavor: pool.flavor.clone(),
            fill_level: pool.fill_level.unwrap_or_default(),
            keeps_all_ready: pool.fill_level.is_none()
                && (pool.hooks.as_ref()).is_some_and(|hooks| hooks.provision.is_some()),
            lifetime: pool.lifetime.map(seconds),
            maximum_lifetime: pool.maximum_lifetime.map(seconds),
            hooks: pool.hooks.as_ref().map(hooks).unwrap_or_default(),
            maximum_ready_age: pool.maximum_ready_age.map(seconds),
            quarantine: seconds(pool.quarantine),
        });
        let nodes = site.nodes.iter().map(|node| DeclaredNode {
            hostname: node.hostname.clone(),
            ip_address: node
                .ip_address
                .map(|address| address.to_string())
                .unwrap_or_default(),
            pool: node.pool.clone(),
            chassis: node.chassis.clone(),
            console_port: node.console_port.map(i64::from),
        });
        let projects = site.projects.iter();
        Self {
            pools: pools.collect(),
            nodes: nodes.collect(),
            quotas: projects
                .map(|project| (project.name.clone(), project.node_quota))
                .collect(),
        }
    }

    /// Makes the tables say so, in one transaction.
    pub(crate) async fn apply(
        &self,
        database: &Database,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut transaction = database.begin().await?;
        lock(&mut transaction).await?;
        if !self.pools.is_empty() {
            let pools = declare_pools(&mut transaction, &self.pools).await?;
            let now = now.as_micros();
            declare_nodes(&mut transaction, now, &self.nodes, &pools).await?;
            have_used_nodes_wiped(&mut transaction).await?;
            remove_empty_pools(&mut transaction, &self.pools).await?;
        }
        if !self.quotas.is_empty() {
            declare_quotas(&mut transaction, &self.quotas).await?;
        }
        transaction.commit().await?;
        info!(
            target: "muster::node_allocation",
            pools = self.pools.len(), nodes = self.nodes.len(), "the site's pools and nodes are in use"
        );
        Ok(())
    }
}

fn hooks(hooks: &NodeHooks) -> Hooks {
    let agent = match &hooks.agent {
        HookAgent::Named(name) => name.clone(),
        HookAgent::OfEachNode => HOSTNAME.to_owned(),
    };
    Hooks {
        agent: Some(agent),
        provision: hooks.provision.map(seconds),
        contextualize: hooks.contextualize.map(seconds),
        deprovision: hooks.deprovision.map(seconds),
        attempts: hooks.attempts,
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
