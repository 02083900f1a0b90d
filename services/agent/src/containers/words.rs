//! The words that the programs of a container are given: arguments and environment variables.

use std::{collections::BTreeMap, path::Path};

use muster_contract::agent::{ServicePort, ServiceProtocol, StartContainer};

use super::{
    docker::{HOME, inside},
    processes::CONTAINER_VARIABLE,
};

/// Of the agent's own environment a container has these, and no others: there may be passwords among them.
const INHERITED: [&str; 6] = ["PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ"];

/// What the containers of a session are for.
const MAIN_ROLE: &str = "main";
const SUB_ROLE: &str = "sub";

/// The environment of the container's programs. What says where it is cannot be set by anybody else.
pub(super) fn environment(
    order: &StartContainer,
    ports: &[ServicePort],
    scratch: &Path,
) -> BTreeMap<String, String> {
    let inherited = INHERITED
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    with(order, ports, scratch, inherited.collect())
}

/// The same in Docker, where what is inherited is the image's.
pub(super) fn environment_in_docker(
    order: &StartContainer,
    ports: &[ServicePort],
) -> BTreeMap<String, String> {
    with(order, &inside(ports), Path::new(HOME), BTreeMap::new())
}

fn with(
    order: &StartContainer,
    ports: &[ServicePort],
    home: &Path,
    mut words: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    words.insert("HOME".to_owned(), home.display().to_string());
    words.extend(order.image.environ.clone());
    words.extend(order.environ.clone());
    words.extend(place(order));
    for port in ports {
        words.insert(port_variable(&port.name), port.host_port.to_string());
    }
    // Neither a name with `=` nor anything that has a NUL in it can be handed to a program.
    words.retain(|name, _| !name.is_empty() && !name.contains(['=', '\0']));
    for value in words.values_mut() {
        *value = value.replace('\0', "\u{fffd}");
    }
    words
}

