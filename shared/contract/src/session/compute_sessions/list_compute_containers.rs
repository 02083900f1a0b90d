//! Query: the containers of a compute session, page by page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ComputeContainer, ComputeSession, ContainerRole};
use crate::{Message, Query, Service, message::Never};

/// Asks for containers of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListComputeContainers {
    /// Which.
    pub containers: WhichContainers,
    /// Only if the session is one of this access key.
    pub owner: Option<String>,
    /// Only if the session is one of this domain.
    pub domain: Option<String>,
    /// Those that are this in their session.
    pub role: Option<ContainerRole>,
    /// How many to leave out.
    pub offset: u32,
    /// How many at most; never more than [`PAGE_LIMIT`](Self::PAGE_LIMIT).
    pub limit: u32,
}

impl ListComputeContainers {
    /// Most containers of one page.
    pub const PAGE_LIMIT: u32 = 100;
}

/// Which containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhichContainers {
    /// The one with this id.
    Container(Uuid),
    /// Those of the session with this id.
    Session(Uuid),
}

/// Some containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeContainerPage {
    /// Their session with the containers of the page, in order; `None` = there is none.
    pub session: Option<ComputeSession>,
    /// How many there are on all pages.
    pub total: u64,
}

impl ComputeContainerPage {
    /// The containers of the page.
    #[must_use]
    pub fn containers(&self) -> &[ComputeContainer] {
        self.session
            .as_ref()
            .map_or(&[], |session| &session.containers)
    }
}

impl Message for ListComputeContainers {
    const SERVICE: Service = Service::Session;
    const NAME: &'static str = "list-compute-containers";
}

impl Query for ListComputeContainers {
    type Answer = ComputeContainerPage;
    type Refusal = Never;
}
