//! A running Muster with agents, and callers of the dialect backendai.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use muster_contract::{
    ResourceSlots,
    node_allocation::{Agent, AgentStatus, ListAgents},
    session::{
        ComputeSession, ComputeSessionFilter, ComputeSessionReference, ComputeSessionStatus,
        FindComputeSession, ListComputeSessions,
    },
};
use muster_testkit::{DEADLINE, MusterProcess, READY_DEADLINE, ReservedPort, eventually};
use muster_tests::{
    Client, Engine, Process, System, SystemOptions,
    backendai::{Api, KeyPair},
    caller::Caller,
    containers::{EndedWithTest, processes_of},
    null_agent::{NullAgent, NullAgentOptions},
    setup::{Mode, Setup},
};

use crate::site;

/// What a test chooses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// At the end of the site file.
    pub(crate) site: &'static str,
    /// Settings of every process.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Agents that run from the beginning, and what they have.
    pub(crate) agents: &'static [(&'static str, &'static str)],
}

impl Rules {
    /// One agent with four cores, and nothing special.
    pub(crate) const USUAL: Self = Self {
        site: "",
        settings: &[],
        agents: &[("a1", "cpu=4,mem=4g")],
    };
    /// No agent.
    pub(crate) const EMPTY: Self = Self {
        agents: &[],
        ..Self::USUAL
    };
}

/// A running Muster with agents.
pub(crate) struct House {
    // Containers outlive their agent, and a test that fails does not end them.
    _ended: EndedWithTest,
    pub(crate) system: System,
    pub(crate) client: Client,
    /// Looks behind the dialect.
    pub(crate) caller: Caller,
    agents: BTreeMap<&'static str, MusterProcess>,
    /// What they had started ends with them.
    killed: Vec<MusterProcess>,
    // While the broker is down nobody else may take its port.
    _broker_port: ReservedPort,
}

/// Makes a test of an `async fn(&mut House) -> Result<()>` on each database, in one process unless something else is said.
macro_rules! on_both {
    ($name:ident) => {
        $crate::house::on_both!($name, $crate::house::Rules::USUAL);
    };
    ($name:ident, $rules:expr) => {
        $crate::house::on_both!($name, $rules, OneProcess);
    };
    ($name:ident, $rules:expr, $mode:ident) => {
        mod $name {
            #[expect(
                clippy::allow_attributes,
                reason = "not every test has rules of its own"
            )]
            #[allow(unused_imports)]
            use super::*;

            async fn on(engine: muster_tests::Engine) -> anyhow::Result<()> {
                let mode = muster_tests::setup::Mode::$mode;
                let setup = muster_tests::setup::Setup { engine, mode };
                let run = async |house: &mut $crate::house::House| super::$name(house).await;
                $crate::house::run(setup, stringify!($name), $rules, run).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() -> anyhow::Result<()> {
                on(muster_tests::Engine::Sqlite).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgresql() -> anyhow::Result<()> {
                on(muster_tests::Engine::Postgres).await
            }
        }
    };
}
pub(crate) use on_both;

/// Sessions that are asked for at once.
const PAGE: usize = ListComputeSessions::PAGE_LIMIT as usize;

/// How long a call waits in parts: longer than a part that was killed takes to be back, and what it had to be delivered
/// again.
const COMMAND_DEADLINE: &str = "45s";

/// Runs `body` on a house of its own.
pub(crate) async fn run(
    setup: Setup,
    test: &str,
    rules: Rules,
    body: impl AsyncFnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    if !setup.engine.is_available(test) {
        return Ok(());
    }
    let mut house = House::build(setup, rules).await?;
    let result = body(&mut house).await;
    result.with_context(|| house.output())
}

/// The same on SQLite in one process.
pub(crate) async fn on_sqlite(
    test: &str,
    rules: Rules,
    body: impl AsyncFnOnce(&mut House) -> Result<()>,
) -> Result<()> {
    let (engine, mode) = (Engine::Sqlite, Mode::OneProcess);
    run(Setup { engine, mode }, test, rules, body).await
}

impl House {
    async fn build(setup: Setup, rules: Rules) -> Result<Self> {
        let broker_port = ReservedPort::new()?;
        let mut options = SystemOptions::new(setup.engine)
            .with("MUSTER__NATS__PORT", broker_port.number().to_string())
            .with("MUSTER__AGENT__ENABLED", "false");
        options.site_extra = site::text(rules.site);
        for (name, value) in rules.settings {
            options = options.with(name, *value);
        }
        let system = match setup.mode {
            Mode::OneProcess => System::up(options).await?,
            Mode::Parts => {
                let options = options.with("MUSTER__INGRESS__COMMAND_DEADLINE", COMMAND_DEADLINE);
                System::parts(options, 1).await?
            }
        };
        let client = system.client("")?;
        let caller = Caller::start(&system).await?;
        let mut house = Self {
            _ended: EndedWithTest::of(system.directory()),
            system,
            client,
            caller,
            agents: BTreeMap::new(),
            killed: Vec::new(),
            _broker_port: broker_port,
        };
        for (name, slots) in rules.agents {
            house.start_agent(name, slots).await?;
        }
        Ok(house)
    }

