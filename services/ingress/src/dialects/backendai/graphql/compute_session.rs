//! A session.

use std::sync::Arc;

use async_graphql::{Context, Lookahead, Object, Result, SimpleObject};
use muster_contract::session::ComputeSession as Session;

use super::super::sessions::{ServicePort, Statistics};
use super::compute_container::ComputeContainer;
use super::identity::{project_id, user_id};
use super::loading::{Sessions, Wanted};
use super::reading::Asking;
use super::scalars::{BigInt, DateTime, JsonString, Uuid};

/// A session: with the fields of the seed document, and those that clients of other releases ask for.
#[derive(Debug, Clone)]
pub(super) struct ComputeSession {
    session: Arc<Session>,
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
#[derive(Debug, Default, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub(super) struct ComputeContainerList {
    /// The containers of the page.
    pub(super) items: Vec<ComputeContainer>,
    /// How many there are on all pages.
    pub(super) total_count: u64,
}

/// How many containers of a session are counted for the size of an answer, before it is known how many it has.
const CONTAINERS: usize = 4;

/// How many sessions a session depends on, counted likewise.
const DEPENDENCIES: usize = 4;

/// Fields that are read from a session's containers.
const FIELDS_OF_CONTAINERS: [&str; 9] = [
    "containers",
    "service_ports",
    "agent",
    "agents",
    "agent_ids",
    "container_id",
    "main_kernel_id",
    "live_stat",
    "last_stat",
];

/// Whether containers are needed for what is asked of sessions.
pub(super) fn needs_containers(asked: &Lookahead<'_>) -> bool {
    let mut fields = FIELDS_OF_CONTAINERS.iter();
    fields.any(|field| asked.field(field).exists())
}

impl ComputeSession {
    pub(super) fn new(session: impl Into<Arc<Session>>, asking: &Asking) -> Self {
        Self {
            session: session.into(),
            shows_agents: asking.scope.sees_agents(),
        }
    }

    fn agents_of_containers(&self) -> Vec<&str> {
        let containers = self.session.containers.iter();
        let mut agents: Vec<&str> = containers.map(|container| &*container.agent).collect();
        agents.sort_unstable();
        agents.dedup();
        agents
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

    /// The id of its main container, once there is one.
    async fn main_kernel_id(&self) -> Option<Uuid> {
        let main = self.session.containers.first()?;
        Some(Uuid(main.id))
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

    /// `single-node` if all its containers are on one agent, else `multi-node`.
    async fn cluster_mode(&self) -> &str {
        if self.session.on_one_agent {
            "single-node"
        } else {
            "multi-node"
        }
    }

    /// The domain of its project.
    async fn domain_name(&self) -> &str {
        &self.session.domain
    }

    /// Its project.
    async fn group_name(&self) -> &str {
        &self.session.tenant
    }

    /// The same as a UUID, which is made of the name.
    async fn group_id(&self) -> Uuid {
        Uuid(project_id(&self.session.tenant))
    }

    /// Whose it is.
    async fn user_email(&self) -> &str {
        &self.session.user
    }

    /// The same: principals have no other name.
    async fn full_name(&self) -> &str {
        &self.session.user
    }

    /// The same as a UUID, which is made of the name.
    async fn user_id(&self) -> Uuid {
        Uuid(user_id(&self.session.user))
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

    /// The same, as clients of later releases ask for it.
    async fn created_user_id(&self) -> Option<Uuid> {
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

    /// Always null: when it was given slots is not kept apart from when it ran. Clients of later releases ask for it.
    async fn scheduled_at(&self) -> Option<DateTime> {
        None
    }

    /// Always null: none comes before another but by the rules of its scaling group. Clients of later releases ask for it.
    async fn priority(&self) -> Option<i32> {
        None
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

    /// The same, under the name of later releases.
    async fn vfolder_mounts(&self) -> &[String] {
        &self.session.mounts
    }

    /// What all its containers may use.
    async fn occupied_slots(&self) -> JsonString {
        JsonString::of(&self.session.slots.times(self.session.cluster_size))
    }

    /// The same, under the name of later releases.
    async fn occupying_slots(&self) -> JsonString {
        JsonString::of(&self.session.slots.times(self.session.cluster_size))
    }

    /// The same: nothing else was asked for.
    async fn requested_slots(&self) -> JsonString {
        JsonString::of(&self.session.slots.times(self.session.cluster_size))
    }

    /// Ports that it asked for beside those of its image.
    async fn preopen_ports(&self) -> &[u16] {
        &self.session.preopen_ports
    }

    /// Always null: nothing is watched for abuse. Clients of later releases ask for it.
    async fn abusing_reports(&self) -> Option<Vec<JsonString>> {
        None
    }

    /// Always null: when it was not used for too long is not told before. Clients of later releases ask for it.
    async fn idle_checks(&self) -> Option<JsonString> {
        None
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

    /// The agents of its containers, each once; for administrators of the site.
    async fn agents(&self) -> Option<Vec<&str>> {
        self.shows_agents.then(|| self.agents_of_containers())
    }

    /// The same, under the name of later releases.
    async fn agent_ids(&self) -> Option<Vec<&str>> {
        self.shows_agents.then(|| self.agents_of_containers())
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
    #[graphql(complexity = "CONTAINERS * child_complexity + 1")]
    async fn containers(&self) -> Vec<ComputeContainer> {
        ComputeContainer::of(&self.session, self.shows_agents)
    }

    /// The sessions that have to have succeeded first, as far as there are any and the caller may see them.
    #[graphql(complexity = "DEPENDENCIES * child_complexity + 1")]
    async fn dependencies(&self, context: &Context<'_>) -> Result<Vec<ComputeSession>> {
        if self.session.dependencies.is_empty() {
            return Ok(Vec::new());
        }
        let asking = Asking::of(context)?;
        let with_containers = needs_containers(&context.look_ahead());
        let ids = self.session.dependencies.iter();
        let wanted: Vec<Wanted> = ids
            .map(|&id| Wanted {
                id,
                with_containers,
            })
            .collect();
        let sessions = context.data::<Sessions>()?;
        let mut found = sessions.load_many(wanted.iter().copied()).await?;
        let sessions = wanted.iter().filter_map(|wanted| found.remove(wanted));
        Ok(sessions.map(|session| Self::new(session, asking)).collect())
    }
}
