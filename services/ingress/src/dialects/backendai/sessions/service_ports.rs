//! What can be reached in a session.

use muster_contract::agent::ServiceProtocol;
use muster_contract::session::ComputeSession;
use serde::Serialize;
use utoipa::ToSchema;

/// Something in a session that can be reached.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ServicePort {
    /// Its name.
    #[schema(example = "jupyter")]
    name: String,
    /// `tcp`, `http` or `pty`.
    #[schema(example = "http")]
    protocol: &'static str,
    /// Its ports in the container.
    ports: [u16; 1],
    /// The same.
    container_ports: [u16; 1],
    /// Where they are reached on the agent's host.
    host_ports: [u16; 1],
    /// The agent's host.
    host: Option<String>,
}

impl ServicePort {
    /// Those of the main container; none before it runs.
    pub(crate) fn of(session: &ComputeSession) -> Vec<Self> {
        let Some(main) = session.containers.first() else {
            return Vec::new();
        };
        let ports = main.service_ports.iter().map(|port| Self {
            name: port.name.clone(),
            protocol: protocol(port.protocol),
            ports: [port.container_port],
            container_ports: [port.container_port],
            host_ports: [port.host_port],
            host: main.host.clone(),
        });
        ports.collect()
    }
}

fn protocol(protocol: ServiceProtocol) -> &'static str {
    match protocol {
        ServiceProtocol::Tcp => "tcp",
        ServiceProtocol::Http => "http",
        ServiceProtocol::Pty => "pty",
    }
}