    /// Calls of the user of project alpha.
    pub(crate) fn alice(&self) -> Api {
        self.api(site::ALICE)
    }

    /// Calls of the user of project beta.
    pub(crate) fn bob(&self) -> Api {
        self.api(site::BOB)
    }

    /// Calls with these keys.
    pub(crate) fn api(&self, key: KeyPair) -> Api {
        Api::new(&self.client, key)
    }

    /// Starts an agent that runs processes, and waits until sessions can be placed there.
    pub(crate) async fn start_agent(&mut self, name: &'static str, slots: &str) -> Result<()> {
        let data = self.system.data();
        let mut environment = self.system.environment();
        environment.push(("MUSTER__AGENT__SLOTS", slots));
        let mut agent = MusterProcess::spawn(["agent", "--name", name], &environment, &data)?;
        let ready = format!("agent {name} is ready");
        let found = eventually(READY_DEADLINE, &ready, async || {
            let is_ready = agent.stdout_lines().contains(&ready);
            (is_ready || !agent.is_running()).then_some(is_ready)
        });
        if !found.await? {
            bail!("agent {name} has ended: {}", agent.output());
        }
        self.agents.insert(name, agent);
        self.wait_for_agent(name, AgentStatus::Alive).await
    }

    /// Starts an agent whose containers are nothing but notes.
    pub(crate) async fn null_agent(&self, name: &str, slots: &[(&str, &str)]) -> Result<NullAgent> {
        let options = NullAgentOptions {
            name: name.to_owned(),
            scaling_group: "default".to_owned(),
            slots: amounts(slots)?,
        };
        let agent = NullAgent::start(&self.system.data(), options).await?;
        self.wait_for_agent(name, AgentStatus::Alive).await?;
        Ok(agent)
    }

    /// Kills an agent alone (SIGKILL); what it runs goes on.
    pub(crate) fn kill_agent(&mut self, name: &str) -> Result<()> {
        let mut agent = self.agents.remove(name).context("no such agent runs")?;
        agent.kill_hard()?;
        self.killed.push(agent);
        Ok(())
    }

    /// Stops an agent in order (SIGTERM).
    pub(crate) async fn stop_agent(&mut self, name: &str) -> Result<()> {
        let mut agent = self.agents.remove(name).context("no such agent runs")?;
        agent.terminate()?;
        let status = agent.wait(DEADLINE).await?;
        ensure!(status.success(), "{status}: {}", agent.output());
        self.killed.push(agent);
        Ok(())
    }

    /// Waits until node allocation sees an agent like that.
    pub(crate) async fn wait_for_agent(&self, name: &str, status: AgentStatus) -> Result<()> {
        eventually(DEADLINE, &format!("{name} to be {status:?}"), async || {
            let agents = self.agents().await.ok()?;
            agents.get(name).filter(|agent| agent.status == status)?;
            Some(())
        })
        .await
    }

    /// The agents that node allocation knows.
    pub(crate) async fn agents(&self) -> Result<BTreeMap<String, Agent>> {
        let question = ListAgents {
            limit: ListAgents::PAGE_LIMIT,
            ..ListAgents::default()
        };
        let page = self.caller.ask(&question).await?;
        let agents = page.agents.into_iter();
        Ok(agents.map(|agent| (agent.name.clone(), agent)).collect())
    }

    /// A session by its id or name, over or not.
    pub(crate) async fn find(&self, api: &Api, name: &str) -> Result<ComputeSession> {
        let question = FindComputeSession {
            session: ComputeSessionReference {
                owner: api.access_key().to_owned(),
                name: name.to_owned(),
                or_over: true,
            },
        };
        Ok(self.caller.ask(&question).await?.session)
    }

    /// Waits until a session has come to this status.
    pub(crate) async fn wait_for(
        &self,
        api: &Api,
        name: &str,
        status: ComputeSessionStatus,
    ) -> Result<ComputeSession> {
        self.wait_within(api, name, status, DEADLINE).await
    }

    /// The same with another patience.
    pub(crate) async fn wait_within(
        &self,
        api: &Api,
        name: &str,
        status: ComputeSessionStatus,
        patience: Duration,
    ) -> Result<ComputeSession> {
        let what = format!("{name} to be {}", status.name());
        let found = eventually(patience, &what, async || {
            let session = self.find(api, name).await.ok()?;
            (session.status == status).then_some(session)
        })
        .await;
        match found {
            Ok(session) => Ok(session),
            Err(error) => Err(error.context(format!("{:#?}", self.find(api, name).await))),
        }
    }

