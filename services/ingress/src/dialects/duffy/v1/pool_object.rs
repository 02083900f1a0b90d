//! A pool in answers.

use muster_contract::Outcome;
use muster_contract::node_allocation::{ListPools, NodeState, Pool, PoolLevels};
use serde::Serialize;
use utoipa::ToSchema;

use crate::frame::{Failure, Ingress};

/// A pool.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PoolObject {
    /// Its name.
    #[schema(example = "metal-7-x86_64")]
    name: String,
    /// Nodes that are to be ready.
    #[serde(rename = "fill-level")]
    fill_level: i64,
    /// How many of its nodes are in each state; in lists it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    levels: Option<Levels>,
}

/// How many nodes are in each state.
#[derive(Debug, Serialize, ToSchema)]
struct Levels {
    provisioning: i64,
    ready: i64,
    contextualizing: i64,
    /// With those kept for a look.
    deployed: i64,
    deprovisioning: i64,
}

impl PoolObject {
    /// As lists have it.
    pub(super) fn concise(pool: Pool) -> Self {
        Self {
            name: pool.name,
            fill_level: pool.fill_level,
            levels: None,
        }
    }

    /// With its levels.
    pub(super) fn verbose(pool: Pool) -> Self {
        let levels = levels(&pool.levels);
        Self {
            levels: Some(levels),
            ..Self::concise(pool)
        }
    }
}

fn levels(levels: &PoolLevels) -> Levels {
    let of = |state| levels.get(&state).copied().unwrap_or(0);
    Levels {
        provisioning: of(NodeState::Provisioning),
        ready: of(NodeState::Ready),
        contextualizing: of(NodeState::Contextualizing),
        deployed: of(NodeState::Deployed).saturating_add(of(NodeState::Held)),
        deprovisioning: of(NodeState::Deprovisioning),
    }
}

/// All pools, by name. They are no secret.
pub(super) async fn pools(ingress: &Ingress) -> Result<Vec<Pool>, Failure> {
    match ingress.ask_for(None, &ListPools {}).await? {
        Outcome::Done(list) => Ok(list.pools),
        Outcome::Refused(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_are_shown_of_one_pool_alone() {
        let pool = Pool {
            name: "metal".to_owned(),
            version: "7".to_owned(),
            architecture: "x86_64".to_owned(),
            flavor: None,
            fill_level: 5,
            lifetime: None,
            maximum_lifetime: None,
            levels: [
                (NodeState::Ready, 3),
                (NodeState::Deployed, 2),
                (NodeState::Held, 1),
                (NodeState::Failed, 9),
            ]
            .into(),
        };
        assert_eq!(
            serde_json::to_value(PoolObject::concise(pool.clone())).unwrap(),
            json!({"name": "metal", "fill-level": 5})
        );
        assert_eq!(
            serde_json::to_value(PoolObject::verbose(pool)).unwrap(),
            json!({
                "name": "metal",
                "fill-level": 5,
                "levels": {
                    "provisioning": 0,
                    "ready": 3,
                    "contextualizing": 0,
                    "deployed": 3,
                    "deprovisioning": 0,
                },
            })
        );
    }
}
