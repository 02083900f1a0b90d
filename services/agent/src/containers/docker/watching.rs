//! Who has ended by itself, as Docker's events say. An event only says where to look: what is true, the container itself says.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bollard::query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder};
use futures_util::StreamExt as _;
use muster_platform::Clock;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::engine::{Engine, is_missing};
use crate::containers::main_process::UNSEEN;

/// Between two looks at all containers, should an event have been lost.
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// Between two tries to hear events.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Events of the last seconds are asked for, too: of the time when nobody heard them.
const OVERLAP: Duration = Duration::from_secs(2);

/// Events after which a container may have ended; podman says `died` where Docker says `die`.
const ENDINGS: [&str; 6] = ["die", "died", "stop", "kill", "destroy", "remove"];

/// The main process of a container that Docker runs.
#[derive(Debug, Clone)]
pub(in crate::containers) struct DockerMain {
    exited: watch::Receiver<Option<i32>>,
}

impl DockerMain {
    /// Waits for its end: its exit code.
    pub(in crate::containers) async fn exited(&self) -> i32 {
        let mut exited = self.exited.clone();
        let code = exited.wait_for(Option::is_some).await;
        code.ok().and_then(|code| *code).unwrap_or(UNSEEN)
    }

    /// Whether it is the same one, and not one before that.
    pub(in crate::containers) fn is(&self, other: &Self) -> bool {
        self.exited.same_channel(&other.exited)
    }
}

impl Engine {
    /// The main process of a container that has just been started.
    pub(super) async fn main_of(&self, name: &str) -> DockerMain {
        let (tell, exited) = watch::channel(None);
        self.watched().insert(name.to_owned(), tell);
        // Ended before anybody could hear of it.
        self.look_at(name).await;
        DockerMain { exited }
    }

    /// Nobody waits for it any more.
    pub(super) fn unwatch(&self, name: &str) {
        self.watched().remove(name);
    }

    /// Tells who waits for ends, until `stop`.
    pub(in crate::containers) async fn watch(
        self: Arc<Self>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) {
        while !stop.is_cancelled() {
            let since = clock.now().minus(OVERLAP).as_micros() / 1_000_000;
            stop.run_until_cancelled(self.hear(since)).await;
            stop.run_until_cancelled(sleep(RETRY_PAUSE)).await;
        }
    }

    /// Hears events from that second since 1970 on, until they break off.
    async fn hear(&self, since: i64) {
        let mut filters = self.ours();
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        let options = EventsOptionsBuilder::default()
            .since(&since.to_string())
            .filters(&filters);
        let mut events = self.client.events(Some(options.build()));
        let mut looks = interval(LOOK_PAUSE);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        let action = event.action.unwrap_or_default();
                        let attributes = event.actor.and_then(|actor| actor.attributes);
                        let name = attributes.and_then(|mut all| all.remove("name"));
                        if let (Some(name), true) = (name, ENDINGS.contains(&action.as_str())) {
                            self.look_at(&name).await;
                        }
                    }
                    Some(Err(error)) => {
                        warn!(target: "muster::agent", %error, "Docker's events break off");
                        return;
                    }
                    None => return,
                },
                _ = looks.tick() => self.look_at_all().await,
            }
        }
    }

    async fn look_at_all(&self) {
        let names: Vec<String> = self.watched().keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        let filters = self.ours();
        let options = ListContainersOptionsBuilder::default().filters(&filters);
        let running = match self.client.list_containers(Some(options.build())).await {
            Ok(running) => running,
            Err(error) => {
                debug!(target: "muster::agent", %error, "Docker does not say which containers run");
                return;
            }
        };
        let running: HashSet<String> = running
            .into_iter()
            .flat_map(|one| one.names.unwrap_or_default())
            .map(|name| name.trim_start_matches('/').to_owned())
            .collect();
        for name in names.iter().filter(|name| !running.contains(*name)) {
            self.look_at(name).await;
        }
    }

    /// Tells who waits for it, if it has ended.
    pub(super) async fn look_at(&self, name: &str) {
        if !self.watched().contains_key(name) {
            return;
        }
        let Some(code) = self.exit_code(name).await else {
            return;
        };
        if let Some(tell) = self.watched().get(name) {
            tell.send_replace(Some(code));
        }
    }

    /// The exit code of a container that does not run (any more); `None` = it runs, or Docker does not say.
    pub(super) async fn exit_code(&self, name: &str) -> Option<i32> {
        match self.client.inspect_container(name, None).await {
            Ok(container) => {
                let state = container.state?;
                if state.running != Some(false) {
                    return None;
                }
                Some(
                    state
                        .exit_code
                        .and_then(|code| i32::try_from(code).ok())
                        .unwrap_or(UNSEEN),
                )
            }
            Err(error) if is_missing(&error) => Some(UNSEEN),
            Err(error) => {
                debug!(target: "muster::agent", %error, name, "Docker does not say how a container is");
                None
            }
        }
    }
}
