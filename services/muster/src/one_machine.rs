//! `muster up`: the broker as a child, every part in this process, and an agent if the site has one for it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use muster_contract::{Part, topology::Limits};
use muster_ingress::Directory;
use muster_messaging::topology;
use muster_node_allocation::Declarations;
use muster_platform::{Settings, Shutdown, settings::ConnectionUrl, shutdown::termination_signal};
use muster_session::SiteSessionHooks;
use tracing::warn;

use crate::{
    agents,
    broker::{Broker, BrokerOptions},
    cli, connect, first_start, parts,
    process::Process,
    running_agent::{RunningAgent, own_of},
};

/// How long the streams may take to be in place at the start.
const TOPOLOGY_DEADLINE: Duration = Duration::from_secs(10);

/// Everything on this machine, until a signal ends it.
pub(crate) async fn up(mut settings: Settings) -> Result<()> {
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals()?;
    let first = first_start::prepare(&mut settings)?;
    // All that the site says is checked before anything is started.
    let site = parts::load_site(&settings)?;
    let directory = Directory::of_site(&site)?;
    let archive_site = parts::ArchiveSite::of_site(&site)?;
    let nodes = Declarations::of_site(&site);
    let session_hooks = SiteSessionHooks::of_site(&site);
    let own_agent = own_of(&settings, &site);
    let broker = start_broker(&mut settings).await?;
    let process = Process::start(settings, "muster")?;
    let stopped = async {
        let (ingress_tasks, service_tasks) = (Shutdown::new(), Shutdown::new());
        let operator =
            connect::connect(&process.settings, Part::Operator, &process.instance).await?;
        put_topology_in_place(&process, operator.clone(), &service_tasks).await?;
        let connect =
            async |part| connect::connect(&process.settings, part, &process.instance).await;
        let archive = connect(Part::JobArchive).await?;
        let allocation = connect(Part::NodeAllocation).await?;
        let sessions = connect(Part::Session).await?;
        let _running = (
            parts::start_job_archive(&process, archive.clone(), archive_site, &service_tasks)
                .await?,
            parts::start_node_allocation(&process, allocation.clone(), nodes, &service_tasks)
                .await?,
            parts::start_session(&process, sessions.clone(), session_hooks, &service_tasks).await?,
        );
        let ingress = connect(Part::Ingress).await?;
        let address =
            parts::start_ingress(&process, ingress.clone(), directory, &ingress_tasks).await?;
        process.health.wait_ready().await;
        let agent = match &own_agent {
            Some(name) => Some(RunningAgent::start(&process, name).await?),
            None => None,
        };
        process.health.wait_ready().await;
        if let Some(first) = &first {
            print!("{}", first.greeting(address));
        }
        println!("muster is ready on http://{address}");

        shutdown.token().cancelled().await;
        // First the requests that are being served, then whoever carries out orders, then the services that both wait for, then the
        // broker.
        parts::drain("ingress", ingress_tasks).await;
        if let Some(agent) = agent {
            agent.stop().await;
        }
        parts::drain("services", service_tasks).await;
        for connection in [ingress, sessions, allocation, archive, operator] {
            connection.close().await;
        }
        anyhow::Ok(())
    };
    let result = tokio::select! {
        result = stopped => result,
        () = broker.supervise() => bail!("the broker was stopped"),
        // A second signal: at once.
        () = second_signal(&shutdown) => Err(anyhow::anyhow!("stopped at once by a second signal")),
    };
    broker.stop().await?;
    process.end().await;
    result
}

/// The broker of one machine alone, with its topology, for parts in processes of their own.
pub(crate) async fn broker_alone(mut settings: Settings) -> Result<()> {
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals()?;
    let broker = start_broker(&mut settings).await?;
    let process = Process::start(settings, "muster-broker")?;
    let running = async {
        let tasks = Shutdown::new();
        let operator =
            connect::connect(&process.settings, Part::Operator, &process.instance).await?;
        put_topology_in_place(&process, operator.clone(), &tasks).await?;
        println!("the broker is ready on {}", broker.url());
        shutdown.token().cancelled().await;
        parts::drain("topology", tasks).await;
        operator.close().await;
        anyhow::Ok(())
    };
    let result = tokio::select! {
        result = running => result,
        () = broker.supervise() => bail!("the broker was stopped"),
        () = second_signal(&shutdown) => Err(anyhow::anyhow!("stopped at once by a second signal")),
    };
    broker.stop().await?;
    process.end().await;
    result
}

async fn start_broker(settings: &mut Settings) -> Result<Broker> {
    if let Some(url) = &settings.nats.url {
        bail!(
            "nats.url is set ({url}): this command starts a broker of its own; use the parts' own commands with a broker that is there"
        );
    }
    let broker = Broker::start(BrokerOptions {
        data_directory: settings.data_directory.clone(),
        server_binary: settings.nats.server_binary.clone(),
        port: Some(settings.nats.port).filter(|port| *port != 0),
        configuration: cli::authorization(settings)?,
    })
    .await
    .context("the broker does not start")?;
    settings.nats.url = Some(ConnectionUrl::new(broker.url()));
    Ok(broker)
}

/// Returns once the streams are there; they are looked after from then on.
async fn put_topology_in_place(
    process: &Process,
    operator: muster_messaging::Broker,
    tasks: &Shutdown,
) -> Result<()> {
    let limits: Limits = parts::limits(&process.settings)?;
    let agents = agents::names(&process.settings)?;
    let deadline = tokio::time::Instant::now() + TOPOLOGY_DEADLINE;
    while let Err(error) = topology::apply(&operator, &limits, &agents).await {
        if tokio::time::Instant::now() > deadline {
            return Err(error).context("the streams cannot be made");
        }
        // JetStream may still be reading its files.
        warn!(target: "muster", %error, "the streams are not in place yet");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stop = tasks.token();
    let keeping = topology::keep_applied(operator, limits, agents, stop);
    tasks.spawn("topology", keeping);
    Ok(())
}

async fn second_signal(shutdown: &Shutdown) {
    shutdown.token().cancelled().await;
    if termination_signal().await.is_err() {
        std::future::pending::<()>().await;
    }
}
