//! What Docker is to run: pure rules.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkingConfig, PortBinding,
};
use muster_contract::Amount;
use muster_contract::agent::{ClusterPlace, ServicePort, StartContainer};
use muster_contract::resource_slots::{CPU, MEMORY};

use super::engine::{CONTAINER_LABEL, OWNER_LABEL, SESSION_LABEL};

/// The home directory of a container, which outlives a start anew (`api/backendai.md` §2: folders are below it).
pub(in crate::containers) const HOME: &str = "/home/work";

/// Where the agent and an interpreter meet.
pub(in crate::containers) const CODE_PLACE: &str = "/muster";

/// Runs the bootstrap script, its `$0`, and then the main process.
const BOOTSTRAP: &str = r#"sh -c "$0" || exit; : >/muster/begun; exec "$@""#;

/// Docker's own log of a container is kept this short; the agent shows the end of it.
const LOG_SIZE: &str = "8m";

/// Processors in Docker's unit.
const NANO: u64 = 1_000_000_000;

/// What a container is made from.
pub(super) struct Creation<'a> {
    pub(super) order: &'a StartContainer,
    /// What Docker calls the image.
    pub(super) image: &'a str,
    /// The main process.
    pub(super) main: &'a [String],
    pub(super) words: &'a BTreeMap<String, String>,
    /// Its ports, and those of the machine that lead there.
    pub(super) ports: &'a [ServicePort],
    pub(super) published_on: &'a str,
    /// The home directory on the machine.
    pub(super) home: &'a Path,
    /// [`CODE_PLACE`] on the machine.
    pub(super) code: &'a Path,
    /// Folders on the machine, and where each is below the home directory.
    pub(super) folders: &'a [(PathBuf, String)],
    /// The session's network, if it has one.
    pub(super) network: Option<&'a str>,
    pub(super) owner: &'a str,
    pub(super) agent: &'a str,
}

impl Creation<'_> {
    /// What Docker is asked for.
    pub(super) fn body(&self) -> ContainerCreateBody {
        let order = self.order;
        let program = match &order.bootstrap_script {
            Some(script) => ["sh", "-c", BOOTSTRAP, script]
                .into_iter()
                .map(str::to_owned)
                .chain(self.main.iter().cloned())
                .collect(),
            None => self.main.to_vec(),
        };
        let labels = [
            (OWNER_LABEL, self.owner.to_owned()),
            (CONTAINER_LABEL, order.container.to_string()),
            (SESSION_LABEL, order.session.to_string()),
        ];
        let exposed = self.ports.iter().map(|port| tcp(port.container_port));
        let words = self.words.iter();
        ContainerCreateBody {
            image: Some(self.image.to_owned()),
            hostname: Some(order.place.hostname.clone()),
            entrypoint: Some(program),
            cmd: Some(Vec::new()),
            env: Some(
                words
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect(),
            ),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
            working_dir: Some(HOME.to_owned()),
            exposed_ports: Some(exposed.collect()),
            host_config: Some(self.host()),
            networking_config: self.network.map(|network| {
                let endpoint = EndpointSettings {
                    aliases: Some(vec![order.place.hostname.clone()]),
                    ..EndpointSettings::default()
                };
                NetworkingConfig {
                    endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
                }
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn host(&self) -> HostConfig {
        let bytes = amount(self.order, MEMORY);
        let bytes = bytes.and_then(|amount| i64::try_from(amount.decimal().floor()).ok());
        let cores = amount(self.order, CPU).and_then(|amount| {
            let cores = amount.decimal().checked_mul(NANO.into())?;
            i64::try_from(cores.floor()).ok()
        });
        let bindings = self.ports.iter().map(|port| {
            let binding = PortBinding {
                host_ip: Some(self.published_on.to_owned()),
                host_port: Some(port.host_port.to_string()),
            };
            (tcp(port.container_port), Some(vec![binding]))
        });
        let folders = self.folders.iter();
        let folders = folders.map(|(folder, path)| mount(folder, &format!("{HOME}/{path}")));
        let mounts = [mount(self.home, HOME), mount(self.code, CODE_PLACE)];
        HostConfig {
            memory: bytes,
            // As much again of swap would be twice of what it may have.
            memory_swap: bytes,
            nano_cpus: cores,
            // A process of number 1 that ends its children and hears SIGTERM.
            init: Some(true),
            port_bindings: Some(bindings.collect()),
            mounts: Some(mounts.into_iter().chain(folders).collect()),
            network_mode: self.network.map(str::to_owned),
            extra_hosts: Some(others(&self.order.place, self.agent)),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([(
                    "max-size".to_owned(),
                    LOG_SIZE.to_owned(),
                )])),
            }),
            ..HostConfig::default()
        }
    }
}

