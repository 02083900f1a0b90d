//! Networks of sessions that have several containers here, so that these find each other by their names.

use std::collections::{HashMap, HashSet};

use bollard::{
    models::NetworkCreateRequest,
    query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder},
};
use muster_contract::agent::StartContainer;
use tracing::warn;
use uuid::Uuid;

use super::engine::{Engine, EngineError, OWNER_LABEL, SESSION_LABEL, is_conflict, is_missing};

impl Engine {
    /// The network of the order's session, made if it is not there; `None` = it needs none.
    pub(super) async fn network(
        &self,
        order: &StartContainer,
    ) -> Result<Option<String>, EngineError> {
        if order.place.hostnames.len() < 2 {
            return Ok(None);
        }
        let name = network_name(order.session);
        let _one_at_a_time = self.networks.lock().await;
        let found = self
            .client
            .inspect_network(&name, None::<InspectNetworkOptions>)
            .await;
        match found {
            Ok(_) => return Ok(Some(name)),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let labels = [
            (OWNER_LABEL, self.owner.clone()),
            (SESSION_LABEL, order.session.to_string()),
        ];
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".to_owned()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
            ..NetworkCreateRequest::default()
        };
        match self.client.create_network(request).await {
            Ok(_) => Ok(Some(name)),
            Err(error) if is_conflict(&error) => Ok(Some(name)),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the session's network, unless somebody is still in it.
    pub(super) async fn remove_network(&self, session: Uuid) {
        let _one_at_a_time = self.networks.lock().await;
        // The last container of the session removes it.
        let _ = self.client.remove_network(&network_name(session)).await;
    }

    /// Removes the networks of sessions that are not among these.
    pub(in crate::containers) async fn remove_networks_but(&self, sessions: &HashSet<Uuid>) {
        let filters: HashMap<String, Vec<String>> = self.ours();
        let options = ListNetworksOptionsBuilder::default().filters(&filters);
        let networks = match self.client.list_networks(Some(options.build())).await {
            Ok(networks) => networks,
            Err(error) => {
                warn!(target: "muster::agent", %error, "Docker does not say which networks there are");
                return;
            }
        };
        let left = networks.into_iter().filter_map(|network| {
            let session = network.labels?.get(SESSION_LABEL)?.parse().ok()?;
            (!sessions.contains(&session)).then_some(session)
        });
        for session in left {
            self.remove_network(session).await;
        }
    }
}

fn network_name(session: Uuid) -> String {
    format!("muster-{session}")
}
