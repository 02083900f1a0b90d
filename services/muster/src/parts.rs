//! Starts the parts: the same code whether each has a process of its own or all share one.

use std::{fs, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use muster_contract::{Part, Service, topology::Limits};
use muster_ingress::{Directory, IngressParts};
use muster_job_archive::{ArchiveFiles, ArchivePlace, Producers, SiteClusters};
use muster_messaging::{
    Broker, CommandClient, CommandClientOptions, EventTail, Foundation, QueryClient,
    QueryClientOptions, Running, ServiceOptions,
};
use muster_node_allocation::{Declarations, Times};
use muster_platform::{
    Settings, Shutdown, settings::ServiceSettings, shutdown::Drained, site::Site,
};
use muster_session::SiteSessionHooks;
use muster_storage::{Database, Location, StorageOptions};
use tracing::{info, warn};

use crate::{agents, connect, operators_server, process::Process, token_key_file};

/// How long the tasks of a part may take to finish what they have begun.
pub(crate) const DRAIN_DEADLINE: Duration = Duration::from_secs(15);

/// Bytes that one answer to a query may have.
const ANSWER_LIMIT: usize = 256 * 1024 * 1024;

/// Runs one part until a signal ends it.
pub(crate) async fn run(settings: Settings, part: Part) -> Result<()> {
    let process = Process::start(settings, &format!("muster-{part}"))?;
    let shutdown = Shutdown::new();
    shutdown.listen_for_signals()?;
    let result = run_until_stopped(&process, part, &shutdown).await;
    shutdown.trigger();
    process.end().await;
    result
}

async fn run_until_stopped(process: &Process, part: Part, shutdown: &Shutdown) -> Result<()> {
    let settings = &process.settings;
    let tasks = Shutdown::new();
    if let Some(address) = settings.admin.listen {
        let bound = operators_server::start(address, process, &tasks).await?;
        println!("{part}: health and metrics on http://{bound}");
    }
    let site = load_site(settings)?;
    let broker = connect::connect(settings, part, &process.instance).await?;
    match part {
        Part::Ingress => {
            let directory = Directory::of_site(&site)?;
            let address = start_ingress(process, broker.clone(), directory, &tasks).await?;
            println!("muster is ready on http://{address}");
            shutdown.token().cancelled().await;
        }
        Part::Session => {
            let hooks = SiteSessionHooks::of_site(&site);
            let _running = start_session(process, broker.clone(), hooks, &tasks).await?;
            serve(process, part, shutdown).await;
        }
        Part::NodeAllocation => {
            let nodes = Declarations::of_site(&site);
            let _running = start_node_allocation(process, broker.clone(), nodes, &tasks).await?;
            serve(process, part, shutdown).await;
        }
        Part::JobArchive => {
            let archive = ArchiveSite::of_site(&site)?;
            let _running = start_job_archive(process, broker.clone(), archive, &tasks).await?;
            serve(process, part, shutdown).await;
        }
        Part::Operator => bail!("the operator is no process"),
    }
    drain(part.name(), tasks).await;
    broker.close().await;
    Ok(())
}

/// Says when the service takes commands, and waits for the end.
async fn serve(process: &Process, part: Part, shutdown: &Shutdown) {
    process.health.wait_ready().await;
    println!("{part} is ready");
    shutdown.token().cancelled().await;
}

/// Waits for the tasks to end in order.
pub(crate) async fn drain(name: &str, tasks: Shutdown) {
    match tasks.drain(DRAIN_DEADLINE).await {
        Drained::Clean => info!(target: "muster", part = name, "stopped in order"),
        Drained::TimedOut(running) => {
            warn!(target: "muster", part = name, ?running, "stopped with tasks still running");
        }
    }
}

/// Starts the ingress; it serves on the returned address.
pub(crate) async fn start_ingress(
    process: &Process,
    broker: Broker,
    directory: Directory,
    tasks: &Shutdown,
) -> Result<SocketAddr> {
    let settings = &process.settings.ingress;
    let health = process.health.register("ingress: broker");
    tasks.spawn(
        "ingress: broker",
        broker.clone().report(health, tasks.token()),
    );
    let commands = CommandClient::start(
        broker.clone(),
        CommandClientOptions {
            waiter_limit: settings.waiter_limit,
        },
        process.environment.clone(),
        process.telemetry.metrics(),
        tasks,
    )
    .await?;
    let compute_events = EventTail::start(&broker, tasks).await?;
    let queries = QueryClient::start(
        broker,
        QueryClientOptions {
            waiter_limit: settings.waiter_limit,
            answer_limit: ANSWER_LIMIT,
        },
        process.environment.clone(),
        tasks,
    )
    .await?;
    let parts = IngressParts {
        settings: settings.clone(),
        commands,
        queries,
        compute_events,
        directory,
        token_key: token_key_file::token_key(&process.settings)?,
        health: process.health.clone(),
        metrics: process.telemetry.metrics().clone(),
        environment: process.environment.clone(),
    };
    Ok(muster_ingress::start(process.settings.listen, parts, tasks).await?)
}

/// What the site says to the job archive.
pub(crate) struct ArchiveSite {
    clusters: SiteClusters,
    producers: Producers,
}

impl ArchiveSite {
    /// Checked.
    pub(crate) fn of_site(site: &Site) -> Result<Self> {
        Ok(Self {
            clusters: clusters(site)?,
            producers: Producers::of_site(site),
        })
    }
}

/// Starts the job archive; what is returned must be kept while it runs.
pub(crate) async fn start_job_archive(
    process: &Process,
    broker: Broker,
    site: ArchiveSite,
    tasks: &Shutdown,
) -> Result<Running> {
    let foundation = foundation(process, broker, Service::JobArchive).await?;
    let archive = archive_files(&process.settings)?;
    let settings = &process.settings.job_archive;
    let ArchiveSite {
        clusters,
        producers,
    } = site;
    Ok(
        muster_job_archive::start(foundation, clusters, producers, archive, settings, tasks)
            .await?,
    )
}

/// Starts the session service; what is returned must be kept while it runs.
pub(crate) async fn start_session(
    process: &Process,
    broker: Broker,
    hooks: SiteSessionHooks,
    tasks: &Shutdown,
) -> Result<Running> {
    let foundation = foundation(process, broker, Service::Session).await?;
    let settings = &process.settings.session;
    Ok(muster_session::start(foundation, hooks, settings, tasks).await?)
}

/// Starts node allocation; what is returned must be kept while it runs.
pub(crate) async fn start_node_allocation(
    process: &Process,
    broker: Broker,
    nodes: Declarations,
    tasks: &Shutdown,
) -> Result<Running> {
    let foundation = foundation(process, broker, Service::NodeAllocation).await?;
    let settings = &process.settings.node_allocation;
    let times = Times {
        lease_retention: settings.lease_retention,
        agent_timeout: settings.agent_timeout,
    };
    Ok(muster_node_allocation::start(foundation, nodes, times, tasks).await?)
}

/// What the service runs on.
async fn foundation(process: &Process, broker: Broker, service: Service) -> Result<Foundation> {
    let settings = &process.settings;
    Ok(Foundation {
        broker,
        database: open_database(settings, service).await?,
        options: ServiceOptions {
            batch_limit: of_service(settings, service).batch_limit,
            ..ServiceOptions::default()
        },
        environment: process.environment.clone(),
        metrics: process.telemetry.metrics().clone(),
        health: process.health.clone(),
    })
}

/// The section of the service.
fn of_service(settings: &Settings, service: Service) -> ServiceSettings {
    match service {
        Service::Session => settings.session.service(),
        Service::NodeAllocation => settings.node_allocation.service(),
        Service::JobArchive => settings.job_archive.service(),
    }
}

/// Opens the database of a service and brings its tables up to date.
pub(crate) async fn open_database(settings: &Settings, service: Service) -> Result<Database> {
    let location = match &settings.storage.url {
        Some(url) => Location::Postgres {
            url: url.reveal().to_owned(),
            schema: service.schema().to_owned(),
        },
        None => Location::Sqlite(settings.data_directory.join(format!("{service}.sqlite"))),
    };
    let options = StorageOptions {
        read_connections: settings.storage.read_connections,
        ..StorageOptions::new(location)
    };
    let migrations = match service {
        Service::Session => &muster_session::MIGRATIONS,
        Service::NodeAllocation => &muster_node_allocation::MIGRATIONS,
        Service::JobArchive => &muster_job_archive::MIGRATIONS,
    };
    Ok(Database::open(&options, migrations).await?)
}

/// The archive of jobs.
pub(crate) fn archive_files(settings: &Settings) -> Result<ArchiveFiles> {
    let place =
        ArchivePlace::parse(&settings.archive_place()).context("job_archive.archive_url")?;
    Ok(ArchiveFiles::open(place)?)
}

/// The site file, or an empty site where there is none.
pub(crate) fn load_site(settings: &Settings) -> Result<Site> {
    match &settings.site {
        Some(path) => Ok(Site::load(path)?),
        None => Ok(Site::default()),
    }
}

/// The cluster descriptions that the site names, checked.
fn clusters(site: &Site) -> Result<SiteClusters> {
    let documents: Result<Vec<String>> = site
        .cluster_files
        .iter()
        .map(|path| {
            fs::read_to_string(path).with_context(|| {
                format!("the cluster description {} cannot be read", path.display())
            })
        })
        .collect();
    SiteClusters::new(documents?).with_context(|| {
        let paths = (1..).zip(&site.cluster_files);
        let list: Vec<String> = paths
            .map(|(number, path)| format!("{number}: {}", path.display()))
            .collect();
        format!("the site's clusters ({})", list.join(", "))
    })
}

/// The limits of the streams.
pub(crate) fn limits(settings: &Settings) -> Result<Limits> {
    let command_bytes = |service: Service| {
        let bytes = of_service(settings, service).command_stream_limit.as_u64();
        i64::try_from(bytes).with_context(|| format!("{}.command_stream_limit", service.schema()))
    };
    let bytes =
        |key: &str, bytes: u64| i64::try_from(bytes).with_context(|| format!("job_archive.{key}"));
    Ok(Limits {
        replicas: settings.nats.replicas,
        session_command_bytes: command_bytes(Service::Session)?,
        node_allocation_command_bytes: command_bytes(Service::NodeAllocation)?,
        job_archive_command_bytes: command_bytes(Service::JobArchive)?,
        producers: agents::site(settings)?.producer_subjects(),
        job_event_bytes: bytes(
            "job_event_stream_limit",
            settings.job_archive.job_event_stream_limit.as_u64(),
        )?,
        metric_bytes: bytes(
            "metric_stream_limit",
            settings.job_archive.metric_stream_limit.as_u64(),
        )?,
        ..Limits::default()
    })
}
