//! Sessions that others depend on: those of a whole page are asked for together, level by level.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use muster_contract::session::{ComputeSession, ComputeSessionFilter, ListComputeSessions};
use uuid::Uuid;

use super::reading::Asking;

/// Loads sessions that the caller may see.
pub(super) type Sessions = DataLoader<SessionLoader>;

/// See [`Sessions`].
pub(super) struct SessionLoader(Arc<Asking>);

/// The loader of one request.
pub(super) fn sessions(asking: &Arc<Asking>) -> Sessions {
    let loader = DataLoader::new(SessionLoader(Arc::clone(asking)), tokio::spawn);
    loader.max_batch_size(ListComputeSessions::PAGE_LIMIT as usize)
}

/// A session, with or without its containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) id: Uuid,
    pub(super) with_containers: bool,
}

impl Loader<Wanted> for SessionLoader {
    type Value = Arc<ComputeSession>;
    type Error = async_graphql::Error;

    async fn load(&self, wanted: &[Wanted]) -> Result<HashMap<Wanted, Self::Value>, Self::Error> {
        let mut found = HashMap::with_capacity(wanted.len());
        for with_containers in [false, true] {
            let ids: Vec<Uuid> = wanted
                .iter()
                .filter(|wanted| wanted.with_containers == with_containers)
                .map(|wanted| wanted.id)
                .collect();
            if ids.is_empty() {
                continue;
            }
            let page = self.0.list(question(ids, with_containers)).await?;
            for session in page.sessions {
                let id = session.id;
                let wanted = Wanted {
                    id,
                    with_containers,
                };
                found.insert(wanted, Arc::new(session));
            }
        }
        Ok(found)
    }
}

fn question(ids: Vec<Uuid>, with_containers: bool) -> ListComputeSessions {
    ListComputeSessions {
        filter: ComputeSessionFilter {
            ids: Some(ids),
            ..ComputeSessionFilter::default()
        },
        order: Vec::new(),
        offset: 0,
        limit: ListComputeSessions::PAGE_LIMIT,
        with_containers,
    }
}
