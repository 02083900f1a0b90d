//! A container of a session.

use async_graphql::Object;
use muster_contract::session::{ComputeContainer as Container, ComputeSession, ContainerRole};

use super::scalars::{DateTime, JsonString, Uuid};

/// A container of a session.
#[derive(Debug, Clone)]
pub(super) struct ComputeContainer {
    container: Container,
    session: uuid::Uuid,
    image: String,
    created_at: i64,
    resource_options: JsonString,
    slots: JsonString,
    preopen_ports: Vec<u16>,
    /// Whether the caller may know which agent runs it.
    shows_agent: bool,
}

impl ComputeContainer {
    /// The containers of a session.
    pub(super) fn of(session: &ComputeSession, shows_agent: bool) -> Vec<Self> {
        let containers = session.containers.iter().map(|container| Self {
            container: container.clone(),
            session: session.id,
            image: session.image.clone(),
            created_at: session.created_at,
            resource_options: JsonString::of(&session.resource_options),
            slots: JsonString::of(&session.slots),
            preopen_ports: session.preopen_ports.clone(),
            shows_agent,
        });
        containers.collect()
    }
}

/// What a container of that role is; `None` = no container has it. The seed says master and slave, releases from 20.09 on say main and sub.
pub(super) fn role_called(role: &str) -> Option<ContainerRole> {
    match role {
        "master" | "main" => Some(ContainerRole::Main),
        "slave" | "sub" => Some(ContainerRole::Sub),
        _ => None,
    }
}

#[Object(rename_fields = "snake_case")]
impl ComputeContainer {
    /// Its id.
    async fn id(&self) -> Uuid {
        Uuid(self.container.id)
    }

    /// `master` or `slave`.
    async fn role(&self) -> &str {
        match self.container.role {
            ContainerRole::Main => "master",
            ContainerRole::Sub => "slave",
        }
    }

    /// `main` or `sub`: the same in the words of releases from 20.09 on.
    async fn cluster_role(&self) -> &str {
        match self.container.role {
            ContainerRole::Main => "main",
            ContainerRole::Sub => "sub",
        }
    }

    /// Its number among those of its role, counted from 1.
    async fn cluster_idx(&self) -> u32 {
        self.container.index.max(1)
    }

    /// The same as `hostname`.
    async fn cluster_hostname(&self) -> &str {
        &self.container.hostname
    }

    /// Its name in the session.
    async fn hostname(&self) -> &str {
        &self.container.hostname
    }

    /// Its session.
    async fn session_id(&self) -> Uuid {
        Uuid(self.session)
    }

    /// What runs in it.
    async fn image(&self) -> &str {
        &self.image
    }

    /// Empty: images are the site's own.
    async fn registry(&self) -> &str {
        ""
    }

    /// Where in its life it is.
    async fn status(&self) -> &str {
        self.container.status.name()
    }

    /// Since when it is there.
    async fn status_changed(&self) -> DateTime {
        DateTime::of(self.container.status_changed_at)
    }

    /// Why it is there.
    async fn status_info(&self) -> Option<&str> {
        self.container.status_info.as_deref()
    }

    /// Always null: what there is to say stands in `status_info`. Clients from 20.09 on ask for it.
    async fn status_data(&self) -> Option<JsonString> {
        None
    }

    /// When its session was asked for.
    async fn created_at(&self) -> DateTime {
        DateTime::of(self.created_at)
    }

    /// When it was over.
    async fn terminated_at(&self) -> Option<DateTime> {
        self.container.terminated_at.map(DateTime::of)
    }

    /// The agent that runs it; for administrators of the site.
    async fn agent(&self) -> Option<&str> {
        self.shows_agent.then_some(&*self.container.agent)
    }

    /// What the agent calls it; for administrators of the site.
    async fn container_id(&self) -> Option<String> {
        self.shows_agent.then(|| self.container.id.to_string())
    }

    /// Further wishes.
    async fn resource_opts(&self) -> &JsonString {
        &self.resource_options
    }

    /// What it may use.
    async fn occupied_slots(&self) -> &JsonString {
        &self.slots
    }

    /// Ports that its session asked for beside those of its image.
    async fn preopen_ports(&self) -> &[u16] {
        &self.preopen_ports
    }

    /// What it has used until now, while it runs.
    async fn live_stat(&self) -> Option<JsonString> {
        let usage = self.container.usage?;
        let is_over = self.container.status.is_over();
        (!is_over).then(|| JsonString::of(&usage))
    }

    /// What it has used.
    async fn last_stat(&self) -> Option<JsonString> {
        self.container.usage.as_ref().map(JsonString::of)
    }
}