    /// Waits until a session waits for this.
    pub(crate) async fn wait_for_reason(&self, api: &Api, name: &str, reason: &str) -> Result<()> {
        let what = format!("{name} to wait for {reason}");
        let found = eventually(DEADLINE, &what, async || {
            let session = self.find(api, name).await.ok()?;
            let info = session.status_info.unwrap_or_default();
            (session.status == ComputeSessionStatus::Pending && info.starts_with(reason))
                .then_some(())
        })
        .await;
        match found {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(format!("{:#?}", self.find(api, name).await))),
        }
    }

    /// All sessions in one of these states, with their containers.
    pub(crate) async fn sessions(
        &self,
        statuses: &[ComputeSessionStatus],
    ) -> Result<Vec<ComputeSession>> {
        let mut all = Vec::new();
        loop {
            let question = ListComputeSessions {
                filter: ComputeSessionFilter {
                    statuses: Some(statuses.to_vec()),
                    ..ComputeSessionFilter::default()
                },
                order: Vec::new(),
                offset: u32::try_from(all.len())?,
                limit: u32::try_from(PAGE)?,
                with_containers: true,
            };
            let page = self.caller.ask(&question).await?;
            let is_last = page.sessions.len() < PAGE;
            all.extend(page.sessions);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The sessions that are not over.
    pub(crate) async fn living(&self) -> Result<Vec<ComputeSession>> {
        let statuses = ComputeSessionStatus::ALL;
        let living: Vec<_> = statuses.into_iter().filter(|one| !one.is_over()).collect();
        self.sessions(&living).await
    }

    /// Waits until what node allocation has lent is what the containers of living sessions have, on each agent.
    pub(crate) async fn slots_add_up(&self) -> Result<()> {
        let look = async || -> Result<()> {
            let mut expected: BTreeMap<String, ResourceSlots> = BTreeMap::new();
            for session in self.living().await? {
                for container in &session.containers {
                    if !container.status.is_over() {
                        let sum = expected.entry(container.agent.clone()).or_default();
                        *sum = sum.plus(&session.slots);
                    }
                }
            }
            for (name, agent) in self.agents().await? {
                let held = expected.remove(&name).unwrap_or_default();
                let equal = held.fits_in(&agent.occupied) && agent.occupied.fits_in(&held);
                ensure!(equal, "{name}: {held:?} instead of {:?}", agent.occupied);
            }
            Ok(())
        };
        let added_up = eventually(DEADLINE, "slots to add up", async || look().await.ok()).await;
        match (added_up, look().await) {
            (Ok(()), _) => Ok(()),
            (Err(error), Err(reason)) => Err(error.context(reason)),
            (Err(error), Ok(())) => Err(error),
        }
    }

    /// Waits until nothing is lent, and no process of any of these sessions runs.
    pub(crate) async fn all_is_free(&self, sessions: &[&str]) -> Result<()> {
        ensure!(self.living().await?.is_empty(), "a session lives");
        self.slots_add_up().await?;
        for session in sessions {
            eventually(
                DEADLINE,
                &format!("processes of {session} to end"),
                async || processes_of(session).is_empty().then_some(()),
            )
            .await?;
        }
        Ok(())
    }

    /// Where this service of a session can be reached.
    pub(crate) fn service_url(session: &ComputeSession, service: &str) -> Result<String> {
        let main = session.containers.first().context("no container")?;
        let mut ports = main.service_ports.iter();
        let port = ports.find(|port| port.name == service);
        let port = port.with_context(|| format!("no {service}: {main:?}"))?;
        let host = main.host.as_deref().context("no host")?;
        Ok(format!("http://{host}:{}/", port.host_port))
    }

    /// Kills a part and starts it again, so that it stops for good at the breakpoint with what comes next.
    pub(crate) async fn restart_with_breakpoint(
        &mut self,
        part: Process,
        breakpoint: &str,
    ) -> Result<()> {
        self.system.stop(part).await?;
        let set = format!("{breakpoint}=return");
        self.system.spawn_with(part, &[("FAILPOINTS", &set)])?;
        self.system.ready(part).await
    }

    fn output(&self) -> String {
        let agents = self.agents.iter();
        let agents: Vec<String> = agents
            .map(|(name, agent)| format!("=== agent {name}\n{}", agent.output()))
            .collect();
        let agents = agents.join("\n");
        let killed: String = self.killed.iter().map(MusterProcess::output).collect();
        format!(
            "{}{agents}\n=== ended agents\n{killed}",
            self.system.output()
        )
    }
}

/// Amounts of slots.
pub(crate) fn amounts(slots: &[(&str, &str)]) -> Result<ResourceSlots> {
    slots
        .iter()
        .map(|(slot, amount)| Ok(((*slot).to_owned(), amount.parse()?)))
        .collect()
}
