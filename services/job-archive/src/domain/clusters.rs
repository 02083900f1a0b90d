//! Cluster descriptions, and which part of a cluster a node belongs to.
//!
//! A description is ClusterCockpit's `cluster.json` (`api/clustercockpit.md` §2.4). Of it, only the name, the sub
//! clusters and their node lists are looked at here; the document itself is stored as the site gave it, metrics and
//! topology included.

use std::collections::HashMap;

use muster_contract::job_archive::StartJobRefusal;
use serde::Deserialize;

use super::node_list::{self, NodeListError};

/// The node list that stands for every node. It counts for the first sub cluster only, as with ClusterCockpit.
const EVERY_NODE: &str = "*";

/// Why the descriptions of a site cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClustersError {
    /// A document is not a cluster description.
    #[error("cluster description number {number} cannot be read: {source}")]
    Unreadable {
        /// Its place among the documents, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A cluster without a name.
    #[error("cluster description number {number} has no name")]
    NoName {
        /// Its place among the documents, counted from 1.
        number: usize,
    },
    /// Two clusters of one name.
    #[error("there are two descriptions of the cluster {cluster}")]
    Twice {
        /// The name.
        cluster: String,
    },
    /// A cluster without parts, in which no job could be placed.
    #[error("the cluster {cluster} has no subClusters")]
    NoSubClusters {
        /// The cluster.
        cluster: String,
    },
    /// A part without a name, or two of one name.
    #[error("the cluster {cluster} has the sub cluster {sub_cluster:?} twice or without a name")]
    SubClusterName {
        /// The cluster.
        cluster: String,
        /// The name.
        sub_cluster: String,
    },
    /// A node list that cannot be used.
    #[error("the nodes of {cluster}/{sub_cluster}: {source}")]
    Nodes {
        /// The cluster.
        cluster: String,
        /// Part of the cluster.
        sub_cluster: String,
        /// What is wrong with the list.
        source: NodeListError,
    },
}

/// The clusters that the archive knows.
#[derive(Debug, Default)]
pub struct Clusters {
    /// In the order of the documents.
    names: Vec<String>,
    by_name: HashMap<String, Cluster>,
}

#[derive(Debug)]
struct Cluster {
    sub_clusters: Vec<String>,
    /// Places in `sub_clusters`.
    by_host: HashMap<String, usize>,
    /// Where a node belongs that no list names.
    otherwise: Option<usize>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "subClusters")]
    sub_clusters: Vec<SubClusterDocument>,
}

#[derive(Deserialize)]
struct SubClusterDocument {
    #[serde(default)]
    name: String,
    #[serde(default)]
    nodes: String,
}

impl Clusters {
    /// Reads all descriptions, or none if one of them cannot be used.
    pub fn from_documents<T: AsRef<str>>(documents: &[T]) -> Result<Self, ClustersError> {
        let mut clusters = Self::default();
        for (number, document) in (1..).zip(documents) {
            let document: Document = serde_json::from_str(document.as_ref())
                .map_err(|source| ClustersError::Unreadable { number, source })?;
            if document.name.is_empty() {
                return Err(ClustersError::NoName { number });
            }
            let cluster = Cluster::from_document(&document)?;
            let twice = clusters.by_name.insert(document.name.clone(), cluster);
            if twice.is_some() {
                return Err(ClustersError::Twice {
                    cluster: document.name,
                });
            }
            clusters.names.push(document.name);
        }
        Ok(clusters)
    }

    /// The names of the clusters, in the order of their descriptions.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The part of the cluster that a job belongs to: the one that was told, else the one whose node list has the job's
    /// first node (`api/clustercockpit.md` §1.2). Of several lists with that node the first counts.
    pub fn place<'a>(
        &'a self,
        cluster: &str,
        sub_cluster: Option<&str>,
        first_host: &str,
    ) -> Result<&'a str, StartJobRefusal> {
        let known = self
            .by_name
            .get(cluster)
            .ok_or_else(|| StartJobRefusal::UnknownCluster {
                cluster: cluster.to_owned(),
            })?;
        match sub_cluster {
            Some(told) => known
                .sub_clusters
                .iter()
                .find(|name| *name == told)
                .map(String::as_str)
                .ok_or_else(|| StartJobRefusal::UnknownSubCluster {
                    cluster: cluster.to_owned(),
                    sub_cluster: told.to_owned(),
                }),
            None => known
                .by_host
                .get(first_host)
                .copied()
                .or(known.otherwise)
                .and_then(|place| known.sub_clusters.get(place))
                .map(String::as_str)
                .ok_or_else(|| StartJobRefusal::NoSubClusterForHost {
                    cluster: cluster.to_owned(),
                    hostname: first_host.to_owned(),
                }),
        }
    }
}

impl Cluster {
    fn from_document(document: &Document) -> Result<Self, ClustersError> {
        let mut cluster = Self {
            sub_clusters: Vec::with_capacity(document.sub_clusters.len()),
            by_host: HashMap::new(),
            otherwise: None,
        };
        for (place, part) in document.sub_clusters.iter().enumerate() {
            if part.name.is_empty() || cluster.sub_clusters.contains(&part.name) {
                return Err(ClustersError::SubClusterName {
                    cluster: document.name.clone(),
                    sub_cluster: part.name.clone(),
                });
            }
            cluster.sub_clusters.push(part.name.clone());
            if part.nodes == EVERY_NODE {
                if place == 0 {
                    cluster.otherwise = Some(place);
                }
                continue;
            }
            let nodes = node_list::expand(&part.nodes).map_err(|source| ClustersError::Nodes {
                cluster: document.name.clone(),
                sub_cluster: part.name.clone(),
                source,
            })?;
            for node in nodes {
                cluster.by_host.entry(node).or_insert(place);
            }
        }
        if cluster.sub_clusters.is_empty() {
            return Err(ClustersError::NoSubClusters {
                cluster: document.name.clone(),
            });
        }
        Ok(cluster)
    }
}

#[cfg(test)]
mod tests;
