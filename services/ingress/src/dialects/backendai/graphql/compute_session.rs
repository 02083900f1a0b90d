//! A session.

use async_graphql::{Context, Object, Result, SimpleObject};
use muster_contract::session::ComputeSession as Session;

use super::super::sessions::{ServicePort, Statistics};
use super::compute_container::ComputeContainer;
use super::reading::Asking;
use super::scalars::{BigInt, DateTime, JsonString, Uuid};

/// A session: with the fields of the seed document, and those that clients of other releases ask for.
#[derive(Debug, Clone)]
pub(super) struct ComputeSession {
    session: Session,
    shows_agents: bool,
}

/// A page of sessions.
#[derive(Debug, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct ComputeSessionList {
    /// The sessions of the page.
    pub(super) items: Vec<ComputeSession>,
    /// How many there are on all pages.
    pub(super) total_count: u64,
}

/// A page of containers.
#[derive(Debug, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct ComputeContainerList {
    /// The containers of the page.
    pub(super) items: Vec<ComputeContainer>,
    /// How many there are on all pages.
    pub(super) total_count: u64,
}

/// Fields that are read from a session's containers.
pub(super) const FIELDS_OF_CONTAINERS: [&str; 6] = [
    "containers",
    "service_ports",
    "agent",
    "container_id",
    "live_stat",
    "last_stat",
];

impl ComputeSession {
    pub(super) fn new(session: Session, asking: &Asking) -> Self {
        Self {
            session,
            shows_agents: asking.scope.sees_agents(),
        }
    }

    /// Its containers.
    pub(super) fn all_containers(&self) -> Vec<ComputeContainer> {
        ComputeContainer::of(&self.session, self.shows_agents)
    }
}

#[Object(rename_fields = "snake_case")]
impl ComputeSession {
    /// Its id.
    async fn id(&self) -> Uuid {
        Uuid(self.session.id)
    }

    /// The same, for clients from 20.09 on.
    async fn session_id(&self) -> Uuid {
        Uuid(self.session.id)
    }

    /// The same, under the name that the SDK of 20.03 asks for by itself.
    async fn task_id(&self) -> Uuid {
        Uuid(self.session.id)
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.session.name
    }

    /// The same, for clients before 20.03.
    async fn sess_id(&self) -> &str {
        &self.session.name
    }

    /// `interactive` or `batch`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        self.session.kind.name()
    }

    /// The same, for clients before 20.03.
    async fn sess_type(&self) -> &str {
        self.session.kind.name()
    }

    /// What its owner wrote on it.
    async fn tag(&self) -> Option<&str> {
        self.session.tag.as_deref()
    }

    /// What runs in it.
    async fn image(&self) -> &str {
        &self.session.image
    }

    /// The same, for clients before 20.03.
    async fn lang(&self) -> &str {
        &self.session.image
    }

    /// Empty: images are the site's own.
    async fn registry(&self) -> &str {
        ""
    }

    /// Always null: there are none.
    async fn cluster_template(&self) -> Option<&str> {
        None
    }

    /// How many containers it has.
    async fn cluster_size(&self) -> u32 {
        self.session.cluster_size
    }

    /// The domain of its project.
    async fn domain_name(&self) -> &str {
        &self.session.domain
    }

    /// Its project.
    async fn group_name(&self) -> &str {
        &self.session.tenant
    }

    /// The same: projects have no other name.
    async fn group_id(&self) -> &str {
        &self.session.tenant
    }

    /// Whose it is.
    async fn user_email(&self) -> &str {
        &self.session.user
    }

    /// The same: principals have no other name.
    async fn user_id(&self) -> &str {
        &self.session.user
    }

    /// The access key that it belongs to.
    async fn access_key(&self) -> &str {
        &self.session.owner
    }

    /// Always null: nobody but its owner makes a session.
    async fn created_user_email(&self) -> Option<&str> {
        None
    }

    /// Always null: nobody but its owner makes a session.
    async fn created_user_uuid(&self) -> Option<Uuid> {
        None
    }

    /// Where in its life it is.
    async fn status(&self) -> &str {
        self.session.status.name()
    }

    /// Since when it is there.
    async fn status_changed(&self) -> DateTime {
        DateTime::of(self.session.status_changed_at)
    }

    /// The same, as the seed document's example has it.
    async fn status_updated(&self) -> DateTime {
        DateTime::of(self.session.status_changed_at)
    }

    /// The same, under the name that the SDK of 20.03 asks for by itself.
    async fn last_updated(&self) -> DateTime {
        DateTime::of(self.session.status_changed_at)
    }

    /// Why it is there, or what it waits for.
    async fn status_info(&self) -> Option<&str> {
        self.session.status_info.as_deref()
    }

    /// Always null: what there is to say stands in `status_info`. Clients of 20.09 ask for it.
    async fn status_data(&self) -> Option<JsonString> {
        None
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime {
        DateTime::of(self.session.created_at)
    }

    /// When it was over.
    async fn terminated_at(&self) -> Option<DateTime> {
        self.session.terminated_at.map(DateTime::of)
    }

    /// When it may start at the earliest.
    async fn starts_at(&self) -> Option<DateTime> {
        self.session.starts_at.map(DateTime::of)
    }

    /// Its command.
    async fn startup_command(&self) -> Option<&str> {
        self.session.startup_command.as_deref()
    }

    /// What came of its command.
    async fn result(&self) -> &str {
        self.session.result.name()
    }

    /// Further wishes.
    async fn resource_opts(&self) -> JsonString {
        JsonString::of(&self.session.resource_options)
    }

    /// Where its agents are.
    async fn scaling_group(&self) -> Option<&str> {
        self.session.scaling_group.as_deref()
    }

    /// What can be reached in its main container.
    async fn service_ports(&self) -> JsonString {
        JsonString::of(&ServicePort::of(&self.session))
    }

    /// Folders it asked for.
    async fn mounts(&self) -> &[String] {
        &self.session.mounts
    }

    /// What all its containers may use.
    async fn occupied_slots(&self) -> JsonString {
        JsonString::of(&self.session.slots.times(self.session.cluster_size))
    }

    /// How often it was asked about or used.
    async fn num_queries(&self) -> BigInt {
        BigInt(self.session.queries)
    }

    /// The agent of its main container; for administrators of the site.
    async fn agent(&self) -> Option<&str> {
        let main = self.session.containers.first()?;
        self.shows_agents.then_some(&*main.agent)
    }

    /// What the agent calls its main container; for administrators of the site.
    async fn container_id(&self) -> Option<String> {
        let main = self.session.containers.first()?;
        self.shows_agents.then(|| main.id.to_string())
    }

    /// What its containers have used together until now, while it runs.
    async fn live_stat(&self) -> Option<JsonString> {
        let is_over = self.session.status.is_over();
        let statistics = Statistics::of(&self.session)?;
        (!is_over).then(|| JsonString::of(&statistics))
    }

    /// What its containers have used together.
    async fn last_stat(&self) -> Option<JsonString> {
        Statistics::of(&self.session).as_ref().map(JsonString::of)
    }

    /// Its containers.
    async fn containers(&self) -> Vec<ComputeContainer> {
        self.all_containers()
    }

    /// The sessions that have to have succeeded first.
    async fn dependencies(&self, context: &Context<'_>) -> Result<Vec<ComputeSession>> {
        let asking = Asking::of(context)?;
        let mut dependencies = Vec::with_capacity(self.session.dependencies.len());
        for id in &self.session.dependencies {
            let session = asking.session(*id).await?;
            dependencies.extend(session.map(|session| Self::new(session, asking)));
        }
        Ok(dependencies)
    }
}
