//! The clusters that a site declares.

use std::sync::Arc;

use muster_platform::Timestamp;
use muster_storage::{Database, StorageError};
use tracing::info;

use crate::{
    domain::clusters::{Clusters, ClustersError},
    store::cluster_documents::{load, replace},
};

/// Cluster descriptions that were checked as a whole, before anything is changed.
#[derive(Debug)]
pub struct SiteClusters {
    /// Names with documents; empty = those that were applied last stay.
    documents: Vec<(String, String)>,
    clusters: Clusters,
}

/// Why the archive has no clusters to work with.
#[derive(Debug, thiserror::Error)]
pub enum SiteClustersError {
    /// The database.
    #[error("the cluster descriptions could not be stored or read")]
    Storage(#[from] StorageError),
    /// A description that is in the table cannot be used: an older release may have been less strict.
    #[error("a cluster description that was applied before cannot be used")]
    Stored(#[from] ClustersError),
}

impl SiteClusters {
    /// Checks the contents of ClusterCockpit's `cluster.json` files. With none, the clusters that were applied last are
    /// kept.
    pub fn new(documents: Vec<String>) -> Result<Self, ClustersError> {
        let clusters = Clusters::from_documents(&documents)?;
        let names = clusters.names().iter().cloned();
        let documents = names.zip(documents).collect();
        Ok(Self {
            documents,
            clusters,
        })
    }

    /// Makes them the archive's clusters and returns these.
    pub(crate) async fn apply(
        self,
        database: &Database,
        now: Timestamp,
    ) -> Result<Arc<Clusters>, SiteClustersError> {
        let clusters = if self.documents.is_empty() {
            Clusters::from_documents(&load(database).await?)?
        } else {
            replace(database, &self.documents, now).await?;
            self.clusters
        };
        info!(target: "muster::job_archive", clusters = clusters.names().len(), "cluster descriptions are in use");
        Ok(Arc::new(clusters))
    }
}
