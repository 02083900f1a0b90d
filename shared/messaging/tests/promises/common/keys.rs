//! A broker that knows each part, and two agents, by their keys.

use std::{collections::HashMap, sync::Arc};

use muster_contract::{Part, Service, permissions::server_configuration};
use muster_messaging::{Broker, BrokerOptions, Environment, Foundation, ServiceOptions};
use muster_platform::{Health, RandomIds, SystemClock};
use muster_storage::{Database, Location, StorageOptions};
use muster_telemetry::Metrics;
use muster_testkit::{DEADLINE, NatsOptions, NatsServer};
use nkeys::KeyPair;

use super::{
    World,
    ingress::{ClientSetup, Ingress},
    service::MIGRATIONS,
};

/// A key for each part, and one for each of two agents.
pub(crate) struct Keys {
    parts: HashMap<Part, KeyPair>,
    agents: HashMap<&'static str, KeyPair>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let parts = Part::ALL.iter().map(|part| (*part, KeyPair::new_user()));
        let agents = ["a", "n1.dusty"].map(|agent| (agent, KeyPair::new_user()));
        Self {
            parts: parts.collect(),
            agents: agents.into(),
        }
    }

    pub(crate) async fn server(&self) -> NatsServer {
        let agents: Vec<(String, String)> = self
            .agents
            .iter()
            .map(|(agent, key)| ((*agent).to_owned(), key.public_key()))
            .collect();
        let of_part = |part| self.parts[&part].public_key();
        let configuration = server_configuration(of_part, &agents, &[]);
        NatsServer::start_with(NatsOptions {
            configuration,
            ..NatsOptions::default()
        })
        .await
        .unwrap()
    }

    pub(crate) fn seed(&self, part: Part) -> String {
        self.parts[&part].seed().unwrap()
    }

    pub(crate) fn agents_seed(&self, agent: &str) -> String {
        self.agents[agent].seed().unwrap()
    }

    pub(crate) async fn client(&self, world: &World, part: Part) -> Ingress {
        Ingress::start(ClientSetup {
            key_seed: Some(self.seed(part)),
            ..world.client_setup(part)
        })
        .await
    }
}

/// What a service runs on, with the key of its part.
pub(crate) async fn foundation(
    world: &World,
    keys: &Keys,
    service: Service,
    health: &Health,
) -> Foundation {
    let broker = Broker::connect(BrokerOptions {
        url: world.nats.url(),
        part: service.part(),
        key_seed: Some(keys.seed(service.part())),
        instance: "one".to_owned(),
        connect_deadline: DEADLINE,
    })
    .await
    .unwrap();
    let location = match world.location.clone() {
        Location::Sqlite(path) => Location::Sqlite(path.with_file_name(service.name())),
        Location::Postgres { url, .. } => Location::Postgres {
            url,
            schema: service.schema().to_owned(),
        },
    };
    let options = StorageOptions::new(location);
    Foundation {
        broker,
        database: Database::open(&options, &MIGRATIONS).await.unwrap(),
        options: ServiceOptions::default(),
        environment: Environment {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        },
        metrics: Metrics::new(service.name(), "test").unwrap(),
        health: health.clone(),
    }
}
