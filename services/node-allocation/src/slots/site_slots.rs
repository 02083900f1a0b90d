//! The scaling groups and quotas that a site declares.

use muster_platform::{
    Site,
    site::{ComputeQuota, ScalingGroup},
};
use muster_storage::{Database, StorageError};
use tracing::info;

use super::{
    domain::ledger::Scope,
    store::declare::{declare_groups, declare_quotas},
};
use crate::store::lock;

/// What a site declares for the slots of agents, checked with the rest of the site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteSlots {
    /// `None` = as they were applied last.
    declared: Option<Declared>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Declared {
    groups: Vec<ScalingGroup>,
    quotas: Vec<(Scope, String, ComputeQuota)>,
}

impl SiteSlots {
    /// What the site says. One without projects keeps what was applied last: a part may be started without the site file.
    #[must_use]
    pub fn of_site(site: &Site) -> Self {
        if site.projects.is_empty() {
            return Self::default();
        }
        let owners = site.principals.iter().filter_map(|principal| {
            let access_key = &principal.key_pair.as_ref()?.access_key;
            let policy = site.resource_policy(principal.resource_policy.as_ref()?)?;
            Some((Scope::Owner, access_key.clone(), policy.quota.clone()))
        });
        let projects = site.projects.iter().map(|project| {
            let quota = project.compute_quota.clone();
            (Scope::Tenant, project.name.clone(), quota)
        });
        let domains = site.domains.iter().map(|domain| {
            let quota = domain.quota.clone();
            (Scope::Domain, domain.name.clone(), quota)
        });
        let quotas = owners.chain(projects).chain(domains);
        Self {
            declared: Some(Declared {
                groups: site.scaling_groups().to_vec(),
                quotas: quotas
                    .filter(|(_, _, quota)| *quota != ComputeQuota::default())
                    .collect(),
            }),
        }
    }

    /// Makes the tables say so, in one transaction. Whoever waits and may have slots now gets them soon after.
    pub(crate) async fn apply(&self, database: &Database) -> Result<(), StorageError> {
        let Some(declared) = &self.declared else {
            return Ok(());
        };
        let mut transaction = database.begin().await?;
        lock(&mut transaction).await?;
        declare_groups(&mut transaction, &declared.groups).await?;
        declare_quotas(&mut transaction, &declared.quotas).await?;
        transaction.commit().await?;
        info!(
            target: "muster::node_allocation",
            scaling_groups = declared.groups.len(), quotas = declared.quotas.len(),
            "the site's scaling groups and quotas are in use"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
