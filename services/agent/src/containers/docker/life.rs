//! Start and end of a container.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    time::Duration,
};

use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use muster_contract::agent::{ServicePort, StartContainer};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::{
    creation::Creation,
    engine::{CONTAINER_LABEL, Engine, EngineError, is_conflict, is_missing, name},
    watching::DockerMain,
};

/// How long a killed container may take to be gone. Longer only if the kernel holds it up.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether it is.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// What a container needs of the machine.
pub(in crate::containers) struct Place<'a> {
    pub(in crate::containers) words: &'a BTreeMap<String, String>,
    pub(in crate::containers) ports: &'a [ServicePort],
    pub(in crate::containers) home: PathBuf,
    pub(in crate::containers) code: PathBuf,
    pub(in crate::containers) folders: &'a [(PathBuf, String)],
}

impl Engine {
    /// Starts a container, or the one of the order that is there and does not run.
    pub(in crate::containers) async fn start(
        &self,
        order: &StartContainer,
        place: &Place<'_>,
    ) -> Result<DockerMain, EngineError> {
        let name = name(order.container);
        match self.client.start_container(&name, None).await {
            Err(error) if is_missing(&error) => {}
            started => {
                started?;
                return Ok(self.main_of(&name).await);
            }
        }
        self.create(&name, order, place).await?;
        self.client.start_container(&name, None).await?;
        Ok(self.main_of(&name).await)
    }

    async fn create(
        &self,
        name: &str,
        order: &StartContainer,
        place: &Place<'_>,
    ) -> Result<(), EngineError> {
        let image = self.image(order).await?;
        let of_site = order.image.docker.as_ref();
        let of_site = of_site.and_then(|docker| docker.command.clone());
        let main = match &order.startup_command {
            Some(script) => vec!["sh".to_owned(), "-c".to_owned(), script.clone()],
            None => of_site.unwrap_or(image.command),
        };
        if main.is_empty() {
            return Err(EngineError::new(
                "the image runs nothing, and the site names nothing",
            ));
        }
        let network = self.network(order).await?;
        let creation = Creation {
            order,
            image: &image.name,
            main: &main,
            words: place.words,
            ports: place.ports,
            published_on: self.published_on,
            home: &place.home,
            code: &place.code,
            folders: place.folders,
            network: network.as_deref(),
            owner: &self.owner,
            agent: &self.agent,
        };
        let options = || CreateContainerOptionsBuilder::default().name(name).build();
        let created = self
            .client
            .create_container(Some(options()), creation.body())
            .await;
        match created {
            Err(error) if is_conflict(&error) => {
                self.remove(order.container).await;
                let again = self
                    .client
                    .create_container(Some(options()), creation.body());
                again.await?;
            }
            created => {
                created?;
            }
        }
        Ok(())
    }

    /// The main process of a container that an earlier agent started; its exit code if it has ended.
    pub(in crate::containers) async fn adopt(&self, container: Uuid) -> Result<DockerMain, i32> {
        let name = name(container);
        match self.exit_code(&name).await {
            Some(code) => Err(code),
            None => Ok(self.main_of(&name).await),
        }
    }

    /// Ends what runs in a container, which stays there. After the grace, or when `forced`, it is killed.
    pub(in crate::containers) async fn end(
        &self,
        container: Uuid,
        grace: Duration,
        forced: &CancellationToken,
    ) {
        let name = name(container);
        if !grace.is_zero() {
            let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
            let options = StopContainerOptionsBuilder::default().t(seconds).build();
            let stopping = self.client.stop_container(&name, Some(options));
            // It is killed below, if that is still needed.
            let _ = forced.run_until_cancelled(stopping).await;
        }
        if self.exit_code(&name).await.is_none() {
            let killed = self
                .client
                .kill_container(&name, None::<KillContainerOptions>);
            // Fails when it has just ended.
            let _ = killed.await;
            let gone = async {
                while self.exit_code(&name).await.is_none() {
                    sleep(LOOK_PAUSE).await;
                }
            };
            if timeout(KILL_PATIENCE, gone).await.is_err() {
                warn!(target: "muster::agent", %container, "Docker cannot end a container");
            }
        }
        self.look_at(&name).await;
    }

    /// Removes a container with all that it wrote, whether it runs or not.
    pub(in crate::containers) async fn remove(&self, container: Uuid) {
        let name = name(container);
        self.unwatch(&name);
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        match self.client.remove_container(&name, Some(options)).await {
            Err(error) if !is_missing(&error) => {
                warn!(target: "muster::agent", %container, %error, "Docker cannot remove a container");
            }
            _ => {}
        }
    }

    /// Removes a container of a session, and what the session had beside it once none is left.
    pub(in crate::containers) async fn remove_with_network(&self, order: &StartContainer) {
        self.remove(order.container).await;
        if order.place.hostnames.len() > 1 {
            self.remove_network(order.session).await;
        }
    }

    /// Removes what an earlier agent has made and could not note.
    pub(in crate::containers) async fn remove_all_but(
        &self,
        known: &HashSet<Uuid>,
    ) -> Result<(), EngineError> {
        let filters = self.ours();
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters);
        let there = self.client.list_containers(Some(options.build())).await?;
        let unknown = there.into_iter().filter_map(|one| {
            let container = one.labels?.get(CONTAINER_LABEL)?.parse().ok()?;
            (!known.contains(&container)).then_some(container)
        });
        for container in unknown {
            self.remove(container).await;
        }
        Ok(())
    }
}