/// What is asked of a slot, if it is anything.
fn amount(order: &StartContainer, slot: &str) -> Option<Amount> {
    let amount = order.slots.get(slot);
    (!amount.is_zero()).then_some(amount)
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

fn mount(from: &Path, to: &str) -> Mount {
    Mount {
        source: Some(from.display().to_string()),
        target: Some(to.to_owned()),
        typ: Some(MountType::BIND),
        ..Mount::default()
    }
}

/// The containers of the session that other agents have: their names lead to where those agents are reached. Those of this agent
/// are found by their network.
fn others(place: &ClusterPlace, agent: &str) -> Vec<String> {
    let places = place.hostnames.iter().zip(&place.agents);
    let places = places.zip(&place.addresses);
    places
        .filter(|((_, other), _)| *other != agent)
        .filter(|(_, address)| {
            // In a container the loopback address is the container itself.
            let address = address.parse::<IpAddr>();
            address.is_ok_and(|address| !address.is_loopback())
        })
        .map(|((hostname, _), address)| format!("{hostname}:{address}"))
        .collect()
}

/// The ports as the container itself has them.
pub(in crate::containers) fn inside(ports: &[ServicePort]) -> Vec<ServicePort> {
    let own = |port: &ServicePort| ServicePort {
        host_port: port.container_port,
        ..port.clone()
    };
    ports.iter().map(own).collect()
}

#[cfg(test)]
mod tests {
    use muster_contract::{ResourceSlots, agent::ServiceProtocol};

    use super::*;
    use crate::containers::testing::order;

    fn of<'a>(
        order: &'a StartContainer,
        main: &'a [String],
        ports: &'a [ServicePort],
    ) -> Creation<'a> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Creation {
            order,
            image: "busybox",
            main,
            words: &NONE,
            ports,
            published_on: "127.0.0.1",
            home: Path::new("/state/scratch"),
            code: Path::new("/state/code"),
            folders: &[],
            network: None,
            owner: "me",
            agent: "a1",
        }
    }

    #[test]
    fn what_was_ordered_is_asked_of_docker() {
        let mut order = order(&[], Some("http"));
        order.slots = ResourceSlots::from_iter([
            ("cpu".to_owned(), "1.5".parse().unwrap()),
            ("mem".to_owned(), Amount::from(64 << 20)),
        ]);
        let ports = [ServicePort {
            name: "http".to_owned(),
            protocol: ServiceProtocol::Http,
            container_port: 8000,
            host_port: 20_001,
        }];
        let main = ["serve".to_owned()];
        let folders = [(PathBuf::from("/folders/demo/data"), "in/data".to_owned())];
        let creation = Creation {
            folders: &folders,
            ..of(&order, &main, &ports)
        };
        let body = creation.body();
        assert_eq!(body.entrypoint.as_deref(), Some(main.as_slice()));
        assert_eq!(body.hostname.as_deref(), Some("main1"));
        assert_eq!(body.labels.unwrap()[OWNER_LABEL], "me");
        let host = body.host_config.unwrap();
        assert_eq!(
            (host.memory, host.memory_swap),
            (Some(64 << 20), Some(64 << 20))
        );
        assert_eq!(host.nano_cpus, Some(1_500_000_000));
        let bound = host.port_bindings.unwrap()["8000/tcp"].clone().unwrap();
        assert_eq!(bound[0].host_port.as_deref(), Some("20001"));
        let mounts = host.mounts.unwrap();
        let folder = mounts.last().unwrap();
        assert_eq!(folder.target.as_deref(), Some("/home/work/in/data"));
        assert_eq!(host.network_mode, None);
        assert_eq!(inside(&ports)[0].host_port, 8000);
    }

    #[test]
    fn a_bootstrap_script_comes_first() {
        let mut order = order(&[], None);
        order.bootstrap_script = Some("echo first".to_owned());
        let main = ["sleep".to_owned(), "1".to_owned()];
        let body = of(&order, &main, &[]).body();
        let program = body.entrypoint.unwrap();
        assert_eq!(program.last().map(String::as_str), Some("1"));
        assert!(program.contains(&"echo first".to_owned()) && BOOTSTRAP.contains(CODE_PLACE));
        // Nothing is no limit.
        let host = body.host_config.unwrap();
        assert_eq!((host.memory, host.nano_cpus), (None, None));
    }

    #[test]
    fn the_others_of_a_session_have_addresses() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let place = ClusterPlace {
            index: 0,
            hostname: "main1".to_owned(),
            hostnames: words(&["main1", "sub1", "sub2", "sub3", "sub4"]),
            agents: words(&["a1", "a1", "a2", "a3", "a4"]),
            addresses: words(&["10.0.0.1", "10.0.0.1", "10.0.0.2", "127.0.0.1", "n4.dusty"]),
        };
        assert_eq!(others(&place, "a1"), ["sub2:10.0.0.2"]);
    }
}
