//! An agent whose containers are nothing but a note: for tests and measurements in which hundreds of them run.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use muster_contract::{
    Message as _, ResourceSlots,
    agent::{
        AgentBeat, ContainerEnd, ContainerEnded, ContainerHost, ContainerStart, ContainerStarted,
        RestartContainer, StartContainer, StopContainer,
    },
};
use muster_messaging::{AgentBroker, AgentBrokerOptions, OrderAtHand};
use muster_platform::{Ids as _, RandomIds, Shutdown};
use tokio::sync::watch;
use uuid::Uuid;

/// How long the broker may take to be there.
const CONNECT_DEADLINE: Duration = Duration::from_mins(1);

/// Between two beats.
const BEAT: Duration = Duration::from_secs(1);

/// Orders are fetched one by one, by so many at once.
const TAKERS: usize = 4;

/// What it says of itself.
#[derive(Debug, Clone)]
pub struct NullAgentOptions {
    /// As the site calls it.
    pub name: String,
    /// The group that it belongs to.
    pub scaling_group: String,
    /// What it has.
    pub slots: ResourceSlots,
}

/// A running one. It is away when this is dropped.
#[derive(Debug)]
pub struct NullAgent {
    name: String,
    notes: Arc<Mutex<Notes>>,
    held: watch::Sender<bool>,
    shutdown: Shutdown,
}

/// What it has done.
#[derive(Debug, Default)]
struct Notes {
    /// How often each container was started.
    started: BTreeMap<Uuid, usize>,
    /// Those that run.
    running: BTreeMap<Uuid, StartContainer>,
    /// Those that are never started any more.
    stopped: BTreeMap<Uuid, usize>,
    /// What starts are answered with: `None` = they run.
    failure: Option<String>,
    /// What it could not make sense of.
    strange: Vec<String>,
}

