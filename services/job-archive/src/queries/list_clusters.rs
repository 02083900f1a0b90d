//! Lists the descriptions of clusters.

use muster_contract::{
    Outcome,
    job_archive::{ClusterDescriptions, ListClusters, ListClustersRefusal},
};
use muster_messaging::{AnswerQuery, Asked, HandlerError};
use muster_storage::{Database, StorageError};
use serde_json::Value;

use crate::store::{cluster_documents::load, unreadable};

/// Answers [`ListClusters`].
pub(crate) struct ListClustersHandler {
    database: Database,
}

impl ListClustersHandler {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AnswerQuery<ListClusters> for ListClustersHandler {
    async fn answer(
        &self,
        asked: Asked<ListClusters>,
    ) -> Result<Outcome<ClusterDescriptions, ListClustersRefusal>, HandlerError> {
        let clusters = list_clusters(&self.database, asked.body.name.as_deref()).await?;
        Ok(if clusters.is_empty() && asked.body.name.is_some() {
            Outcome::Refused(ListClustersRefusal::Unknown)
        } else {
            Outcome::Done(ClusterDescriptions { clusters })
        })
    }
}

/// All descriptions, or the one of that name.
pub(crate) async fn list_clusters(
    database: &Database,
    name: Option<&str>,
) -> Result<Vec<Value>, StorageError> {
    let mut clusters = Vec::new();
    for document in load(database).await? {
        let description: Value = serde_json::from_str(&document)
            .map_err(|error| unreadable("cluster description", error))?;
        let is_meant = |name| description.get("name").and_then(Value::as_str) == Some(name);
        if name.is_none_or(is_meant) {
            clusters.push(description);
        }
    }
    Ok(clusters)
}

#[cfg(test)]
mod tests {
    use muster_platform::Timestamp;

    use super::*;
    use crate::{
        site_clusters::SiteClusters,
        testing::{NOON, on_both_engines},
    };

    on_both_engines! {
        async fn descriptions_are_shown_as_the_site_gave_them(database) {
            let a = r#"{"name":"a","metricConfig":[{"name":"x"}],"subClusters":[{"name":"m","nodes":"*"}]}"#;
            let b = r#"{"name":"b","subClusters":[{"name":"m","nodes":"n1"}],"more":1}"#;
            let site = SiteClusters::new(vec![b.to_owned(), a.to_owned()]).unwrap();
            site.apply(database, Timestamp::from_seconds(NOON)).await.unwrap();
            let parsed = |text| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(list_clusters(database, None).await.unwrap(), [parsed(a), parsed(b)]);
            assert_eq!(list_clusters(database, Some("b")).await.unwrap(), [parsed(b)]);
            assert!(list_clusters(database, Some("c")).await.unwrap().is_empty());
        }
    }
}
