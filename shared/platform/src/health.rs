//! How the parts of a process are doing, for readiness checks and for people.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// The state of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum ComponentState {
    /// Not serving yet.
    Starting,
    /// Serving.
    Ready,
    /// Serving, but something is wrong: what.
    Degraded(String),
    /// Not serving: why.
    Down(String),
}

impl ComponentState {
    /// Whether the component serves: ready or degraded.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(self, Self::Ready | Self::Degraded(_))
    }
}

impl fmt::Display for ComponentState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => formatter.write_str("starting"),
            Self::Ready => formatter.write_str("ready"),
            Self::Degraded(reason) => write!(formatter, "degraded: {reason}"),
            Self::Down(reason) => write!(formatter, "down: {reason}"),
        }
    }
}

/// All components at one moment, as `/readyz` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthSnapshot {
    /// Whether every component serves (and there is one).
    pub ready: bool,
    /// The components by name.
    pub components: BTreeMap<String, ComponentState>,
}

/// The states of all components of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Health {
    states: Arc<watch::Sender<BTreeMap<String, ComponentState>>>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// No components yet; such a process is not ready.
    #[must_use]
    pub fn new() -> Self {
        Self {
            states: Arc::new(watch::Sender::new(BTreeMap::new())),
        }
    }

    /// Adds a component in the state `Starting`, or resets the one of that name to it.
    #[must_use]
    pub fn register(&self, name: impl Into<String>) -> ComponentHealth {
        let component = ComponentHealth {
            name: name.into(),
            health: self.clone(),
        };
        component.set(ComponentState::Starting);
        component
    }

    /// Whether every component serves. Without any component: no.
    #[must_use]
    pub fn ready(&self) -> bool {
        all_serve(&self.states.borrow())
    }

    /// All components as they are now.
    #[must_use]
    pub fn snapshot(&self) -> HealthSnapshot {
        let components = self.states.borrow().clone();
        HealthSnapshot {
            ready: all_serve(&components),
            components,
        }
    }

    /// Returns once every component serves; put a time limit around it.
    pub async fn wait_ready(&self) {
        // Fails only when the sender is gone, and `self` holds it.
        let _ = self.states.subscribe().wait_for(all_serve).await;
    }

    fn set(&self, name: &str, state: ComponentState) {
        self.states.send_if_modified(|states| {
            if states.get(name) == Some(&state) {
                return false;
            }
            if let ComponentState::Degraded(_) | ComponentState::Down(_) = state {
                tracing::warn!(component = name, %state, "component state changed");
            } else {
                tracing::info!(component = name, %state, "component state changed");
            }
            states.insert(name.to_owned(), state);
            true
        });
    }
}

// A reference to the map, as `watch::Receiver::wait_for` hands it over.
fn all_serve(states: &BTreeMap<String, ComponentState>) -> bool {
    !states.is_empty() && states.values().all(ComponentState::serves)
}

/// What a component reports its state with. Clones report for the same component.
#[derive(Debug, Clone)]
pub struct ComponentHealth {
    name: String,
    health: Health,
}

impl ComponentHealth {
    /// The state from now on; a change is logged.
    pub fn set(&self, state: ComponentState) {
        self.health.set(&self.name, state);
    }

    /// Serving.
    pub fn ready(&self) {
        self.set(ComponentState::Ready);
    }

    /// Serving, but something is wrong.
    pub fn degraded(&self, reason: impl Into<String>) {
        self.set(ComponentState::Degraded(reason.into()));
    }

    /// Not serving.
    pub fn down(&self, reason: impl Into<String>) {
        self.set(ComponentState::Down(reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_process_is_ready_when_every_component_serves() {
        let health = Health::new();
        assert!(!health.ready(), "nothing has registered yet");
        let broker = health.register("broker");
        let storage = health.register("storage");
        assert!(!health.ready());
        broker.ready();
        storage.degraded("slow disk");
        assert!(health.ready());
        storage.down("disk full");
        assert!(!health.clone().ready());
    }

    #[test]
    fn the_snapshot_reads_well_as_json() {
        let health = Health::new();
        health.register("broker").ready();
        health.register("storage").down("disk full");
        assert_eq!(
            serde_json::to_value(health.snapshot()).unwrap(),
            serde_json::json!({
                "ready": false,
                "components": {
                    "broker": { "state": "ready" },
                    "storage": { "state": "down", "reason": "disk full" },
                }
            })
        );
    }

    #[tokio::test]
    async fn waiting_ends_when_the_last_component_serves() {
        let health = Health::new();
        let broker = health.register("broker");
        let waiting = tokio::spawn({
            let health = health.clone();
            async move { health.wait_ready().await }
        });
        broker.ready();
        tokio::time::timeout(Duration::from_secs(5), waiting)
            .await
            .unwrap()
            .unwrap();
    }
}