impl NullAgent {
    /// Signs in with the key that is in the data directory and takes orders.
    pub async fn start(data: &Path, options: NullAgentOptions) -> Result<Self> {
        let read = |name: &str| {
            let path = data.join("nats").join(name);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let broker = AgentBroker::connect(AgentBrokerOptions {
            url: format!("nats://{}", read("address")?.trim()),
            agent: options.name.clone(),
            key_seed: Some(
                read(&format!("agent-{}.nk", options.name))?
                    .trim()
                    .to_owned(),
            ),
            connect_deadline: CONNECT_DEADLINE,
        })
        .await?;
        let (held, holding) = watch::channel(false);
        let agent = Self {
            name: options.name.clone(),
            notes: Arc::default(),
            held,
            shutdown: Shutdown::new(),
        };
        agent.shutdown.spawn(
            "null agent: beats",
            beat(broker.clone(), options, agent.shutdown.clone()),
        );
        for _ in 0..TAKERS {
            let taking = take(
                broker.clone(),
                agent.notes.clone(),
                holding.clone(),
                agent.shutdown.clone(),
            );
            agent.shutdown.spawn("null agent: orders", taking);
        }
        Ok(agent)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From now on, whether orders to start lie there and are not answered.
    pub fn hold(&self, is_held: bool) {
        self.held.send_replace(is_held);
    }

    /// From now on, containers do not start, for this reason; `None` = they do.
    pub fn fail(&self, reason: Option<&str>) {
        lock(&self.notes).failure = reason.map(str::to_owned);
    }

    /// The containers that run.
    #[must_use]
    pub fn running(&self) -> Vec<Uuid> {
        lock(&self.notes).running.keys().copied().collect()
    }

    /// What the containers that run may use together.
    #[must_use]
    pub fn used(&self) -> ResourceSlots {
        let notes = lock(&self.notes);
        let slots = notes.running.values().map(|start| &start.slots);
        slots.fold(ResourceSlots::default(), |sum, slots| sum.plus(slots))
    }

    /// Nothing strange came, and no container was started that had been stopped.
    pub fn check(&self) -> Result<()> {
        let notes = lock(&self.notes);
        if !notes.strange.is_empty() {
            bail!("agent {}: {:#?}", self.name, notes.strange);
        }
        Ok(())
    }
}

impl Drop for NullAgent {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

async fn beat(broker: AgentBroker, options: NullAgentOptions, shutdown: Shutdown) {
    let beat = AgentBeat {
        instance: RandomIds.next().to_string(),
        version: "null".to_owned(),
        running: 0,
        concurrency: 1,
        containers: Some(ContainerHost {
            scaling_group: options.scaling_group,
            slots: options.slots,
            address: "127.0.0.1".to_owned(),
        }),
    };
    let stop = shutdown.token();
    while !stop.is_cancelled() {
        broker.signal(&beat).await;
        let _ = stop.run_until_cancelled(tokio::time::sleep(BEAT)).await;
    }
}

async fn take(
    broker: AgentBroker,
    notes: Arc<Mutex<Notes>>,
    held: watch::Receiver<bool>,
    shutdown: Shutdown,
) {
    let mut orders = broker.orders(shutdown.token());
    while let Some(order) = orders.next().await {
        let (notes, held, stop) = (notes.clone(), held.clone(), shutdown.clone());
        tokio::spawn(async move {
            if let Err(error) = carry_out(order, &notes, held, &stop).await {
                lock(&notes).strange.push(format!("{error:#}"));
            }
        });
    }
}

async fn carry_out(
    order: OrderAtHand,
    notes: &Mutex<Notes>,
    mut held: watch::Receiver<bool>,
    shutdown: &Shutdown,
) -> Result<()> {
    let stop = shutdown.token();
    let schema = order.schema().to_owned();
    if schema == StartContainer::schema() {
        held.wait_for(|is_held| !is_held).await?;
        let start: StartContainer = order.decode()?;
        let report = ContainerStarted {
            order: start.order,
            container: start.container,
            result: lock(notes).start(start),
        };
        // A stop of the agent is no fault of the order.
        let _ = order.report(&report, &stop).await;
    } else if schema == RestartContainer::schema() {
        let restart: RestartContainer = order.decode()?;
        let report = ContainerStarted {
            order: restart.order,
            container: restart.container,
            result: lock(notes).restart(restart.container),
        };
        let _ = order.report(&report, &stop).await;
    } else if schema == StopContainer::schema() {
        let stopping: StopContainer = order.decode()?;
        let report = ContainerEnded {
            order: Some(stopping.order),
            container: stopping.container,
            end: lock(notes).stop(stopping.container),
            usage: None,
            logs: String::new(),
        };
        let _ = order.report(&report, &stop).await;
    } else {
        bail!("an order that no agent of containers knows: {schema}");
    }
    Ok(())
}

fn running() -> ContainerStart {
    ContainerStart::Running {
        host: "127.0.0.1".to_owned(),
        service_ports: Vec::new(),
    }
}

fn failed(reason: &str) -> ContainerStart {
    ContainerStart::Failed {
        reason: reason.to_owned(),
    }
}

impl Notes {
    fn start(&mut self, start: StartContainer) -> ContainerStart {
        if self.stopped.contains_key(&start.container) {
            return failed("it was stopped before");
        }
        if let Some(reason) = &self.failure {
            return failed(reason);
        }
        // The same order may come again; it is the same container.
        *self.started.entry(start.container).or_default() += 1;
        self.running.insert(start.container, start);
        running()
    }

    fn restart(&mut self, container: Uuid) -> ContainerStart {
        match &self.failure {
            Some(reason) => failed(reason),
            None if self.running.contains_key(&container) => running(),
            None => failed("no such container"),
        }
    }

    fn stop(&mut self, container: Uuid) -> ContainerEnd {
        *self.stopped.entry(container).or_default() += 1;
        match self.running.remove(&container) {
            Some(_) => ContainerEnd::Stopped,
            None => ContainerEnd::Unknown,
        }
    }
}

fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}