fn place(order: &StartContainer) -> [(String, String); 9] {
    let place = &order.place;
    let index = place.index;
    // Counted within the role, from 1.
    let (role, number) = if index == 0 {
        (MAIN_ROLE, 1)
    } else {
        (SUB_ROLE, index)
    };
    let container = order.container.to_string();
    [
        ("BACKENDAI_CLUSTER_SIZE", place.hostnames.len().to_string()),
        ("BACKENDAI_CLUSTER_HOSTS", place.hostnames.join(",")),
        ("BACKENDAI_CLUSTER_HOST", place.hostname.clone()),
        ("BACKENDAI_CLUSTER_ROLE", role.to_owned()),
        ("BACKENDAI_CLUSTER_IDX", number.to_string()),
        ("BACKENDAI_SESSION_ID", order.session.to_string()),
        ("BACKENDAI_SESSION_NAME", order.session_name.clone()),
        ("BACKENDAI_KERNEL_ID", container.clone()),
        (CONTAINER_VARIABLE, container),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// `MUSTER_PORT_HTTP`.
fn port_variable(service: &str) -> String {
    let name = service.to_ascii_uppercase();
    let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    format!("MUSTER_PORT_{name}")
}

/// The main process: the image's command, or the one of a batch session.
pub(super) fn command(order: &StartContainer, ports: &[ServicePort]) -> Vec<String> {
    match &order.startup_command {
        Some(script) => vec!["sh".to_owned(), "-c".to_owned(), script.clone()],
        None => filled(&order.image.command, ports),
    }
}

/// With the ports in place: `{port:http}`.
pub(super) fn filled(command: &[String], ports: &[ServicePort]) -> Vec<String> {
    let fill = |word: &String| {
        ports.iter().fold(word.clone(), |word, port| {
            word.replace(
                &format!("{{port:{}}}", port.name),
                &port.host_port.to_string(),
            )
        })
    };
    command.iter().map(fill).collect()
}

/// What can be reached, at these ports of the machine.
pub(super) fn service_ports(order: &StartContainer, host_ports: &[u16]) -> Vec<ServicePort> {
    let services = order.image.services.iter();
    let services = services.map(|service| (service.name.clone(), service.protocol, service.port));
    let opened = order.preopen_ports.iter();
    let opened = opened.map(|port| (port.to_string(), ServiceProtocol::Tcp, *port));
    let reached = services.chain(opened).zip(host_ports);
    reached
        .map(
            |((name, protocol, container_port), host_port)| ServicePort {
                name,
                protocol,
                container_port,
                host_port: *host_port,
            },
        )
        .collect()
}

/// How many of them there are.
pub(super) fn port_count(order: &StartContainer) -> usize {
    order.image.services.len() + order.preopen_ports.len()
}

/// Those that answer once the container has started: its image's. What is opened besides, and a batch session's, is up to what the
/// session runs.
pub(super) fn awaited<'a>(order: &StartContainer, ports: &'a [ServicePort]) -> &'a [ServicePort] {
    let count = match order.startup_command {
        Some(_) => 0,
        None => order.image.services.len(),
    };
    ports.get(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use muster_contract::agent::ClusterPlace;

    use super::*;
    use crate::containers::testing::order;

    #[test]
    fn a_container_is_told_who_it_is() {
        let mut order = order(
            &["serve", "--port={port:web-ui}", "{port:none}"],
            Some("web-ui"),
        );
        order.image.environ =
            BTreeMap::from([("A".into(), "image".into()), ("B".into(), "1".into())]);
        order.environ = BTreeMap::from([
            ("A".into(), "session\0".into()),
            ("BACKENDAI_CLUSTER_SIZE".into(), "99".into()),
            ("NO=NAME".into(), String::new()),
        ]);
        order.preopen_ports = vec![9000];
        order.place = ClusterPlace {
            index: 2,
            hostname: "sub2".to_owned(),
            hostnames: ["main1", "sub1", "sub2"].map(str::to_owned).to_vec(),
            agents: Vec::new(),
            addresses: Vec::new(),
        };
        let ports = service_ports(&order, &[20_001, 20_002]);
        assert_eq!(port_count(&order), 2);
        assert_eq!(awaited(&order, &ports).len(), 1);
        let words = environment(&order, &ports, Path::new("/scratch"));
        let of = |name: &str| words.get(name).map(String::as_str);
        let id = order.container.to_string();
        for (name, value) in [
            ("A", "session\u{fffd}"),
            ("B", "1"),
            ("HOME", "/scratch"),
            ("BACKENDAI_CLUSTER_SIZE", "3"),
            ("BACKENDAI_CLUSTER_HOSTS", "main1,sub1,sub2"),
            ("BACKENDAI_CLUSTER_HOST", "sub2"),
            ("BACKENDAI_CLUSTER_ROLE", "sub"),
            ("BACKENDAI_CLUSTER_IDX", "2"),
            ("BACKENDAI_CONTAINER_ID", id.as_str()),
            ("MUSTER_PORT_WEB_UI", "20001"),
            ("MUSTER_PORT_9000", "20002"),
        ] {
            assert_eq!(of(name), Some(value), "{name}");
        }
        assert!(of("PATH").is_some());
        let in_docker = environment_in_docker(&order, &ports);
        assert_eq!(in_docker["HOME"], HOME);
        assert_eq!(in_docker["MUSTER_PORT_WEB_UI"], "8000");
        assert_eq!(in_docker.get("PATH"), None);
        assert_eq!(of("NO=NAME"), None);
        // The tests themselves run with settings, such as where nats-server is.
        assert!(
            words
                .keys()
                .all(|name| !name.starts_with("MUSTER_TEST") && !name.starts_with("CARGO"))
        );
        assert_eq!(
            command(&order, &ports),
            ["serve", "--port=20001", "{port:none}"]
        );
        order.startup_command = Some("make".to_owned());
        assert_eq!(command(&order, &ports), ["sh", "-c", "make"]);
        assert!(awaited(&order, &ports).is_empty());
    }
}
