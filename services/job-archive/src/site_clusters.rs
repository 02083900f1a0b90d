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

#[cfg(test)]
mod tests {
    use muster_storage::Database;

    use super::*;
    use crate::testing::{NOON, on_both_engines};

    const NOW: Timestamp = Timestamp::from_seconds(NOON);
    const LATER: Timestamp = Timestamp::from_seconds(NOON + 1);

    fn described(name: &str, part: &str) -> String {
        format!(r#"{{"name": "{name}", "subClusters": [{{"name": "{part}", "nodes": "*"}}]}}"#)
    }

    async fn applied(database: &Database, now: Timestamp, documents: &[String]) -> Arc<Clusters> {
        let clusters = SiteClusters::new(documents.to_vec()).unwrap();
        clusters.apply(database, now).await.unwrap()
    }

    async fn stored(database: &Database) -> Vec<(String, String, i64)> {
        let sql = "SELECT name, document, applied_at FROM cluster ORDER BY name";
        database.fetch_all(sql, &[]).await.unwrap()
    }

    on_both_engines! {
        async fn the_sites_clusters_take_the_place_of_those_before(database) {
            let (a, b, c) = (described("a", "x"), described("b", "x"), described("c", "x"));
            let first = applied(database, NOW, &[b.clone(), a.clone()]).await;
            assert_eq!(first.names(), ["b", "a"]);
            let changed = described("b", "y");
            applied(database, LATER, &[c.clone(), changed.clone(), a.clone()]).await;
            let row = |name: &str, document, time: Timestamp| (name.to_owned(), document, time.as_micros());
            assert_eq!(
                stored(database).await,
                [row("a", a.clone(), NOW), row("b", changed, LATER), row("c", c, LATER)]
            );
            applied(database, LATER, std::slice::from_ref(&a)).await;
            assert_eq!(stored(database).await, [row("a", a, NOW)]);
        }

        async fn without_a_site_those_before_stay(database) {
            assert!(applied(database, NOW, &[]).await.names().is_empty());
            let documents = [described("a", "x"), described("b", "x")];
            applied(database, NOW, &documents).await;
            let kept = applied(database, LATER, &[]).await;
            assert_eq!(kept.names(), ["a", "b"]);
            assert_eq!(kept.place("b", None, "n1"), Ok("x"));
            assert_eq!(stored(database).await.len(), 2);
        }
    }

    #[tokio::test]
    async fn nothing_is_changed_by_a_site_that_cannot_be_used() {
        let documents = vec![described("a", "x"), "{}".to_owned()];
        assert!(matches!(
            SiteClusters::new(documents),
            Err(ClustersError::NoName { number: 2 })
        ));
    }
}
